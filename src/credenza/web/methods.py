"""`OPTIONS`: which methods a path takes.

The framework's own answer knows the first handler of a path only, so each path is given this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute


def answer_options(handlers: Sequence[HTTPRouteHandler]) -> HTTPRouteHandler:
    """Return a handler that answers OPTIONS at every path of these handlers."""
    paths = {path for handler in handlers for path in handler.paths}

    @route([*paths], http_method=[HttpMethod.OPTIONS], include_in_schema=False, status_code=204)
    async def list_methods(request: Request[Any, Any, Any]) -> Response[None]:
        """Say which methods the path takes."""
        template = request.scope["path_template"]
        routes = (each for each in request.app.routes if isinstance(each, HTTPRoute))
        methods = {method for each in routes if each.path_format == template for method in each.methods}
        return Response(None, status_code=204, headers={"Allow": ", ".join(sorted(methods))})

    return list_methods
