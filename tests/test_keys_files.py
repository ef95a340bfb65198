"""Keys in files: for the owner alone, never overwritten, and never beside what they open."""

import base64
import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from credenza.errors import KeyAbsent, KeyBroken, KeyDenied
from credenza.keys import files, keep_apart, local
from credenza.keys.local import KeyFile, KeyVariable
from credenza.keys.os_keyring import OsKeyring
from credenza.sensitive import Sensitive
from key_provider_contract import VAULT, KeyProviderContract

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")


@pytest.fixture
def key_file(tmp_path):
    """Return the path of a key file that is as it must be."""
    path = tmp_path / "kek"
    KeyFile(path.as_uri()).create(VAULT)
    return path


def fetch(path):
    return KeyFile(path.as_uri()).fetch(VAULT, None)


class TestOneKeyFile(KeyProviderContract):
    per_vault = False

    @pytest.fixture
    def provide(self, tmp_path):
        return lambda: KeyFile((tmp_path / "new" / "folder" / "kek").as_uri())


class TestFolderOfKeyFiles(KeyProviderContract):
    @pytest.fixture
    def provide(self, tmp_path):
        return lambda: KeyFile(tmp_path.as_uri() + "/")


class TestReadingAKeyFile:
    def test_the_file_is_base64_in_one_line(self, key_file):
        assert base64.b64decode(key_file.read_text()) == fetch(key_file).reveal()
        assert key_file.read_text().count("\n") == 1

    def test_a_path_is_percent_decoded(self, tmp_path):
        key, _ = KeyFile((tmp_path / "a b?#ü").as_uri()).create(VAULT)
        assert fetch(tmp_path / "a b?#ü").reveal() == key.reveal()

    @pytest.mark.parametrize("path", ["kek", "kek/below/a/file"])
    def test_a_missing_file_is_an_absent_key(self, tmp_path, path):
        if "/" in path:
            (tmp_path / "kek").write_text("a file, not a folder")
        with pytest.raises(KeyAbsent, match="There is no key file"):
            fetch(tmp_path / path)

    @posix
    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o777])
    def test_a_file_open_to_others_is_denied_with_the_command_that_closes_it(self, key_file, mode):
        key_file.chmod(mode)
        with pytest.raises(KeyDenied, match=f"chmod 600 {key_file}"):
            fetch(key_file)

    @posix
    def test_a_file_that_only_its_owner_can_read_and_not_write_is_good(self, key_file):
        key_file.chmod(0o400)
        assert len(fetch(key_file).reveal()) == 32

    @posix
    def test_a_file_of_another_user_is_denied(self, key_file, monkeypatch):
        monkeypatch.setattr(os, "geteuid", lambda: key_file.stat().st_uid + 1)
        with pytest.raises(KeyDenied, match="belongs to another user"):
            fetch(key_file)

    @posix
    def test_a_symbolic_link_is_denied(self, key_file):
        link = key_file.with_name("link")
        link.symlink_to(key_file)
        with pytest.raises(KeyDenied, match="symbolic link"):
            fetch(link)

    @posix
    def test_a_link_put_in_place_after_the_look_is_not_followed(self, key_file, monkeypatch):
        link = key_file.with_name("link")
        link.symlink_to(key_file)
        monkeypatch.setattr(Path, "is_symlink", lambda _: False)
        with pytest.raises(KeyBroken, match="cannot be read"):
            fetch(link)

    @posix
    @pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
    def test_a_folder_or_a_pipe_in_its_place_is_no_key(self, tmp_path, make):
        make(tmp_path / "kek", 0o700)
        with pytest.raises(KeyBroken, match="not a regular file"):
            fetch(tmp_path / "kek")

    @pytest.mark.parametrize(
        "content", [b"", b"hunter2", b"\xff" * 44, b"A" * 43, b"QUFB", b"A" * 43 + b"=" + b" " * 2000]
    )
    def test_a_file_that_holds_no_key_is_broken_without_its_content(self, key_file, content):
        key_file.write_bytes(content)
        with pytest.raises(KeyBroken, match=r"not a key|too large") as caught:
            fetch(key_file)
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize(
        ("number", "kind"), [(errno.EACCES, KeyDenied), (errno.EPERM, KeyDenied), (errno.EIO, KeyBroken)]
    )
    def test_what_the_system_refuses_is_denied_and_what_fails_is_broken(
        self, key_file, monkeypatch, number, kind
    ):
        def fail(*_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "open", fail)
        with pytest.raises(kind):
            fetch(key_file)


class TestMakingAKeyFile:
    @posix
    def test_file_and_new_folders_are_for_the_owner_alone(self, tmp_path):
        path = tmp_path / "a" / "b" / "kek"
        KeyFile(path.as_uri()).create(VAULT)
        modes = [stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent, path.parent.parent)]
        assert modes == [0o600, 0o700, 0o700]

    @pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
    def test_what_is_there_already_stays_as_it_is(self, tmp_path, make):
        make(tmp_path / "kek")
        with pytest.raises(KeyDenied, match="never overwritten"):
            KeyFile((tmp_path / "kek").as_uri()).create(VAULT)

    @posix
    def test_a_link_to_nowhere_is_not_written_through(self, tmp_path):
        (tmp_path / "kek").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(KeyDenied, match="never overwritten"):
            KeyFile((tmp_path / "kek").as_uri()).create(VAULT)
        assert not (tmp_path / "elsewhere").exists()

    @pytest.mark.parametrize("mark", [Path.mkdir, Path.touch])
    def test_a_git_work_tree_is_no_place_for_a_key(self, tmp_path, mark):
        mark(tmp_path / ".git")
        for path in (tmp_path / "kek", tmp_path / "new" / "folder" / "kek"):
            with pytest.raises(KeyDenied, match="git work tree"):
                KeyFile(path.as_uri()).create(VAULT)
        assert [place.name for place in tmp_path.iterdir()] == [".git"]

    def test_a_git_work_tree_is_seen_through_a_link_into_it(self, tmp_path):
        (tmp_path / "tree" / "folder").mkdir(parents=True)
        (tmp_path / "tree" / ".git").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "tree" / "folder")
        with pytest.raises(KeyDenied, match="git work tree"):
            KeyFile((tmp_path / "link" / "kek").as_uri()).create(VAULT)

    def test_a_key_that_lies_in_a_git_work_tree_already_is_still_read(self, key_file):
        (key_file.parent / ".git").mkdir()
        assert len(fetch(key_file).reveal()) == 32

    @pytest.mark.parametrize(
        ("number", "kind"), [(errno.ENOSPC, KeyBroken), (errno.EIO, KeyBroken), (errno.EPERM, KeyDenied)]
    )
    def test_a_device_that_fails_leaves_nothing_behind(self, tmp_path, monkeypatch, number, kind):
        def fail(_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(kind):
            KeyFile((tmp_path / "kek").as_uri()).create(VAULT)
        assert list(tmp_path.iterdir()) == []

    def test_an_interruption_leaves_nothing_behind(self, tmp_path, monkeypatch):
        def interrupt(_):
            raise KeyboardInterrupt

        monkeypatch.setattr(files, "_sync_folder", interrupt)
        with pytest.raises(KeyboardInterrupt):
            KeyFile((tmp_path / "kek").as_uri()).create(VAULT)
        assert list(tmp_path.iterdir()) == []

    @posix
    def test_file_and_folders_are_synced_before_create_returns(self, tmp_path, monkeypatch):
        synced, sync = [], os.fsync
        monkeypatch.setattr(
            os, "fsync", lambda handle: (synced.append(os.fstat(handle).st_ino), sync(handle))
        )
        path = tmp_path / "new" / "kek"
        KeyFile(path.as_uri()).create(VAULT)
        assert synced == [place.stat().st_ino for place in (tmp_path, path, path.parent)]

    def test_a_file_that_reads_otherwise_than_written_is_broken(self, tmp_path, monkeypatch):
        monkeypatch.setattr(local, "read_private", lambda _: Sensitive("A" * 43 + "="))
        with pytest.raises(KeyBroken, match="did not give back"):
            KeyFile((tmp_path / "kek").as_uri()).create(VAULT)


class TestKeyAndStoreApart:
    @pytest.mark.parametrize(
        "key", ["store/kek", "store/below/kek", "store/x/../kek", "link/kek", "deep/kek"]
    )
    def test_a_key_in_the_folder_of_the_store_or_below_it_is_denied(self, tmp_path, key):
        (tmp_path / "store").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "store")
        (tmp_path / "deep").symlink_to(tmp_path / "store" / "below")
        with pytest.raises(KeyDenied, match="must not lie in the folder of the store"):
            keep_apart(KeyFile(f"{tmp_path.as_uri()}/{key}"), tmp_path / "store")
        with pytest.raises(KeyDenied, match="must not lie in the folder of the store"):
            keep_apart(KeyFile(f"{(tmp_path / key).parent.as_uri()}/"), tmp_path / "store")

    def test_the_folder_of_the_store_may_be_named_by_a_link_or_not_exist_yet(self, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path / "store")
        with pytest.raises(KeyDenied):
            keep_apart(KeyFile((tmp_path / "store" / "kek").as_uri()), tmp_path / "link")

    @pytest.mark.parametrize("key", ["kek", "keys/kek", "store2/kek"])
    def test_a_key_anywhere_else_is_good(self, tmp_path, key):
        keep_apart(KeyFile((tmp_path / key).as_uri()), tmp_path / "store")

    def test_a_loop_of_links_is_no_reason_to_fail(self, tmp_path):
        (tmp_path / "kek").symlink_to(tmp_path / "kek")
        keep_apart(KeyFile((tmp_path / "kek").as_uri()), tmp_path / "store")

    @pytest.mark.parametrize("provider", [KeyVariable("env://A"), OsKeyring("keyring://a")])
    def test_a_key_that_is_in_no_folder_lies_in_none(self, provider, tmp_path):
        keep_apart(provider, tmp_path)
