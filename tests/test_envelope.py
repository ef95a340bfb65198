"""What a sealed record is, and everything that does not open."""

import ast
import json
import os
import struct
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from credenza.errors import Damaged, WrongKey
from credenza.sensitive import Sensitive
from credenza.vault import envelope
from credenza.vault.envelope import Opener, Sealer, encode_context

ROOT = Path(__file__).parents[1]
GOLDEN = json.loads((ROOT / "tests/golden/vault-1.json").read_text())
KEY, OTHER = bytes(range(32)), bytes(range(32, 64))
PLACE = encode_context(b"test", b"a place")
RECORD = Sealer(KEY, 1).seal(b"forty bytes of a secret that is no secret", PLACE)


def load_script(name):
    loader = SourceFileLoader(name, str(ROOT / "scripts" / name))
    module = module_from_spec(spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


oracle = load_script("make_golden")


def replay(*values):
    """Return a random source that gives these values, and refuses any other size."""
    values = [bytes.fromhex(value) for value in values]

    def random(size):
        value = values.pop(0)
        assert len(value) == size
        return value

    return random


def opener(*keys):
    """Return an opener that holds these keys as terms 1, 2 ..."""
    return Opener(lambda term: Sensitive(keys[term - 1]) if 0 < term <= len(keys) else None)


def open_record(blob, place=PLACE, key=KEY):
    return opener(key).open(blob, place)


def flip(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


class TestGolden:
    @pytest.mark.parametrize("vector", GOLDEN["records"], ids=lambda vector: vector["path"])
    def test_a_frozen_record_is_made_again_from_the_same_salt_and_nonce(self, vector):
        key = oracle.made(f"dek {vector['term']}")
        sealer = Sealer(key, vector["term"], random=replay(vector["salt"], vector["nonce"]))

        blob = sealer.seal(vector["text"].encode(), bytes.fromhex(vector["context"]))

        assert blob.hex() == vector["blob"]

    @pytest.mark.parametrize("vector", GOLDEN["records"], ids=lambda vector: vector["path"])
    def test_a_frozen_record_opens(self, vector):
        records = opener(oracle.made("dek 1"), oracle.made("dek 2"))

        plaintext = records.open(bytes.fromhex(vector["blob"]), bytes.fromhex(vector["context"]))

        assert plaintext.decode() == vector["text"]

    @pytest.mark.parametrize("row", GOLDEN["rings"], ids=lambda row: f"{row['purpose']} {row['term']}")
    def test_a_frozen_ring_row_is_wrapped_and_unwrapped(self, row):
        kek, key, place = (bytes.fromhex(text) for text in (GOLDEN["kek"], row["key"], row["context"]))

        wrapped = envelope.wrap(kek, key, place, replay(row["salt"], row["nonce"]))

        assert wrapped.hex() == row["wrapped"]
        assert envelope.unwrap(Sensitive(kek), wrapped, place).reveal() == key

    def test_a_key_keeps_its_public_name_and_its_check_value(self):
        kek, vault = bytes.fromhex(GOLDEN["kek"]), bytes.fromhex(GOLDEN["vault"])

        assert envelope.kek_id(kek, vault) == GOLDEN["kek_id"]
        assert envelope.key_check(kek, vault).hex() == GOLDEN["check"]

    @pytest.mark.parametrize("vector", GOLDEN["records"], ids=lambda vector: vector["path"])
    def test_a_fingerprint_keeps_its_value(self, vector):
        key, secret = oracle.made(f"fpk {vector['term']}"), bytes.fromhex(vector["id"])

        found = envelope.fingerprint(envelope.keyed_mac(key), secret, vector["path"], vector["text"].encode())

        assert found.hex() == vector["fingerprint"]

    def test_a_digest_keeps_its_value(self):
        vector = GOLDEN["digest"]
        label, data = bytes.fromhex(vector["label"]), bytes.fromhex(vector["data"])

        assert envelope.digester(oracle.made("fpk 2"), label)(data).hex() == vector["digest"]

    def test_the_script_that_made_the_vectors_still_makes_them(self):
        assert oracle.make_golden() == GOLDEN


class TestRecord:
    @given(st.binary(), st.binary(), st.binary(min_size=32, max_size=32), st.integers(1, 2**32 - 1))
    def test_what_was_sealed_is_what_opens(self, plaintext, place, key, term):
        blob = Sealer(key, term).seal(plaintext, place)

        assert Opener({term: Sensitive(key)}.get).open(blob, place) == plaintext

    @given(st.binary(), st.binary(), st.binary(min_size=44, max_size=44))
    def test_another_implementation_makes_the_same_bytes(self, plaintext, place, random):
        salt, nonce = random[:32], random[32:]
        sealer = Sealer(KEY, 5, random=replay(salt.hex(), nonce.hex()))

        assert sealer.seal(plaintext, place) == oracle.seal(KEY, 5, (salt, nonce), plaintext, place)

    @given(st.text())
    @example("\ud800 \udfff")
    def test_any_text_comes_back_even_one_that_is_not_unicode(self, text):
        assert envelope.decode_text(envelope.encode_text(text)) == text

    def test_a_record_is_98_bytes_longer_than_what_it_holds(self):
        assert len(Sealer(KEY, 1).seal(b"x" * 51, PLACE)) == 149

    def test_the_same_value_sealed_twice_gives_two_records(self):
        sealer = Sealer(KEY, 1)

        assert sealer.seal(b"same", PLACE)[82:] != sealer.seal(b"same", PLACE)[82:]

    @pytest.mark.parametrize(("length", "term"), [(0, -1), (5, -1), (6, 7), (149, 7)])
    def test_a_record_says_its_term_where_it_is_long_enough_to(self, length, term):
        assert envelope.read_term(Sealer(KEY, 7).seal(b"x" * 51, PLACE)[:length]) == term

    def test_each_record_of_a_request_opens_alone(self):
        sealer = Sealer(KEY, 1, 3)
        blobs = [sealer.seal(bytes([number]), PLACE) for number in range(3)]

        assert [open_record(blob) for blob in reversed(blobs)] == [b"\2", b"\1", b"\0"]

    def test_records_of_one_request_that_open_one_after_another_derive_one_key(self):
        asked, sealer = [], Sealer(KEY, 1)
        records = Opener(lambda term: asked.append(term) or Sensitive(KEY))

        assert [records.open(sealer.seal(b"x", PLACE), PLACE) for _ in range(3)] == [b"x"] * 3
        assert asked == [1]

    def test_an_opener_tells_the_records_of_several_requests_and_terms_apart(self):
        records = opener(KEY, OTHER)
        blobs = [Sealer(key, term).seal(key, PLACE) for key, term in [(KEY, 1), (OTHER, 2)] * 2]

        assert [records.open(blob, PLACE) for blob in blobs] == [KEY, OTHER] * 2


class TestContext:
    @given(st.lists(st.binary()), st.lists(st.binary()))
    def test_two_lists_have_one_encoding_only_if_they_are_one_list(self, one, two):
        assert (encode_context(*one) == encode_context(*two)) == (one == two)

    @given(st.lists(st.binary(), min_size=2))
    def test_where_one_part_ends_and_the_next_begins_is_told(self, parts):
        assert encode_context(*parts) != encode_context(parts[0] + parts[1], *parts[2:])

    def test_it_is_the_length_in_four_bytes_and_the_part(self):
        assert encode_context(b"ab", b"") == b"\0\0\0\2ab\0\0\0\0"


class TestRandomness:
    def test_ten_thousand_seals_repeat_no_salt_and_nonce(self):
        sealers = [Sealer(KEY, 1, 10) for _ in range(100)]
        pairs = {sealer.seal(b"", PLACE)[6:50] for sealer in sealers for _ in range(100)}

        assert len(pairs) == 10_000

    @pytest.mark.parametrize(
        ("count", "sizes"), [(3, [32, 36]), (1, [32, 12, 12, 12]), (0, [32, 12, 12, 12])]
    )
    def test_the_nonces_of_a_request_are_drawn_at_once(self, count, sizes):
        drawn = []
        sealer = Sealer(KEY, 1, count, lambda size: drawn.append(size) or os.urandom(size))

        for _ in range(3):
            sealer.seal(b"", PLACE)

        assert drawn == sizes

    def test_requests_that_follow_one_another_share_a_derived_key_and_no_nonce(self):
        sealer = Sealer(KEY, 1, 2)
        blobs = [sealer.seal(b"", PLACE)]
        [left_over] = sealer._nonces
        sealer.expect(3)
        blobs += [sealer.seal(b"", PLACE) for _ in range(3)]

        assert len({blob[6:38] for blob in blobs}) == 1
        assert len({left_over, *(blob[38:50] for blob in blobs)}) == 5

    @pytest.mark.parametrize("count", [1000, 2**17])
    def test_a_derived_key_serves_65536_seals_and_no_more(self, count):
        sealer = Sealer(KEY, 1, count)
        blobs = [sealer.seal(b"", PLACE) for _ in range(2**16 + 1)]

        assert len({blob[6:38] for blob in blobs[:-1]}) == 1
        assert blobs[-1][6:38] != blobs[0][6:38]
        assert len({blob[38:50] for blob in blobs}) == len(blobs)
        assert [open_record(blob) for blob in blobs[-2:]] == [b"", b""]


class TestRefusal:
    @pytest.mark.parametrize(
        ("start", "end", "error"),
        [
            pytest.param(0, 1, Damaged, id="format"),
            pytest.param(1, 2, Damaged, id="suite"),
            pytest.param(2, 6, WrongKey, id="term"),
            pytest.param(6, 38, WrongKey, id="salt"),
            pytest.param(38, 50, Damaged, id="nonce"),
            pytest.param(50, 82, WrongKey, id="commitment"),
            pytest.param(82, len(RECORD) - 16, Damaged, id="ciphertext"),
            pytest.param(len(RECORD) - 16, len(RECORD), Damaged, id="tag"),
        ],
    )
    def test_a_flip_of_any_bit_is_refused_and_another_key_is_told_from_damage(self, start, end, error):
        for bit in range(8 * start, 8 * end):
            with pytest.raises(error):
                open_record(flip(RECORD, bit))

    def test_a_flip_of_any_bit_of_the_place_is_damage(self):
        for bit in range(8 * len(PLACE)):
            with pytest.raises(Damaged):
                open_record(RECORD, flip(PLACE, bit))

    @pytest.mark.parametrize("length", range(len(RECORD)))
    def test_every_truncation_is_damage(self, length):
        with pytest.raises(Damaged):
            open_record(RECORD[:length])

    @pytest.mark.parametrize("more", [b"\0", b"\1\1", bytes(16), RECORD])
    def test_every_extension_is_damage(self, more):
        with pytest.raises(Damaged):
            open_record(RECORD + more)
        with pytest.raises(Damaged):
            open_record(RECORD, PLACE + more)

    @pytest.mark.parametrize("mark", [b"\0\1", b"\2\1", b"\1\0", b"\1\2", b"\0\0"])
    def test_a_record_that_claims_another_format_or_suite_is_refused_before_any_key_is_used(self, mark):
        with pytest.raises(Damaged):
            Opener(pytest.fail).open(mark + RECORD[2:], PLACE)

    def test_another_key_under_the_same_term_is_the_wrong_key(self):
        with pytest.raises(WrongKey):
            open_record(RECORD, key=OTHER)

    def test_a_term_that_is_not_in_the_ring_is_the_wrong_key(self):
        with pytest.raises(WrongKey):
            opener().open(RECORD, PLACE)

    def test_the_term_is_sealed_in_even_where_two_terms_have_one_key(self):
        with pytest.raises(WrongKey):
            opener(KEY, KEY).open(RECORD[:2] + struct.pack(">I", 2) + RECORD[6:], PLACE)

    def test_a_record_of_one_request_can_not_borrow_the_salt_of_another(self):
        other = Sealer(KEY, 1).seal(b"other", PLACE)

        with pytest.raises(WrongKey):
            open_record(RECORD[:6] + other[6:38] + RECORD[38:])

    def test_a_wrapped_key_opens_under_term_0_only(self):
        blob = Sealer(KEY, 1).seal(OTHER, PLACE)

        with pytest.raises(WrongKey):
            envelope.unwrap(Sensitive(KEY), blob, PLACE)

    @given(st.binary(max_size=300), st.integers(0, 2**32 - 1), st.booleans())
    def test_whatever_the_bytes_only_two_errors_come(self, noise, term, marked):
        blob = b"\1\1" + struct.pack(">I", term) + noise if marked else noise

        with pytest.raises((Damaged, WrongKey)):
            Opener(lambda _: Sensitive(KEY)).open(blob, PLACE)

    def test_no_error_says_anything_of_key_or_value(self):
        sealed = Sealer(KEY, 1).seal(b"CANARY", PLACE)

        for blob in (sealed[:-1], sealed[:2] + b"\xff" + sealed[3:]):
            with pytest.raises((Damaged, WrongKey)) as caught:
                open_record(blob)
            assert "CANARY" not in repr(caught.value)
            assert caught.value.args == (type(caught.value).__doc__,)


class TestFingerprint:
    @pytest.mark.parametrize(
        "other",
        [
            (OTHER, b"i" * 16, "/path", b"value"),
            (KEY, b"j" * 16, "/path", b"value"),
            (KEY, b"i" * 16, "/pat", b"hvalue"),
            (KEY, b"i" * 16, "/path", b"Value"),
        ],
        ids=["key", "secret", "path", "value"],
    )
    def test_it_differs_with_everything_it_is_made_of(self, other):
        key, *place = other
        made = envelope.fingerprint(envelope.keyed_mac(key), *place)

        assert made != envelope.fingerprint(envelope.keyed_mac(KEY), b"i" * 16, "/path", b"value")

    @given(st.binary(min_size=32, max_size=32), st.lists(st.binary(max_size=200), max_size=3))
    def test_a_mac_made_ready_for_many_texts_is_the_usual_one_for_each(self, key, texts):
        ready = envelope.keyed_mac(key)

        assert [ready(text) for text in texts] == [envelope.mac(key, text) for text in texts]

    @pytest.mark.parametrize("other", [(OTHER, b"ab", b"c"), (KEY, b"a", b"bc"), (KEY, b"ab", b"C")])
    def test_a_digest_differs_with_key_label_and_data(self, other):
        assert envelope.digester(*other[:2])(other[2]) != envelope.digester(KEY, b"ab")(b"c")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_ciphers_are_imported_by_the_envelope_alone():
    users = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "src").rglob("*.py")
        if any(name.startswith("cryptography.hazmat") for name in imports(path))
    }

    assert users == {"src/credenza/vault/envelope.py"}
