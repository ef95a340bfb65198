"""What is said of one call beyond what its handler's signature says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from credenza.model import Permission

READ = (400, 401, 403, 500, 503)
READ_ONE = (400, 401, 403, 404, 500, 503)
WRITE_ONE = (400, 401, 403, 404, 409, 412, 500, 503, 507)
BODY = (413, 415)


class Facts(msgspec.Struct, frozen=True):
    """One call: what may stand in its query and headers, its body, and every status it answers.

    `answers` gives the component schemas of each good status, `errors` the statuses of a problem.
    A body that is `optional` may be left out. `guarded` calls ask for a credential, of a role that allows
    what the call `needs` (None: any role); operators may do what is `operated` as well.
    `path` gives other words to a path parameter. `tagged` names the header that shows a version; `paged`
    calls answer a Link to the next page, `presented` ones the version they are presented in.
    A call with a `scheme` of its own takes the credential of that, and of no role.
    """

    tag: str
    answers: Mapping[int, tuple[str, ...]]
    errors: tuple[int, ...] = ()
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    body: str | None = None
    examples: Mapping[str, Any] = {}
    optional: bool = False
    guarded: bool = True
    needs: Permission | None = Permission.READ
    operated: bool = False
    path: Mapping[str, str] = {}
    tagged: str | None = None
    paged: bool = False
    presented: bool = False
    scheme: str | None = None
    kind: str = "application/json"
    note: str = ""
