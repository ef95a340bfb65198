"""A report file says of every record what became of it."""

import pytest

from import_scripts import FIXTURES, SCRIPTS, Importer

CSV = FIXTURES / "table" / "accounts.csv"
EXAMPLE = ("--mapping", SCRIPTS / "mappings" / "table-example.yaml")


@pytest.fixture
def importer(tmp_path, kek):
    return Importer("table", tmp_path, kek)


def test_a_report_says_of_every_record_what_became_of_it(importer):
    told = importer.report(CSV, *EXAMPLE)

    assert {key: told[key] for key in told if key != "results"} == {
        "source": "table",
        "dryRun": False,
        "finished": True,
        "saved": 4,
        "records": 4,
        "ignored": 0,
        "loose": [],
    }
    assert told["results"][1] == {
        "name": "audit-log",
        "foreignName": "audit/log",
        "place": "row 2",
        "kind": "postgres",
        "type": "relational_db",
        "result": "created",
        "saved": True,
        "secrets": ["password"],
        "missing": [],
        "notTakenOver": [],
        "problems": [],
    }


def test_a_report_that_cannot_be_written_is_told_before_anything_is_saved(importer, tmp_path):
    importer.run(CSV, *EXAMPLE, "--report", tmp_path / "none" / "report.json", code=2)

    assert importer.names() == []
