"""A typed client of the bulk-save surface, for threads (`Client`) and for event loops (`AsyncClient`).

    drivers      Client and AsyncClient: sockets and sleep, nothing else
    verbs        what can be asked, each verb a plan: requests go out of it, answers come into it
    exchange     one server and one credential: signing, repeating, renewing a token
    retries      when a call is repeated, and how late
    batches      a save of any size in parts that a server takes
    answers      what is sent and answered, as frozen values
    errors       everything that can go wrong, as one tree

With `Client("https://credenza.example.com", key) as client`, `client.save([...])` saves all or nothing.
"""

from credenza.client.answers import (
    Api,
    Change,
    Integration,
    Problem,
    Receipt,
    Resolved,
    Result,
    Tag,
    Version,
)
from credenza.client.drivers import AsyncClient, Client
from credenza.client.errors import (
    ApiError,
    BadRequest,
    ClientError,
    Conflict,
    Forbidden,
    KeyReused,
    NotFound,
    PreconditionFailed,
    ServerFault,
    StoreFull,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from credenza.client.exchange import KeyPair

__all__ = [
    "Api",
    "ApiError",
    "AsyncClient",
    "BadRequest",
    "Change",
    "Client",
    "ClientError",
    "Conflict",
    "Forbidden",
    "Integration",
    "KeyPair",
    "KeyReused",
    "NotFound",
    "PreconditionFailed",
    "Problem",
    "Receipt",
    "Resolved",
    "Result",
    "ServerFault",
    "StoreFull",
    "Tag",
    "TooLarge",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "Unreachable",
    "Version",
]
