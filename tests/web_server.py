"""A real server in a thread, for what a test client smooths over: raw paths, chunks, broken headers."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import uvicorn

from credenza.web.app import create_app
from credenza.web.protocol import Protocol


@contextmanager
def serve(service, **options):
    """Serve on a free port of the loopback address and give its base URL; options are those of the app."""
    config = uvicorn.Config(
        create_app(service, **options), port=0, log_config=None, lifespan="off", http=Protocol
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
