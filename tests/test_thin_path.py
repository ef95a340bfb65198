"""A configuration goes through every room and comes back without its secret."""

OPENAI = {
    "name": "open-ai-test",
    "type": "openai",
    "category": "AI_MODEL",
    "description": "OpenAI integration for LLM tasks",
    "enabled": True,
    "configuration": {"api_key": "sk-made-up-for-tests"},
    "apis": [
        {"integrationName": "open-ai-test", "api": "gpt-4o", "description": "GPT-4o model", "enabled": True}
    ],
}
SENDGRID = {
    "name": "sendgrid-test",
    "type": "sendgrid",
    "configuration": {"api_key": "SG.made-up"},
    "apis": [],
}


def test_what_is_saved_is_read_back_without_its_secret_and_revealed_with_it(api):
    saved = api.post("/api/integrations", json=[OPENAI, SENDGRID])

    assert (saved.status_code, saved.json()["created"]) == (200, 2)
    listed = api.get("/api/integrations/").json()
    assert [each["name"] for each in listed] == ["open-ai-test", "sendgrid-test"]
    assert listed[0]["configuration"]["api_key"]["$secret"]["version"] == 1
    assert listed[0]["apis"][0]["api"] == "gpt-4o"
    resolved = api.get("/api/integrations/provider/open-ai-test/resolved").json()
    assert resolved["configuration"] == {"api_key": "sk-made-up-for-tests"}


def test_no_file_of_the_store_holds_a_secret(api, database):
    api.post("/api/integrations", json=[OPENAI, SENDGRID])

    for file in database.parent.iterdir():
        assert b"made-up" not in file.read_bytes()


def test_saving_an_answer_of_the_list_back_changes_nothing(api):
    api.post("/api/integrations", json=[OPENAI, SENDGRID])

    again = api.post("/api/integrations", json=api.get("/api/integrations/").json())

    assert (again.status_code, again.json()["unchanged"]) == (200, 2)
    assert api.get("/api/integrations/provider/open-ai-test").json()["version"] == 1
