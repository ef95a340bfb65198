"""The whole of it in a real browser: a customer follows a link, and what they enter becomes integrations.

Screenshots are written to CREDENZA_SCREENSHOTS, else to build/screenshots.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

import setup_page
from credenza.model import Role
from setup_things import DATABASE, begin, list_names, make_reports, read, resolve
from template_things import add_provider, make_template, post
from web_server import serve

pytestmark = pytest.mark.system("chromium")

SCREENSHOTS = Path(
    os.environ.get("CREDENZA_SCREENSHOTS") or Path(__file__).parents[1] / "build" / "screenshots"
)
PHONE = {"width": 390, "height": 844}
ACCOUNT = {"region": "eu-west-1", "user": "AKIAEXAMPLE", "api_key": "canary-account-3d"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("life")
    with setup_page.open_service(folder, dev=True) as service, serve(service) as url:
        key = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test").token.reveal()
        with httpx.Client(base_url=url, headers={"X-Authorization": key}, trust_env=False) as api:
            yield api, url


@pytest.fixture(scope="module")
def chromium():
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    contexts = []

    def open_page(address, **options):
        contexts.append(chromium.new_context(reduced_motion="reduce", **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()


def begin_reports(api, url, name):
    """Make a setup session of a database and an account, which leads back to a page of the server."""
    offered = api.get("/provider-auth-methods", params={"provider_id": "aws"}).json()["items"]
    [chosen] = [each["id"] for each in offered if each["key"] == "access_key"]
    template = make_template(api, "Acme Reports", description="Acme Reports reads your tables.")
    add_provider(api, template, "pgvectordb", name="Your database")
    add_provider(api, template, "aws", name="Your account", provider_auth_method_id=chosen)
    return begin(api, template, name=name, redirect_url=f"{url}/healthz")


def fill(page, values):
    for key, text in values.items():
        control = page.locator(f"#field-{key}")
        if control.evaluate("found => found.tagName") == "SELECT":
            control.select_option(text)
        else:
            control.fill(text)


def save(page):
    page.get_by_role("button", name="Save and continue").click()


def list_violations(page):
    return [each["id"] for each in Axe().run(page).response["violations"]]


def take(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"life-{name}.png", full_page=True)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Northwind", {}),
        ("Southwind", {"java_script_enabled": False}),
        ("Westwind", {"viewport": PHONE, "color_scheme": "dark"}),
    ],
    ids=["desk", "no-script", "phone"],
)
def test_a_customer_sets_up_two_providers_which_are_integrations_then(server, visit, name, options):
    api, url = server
    session = begin_reports(api, url, name)
    page = visit(session["url"], **options)
    assert page.get_by_role("heading", name="Connect Your database").is_visible()
    scripted = options.get("java_script_enabled", True)
    assert not scripted or list_violations(page) == []

    fill(page, {**DATABASE, "dimensions": "many"})
    save(page)
    page.locator("#problems").wait_for()
    take(page, f"{name}-problem")
    assert page.locator("#field-password").input_value() == ""
    assert read(api, session) == ("pending", ["pending", "pending"])

    fill(page, {"dimensions": DATABASE["dimensions"], "password": DATABASE["password"]})
    save(page)
    page.get_by_role("heading", name="Connect Your account").wait_for()
    assert read(api, session) == ("pending", ["configured", "pending"])
    if options.get("viewport"):
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    take(page, f"{name}-second")
    page.goto("about:blank")
    page.goto(session["url"])
    fill(page, ACCOUNT)
    save(page)

    page.get_by_role("heading", name="All set").wait_for()
    take(page, f"{name}-finished")
    page.get_by_role("link", name="Continue to 127.0.0.1").click()
    page.wait_for_url("**/healthz")
    assert read(api, session) == ("successful", ["configured", "configured"])
    prefix = name.lower()
    assert {f"{prefix}-pgvectordb", f"{prefix}-aws"} <= {*list_names(api)}
    assert resolve(api, f"{prefix}-pgvectordb") == {**DATABASE, "dimensions": 1536}
    assert resolve(api, f"{prefix}-aws") == {"connectionType": "ACCESS_KEY", **ACCOUNT}


def test_a_link_that_a_scanner_has_opened_and_another_has_used_up_says_so(server, visit):
    api, _ = server
    session = begin(api, make_reports(api, "openai"), name="Eastwind")
    for _ in range(3):
        assert httpx.get(session["url"], trust_env=False).status_code == 200
    first, second = visit(session["url"]), visit(session["url"])
    for page in (first, second):
        page.locator("#field-api_key").fill("made-up")
        page.get_by_role("button", name="Save").click()
    second.get_by_role("heading", name="This was saved before").wait_for()

    first.get_by_role("heading", name="All set").wait_for()
    assert read(api, session) == ("successful", ["configured"])
    made = post(api, f"/integration-instances/{session['integration_instance_id']}/session")
    headers = {"Authorization": f"Bearer {made['client_secret']}"}
    [resolved] = httpx.get(made["connection_url"], headers=headers, trust_env=False).json()["providers"]
    assert resolved["configuration"]["api_key"] == "made-up"
