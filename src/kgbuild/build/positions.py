"""Where a file of somebody's says something: lines of terms in Turtle, TriG and N-Triples, found by their tokens.

For messages alone: what is not found has no line.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from itertools import takewhile
from typing import Final

from kgbuild.core.errors import Place
from kgbuild.core.namespaces import RDF_TYPE
from kgbuild.sparql import lexer

_END: Final = ";"
"""Stands where the values of a property end."""
_LIKE_TURTLE: Final = (".ttl", ".nt", ".nq", ".trig")


class Positions:
    """A file's text, and in which line each subject is described."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text

    def locate(self, focus: str, path: str, value: str) -> Place | None:
        """Find where a thing is said to have a property with a value; else the property, or the thing."""
        said = self._statements.get(focus, [])
        steps = [number for number, (term, _) in enumerate(said) if term == path]
        for step in steps:
            objects = takewhile(lambda each: each[0] != _END, said[step + 1 :])
            for at in (at for term, at in objects if term == value):
                return self._place(at)
        return self._place(said[steps[0] if steps else 0][1]) if said else None

    def locate_use(self, term: str) -> Place | None:
        """Find where a term is used first."""
        used = (at for terms in self._statements.values() for each, at in terms if each == term)
        at = min(used, default=self.text.find(term))
        return self._place(at) if at >= 0 and term else None

    def _place(self, at: int) -> Place:
        return Place(self.name, *lexer.position(self.text, at))

    @cached_property
    def _statements(self) -> dict[str, list[tuple[str, int]]]:
        """Subject -> the terms of all statements about it, itself first, each with its offset."""
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        if not self.name.endswith(_LIKE_TURTLE):
            return found
        prefixes: dict[str, str] = {}
        subject, before = "", ["", ""]
        for token in lexer.tokens(self.text):
            if token.kind == "comment":
                continue
            if token.kind == "iri" and before[0].lower() == "prefix":
                prefixes[before[1]] = token.text[1:-1]
            before = [before[1], token.text]
            if token.kind == "mark":
                if subject and token.text in ".;":
                    found[subject].append((_END, token.at))
                subject = "" if token.text in ".{}" else subject
                continue
            term = _expand(token, prefixes)
            subject = subject or term
            found[subject].append((term, token.at))
            if token.kind == "word" and token.text.endswith("."):
                found[subject].append((_END, token.at))
                subject = ""
        return found


def _expand(token: lexer.Token, prefixes: dict[str, str]) -> str:
    """Read a term as a report of SHACL has it; what is no term stays as it is."""
    text = token.text
    if token.kind == "iri":
        return text[1:-1]
    if token.kind == "string":
        return text.strip(text[0])
    if text == "a":
        return RDF_TYPE
    prefix, colon, local = text.removesuffix(".").partition(":")
    return prefixes[f"{prefix}:"] + local.replace("\\", "") if colon and f"{prefix}:" in prefixes else text
