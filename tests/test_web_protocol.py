"""What an answer is made of leaves with one write, whole and in order."""

import asyncio

import pytest

from credenza.web.protocol import Gathering

LARGE = b"x" * 64 * 1024


class Transport:
    """Keep what is written, and when it is closed."""

    def __init__(self):
        self.said = []

    def write(self, data):
        self.said.append(data)

    def close(self):
        self.said.append("closed")

    def is_closing(self):
        return "closed" in self.said


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
        ([[b"head", b"body", None]], [b"headbody", "closed"]),
        ([[None]], ["closed"]),
    ],
    ids=["one answer", "two answers", "a large part goes at once", "and leaves nothing", "closed", "empty"],
)
def test_what_is_written_in_one_turn_goes_out_together_and_in_order(turns, said):
    assert told(*turns) == said


def test_everything_else_is_the_transports_own():
    transport = Transport()
    gathering = Gathering(transport, asyncio.new_event_loop())
    gathering._loop.close()

    assert gathering.is_closing() is False
