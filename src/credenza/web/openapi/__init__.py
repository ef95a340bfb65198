"""The description of the HTTP interface: OpenAPI 3.1, made from handlers and connector types."""

from credenza.web.openapi.document import describe
from credenza.web.openapi.page import render

__all__ = ["describe", "render"]
