"""What tests of configs and auth configs share: calls that make them, and what records hold of them."""

from __future__ import annotations

from credenza.plans.singles import archive
from credenza.workspace.desk import Papers, Planned
from reference_examples import refused
from template_things import post

CONFIGS, AUTHS, CREDENTIALS = "/provider-configs", "/provider-auth-configs", "/provider-auth-credentials"
CANARY = "canary-5b1e"
DATABASE = {
    "jdbcDriver": "Postgres",
    "user": "reader",
    "datasourceURL": "jdbc:postgresql://db.example:5432/x",
}
ELSEWHERE = {**DATABASE, "datasourceURL": "jdbc:postgresql://evil.example:5432/x"}


def make_config(api, provider="git", value=None, **fields):
    value = {"user": "robin"} if value is None else value
    return post(api, CONFIGS, provider_id=provider, value=value, **fields)


def find_method(api, provider="git", key="default"):
    """Return the id of an auth method of a provider."""
    listed = api.get("/provider-auth-methods", params={"provider_id": provider}).json()["items"]
    return next(each["id"] for each in listed if each["key"] == key)


def make_auth(api, provider="git", value=None, key="default", **fields):
    value = {"api_key": "made-up"} if value is None else value
    return post(api, AUTHS, provider_auth_method_id=find_method(api, provider, key), value=value, **fields)


def make_credentials(api, provider="git", **fields):
    client = {"client_id": "one", "client_secret": "made-up", **fields.pop("config", {})}
    return post(api, CREDENTIALS, provider_id=provider, config=client, **fields)


def read_held(workspace, id):
    """Return what the record of a paper holds: public values, and its secrets in clear."""

    def job(tx, ring):
        record = tx.find([f"~{id}"]).get(f"~{id}".lower())
        if record is None:
            return None
        held = tx.held([record.row])[record.row]
        secrets = {
            path: ring.open("integration", record.id, secret).reveal() for path, secret in held.items()
        }
        return record.document().configuration, secrets

    return workspace.peek(job)


def archive_behind(workspace, shelf, id):
    """Archive a thing and nothing else, as a release before this one did."""
    Papers(workspace).change(
        "archive", lambda desk: Planned([shelf.keep(archive(shelf.find(desk, id), 1_770_000_000_000))], None)
    )


def refused_silently(answer, *error):
    """Check an error, and that it repeats nothing that was sent."""
    assert CANARY not in answer.text
    return refused(answer, *error)


def told(answer):
    """Return code, pointer and path of each problem of a refusal."""
    body = refused_silently(answer, answer.status_code, answer.json()["code"])
    return [(each["code"], each["pointer"], each["path"]) for each in body["errors"]]
