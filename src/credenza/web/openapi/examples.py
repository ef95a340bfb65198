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
PROVIDER: dict[str, Any] = {
    "whole": {
        "summary": "A whole integration",
        "value": {key: value for key, value in _OPENAI.items() if key not in {"name", "apis"}},
    },
    "off": {"summary": "Switch off one that is there", "value": {"enabled": False}},
}
API: dict[str, Any] = {
    "model": {
        "summary": "A model with settings of its own, 1,000,000 tokens a month",
        "value": {
            "description": "GPT-4o model",
            "enabled": True,
            "configuration": {"temperature": 0.2},
            "maxTokens": 1_000_000,
            "frequency": "monthly",
        },
    },
    "off": {"summary": "Switch off one that is there", "value": {"enabled": False}},
}
LABELS: dict[str, Any] = {
    "list": {"summary": "A list", "value": [{"key": "team", "value": "search"}]},
    "one": {"summary": "A single one", "value": {"key": "team", "value": "search"}},
}
COUNTS: dict[str, Any] = {
    "total": {"summary": "How many", "value": 1_200},
    "split": {
        "summary": "How many of prompts and of completions",
        "value": {"promptTokens": 1_000, "completionTokens": 200},
    },
}
LIMIT: dict[str, Any] = {
    "all": {
        "summary": "For all apis together",
        "value": {"maxTokens": 5_000_000, "tokenLimitPeriod": "MONTH"},
    },
    "one": {
        "summary": "For one of them",
        "value": {"api": "gpt-4o", "maxTokens": 100_000, "tokenLimitPeriod": "DAY"},
    },
}
TYPES: dict[str, Any] = {
    "form": {
        "summary": "By the fields of its form",
        "value": [
            {
                "name": "acme",
                "nameLabel": "Acme",
                "category": "API",
                "configuration": [
                    {"fieldName": "endpoint", "fieldType": "TEXT", "label": "Endpoint"},
                    {"fieldName": "token", "fieldType": "PASSWORD", "label": "Token"},
                ],
            }
        ],
    },
    "schema": {
        "summary": "By a JSON Schema, as in a file of connector types",
        "value": [
            {
                "name": "acme-files",
                "schema": {
                    "title": "Acme files",
                    "description": "The files of Acme.",
                    "type": "object",
                    "x-category": "CLOUD",
                    "x-destination-version": 1,
                    "properties": {
                        "host": {
                            "title": "Host",
                            "description": "Where the files are.",
                            "type": "string",
                            "x-destination": "hosts",
                            "x-credentials": True,
                        },
                        "token": {
                            "title": "Token",
                            "description": "From its settings.",
                            "type": "string",
                            "writeOnly": True,
                            "format": "password",
                        },
                        "truststore": {
                            "title": "Trust store",
                            "description": "The certificates that are believed.",
                            "type": "string",
                            "writeOnly": True,
                            "format": "password",
                            "x-trust": True,
                        },
                    },
                    "required": ["host", "token"],
                    "additionalProperties": False,
                },
            }
        ],
    },
}
ROLLBACK: dict[str, Any] = {"first": {"summary": "Back to the first version", "value": {"version": 1}}}
TOKENS: dict[str, Any] = {
    "key": {
        "summary": "A key crdz_<keyId>_<keySecret>, taken apart",
        "value": {"keyId": "abcdefghijklmnop", "keySecret": "the-part-behind-the-id"},
    }
}
