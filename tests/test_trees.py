"""Which files of a folder are read: regular ones that lie in it; and what is passed over is said."""

import json
import os

import pytest

from age_keys import codes, new_store, write_all
from cli_prompt import OPENAI, SENDGRID
from credenza.cli import failures, trees

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")


@pytest.fixture
def store(tmp_path, kek):
    return new_store(tmp_path / "here", kek)


@pytest.fixture
def git(tmp_path):
    return write_all(tmp_path / "git", OPENAI)


def names(prompt):
    return [each["name"] for each in prompt.json("list", "--all")]


def test_a_link_is_read_where_it_stays_in_the_folder(store, git):
    """As in a volume of Kubernetes, whose files are links into a folder that is exchanged as a whole."""
    (git / "..data").mkdir()
    (git / "..data" / "b.json").write_text(json.dumps(SENDGRID))
    (git / "b.json").symlink_to("..data/b.json")

    store.run("apply", git)

    assert names(store) == ["a", "b"]


def test_what_is_no_regular_file_of_the_folder_is_refused_at_once_and_by_name(tmp_path, store, git):
    (tmp_path / "outside.json").write_text(json.dumps(SENDGRID))
    (git / "b.json").symlink_to(tmp_path / "outside.json")
    (git / "c.yaml").symlink_to("/dev/zero")
    os.mkfifo(git / "d.yaml")
    (git / "e.yaml").symlink_to("e.yaml")
    (git / "f.yaml").symlink_to("nowhere")
    (git / "pipe.yaml").symlink_to("d.yaml")

    for command in ("apply", "import"):
        told = store.refusal(command, git, code=failures.REFUSED)["errors"]
        said = {each["name"]: each["message"] for each in told}
        assert {each["code"] for each in told} == {"unreadable_file"}
        assert sorted(said) == ["b.json", "c.yaml", "d.yaml", "e.yaml", "f.yaml", "pipe.yaml"]
        assert all("leaves the folder" in said[file] for file in ("b.json", "c.yaml"))
        assert all("no regular file" in said[file] for file in ("d.yaml", "pipe.yaml"))
        assert all("cannot be read" in said[file] for file in ("e.yaml", "f.yaml"))
    assert names(store) == []


def test_a_file_that_nobody_wrote_by_hand_is_refused_by_its_size(store, git, monkeypatch):
    monkeypatch.setattr(trees, "_LARGEST", 1000)
    (git / "b.yaml").write_text("#" * 1001)

    told = store.refusal("apply", git, code=failures.REFUSED)

    assert codes(told) == [("unreadable_file", "b.yaml", "")]


@pytest.mark.parametrize("options", [[], ["--yes"], ["--plan"]])
def test_nothing_is_pruned_where_a_part_of_the_folder_is_not_read(tmp_path, store, git, options):
    bucket = {"connectionType": "CONDUCTOR_ROLE", "region": "eu-west-1"}
    store.run("apply", "-", input=[{"name": "bucket", "type": "aws", "configuration": bucket}])
    (git / "below").mkdir()
    (git / "below" / "more").symlink_to(write_all(tmp_path / "real", SENDGRID))
    (git / "all.jsonl").write_text(json.dumps(SENDGRID))

    told = store.refusal("apply", git, "--prune", *options, code=failures.REFUSED)

    assert codes(told) == [("passed_over", "all.jsonl", ""), ("passed_over", "below/more", "")]
    assert names(store) == ["bucket"]
    assert store.run("apply", git).stdout == "1 created.\n"
