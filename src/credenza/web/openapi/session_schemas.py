"""The component schemas of session templates, sessions and setup sessions."""

from __future__ import annotations

from typing import Any

from credenza.plans.redirects import MAX_ADDRESS
from credenza.plans.sessions import SessionBody, SessionTemplateBody
from credenza.plans.setup_sessions import (
    CONFIGURED,
    FAILED,
    LAYOUTS,
    MAX_GROUPS,
    PENDING,
    STATUSES,
    SetupSessionBody,
)
from credenza.web.openapi.configurations import Schema, refer
from credenza.web.openapi.template_schemas import describe_list, refine_answer, refine_body
from credenza.web.templates.resolving import ResolvedSession
from credenza.web.templates.session_templates import SessionTemplateAnswer
from credenza.web.templates.sessions import SessionAnswer
from credenza.web.templates.setup_sessions import LISTING, SetupSessionAnswer

SESSION_TYPES: list[Any] = [
    SessionTemplateBody,
    SessionBody,
    SetupSessionBody,
    SessionTemplateAnswer,
    SessionAnswer,
    ResolvedSession,
    SetupSessionAnswer,
]
_OBJECTS = {
    "SessionTemplateAnswer": "session.template",
    "ProviderPart": "session.template.provider",
    "AuthConfigReference": "provider.auth_config",
    "SessionAnswer": "session",
    "SessionProvider": "session.provider",
    "ResolvedSession": "session.resolved",
    "ResolvedProvider": "session.resolved.provider",
    "SetupSessionAnswer": "integration.setup_session",
    "SetupStepAnswer": "integration.setup_session.step",
}
_STATUSES = ["active", "archived", "deleted"]
_PLAIN = {"SessionTemplateAnswer", "ProviderPart", "SessionAnswer", "SessionProvider"}
_LISTED = ("SessionTemplateAnswer", "SessionAnswer", "SetupSessionAnswer")


def refine_sessions(found: dict[str, Schema]) -> None:
    """Say of these what their types leave open, and add the lists; `refine_templates` comes before."""
    for name, word in _OBJECTS.items():
        refine_answer(found[name], statuses=_STATUSES if name in _PLAIN else None)
        found[name]["properties"]["object"] = {"const": word}
    for name in _LISTED:
        found[f"{name}List"] = describe_list(name)
    for name in ("SessionTemplateBody", "SessionBody", "SetupSessionBody"):
        refine_body(found[name])
    filters = {"type": "array", "items": refer("ToolFilter")}
    for name in ("ProviderPart", "SessionProvider"):
        found[name]["properties"] |= {"tool_filter": refer("ToolFilter"), "tool_filters": filters}
    found["ResolvedProvider"]["properties"]["tool_filters"] = filters
    found["SessionAnswer"]["properties"]["connection_state"] = {"enum": ["connected", "disconnected"]}
    _refine_setup(found)


def _refine_setup(found: dict[str, Schema]) -> None:
    found["SetupSessionAnswer"]["properties"]["status"] = {"enum": [*LISTING.statuses]}
    steps = [CONFIGURED, PENDING, FAILED, "completed", *STATUSES[2:], "archived", "deleted"]
    found["SetupStepAnswer"]["properties"]["status"] = {"enum": steps}
    found["Ui"]["properties"]["layout"] = {"enum": [*LAYOUTS]}
    found["UiItem"]["properties"]["layout"] = {"enum": [*LAYOUTS, None]}
    body = found["SetupSessionBody"]["properties"]
    body["private_metadata"] = {**body["metadata"], "description": "Yours, and in no answer."}
    body["redirect_url"]["anyOf"][0] |= {
        "maxLength": MAX_ADDRESS,
        "description": "Where a person goes at the end: of an origin that CREDENZA_REDIRECT_ORIGINS lists.",
    }
    body["expires_at"]["anyOf"][0] |= {
        "format": "date-time",
        "description": "At most 7 days from now.",
    }
    for name, item in (
        ("groups", "GroupItem"),
        ("collections", "CollectionItem"),
        ("categories", "CategoryItem"),
    ):
        listed = {"type": "array", "items": refer(item), "maxItems": MAX_GROUPS}
        found["ProviderSearchItem"]["properties"][name] = {"anyOf": [listed, refer(item), {"type": "null"}]}
        found["ProviderSearch"]["properties"][name] = listed
