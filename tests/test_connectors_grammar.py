"""What the file of a connector type may say: each rule, broken once, and what is allowed beside it."""

import json

import jsonschema
import jsonschema_rs
import pytest

from connector_examples import SCHEMA, changed, write
from credenza.connectors import Catalogue, shipped_schemas
from credenza.connectors.grammar import LINEAR, list_faults
from credenza.errors import SchemaRejected

META = json.loads((shipped_schemas() / "meta.json").read_text())


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
    ("a secret is trusted by another word", f"{TOKEN}/x-trust", False, f"{TOKEN}/x-trust"),
    ("a plain key decides over trust", f"{PORT}/x-trust", True, f"{PORT}/x-trust: no such keyword"),
    ("a URL decides over trust", f"{ENDPOINT}/x-trust", True, f"{ENDPOINT}/x-trust: no such keyword"),
    ("a list decides over trust", "/properties/scopes/x-trust", True, "x-trust: no such keyword"),
    ("a destination is of no known kind", f"{ENDPOINT}/x-destination", "uri", ENDPOINT),
    ("a URL is not searched for credentials", f"{ENDPOINT}/x-credentials", ..., "x-credentials is missing"),
    ("a plain key is searched", f"{PORT}/x-credentials", True, f"{PORT}/x-credentials"),
    ("a URL is a number", f"{ENDPOINT}/type", "integer", f"{ENDPOINT}/type"),
    ("a default carries credentials", f"{ENDPOINT}/default", "https://u:p@h/", ENDPOINT),
    ("a default has two readings", f"{ENDPOINT}/default", "https://a@b@c", ENDPOINT),
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
    (f"{TOKEN}/x-trust", True),
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
