import pytest, schemathesis, base64, os
from schemathesis.config import SchemathesisConfig
from web_server import serve
from credenza.connectors import Catalogue
from credenza.web.app import DESCRIBED
from credenza.web.openapi import describe
from credenza.settings import Settings, open_credenza
from credenza.model import Role
import json
config = SchemathesisConfig.from_dict({
          "generation": {"max-examples": int(os.environ.get("MAXEX","15")), "deterministic": True, "no-shrink": True},
})
schema = schemathesis.openapi.from_dict(json.loads(json.dumps(describe(DESCRIBED, Catalogue.load(), lenient=False))), config=config)
@pytest.fixture(scope="module")
def server(tmp_path_factory):
    os.environ["KKK"]=base64.b64encode(os.urandom(32)).decode()
    service = open_credenza(Settings.read({}, store=f"sqlite:///{tmp_path_factory.mktemp('st')}/credenza.db", kek="env://KKK", access_log=False), serving=True, create=True)
    key = service.accounts.create_key(service.tenant(), Role.ADMIN, by="t").token.reveal()
    with serve(service) as url: yield url, key
    service.close()
@schema.parametrize()
def test_x(case, server):
    url,key=server
    case.call_and_validate(base_url=url, headers={"X-Authorization": key})
