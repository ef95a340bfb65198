"""YAML that says what JSON can say: no dates, no `yes` for true, no aliases, no tags, no key twice."""

from __future__ import annotations

import re
from typing import Any

import yaml

_CORE = "tag:yaml.org,2002:"
_SCALARS = (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", "~nN\0"),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("float", r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$", "-0123456789"),
)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # as the parent declares it

    def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401  # classes of the parser
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None) is not None:
            raise yaml.MarkedYAMLError(problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: ANN401
        made: dict[Any, Any] = {}
        for key, value in node.value:
            # A key is a text, whatever it looks like.
            if not isinstance(key, yaml.ScalarNode) or key.value in made:
                raise yaml.MarkedYAMLError(problem_mark=key.start_mark)
            made[key.value] = self.construct_object(value, deep=deep)
        return made


for _name, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_CORE + _name, re.compile(_pattern), [*_first.replace("\0", ""), ""])


def load_data(text: bytes) -> Any:  # noqa: ANN401  (any JSON)
    """Return the one document of a text.

    Raises:
        yaml.YAMLError: it is no YAML, or more than JSON can say; `problem_mark` may say where.
        ValueError: it is no UTF-8.
    """
    return yaml.load(text.decode(), Loader=_Loader)  # noqa: S506  # a safe loader with fewer words
