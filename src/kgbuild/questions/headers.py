"""The header of a query file: YAML in the comment lines it begins with."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import yaml

from kgbuild.core.errors import DataError, Place, error

MAX_DEPTH = 8
REMEDY = "Write the leading comment lines as a YAML mapping, '# key: value', and quote texts that hold ': '."


def comment_block(text: str) -> str:
    r"""Cut out the leading `#` lines, without their marks: line n of the block is line n of the file.

    >>> comment_block("# since: 0.1.0\n#\nSELECT * {}  # not this")
    'since: 0.1.0\n'
    """
    lines = takewhile(lambda line: line.startswith("#"), text.splitlines())
    return "\n".join(line[1:].removeprefix(" ") for line in lines)


class _Loader(yaml.BaseLoader):
    """Makes texts, lists and mappings only, none of them deep and none of them twice."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse what no header has a use for, where it stands."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or self.depth > MAX_DEPTH:
            fault = "an alias" if isinstance(event, yaml.AliasEvent) else f"more than {MAX_DEPTH} levels of nesting"
            raise yaml.composer.ComposerError(None, None, fault, event.start_mark)
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def read_header(text: str, path: str = "<query>") -> dict[str, Any]:
    r"""Read the header of a query file; every scalar stays the text it is written as.

    Raises DataError at the line and column of `path` where the header is no YAML mapping.

    >>> read_header("# title: {en: Spells}\n# since: 0.1.0\nSELECT * {}")
    {'title': {'en': 'Spells'}, 'since': '0.1.0'}
    """
    try:
        # No typing: `since: 0.1` stays a text, `no` stays Norway.
        header = yaml.load(comment_block(text), Loader=_Loader)  # noqa: S506 - makes only texts
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        # Two columns were cut off: the mark and the space behind it.
        place = Place(path, mark.line + 1, mark.column + 3) if mark else Place(path, 1, 1)
        finding = f"The header is no YAML: {getattr(fault, 'problem', fault)}"
        raise DataError([error(place, "query-header", finding, REMEDY)]) from fault
    if not isinstance(header, dict):
        raise DataError([error(Place(path, 1, 1), "query-header", "The file has no header", REMEDY)])
    return header
