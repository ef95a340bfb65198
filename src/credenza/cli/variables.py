"""A configuration as environment variables: their names and their text. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from credenza.cli.failures import Misused
from credenza.errors import Invalid

Variables = dict[str, str]
_PREFIX = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*)?")
_FOREIGN = re.compile(r"[^A-Za-z0-9]")
# Before a capital that begins a word: `projectName`, and the N of `URLName`.
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# The best known of what loaders, shells, interpreters and common programs obey: who may save is not to choose
# what a command runs, nor whom it believes. No such list is whole: SECURITY.md says so.
_OBEYED = re.compile(
    r"(?:LD|DYLD|BASH|PYTHON|PERL5?|RUBY|NODE|NPM_CONFIG|JAVA|JDK|GIT|SSH|SSL|CURL|REQUESTS|DOCKER|MALLOC|GCONV|PIP"
    r"|CREDENZA)_.*|(?:HTTPS?|ALL|NO|FTP)_PROXY|PATH|IFS|ENV|SHELL|SHELLOPTS|HOME|TMPDIR|PS4|PROMPT_COMMAND|PYTHONPATH"
    r"|PYTHONHOME|PERL5OPT|PERL5LIB|RUBYOPT|RUBYLIB|_JAVA_OPTIONS|MAVEN_OPTS|GRADLE_OPTS|KUBECONFIG|PAGER|EDITOR|VISUAL"
    r"|BROWSER|LESSOPEN|LESSCLOSE|MANPAGER|AWS_CONFIG_FILE|AWS_SHARED_CREDENTIALS_FILE|AWS_CA_BUNDLE|AWS_ENDPOINT_URL.*"
)


def check_prefix(prefix: str | None) -> str | None:
    """Return a prefix that variables can begin with; raises Misused."""
    if prefix is not None and not _PREFIX.fullmatch(prefix):
        raise Misused("--prefix has letters, digits and underscores, and does not begin with a digit.")
    return prefix


def derive_prefix(name: str) -> str:
    """Return the prefix of an integration's variables: its name in capitals, `_` for every other sign."""
    return f"{_FOREIGN.sub('_', name).upper()}_"


def name_variable(prefix: str, key: str) -> str:
    """Return the variable of a key: `api_key` is `API_KEY`, `projectName` is `PROJECT_NAME`."""
    name = prefix + _FOREIGN.sub("_", _WORD.sub("_", key)).upper()
    return f"_{name}" if name[:1].isdigit() else name


def list_variables(named: Iterable[tuple[str, Mapping[str, Any]]], prefix: str | None) -> Variables:
    """Return the variables of integrations, given by name with their configurations.

    A text is taken as it is, anything else as JSON; null makes no variable.

    Raises:
        Invalid: two keys would be one variable, a value holds NUL, or a variable is one that loaders obey.
    """
    variables: Variables = {}
    taken: dict[str, str] = {}
    for name, configuration in named:
        start = derive_prefix(name) if prefix is None else prefix
        for key, value in configuration.items():
            if value is None:
                continue
            variable = name_variable(start, key)
            if variable in taken:
                raise _refuse(
                    "variable_twice",
                    f"{variable} would come from both {taken[variable]} and {name}: use another --prefix.",
                )
            if _OBEYED.fullmatch(variable):
                raise _refuse(
                    "variable_reserved", f"{variable} would change what is run: use another --prefix."
                )
            taken[variable] = name
            variables[variable] = _text(variable, value)
    return variables


def write_shell(variables: Mapping[str, str]) -> str:
    """Return variables as assignments, one after the other, safe to be read by a POSIX shell."""
    return "".join(f"{name}={shlex.quote(text)}\n" for name, text in variables.items())


def _text(variable: str, value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if "\0" in text:
        raise _refuse("value_with_nul", f"{variable} holds a NUL, which no environment can.")
    return text


def _refuse(code: str, message: str) -> Invalid:
    return Invalid(message, code=code)
