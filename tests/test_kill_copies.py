"""Whatever is killed while a store is copied, no half of one is left, and the same again works."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"
CARELESS = """
import sys
sys.path.insert(0, {scripts!r})
import kill_copies
from credenza.stores.sqlite import intake

# The file is made in the very place of the store, and its name is never taken.
begin = intake.SqliteIntake._begin
def careless(made):
    made._partial = made._path
    return begin(made)
intake.SqliteIntake._begin = careless
intake.SqliteIntake._take_name = lambda made: None
intake.SqliteIntake.close = lambda made: made._lock.release()
kill_copies.main(only="move")
"""


def run(*arguments):
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_nothing_that_is_killed_leaves_half_of_anything():
    assert run(SCRIPTS / "kill_copies.py", "--count", "4") == []


def test_the_campaign_finds_half_of_a_store():
    found = run("-c", CARELESS.format(scripts=str(SCRIPTS)), "--count", "6")

    assert any("there is half of" in each or "is gone" in each for each in found)
