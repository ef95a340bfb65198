"""Bytes for ids, salts and nonces: nobody is given what another was, in any thread or process."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credenza.randomness import begin_afresh, random_bytes

FORKED = """
import os
from credenza.randomness import random_bytes
random_bytes(16)
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, random_bytes(64))
    os._exit(0)
print(random_bytes(64).hex(), os.read(read, 64).hex())
"""


@given(st.lists(st.integers(0, 10_000), max_size=20))
def test_each_gets_as_many_bytes_as_it_asks_for(sizes):
    assert [len(random_bytes(size)) for size in sizes] == sizes


def test_nothing_is_given_twice_across_the_ends_of_what_is_drawn_and_across_threads():
    with ThreadPoolExecutor(4) as pool:
        given_out = [*pool.map(lambda _: random_bytes(48), range(4_000))]

    assert len(set(given_out)) == 4_000
    assert len({part[:8] for part in given_out} | {part[-8:] for part in given_out}) == 8_000


def test_bytes_drawn_before_a_new_beginning_are_never_given_out(monkeypatch):
    drawn = []
    monkeypatch.setattr(os, "urandom", lambda size: drawn.append(size) or bytes([len(drawn)]) * size)
    begin_afresh()
    given_out = [random_bytes(16), random_bytes(16)]
    begin_afresh()
    given_out += [random_bytes(16)]
    begin_afresh()

    assert given_out == [b"\1" * 16, b"\1" * 16, b"\2" * 16]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_is_given_other_bytes_than_its_parent():
    told = subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], capture_output=True, check=True)
    parent, child = told.stdout.split()

    assert len(parent) == len(child) == 128
    assert parent != child
