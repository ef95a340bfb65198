"""What few servers need is made when first asked for, once, and answers as if it had always been there."""

import asyncio
import subprocess
import sys

import pytest
from litestar.testing import TestClient

from credenza.web.app import create_app
from credenza.web.later import Later

LOADED = """
import sys
from credenza.web.app import create_app
print([name for name in sys.modules if name.startswith(("credenza.web.templates.i", "credenza.web.openapi",
    "credenza.web.setup", "credenza.web.packages.", "credenza.plans.packages.", "jinja2"))])
"""


def test_a_server_that_serves_integrations_alone_loads_neither_templates_nor_packages_nor_the_document():
    told = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, check=True, text=True)

    # Which paths are of packages must be known before.
    assert told.stdout.strip() == "['credenza.web.packages.presence']"


def test_the_second_application_is_made_once_however_many_ask_for_it_at_once():
    made, asked = [], []

    async def second(scope, _receive, _send):
        asked.append(scope["path"])

    def make():
        made.append(second)
        return second

    async def ask():
        async def first(_scope, _receive, _send):
            pytest.fail("this path is not of the first application")

        later = Later(first, lambda path: path == "/later", make)
        await asyncio.gather(*(later({"type": "http", "path": "/later"}, None, None) for _ in range(20)))

    asyncio.run(ask())

    assert (len(made), len(asked)) == (1, 20)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/integrations", 401),
        ("GET", "/integrations/none/none", 404),
        ("PUT", "/integrations", 405),
        ("OPTIONS", "/integrations", 204),
        ("GET", "/api/integrations/none", 401),
        ("GET", "/api/integrations/none/none", 404),
        ("GET", "/api/integration-installs", 401),
        ("PUT", "/api/integration-installs", 405),
        ("GET", "/api/integrations/provider", 401),
        ("GET", "/api/integrations", 401),
        ("GET", "/integration-setup-session/none", 404),
        ("GET", "/ping", 200),
        ("GET", "/api/integrations/", 401),
        ("GET", "/none", 404),
    ],
)
def test_every_path_is_answered_by_the_application_it_belongs_to(service, method, path, status):
    with TestClient(create_app(service)) as client:
        answer = client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["x-request-id"]


def test_what_is_counted_and_logged_is_the_same_for_both(service):
    with TestClient(create_app(service)) as client:
        client.get("/integrations/int_made-up")
        counted = client.get("/metrics").text

    assert 'route="/integrations/{integration_id}",status="401"' in counted
    assert "made-up" not in counted
