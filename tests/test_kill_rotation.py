"""A command that gives a store new keys, killed at any of its transactions, loses nothing and is finished."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "kill_rotation.py"


@pytest.fixture(scope="module")
def kill_rotation():
    spec = importlib.util.spec_from_file_location("kill_rotation", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["kill_rotation"] = module  # where its types are looked up by name
    spec.loader.exec_module(module)
    yield module
    del sys.modules["kill_rotation"]


def test_nothing_is_lost_by_kills_at_any_moment_while_a_server_saves(kill_rotation, tmp_path):
    uri = f"sqlite:///{tmp_path}/store/credenza.db"

    report = kill_rotation.run_campaign(uri, count=3, integrations=12, seed=1)

    assert report.problems == []
    assert (report.kills, report.halfway >= 2, report.saves > 5) == (3, True, True)


def test_what_is_lost_is_found(kill_rotation, tmp_path):
    bench = kill_rotation.Bench(f"sqlite:///{tmp_path}/store/credenza.db", 2)
    report = kill_rotation.Report()
    try:
        kill_rotation.inspect(bench, report)
        assert report.problems == []
        bench.saved["n001"].append("acknowledged and lost")
        bench.saved["n000"][0] = "another"

        kill_rotation.inspect(bench, report)
    finally:
        bench.server.close()

    assert [problem.partition(":")[0] for problem in report.problems] == ["The server", "The program"]
    assert "2 secrets are not as they were saved" in report.problems[0]
