"""Any sequence of saves, new keys, cuts and restarts, by two programs: what was acknowledged opens.

A longer run: `CREDENZA_MACHINE_RUNS=2000 scripts/test tests/test_key_machine.py`.
"""

import os
import tempfile

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from credenza.model import Drop
from credenza.rotation import prepare, reencryption, rewrap
from credenza.settings import Settings, open_credenza, open_key
from rotation_things import (
    Crash,
    crashing,
    make_kek,
    put,
    reveal,
    rows_of,
    states_of,
    terms_of,
    turn,
    workspace_of,
)

KEEP = 3
RUNS = int(os.environ.get("CREDENZA_MACHINE_RUNS", "12"))
NAMES, PROGRAMS = ["a", "b", "c"], ["server", "command"]
CUTS = st.none() | st.tuples(st.integers(1, 6), st.booleans())


class _Variables:
    """Environment variables as `make_kek` sets them."""

    setenv = staticmethod(os.environ.__setitem__)


class KeyMachine(RuleBasedStateMachine):
    """`self.model` holds the secrets of all versions of each integration, oldest first."""

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.made = 0
        self.kek, self.next = self.make(), None
        self.model, self.programs, self.terms = {}, {}, {}
        self.page, reencryption.PAGE = reencryption.PAGE, 3
        for program in PROGRAMS:
            self.open(program)

    def teardown(self):
        for service in getattr(self, "programs", {}).values():
            service.close()
        if hasattr(self, "folder"):
            self.folder.cleanup()
            reencryption.PAGE = self.page

    def make(self):
        self.made += 1
        return make_kek(_Variables, f"CREDENZA_MACHINE_KEK_{self.made}")

    def open(self, program):
        if program in self.programs:
            self.programs.pop(program).close()
        told = Settings.read(
            {},
            store=f"sqlite:///{self.folder.name}/s/store.db",
            kek=self.kek,
            kek_next=self.next,
            keep_versions=KEEP,
        )
        self.programs[program] = open_credenza(told, serving=program == "server", create=True)
        self.terms[program] = self.ring_of(program)._terms

    def ring_of(self, program):
        service = self.programs[program]
        return service.vault.ring(service.tenant().id)

    @rule(program=st.sampled_from(PROGRAMS))
    def restart(self, program):
        self.open(program)

    @rule(
        program=st.sampled_from(PROGRAMS),
        name=st.sampled_from(NAMES),
        secret=st.sampled_from("xyz"),
        asleep=st.booleans(),
    )
    def save(self, program, name, secret, asleep):
        """Save, at times by a program that knows no more of the ring than when it was started."""
        versions = self.model.setdefault(name, [])
        if asleep:
            self.ring_of(program)._terms = self.terms[program]
        (item,) = workspace_of(self.programs[program]).apply([put(name, api_key=secret)]).items
        if not versions or versions[-1] != secret:
            versions.append(secret)
        assert item.version == len(versions)

    @precondition(lambda self: self.model)
    @rule(program=st.sampled_from(PROGRAMS), data=st.data())
    def drop(self, program, data):
        name = data.draw(st.sampled_from(sorted(self.model)))
        workspace_of(self.programs[program]).apply([Drop(name)])
        del self.model[name]

    @precondition(lambda self: any(len(versions) > 1 for versions in self.model.values()))
    @rule(program=st.sampled_from(PROGRAMS), data=st.data())
    def roll_back(self, program, data):
        """A version back, among those that keep their secrets."""
        name = data.draw(
            st.sampled_from([name for name, each in sorted(self.model.items()) if len(each) > 1])
        )
        versions = self.model[name]
        workspace_of(self.programs[program]).rollback(name, len(versions) - 1)
        versions.append(versions[-2])

    @rule(cut=CUTS)
    def rotate(self, cut):
        """Begin a new term, or finish the last; cut off before or behind a transaction, or not."""
        if self.cut_off(cut, turn):
            return
        command = self.programs["command"]
        active = next(term for term, state in states_of(command).items() if state == "active")
        assert terms_of(command) <= {active}
        assert set(states_of(command).values()) <= {"active", "destroyed"}

    @precondition(lambda self: self.next is None)
    @rule()
    def announce(self):
        """Start all programs again with the place of the next key."""
        self.next = self.make()
        for program in PROGRAMS:
            self.open(program)

    @precondition(lambda self: self.next is not None)
    @rule(cut=CUTS)
    def rewrap(self, cut):
        def give(service):
            to = prepare(service.store, service.vault, open_key(self.next, service.store))
            assert rewrap(service.store, service.vault, to, by="test").turned

        if not self.cut_off(cut, give):
            self.kek, self.next = self.next, None

    def cut_off(self, cut, work):
        """Do a command's work, and tell whether it was cut off; another command comes after it."""
        service = self.programs["command"]
        at, after = cut or (0, False)
        try:
            with crashing(service.store, at, after=after):
                work(service)
        except Crash:
            self.open("command")
            return True
        return False

    @invariant()
    def everything_opens(self):
        for service in getattr(self, "programs", {}).values():
            for name, versions in self.model.items():
                assert reveal(service, name) == {"api_key": versions[-1]}
            ring = service.vault.ring(service.tenant().id)
            rows = rows_of(service)
            texts = {
                (row.name, row.secret.version): ring.open("integration", row.owner, row.secret).reveal()
                for row in rows
            }
            assert {key: text for key, text in texts.items() if self.model[key[0]][key[1] - 1] != text} == {}

    @invariant()
    def the_audit_is_whole(self):
        for service in getattr(self, "programs", {}).values():
            assert workspace_of(service).verify_audit()[1] == []


KeyMachine.TestCase.settings = settings(
    max_examples=RUNS,
    stateful_step_count=15,
    deadline=None,
    derandomize=RUNS == 12,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestKeys = KeyMachine.TestCase
