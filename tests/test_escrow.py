"""An escrow: the vault's key in a sealed file, opened by its passphrase or private key and nothing else."""

import base64
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from age_keys import make_pair
from cli_prompt import OPENAI, Prompt
from credenza.cli import failures
from credenza.errors import Invalid
from credenza.sensitive import Sensitive
from credenza.vault import envelope, escrow
from credenza.vault.envelope import Cost

VAULT, KEK = bytes(range(16)), bytes(range(32))
PASSPHRASE = "correct horse battery staple"


@pytest.fixture(autouse=True, scope="module")
def cheap():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(escrow, "COST", Cost(1, 64, 1))
        yield


@pytest.fixture(scope="module")
def text():
    return write()


@pytest.fixture
def prompt(tmp_path):
    """Return a prompt whose key is in a file, and the passphrase of escrows in another."""
    prompt = Prompt(tmp_path, (tmp_path / "keys" / "kek").as_uri())
    prompt.environment["CREDENZA_AGE_IDENTITY"] = None
    prompt.run("init")
    prompt.run("apply", "-", input=[OPENAI])
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    return prompt


def write(passphrase=PASSPHRASE):
    return escrow.write_for_passphrase(VAULT, Sensitive(KEK), Sensitive(passphrase), 1_796_000_000_000)


def open_(text, passphrase=PASSPHRASE, unseal=None):
    return escrow.read(text).open(lambda: Sensitive(passphrase), unseal).reveal()


def code_of(text, passphrase=PASSPHRASE):
    with pytest.raises(Invalid) as caught:
        open_(text, passphrase)
    return caught.value.code


def verify(prompt, file="esc", code=0):
    return prompt.run(
        "vault",
        "escrow",
        "verify",
        prompt.folder / file,
        "--passphrase-file",
        prompt.folder / "passphrase",
        code=code,
    )


def export(prompt, file="esc"):
    passphrase = prompt.folder / "passphrase"
    return prompt.run("vault", "escrow", "export", prompt.folder / file, "--passphrase-file", passphrase)


def checks(prompt, subject, code=0):
    found = prompt.json("doctor", code=code)["checks"]
    return [each["state"] for each in found if each["subject"] == subject]


# The file


def test_what_was_sealed_with_a_passphrase_opens_with_it_and_names_its_key(text):
    closed = escrow.read(text)

    assert (closed.vault, closed.kek_id) == (VAULT, envelope.kek_id(KEK, VAULT))
    assert open_(text) == KEK


def test_the_key_stands_in_no_form_in_the_file(text):
    body = "".join(text.split())

    assert base64.b64encode(KEK).decode()[:20] not in body
    assert KEK.hex()[:16] not in body


def test_two_escrows_of_one_key_have_nothing_sealed_in_common(text):
    one, other = (set(each.splitlines()[8:-1]) for each in (text, write()))
    assert len(one) > 4
    assert not one & other


def test_another_passphrase_is_told_from_a_file_that_was_changed(text):
    assert code_of(text, "another passphrase") == "escrow_wrong_passphrase"


def test_the_same_letter_typed_in_two_ways_is_one_passphrase():
    assert open_(write("schlu\u0308ssel-lang"), "schl\u00fcssel-lang") == KEK


@given(st.data())
def test_no_letter_of_it_can_be_changed_unnoticed(text, data):
    lines = [at for at, letter in enumerate(text) if letter.isalnum() and "\n" in text[:at]]
    end = text.rindex("-----END")
    at = data.draw(st.sampled_from([each for each in lines if each < end]))
    letter = data.draw(st.sampled_from("ABCDwxyz0189").filter(lambda each: each != text[at]))
    changed = text[:at] + letter + text[at + 1 :]

    try:
        assert open_(changed) == KEK
    except Invalid:
        return
    # The last letter of base64 has bits that say nothing.
    assert text[at + 1 : at + 2] in {"=", "\n"}


def test_printed_and_typed_in_again_it_opens(text):
    typed = "\r\n\r\n".join(f"  {line} " for line in text.splitlines() if line)

    assert open_(f"From the safe:\n{typed}\nEnd of page") == KEK


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("Version: 1", "Version: 2", "escrow_version"),
        ("t=1 m=64 p=1", "t=99 m=64 p=1", "escrow_cost"),
        ("t=1 m=64 p=1", "t=1 m=99999999 p=1", "escrow_cost"),
        ("t=1 m=64 p=1", "t=0 m=64 p=1", "no_escrow"),
        ("-----END", "-----DONE", "no_escrow"),
        ("Key: ", "Name: ", "no_escrow"),
    ],
)
def test_a_file_that_is_none_or_asks_for_too_much_is_refused_before_anything_is_tried(text, old, new, code):
    assert code_of(text.replace(old, new)) == code


def test_a_short_passphrase_is_refused():
    with pytest.raises(Invalid, match="12 characters"):
        write("short")


def test_what_is_written_outside_of_tests_costs_what_the_standard_recommends(monkeypatch):
    monkeypatch.setattr(escrow, "COST", Cost(passes=3, memory=64 * 1024, lanes=4))
    text = write()

    assert "Sealed: argon2id t=3 m=65536 p=4\n" in text
    assert open_(text) == KEK


# At a prompt


def test_an_escrow_is_a_file_for_one_owner_and_never_replaces_another(prompt):
    export(prompt)
    file = prompt.folder / "esc"
    text = file.read_text()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    refusal = prompt.refusal("vault", "escrow", "export", file, code=failures.USAGE)
    assert "never replaces" in refusal["message"]
    assert file.read_text() == text


def test_it_does_not_lie_beside_the_store(prompt):
    near = prompt.database.parent / "esc"
    arguments = ("--passphrase-file", prompt.folder / "passphrase")
    refusal = prompt.refusal("vault", "escrow", "export", near, *arguments, code=failures.USAGE)

    assert "folder of the store" in refusal["message"]
    assert not near.exists()


def test_doctor_warns_until_an_escrow_was_verified(prompt):
    assert checks(prompt, "escrow") == ["warning"]
    export(prompt)
    assert checks(prompt, "escrow") == ["warning"]
    verify(prompt)
    assert checks(prompt, "escrow") == ["ok"]


def test_both_leave_a_row_in_the_audit(prompt):
    export(prompt)
    verify(prompt)

    assert prompt.json("audit", "verify")["rows"] == 4


def test_it_is_verified_while_the_key_is_lost_and_brings_the_key_back(prompt):
    export(prompt)
    key = prompt.folder / "keys" / "kek"
    lost = key.read_text()
    key.unlink()
    verify(prompt)
    prompt.run("resolve", "a", code=failures.UNAVAILABLE)
    passphrase = ("--passphrase-file", prompt.folder / "passphrase")
    prompt.run("vault", "escrow", "restore", prompt.folder / "esc", "--to", key.as_uri(), *passphrase)

    assert key.read_text() == lost
    assert prompt.json("resolve", "a")["configuration"]["api_key"] == "sk-made-up"


def test_a_key_that_is_in_the_place_is_never_written_over(prompt):
    export(prompt)
    key = prompt.folder / "keys" / "kek"
    key.write_text(base64.b64encode(b"x" * 32).decode())
    left = key.read_text()
    arguments = ("--to", key.as_uri(), "--passphrase-file", prompt.folder / "passphrase")
    prompt.refusal("vault", "escrow", "restore", prompt.folder / "esc", *arguments, code=failures.NOT_STARTED)

    assert key.read_text() == left


def test_a_place_that_cannot_be_written_to_is_told_how_and_the_key_is_not_shown(prompt):
    export(prompt)
    key = (prompt.folder / "keys" / "kek").read_text().strip()
    arguments = ("--to", "env://NAME", "--passphrase-file", prompt.folder / "passphrase")
    refusal = prompt.refusal(
        "vault", "escrow", "restore", prompt.folder / "esc", *arguments, code=failures.USAGE
    )

    assert "file:///path" in refusal["message"]
    assert key not in str(refusal)


def test_it_is_sealed_to_age_recipients_and_opens_with_their_private_keys_alone(prompt, tmp_path):
    public, private = make_pair(tmp_path)
    _, other = make_pair(tmp_path, "other")
    file = tmp_path / "esc"
    prompt.run("vault", "escrow", "export", file, "--recipient", public)

    assert "Sealed: age\n" in file.read_text()
    assert prompt.json("vault", "escrow", "verify", file, "--identity", private)["verified"]
    refusal = prompt.refusal("vault", "escrow", "verify", file, "--identity", other, code=failures.REFUSED)
    assert refusal["code"] == "escrow_sealed_for_others"
    file.write_text(file.read_text().replace("Created: 20", "Created: 19"))
    refusal = prompt.refusal("vault", "escrow", "verify", file, "--identity", private, code=failures.REFUSED)
    assert refusal["code"] == "escrow_damaged"


def test_the_escrow_of_another_vault_is_told_by_its_name(prompt, text):
    (prompt.folder / "esc").write_text(text)

    assert "another vault" in verify(prompt, code=failures.CONFLICT).stderr


def test_neither_key_nor_passphrase_is_ever_shown(prompt):
    told = [export(prompt), verify(prompt)]
    (prompt.folder / "passphrase").write_text("another passphrase")
    told.append(verify(prompt, code=failures.REFUSED))
    key = (prompt.folder / "keys" / "kek").read_text().strip()

    for answer in told:
        assert key not in answer.output
        assert PASSPHRASE not in answer.output
        assert "another passphrase" not in answer.output
