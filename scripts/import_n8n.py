#!/usr/bin/env python3
"""Bring in the credentials of n8n, from its database or from an export.

EXPORT is what `n8n export:credentials --all` wrote: a file, or with --separate a folder; - is standard input.
Exported with --decrypted it needs no key. The database is SQLite, and is not changed. The key is what
N8N_ENCRYPTION_KEY holds where n8n runs, or its settings file, .n8n/config, as it is.

scripts/mappings/n8n.yaml says what becomes of which type of credential; --mapping adds your own. Its fields
are those of the credential; of a Google service account there are also `keyFile`, its key file put together,
and `project`, and of a header or a token for HTTP `bearer`, what stands after `Bearer`.

See first what would be done: import_n8n.py --database database.sqlite --key-file .n8n/config --dry-run
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import rich_click as click
import sqlite_utils
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from credenza.cli.failures import Misused
from credenza.errors import Invalid
from credenza.sensitive import Sensitive
from importing.command import make_command
from importing.files import STDIN, open_sqlite, read_text
from importing.records import Found, Record, Unreadable

KEY = "N8N_ENCRYPTION_KEY"
NAMESAKES = "--with-ids tells them apart"
TABLE, KEY_TABLE = "credentials_entity", "deployment_key"
COLUMNS = {"id", "name", "type", "data"}
_SALTED = b"Salted__"
_SALT = 8
_GCM_VERSION, _GCM_SALT, _GCM_TAG, _GCM_NONCE = 1, 32, 16, 12
_GCM_INFO = b"n8n-encryption-v1"
_BEARER = "bearer "
_ID = re.compile(r"\(([^()]+)\)$")
_TOKEN_URI = "https://oauth2.googleapis.com/token"

Fields = dict[str, Any]


class DataKey(NamedTuple):
    """A key that lies in the database, wrapped."""

    algorithm: str
    wrapped: str


class Closed(Exception):
    """Why something could not be opened, as a clause; it never leaves this file."""


class Keys:
    """The encryption key of an n8n, if it was given, and the data keys of its database."""

    def __init__(self, text: Sensitive[str] | None, data_keys: Mapping[str, DataKey]) -> None:
        """Take the key, and data keys by their id."""
        self._key = text
        self.data_keys = data_keys

    def open(self, text: str) -> Fields:
        """Return the data of a credential; raises Closed.

        It stands under the encryption key, or behind the id of a data key and a colon.
        """
        if self._key is None:
            raise Closed("it is encrypted, and no key was given")
        name, colon, rest = text.partition(":")
        opened = self._open_by(name, rest) if colon else open_cbc(self._key.reveal(), text)
        data = None if opened is None else _decode(opened)
        if data is None:
            raise Closed("the key that was given does not open it: another one made it, or it is damaged")
        return data

    def _open_by(self, name: str, text: str) -> str | None:
        if name not in self.data_keys:
            raise Closed("it was made with a data key that is not here; in its own database it is")
        key = self.data_keys[name]
        unwrapped = self._unwrap(key.wrapped)
        if unwrapped is None:
            return None
        if key.algorithm == "aes-256-gcm":
            return open_gcm(unwrapped, text)
        return open_cbc(unwrapped, text) if key.algorithm == "aes-256-cbc" else None

    def _unwrap(self, wrapped: str) -> str | None:
        text = self._key.reveal() if self._key else ""
        return open_gcm(hashlib.sha256(text.encode()).hexdigest(), wrapped)


def open_cbc(key: str, text: str) -> str | None:
    """Return a plain text, or None: AES-256-CBC as `openssl enc` had it, with key and IV by MD5.

    Nothing in it tells a wrong key for certain; that the text is JSON has to.
    """
    data = _decode_base64(text)
    salt, body = data[len(_SALTED) : len(_SALTED) + _SALT], data[len(_SALTED) + _SALT :]
    if not data.startswith(_SALTED):
        return None
    made = b""
    last = b""
    while len(made) < AES.block_size // 8 * 3:
        last = hashlib.md5(last + key.encode() + salt, usedforsecurity=False).digest()
        made += last
    decryptor = Cipher(AES(made[:32]), CBC(made[32:])).decryptor()
    unpadder = padding.PKCS7(AES.block_size).unpadder()
    try:
        plain = unpadder.update(decryptor.update(body) + decryptor.finalize()) + unpadder.finalize()
        return plain.decode()
    except ValueError:
        return None


def open_gcm(key: str, text: str) -> str | None:
    """Return a plain text, or None: version, salt, tag and AES-256-GCM, key and nonce by HKDF-SHA256.

    `key` is 32 bytes in hexadecimal.
    """
    data = _decode_base64(text)
    salt, rest = data[1 : 1 + _GCM_SALT], data[1 + _GCM_SALT :]
    tag, body = rest[:_GCM_TAG], rest[_GCM_TAG:]
    if data[:1] != bytes([_GCM_VERSION]) or len(tag) < _GCM_TAG:
        return None
    try:
        made = HKDF(SHA256(), 32 + _GCM_NONCE, salt, _GCM_INFO).derive(bytes.fromhex(key))
        return AESGCM(made[:32]).decrypt(made[32:], body + tag, None).decode()
    except (InvalidTag, ValueError):
        return None


def read(
    *, export: str | None, database: Path | None, key_file: Path | None, with_ids: bool
) -> Iterator[Record]:
    """Yield every credential, by what the command line says."""
    if (export is None) is (database is None):
        raise Misused("Say what is to be imported: --database PATH, or EXPORT.")
    key = _read_key(key_file)
    records = _read_database(database, key) if database else _read_export(export or "", Keys(key, {}))
    return tell_apart(records) if with_ids else records


def tell_apart(records: Iterable[Record]) -> Iterator[Record]:
    """Yield records, those that share a name with what their place has in brackets, the id, behind it."""
    whole = [*records]
    count = Counter(record.name for record in whole)
    for record in whole:
        found = _ID.search(record.place)
        if record.name is not None and found and count[record.name] > 1:
            yield msgspec.structs.replace(record, name=f"{record.name} {found[1]}")
        else:
            yield record


def read_credential(whole: Mapping[str, Any], keys: Keys, place: str) -> Record:
    """Return one credential, a row or an object of an export; what is wrong with it by field."""
    name, kind, data = whole.get("name"), whole.get("type"), whole.get("data")
    if not isinstance(name, str) or not name:
        return Unreadable(None, place, "name", "it is no text")
    place = f"credential `{name}` ({whole['id']})" if isinstance(whole.get("id"), str) else place
    if not isinstance(kind, str) or not kind:
        return Unreadable(name, place, "type", "it is no text")
    try:
        fields = keys.open(data) if isinstance(data, str) else data
    except Closed as error:
        return Unreadable(name, place, "data", str(error))
    if not isinstance(fields, dict):
        return Unreadable(name, place, "data", "it is neither an object nor encrypted")
    computed = [field for field, value in fields.items() if _is_expression(value)]
    if computed:
        return Unreadable(name, place, ", ".join(computed), "n8n computes it at every run; it has no value")
    return Found(name, kind, Sensitive(_tidy(kind, fields)), place)


def _read_database(path: Path, key: Sensitive[str] | None) -> Iterator[Record]:
    with open_sqlite(path) as database:
        _check_columns(database, path)
        keys = Keys(key, _read_data_keys(database))
        for number, row in enumerate(database.query(f"SELECT * FROM {TABLE} ORDER BY rowid"), 1):
            yield read_credential(row, keys, f"row {number}")


def _read_data_keys(database: sqlite_utils.Database) -> dict[str, DataKey]:
    """Return the data keys by their id; an older n8n has none."""
    if KEY_TABLE not in database.table_names():
        return {}
    rows = database.query(f"SELECT id, algorithm, value FROM {KEY_TABLE} WHERE type = 'data_encryption'")
    return {row["id"]: DataKey(row["algorithm"], row["value"]) for row in rows}


def _check_columns(database: sqlite_utils.Database, path: Path) -> None:
    if TABLE not in database.table_names():
        sentence = f"{path} is no database of n8n: there is no table `{TABLE}`."
    elif lacking := sorted(COLUMNS.difference(database[TABLE].columns_dict)):
        names = ", ".join(f"`{name}`" for name in lacking)
        sentence = f"{path} is of a version of n8n that is not known: its table `{TABLE}` has no {names}."
    else:
        return
    raise Invalid(sentence, code="unknown_version")


def _read_export(export: str, keys: Keys) -> Iterator[Record]:
    path = Path(export)
    files: Iterable[Path | str] = [export]
    if export != STDIN and path.is_dir():
        files = sorted(path.glob("*.json"))
        if not files:
            raise Invalid(f"{path} holds no export: there is no .json file.", code="unreadable_source")
    for file in files:
        for number, whole in enumerate(_read_array(file), 1):
            place = f"{Path(file).name}, item {number}"
            if isinstance(whole, dict):
                yield read_credential(whole, keys, place)
            else:
                yield Unreadable(None, place, "", "it is no credential")


def _read_array(file: Path | str) -> list[object]:
    text = read_text(file)
    try:
        whole = msgspec.json.decode(text.reveal())
    except (msgspec.DecodeError, ValueError, RecursionError):
        whole = None
    items = [whole] if isinstance(whole, dict) else whole
    if not isinstance(items, list):
        raise Invalid(f"{file} is no export of n8n: a list of credentials in JSON.", code="unreadable_source")
    return items


def _read_key(file: Path | None) -> Sensitive[str] | None:
    """Return the encryption key: a text, or that of a settings file."""
    text = (read_text(file) if file else Sensitive(os.environ.get(KEY, ""))).reveal().strip()
    if text.startswith("{"):
        settings = _decode(text) or {}
        key = settings.get("encryptionKey")
        if not isinstance(key, str) or not key:
            raise Misused("The key file looks like settings of n8n, and has no `encryptionKey`.")
        text = key
    if file and not text:
        raise Misused("The key file is empty.")
    return Sensitive(text) if text else None


def _tidy(kind: str, fields: Fields) -> Fields:
    """Return fields under the names that a mapping knows."""
    if kind == "googleApi":
        return _write_key_file(fields)
    if kind == "httpBearerAuth":
        return {**_drop(fields, "token"), "bearer": fields.get("token")}
    return _take_bearer(fields) if kind == "httpHeaderAuth" else fields


def _take_bearer(fields: Fields) -> Fields:
    name, value = fields.get("name"), fields.get("value")
    if not (isinstance(name, str) and isinstance(value, str)):
        return fields
    if name.lower() != "authorization" or not value.lower().startswith(_BEARER):
        return fields
    return {**_drop(fields, "name", "value"), "bearer": value[len(_BEARER) :].strip()}


def _write_key_file(fields: Fields) -> Fields:
    """Put the key file of a service account together, as Google hands it out."""
    email, key = fields.get("email"), fields.get("privateKey")
    if not (isinstance(email, str) and isinstance(key, str) and email and key):
        return fields
    project = email.partition("@")[2].partition(".")[0]
    file = {
        "type": "service_account",
        "project_id": project,
        # n8n, too, takes a key whose line ends are written out.
        "private_key": key.replace("\\n", "\n"),
        "client_email": email,
        "token_uri": _TOKEN_URI,
    }
    return {**_drop(fields, "email", "privateKey"), "keyFile": json.dumps(file), "project": project}


def _drop(fields: Fields, *names: str) -> Fields:
    return {name: value for name, value in fields.items() if name not in names}


def _is_expression(value: object) -> bool:
    return isinstance(value, str) and value.startswith("=") and "{{" in value


def _decode(text: str) -> Fields | None:
    """Return the object that a text is in JSON, or None."""
    try:
        decoded = msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


_FILE = click.Path(path_type=Path)
OPTIONS = (
    click.argument("export", required=False),
    click.option("--database", type=_FILE, metavar="FILE", help="The database, often .n8n/database.sqlite."),
    click.option(
        "--key-file",
        type=_FILE,
        metavar="FILE",
        help=f"File with the encryption key, or .n8n/config; - is standard input. [{KEY} holds the key]",
    ),
    click.option("--with-ids", is_flag=True, help="Put the id behind a name that several credentials have."),
)

COMMAND = make_command("n8n", OPTIONS, read, NAMESAKES)

if __name__ == "__main__":
    COMMAND.main()
