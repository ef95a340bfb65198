"""An integration whose apis have configurations of their own, and what tests ask of it."""

from examples import API

ONE = f"{API}/provider/one"
MODEL = f"{ONE}/integration/gpt"
ELSEWHERE = "https://elsewhere.example"
PUBLIC = {"temperature": 0.2, "stopWords": ["a", "b"], "model": "gpt-4o", "maxTokens": "5"}
SECRET = {"api_key": "sk-of-the-model", "password": "pw-of-the-model"}
UNDECLARED = {"region-of-mine": "undeclared-value", "deep": {"er": [1, True, None]}}


def api_of(name="gpt", **configuration):
    return {"integrationName": "one", "api": name, "configuration": configuration}


def configure(api, at=MODEL, headers=None, **configuration):
    return api.post(at, json={"configuration": configuration}, headers=headers)


def shown(api, at=MODEL):
    return api.get(at).json()["configuration"]


def resolved(api, name="gpt"):
    whole = api.get(f"{ONE}/resolved").json()
    return next(each["configuration"] for each in whole["apis"] if each["api"] == name)


def told(answer):
    return answer.json()["results"][0].get("secrets", {})


def places(answer):
    """Return what an answer says is wrong, as (code, pointer)."""
    return [(each["code"], each.get("pointer", "")) for each in answer.json()["errors"]]


def names_of_clear_values(database, *texts):
    """Return which texts stand in the database in clear."""
    files = [path.read_bytes() for path in database.parent.iterdir()]
    return [text for text in texts if any(text.encode() in data for data in files)]
