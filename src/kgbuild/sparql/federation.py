"""Where a query asks another server, by the parser's own reading: the scan of the text (`lexer`) can be deceived.

Each `SERVICE` in the text is turned around.  In a name, a string, an IRI or a comment that changes nothing for the
grammar; the query can then be read as before.  A keyword is none any more: there the query can be read again with
`GRAPH`, which is followed by the same.  What is parsed here never holds SERVICE, so that nobody is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from pyoxigraph import Store

from kgbuild.sparql import lexer
from kgbuild.sparql.syntax import SyntaxFault, explain_syntax, place_of

_SERVICE: Final = re.compile(r"(SERVICE)(\s+SILENT)?", re.IGNORECASE)
_TURNED: Final = re.compile("ECIVRES", re.IGNORECASE)
_PARSER: Final = Store()
_REACH: Final = 14
"""Characters by which the place that the parser tells may lie behind the word it stumbled over; see `syntax`."""


def find_service(text: str) -> tuple[int, int] | SyntaxFault | None:
    """Find the first SERVICE that the parser takes for the keyword: line and column, from 1; None if there is none.

    A query that cannot be read in either way has a fault of syntax, which is given instead.

    >>> find_service("ASK { ?s ?p trueSERVICE <urn:x> { ?service ?p 'SERVICE' } }")
    (1, 17)
    >>> find_service("PREFIX x: <urn:service/> ASK { ?service x:service 'SERVICE' } # SERVICE")
    """
    found = list(_SERVICE.finditer(text))
    keywords: list[re.Match[str]] = []
    farthest, best = -1, ("", "")
    while (fault := _fault(hidden := _without(text, found, keywords))) is not None:
        reached = place_of(fault, hidden)
        if reached > farthest:
            farthest, best = reached, (fault, hidden)
        near = [m for m in found if m not in keywords and reached - _REACH <= m.start() <= reached]
        if not near:
            return _explain(*best)
        keywords.append(near[-1])
    return lexer.position(text, min(match.start() for match in keywords)) if keywords else None


def _without(text: str, found: Iterable[re.Match[str]], keywords: Iterable[re.Match[str]]) -> str:
    """Write a query without SERVICE, each character at its place."""
    parts, at = [], 0
    for match in found:
        whole, word = match[0], match[1]
        instead = "GRAPH".ljust(len(whole)) if match in keywords else word[::-1] + whole[len(word) :]
        parts += [text[at : match.start()], instead]
        at = match.end()
    return "".join([*parts, text[at:]])


def _explain(fault: str, hidden: str) -> SyntaxFault:
    explained = explain_syntax(fault, hidden)
    return replace(explained, missing=tuple(_TURNED.sub(_turn, prefix) for prefix in explained.missing))


def _turn(match: re.Match[str]) -> str:
    return match[0][::-1]


def _fault(hidden: str) -> str | None:
    try:
        _PARSER.query(hidden)
    except SyntaxError as fault:
        return str(fault)
    except (OSError, RuntimeError, ValueError):
        pass  # it can be read, and the store here is not the one that is to answer
    return None
