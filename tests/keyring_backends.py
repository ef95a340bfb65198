"""Backends for `keyring` that behave and misbehave, chosen by PYTHON_KEYRING_BACKEND in any process."""

# ruff: noqa: ARG002 - the arguments are keyring's

import json
import os
import time
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.compat import properties
from keyring.errors import InitError, KeyringLocked, PasswordDeleteError, PasswordSetError


class Shelf(KeyringBackend):
    """Keeps entries in the file that SHELF names, so that a new process finds them."""

    # Below zero no chain takes it up by itself.
    priority = -1

    @staticmethod
    def entries():
        path = Path(os.environ["SHELF"])
        return json.loads(path.read_text()) if path.exists() else {}

    @staticmethod
    def keep(entries):
        Path(os.environ["SHELF"]).write_text(json.dumps(entries))

    def get_password(self, service, username):
        return self.entries().get(f"{service}/{username}")

    def set_password(self, service, username, password):
        self.keep(self.entries() | {f"{service}/{username}": password})

    def delete_password(self, service, username):
        entries = self.entries()
        if entries.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError
        self.keep(entries)


class Losing(Shelf):
    """Takes everything and gives nothing back."""

    def get_password(self, service, username):
        return None


class Forgetful(Shelf):
    """Remembers within a process, and loses it with the process."""

    def get_password(self, service, username):
        return self.__dict__.get(f"{service}/{username}")

    def set_password(self, service, username, password):
        super().set_password(service, username, password)
        self.__dict__[f"{service}/{username}"] = password


class Changing(Shelf):
    """Gives back a key, and not the one it was given."""

    def set_password(self, service, username, password):
        super().set_password(service, username, password[:-4] + "AAA=")


class Locked(Shelf):
    """Is locked, and stays so."""

    def get_password(self, service, username):
        raise KeyringLocked("hunter2")


class Dismissed(Shelf):
    """Asks the user, who says no."""

    def get_password(self, service, username):
        # As secretstorage names it; it is known by name.
        class PromptDismissedException(Exception):
            pass

        raise InitError("hunter2") from PromptDismissedException("hunter2")


class ReadOnly(Shelf):
    """Gives, and takes nothing."""

    def set_password(self, service, username, password):
        raise PasswordSetError(password)


class Failing(Shelf):
    """Fails, and tells the secret in its message."""

    def get_password(self, service, username):
        raise RuntimeError("hunter2")


class Silent(Shelf):
    """Never answers in time."""

    def get_password(self, service, username):
        time.sleep(2)


class Unsuitable(Shelf):
    """Says itself that it does not work on this machine."""

    @properties.classproperty
    def priority(self):
        raise RuntimeError("hunter2")
