"""The component schemas of instances and their providers."""

from __future__ import annotations

from typing import Any

from credenza.plans.instance_changes import InstanceBody, InstanceProviderBody, InstanceUpdate
from credenza.plans.instance_settings import MAX_PROVIDERS
from credenza.web.openapi.configurations import Schema, refer
from credenza.web.openapi.template_schemas import describe_filters, describe_list, refine_answer, refine_body
from credenza.web.templates.instance_providers import InstanceProviderAnswer
from credenza.web.templates.instances import LISTING, InstanceAnswer

INSTANCE_TYPES: list[Any] = [
    InstanceBody,
    InstanceUpdate,
    InstanceProviderBody,
    InstanceAnswer,
    InstanceProviderAnswer,
]
_OBJECTS = {
    "InstanceAnswer": "integration.instance",
    "InstanceProviderAnswer": "integration.instance.provider",
    "ProviderSnapshot": "integration.provider#snapshot",
    "ProviderVersionPin": "integration.provider.version",
}
_STATUSES = ["active", "archived", "deleted"]


def refine_instances(found: dict[str, Schema]) -> None:
    """Say of these what their types leave open, and add the lists; `refine_templates` comes before."""
    for name, word in _OBJECTS.items():
        found[name]["properties"]["object"] = {"const": word}
        refine_answer(found[name], statuses=_STATUSES if name != "ProviderVersionPin" else None)
    for name in ("InstanceAnswer", "InstanceProviderAnswer"):
        found[f"{name}List"] = describe_list(name)
    found["InstanceAnswer"]["properties"]["status"] = {"enum": [*LISTING.statuses]}
    found["ProviderSnapshot"]["properties"]["tool_filter"] = refer("ToolFilter")
    own = found["InstanceProviderAnswer"]["properties"]
    own["tool_filter"] = {
        "anyOf": [refer("ToolFilter"), {"type": "null"}],
        "description": "Its own; null: it has none.",
    }
    for name in ("InstanceBody", "InstanceUpdate"):
        refine_body(found[name])
        found[name]["properties"]["providers"] = {
            "description": "Those named are set, others stay; a single one may stand without the list.",
            "anyOf": [
                {"type": "array", "items": refer("InstanceProviderItem"), "maxItems": MAX_PROVIDERS},
                refer("InstanceProviderItem"),
                {"type": "null"},
            ],
        }
    for name in ("InstanceProviderItem", "InstanceProviderBody"):
        found[name]["properties"]["tool_filters"] = describe_filters()
