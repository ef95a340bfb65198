"""What may stand in the queries and paths of the calls about sessions and setup sessions."""

from __future__ import annotations

from credenza.web.openapi.configurations import Schema
from credenza.web.openapi.template_parameters import describe_choice
from credenza.web.templates.setup_sessions import LISTING

SESSION_PARAMETERS: dict[str, Schema] = {
    "setup-status": describe_choice(
        "status",
        "Only those of these statuses; without, all but those that are archived.",
        enum=[*LISTING.statuses],
    ),
}
SESSION_PATH_PARAMETERS: dict[str, Schema] = {
    name: {"description": f"Id of a {words}.", "schema": {"type": "string", "minLength": 1}}
    for name, words in {
        "session_template_id": "session template",
        "session_id": "session",
        "integration_setup_session_id": "setup session",
    }.items()
}
