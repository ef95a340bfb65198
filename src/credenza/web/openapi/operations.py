"""What each call takes and answers, beyond what its handler's signature says. Kept true by tests that ask."""

from __future__ import annotations

from credenza.model import Permission
from credenza.web.openapi.catalogue_operations import CATALOGUE, CATALOGUE_TAGS
from credenza.web.openapi.config_operations import CONFIG_TAGS, CONFIGS
from credenza.web.openapi.configurations import Schema
from credenza.web.openapi.examples import PROVIDER, ROLLBACK, SAVES, TOKENS, TYPES
from credenza.web.openapi.facts import BODY, READ, READ_ONE, WRITE_ONE, Facts
from credenza.web.openapi.install_operations import INSTALL_TAGS, INSTALLS
from credenza.web.openapi.instance_operations import INSTANCE_TAGS, INSTANCES
from credenza.web.openapi.package_examples import NEW_PACKAGE
from credenza.web.openapi.package_operations import PACKAGE_TAGS, PACKAGES
from credenza.web.openapi.part_operations import PARTS
from credenza.web.openapi.session_operations import SESSION_TAGS, SESSIONS
from credenza.web.openapi.template_operations import TEMPLATE_TAGS, TEMPLATES

_FILTERS = ("category", "type", "activeOnly")
_PAGED = (*_FILTERS, "search", "tag", "page-limit", "cursor")
_LISTS = (
    "In the order of names. Without `activeOnly=false`, an integration that is off is left out; of the "
    "others all apis are shown. Each integration comes at most once; one saved meanwhile may "
    "come or not."
)
_PAGES = (
    "Without `limit`, everything is answered; with it one page, and the header `Link` names the next one, if "
    "there is one."
)
_LEGACY = "A `type` that is the name of a category is read as `category`: some clients send that."

OPERATIONS: dict[str, Facts] = {
    "save_integrations": Facts(
        "Integrations",
        {200: ("SaveReceipt", "PackageAnswer"), 207: ("SaveReceipt",)},
        (400, 401, 403, 404, 409, 412, *BODY, 422, 500, 503, 507),
        ("mode", "dryRun", "apis", "leads"),
        ("If-Match", "Idempotency-Key"),
        "IntegrationsOrPackage",
        {**SAVES, **NEW_PACKAGE},
        needs=Permission.WRITE,
        note="A batch is saved as a whole or not at all; with `mode=per-item` each integration stands for "
        "itself and the answer is 207. Everything wrong with any item is told at once. An object instead "
        "of an array is another thing: the draft of a package, which is answered as it was made; in query "
        "and headers, `dryRun` alone counts for it.",
    ),
    "list_integrations": Facts(
        "Integrations",
        {200: ("Integration[]",)},
        READ,
        _PAGED,
        paged=True,
        note=f"{_LISTS} {_PAGES} Without the slash at the end of the path, packages are listed.",
    ),
    "list_providers": Facts(
        "Integrations",
        {200: ("Integration[]",)},
        READ,
        _PAGED,
        paged=True,
        note=f"{_LISTS} {_PAGES} {_LEGACY}",
    ),
    "list_names": Facts("Integrations", {200: ("ListedName[]",)}, READ, _FILTERS, note=f"{_LISTS} {_LEGACY}"),
    "read_provider": Facts(
        "Integrations",
        {200: ("Integration",)},
        READ_ONE,
        tagged="ETag",
        note="Without its apis, which stand at a path of their own.",
    ),
    "save_provider": Facts(
        "Integrations",
        {200: ("Integration", "SaveReceipt")},
        (*WRITE_ONE, *BODY),
        ("dryRun",),
        ("If-Match",),
        "ProviderItem",
        PROVIDER,
        needs=Permission.WRITE,
        tagged="SavedETag",
        note="An integration that is there may leave its type out. A type that does not exist is a 404.",
    ),
    "delete_provider": Facts(
        "Integrations", {200: ()}, WRITE_ONE, ("dryRun",), headers=("If-Match",), needs=Permission.WRITE
    ),
    "resolve_provider": Facts(
        "Integrations",
        {200: ("ResolvedIntegration",)},
        (*READ_ONE, 409, 507),
        needs=Permission.REVEAL,
        tagged="ETag",
    ),
    **PARTS,
    "read_history": Facts("History", {200: ("History",)}, READ_ONE, ("before", "limit")),
    "read_version": Facts("History", {200: ("Integration", "Difference")}, READ_ONE, ("against",)),
    "roll_back": Facts(
        "History",
        {200: ("SaveReceipt",)},
        (*WRITE_ONE, *BODY),
        ("dryRun",),
        ("If-Match",),
        "RollbackBody",
        ROLLBACK,
        needs=Permission.WRITE,
    ),
    "list_definitions": Facts("Connector types", {200: ("IntegrationDef[]",)}, READ),
    "read_definition": Facts(
        "Connector types", {200: ("IntegrationDef",)}, READ_ONE, path={"name": "definition"}
    ),
    "register_definitions": Facts(
        "Connector types",
        {200: ("SaveReceipt",)},
        (400, 401, 403, 409, *BODY, 500, 503, 507),
        body="TypeDefinitions",
        examples=TYPES,
        needs=Permission.ADMINISTER,
        note="A type is known to this workspace alone. One that integrations have cannot be given another "
        "schema; the same one again changes nothing.",
    ),
    "delete_definition": Facts(
        "Connector types",
        {200: ()},
        (400, 401, 403, 404, 409, 500, 503, 507),
        needs=Permission.ADMINISTER,
        path={"name": "definition"},
        note="Those that every workspace has cannot be removed.",
    ),
    **PACKAGES,
    **INSTALLS,
    **TEMPLATES,
    **CATALOGUE,
    **CONFIGS,
    **INSTANCES,
    **SESSIONS,
    "issue_token": Facts(
        "Access",
        {200: ("TokenAnswer",)},
        (400, 401, *BODY, 500, 503),
        body="TokenRequest",
        examples=TOKENS,
        guarded=False,
        note="The token is good for an hour at most, and dies with its key.",
    ),
    "read_user": Facts("Access", {200: ("UserInfo",)}, (400, 401, 500, 503), ("claims",), needs=None),
    "read_health": Facts("Service", {200: ("Health",)}, guarded=False),
    "read_readiness": Facts("Service", {200: ("Readiness",), 503: ("Readiness",)}, guarded=False),
    "read_metrics": Facts("Service", {200: ("Metrics",)}, guarded=False, kind="text/plain"),
}

TAGS: list[Schema] = [
    {"name": "Integrations", "description": "Save, read, reveal and remove integrations."},
    {"name": "Apis", "description": "The models, indexes or tables of an integration."},
    {
        "name": "Tags",
        "description": "Labels of integrations and of their apis, known by key and value together.",
    },
    {"name": "Usage", "description": "Prompts, tokens that were used, and how many may be."},
    {"name": "History", "description": "The versions of an integration."},
    {"name": "Connector types", "description": "What there is to fill in, and types of a workspace's own."},
    *PACKAGE_TAGS,
    *INSTALL_TAGS,
    *TEMPLATE_TAGS,
    *CATALOGUE_TAGS,
    *CONFIG_TAGS,
    *INSTANCE_TAGS,
    *SESSION_TAGS,
    {"name": "Access", "description": "Tokens, and whose a credential is."},
    {"name": "Service", "description": "Is it alive, is it ready, what has it done."},
]
