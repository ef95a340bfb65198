"""The bodies that the published contract shows, with names in place of its placeholders."""

from __future__ import annotations

from typing import Any

_OPENAI = {
    "name": "open-ai-test",
    "type": "openai",
    "category": "AI_MODEL",
    "description": "OpenAI integration for LLM tasks",
    "enabled": True,
    "configuration": {"api_key": "sk-..."},
    "apis": [
        {"integrationName": "open-ai-test", "api": "gpt-4o", "description": "GPT-4o model", "enabled": True}
    ],
}
_SENDGRID = {
    "name": "sendgrid-test",
    "type": "sendgrid",
    "category": "EMAIL",
    "description": "SendGrid integration for email tasks",
    "enabled": True,
    "configuration": {"api_key": "SG...."},
    "apis": [],
}
_ANTHROPIC = {
    "name": "anthropic-test",
    "type": "anthropic",
    "category": "AI_MODEL",
    "description": "Anthropic integration for LLM tasks",
    "enabled": True,
    "configuration": {"api_key": "sk-ant-...", "endpoint": "https://api.anthropic.com/v1"},
    "apis": [
        {
            "integrationName": "anthropic-test",
            "api": "claude-sonnet-4-6",
            "description": "claude-sonnet-4-6 model",
            "enabled": True,
        }
    ],
}

SAVES: dict[str, Any] = {
    "two": {"summary": "Two integrations of different types", "value": [_OPENAI, _SENDGRID]},
    "anthropic": {"summary": "One integration with its model", "value": [_ANTHROPIC]},
}
ROLLBACK: dict[str, Any] = {"first": {"summary": "Back to the first version", "value": {"version": 1}}}
TOKENS: dict[str, Any] = {
    "key": {
        "summary": "A key crdz_<keyId>_<keySecret>, taken apart",
        "value": {"keyId": "abcdefghijklmnop", "keySecret": "the-part-behind-the-id"},
    }
}
