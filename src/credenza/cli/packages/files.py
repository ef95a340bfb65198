"""A package on disk: `package.yaml` or `.json`, and beside it, if they are many, `members/<slug>.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from credenza.cli.documents import convert
from credenza.cli.failures import Misused
from credenza.cli.output import clean
from credenza.cli.trees import read_file
from credenza.connectors import Catalogue
from credenza.errors import CredenzaError, Invalid, Problem
from credenza.plans.packages.checking import check_package
from credenza.plans.packages.manifest import AuthPart, Manifest
from credenza.plans.packages.packages import PackageBody, draft_package
from credenza.plans.packages.versions import PublishBody, publish
from credenza.web.integrations import explain
from credenza.web.integrations.bodies import Body
from credenza.web.integrations.wire import is_sound

NAME, MEMBERS = "package", "members"
SUFFIXES = (".yaml", ".yml", ".json")
_PLACE = "/manifest/members/"
_LOST = (
    "There is no package.yaml or package.json, and no file, in this place; `credenza package init` makes one."
)
_TWO = "A folder holds one package: package.yaml, package.yml or package.json."
_NO_OBJECT = Problem(
    "wrong_type", "This holds no object: names with their values are wanted, as in `name: value`.", "", "type"
)
_NO_LIST = Problem("wrong_type", "This must be a list of members.", "/manifest/members", "type")
_SLUG = "The slug of this member is not the name of its file: leave it out."
_raws = msgspec.json.Decoder(list[msgspec.Raw])


class PackageFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a package's file says: the package itself, and the version that it is to be published as."""

    slug: str
    name: str
    description: str | None = None
    iconUrl: str | None = None  # noqa: N815
    publisher: str | None = None
    version: str | None = None
    changelog: str | None = None
    manifest: Manifest = Manifest()
    variablesSchema: dict[str, Any] | None = None  # noqa: N815
    authConfig: AuthPart | None = None  # noqa: N815

    @property
    def variables_schema(self) -> dict[str, Any] | None:
        """Return what an installer fills in."""
        return self.variablesSchema

    @property
    def auth_config(self) -> AuthPart | None:
        """Return what an installer brings."""
        return self.authConfig

    def as_body(self, workspace: str) -> PackageBody:
        """Return the draft of the package, to be made in a workspace."""
        return PackageBody(
            workspaceId=workspace,
            slug=self.slug,
            name=self.name,
            description=self.description,
            iconUrl=self.iconUrl,
            publisher=self.publisher,
            manifest=self.manifest,
            variablesSchema=self.variablesSchema,
            authConfig=self.authConfig,
        )


class Source(NamedTuple):
    """A package that was read; `files` name by position the files of members that have one."""

    package: PackageFile
    files: Mapping[int, str]

    @contextmanager
    def locating(self) -> Iterator[None]:
        """Let what is wrong within name the file that it stands in."""
        try:
            yield
        except CredenzaError as error:
            error.problems = locate(error.problems, self.files)
            raise


_package = Body[PackageFile](PackageFile)


def find_file(path: Path) -> Path | None:
    """Return the file of the package that a path names; None: there is none. Raises Misused."""
    if not path.is_dir():
        return path if path.is_file() else None
    found = [each for suffix in SUFFIXES if (each := path / f"{NAME}{suffix}").is_file()]
    if len(found) > 1:
        raise Misused(_TWO)
    return found[0] if found else None


def read_source(path: Path) -> Source:
    """Return the package of a folder or file.

    Raises:
        Misused: there is none, or there are several.
        Invalid: it cannot be read; with all that is wrong, by file and place.
    """
    file = find_file(path)
    if file is None:
        raise Misused(_LOST)
    folder = file.parent
    whole, files = _read(folder, file), dict[int, str]()
    if file.stem == NAME and (folder / MEMBERS).is_dir():
        files = _join(folder, whole)
    try:
        return Source(_package.read(msgspec.json.encode(whole)), files)
    except Invalid as error:
        error.problems = locate(error.problems, files)
        raise


def check_source(source: PackageFile, types: Catalogue) -> list[Problem]:
    """Return all that would keep a package from being published as its first version."""
    problems: list[Problem] = []
    draft = None
    try:
        draft = draft_package(source.as_body("default"), "default", "", 0)
    except Invalid as error:
        problems += error.problems
    problems += check_package(
        source.manifest, source.variables_schema, source.auth_config, types, complete=True
    )[1]
    if draft is not None and not problems and source.version is not None:
        try:
            publish(
                draft,
                None,
                PublishBody(version=source.version, changelog=source.changelog),
                types,
                by="",
                at=0,
            )
        except Invalid as error:
            problems += error.problems
    return problems


def locate(problems: Sequence[Problem], files: Mapping[int, str]) -> tuple[Problem, ...]:
    """Return problems of members that have files of their own with those, and their places there."""
    return tuple(_locate(each, files) for each in problems)


def _locate(problem: Problem, files: Mapping[int, str]) -> Problem:
    position, _, rest = problem.pointer.removeprefix(_PLACE).partition("/")
    if not problem.pointer.startswith(_PLACE) or not position.isdecimal() or int(position) not in files:
        return problem
    return msgspec.structs.replace(problem, name=files[int(position)], pointer=f"/{rest}" if rest else "")


def _join(folder: Path, whole: dict[str, Any]) -> dict[int, str]:
    """Put the members of files behind those of the manifest; return the files by position."""
    manifest = whole.setdefault("manifest", {})
    members = manifest.setdefault("members", []) if isinstance(manifest, dict) else None
    if not isinstance(members, list):
        raise Invalid(_NO_LIST.message, problems=[_NO_LIST])
    files, problems = dict[int, str](), list[Problem]()
    for path in sorted(each for each in (folder / MEMBERS).iterdir() if _is_member(each)):
        name = clean(f"{MEMBERS}/{path.name}")
        try:
            member = _read(folder, path)
        except Invalid as error:
            problems += [msgspec.structs.replace(each, name=name) for each in error.problems]
            continue
        if member.setdefault("slug", path.stem) != path.stem:
            problems.append(Problem("name_mismatch", _SLUG, "/slug", "const", name=name))
        files[len(members)] = name
        members.append(member)
    if problems:
        raise Invalid("The package cannot be read.", code=problems[0].code, problems=problems)
    return files


def _is_member(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _read(folder: Path, path: Path) -> dict[str, Any]:
    return read_object(read_file(folder, path), path.suffix)


def read_object(data: bytes, suffix: str) -> dict[str, Any]:
    """Return the one object of a text of JSON, or of YAML, which JSON is as well; raises Invalid."""
    try:
        found = _raws.decode(convert(data, "json" if suffix.lower() == ".json" else "yaml"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = []
    if len(found) == 1 and not is_sound(bytes(found[0])):
        problem = explain.explain_text(bytes(found[0]))
        raise Invalid(problem.message, problems=[problem])
    value = msgspec.json.decode(found[0]) if len(found) == 1 else None
    if not isinstance(value, dict):
        raise Invalid(_NO_OBJECT.message, problems=[_NO_OBJECT])
    return value
