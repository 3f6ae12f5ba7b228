"""What the rules, checks and questions of the project may not ask for: another server, a file, another graph.

By the parser's own reading, since a scan of the text can be deceived: a word that matters is turned around wherever
its letters stand.  In a name, a string, an IRI or a comment that changes nothing for the grammar; a keyword is none
any more, and the text can no longer be read.  Nothing is run meanwhile: behind each text stands what no rule takes.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pyoxigraph import Store

from kgbuild.core.namespaces import PREFIXES
from kgbuild.sparql import federation, lexer
from kgbuild.sparql.syntax import SyntaxFault, place_of

_PARSER: Final = Store()
_END: Final = "\n" * 40 + "\x01"
_BEFORE_END: Final = 20
"""The parser tells places up to 14 characters behind those where it failed."""
_NOT_IN_RULES: Final = re.compile(r"LOAD|CLEAR|DROP|CREATE|ADD|MOVE|COPY|WITH|DATA(?!TYPE)|SERVICE", re.IGNORECASE)
_GRAPH: Final = re.compile(r"\bGRAPH\s+graph:inferred\b|GRAPH(?!:)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What stands at a place where it may not; line and column count from 1."""

    line: int
    column: int
    finding: str
    remedy: str


def refuse_query(text: str) -> Refusal | None:
    """Refuse a query that asks another server; one that cannot be read is refused elsewhere."""
    found = federation.find_service(text) if "service" in text.lower() else None
    return None if found is None or isinstance(found, SyntaxFault) else _federated(*found)


def refuse_rule(text: str) -> Refusal | None:
    """Refuse an update that does more than to add to, and take from, what follows: the two graphs that rules write.

    >>> refuse_rule("INSERT { ?s ?p ?o } WHERE { GRAPH ?g { ?s ?p ?o } }")
    >>> refuse_rule("INSERT { GRAPH graph:names { ?s ?p ?o } } WHERE { ?s ?p ?o }").column
    10
    """
    reached = _reached(text)
    if reached < len(text):
        return Refusal(*lexer.position(text, reached), "this is not a SPARQL update", "Mend the rule.")
    at = _first_keyword(text, _NOT_IN_RULES, lambda word: word[::-1])
    if at is not None:
        word = _NOT_IN_RULES.match(text, at)
        assert word is not None  # noqa: S101 - found by this expression
        if word[0].upper() == "SERVICE":
            return _federated(*lexer.position(text, at))
        finding = (
            f"a rule may not say {word[0].upper()}: it adds what follows from what is there, and reads nothing else"
        )
        return Refusal(*lexer.position(text, at), finding, "Write INSERT {…} WHERE {…} or DELETE {…} WHERE {…}.")
    # Before a pattern, which is read, SERVICE can stand in place of GRAPH; in what is written it cannot.
    at = _first_keyword(text, _GRAPH, lambda word: word if word.lower().endswith("inferred") else "SERVICE")
    if at is not None:
        finding = (
            "a rule may write into no graph but graph:inferred and the default graph: the others say who says what"
        )
        return Refusal(*lexer.position(text, at), finding, "Write GRAPH graph:inferred {…}, or no GRAPH.")
    return None


def _federated(line: int, column: int) -> Refusal:
    finding = "SERVICE asks another server, which nothing in a build or a question does"
    return Refusal(line, column, finding, "Ask the graph itself; what is missing there belongs in a record.")


def _reached(text: str) -> int:
    """Tell how far an update can be read: its length or more if it is one."""
    try:
        _PARSER.update(text + _END, prefixes=PREFIXES)
    except SyntaxError as fault:
        reached = place_of(str(fault), text + _END)
        return len(text) if reached >= len(text) + _BEFORE_END else min(reached, max(len(text) - 1, 0))
    raise AssertionError("the end of an update was taken for a part of it")


def _first_keyword(text: str, words: re.Pattern[str], instead: Callable[[str], str]) -> int | None:
    """Find the first of some words that is a keyword where it stands, in an update that can be read."""

    def is_changed_by(count: int) -> bool:
        """Tell whether the update can no longer be read once the first words are replaced."""
        changed = words.sub(lambda found: instead(found[0]), text, count) if count else text
        return _reached(changed) < len(changed)

    found = [match.start() for match in words.finditer(text)]
    if not is_changed_by(len(found)):
        return None
    return found[bisect.bisect_left(range(1, len(found) + 1), True, key=is_changed_by)]
