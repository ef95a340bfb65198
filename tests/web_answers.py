"""What tests of the web share: one item, a word that must not come back, the shape of every problem."""

from __future__ import annotations

CANARY = "canary-4f1d"
ITEM = {"name": "a", "type": "openai", "configuration": {"api_key": "made-up"}}
PROVIDER = "/api/integrations/provider"
FIELDS = {"type", "title", "status", "detail", "code", "message", "instance", "retryable"}


def check_problem(answer, status, code=None):
    """Check that an answer is a problem of this status, and return its body."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == body["status"] == status
    assert body.keys() - {"errors", "error"} == FIELDS
    assert body["message"] == body["detail"]
    assert body["type"] == f"urn:credenza:problem:{body['code']}"
    assert body["instance"] == answer.headers["x-request-id"]
    for problem in body.get("errors", ()):
        assert (
            {"code", "message"}
            <= problem.keys()
            <= {"code", "message", "pointer", "keyword", "index", "name"}
        )
    assert code in {None, body["code"]}
    return body
