"""All that is served, surface by surface. Importing this loads the largest of them: few servers need it."""

from __future__ import annotations

from credenza.settings import Credenza
from credenza.web import health, tokens
from credenza.web.integrations import routes
from credenza.web.packages import routes as packages
from credenza.web.setup import routes as setup_pages
from credenza.web.setup.flow import SetupSessions
from credenza.web.setup.model import Setup
from credenza.web.templates import routes as templates
from credenza.web.templates.instance_cascade import resume

DESCRIBED = [*routes.HANDLERS, *packages.HANDLERS, *templates.HANDLERS, *tokens.HANDLERS, *health.HANDLERS]
TEMPLATES = [*templates.HANDLERS, *setup_pages.HANDLERS]

PACKAGES = packages.HANDLERS

__all__ = ["DESCRIBED", "PACKAGES", "TEMPLATES", "open_setup", "resume"]


def open_setup(opened: Credenza) -> Setup:
    """Return the setup sessions of a store, as their pages need them."""
    return SetupSessions(opened)
