"""The document as a page to browse: HTML without a script, so that it works offline and under any policy.

Chosen over a bundled viewer, whose packages ship a megabyte of script, need inline styles and age unattended.
Elements are built as a tree, which escapes every text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from xml.etree.ElementTree import Element, tostring

Schema = Mapping[str, Any]
Part = Element | str

_MARKS = (
    "A secret is sealed. A destination says where secrets are sent, and trust decides which servers are "
    "believed: change either, and the other secrets are asked for again."
)
_METHODS = ("get", "post", "put", "patch", "delete")
_CONFIGURATION, _BRANCHES = "Configuration.", ("Integration.", "Provider.")


def render(document: Schema, *, style: str, source: str) -> bytes:
    """Return the page; `style` and `source` are the paths of its style sheet and of the document itself."""
    info = document["info"]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{info['title']} {info['version']}"),
        tag("link", rel="stylesheet", href=style),
    )
    body = tag(
        "body",
        tag("nav", *_list_contents(document)),
        tag(
            "main",
            tag("h1", info["title"], " ", tag("small", info["version"])),
            *[_write(text) for text in info["description"].split("\n\n")],
            tag("p", "The same as a document: ", tag("a", source, href=source), " (OpenAPI 3.1)."),
            tag("h2", "Credentials", id="credentials"),
            *_render_security(document["components"]["securitySchemes"]),
            *_render_operations(document),
            tag("h2", "Connector types", id="types"),
            _write(_MARKS),
            *_render_schemas(document, types=True),
            tag("h2", "Schemas", id="schemas"),
            *_render_schemas(document, types=False),
        ),
    )
    html: str = tostring(tag("html", head, body, lang="en"), "unicode", "html")
    return f"<!doctype html>\n{html}\n".encode()


def tag(_name: str, *parts: Part, **attributes: str) -> Element:
    """Return an element with texts and elements in it."""
    element = Element(_name, {key.removesuffix("_"): value for key, value in attributes.items()})
    for part in parts:
        if isinstance(part, Element):
            element.append(part)
        elif len(element):
            element[-1].tail = (element[-1].tail or "") + part
        else:
            element.text = (element.text or "") + part
    return element


def _write(text: str) -> Element:
    """Return a paragraph; what stands in backticks is code."""
    parts = text.split("`")
    return tag("p", *[tag("code", part) if position % 2 else part for position, part in enumerate(parts)])


def _list_contents(document: Schema) -> Iterator[Element]:
    yield tag("a", "Credentials", href="#credentials")
    for group in document["tags"]:
        yield tag("strong", group["name"])
        for path, method, operation in _list_operations(document, group["name"]):
            label = tag("b", method.upper(), class_=method)
            yield tag("a", label, f" {path}", href=f"#{operation['operationId']}")
    yield tag("strong", "More")
    yield tag("a", "Connector types", href="#types")
    yield tag("a", "Schemas", href="#schemas")


def _list_operations(document: Schema, group: str) -> Iterator[tuple[str, str, Schema]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item and group in item[method]["tags"]:
                yield path, method, item[method]


def _render_security(schemes: Schema) -> Iterator[Element]:
    for scheme in schemes.values():
        header = scheme.get("name", "Authorization: Bearer")
        yield tag("p", tag("code", header), f" {scheme['description']}")


def _render_operations(document: Schema) -> Iterator[Element]:
    for group in document["tags"]:
        yield tag("h2", group["name"])
        yield tag("p", group["description"])
        for path, method, operation in _list_operations(document, group["name"]):
            yield _render_operation(document, path, method, operation)


def _render_operation(document: Schema, path: str, method: str, operation: Schema) -> Element:
    parts: list[Element] = [
        tag(
            "h3", tag("b", method.upper(), class_=method), " ", tag("code", path), id=operation["operationId"]
        ),
        _write(operation["summary"] + "."),
    ]
    if "description" in operation:
        parts.append(_write(operation["description"]))
    if operation.get("security") == []:
        parts.append(tag("p", "No credential is needed."))
    parameters = [_resolve(document, each) for each in operation.get("parameters", ())]
    if parameters:
        rows = [
            (
                tag("code", each["name"]),
                each["in"],
                _name_kind(_schema_of(each)),
                each.get("description", ""),
            )
            for each in parameters
        ]
        parts.append(_render_table(("Parameter", "In", "Kind", ""), rows))
    parts += _render_body(operation)
    parts.append(_render_table(("Status", "Answer", ""), [*_list_answers(document, operation)]))
    return tag("section", *parts)


def _schema_of(parameter: Schema) -> Schema:
    """Return the schema of a parameter, or of the JSON that it holds."""
    [schema] = [each["schema"] for each in parameter.get("content", {"": parameter}).values()]
    return dict(schema)


def _render_body(operation: Schema) -> Iterator[Element]:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield tag("p", "Body: ", _name_kind(content["schema"]))
        for example in content["examples"].values():
            text = tag("pre", json.dumps(example["value"], indent=2, ensure_ascii=False))
            yield tag("details", tag("summary", example["summary"]), text)


def _list_answers(document: Schema, operation: Schema) -> Iterator[tuple[Part, ...]]:
    for status, answer in operation["responses"].items():
        found = _resolve(document, answer)
        kinds = [_name_kind(content["schema"]) for content in found.get("content", {}).values()]
        yield tag("code", status), kinds[0] if kinds else "", found["description"]


def _render_schemas(document: Schema, *, types: bool) -> Iterator[Element]:
    for name, schema in document["components"]["schemas"].items():
        if name.startswith(_CONFIGURATION) is types and not name.startswith(_BRANCHES):
            yield _render_schema(name, schema, _merge_branches(document, schema))


def _merge_branches(document: Schema, schema: Schema) -> Schema:
    """Return an object's schema; of a choice between objects with the same keys, what they say together."""
    branches = [*_list_branches(document, schema)]
    keys = [branch.get("properties", {}) for branch in branches]
    if any(each.keys() != keys[0].keys() for each in keys):
        return schema
    merged = {
        key: rules if all(each[key] == rules for each in keys) else _vary([each[key] for each in keys])
        for key, rules in keys[0].items()
    }
    always = set[str].intersection(*[set(branch.get("required", ())) for branch in branches])
    return {**schema, "properties": merged, "required": [*always]}


def _list_branches(document: Schema, schema: Schema) -> Iterator[Schema]:
    found = _resolve(document, schema)
    choices = found.get("anyOf", found.get("oneOf"))
    if choices is None:
        yield found
    for choice in choices or ():
        yield from _list_branches(document, choice)


def _vary(kinds: Sequence[Schema]) -> Schema:
    """Return the rules of a key that has others in every branch."""
    values = [kind["const"] for kind in kinds if "const" in kind]
    if values:
        others = [kind for kind in kinds if "const" not in kind]
        return {**others[0], "anyOf": [{"enum": values}, *others]}
    each: list[Schema] = []
    for choice in chain.from_iterable(kind["anyOf"] for kind in kinds):
        each += [choice] if choice not in each else []
    return {**kinds[0], "anyOf": each}


def _render_schema(name: str, schema: Schema, shown: Schema) -> Element:
    required = shown.get("required", ())
    rows = [
        (
            tag("code", key),
            _name_kind(rules),
            _mark(rules, required=key in required),
            rules.get("description", ""),
        )
        for key, rules in shown.get("properties", {}).items()
    ]
    about = schema.get("description", "")
    parts = [
        tag("summary", tag("code", name.removeprefix(_CONFIGURATION)), " ", about.partition("\n")[0]),
        *([_render_table(("Key", "Kind", "", ""), rows)] if rows else []),
        tag(
            "details",
            tag("summary", "JSON Schema"),
            tag("pre", json.dumps(schema, indent=2, ensure_ascii=False)),
        ),
    ]
    return tag("details", *parts, id=name)


def _mark(rules: Schema, *, required: bool) -> str:
    marks = {
        "required": required,
        "secret": "writeOnly" in rules,
        "ignored": "readOnly" in rules,
        "destination": "x-destination" in rules,
        "trust": "x-trust" in rules,
    }
    return ", ".join(mark for mark, holds in marks.items() if holds)


def _name_kind(schema: Schema) -> Element:
    """Say in a word or two what a schema allows, with a link where it has a name."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return tag("a", name, href=f"#{name}")
    if "items" in schema:
        return tag("span", "list of ", _name_kind(schema["items"]))
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return tag("span", *_join([_name_kind(each) for each in schema[keyword]]))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return tag("span", *_join([tag("code", json.dumps(value)) for value in values]))
    kinds = schema.get("type", "anything")
    return tag("span", kinds if isinstance(kinds, str) else " or ".join(kinds))


def _join(elements: Sequence[Element]) -> Iterator[Part]:
    for position, element in enumerate(elements):
        yield from (" or ", element) if position else (element,)


def _resolve(document: Schema, part: Schema) -> Schema:
    found: Any = part
    while "$ref" in found:
        steps = found["$ref"].removeprefix("#/").split("/")
        found = document
        for step in steps:
            found = found[step]
    return dict(found)


def _render_table(heads: Sequence[str], rows: Sequence[Sequence[Part]]) -> Element:
    head = tag("thead", tag("tr", *[tag("th", text, scope="col") for text in heads]))
    body = [tag("tr", *[tag("td", cell) for cell in row]) for row in rows]
    return tag("table", head, tag("tbody", *body))
