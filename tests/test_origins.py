"""Each workspace may list its own origins: where its people are sent, and whose pages hold its setups."""

import pytest
from litestar.testing import TestClient

from cli_prompt import Prompt
from credenza.cli import failures
from credenza.errors import Forbidden
from credenza.model import Actor, Role
from credenza.plans.origins import Origins, find_origins, keep_origins
from credenza.web.app import create_app
from credenza.workspace.desk import Papers
from setup_things import MODEL, PATH, begin, make_reports
from test_setup_flow import fill_step, look, visit

OURS, THEIRS = "https://ours.example", "https://theirs.example"


@pytest.fixture
def listed(service, workspace):
    """Let the workspace list an origin of its own, where the server lists none."""
    workspace.apply([keep_origins(Origins((OURS,), (OURS,)))])
    return service


def test_a_setup_leads_where_its_workspace_lists_and_no_workspace_speaks_for_another(listed, key):
    with TestClient(create_app(listed)) as client:
        codes = {}
        for workspace in ("default", "other"):
            client.headers["X-Authorization"] = key("admin", workspace=workspace)
            template = make_reports(client, "openai")
            body = {"integration_id": template["id"], "name": "Northwind", "redirect_url": f"{OURS}/done"}
            codes[workspace] = client.post(PATH, json=body).status_code

    assert codes == {"default": 200, "other": 400}


def test_an_origin_that_is_listed_no_more_is_not_led_to_at_the_end(listed, workspace, api):
    made = begin(api, make_reports(api, "openai"), redirect_url=f"{OURS}/done")
    fill_step(visit(listed), made, 0, **MODEL)
    assert f"{OURS}/done" in look(visit(listed), made).text

    workspace.apply([keep_origins(Origins((THEIRS,)))])
    assert f"{OURS}/done" not in look(visit(listed), made).text


def test_the_page_may_be_held_by_pages_of_the_listed_origins(listed, api):
    made = begin(api, make_reports(api, "openai"))
    policy = look(visit(listed), made).headers["content-security-policy"]

    assert f"frame-ancestors {OURS}" in policy


@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER, Role.RUNTIME])
def test_only_an_administrator_lists_origins(service, role):
    papers = Papers(service.workspace(Actor(service.tenant(), "test", role)))
    with pytest.raises(Forbidden):
        service.workspace(Actor(service.tenant(), "test", role)).apply([keep_origins(Origins((THEIRS,)))])

    assert papers.read(find_origins) == Origins()


def test_the_command_line_shows_and_changes_the_lists_of_one_workspace(tmp_path, kek):
    prompt = Prompt(tmp_path, kek)
    prompt.run("init")
    prompt.run("workspace", "create", "team-a")
    asked = ("workspace", "origins", "-w", "team-a")

    assert prompt.json(*asked) == {"redirect": None, "frame": None}
    set_ = prompt.json(*asked, "--redirect", f"{OURS}, {THEIRS}:8443")
    assert set_ == {"redirect": [OURS, f"{THEIRS}:8443"], "frame": None} == prompt.json(*asked)
    assert prompt.json(*asked, "--frame", "") == {**set_, "frame": []}
    assert prompt.json("workspace", "origins") == {"redirect": None, "frame": None}
    assert prompt.json(*asked, "--reset") == {"redirect": None, "frame": None}
    prompt.run(*asked, "--redirect", "http://plain.example", code=failures.USAGE)
    prompt.run(*asked, "--reset", "--frame", OURS, code=failures.USAGE)
