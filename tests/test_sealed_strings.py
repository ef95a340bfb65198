"""A sealed string is good for one name, type, key and destination; put elsewhere it is refused."""

import base64
import json
import os
import sys

import pytest
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from age_keys import KAFKA, codes, make_pair, new_store, shared_store, write_all
from cli_prompt import OPENAI, SENDGRID
from credenza.cli import failures, recipients
from credenza.sensitive import Sensitive

AZURE = {
    "name": "azure",
    "type": "azure_openai",
    "configuration": {"api_key": "made-up", "endpoint": "https://one.example.com/v1"},
    "apis": [{"integrationName": "azure", "api": "m", "configuration": {"api_key": "own"}}],
}
# An identity file under the passphrase `made-up`, and cheap to open: of scrypt's work, 2^4 instead of 2^18.
ITS_PUBLIC_KEY = "age1nyx5p66q8gak0awgcj0khs4gfkty55y0edknqj97ucrp7kgy7dys6av6rm"
LOCKED = (
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBRellPS3JUNExLWTVJbm9xaWZ3RDZRIDQKSHp6ejhJNzlGc2"
    "NtN3dQUzErVE5xR0tKYWxSTDJNTTNrelNzbE1KNzlTVQotLS0gR3Q2V1hwaVh0YzhoSWpFbWNpZDgwanYxa2dEdUVM"
    "eEJ2b0lrS2JicW4ySQqhZB7NxpIxqkc37U6SRgRqmeXe2oPtdyufWW+CurqWn3J7jV/FxkU5g49Yjz4cxwBgDDL4uY"
    "zHxII72TgwGRed40YVjWpehTYEfLP4Z5pIuWMAXT0SABP2cRPY+dYbxWP9JYF84RFtJkQjPw=="
)
ELSEWHERE = {"endpoint": "https://evil.example.com"}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return make_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture
def store(tmp_path, kek, pair):
    prompt = new_store(tmp_path / "here", kek)
    prompt.environment["CREDENZA_AGE_IDENTITY"] = str(pair[1])
    return prompt


@pytest.fixture(scope="module")
def sealed(tmp_path_factory, pair):
    """Return integrations as another store exports them, with their secrets sealed."""
    elsewhere = shared_store(tmp_path_factory.mktemp("elsewhere"))
    known = {}

    def export(*items):
        key = json.dumps(items)
        if key not in known:
            elsewhere.run("apply", "-", input=items)
            names = [option for item in items for option in ("--names", item["name"])]
            known[key] = elsewhere.run("export", "-", "--json", "--recipient", pair[0], *names).stdout
        return json.loads(known[key])

    return export


def refused(store, *items):
    """Apply items that are refused; see that nothing was saved, and return what is said of them."""
    refusal = store.refusal("apply", "-", input=items, code=failures.REFUSED)
    assert "nothing was saved" in refusal["message"]
    return codes(refusal)


def test_a_sealed_string_is_opened_where_it_was_made_for(store, sealed):
    items = sealed(KAFKA, AZURE)

    assert store.run("apply", "-", input=items).stdout == "2 created.\n"
    assert store.json("resolve", "events")["configuration"] == KAFKA["configuration"]
    assert store.run("apply", "-", input=items).stdout == "2 unchanged.\n"


def test_it_may_be_armoured_or_not(store, sealed):
    [item] = sealed(OPENAI)
    armoured = item["configuration"]["api_key"]["$age"]
    item["configuration"]["api_key"]["$age"] = "".join(armoured.splitlines()[1:-1])

    store.run("apply", "-", input=[item])

    assert store.run("resolve", "a", "--key", "api_key").stdout == "sk-made-up"


def test_another_path_of_an_url_is_no_matter(store, sealed):
    [azure] = sealed(AZURE)
    azure["configuration"]["endpoint"] = "https://ONE.example.com:443/v2"

    assert store.run("apply", "-", input=[azure]).stdout == "1 created.\n"


def test_under_another_endpoint_it_is_refused_with_that_of_every_api(store, sealed):
    [azure] = sealed(AZURE)
    azure["configuration"] |= ELSEWHERE

    refusal = store.refusal("apply", "-", input=[azure], code=failures.REFUSED)

    places = ["/configuration/api_key", "/apis/0/configuration/api_key"]
    assert codes(refusal) == [("secret_reentry_required", "azure", place) for place in places]
    words = "Where this secret is sent has changed: enter it again together with the change."
    assert {each["message"] for each in refusal["errors"]} == {words}


def test_under_another_type_or_key_it_is_refused(store, sealed):
    openai, mail = sealed(OPENAI, SENDGRID)
    openai["configuration"], mail["configuration"] = mail["configuration"], openai["configuration"]
    assert [code for code, *_ in refused(store, openai, mail)] == ["secret_reentry_required"] * 2

    [events] = sealed(KAFKA)
    events["configuration"]["keyStorePassword"] = events["configuration"]["password"]
    assert refused(store, events) == [
        ("secret_reentry_required", "events", "/configuration/keyStorePassword")
    ]


def test_beside_another_trust_store_or_sealed_url_it_is_refused(store, sealed):
    mine = sealed(KAFKA)[0]["configuration"]
    theirs = sealed({**KAFKA, "configuration": {**KAFKA["configuration"], "file": "T1RIRVI="}})[0][
        "configuration"
    ]

    for key, count in (("file", 3), ("schemaRegistryUrl", 2)):
        told = refused(store, {**KAFKA, "configuration": {**mine, key: theirs[key]}})
        assert ("secret_reentry_required", "events", "/configuration/password") in told
        assert len(told) >= count


def test_with_an_api_that_leads_elsewhere_and_would_take_it_along_it_is_refused(store, sealed):
    [item] = sealed(OPENAI)
    api = {"integrationName": "a", "api": "m", "configuration": ELSEWHERE}

    assert refused(store, {**item, "apis": [api]}) == [
        ("secret_reentry_required", "a", "/configuration/api_key")
    ]
    api["configuration"] = {**ELSEWHERE, "api_key": "its-own"}
    assert store.run("apply", "-", input=[{**item, "apis": [api]}]).stdout == "1 created.\n"


def test_what_the_store_keeps_never_decides_where_a_sealed_secret_goes(store, sealed):
    [item] = sealed(OPENAI)
    url = "https://me:made-up@evil.example.com"
    store.run("apply", "-", input=[{**OPENAI, "configuration": {"api_key": "x", "endpoint": url}}])

    kept = {**item, "configuration": {**item["configuration"], "endpoint": {"$secret": {}}}}
    refusal = store.refusal("apply", "-", input=[kept], code=failures.REFUSED)
    assert codes(refusal) == [("secret_reentry_required", "a", "/configuration/api_key")]
    store.run("apply", "-", input=[item])
    assert store.json("resolve", "a")["configuration"] == {"api_key": "sk-made-up"}


def test_a_sealed_string_that_was_changed_is_refused_by_its_place(store, sealed):
    openai, mail = sealed(OPENAI, SENDGRID)
    text = mail["configuration"]["api_key"]["$age"]
    lines = text.splitlines()
    lines[-2] = lines[-2][::-1].replace("=", "") + "=" * lines[-2].count("=")
    for damaged in (text[:300], "\n".join(lines), "CNRY-made-up", ""):
        mail["configuration"]["api_key"] = {"$age": damaged}
        assert refused(store, openai, mail) == [("sealed_for_others", "b", "/configuration/api_key")]


def test_without_the_library_a_sentence_says_what_to_install(store, sealed, monkeypatch):
    items = sealed(OPENAI)
    monkeypatch.delitem(sys.modules, "credenza.transfer.age", raising=False)
    monkeypatch.setitem(sys.modules, "pyrage", None)

    told = store.refusal("apply", "-", input=items, code=failures.USAGE)["message"]

    assert told == "Sealing and opening need the package pyrage: pip install pyrage."
    assert store.run("apply", "-", input=[OPENAI]).stdout == "1 created.\n"


def test_with_another_identity_every_integration_and_key_is_named_and_nothing_is_saved(
    tmp_path, store, sealed
):
    items = sealed(OPENAI, AZURE)
    store.environment["CREDENZA_AGE_IDENTITY"] = str(make_pair(tmp_path, "other")[1])

    assert refused(store, *items, {"name": "z", "type": "grok", "configuration": {"api_key": "k"}}) == [
        ("sealed_for_others", "a", "/configuration/api_key"),
        ("sealed_for_others", "azure", "/configuration/api_key"),
        ("sealed_for_others", "azure", "/apis/0/configuration/api_key"),
    ]
    assert store.json("list", "--all") == []


@pytest.mark.parametrize(
    ("file", "words"),
    [(None, "--identity FILE"), ("/nonexistent", "cannot be read"), ("text", "holds no private key")],
)
def test_without_an_identity_that_is_one_a_sentence_says_so(tmp_path, store, sealed, file, words):
    items = sealed(OPENAI)
    if file == "text":
        file = tmp_path / "text"
        file.write_text("CNRY-made-up")
    store.environment["CREDENZA_AGE_IDENTITY"] = file and str(file)

    told = store.refusal("apply", "-", input=items, code=failures.USAGE)["message"]

    assert words in told
    assert "CNRY" not in told


MISPLACED = {
    "/description": {"description": {"$env": "X"}},
    "/tags": {"tags": [{"key": "k", "value": {"$age": "x"}}]},
    "/configuration/organizationId": {"configuration": {"api_key": "k", "organizationId": {"$env": "X"}}},
    "/configuration": {"configuration": {"api_key": "k", "CNRY": [{"$env": "X"}]}},
    "/apis/0": {"apis": [{"api": {"$env": "X"}}]},
    "/apis/0/configuration/model": {"apis": [{"api": "m", "configuration": {"model": {"$age": "X"}}}]},
}


def test_a_reference_stands_only_where_a_secret_does(store):
    told = refused(store, *({**OPENAI, **change} for change in MISPLACED.values()))

    assert told == [("reference_not_allowed", "a", pointer) for pointer in MISPLACED]
    item = {**OPENAI, "configuration": {"$env": "X"}}
    assert refused(store, item) == [("reference_not_allowed", "a", "/configuration")]


def test_a_reference_has_one_form(store):
    values = [{"$env": 1}, {"$env": "A", "$age": "B"}, {"$age": "x", "more": 1}, {"$age": None}]

    told = refused(store, *({**OPENAI, "configuration": {"api_key": value}} for value in values))

    assert told == [("bad_reference", "a", "/configuration/api_key")] * len(values)


def test_references_to_the_environment_are_taken_from_it(store, tmp_path):
    item = {**OPENAI, "configuration": {"api_key": {"$env": "OUR_KEY"}, "endpoint": {"$env": "OUR_URL"}}}
    assert refused(store, item) == [
        ("variable_not_set", "a", "/configuration/api_key"),
        ("variable_not_set", "a", "/configuration/endpoint"),
    ]

    store.environment |= {"OUR_KEY": "CNRY-made-up", "OUR_URL": "https://u:p@x.example"}
    told = [store.run("apply", write_all(tmp_path / "git", item)) for _ in range(2)]

    assert [each.output for each in told] == ["1 created.\n", "1 unchanged.\n"]
    assert store.run("resolve", "a", "--key", "endpoint").stdout == "https://u:p@x.example"


def test_what_opens_the_vault_or_a_server_is_no_reference(store, monkeypatch):
    monkeypatch.setenv("OUR_KEK", os.environ["CREDENZA_TEST_KEK"])
    store.environment |= {"CREDENZA_TOKEN": "made-up", "CREDENZA_KEK": "env://OUR_KEK"}
    names = ["CREDENZA_TOKEN", "CREDENZA_TEST_KEK", "OUR_KEK"]
    items = [{**OPENAI, "configuration": {"api_key": {"$env": name}}} for name in names]

    assert [code for code, *_ in refused(store, *items)] == ["variable_not_set"] * 3


def test_of_a_type_that_is_not_known_nothing_is_opened(store):
    item = {"name": "a", "type": "unheard_of", "configuration": {"api_key": {"$env": "HOME"}}}

    assert refused(store, item) == [("unknown_type", "a", "/type")]


# `credenza seal`: one secret into its place by hand.

YAML = """# ours
name: a
type: openai
configuration:
  # für 🔑 aus dem Tresor
  api_key: null   # rotates in May
  endpoint: https://api.example.com
tags: []
"""


TEXTS = [
    YAML,
    YAML.replace("null ", "|\n    two\n    lines\n"),
    YAML.replace("api_key: null", 'api_key: {"$secret": {}}'),
    YAML.replace("api_key: null", "api_key:\n    $age: |\n      old\n      one\n"),
    YAML.replace("  api_key: null   # rotates in May\n", ""),
    "- " + YAML.replace("# ours\n", "").replace("\n", "\n  "),
    'name: a\ntype: openai\nconfiguration: {endpoint: "https://api.example.com"}\n',
    json.dumps({"name": "a", "type": "openai", "configuration": {"endpoint": "https://api.example.com"}}),
]


def test_a_secret_is_sealed_into_its_place_and_the_rest_of_the_file_stays(tmp_path, store, pair):
    files = []
    for number, text in enumerate(TEXTS):
        file = tmp_path / f"{number}.{'json' if text.startswith('{') else 'yaml'}"
        file.write_text(text)
        file.chmod(0o640)
        told = store.run(
            "seal", file, "/configuration/api_key", "--recipient", pair[0], input="CNRY-made-up\n"
        )
        assert told.output == "Sealed.\n"
        assert os.name != "posix" or file.stat().st_mode & 0o777 == 0o640
        files.append(file.read_text())
        assert "api_key:\n" not in files[-1]
        comments = [line for line in text.splitlines() if line.lstrip().startswith("# ")]
        assert all(line in files[-1] for line in comments)
        store.run("apply", file)

    assert "CNRY" not in "".join(files)
    assert store.json("resolve", "a")["configuration"] == {
        "api_key": "CNRY-made-up",
        "endpoint": "https://api.example.com",
    }
    assert len(store.json("history", "a")) == 1


def test_what_was_bound_to_what_is_sealed_now_is_named(tmp_path, store, pair):
    file = tmp_path / "a.json"
    file.write_text(json.dumps(KAFKA))
    for key in ("password", "file"):
        told = store.json("seal", file, key, "--recipient", pair[0], input="made-up")

    assert told == {"sealed": "/configuration/file", "sealAgain": ["/configuration/password"]}
    assert [code for code, *_ in refused(store, json.loads(file.read_text()))] == ["secret_reentry_required"]


def test_it_can_be_printed_instead(tmp_path, store, pair):
    file = tmp_path / "a.yaml"
    file.write_text(YAML)

    reference = json.loads(
        store.run("seal", file, "api_key", "--recipient", pair[0], "--print", input="k").stdout
    )

    assert file.read_text() == YAML
    configuration = {"api_key": reference, "endpoint": "https://api.example.com"}
    assert (
        store.run("apply", "-", input=[{**OPENAI, "configuration": configuration}]).stdout == "1 created.\n"
    )


@pytest.mark.parametrize(
    ("text", "pointer", "input", "words"),
    [
        (YAML, "/configuration/endpoints", "k", "POINTER names the place of a secret"),
        (YAML, "/description", "k", "POINTER names"),
        (YAML, "api_key", "", "The secret is empty"),
        (YAML, "api_key", "****", "mask characters"),
        ("[]", "api_key", "k", "FILE holds one integration"),
        ("name: a\ntype: openai\nconfiguration: {}\n", "api_key", "k", "cannot be put into its place"),
    ],
)
def test_what_cannot_be_sealed_is_told_and_the_file_stays(tmp_path, store, pair, text, pointer, input, words):  # noqa: PLR0917
    file = tmp_path / "a.yaml"
    file.write_text(text)

    told = store.refusal("seal", file, pointer, "--recipient", pair[0], input=input, code=failures.USAGE)

    assert words in told["message"]
    assert file.read_text() == text


def test_a_key_of_ssh_opens_too(tmp_path, store):
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(forms.Encoding.OpenSSH, forms.PublicFormat.OpenSSH).decode()
    ssh = tmp_path / "ssh"
    ssh.write_bytes(
        private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.OpenSSH, forms.NoEncryption())
    )
    store.run("apply", "-", input=[OPENAI])
    items = store.json("export", "-", "--recipient", public)

    assert store.run("apply", "-", "--identity", ssh, input=items).stdout == "1 unchanged.\n"


def test_an_identity_under_a_passphrase_opens_with_it(tmp_path, store, monkeypatch):
    locked = tmp_path / "locked"
    locked.write_bytes(base64.b64decode(LOCKED))
    store.run("apply", "-", input=[OPENAI])
    items = store.json("export", "-", "--recipient", ITS_PUBLIC_KEY)

    told = store.refusal("apply", "-", "--identity", locked, input=items, code=failures.USAGE)
    assert "has a passphrase" in told["message"]
    monkeypatch.setattr(recipients, "ask_passphrase", lambda: Sensitive("CNRY"))
    told = store.refusal("apply", "-", "--identity", locked, input=items, code=failures.USAGE)
    assert "its passphrase is another" in told["message"]
    monkeypatch.setattr(recipients, "ask_passphrase", lambda: Sensitive("made-up"))
    assert store.run("apply", "-", "--identity", locked, input=items).stdout == "1 unchanged.\n"


@pytest.mark.parametrize("form", ["OpenSSH", "PEM"])
def test_of_a_key_of_ssh_under_a_passphrase_a_sentence_says_that_it_is_not_opened(
    tmp_path, store, sealed, form
):
    locked = tmp_path / "locked"
    if form == "OpenSSH":
        body = b"openssh-key-v1\0" + b"\0\0\0\x0aaes256-ctr" + b"\0\0\0\x06bcrypt" + bytes(40)
        lines = base64.encodebytes(body).decode()
        locked.write_text(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{lines}-----END OPENSSH PRIVATE KEY-----\n")
    else:
        private = rsa.generate_private_key(65537, 1024)  # small: nothing is sealed to it
        under = forms.BestAvailableEncryption(b"made-up")
        locked.write_bytes(
            private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.TraditionalOpenSSL, under)
        )

    told = store.refusal("apply", "-", "--identity", locked, input=sealed(OPENAI), code=failures.USAGE)

    assert "of SSH under a passphrase is not opened" in told["message"]


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_an_identity_that_everybody_can_read_is_warned_of_but_not_into_json(store, sealed, pair):
    words = "everybody on this machine can read the file of --identity"
    for mode, warned in ((0o600, False), (0o640, False), (0o644, True)):
        pair[1].chmod(mode)
        assert (words in store.run("apply", "-", input=sealed(OPENAI)).stderr) == warned
    assert store.run("apply", "-", "--json", input=sealed(OPENAI)).stderr == ""
    pair[1].chmod(0o600)


def test_a_variable_that_is_no_text_is_told_by_its_place(tmp_path, store, monkeypatch):
    monkeypatch.setenv("OUR_KEY", os.fsdecode(b"CNRY\xff"))
    item = {**OPENAI, "configuration": {"api_key": {"$env": "OUR_KEY"}}}

    assert refused(store, item) == [("variable_not_text", "a", "/configuration/api_key")]
    git = write_all(tmp_path / "git", item)
    refusal = store.refusal("import", git, code=failures.REFUSED)
    assert codes(refusal) == [("variable_not_text", "a.json", "/configuration/api_key")]
    assert "CNRY" not in json.dumps(refusal)


@pytest.mark.parametrize("number", range(6))
def test_the_ends_of_lines_stay_as_they_are(tmp_path, store, pair, number):
    text = ("\ufeff" + TEXTS[number]).replace("\n", "\r\n").encode()
    file = tmp_path / "a.yaml"
    file.write_bytes(text)

    store.run("seal", file, "api_key", "--recipient", pair[0], input="k")

    made = file.read_bytes()
    assert made.startswith(b"\xef\xbb\xbf")
    assert made.count(b"\n") == made.count(b"\r\n") > 5
