"""The hosted page in a real browser: as a person fills it in, with a script and without, on a phone too.

Screenshots are written to CREDENZA_SCREENSHOTS, else to build/screenshots.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

import setup_page
from credenza.web.setup.model import Choice, Layout, Tools
from setup_page import LINK, SECRET, MemorySetup, Switch, asking
from web_server import serve

pytestmark = pytest.mark.system("chromium")

SCREENSHOTS = Path(
    os.environ.get("CREDENZA_SCREENSHOTS") or Path(__file__).parents[1] / "build" / "screenshots"
)
PHONE = {"width": 390, "height": 844}
BACK = "/healthz"
DATABASE = {
    "user": "reports",
    "password": "example-password",
    "datasourceURL": "jdbc:postgresql://db.example:5432/reports",
    "dimensions": "1536",
    "distance_metric": "Cosine Similarity",
    "indexing_method": "hnsw",
}
ACCOUNT = {"region": "eu-west-1", "user": "AKIAEXAMPLE", "api_key": "example-secret"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    switch = Switch()
    with (
        setup_page.open_service(tmp_path_factory.mktemp("browser")) as service,
        serve(service, setup=switch) as url,
    ):
        yield switch, url


@pytest.fixture(scope="module")
def chromium():
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def setup(server):
    switch, url = server
    steps = {"isst_1": asking("pgvectordb"), "isst_2": asking("aws")}
    switch.current = MemorySetup(
        steps,
        description="Acme Reports reads your tables and writes reports to your bucket.",
        redirect_url=url + BACK,
        expires_at=1_900_000_000_000,
    )
    return switch.current


@pytest.fixture
def visit(chromium, server):
    """Open pages of the session; whatever one of them logs, or asks of another host, is a failure."""
    _, url = server
    contexts, complaints = [], []

    def open_page(**options):
        context = chromium.new_context(base_url=url, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.extend(hear(message)))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith(url) or complaints.append(request.url))
        page.goto(LINK)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def hear(message):
    """Return what the browser complains of: refused forms, wrong links and missing icons are no surprise."""
    address = message.location["url"]
    expected = "/isst_1" in address or "client_secret=other" in address or address.endswith("/favicon.ico")
    return [message.text] if message.type in {"error", "warning"} and not expected else []


def take(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"setup-{name}.png", full_page=True)


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def list_violations(page):
    found = Axe().run(page).response["violations"]
    return [(each["id"], [node["target"] for node in each["nodes"]]) for each in found]


def fill(page, key, text):
    control = page.locator(f"#field-{key}")
    if control.evaluate("found => found.tagName") == "SELECT":
        control.select_option(text)
    else:
        control.fill(text)


def save(page):
    page.get_by_role("button", name="Save and continue").click()


def has_focus(page, selector):
    return page.locator(selector).evaluate("found => found === document.activeElement")


def connect_database(page):
    """Do the first step as a person does: with a number that is none at first."""
    for key, text in DATABASE.items():
        fill(page, key, text)
    fill(page, "dimensions", "many")
    save(page)
    page.locator("#problems").wait_for()
    assert has_focus(page, "#problems")
    assert page.locator("#field-password").input_value() == ""
    assert page.locator("#field-user").input_value() == DATABASE["user"]
    page.get_by_role("link", name="Enter a whole number").click()
    assert has_focus(page, "#field-dimensions")


def mend_database(page):
    fill(page, "dimensions", DATABASE["dimensions"])
    fill(page, "password", DATABASE["password"])
    save(page)
    page.locator("#field-connectionType").wait_for()


def check_saved(setup):
    assert setup.saved["isst_1"][0] == {**DATABASE, "dimensions": 1536}
    assert setup.saved["isst_2"][0] == {"connectionType": "ACCESS_KEY", **ACCOUNT}


def test_a_person_connects_two_providers_and_is_sent_back(visit, setup):
    page = visit()
    connect_database(page)
    take(page, "problem")
    mend_database(page)

    fill(page, "awsAccountId", "123456789012")
    fill(page, "connectionType", "EXTERNAL_ROLE")
    page.locator("#field-roleArn").wait_for()
    assert (
        page.locator("#field-awsAccountId").input_value() == "123456789012"
    )  # a choice takes no secret away
    fill(page, "connectionType", "ACCESS_KEY")
    page.locator("#field-api_key").wait_for()
    fill(page, "awsAccountId", "")
    for key, text in ACCOUNT.items():
        fill(page, key, text)

    field = page.locator("#field-api_key")
    page.get_by_role("button", name="Show Access secret").click()
    assert field.get_attribute("type") == "text"
    page.get_by_role("button", name="Show Access secret").click()
    assert field.get_attribute("type") == "password"
    take(page, "choice")

    field.press("Enter")
    page.get_by_role("heading", name="All set").wait_for()
    check_saved(setup)
    assert "submit" in setup.calls
    assert page.get_by_role("link", name="Continue to 127.0.0.1").is_visible()
    take(page, "finished")
    page.get_by_role("button", name="Stay on this page").click()
    page.get_by_role("link", name="Continue to 127.0.0.1").click()
    page.wait_for_url("**" + BACK)
    assert page.evaluate("document.referrer") == ""


def test_the_same_without_a_script_and_on_a_phone(visit, setup):
    page = visit(java_script_enabled=False, viewport=PHONE)
    for key, text in DATABASE.items():
        fill(page, key, text)
    fill(page, "dimensions", "many")
    save(page)
    page.locator("#problems").wait_for()
    assert page.get_by_role("button", name="Show Postgres Database Password").count() == 0
    take(page, "phone-problem")
    mend_database(page)

    fill(page, "connectionType", "ACCESS_KEY")
    fill(page, "region", ACCOUNT["region"])
    page.get_by_role("button", name="Show the fields for this choice").click()
    page.locator("#field-user").wait_for()
    assert page.locator("#field-region").input_value() == ACCOUNT["region"]
    for key, text in ACCOUNT.items():
        fill(page, key, text)
    save(page)

    page.get_by_role("heading", name="All set").wait_for()
    check_saved(setup)
    page.get_by_role("link", name="Continue to 127.0.0.1").click()
    page.wait_for_url("**" + BACK)


@pytest.mark.usefixtures("setup")
def test_a_keyboard_is_enough_and_the_focus_stays_where_a_choice_was_made(visit):
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the form"
    fill(page, "indexing_method", "hnsw")
    page.locator("#field-indexing_method").focus()
    page.keyboard.press("ArrowDown")
    page.locator("#field-inverted_list_count").wait_for()
    assert has_focus(page, "#field-indexing_method")
    page.keyboard.press("Tab")
    assert has_focus(page, "#field-inverted_list_count")


@pytest.mark.usefixtures("setup")
def test_what_is_typed_while_new_fields_are_on_their_way_is_kept(visit):
    page = visit()
    held = []
    page.route("**/isst_1", lambda route: held.append(route))  # noqa: PLW0108  (it sets attributes on what it is given)
    with page.expect_request("**/isst_1") as asked:
        fill(page, "indexing_method", "ivfflat")
    fill(page, "user", "typed meanwhile")
    fill(page, "password", "unseen")
    while not held:
        page.wait_for_timeout(5)
    held[0].continue_()
    page.locator("#field-inverted_list_count").wait_for()

    assert page.locator("#field-user").input_value() == "typed meanwhile"
    assert page.locator("#field-password").input_value() == "unseen"
    assert page.locator("#field-indexing_method").input_value() == "ivfflat"
    assert "value.indexing_method" in asked.value.post_data
    assert "typed" not in asked.value.post_data
    assert "unseen" not in asked.value.post_data


def test_a_person_can_leave_and_come_back(visit, setup):
    page = visit()
    for key, text in DATABASE.items():
        fill(page, key, text)
    save(page)
    page.locator("#field-connectionType").wait_for()
    page.goto("about:blank")
    page.goto(LINK)

    assert page.get_by_role("heading", name="Connect AWS").is_visible()
    assert page.locator("li.done").count() == 1
    page.go_back()
    assert [*setup.saved] == ["isst_1"]


def test_who_has_finished_is_sent_back_after_a_while(visit, setup):
    setup.saved = dict.fromkeys(setup.steps)
    page = visit()
    page.clock.install()
    page.reload()
    assert "This happens by itself in 5 seconds." in page.locator("main").inner_text()
    page.clock.fast_forward(5_500)
    page.wait_for_url("**" + BACK)


def test_a_file_is_uploaded_from_the_disk(visit, setup, tmp_path):
    setup.steps = {"isst_1": asking("gcp", keys={"file"}, brought={"projectName": "p", "environment": "e"})}
    key = tmp_path / "key.json"
    key.write_text('{"type": "service_account"}')
    page = visit()
    page.locator("#field-file-upload").set_input_files(key)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="All set").wait_for()

    assert setup.saved["isst_1"][0] == {"file": key.read_text()}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_on_a_page_is_hard_to_perceive_or_to_use(visit, setup, scheme):
    setup.steps["isst_1"] = asking("kafka")
    setup.tools = Tools((Choice("Read", "read"), Choice("Write", "write")))
    page = visit(color_scheme=scheme, viewport=PHONE)
    for layout in Layout:
        setup.page = msgspec.structs.replace(setup.page, layout=layout)
        page.goto(LINK)
        assert list_violations(page) == []
        assert fits(page)
        take(page, f"{layout.value}-{scheme}-phone")
    page.set_viewport_size({"width": 1280, "height": 900})
    for layout in Layout:
        setup.page = msgspec.structs.replace(setup.page, layout=layout)
        page.goto(LINK)
        take(page, f"{layout.value}-{scheme}")
    save(page)
    page.locator("#problems").wait_for()
    assert list_violations(page) == []
    take(page, f"problems-{scheme}")
    page.goto(LINK.replace(SECRET, "other"))
    assert list_violations(page) == []
    take(page, f"unknown-{scheme}")
    setup.saved = dict.fromkeys(setup.steps)
    page.goto(LINK)
    assert list_violations(page) == []
    take(page, f"finished-{scheme}")
