"""Setup sessions in memory: real types and the real check, behind the socket that pages have."""

from __future__ import annotations

import base64
import os
import re
from contextlib import closing, contextmanager
from html.parser import HTMLParser

import msgspec
import pytest

from credenza.connectors import Catalogue, shipped_schemas
from credenza.settings import Settings, open_credenza
from credenza.web.setup.model import LinkExpired, LinkUnknown, Page, Step, StepState
from credenza.web.setup.questions import Asked, check, make_form

CATALOGUE = Catalogue.load(shipped_schemas())
SESSION, SECRET = "iss_0mgexample", "iss_secret_example"
ROOT = f"/integration-setup-session/{SESSION}"
LINK = f"{ROOT}?client_secret={SECRET}"


class MemorySetup:
    """One session of some steps; `saved` holds what each was given."""

    def __init__(self, steps, *, tools=None, **page):
        self.steps = steps
        self.tools = tools
        self.saved = {}
        self.calls = []
        self.expired = False
        self.failure = None
        self.page = Page(session_id=SESSION, **{"product": "Acme Reports", **page})

    def open(self, session_id, secret, step_id=None):
        return self._show("open", session_id, secret, step_id)

    def show(self, session_id, secret, step_id, answers):
        return self._show("show", session_id, secret, step_id, answers)

    def submit(self, session_id, secret, step_id, answers):
        self._admit("submit", session_id, secret, step_id)
        if self.failure:
            raise self.failure
        checked = check(self.steps[step_id], answers)
        if checked.problems:
            return self._page(step_id, answers, checked.problems)
        self.saved[step_id] = (checked.values.reveal(), answers.tools)
        return self._page(None)

    def _show(self, verb, session_id, secret, step_id=None, answers=None):
        self._admit(verb, session_id, secret, step_id)
        return self._page(step_id, answers)

    def _admit(self, verb, session_id, secret, step_id):
        self.calls.append(verb)
        if (session_id, secret.reveal()) != (SESSION, SECRET) or step_id not in {None, *self.steps}:
            raise LinkUnknown
        if self.expired:
            raise LinkExpired

    def _page(self, step_id, answers=None, problems=()):
        waiting = [step for step in self.steps if step not in self.saved]
        step_id = step_id or next(iter(waiting), None)
        tools = self.tools
        if tools and answers and answers.tools:
            tools = msgspec.structs.replace(tools, chosen=answers.tools)
        form = None
        if step_id in waiting:
            form = make_form(self.steps[step_id], step_id, answers, problems, tools)
        return msgspec.structs.replace(
            self.page,
            steps=tuple(self._step(step, asked) for step, asked in self.steps.items()),
            form=form,
            finished=not waiting,
            redirect_url=None if waiting else self.page.redirect_url,
        )

    def _step(self, step, asked):
        done = step in self.saved
        return Step(
            id=step,
            name=asked.type.title,
            description=asked.type.description,
            state=StepState.DONE if done else StepState.OPEN,
            reachable=not done,
        )


class Switch:
    """A socket into which a test puts the sessions it wants: one server does for many tests."""

    current = None

    def __getattr__(self, verb):
        return getattr(self.current, verb)


@contextmanager
def open_service(folder, **more):
    """Open a service over a store in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDENZA_TEST_KEK", base64.b64encode(os.urandom(32)).decode())
        options = {"store": f"sqlite:///{folder / 'store' / 'credenza.db'}", "kek": "env://CREDENZA_TEST_KEK"}
        settings = Settings.read({}, **options, access_log=False, **more)
        with closing(open_credenza(settings, serving=True, create=True)) as service:
            yield service


def asking(name, **options):
    return Asked(CATALOGUE[name], **options)


class Seen(HTMLParser):
    """What a page holds: its elements with their attributes, and its text."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.words = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))

    def find(self, *tags, **attributes):
        return [
            found
            for tag, found in self.elements
            if tag in tags and all(found.get(name.rstrip("_")) == value for name, value in attributes.items())
        ]

    def controls(self):
        kinds = {"hidden", "submit"}
        return [c for c in self.find("input", "select", "textarea") if c.get("type") not in kinds]

    def control(self, key):
        return next((c for c in self.controls() if c["name"] == f"value.{key}"), None)

    def problem(self, key):
        """Return whether a control is marked, and tied to a sentence that is on the page."""
        control = self.control(key)
        ids = {found.get("id") for _, found in self.elements}
        by = control.get("aria-describedby", "").split()
        assert set(by) <= ids
        return control.get("aria-invalid") == "true" and f"field-{key}-problem" in by
