"""What an answer is made of leaves with one write, whole and in order."""

import asyncio
import re

import pytest
import uvicorn
from uvicorn.server import ServerState

from credenza.web.protocol import Gathering, Protocol

LARGE = b"x" * 64 * 1024


class Transport:
    """Keep what is written, and when it is closed."""

    def __init__(self):
        self.said = []

    def write(self, data):
        assert not self.is_closing()
        self.said.append(data)

    def close(self):
        self.said.append("closed")

    def is_closing(self):
        return "closed" in self.said

    def abort(self):
        """Close as a connection does that its client has reset; a write after it is an error of the loop."""
        self.said.append("closed")


class Connection(Transport):
    """A connection to a small application, which answers with the path and the body that it was sent."""

    def __init__(self):
        super().__init__()
        self.reading = True
        self.protocol = Protocol(
            uvicorn.Config(self.answer, log_config=None, interface="asgi3"), ServerState(), {}
        )
        self.protocol.connection_made(self)

    def get_extra_info(self, _):
        return None

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        assert not self.protocol.pipeline
        self.reading = True

    async def answer(self, scope, receive, send):
        body, more = b"", scope["method"] == "POST"
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        text = b"<%s %s>" % (scope["path"].encode(), body)
        length = [(b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": text})

    async def run(self, until):
        """Let the application work until it has nothing more to do, or this is so."""
        for _ in range(5_000):
            if until():
                break
            await asyncio.sleep(0)

    @property
    def answers(self):
        return re.findall(rb"</(\d+) (\w*)>", b"".join(each for each in self.said if each != "closed"))


def told(*turns):
    """Return what reaches the transport when these are written, turn by turn of the event loop."""

    async def run():
        transport = Transport()
        gathering = Gathering(transport, asyncio.get_running_loop())
        for turn in turns:
            for part in turn:
                gathering.close() if part is None else gathering.write(part)
            await asyncio.sleep(0)
        return transport.said

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([[b"head", b"body"]], [b"headbody"]),
        ([[b"head", b"body"], [b"next"]], [b"headbody", b"next"]),
        ([[b"head", LARGE, b"end"]], [b"head" + LARGE, b"end"]),
        ([[b"head", LARGE]], [b"head" + LARGE]),
        ([[b"a" * 40_000, b"b" * 40_000, b"end"]], [b"a" * 40_000 + b"b" * 40_000, b"end"]),
        ([[b"a" * 40_000], [b"b" * 40_000]], [b"a" * 40_000, b"b" * 40_000]),
        ([[LARGE, b"a" * 40_000, b"b"]], [LARGE, b"a" * 40_000 + b"b"]),
        ([[b"head", b"body", None]], [b"headbody", "closed"]),
        ([[None]], ["closed"]),
    ],
    ids=[
        "one answer",
        "two answers",
        "a large part goes at once",
        "and leaves nothing",
        "what is large together too",
        "but not in two turns",
        "nor after it",
        "closed",
        "empty",
    ],
)
def test_what_is_written_in_one_turn_goes_out_together_and_in_order(turns, said):
    assert told(*turns) == said


def test_of_many_small_parts_little_is_kept_and_their_sender_is_told_when_to_pause():
    kept = []

    async def run():
        transport = Transport()
        gathering = Gathering(transport, asyncio.get_running_loop())
        for number in range(2_000):
            gathering.write(b"%04d" % number * 256)
            kept.append((number + 1) * 1_024 - sum(map(len, transport.said)))
        gathering.close()
        return b"".join(transport.said[:-1])

    assert asyncio.run(run()) == b"".join(b"%04d" % number * 256 for number in range(2_000))
    assert max(kept) < 64 * 1024


def test_what_was_not_written_when_a_client_resets_is_dropped_without_an_error():
    async def run():
        transport, failed = Transport(), []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: failed.append(context))
        gathering = Gathering(transport, loop)
        gathering.write(b"head")
        gathering.abort()
        await asyncio.sleep(0)
        gathering.write(LARGE)
        gathering.close()
        return transport.said, failed

    assert asyncio.run(run()) == (["closed", "closed"], [])


def test_everything_else_is_the_transports_own():
    transport = Transport()
    gathering = Gathering(transport, asyncio.new_event_loop())
    gathering._loop.close()

    assert gathering.is_closing() is False


def ask(number):
    if number % 3:
        return b"GET /%d HTTP/1.1\r\n\r\n" % number
    body = b"%d" % number * 9
    return b"POST /%d HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (number, len(body), body)


@pytest.mark.parametrize("size", [7, 5_000, 1_000_000])
def test_requests_that_come_before_their_turn_are_all_answered_in_their_order(size):
    count = 400
    text = b"".join(map(ask, range(count)))

    async def run():
        connection = Connection()
        for start in range(0, len(text), size):
            await connection.run(lambda: connection.reading)
            connection.protocol.data_received(text[start : start + size])
        await connection.run(lambda: len(connection.answers) == count)
        connection.protocol.connection_lost(None)
        return connection

    done = asyncio.run(run())
    assert done.answers == [(b"%d" % n, b"" if n % 3 else b"%d" % n * 9) for n in range(count)]
    assert done.reading


def test_of_a_client_that_asks_and_never_reads_little_is_kept():
    async def run():
        connection = Connection()
        connection.protocol.pause_writing()
        connection.protocol.data_received(b"GET /1 HTTP/1.1\r\n\r\n" * 10_000)
        await connection.run(lambda: False)
        waiting, reading, said = len(connection.protocol.pipeline), connection.reading, connection.said
        connection.abort()
        connection.protocol.connection_lost(ConnectionResetError())
        await connection.run(lambda: not connection.protocol.tasks)
        return waiting, reading, said

    waiting, reading, said = asyncio.run(run())
    assert 0 < waiting < 300
    assert not reading
    assert said == ["closed"]


def test_what_comes_behind_a_request_that_is_none_is_not_looked_at():
    async def run():
        connection = Connection()
        connection.protocol.data_received(b"GET /1 HTTP/1.1\r\n\r\n" + b"nonsense\r\n\r\n" * 1_000)
        await connection.run(connection.is_closing)
        connection.protocol.connection_lost(None)
        return connection.said

    said = asyncio.run(run())
    assert sum(each.count(b"400 Bad Request") for each in said if each != "closed") == 1
