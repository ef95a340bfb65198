"""Imports point down, rooms stay small, and what no file may hold. Each rule is also shown what breaks it."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
FLOORS = {
    "credenza.errors": 0,
    "credenza.sensitive": 0,
    "credenza.model": 0,
    "credenza.observer": 0,
    "credenza.ports": 0,
    "credenza.key_ports": 0,
    "credenza.loss_ports": 0,
    "credenza.ids": 0,
    "credenza.pointers": 0,
    "credenza.randomness": 0,
    "credenza.trail": 0,
    "credenza.tables": 0,
    "credenza.connectors": 1,
    "credenza.access": 1,
    "credenza.audit": 1,
    "credenza.breaks": 1,
    "credenza.client": 1,
    "credenza.metrics": 1,
    "credenza.tracing": 1,
    "credenza.transfer": 1,
    "credenza.vault": 1,
    "credenza.plans": 1,
    "credenza.workspace": 2,
    "credenza.accounts": 2,
    "credenza.rotation": 2,
    "credenza.loss": 2,
    "credenza.settings": 3,
    "credenza.copies": 3,
    "credenza.web": 4,
    "credenza.web.app": 5,
    "credenza.cli": 5,
    "credenza.__main__": 6,
}
WINGS = ("credenza.stores", "credenza.keys")
PRINTS = "credenza.cli"
GUARDED = ("credenza.access", "credenza.vault")
LONGEST_FILE, LONGEST_FUNCTION = 350, 50
CONFIDENTIAL = re.compile(r"(hash|mac|proof|secret|fingerprint|signature|check|commitment|kek|dek)$")


def lies_in(module, room):
    return module == room or module.startswith(f"{room}.")


def name_of(path):
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path.read_text() for path in sorted(SRC.glob("credenza/**/*.py"))}


def imports_of(source):
    """Return the modules of the project that a source imports, wherever in it that stands."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
    return {name for name in found if lies_in(name, "credenza")}


def floor_of(module):
    if module == "credenza":  # holds the version
        return 0
    rooms = [room for room in FLOORS if lies_in(module, room)]
    return FLOORS[max(rooms, key=len)] if rooms else None


def wing_of(module):
    return next((wing for wing in WINGS if lies_in(module, wing)), None)


def may_import(module, other):
    """Say whether one module may import another: from its own floor or below, wings from the ground floor."""
    wing = wing_of(module)
    if wing is not None:
        return wing_of(other) == wing or floor_of(other) == 0
    if wing_of(other) is not None:
        return module == "credenza.settings"
    return None not in {floor_of(module), floor_of(other)} and floor_of(other) <= floor_of(module)


def find_long_functions(source):
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    ]


def find_calls(source, name):
    nodes = ast.walk(ast.parse(source))
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return [node.lineno for node in calls if node.func.id == name]


def find_asserts(source):
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]


def find_plain_comparisons(source):
    """Return the lines where something confidential is compared in a time that depends on it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops):
            sides = [ast.unparse(side).removesuffix(".reveal()") for side in (node.left, *node.comparators)]
            if any(CONFIDENTIAL.search(side) for side in sides):
                found.append(node.lineno)
    return found


def has_docstring(source):
    return ast.get_docstring(ast.parse(source)) is not None


def breaking(rule):
    """Return the modules that break a rule."""
    return [module for module, source in MODULES.items() if not rule(module, source)]


def test_every_module_has_its_place():
    assert breaking(lambda module, _: wing_of(module) or floor_of(module) is not None) == []


def test_imports_point_down():
    found = [(module, other) for module, source in MODULES.items() for other in imports_of(source)]

    assert len(found) > 200
    assert [pair for pair in found if not may_import(*pair)] == []


def test_there_is_no_ring_of_imports():
    graph = {module: imports_of(source) - {module} for module, source in MODULES.items()}

    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)


def test_a_module_begins_by_saying_what_it_is():
    assert breaking(lambda _, source: has_docstring(source)) == []


def test_a_file_is_short_and_so_are_its_functions():
    assert breaking(lambda _, source: len(source.splitlines()) <= LONGEST_FILE) == []
    assert breaking(lambda _, source: not find_long_functions(source)) == []


def test_control_flow_never_hangs_on_an_assertion():
    assert breaking(lambda _, source: not find_asserts(source)) == []


def test_only_the_command_line_prints():
    rest = breaking(lambda _, source: not find_calls(source, "print"))

    assert [module for module in rest if not lies_in(module, PRINTS)] == []


def test_only_one_file_knows_ciphers():
    assert breaking(lambda _, source: "cryptography" not in source) == ["credenza.vault.envelope"]


def test_only_one_file_knows_age():
    assert breaking(lambda _, source: "import pyrage" not in source) == ["credenza.transfer.age"]


def test_what_is_confidential_is_compared_in_constant_time():
    found = breaking(lambda _, source: not find_plain_comparisons(source))

    assert [module for module in found if any(lies_in(module, room) for room in GUARDED)] == []


# Each rule is shown what it is there to find.


@pytest.mark.parametrize(
    ("module", "other"),
    [
        ("credenza.model", "credenza.vault"),
        ("credenza.connectors", "credenza.workspace"),
        ("credenza.web.problems", "credenza.web.app"),
        ("credenza.workspace.face", "credenza.stores.sqlite"),
        ("credenza.cli.doctor", "credenza.keys"),
        ("credenza.stores.sqlite", "credenza.vault"),
        ("credenza.stores.sqlite", "credenza.keys"),
        ("credenza.settings", "credenza.web"),
        ("credenza.web", "credenza.unheard_of"),
    ],
)
def test_an_import_that_points_up_is_found(module, other):
    assert not may_import(module, other)


@pytest.mark.parametrize(
    "source",
    [
        "import credenza.model",
        "from credenza import model",
        "from credenza.model import Put",
        "def f():\n    from credenza.model import Put",
    ],
)
def test_an_import_is_found_wherever_it_stands(source):
    assert imports_of(source) == {"credenza.model"}


def test_a_ring_of_imports_is_found():
    with pytest.raises(CycleError):
        list(TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"a"}}).static_order())


@pytest.mark.parametrize(
    "source",
    [
        "key.hash == other",
        "if mac != known_mac: pass",
        "x = box.kek.reveal() == other.reveal()",
        "meta.check == envelope.check",
    ],
)
def test_a_comparison_in_plain_time_is_found(source):
    assert find_plain_comparisons(source) == [1]


def test_a_long_function_an_assertion_a_print_and_a_missing_docstring_are_found():
    source = "def f():\n" + "    assert 1\n" * 50 + "print(1)\n"

    assert (find_long_functions(source), len(find_asserts(source))) == (["f"], 50)
    assert (find_calls(source, "print"), has_docstring(source)) == ([52], False)
