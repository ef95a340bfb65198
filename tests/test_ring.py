"""Whose secrets open where, and how the terms of a ring come and go."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from credenza.errors import Damaged, VaultLocked, WrongKey
from credenza.model import RingRow, Secret, VaultMeta
from credenza.vault import Ring, Vault, envelope
from vault_rings import (
    ELSEWHERE,
    FIELDS,
    OWNER,
    WORKSPACE,
    Provider,
    Shelf,
    begin,
    open_secret,
    seal,
    with_term,
)

GOLDEN = json.loads((Path(__file__).parent / "golden/vault-1.json").read_text())
RING = begin(Shelf()).ring(WORKSPACE)


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def vault(shelf):
    return begin(shelf)


@pytest.fixture
def ring(vault):
    return vault.ring(WORKSPACE)


class TestGolden:
    @pytest.fixture
    def ring(self):
        workspace, name = bytes.fromhex(GOLDEN["workspace"]), GOLDEN["kek_id"]
        provider = Provider(bytes.fromhex(GOLDEN["kek"]))
        check = bytes.fromhex(GOLDEN["check"])
        meta = VaultMeta(bytes.fromhex(GOLDEN["vault"]), 1, 0, name, check, b"kept")
        rows = [
            RingRow(
                workspace, row["purpose"], row["term"], row["state"], name, bytes.fromhex(row["wrapped"]), 0
            )
            for row in GOLDEN["rings"]
        ]
        return Vault.open(provider, meta, lambda _: rows).ring(workspace)

    @pytest.mark.parametrize("vector", GOLDEN["records"], ids=lambda vector: vector["path"])
    def test_a_store_of_format_1_reads_as_when_it_was_written(self, ring, vector):
        names = ("id", "destination", "fingerprint", "blob")
        raw = {name: bytes.fromhex(vector[name]) for name in names}
        secret = Secret(path=vector["path"], version=vector["version"], rule=vector["rule"], **raw)

        assert open_secret(ring, secret, vector["kind"], bytes.fromhex(vector["owner"])) == vector["text"]
        assert ring.matches(secret, vector["text"])

    def test_its_signatures_and_digests_are_known_again(self, ring):
        data, label = bytes.fromhex(GOLDEN["signature"]["data"]), bytes.fromhex(GOLDEN["digest"]["label"])

        assert ring.sign(data).hex() == GOLDEN["signature"]["signature"]
        assert ring.digest(label, data).hex() == GOLDEN["digest"]["digest"]


class TestSecret:
    @example("\ud800", "/\udfff", bytes(16), 0)
    @given(st.text(), st.text(), st.binary(min_size=16, max_size=16), st.integers(0, 2**64 - 1))
    def test_any_text_opens_where_it_was_sealed(self, text, path, owner, number):
        fields = {**FIELDS, "version": number, "rule": number}
        secret = RING.sealing("integration").seal(owner, path, text=text, **fields)

        assert open_secret(RING, secret, owner=owner) == text
        assert RING.matches(secret, text)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("path", "/passwore"),
            ("path", ""),
            ("id", b"t" * 16),
            ("version", 4),
            ("destination", b"e" * 32),
            ("rule", 2),
        ],
    )
    def test_it_does_not_open_with_another_of_its_fields(self, field, value):
        with pytest.raises(Damaged):
            open_secret(RING, msgspec.structs.replace(seal(RING), **{field: value}))

    @pytest.mark.parametrize(
        "place", [{"kind": "instance"}, {"owner": b"p" * 16}], ids=["owner kind", "owner"]
    )
    def test_it_does_not_open_for_another_owner(self, place):
        with pytest.raises(Damaged):
            open_secret(RING, seal(RING), **place)

    @pytest.mark.parametrize("place", [("vault", 0), ("workspace", 1)])
    def test_it_does_not_open_in_another_vault_or_workspace_that_has_the_same_keys(self, place):
        ids = [*RING._place]
        ids[place[1]] = b"x" * 16

        with pytest.raises(Damaged):
            open_secret(Ring(*ids, RING._terms), seal(RING))

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("id", b"s" * 15),
            ("id", b"s" * 17),
            ("destination", b"d" * 31),
            ("destination", b"d" * 33),
            ("version", -1),
            ("version", 2**64),
            ("rule", -1),
        ],
    )
    def test_a_field_of_the_wrong_size_is_never_padded_or_cut(self, field, value):
        with pytest.raises(Damaged):
            open_secret(RING, msgspec.structs.replace(seal(RING), **{field: value}))
        with pytest.raises(ValueError, match=r"an id is 16|a version is"):
            seal(RING, **{field: value})

    def test_two_values_swapped_between_rows_do_not_open(self):
        one, two = seal(RING, "one", path="/one"), seal(RING, "two", path="/two", id=b"t" * 16)

        with pytest.raises(Damaged):
            open_secret(RING, msgspec.structs.replace(one, blob=two.blob))

    def test_its_context_is_the_canonical_encoding(self):
        numbers = (3).to_bytes(8, "big"), (1).to_bytes(8, "big")
        context = envelope.encode_context(
            *(b"credenza.secret.v1", *RING._place, b"integration", OWNER, b"/password"),
            *(FIELDS["id"], numbers[0], FIELDS["destination"], numbers[1]),
        )

        assert RING._opener.open(seal(RING).blob, context) == b"a password"

    @given(st.text(), st.text())
    def test_its_fingerprint_tells_whether_a_text_is_the_same(self, one, two):
        assert RING.matches(seal(RING, one), two) == (one == two)

    def test_one_value_in_two_places_shows_two_fingerprints(self):
        assert seal(RING).fingerprint != seal(RING, id=b"t" * 16).fingerprint

    @pytest.mark.parametrize("blob", [b"", b"\1\1\0\0\0", b"\1\1\0\0\0\7" + bytes(92)])
    def test_a_record_of_no_known_term_matches_nothing(self, blob):
        assert RING.matches(msgspec.structs.replace(seal(RING), blob=blob), "a password") is False

    def test_requests_of_one_thread_share_a_derived_key_and_those_of_others_do_not(self):
        here = [seal(RING).blob[6:38] for _ in range(2)]
        with ThreadPoolExecutor(1) as elsewhere:
            there = elsewhere.submit(lambda: seal(RING).blob[6:38]).result()

        assert here[0] == here[1] != there

    def test_a_term_that_has_become_active_seals_from_the_next_request_on(self, shelf, vault):
        ring = vault.ring(WORKSPACE)
        terms = [envelope.read_term(seal(ring).blob)]
        ring._terms = vault.keys(with_term(vault, 2, shelf.rows[WORKSPACE]), WORKSPACE)._terms
        terms.append(envelope.read_term(seal(ring).blob))

        assert terms == [1, 2]

    def test_a_request_counts_its_seals(self):
        sealing = RING.sealing("integration", 5)
        for _ in range(3):
            sealing.seal(OWNER, "/password", text="x", **FIELDS)

        assert (sealing.seals, sealing.term) == (3, 1)

    def test_a_secret_comes_out_boxed(self):
        assert repr(RING.open("integration", OWNER, seal(RING))) == "<sensitive>"


class TestSignature:
    def test_what_was_signed_is_verified(self, ring):
        ring.verify(b"a row", ring.sign(b"a row"))

    def test_every_flipped_bit_of_a_signature_is_refused(self, ring):
        signature = ring.sign(b"a row")

        for bit in range(8 * len(signature)):
            changed = bytearray(signature)
            changed[bit // 8] ^= 1 << bit % 8
            with pytest.raises(WrongKey if bit < 32 else Damaged):
                ring.verify(b"a row", bytes(changed))

    @pytest.mark.parametrize("cut", [0, 4, 35])
    def test_a_shortened_signature_is_refused(self, ring, cut):
        with pytest.raises(Damaged):
            ring.verify(b"a row", ring.sign(b"a row")[:cut])

    def test_other_data_is_refused(self, ring):
        with pytest.raises(Damaged):
            ring.verify(b"a raw", ring.sign(b"a row"))

    def test_another_workspace_signs_otherwise(self, vault, ring):
        with pytest.raises(Damaged):
            vault.ring(ELSEWHERE).verify(b"a row", ring.sign(b"a row"))

    def test_a_digest_is_of_one_workspace(self, vault, ring):
        assert ring.digest(b"source", b"text") == ring.digest(b"source", b"text")
        assert ring.digest(b"source", b"text") != vault.ring(ELSEWHERE).digest(b"source", b"text")


class TestTerms:
    def test_the_active_term_seals_and_the_one_before_still_opens(self, vault, ring, shelf):
        old = seal(ring, "old")
        newer = vault.keys(with_term(vault, 2, shelf.rows[WORKSPACE]), WORKSPACE)

        assert newer.term == 2
        assert envelope.read_term(seal(newer).blob) == 2
        assert open_secret(newer, old) == "old"
        assert newer.matches(old, "old")
        newer.verify(b"a row", ring.sign(b"a row"))

    def test_a_term_that_is_not_active_yet_opens_and_does_not_seal(self, vault, shelf):
        rows = with_term(vault, 2, shelf.rows[WORKSPACE])
        states = {1: "active", 2: "pre_active"}
        early = [msgspec.structs.replace(row, state=states[row.term]) for row in rows]
        ring, newer = vault.keys(early, WORKSPACE), vault.keys(rows, WORKSPACE)

        assert envelope.read_term(seal(ring).blob) == 1
        assert open_secret(ring, seal(newer, "new")) == "new"

    def test_a_digest_of_the_term_before_does_not_match(self, vault, ring, shelf):
        newer = vault.keys(with_term(vault, 2, shelf.rows[WORKSPACE]), WORKSPACE)

        assert newer.digest(b"source", b"text") != ring.digest(b"source", b"text")

    @pytest.mark.parametrize("gone", [{"state": "destroyed", "wrapped": None}, {"state": "destroyed"}])
    def test_a_destroyed_term_opens_and_matches_nothing(self, vault, ring, shelf, gone):
        old, rows = seal(ring, "old"), with_term(vault, 2, shelf.rows[WORKSPACE])
        signature = ring.sign(b"a row")
        rows = [msgspec.structs.replace(row, **gone) if row.term == 1 else row for row in rows]
        newer = vault.keys(rows, WORKSPACE)

        with pytest.raises(WrongKey):
            open_secret(newer, old)
        assert not newer.matches(old, "old")
        with pytest.raises(WrongKey):
            newer.verify(b"a row", signature)

    @pytest.mark.parametrize("state", ["pre_active", "decrypt_only"])
    @pytest.mark.parametrize(
        "use",
        [lambda ring: ring.term, seal, lambda ring: ring.sign(b""), lambda ring: ring.digest(b"", b"")],
        ids=["term", "seal", "sign", "digest"],
    )
    def test_without_an_active_term_nothing_is_made(self, vault, shelf, state, use):
        rows = [msgspec.structs.replace(row, state=state) for row in shelf.rows[WORKSPACE]]

        with pytest.raises(VaultLocked, match="no active"):
            use(vault.keys(rows, WORKSPACE))

    def test_without_a_fingerprint_key_of_the_same_term_nothing_is_sealed(self, vault, shelf):
        rows = [row for row in shelf.rows[WORKSPACE] if row.purpose != "fpk"]

        with pytest.raises(VaultLocked, match="no fpk key of term 1"):
            seal(vault.keys(rows, WORKSPACE))

    def test_a_reader_that_meets_an_unknown_term_looks_again_once(self, vault, ring, shelf):
        rows = with_term(vault, 2, shelf.rows[WORKSPACE])
        newer = vault.keys(rows, WORKSPACE)
        secrets = [seal(newer, text) for text in ("one", "two")]
        with pytest.raises(WrongKey):
            open_secret(ring, secrets[0])
        assert shelf.reads == 2, "read, looked again, gave up"

        shelf.rows[WORKSPACE] = rows

        assert [open_secret(ring, secret) for secret in secrets] == ["one", "two"]
        assert shelf.reads == 3
        assert ring.term == 2

    def test_a_reader_that_has_no_active_term_looks_again(self, vault, shelf):
        rows = shelf.rows[WORKSPACE]
        shelf.rows[WORKSPACE] = [msgspec.structs.replace(row, state="pre_active") for row in rows]
        ring = vault.ring(WORKSPACE)
        shelf.rows[WORKSPACE] = rows

        assert ring.term == 1
