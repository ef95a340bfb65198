"""Loading connector types: one file is one type, and a file that breaks a rule stops the start, by name."""

import copy
import json
import time
from pathlib import Path

import jsonschema
import jsonschema_rs
import pytest

from credenza.connectors import EMPTY, Catalogue, draft_all, shipped_schemas
from credenza.connectors.grammar import LINEAR, list_faults
from credenza.errors import SchemaRejected

META = json.loads((shipped_schemas() / "meta.json").read_text())
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://example.com/types/acme.json",
    "title": "Acme",
    "description": "An example.",
    "type": "object",
    "x-category": "API",
    "x-destination-version": 1,
    "properties": {
        "endpoint": {
            "type": "string",
            "title": "Endpoint",
            "description": "URL.",
            "default": "https://api.example.com",
            "x-destination": "url",
            "x-credentials": True,
        },
        "token": {
            "type": "string",
            "title": "Token",
            "description": "Token.",
            "writeOnly": True,
            "format": "password",
        },
        "mode": {
            "type": "string",
            "title": "Mode",
            "description": "Mode.",
            "enum": ["a", "b"],
            "x-destination": "text",
        },
        "port": {
            "type": ["integer", "string"],
            "title": "Port",
            "description": "Port.",
            "minimum": 1,
            "maximum": 9,
            "pattern": "^[1-9]$",
        },
        "scopes": {
            "type": "array",
            "title": "Scopes",
            "description": "Scopes.",
            "items": {"type": "string"},
            "maxItems": 5,
        },
    },
    "required": ["token"],
    "additionalProperties": False,
    "allOf": [
        {
            "if": {"properties": {"mode": {"const": "b"}}, "required": ["mode"]},
            "then": {"required": ["port"]},
        }
    ],
}


def write(folder, schema, name="acme"):
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(schema if isinstance(schema, str) else json.dumps(schema))
    return path


def changed(*edits):
    """The example with some members replaced; `...` removes one."""
    schema = copy.deepcopy(SCHEMA)
    for pointer, value in edits:
        *way, last = pointer.strip("/").split("/")
        owner = schema
        for step in way:
            owner = owner[int(step)] if isinstance(owner, list) else owner.setdefault(step, {})
        if value is ...:
            del owner[last]
        else:
            owner[last] = value
    return schema


def test_the_example_of_these_tests_keeps_all_rules(tmp_path):
    write(tmp_path, SCHEMA)
    assert list(Catalogue.load(tmp_path)) == ["acme"]


TOKEN, PORT, ENDPOINT = "/properties/token", "/properties/port", "/properties/endpoint"
IF = "/allOf/0/if"
BROKEN = [
    ("$schema is another dialect", "/$schema", "http://json-schema.org/draft-07/schema#", "/$schema"),
    ("$id does not end in the name", "/$id", "https://example.com/types/other.json", "/$id"),
    ("title is missing", "/title", ..., "title is missing"),
    ("title is empty", "/title", "", "/title"),
    ("description is missing", "/description", ..., "description is missing"),
    ("type is not object", "/type", "array", "/type"),
    ("category is missing", "/x-category", ..., "x-category is missing"),
    ("category is unknown", "/x-category", "TOYS", "/x-category"),
    ("destination version is missing", "/x-destination-version", ..., "x-destination-version is missing"),
    ("destination version is zero", "/x-destination-version", 0, "/x-destination-version"),
    ("destination version does not fit", "/x-destination-version", 65536, "/x-destination-version"),
    ("undeclared keys are allowed", "/additionalProperties", True, "/additionalProperties"),
    ("undeclared keys are not mentioned", "/additionalProperties", ..., "additionalProperties is missing"),
    ("a keyword is misspelt", "/require", ["token"], "/require: no such keyword"),
    ("a keyword of a key is misspelt", f"{PORT}/minimun", 1, f"{PORT}/minimun: no such keyword"),
    ("there is a reference", f"{PORT}/$ref", "#/properties/token", f"{PORT}/$ref: no such keyword"),
    ("there is a reference at the root", "/$ref", "#", "/$ref: no such keyword"),
    ("there are definitions", "/$defs", {}, "/$defs: no such keyword"),
    ("keys are matched by pattern", "/patternProperties", {}, "/patternProperties: no such keyword"),
    ("a key has no title", f"{PORT}/title", ..., "title is missing"),
    ("a key has no description", f"{PORT}/description", ..., "description is missing"),
    ("a key has no type", f"{PORT}/type", ..., "type is missing"),
    ("a key is an object", f"{PORT}/type", "object", PORT),
    ("a key may be null", f"{PORT}/type", ["string", "null"], PORT),
    ("a list holds objects", "/properties/scopes/items/type", "object", "/properties/scopes/items"),
    ("a list has no limit", "/properties/scopes/maxItems", ..., "maxItems is missing"),
    ("a name begins with a dollar sign", "/properties/$x", SCHEMA["properties"]["token"], "/properties"),
    ("a name begins with a digit", "/properties/1x", SCHEMA["properties"]["token"], "/properties"),
    ("a name holds a space", "/properties/a b", SCHEMA["properties"]["token"], "/properties"),
    ("a name is too long", "/properties/" + "n" * 65, SCHEMA["properties"]["token"], "/properties"),
    ("a secret is a number", f"{TOKEN}/type", "integer", f"{TOKEN}/type"),
    ("a secret has no password format", f"{TOKEN}/format", ..., "format is missing"),
    ("a secret has another format", f"{TOKEN}/format", "uri", f"{TOKEN}/format"),
    ("a secret has a default", f"{TOKEN}/default", "x", f"{TOKEN}/default"),
    ("a secret is enumerated", f"{TOKEN}/enum", ["x"], f"{TOKEN}/enum"),
    ("a secret is a constant", f"{TOKEN}/const", "x", f"{TOKEN}/const"),
    ("a secret has a pattern", f"{TOKEN}/pattern", "^x$", f"{TOKEN}/pattern"),
    ("a secret has examples", f"{TOKEN}/examples", ["x"], f"{TOKEN}/examples"),
    ("a secret has a length", f"{TOKEN}/minLength", 8, f"{TOKEN}/minLength"),
    ("a secret has a limit", f"{TOKEN}/maxLength", 8, f"{TOKEN}/maxLength"),
    ("a secret is a destination", f"{TOKEN}/x-destination", "text", f"{TOKEN}/x-destination"),
    ("a secret is marked as none", f"{TOKEN}/writeOnly", False, f"{TOKEN}/writeOnly"),
    ("a destination is of no known kind", f"{ENDPOINT}/x-destination", "uri", ENDPOINT),
    ("a URL is not searched for credentials", f"{ENDPOINT}/x-credentials", ..., "x-credentials is missing"),
    ("a plain key is searched", f"{PORT}/x-credentials", True, f"{PORT}/x-credentials"),
    ("a URL is a number", f"{ENDPOINT}/type", "integer", f"{ENDPOINT}/type"),
    ("a default carries credentials", f"{ENDPOINT}/default", "https://u:p@h/", ENDPOINT),
    ("a default breaks the key's rules", f"{PORT}/default", 10, PORT),
    ("an example breaks the key's rules", f"{PORT}/examples", ["ten"], PORT),
    ("digits have no pattern", f"{PORT}/pattern", ..., "pattern is missing"),
    ("digits have no limit", f"{PORT}/maximum", ..., "maximum is missing"),
    ("a pattern is not anchored", f"{PORT}/pattern", "[1-9]", f"{PORT}/pattern"),
    ("a pattern is no regular expression", f"{PORT}/pattern", "^[1-9$", f"{PORT}/pattern"),
    ("a pattern looks ahead", f"{PORT}/pattern", "^(?=1)[1-9]$", f"{PORT}/pattern"),
    ("a pattern refers back", f"{PORT}/pattern", "^([1-9])\\1?$", f"{PORT}/pattern"),
    ("a pattern explodes", f"{PORT}/pattern", "^((a{1000}){1000}){1000}$", f"{PORT}/pattern"),
    ("a pattern in a list looks ahead", "/properties/scopes/items/pattern", "^(?!a)b$", "/properties/scopes"),
    ("an undeclared key is required", "/required", ["other"], "/required: speaks of a key"),
    ("a key is required twice", "/required", ["token", "token"], "/required"),
    ("a branch requires an undeclared key", "/allOf/0/then/required", ["x"], "/allOf/0/then/required"),
    ("a condition looks at an undeclared key", f"{IF}/properties/x", {"const": "b"}, f"{IF}/properties"),
    ("a dependency is undeclared", "/dependentRequired", {"token": ["x"]}, "/dependentRequired"),
    ("a condition does not require its key", f"{IF}/required", ["port"], f"{IF}: must require"),
    ("a condition has no consequence", "/allOf/0/then", ..., "/allOf/0"),
    ("a consequence has no condition", "/then", {"required": ["port"]}, "/"),
    ("a condition is an empty object", "/not", {}, "/not"),
    ("a condition is always true", "/not", True, "/not"),
    ("a condition looks at a secret", f"{IF}/properties/token", {"const": "x"}, f"{IF}/properties/token"),
    (
        "a condition matches a secret",
        "/not",
        {"properties": {"token": {"pattern": "^x$"}}},
        "/not/properties",
    ),
    ("a condition looks at a URL", "/anyOf", [{"properties": {"endpoint": {"const": "x"}}}], "/anyOf/0"),
    ("a condition counts keys", "/allOf/0/then/minProperties", 2, "minProperties: no such keyword"),
]


@pytest.mark.parametrize(
    ("pointer", "value", "reason"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_a_file_that_breaks_a_rule_is_refused_by_name_and_place(tmp_path, pointer, value, reason):
    path = write(tmp_path, changed((pointer, value)))
    with pytest.raises(SchemaRejected) as caught:
        Catalogue.load(tmp_path)
    assert caught.value.message.startswith(f"{path}: ")
    assert reason in caught.value.message


ALLOWED = [
    (f"{TOKEN}/minLength", 1),
    (f"{TOKEN}/contentMediaType", "application/json"),
    (f"{IF}/properties/mode", {"enum": ["a", "b"]}),
    ("/dependentRequired", {"mode": ["port"]}),
    ("/oneOf", [{"required": ["mode"]}, {"required": ["port"]}]),
    ("/not", {"required": ["mode", "port"]}),
    ("/allOf/0/else", {"required": ["mode"]}),
    ("/x-destination-version", 7),
]

BY_CODE = ("own rules", "speaks of", "must require", "may not look", "carries", "linear", "own name")


@pytest.mark.parametrize(("pointer", "value"), ALLOWED)
def test_what_the_rules_allow_is_taken(tmp_path, pointer, value):
    write(tmp_path, changed((pointer, value)))
    assert "acme" in Catalogue.load(tmp_path)


@pytest.mark.parametrize("row", BROKEN, ids=[row[0] for row in BROKEN])
def test_the_reference_validator_refuses_a_file_unless_the_rule_is_one_of_code(row):
    schema = changed(row[1:3])
    faults = list_faults("acme", schema, jsonschema_rs.Draft202012Validator(META, pattern_options=LINEAR))
    by_code = [fault for fault in faults if any(sentence in fault for sentence in BY_CODE)]
    assert jsonschema.Draft202012Validator(META).is_valid(schema) == bool(by_code)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ("{}", "is missing"),
        ('{"title": NaN}', "not JSON"),
        ('{"title": "a", "title": "b"}', "twice"),
        ('{"properties": {"a": {}, "a": {}}}', "twice"),
        ("[" * 100_000, "not JSON"),
        ("\ufeff{}", "not JSON"),
    ],
)
def test_a_file_that_is_not_one_json_object_is_refused(tmp_path, text, reason):
    path = write(tmp_path, text)
    with pytest.raises(SchemaRejected, match=reason) as caught:
        Catalogue.load(tmp_path)
    assert str(path) in caught.value.message


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "acme.json").write_bytes(b'{"title": "\xff"}')
    with pytest.raises(SchemaRejected, match="not JSON in UTF-8"):
        Catalogue.load(tmp_path)


@pytest.mark.parametrize("name", ["Acme", "1acme", "a b", "a.b", "ä", "a" * 65, "_a"])
def test_a_file_is_named_as_its_type_may_be(tmp_path, name):
    write(tmp_path, changed(("/$id", f"https://example.com/types/{name.lower()}.json")), name)
    with pytest.raises(SchemaRejected, match="a type's name"):
        Catalogue.load(tmp_path)


def test_a_file_dropped_into_a_second_folder_is_a_new_type(tmp_path):
    write(tmp_path, SCHEMA)
    catalogue = Catalogue.load(shipped_schemas(), tmp_path)
    assert len(catalogue) == 31
    [draft] = draft_all(catalogue["acme"], [({"token": "t", "mode": "a"}, EMPTY)], lenient=False)
    assert (draft.public, draft.entered) == ({"mode": "a"}, {"/token": "t"})


def test_the_same_type_in_two_folders_is_refused(tmp_path):
    write(tmp_path / "one", SCHEMA)
    second = write(tmp_path / "two", SCHEMA)
    with pytest.raises(SchemaRejected, match="another folder holds this type") as caught:
        Catalogue.load(tmp_path / "one", tmp_path / "two")
    assert str(second) in caught.value.message


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(SchemaRejected, match="no such folder"):
        Catalogue.load(tmp_path / "absent")


def test_a_copy_of_the_shipped_folder_loads_like_the_original(tmp_path):
    for path in shipped_schemas().iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert list(Catalogue.load(tmp_path)) == list(Catalogue.load())


def test_a_folder_may_not_bring_rules_of_its_own(tmp_path):
    write(tmp_path, {**META, "title": "Anything goes"}, "meta")
    with pytest.raises(SchemaRejected, match="not `meta`"):
        Catalogue.load(tmp_path)


def test_other_files_in_the_folder_are_let_be(tmp_path):
    write(tmp_path, SCHEMA)
    for name in (".acme.json", "README.md", "acme.json~"):
        (tmp_path / name).write_text("not a type")
    assert list(Catalogue.load(tmp_path)) == ["acme"]


def test_a_catalogue_is_a_mapping_in_the_order_of_names():
    catalogue = Catalogue.load(shipped_schemas())
    assert list(catalogue) == sorted(catalogue)
    assert catalogue["kafka"] is catalogue.get("kafka")
    assert catalogue.get("gopher") is None
    assert "gopher" not in catalogue
    with pytest.raises(KeyError):
        catalogue["gopher"]


def test_a_changed_file_has_another_digest(tmp_path):
    write(tmp_path, SCHEMA)
    before = Catalogue.load(tmp_path)["acme"].digest
    assert Catalogue.load(tmp_path)["acme"].digest == before
    write(tmp_path, changed(("/title", "Acme 2")))
    after = Catalogue.load(tmp_path)["acme"].digest
    assert (len(before), before == after) == (16, False)


def test_the_rule_number_counts_the_files_own_version(tmp_path):
    write(tmp_path, SCHEMA)
    first = Catalogue.load(tmp_path)["acme"].rule
    write(tmp_path, changed(("/x-destination-version", 2)))
    assert Catalogue.load(tmp_path)["acme"].rule == first + 1
    assert (first >> 16, first & 0xFFFF) == (1, 1)


def test_a_type_says_what_its_file_says(tmp_path):
    write(tmp_path, SCHEMA)
    acme = Catalogue.load(tmp_path)["acme"]
    assert (acme.name, acme.category, acme.title, acme.description) == ("acme", "API", "Acme", "An example.")
    assert acme.keys == ("endpoint", "token", "mode", "port", "scopes")
    assert (acme.secrets, acme.embeds) == ({"token"}, {"endpoint"})
    assert acme.destinations == {"endpoint": "url", "mode": "text"}


def test_the_shipped_types_load_fast_enough_for_a_quick_start():
    best = 1.0
    for _ in range(3):
        began = time.perf_counter()
        Catalogue.load()
        best = min(best, time.perf_counter() - began)
    assert best < 0.1


def test_the_shipped_folder_is_found_in_a_checkout():
    assert shipped_schemas() == Path(__file__).resolve().parents[1] / "schemas"
