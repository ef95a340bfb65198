"""Which paths belong to packages. Apart from the rest, which is loaded once one of them is asked for."""

from __future__ import annotations

import re

# What stands beside ids at `/api/integrations` is the bulk save's; `%` begins what no request can spell.
_OTHERS = r"(?:provider|all|def|llm|%)(?:/|$)|%"
_PATHS = re.compile(rf"/api/(integrations/(?!{_OTHERS})[^/]+|integration-installs|integration-members)(/|$)")


def is_packaged(path: str) -> bool:
    """Tell whether a path is one of this surface, or would be."""
    return _PATHS.match(path) is not None
