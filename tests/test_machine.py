"""A workspace against a model of it in plain dictionaries, through any sequence of changes and restarts."""

import base64
import contextlib
import os
import sqlite3
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from credenza.errors import CredenzaError
from credenza.model import Actor, ApiPut, Document, Drop, Put, Role, Tag
from credenza.sensitive import Sensitive
from credenza.settings import Settings, open_credenza

KEEP = 3
NAMES = ["a", "b", "c"]
KEYS = ("endpoint", "header")
ENDPOINTS = ["http://one.example", "http://one.example/path", "http://two.example"]
CONFIGURATION = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "endpoint": st.sampled_from(ENDPOINTS),
        "header": st.sampled_from(["X-One", "X-Two", None]),
        "api_key": st.sampled_from(["first", "second", None]),
    },
)
FIELDS = {
    "description": st.sampled_from([None, "", "text"]),
    "enabled": st.sampled_from([None, True, False]),
    "tags": st.none() | st.lists(st.sampled_from([Tag("a", "1"), Tag("a", "2"), Tag("b", "1")]), unique=True),
    "apis": st.none() | st.dictionaries(st.sampled_from(["x", "y/1"]), st.none() | st.booleans()),
    "replace_apis": st.booleans(),
}


class RefusedError(Exception):
    """The model says no, with this code."""


def origin(state):
    return urlsplit(state["endpoint"]).netloc if "endpoint" in state else None


def advance(state, change, version):
    """Return the state after a change; secrets are pairs of text and version.

    The model knows one type: `endpoint` is required and says where `api_key` goes, `header` is free.
    """
    old = state or {
        "public": {},
        "secret": None,
        "description": None,
        "enabled": True,
        "tags": (),
        "apis": {},
    }
    new = dict(old)
    if change["configuration"] is not None or state is None:
        new |= configure(old, change["configuration"] or {}, version)
    for field in ("description", "enabled"):
        new[field] = old[field] if change[field] is None else change[field]
    if change["tags"] is not None:
        new["tags"] = tuple(change["tags"])
    if change["apis"] is not None:
        kept = {} if change["replace_apis"] else dict(old["apis"])
        for api, enabled in change["apis"].items():
            kept[api] = old["apis"].get(api, True) if enabled is None else enabled
        new["apis"] = kept
    return new


def configure(old, sent, version):
    public = {key: sent[key] for key in KEYS if sent.get(key) is not None}
    if "endpoint" not in public:
        raise RefusedError("required")
    moved, secret = origin(public) != origin(old["public"]), old["secret"]
    if "api_key" not in sent and secret and moved:
        raise RefusedError("secret_reentry_required")
    text = sent.get("api_key")
    if "api_key" in sent and text is None:
        secret = None
    elif text is not None and (moved or not secret or secret[0] != text):
        secret = (text, version)
    return {"public": public, "secret": secret}


def foretell(versions, change, expected):
    """Return the code of a refusal, or the state after a save."""
    if expected is not None and expected != len(versions):
        return "version_mismatch", None
    try:
        return None, advance(versions[-1] if versions else None, change, len(versions) + 1)
    except RefusedError as refused:
        return str(refused), None


def write(name, change, **more):
    configuration, apis, tags = change["configuration"], change["apis"], change["tags"]
    return Put(
        name=name,
        type="ollama",
        configuration=None if configuration is None else Sensitive(configuration),
        description=change["description"],
        enabled=change["enabled"],
        tags=None if tags is None else tuple(tags),
        apis=None if apis is None else tuple(ApiPut(api, None, on) for api, on in apis.items()),
        replace_apis=change["replace_apis"],
        **more,
    )


class WorkspaceMachine(RuleBasedStateMachine):
    """`self.model` holds every integration as the list of its versions, oldest first."""

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        os.environ["CREDENZA_MACHINE_KEK"] = base64.b64encode(b"k" * 32).decode()
        self.path = Path(self.folder.name) / "store.db"
        self.model = {}
        self.service = None
        self.reopen()

    def teardown(self):
        if getattr(self, "service", None):
            self.service.close()
            self.folder.cleanup()

    @rule()
    def reopen(self):
        if self.service:
            self.service.close()
        options = {
            "store": f"sqlite:///{self.path}",
            "kek": "env://CREDENZA_MACHINE_KEK",
            "keep_versions": KEEP,
        }
        self.service = open_credenza(Settings.read({}, **options), serving=True, create=True)
        self.workspace = self.service.workspace(Actor(self.service.tenant(), "machine", Role.ADMIN))

    @rule(
        name=st.sampled_from(NAMES),
        change=st.fixed_dictionaries({"configuration": CONFIGURATION, **FIELDS}),
        expected=st.none() | st.integers(0, 3),
        rehearse=st.booleans(),
    )
    def save(self, name, change, expected, rehearse):
        """Save, at times after a rehearsal that must say the same and change nothing."""
        versions = self.model.get(name, [])
        put = write(name, change, expected_version=expected)
        if rehearse:
            planned = self.apply(put, dry_run=True)
            self.agrees()
        done = self.apply(put)
        if rehearse:
            assert planned == done
        code, new = foretell(versions, change, expected)
        if code is not None:
            assert code in done
        else:
            same = bool(versions) and new == versions[-1]
            result = "unchanged" if same else "updated" if versions else "created"
            assert done == [(result, len(versions) + (not same))]
            self.model[name] = versions if same else [*versions, new]

    @rule(change=st.fixed_dictionaries({"configuration": CONFIGURATION, **FIELDS}))
    def save_with_something_wrong(self, change):
        """Nothing comes of a batch with one bad item in it."""
        assert self.apply(*(write(name, change) for name in NAMES), Put(name="bad", type="unheard_of"))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def drop(self, data):
        name = data.draw(st.sampled_from(sorted(self.model)))

        assert self.apply(Drop(name)) == [("deleted", len(self.model.pop(name)))]

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def rollback(self, data):
        name = data.draw(st.sampled_from(sorted(self.model)))
        versions = self.model[name]
        then = data.draw(st.integers(1, len(versions)))
        target = versions[then - 1]
        lost = target["secret"] and target["secret"] not in self.held(versions)
        done = self.attempt(lambda: self.workspace.rollback(name, then))
        if lost:
            assert done == ["secret_reentry_required"]
        elif target == versions[-1]:
            assert done == [("unchanged", len(versions))]
        else:
            versions.append(target)
            assert done == [("updated", len(versions))]

    @invariant()
    def agrees(self):
        """All that can be read is what the model says."""
        if not hasattr(self, "model"):
            return
        assert [view.record.name for view in self.workspace.list()] == sorted(self.model)
        for name, versions in self.model.items():
            state = versions[-1]
            resolved = self.workspace.reveal(name)
            secret = {"api_key": state["secret"][0]} if state["secret"] else {}
            assert resolved.configuration.reveal() == {**state["public"], **secret}
            document = resolved.document
            assert (document.description, document.enabled) == (state["description"], state["enabled"])
            assert (document.tags, {a.api: a.enabled for a in document.apis}) == (
                state["tags"],
                state["apis"],
            )
            numbers = [version.version for version in self.workspace.history(name, limit=1_000)]
            assert numbers == list(range(len(versions), 0, -1))

    @invariant()
    def tables_agree_with_documents(self):
        """Every row belongs to something, and says what the documents say."""
        if not hasattr(self, "model"):
            return
        assert self.service.store.check() == []
        assert not self.workspace.verify_audit()[1]
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            rows = connection.execute
            for row, name, version in rows("SELECT id, name, version FROM integrations").fetchall():
                (text,) = rows(
                    "SELECT document FROM integration_versions WHERE integration_id = ? AND version = ?",
                    (row, version),
                ).fetchone()
                document = msgspec.json.decode(text, type=Document)
                apis = rows("SELECT api, enabled FROM integration_apis WHERE integration_id = ?", (row,))
                assert set(apis) == {(api.api, api.enabled) for api in document.apis}
                tags = rows("SELECT key, value FROM integration_tags WHERE integration_id = ?", (row,))
                assert set(tags) == set(document.tags)
                secrets = rows("SELECT path, version FROM secrets WHERE integration_id = ?", (row,))
                held = {("/api_key", version) for _, version in self.held(self.model[name])}
                assert set(secrets) == held

    def apply(self, *changes, **options):
        return self.attempt(lambda: self.workspace.apply(changes, **options))

    @staticmethod
    def attempt(call):
        """Make a call and return results and versions, or the codes of what is wrong."""
        try:
            receipt = call()
        except CredenzaError as error:
            return [problem.code for problem in error.problems]
        return [(item.result, item.version) for item in receipt.items]

    @staticmethod
    def held(versions):
        """Return the secrets that one of the last versions needs."""
        return {state["secret"] for state in versions[-KEEP:] if state["secret"]}


WorkspaceMachine.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestWorkspace = WorkspaceMachine.TestCase
