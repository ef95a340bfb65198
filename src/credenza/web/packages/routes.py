"""The calls of this surface. Those at `/api/integrations` itself share that path with the bulk save."""

from __future__ import annotations

from credenza.web.packages import installs, packages, publishing, sharing
from credenza.web.packages.packages import create_integration_package, list_packages

HANDLERS = [*packages.HANDLERS, *publishing.HANDLERS, *sharing.HANDLERS, *installs.HANDLERS]

__all__ = ["HANDLERS", "create_integration_package", "list_packages"]
