"""A server killed at any moment has kept every save it acknowledged, and no half of another."""

import importlib.util
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "kill_test.py"


@pytest.fixture(scope="module")
def kill_test():
    spec = importlib.util.spec_from_file_location("kill_test", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def campaign(kill_test, tmp_path_factory):
    """Kill a server a dozen times; return the folder of its store and the report."""
    folder = tmp_path_factory.mktemp("kill")
    return folder, kill_test.run_campaign(folder, count=12, most=0.4)


def test_no_acknowledged_save_is_lost_and_none_is_half_done(campaign):
    _, report = campaign

    assert report.problems == []
    assert (report.kills, report.acknowledged > 100, report.replayed > 50) == (12, True, True)


def test_some_saves_were_cut_short_so_that_the_kills_came_in_between(campaign):
    _, report = campaign

    first_of_the_cut_short = [batch for batch in report.batches if batch.answer is None]
    assert first_of_the_cut_short


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("DELETE FROM integrations WHERE name = 'own-0-0-a'", "half done"),
        ("DELETE FROM integrations WHERE name LIKE 'own-0-0-_'", "lost"),
        ("DELETE FROM integration_apis WHERE api = 'model-0'", "apis"),
        ("DELETE FROM audit WHERE sequence = 5", "missing"),
    ],
)
def test_the_inspection_finds_what_is_lost(kill_test, campaign, tmp_path, damage, says):
    folder, report = campaign
    copy = tmp_path / "copy.db"
    original = sqlite3.connect(folder / "store" / "credenza.db")
    with closing(original) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("PRAGMA foreign_keys = 1")
        target.execute(damage)
        target.commit()
    bench = kill_test.Bench.__new__(kill_test.Bench)
    bench.path, bench._uri = copy, f"sqlite:///{copy}"
    damaged = msgspec.structs.replace(report, problems=[])

    kill_test.inspect(bench, damaged)

    assert any(says in problem for problem in damaged.problems)
