"""Bodies of templates as they are sent; ids in them are of things that are there."""

from __future__ import annotations

from typing import Any

NEW_TEMPLATE: dict[str, Any] = {
    "support": {
        "summary": "A template whose instances may bring configs of their own",
        "value": {
            "name": "Support assistant",
            "description": "Reads tickets and answers them",
            "metadata": {"team": "support"},
            "can_attach_custom_provider_config": True,
        },
    }
}
TEMPLATE: dict[str, Any] = {
    "describe": {"summary": "Say what it is for", "value": {"description": "Answers tickets"}},
    "override": {
        "summary": "Let instances replace tool filters",
        "value": {"can_override_tool_filters": True},
    },
}
NEW_TEMPLATE_PROVIDER: dict[str, Any] = {
    "reading": {
        "summary": "A provider, of which only some tools may be used",
        "value": {
            "integration_id": "int_0mi8tq2k1Aa0Bb1Cc2Dd3Ee",
            "provider_id": "git",
            "provider_deployment_id": "pde_0mi8tq2k1Aa0Bb1Cc2Dd3Ee",
            "tool_filters": [
                {"type": "tool_keys", "keys": ["get_ticket"]},
                {"type": "tool_regex", "pattern": "^list_"},
            ],
        },
    }
}
TEMPLATE_PROVIDER: dict[str, Any] = {
    "words": {"summary": "Call it something else", "value": {"name": "Ticket system"}},
    "all": {"summary": "Let all of its tools be used", "value": {"tool_filters": None}},
}
