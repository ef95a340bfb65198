"""Two servers hammered while one is killed and PostgreSQL crashes lose nothing and never say 500."""

import pytest

import postgresql

pytestmark = pytest.mark.system("postgresql")
FAULTS = ("calm", "kill", "crash")


@pytest.fixture(scope="module")
def servers_test():
    for name in ("relay", "servers_bench"):
        postgresql.load(name)
    return postgresql.load("servers_test")


@pytest.fixture(scope="module")
def campaign(servers_test, postgresql_server, tmp_path_factory):
    """Run a short campaign; return what it saw, and what is said of saves that were never made."""
    folder = tmp_path_factory.mktemp("servers")
    seen = []

    class Bench(servers_test.Bench):
        def __exit__(self, *error):
            seen.append(self.inspect(servers_test.KEPT, {}))
            super().__exit__(*error)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(servers_test, "Bench", Bench)
        report = servers_test.run_campaign(
            folder, postgresql_server, count=len(FAULTS), seconds=0.8, faults=FAULTS
        )
    return report, seen[0]


def test_no_save_is_lost_or_made_twice_and_no_answer_is_a_500(campaign):
    report, _ = campaign

    assert report.problems == []
    assert report.rounds == len(FAULTS)
    assert sum(report.saved.values()) > 100
    assert set(report.answers) <= {200, 204, 207, 400, 404, 409, 412, 503}


def test_what_happened_came_in_between(campaign):
    report, _ = campaign

    assert report.retried > 0


def test_the_inspection_finds_a_save_that_is_not_there(campaign, servers_test):
    _, told = campaign

    assert len(told) == len(servers_test.KEPT)
    assert "was saved 0 times" in told[0]
