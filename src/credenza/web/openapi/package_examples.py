"""Bodies of packages as they are sent; ids in them are of things that are there."""

from __future__ import annotations

from typing import Any

_SECRET = {"type": "string", "format": "password", "title": "API key", "minLength": 1}
_MANIFEST = {
    "members": [
        {
            "slug": "chat",
            "integration": {
                "name": "${variables.prefix}-chat",
                "type": "openai",
                "description": "Chat of ${variables.prefix}",
                "configuration": {"api_key": "${variables.key}"},
                "apis": [{"api": "gpt-4o", "configuration": {"temperature": 0.2}}],
            },
        },
        {
            "slug": "archive",
            "default": False,
            "dependsOn": ["chat"],
            "integration": {
                "name": "${variables.prefix}-archive",
                "type": "openai",
                "configuration": {"api_key": "${variables.key}"},
            },
        },
    ]
}
_VARIABLES = {
    "type": "object",
    "properties": {"prefix": {"type": "string", "default": "gateway"}, "key": _SECRET},
    "required": ["key"],
}

NEW_PACKAGE: dict[str, Any] = {
    "package": {
        "summary": "The draft of a package: a gateway to models, with a key that the installer enters",
        "value": {
            "workspaceId": "default",
            "slug": "llm-gateway",
            "name": "LLM gateway",
            "description": "Chat, and an archive beside it",
            "iconUrl": "https://example.com/gateway.svg",
            "publisher": "Acme",
            "trustTier": "verified_publisher",
            "manifest": _MANIFEST,
            "variablesSchema": _VARIABLES,
        },
    },
    "auth": {
        "summary": "The same, whose installer brings an auth config instead of a key",
        "value": {
            "workspaceId": "default",
            "slug": "llm-gateway-brought",
            "name": "LLM gateway",
            "manifest": {"members": [{"slug": "chat", "integration": {"type": "openai"}}]},
            "authConfig": {"provider": "openai", "members": ["chat"]},
        },
    },
}
PACKAGE: dict[str, Any] = {
    "describe": {"summary": "Say what it is for", "value": {"description": "Chat for everybody"}},
    "members": {
        "summary": "Another manifest, with its variables",
        "value": {"manifest": _MANIFEST, "variablesSchema": _VARIABLES},
    },
}
PUBLISH: dict[str, Any] = {
    "version": {
        "summary": "The draft as version 2.0.0",
        "value": {"version": "2.0.0", "changelog": "An archive beside the chat."},
    }
}
VISIBILITY: dict[str, Any] = {
    "link": {"summary": "For whoever has its id", "value": {"visibility": "unlisted"}},
    "everybody": {"summary": "For everybody, after a review", "value": {"visibility": "public"}},
}
_LOOKED_AT = {"integrationVersionId": "inv_0mi8tq2k1Aa0Bb1Cc2Dd3Ee"}
REVIEW: dict[str, Any] = {
    "public": {"summary": "A version may be public", "value": {"decision": "approve", **_LOOKED_AT}},
    "trusted": {
        "summary": "A version may be public, and its publisher is trusted more",
        "value": {
            "decision": "approve",
            **_LOOKED_AT,
            "trustTier": "verified_partner",
        },
    },
    "not": {"summary": "A version may not", "value": {"decision": "reject", **_LOOKED_AT}},
}
INSTALL: dict[str, Any] = {
    "default": {
        "summary": "The newest version, with the members that are there by default",
        "value": {"workspaceId": "default", "variables": {"prefix": "northwind", "key": "sk-made-up"}},
    },
    "chosen": {
        "summary": "One version, with members that are named",
        "value": {
            "workspaceId": "default",
            "integrationVersionId": "inv_0mi8tq2k1Aa0Bb1Cc2Dd3Ee",
            "variables": {"prefix": "fabrikam", "key": "sk-made-up"},
            "memberPolicy": "manual",
            "selectedMemberSlugs": ["archive"],
            "parentInstallId": "ins_0mi8tq2k1Aa0Bb1Cc2Dd3Ee",
            "retentionTier": "short",
        },
    },
}
UPGRADE: dict[str, Any] = {
    "plain": {"summary": "To the current version; what was changed here stays", "value": {}},
    "package": {
        "summary": "With another key, and the package wins where both changed something",
        "value": {"variables": {"key": "sk-made-up-too"}, "conflicts": "package"},
    },
}
DETACH: dict[str, Any] = {
    "off": {"summary": "Upgrades pass it over", "value": {"detached": True}},
    "on": {"summary": "It takes part again", "value": {"detached": False}},
}
