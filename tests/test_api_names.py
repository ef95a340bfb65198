"""An api's name on the path: with slashes, dots and verbs in it, encoded or not."""

import json
from urllib.parse import quote

import httpx
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from credenza.web.paths import ALL, SLASH, read_path, segment
from web_answers import ITEM, PROVIDER
from web_server import serve

law = settings(deadline=None, derandomize=True, database=None)

BEHIND = "/api/integrations/provider/p/integration"
VERBS = ("tags", "metrics", "prompt")


def read_behind(spelled):
    """Return what the router is given behind `/integration`, for what a client wrote there."""
    path = read_path(f"{BEHIND}{spelled}".encode())
    return path.removeprefix(BEHIND) if path.startswith(BEHIND) else None


@pytest.mark.parametrize(
    ("spelled", "given"),
    [
        ("", ""),
        ("/", ""),
        ("/m", "/m"),
        ("/m/", "/m"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a/b", "/a%2Fb"),
        ("/a:b.c d", "/a:b.c d"),
        ("/%C3%A9/%E2%82%AC", "/é%2F€"),
        ("/100%25", "/100%25"),
        ("/a%252Fb", "/a%252Fb"),
        ("/a%", "/a%25"),
        ("/m/tags", "/m/tags"),
        ("/m/tags/", "/m/tags"),
        ("/m/metrics", "/m/metrics"),
        ("/m/prompt", "/m/prompt"),
        ("/m/prompt/", "/m/prompt"),
        ("/m/prompt/p", "/m/prompt/p"),
        ("/m/prompt/p%2Fq", "/m/prompt/p%2Fq"),
        ("/m/prompt/tags", "/m/prompt/tags"),
        ("/m/prompt/prompt", "/m/prompt/prompt"),
        ("/a/b/c/tags", "/a%2Fb%2Fc/tags"),
        ("/a/b/prompt/p", "/a%2Fb/prompt/p"),
        ("/a/tags/b", "/a%2Ftags%2Fb"),
        ("/a/prompt/b/c", "/a%2Fprompt%2Fb%2Fc"),
        ("/tags", "/tags"),
        ("/metrics/", "/metrics"),
        ("/prompt", "/prompt"),
        ("/tags/tags", "/tags/tags"),
        ("/all/tags", "/all/tags"),
        ("/all/all", "/all%2Fall"),
        ("/m/all", "/m%2Fall"),
    ],
)
def test_behind_integration_everything_is_the_name_up_to_the_verb_that_ends_the_path(spelled, given):
    assert read_behind(spelled) == given


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("/%74ags", "tags"),
        ("/t%61gs", "tags"),
        ("/m/tag%73", "m/tags"),
        ("/%6Detrics", "metrics"),
        ("/%6detrics", "metrics"),
        ("/%70rompt", "prompt"),
        ("/%70rompt/p", "prompt/p"),
        ("/%61ll", "all"),
        ("/al%6C/", "all"),
        ("/TAGS", "TAGS"),
        ("/All", "All"),
    ],
)
def test_one_encoded_letter_makes_a_verb_a_name(spelled, name):
    assert segment(read_behind(spelled).removeprefix("/")) == name


@pytest.mark.parametrize("spelled", ["/all", "/all/"])
def test_a_lone_all_is_a_verb_that_no_name_can_spell(spelled):
    assert read_behind(spelled) == f"/{ALL}"
    assert read_behind(f"/{ALL}") == "/%25all"
    assert read_behind(f"/{SLASH}") == "/%25"


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("/..", ".."),
        ("/.", "."),
        ("/%2e%2E", ".."),
        ("/../resolved", "../resolved"),
        ("/m/../../resolved", "m/../../resolved"),
        ("/m//n", "m//n"),
        ("//m", "/m"),
        ("/m//", "m/"),
        ("///", "/"),
        ("/m;v=1", "m;v=1"),
    ],
)
def test_empty_and_dot_segments_are_part_of_an_api_name(spelled, name):
    assert read_behind(spelled) == "/" + name.replace("/", "%2F")


@pytest.mark.parametrize(
    "spelled",
    [
        "//",
        "/prompt/p",
        "//tags",
        "//prompt/p",
        "/m/prompt//",
        "/m/prompt/..",
        "/m/prompt/%2e",
        "/%ff",
        "/m/prompt/%ff",
    ],
)
def test_an_api_or_a_prompt_without_a_name_leads_nowhere(spelled):
    assert read_behind(spelled) is None


@pytest.mark.parametrize(
    "path",
    [
        "/api/integrations/provider//integration/m",
        "/api/integrations/provider/../integration/m",
        "/api/integrations/provider/../integration/all",
        "/api/integrations/provider/%2e/integration/m/tags",
        "/api/./provider/p/integration/m",
        "/api/integrations/provider/p/../integration/m",
        "/api/integrations/provider/p//integration/m",
        "//api/integrations/provider/p/integration/m",
    ],
)
def test_outside_an_api_name_empty_and_dot_segments_lead_nowhere(path):
    assert read_path(path.encode()) == "/-"


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
NAMES = TEXT | st.lists(st.sampled_from([*VERBS, "all", "a", "", ".", "..", "%", "%2F"]), min_size=1).map(
    "/".join
).filter(bool)
PATH_SAFE = "/:@!$&'()*+,;="  # what RFC 3986 leaves as it is in a path; some clients encode nothing else


def encode_all(name):
    return "".join(f"%{byte:02X}" for byte in name.encode())


@law
@given(name=NAMES, verb=st.sampled_from(["", *(f"/{verb}" for verb in VERBS)]), prompt=NAMES)
def test_any_name_of_which_every_letter_is_encoded_arrives_as_it_is(name, verb, prompt):
    written = name.replace("%", "%25").replace("/", "%2F")
    assert read_behind(f"/{encode_all(name)}{verb}") == f"/{written}{verb}"
    if prompt not in {".", ".."}:
        asked = read_behind(f"/{encode_all(name)}/prompt/{encode_all(prompt)}")
        assert [segment(part) for part in asked.split("/")[1:]] == [name, "prompt", prompt]


@law
@given(name=NAMES, verb=st.sampled_from(["", *(f"/{verb}" for verb in VERBS)]))
@example("a/b", "/tags")
@example("..", "")
def test_any_name_arrives_as_it_is_where_all_but_letters_and_digits_is_encoded(name, verb):
    """Not to be told apart: `all` alone, and `prompt` before a verb."""
    assume((name, verb) != ("all", "") and not (name == "prompt" and verb))
    arrived = read_behind(f"/{quote(name, safe='')}{verb}")
    assert segment(arrived.removesuffix(verb)) == f"/{name}"


@law
@given(name=NAMES, verb=st.sampled_from(["", *(f"/{verb}" for verb in VERBS)]))
@example("a/b:c.d e", "/tags")
@example("//", "/metrics")
@example("tags/prompt", "")
def test_a_name_with_its_slashes_left_arrives_as_it_is_unless_it_reads_as_a_verb(name, verb):
    """Not to be told apart: a slash or a verb at the end, `prompt` before the last segment, `all` alone."""
    whole = f"{name}{verb}".split("/")
    assume(verb or (name != "all" and whole[-1] not in {"", *VERBS}))
    assume(whole[-2:-1] != ["prompt"])
    arrived = read_behind(f"/{quote(name, safe=PATH_SAFE)}{verb}")
    assert segment(arrived.removesuffix(verb)) == f"/{name}"


@law
@given(name=NAMES, prompt=st.sampled_from(["p", "tags", "prompt", "a%2Fb"]))
def test_a_prompt_behind_a_name_with_its_slashes_left_is_never_mistaken(name, prompt):
    arrived = read_behind(f"/{quote(name, safe=PATH_SAFE)}/prompt/{prompt}")
    assert [segment(part) for part in arrived.split("/")[1:]] == [name, "prompt", segment(prompt)]


# The same through a real server


@pytest.fixture
def call(service, key):
    """Return a function that calls behind `/integration` with exactly this spelling, and gives the answer."""
    headers = {"X-Authorization": key(), "Content-Type": "application/json"}
    with serve(service) as url, httpx.Client(base_url=url, headers=headers) as client:
        assert client.post("/api/integrations", json=[ITEM]).status_code == 200

        def call(method, spelled, body=None):
            target = f"{PROVIDER}/a/integration{spelled}".encode()
            content = None if body is None else json.dumps(body)
            return client.request(method, "/", content=content, extensions={"target": target})

        yield call


def read(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()


HURTING = [
    "org/model",
    "model:1.2",
    "v1.5",
    "two words",
    "größe/β",
    "50%",
    "a%2Fb",
    "what?#;+&=,",
    "..",
    "../resolved",
    "a//b",
    "all",
    "tags",
    "metrics",
    "prompt",
    "a/tags",
    "prompt/p",
    "resolved",
]


@pytest.mark.parametrize("name", HURTING)
def test_an_api_of_any_name_lives_its_life_under_it(call, name):
    spelled, prompt = f"/{encode_all(name)}", f"for {name}"
    tag = {"key": "team", "value": "search"}

    assert call("POST", spelled, {"description": "One"}).status_code == 200
    assert read(call("GET", spelled))["api"] == name
    assert [api["api"] for api in read(call("GET", ""))] == [name]
    assert call("PUT", f"{spelled}/tags", [tag]).status_code == 200
    assert read(call("GET", f"{spelled}/tags")) == [tag]
    assert call("DELETE", f"{spelled}/tags", [tag]).status_code == 200
    assert call("POST", f"{spelled}/metrics", 3).status_code == 200
    assert read(call("GET", f"{spelled}/metrics")) == 3
    assert call("POST", f"{spelled}/prompt/{encode_all(prompt)}").status_code == 200
    assert [each["name"] for each in read(call("GET", f"{spelled}/prompt"))] == [prompt]
    assert call("DELETE", spelled).status_code == 200
    assert call("GET", spelled).status_code == 404


@pytest.mark.parametrize("name", ["org/model", "a/b/c:1", "a//b", "../resolved", "größe/β"])
def test_a_slash_that_was_not_encoded_means_the_same_name(call, name):
    spelled = f"/{quote(name, safe=PATH_SAFE)}"

    assert call("POST", spelled, {}).status_code == 200
    for ending in ("", "/"):
        assert read(call("GET", f"/{encode_all(name)}{ending}"))["api"] == name
    assert call("POST", f"{spelled}/prompt/p%2Fq", {}).status_code == 200
    assert [each["name"] for each in read(call("GET", f"{spelled}/prompt"))] == ["p/q"]
    assert read(call("GET", f"{spelled}/tags")) == []
    assert call("DELETE", spelled, {}).status_code == 200


def test_a_lone_all_lists_what_is_available_and_is_no_api(call):
    assert call("POST", "/%61ll", {"description": "One of its own"}).status_code == 200

    assert read(call("GET", "/all")) == read(call("GET", "/all/")) == ["all"]
    assert read(call("GET", "/%61ll"))["description"] == "One of its own"
    assert call("DELETE", "/all").status_code == 405


@pytest.mark.parametrize("spelled", ["//", "/tags", "/prompt/p", "/%00", "/%ff", "/%25all", "/%all"])
def test_what_names_no_api_is_a_404(call, spelled):
    assert call("GET", spelled).status_code == 404
