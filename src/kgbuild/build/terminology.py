"""Terms and prefixes that the files of a build name: each must be one of the ontology, its vocabularies, the program.

What a query or shape calls otherwise matches nothing, and nobody would notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse

from kgbuild.build.constraints import QUERIES, place_within
from kgbuild.build.ontology import Ontology, ontology_files
from kgbuild.build.stages import Stage, StageLimits, Watch, pack_issues, unpack_issues
from kgbuild.core.captions import Caption
from kgbuild.core.errors import DataError, Findings, Issue, Place, display_name, error, suggestion
from kgbuild.core.files import find_files, read_text
from kgbuild.core.namespaces import BASE, ONTOLOGY, PREFIXES, SCHEMES, VOCABULARY
from kgbuild.core.terms import TYPE, icn, term
from kgbuild.sparql import lexer

_NAME: Final = "[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
# `icn:joined` (but not `urn:icn:probe`), `standing:member`, and the same as whole IRIs.
_TERM: Final = re.compile(
    rf"(?<![\w:/#.@$?-])(icn|{'|'.join(sorted(SCHEMES, reverse=True))}):({_NAME})"
    rf"|{re.escape(ONTOLOGY)}([A-Za-z0-9]+)|{re.escape(VOCABULARY)}({_NAME})(?:/({_NAME}))?"
)
_DECLARED: Final = re.compile(r"^[ \t]*(?:@prefix|PREFIX)\s+([A-Za-z-]*):\s*<([^<>\s]*)>", re.MULTILINE | re.IGNORECASE)
_PREFIXED: Final = re.compile(r"([A-Za-z][\w-]*):\S*")
_SHOWS: Final = re.compile(r"^shows:[ \t]*(\S+)|^  - ([a-z-]+):[a-z0-9-]+[ \t]*$", re.MULTILINE)
"""In a pattern: the class of its diagram, and the kinds of its examples."""
_REMEDY: Final = "Name a term of ontology/core.ttl, or a concept of ontology/vocabularies."
_PREFIX_OF: Final = {scheme: prefix for prefix, scheme in SCHEMES.items()}


@dataclass(frozen=True)
class Terminology:
    """The terms of an ontology and its vocabularies."""

    ontology: Ontology

    @cached_property
    def names(self) -> Mapping[str, frozenset[str]]:
        """Prefix -> local names of what there is under it."""
        typed = {
            quad.subject.value
            for quad in self.ontology.quads
            if quad.predicate == TYPE and isinstance(quad.subject, NamedNode)
        }
        terms = frozenset(iri.removeprefix(ONTOLOGY) for iri in typed if iri.startswith(ONTOLOGY))
        return {"icn": terms} | {prefix: frozenset(self.ontology.slugs(scheme)) for prefix, scheme in SCHEMES.items()}

    def has(self, prefix: str, name: str) -> bool:
        """Tell whether there is such a term; a single letter stands for any in prose."""
        return len(name) == 1 or name in self.names.get(prefix, ())

    def unknown(self, place: Place, prefix: str, name: str) -> Issue:
        """Say that there is no such term, and which one is near."""
        near = suggestion(name, self.names.get(prefix, ()), f"{prefix}:")
        return error(place, "unknown-term", f"there is no term '{prefix}:{name}'", _REMEDY + near)


def term_issues(text: str, name: str, known: Terminology) -> Iterator[Issue]:
    """Say which terms, concepts and declared prefixes of a text do not exist, at their places."""
    for found in _TERM.finditer(text):
        prefix, local, own, scheme, slug = found.groups()
        prefix, local = prefix or _PREFIX_OF.get(scheme, "icn"), local or own or slug or ""
        if scheme and scheme not in _PREFIX_OF:
            finding = f"there is no vocabulary '{scheme}'"
            yield error(_at(text, found, name), "unknown-term", finding, _REMEDY + suggestion(scheme, _PREFIX_OF))
        elif local and not known.has(prefix, local):
            yield known.unknown(_at(text, found, name), prefix, local)
    for found in _DECLARED.finditer(text):
        prefix, iri = found.groups()
        if PREFIXES.get(prefix, "" if iri.startswith(BASE) else iri) != iri:
            right = PREFIXES.get(prefix) or next((other for other, its in PREFIXES.items() if its == iri), "")
            remedy = f"Write {right}." if right else "Take one of src/kgbuild/core/namespaces.py."
            remedy += "" if right else suggestion(prefix, PREFIXES)
            place = _at(text, found, name, 1)
            yield error(place, "unknown-prefix", f"the prefix '{prefix}:' is no prefix for <{iri}>", remedy)


def _query_prefixes(query: str, declared: Iterable[str]) -> Iterator[tuple[str, int, str]]:
    """List prefix, offset and word where a query uses a prefix that is not declared."""
    own = {found[1] for found in _DECLARED.finditer(query)}.union(declared)
    for token in lexer.tokens(query):
        found = _PREFIXED.fullmatch(token.text) if token.kind == "word" else None
        if found and found[1] not in own:
            yield found[1], token.at, token.text


def _undeclared(place: Place, prefix: str, declared: Iterable[str]) -> Issue:
    remedy = f"Declare it.{suggestion(prefix, declared)}"
    return error(place, "unknown-prefix", f"the prefix '{prefix}:' is not declared", remedy)


def _query_issues(text: str, name: str, known: Terminology) -> Iterator[Issue]:
    yield from term_issues(text, name, known)
    for prefix, at, _ in _query_prefixes(text, ()):
        yield _undeclared(Place(name, *lexer.position(text, at)), prefix, PREFIXES)


def _turtle_issues(text: str, name: str, known: Terminology, declared: Iterable[str]) -> Iterator[Issue]:
    """Look into literals as well: captions, columns, and the queries of shapes, which have `declared`."""
    yield from term_issues(text, name, known)
    for quad in _quads(text):
        if not isinstance(quad.object, Literal):
            continue
        value = quad.object.value
        named = Caption.parse(value).properties if quad.predicate == icn("caption") else ()
        named = tuple(value.split()) if quad.predicate == icn("featured") else named
        for each in named:
            if not known.has("icn", each):
                yield known.unknown(place_within(value, each, text, name), "icn", each)
        for prefix, _, word in _query_prefixes(value, declared) if quad.predicate in QUERIES else ():
            yield _undeclared(place_within(value, word, text, name), prefix, declared)


def _pattern_issues(text: str, name: str, known: Terminology) -> Iterator[Issue]:
    yield from term_issues(text, name, known)
    for found in _SHOWS.finditer(text):
        if found[1] and not known.has("icn", found[1]):
            yield known.unknown(_at(text, found, name, 1), "icn", found[1])
        elif found[2] and found[2] not in PREFIXES:
            yield _undeclared(_at(text, found, name, 2), found[2], PREFIXES)


def _at(text: str, found: re.Match[str], name: str, group: int = 0) -> Place:
    return Place(name, *lexer.position(text, found.start(group)))


def _quads(text: str) -> list[Quad]:
    try:
        return list(parse(text, format=RdfFormat.TURTLE))
    except SyntaxError:
        return []  # told by who reads the file for what it says


def check_terms(
    ontology: Ontology, folder: Path, queries: Path, root: Path, limits: StageLimits, findings: Findings
) -> None:
    """Find the terms that do not exist in all files that a build reads besides the records."""
    terms, vocabularies = ontology_files(folder)
    shapes, rules = find_files(folder, "shapes/*.ttl"), find_files(folder, "rules/*.ru")
    paths = [*terms, *vocabularies, *shapes, *rules, *find_files(folder, "patterns/*.yaml")]
    paths += [path for kind in ("checks", "questions", "reports") for path in find_files(queries, f"{kind}/*.rq")]
    known = Terminology(ontology)

    def work(watch: Watch) -> Iterator[bytes]:
        written = [quad for path in shapes for quad in _quads(_text(path, root)) if quad.predicate == term("sh:prefix")]
        declared = {quad.object.value for quad in written if isinstance(quad.object, Literal)}
        for path in paths[watch.done :]:
            name = display_name(path, root)
            issues: Iterable[Issue] = ()
            if watch.begin(name):
                text = _text(path, root)
                if path.suffix == ".ttl":
                    issues = _turtle_issues(text, name, known, declared)
                else:
                    issues = (_pattern_issues if path.suffix == ".yaml" else _query_issues)(text, name, known)
            yield pack_issues(issues)

    for payload in Stage("looking for terms that do not exist", limits, findings).run(work):
        findings.add(unpack_issues(payload))


def _text(path: Path, root: Path) -> str:
    try:
        return read_text(path, display_name(path, root))
    except DataError:
        return ""  # told by who reads the file for what it says
