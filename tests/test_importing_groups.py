"""Variables are put together into records by their names."""

import pytest

import import_scripts  # noqa: F401  # brings the scripts into the path
from credenza.sensitive import Sensitive
from importing.groups import Group, group
from importing.records import Found, Loose, Single, Unreadable

GROUPS = {
    "openai": Group(("OPENAI_API_KEY",), ("OPENAI_*",)),
    "azure": Group(("AZURE_OPENAI_API_KEY",), ("AZURE_OPENAI_*",), name="azure-openai"),
    "aws": Group(("AWS_KEY", "AWS_SECRET"), ("AWS_*",)),
    "gcp": Group(("GOOGLE_FILE",), ("GOOGLE_*",), files=("GOOGLE_FILE",)),
}


def assemble(read_file=lambda _: None, **values):
    singles = [
        Single(name, Sensitive(value), f"line {at}") for at, (name, value) in enumerate(values.items(), 1)
    ]
    return list(group(singles, GROUPS, read_file))


def show(found):
    return {each.name: (each.kind, each.fields.reveal()) for each in found if isinstance(each, Found)}


@pytest.mark.parametrize(
    ("values", "records"),
    [
        ({"OPENAI_API_KEY": "k"}, {"openai": ("openai", {"OPENAI_API_KEY": "k"})}),
        (
            {"OPENAI_MODEL": "m", "OPENAI_API_KEY": "k"},
            {"openai": ("openai", {"OPENAI_MODEL": "m", "OPENAI_API_KEY": "k"})},
        ),
        (
            {"STAGING_OPENAI_API_KEY": "s", "STAGING_OPENAI_MODEL": "m", "OPENAI_API_KEY": "k"},
            {
                "staging-openai": ("openai", {"OPENAI_API_KEY": "s", "OPENAI_MODEL": "m"}),
                "openai": ("openai", {"OPENAI_API_KEY": "k"}),
            },
        ),
        (
            {"OPENAI_API_KEY": "k", "AZURE_OPENAI_API_KEY": "a", "MY_APP_AZURE_OPENAI_API_KEY": "b"},
            {
                "openai": ("openai", {"OPENAI_API_KEY": "k"}),
                "azure-openai": ("azure", {"AZURE_OPENAI_API_KEY": "a"}),
                "my-app-azure-openai": ("azure", {"AZURE_OPENAI_API_KEY": "b"}),
            },
        ),
        ({"AWS_KEY": "k", "AWS_SECRET": "s"}, {"aws": ("aws", {"AWS_KEY": "k", "AWS_SECRET": "s"})}),
        ({"AWS_SECRET": "s"}, {"aws": ("aws", {"AWS_SECRET": "s"})}),
        ({"OPENAI_MODEL": "m"}, {}),
        ({"XOPENAI_API_KEY": "m"}, {}),
    ],
)
def test_a_needed_name_makes_a_record_and_its_prefix_another(values, records):
    assert show(assemble(**values)) == records


def test_a_place_names_the_line_and_the_variables_but_no_value():
    (found,) = assemble(OPENAI_API_KEY="made-up", OPENAI_MODEL="made-up")

    assert found.place == "line 1, OPENAI_API_KEY, OPENAI_MODEL"


def test_what_belongs_to_nothing_is_loose():
    assert assemble(OPENAI_API_KEY="k", DEBUG="1", OPENAI="x")[1:] == [
        Loose("DEBUG", "line 2"),
        Loose("OPENAI", "line 3"),
    ]


@pytest.mark.parametrize("name", ["MIIEvQIBADANBgkqhkiG9w0BAQE", "lower", "A" * 65, "É"])
def test_a_name_that_may_be_something_else_is_told_by_its_place(name):
    assert assemble(**{name: "="}) == [Loose("line 1", "line 1")]


def test_the_text_of_a_named_file_is_meant():
    files = {"/a/key.json": Sensitive("{}")}

    assert show(assemble(files.get, GOOGLE_FILE="/a/key.json")) == {"gcp": ("gcp", {"GOOGLE_FILE": "{}"})}


def test_a_named_file_that_cannot_be_read_is_told_without_its_path():
    (found,) = assemble(DEV_GOOGLE_FILE="/made-up/path")

    assert found == Unreadable("dev-gcp", "line 1", "DEV_GOOGLE_FILE", "the file it names cannot be read")
