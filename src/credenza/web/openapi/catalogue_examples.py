"""Bodies of deployments, identities and actors as they are sent; ids in them are of things that are there."""

from __future__ import annotations

from typing import Any

NEW_DEPLOYMENT: dict[str, Any] = {
    "production": {
        "summary": "A provider by its slug, of which only some tools may be used",
        "value": {
            "provider_id": "git",
            "name": "Production",
            "tool_filters": [{"type": "tool_regex", "pattern": "^list_"}],
        },
    }
}
DEPLOYMENT: dict[str, Any] = {
    "rename": {"summary": "Call it something else", "value": {"name": "Staging"}},
    "all": {"summary": "Let all tools be used", "value": {"tool_filters": None}},
}
NEW_ACTOR: dict[str, Any] = {
    "agent": {"summary": "An agent", "value": {"type": "agent", "name": "Support assistant"}},
    "person": {
        "summary": "A person, as the caller knows them",
        "value": {"type": "person", "name": "Robin", "metadata": {"customer": "c-17"}},
    },
}
NEW_IDENTITY: dict[str, Any] = {
    "plain": {
        "summary": "An identity of an actor",
        "value": {"actor_id": "iac_0mi8tq2k1Aa0Bb1Cc2Dd3Ee", "name": "At work"},
    }
}
WORDS: dict[str, Any] = {
    "rename": {"summary": "Call it something else", "value": {"name": "Robin of sales"}},
    "metadata": {"summary": "Keep something with it", "value": {"metadata": {"customer": "c-18"}}},
}
