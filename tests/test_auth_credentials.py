"""Auth credentials: OAuth clients of providers. Their secrets are sealed, and never come out."""

from config_things import CANARY, CREDENTIALS, make_credentials, read_held, refused_silently, told
from credenza.connectors import Catalogue
from credenza.workspace.inspection import inspect
from reference_examples import refused
from template_things import add_provider, make_template

SCOPES = ["repo", "user"]


def test_credentials_are_made_and_read_back_without_the_client(api, workspace, database):
    client = {"type": "oauth", "client_id": "one", "client_secret": CANARY, "scopes": SCOPES}
    made = make_credentials(api, name=" Ours ", config=client)

    assert (made["object"], made["id"][:4]) == ("provider.auth_credentials", "par_")
    assert (made["type"], made["name"], made["scopes"], made["is_managed"]) == (
        "oauth",
        "Ours",
        SCOPES,
        False,
    )
    assert {"config", "client_id", "client_secret"} & {*made} == set()
    assert api.get(f"{CREDENTIALS}/{made['id']}").json() == made
    assert api.get(CREDENTIALS).json()["items"] == [made]
    assert read_held(workspace, made["id"]) == ({"client_id": "one"}, {"/client_secret": CANARY})
    assert CANARY.encode() not in b"".join(each.read_bytes() for each in database.parent.glob("*.db*"))


def test_what_is_left_out_of_a_client_stays(api, workspace):
    made = make_credentials(api, config={"scopes": SCOPES})
    at = f"{CREDENTIALS}/{made['id']}"

    assert api.patch(at, json={"client_secret": "two"}).json()["scopes"] == SCOPES
    assert read_held(workspace, made["id"]) == ({"client_id": "one"}, {"/client_secret": "two"})
    assert api.patch(at, json={"client_id": "three", "scopes": None}).json()["scopes"] is None
    assert read_held(workspace, made["id"]) == ({"client_id": "three"}, {"/client_secret": "two"})
    renamed = api.patch(at, json={"name": "New", "description": "d"}).json()
    assert (renamed["name"], api.patch(at, json={}).json()) == ("New", renamed)


def test_archived_credentials_take_no_change(api):
    made = make_credentials(api)
    at = f"{CREDENTIALS}/{made['id']}"
    gone = api.delete(at).json()

    assert (gone["status"], api.get(at).json()) == ("archived", gone)
    assert api.get(CREDENTIALS).json()["items"] == []
    refused(api.patch(at, json={"client_secret": "two"}), 410, "gone")
    refused(api.delete(at), 410, "gone")


WRONG = [
    ({"client_secret": [CANARY]}, "/config/client_secret"),
    ({"client_secret": "*****"}, "/config/client_secret"),
    ({"client_id": ""}, "/config/client_id"),
    ({"type": CANARY}, "/config/type"),
    ({"scopes": [CANARY, " "]}, "/config/scopes/1"),
    ({"scopes": ["s"] * 101}, "/config/scopes"),
    ({CANARY: CANARY}, "/config"),
]


def test_a_client_that_cannot_be_is_refused_and_nothing_is_kept(api):
    for fields, pointer in WRONG:
        config = {"client_id": "one", "client_secret": "made-up", **fields}
        answer = api.post(CREDENTIALS, json={"provider_id": "git", "config": config})
        refused_silently(answer, 400, "invalid_data", pointer)
    unheard = {"provider_id": "unheard", "config": {"client_id": "one", "client_secret": CANARY}}
    refused_silently(api.post(CREDENTIALS, json=unheard), 404, "not_found", "/provider_id")
    at = f"{CREDENTIALS}/{make_credentials(api)['id']}"
    wrong = {"": {CANARY: CANARY}, "/client_secret": {"client_secret": None}, "/client_id": {"client_id": ""}}
    for pointer, body in {**wrong, "/scopes/0": {"scopes": [" "]}}.items():
        refused_silently(api.patch(at, json=body), 400, "invalid_data", pointer)
    api.delete(at)
    missing = api.post(CREDENTIALS, json={"provider_id": "git", "config": {"client_id": "one"}})
    assert [pointer for _, pointer, _ in told(missing)] == ["/config/client_secret"]
    assert api.get(CREDENTIALS).json()["items"] == []


def test_credentials_are_listed_by_provider_and_words(api):
    one, two = make_credentials(api, name="One"), make_credentials(api, "aws", name="Two")

    assert api.get(CREDENTIALS, params={"provider_id": "aws"}).json()["items"] == [two]
    assert api.get(CREDENTIALS, params={"search": "one"}).json()["items"] == [one]


def test_a_provider_of_a_template_refers_to_credentials_of_the_same_provider(api):
    template, ours, other = (
        make_template(api),
        make_credentials(api)["id"],
        make_credentials(api, "aws")["id"],
    )

    added = add_provider(api, template, provider_auth_credentials_id=ours)
    assert added["auth_credentials"]["id"] == ours
    body = {"provider_auth_credentials_id": other}
    at = f"/integration-providers/{added['id']}"
    refused(api.patch(at, json=body), 404, "not_found", "/provider_auth_credentials_id")


def test_clients_fit_their_type_whatever_its_schema_says(api, service):
    make_credentials(api)

    verdicts = [*inspect(service.store, Catalogue.load(), service.tenant(), lenient=False)]

    assert [(each.type, each.result) for each in verdicts] == [("git#client", "fits")]
