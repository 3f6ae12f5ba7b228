"""Where a query asks another server, by the parser's own reading: the scan of the text (`lexer`) can be deceived.

Each `SERVICE` in the text is turned around.  In a name, a string, an IRI or a comment that changes nothing for the
grammar; the query can then be read as before.  A keyword is none any more: there the query can be read again with
`GRAPH`, which is followed by the same.  What is parsed here never holds SERVICE, so that nobody is asked.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from kgbuild.sparql import lexer
from kgbuild.sparql.syntax import SyntaxFault, explain_syntax, parse_fault, place_of

_SERVICE: Final = re.compile(r"(SERVICE)(\s+SILENT)?", re.IGNORECASE)
_TURNED: Final = re.compile("ECIVRES", re.IGNORECASE)
_REACH: Final = 14
"""Characters by which the place that the parser tells may lie behind the word it stumbled over; see `syntax`."""


def find_service(text: str) -> tuple[int, int] | SyntaxFault | None:
    """Find the first SERVICE that the parser takes for the keyword: line and column, from 1; None if there is none.

    A query that cannot be read in either way has a fault of syntax, which is given instead.

    >>> find_service("ASK { ?s ?p trueSERVICE <urn:x> { ?service ?p 'SERVICE' } }")
    (1, 17)
    >>> find_service("PREFIX x: <urn:service/> ASK { ?service x:service 'SERVICE' } # SERVICE")
    """
    found = [match.start() for match in _SERVICE.finditer(text)]
    keywords = set[int]()
    farthest, best = -1, ("", "")
    while (fault := parse_fault(hidden := _without(text, keywords))) is not None:
        reached = place_of(fault, hidden)
        if reached > farthest:
            farthest, best = reached, (fault, hidden)
        near = [at for at in found if at not in keywords and reached - _REACH <= at <= reached]
        if not near:
            explained = explain_syntax(*best)
            missing = (_TURNED.sub(lambda match: match[0][::-1], prefix) for prefix in explained.missing)
            return replace(explained, missing=tuple(missing))
        keywords.add(near[-1])
    return lexer.position(text, min(keywords)) if keywords else None


def _without(text: str, keywords: set[int]) -> str:
    """Write a query without SERVICE, each character at its place."""

    def instead(match: re.Match[str]) -> str:
        whole, word = match[0], match[1]
        return "GRAPH".ljust(len(whole)) if match.start() in keywords else word[::-1] + whole[len(word) :]

    return _SERVICE.sub(instead, text)
