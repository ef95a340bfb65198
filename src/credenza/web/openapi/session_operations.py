"""What is said of the calls about session templates, sessions and setup sessions, and their bodies."""

from __future__ import annotations

from typing import Any

from credenza.model import Permission
from credenza.web.openapi.facts import READ_ONE, Facts
from credenza.web.openapi.template_operations import (
    ARCHIVE,
    CREATE_WITHIN,
    list_facts,
    read_facts,
    write_facts,
)
from credenza.web.openapi.template_parameters import PRESENTATION
from credenza.web.templates.presentations import HEADER

_SESSIONS, _SETUP = "Sessions", "Setup sessions"
_OVER = "One that is past its time, or whose instance is archived, counts as archived."
_LINKS = "For whoever may write, `url` holds the secret that lets a person in; for others it does not."
_STATUS = "Its status, and that of its steps, is what it is at this moment."

SESSION_TEMPLATE: dict[str, Any] = {
    "named": {"summary": "A name of its own", "value": {"name": "Support of Northwind", "metadata": None}}
}
NEW_SESSION: dict[str, Any] = {
    "run": {"summary": "A session for one run", "value": {"name": "Nightly report", "metadata": {"run": 17}}}
}
NEW_SETUP_SESSION: dict[str, Any] = {
    "customer": {
        "summary": "A link for a customer, whose notes nobody else sees",
        "value": {
            "integration_id": "int_0mi8tq2k1Aa0Bb1Cc2Dd3Ee",
            "name": "Northwind",
            "metadata": {"customer": "northwind"},
            "private_metadata": {"ticket": 4711},
            "configuration": {
                "provider_search": {"groups": {"group_id": "grp_1"}},
                "tool_filters": {"enabled": True},
                "ui": {"layout": "side"},
            },
        },
    }
}
SESSIONS: dict[str, Facts] = {
    "put_session_template_of": write_facts(
        _SESSIONS,
        "SessionTemplateAnswer",
        CREATE_WITHIN,
        "SessionTemplateBody",
        SESSION_TEMPLATE,
        note="An instance has one; what is left out stays.",
    ),
    "list_session_templates": list_facts(
        _SESSIONS,
        "SessionTemplateAnswer",
        "integration_id",
        "integration_instance_id",
        "identity_id",
        "identity_actor_id",
    ),
    "read_session_template": read_facts(_SESSIONS, "SessionTemplateAnswer"),
    "create_instance_session": write_facts(
        _SESSIONS,
        "SessionAnswer",
        CREATE_WITHIN,
        "SessionBody",
        NEW_SESSION,
        needs=Permission.REVEAL,
        note="The instance must be active. `client_secret` is shown in this answer alone, and opens nothing "
        "any more once the key that the session was made with is revoked.",
    ),
    "list_sessions": list_facts(
        _SESSIONS,
        "SessionAnswer",
        "integration_id",
        "integration_instance_id",
        "session_template_id",
        "identity_id",
        "identity_actor_id",
        note=_OVER,
    ),
    "read_session": read_facts(_SESSIONS, "SessionAnswer", _OVER),
    "end_session": write_facts(
        _SESSIONS, "SessionAnswer", ARCHIVE, note="Its secret opens nothing any more."
    ),
    "resolve_session": Facts(
        _SESSIONS,
        {200: ("ResolvedSession",)},
        (*(status for status in READ_ONE if status not in {403, 404}), 409, 410, 507),
        PRESENTATION,
        (HEADER,),
        presented=True,
        scheme="session",
        note="For whoever has the secret of the session. Each read is in the audit before it is answered; a "
        "session that is over is a 410.",
    ),
    "create_integration_setup_session": write_facts(
        _SETUP,
        "SetupSessionAnswer",
        CREATE_WITHIN,
        "SetupSessionBody",
        NEW_SETUP_SESSION,
        note=f"Makes a draft instance, and a step for each provider of the template. {_LINKS} A link in "
        "the wrong hands ends with its instance: archive that.",
    ),
    "list_setup_sessions": list_facts(
        _SETUP,
        "SetupSessionAnswer",
        "integration_id",
        "integration_instance_id",
        status="setup-status",
        search=False,
        note=f"{_STATUS} {_LINKS}",
    ),
    "read_setup_session": read_facts(_SETUP, "SetupSessionAnswer", f"{_STATUS} {_LINKS}"),
}
SESSION_TAGS = [
    {"name": _SESSIONS, "description": "For a while, a runtime reads what an instance resolves to."},
    {"name": _SETUP, "description": "Links with which people fill in what an instance still needs."},
]
