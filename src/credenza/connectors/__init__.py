"""Connector types: what a configuration may hold, which of it is secret, and where that may be sent.

catalogue = Catalogue.load(shipped_schemas())
[draft] = draft_all(catalogue["openai"], [({"api_key": "sk-…"}, EMPTY)], lenient=False)
draft.public, draft.entered     what is stored in clear, and what is sealed
"""

from credenza.connectors.catalogue import Catalogue, shipped_schemas
from credenza.connectors.credentials import redact
from credenza.connectors.drafts import EMPTY, Draft, Held, Offer, draft_all
from credenza.connectors.forms import IntegrationDef, show_form
from credenza.connectors.merging import PRESENCE, write_unknown
from credenza.connectors.registration import compile_type, read_form, read_schema
from credenza.connectors.types import UNKNOWN, ConnectorType
from credenza.connectors.views import join, present

__all__ = [
    "EMPTY",
    "PRESENCE",
    "UNKNOWN",
    "Catalogue",
    "ConnectorType",
    "Draft",
    "Held",
    "IntegrationDef",
    "Offer",
    "compile_type",
    "draft_all",
    "join",
    "present",
    "read_form",
    "read_schema",
    "redact",
    "shipped_schemas",
    "show_form",
    "write_unknown",
]
