"""Look-ups of things by id and by name in every language, and of the nearest for a wrong one."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pyoxigraph import NamedNode

from kgbuild.core.captions import choose_text
from kgbuild.core.composition import compose
from kgbuild.core.errors import UsageError
from kgbuild.core.folding import plain
from kgbuild.core.namespaces import ONTOLOGY, PREFIXES, shorten
from kgbuild.core.terms import Term, iri, literal
from kgbuild.sparql.lookups import LookUp, select

# A backslash before u would be read as a code point by engines that unescape before they parse, as SPARQL
# 1.1 §19.2 says: `\\u0022` would end the text there.  Any other escape is matched so that it is not cut in two.
_CODE_POINT = re.compile(r"\\\\([uU])|\\.")
MOST_CANDIDATES: Final = 20_000
"""Names that a wrong one is compared with: enough for any register kept by hand."""
LONGEST_COMPARED: Final = 300
"""Characters of a text for which the nearest names are sought."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A thing that could be meant: its IRI, its id, and one of its names."""

    iri: str
    id: str
    name: str


def write_term(term: Term) -> str:
    r"""Write a term into a SPARQL query, so that every engine reads the same term back.

    >>> write_term(literal('\\u0022 } #'))
    '"\\\\\\U000000750022 } #"'
    """
    written = term.n3()
    if term.kind == "iri":
        if not _is_iri(term.value):
            raise UsageError(f"'{term.value}' is no IRI: it has no scheme, or holds what no IRI may. Correct it.")
        return written
    return _CODE_POINT.sub(lambda m: f"\\\\\\U{ord(m[1]):08X}" if m[1] else m[0], written)


def _is_iri(text: str) -> bool:
    try:
        NamedNode(text)
    except ValueError:
        return False
    return True


def expand_name(text: str) -> str | None:
    """Read an IRI or a prefixed name of ours; None if the text is neither.

    >>> expand_name("date:2023-11")
    'https://w3id.org/icn/date/2023-11'
    """
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    prefix, colon, local = text.partition(":")
    if prefix in PREFIXES and not local.startswith("//"):
        text = PREFIXES[prefix] + local
    elif not colon or not (local.startswith("//") or prefix == "urn"):
        return None
    return text if _is_iri(text) else None


def exists(thing: str) -> LookUp[bool]:
    """Tell whether anything is said of an IRI, in any graph."""
    x = write_term(iri(thing))
    pattern = f"{{ {x} ?p ?o }} UNION {{ GRAPH ?g {{ {x} ?p ?o }} }} UNION {{ GRAPH ?g {{ ?c icn:claims {x} }} }}"
    return bool((yield from select(f"SELECT (1 AS ?found) {{ {pattern} }} LIMIT 1")))


def successor(thing: str) -> LookUp[str]:
    """Follow a retired IRI to the one that took its place; any other is its own."""
    x = write_term(iri(thing))
    rows = yield from select(f"SELECT ?new {{ {x} dcterms:isReplacedBy ?new }} ORDER BY ?new")
    return rows[0]["new"].value if rows else thing


def find_by_id(id_: str) -> LookUp[str | None]:
    """Find the thing whose identifier, now or once, is `id_`."""
    text = f"""SELECT DISTINCT ?thing {{
      {{ ?thing dcterms:identifier {write_term(literal(id_))} }} UNION
      {{ ?old dcterms:isReplacedBy ?thing FILTER (STRENDS(STR(?old), {write_term(literal("/" + id_))})) }}
    }} ORDER BY ?thing"""
    rows = yield from select(text)
    return rows[0]["thing"].value if rows else None


def find_by_name(name: str, class_: str = "") -> LookUp[list[str]]:
    """List the things that bear a name, or bore it, in whatever case; those of a class only if one is given."""
    sought = write_term(literal(" ".join(compose(name).lower().split())))
    text = f"""SELECT DISTINCT ?thing {{ ?thing rdfs:label|skos:altLabel ?name ; dcterms:identifier ?id .
      FILTER (LCASE(STR(?name)) = {sought}) {_of_class(class_)} }} ORDER BY ?thing LIMIT 10"""
    return [row["thing"].value for row in (yield from select(text))]


def classes_of(thing: str) -> LookUp[set[str]]:
    """List the local names of the classes of ours that a thing has."""
    rows = yield from select(f"SELECT ?class {{ {write_term(iri(thing))} a ?class }}")
    return {r["class"].value.removeprefix(ONTOLOGY) for r in rows if r["class"].value.startswith(ONTOLOGY)}


def entity_candidates(class_: str = "") -> LookUp[list[Candidate]]:
    """List entities under every name they have, those of a class only if one is given."""
    text = f"""SELECT DISTINCT ?thing ?id ?name {{
      ?thing dcterms:identifier ?id ; rdfs:label|skos:altLabel ?name . {_of_class(class_)} }} LIMIT {MOST_CANDIDATES}"""
    return (yield from _candidates(text))


def concept_candidates(base: str) -> LookUp[list[Candidate]]:
    """List the concepts whose IRI begins with `base`, under every label."""
    text = f"""SELECT DISTINCT ?thing ?name {{
      ?thing a skos:Concept ; skos:prefLabel|skos:altLabel ?name .
      FILTER (STRSTARTS(STR(?thing), {write_term(literal(base))})) }}"""
    return (yield from _candidates(text))


def claimed_candidates() -> LookUp[list[Candidate]]:
    """List everything that some claim is about, under its short name."""
    text = f"SELECT DISTINCT ?thing {{ GRAPH ?g {{ ?claim icn:claims ?thing }} }} LIMIT {MOST_CANDIDATES}"
    things = [record["thing"].value for record in (yield from select(text))]
    return [Candidate(thing, shorten(thing), shorten(thing)) for thing in sorted(things)]


def nearest(text: str, candidates: Iterable[Candidate]) -> LookUp[list[Candidate]]:
    """List up to three of the nearest, each with the name that people know it by; none is near a very long text."""
    wanted = plain(text)
    if len(wanted) > LONGEST_COMPARED:
        return []
    by_word: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        for word in {plain(candidate.id), plain(candidate.name)}:
            by_word.setdefault(word, []).append(candidate)
    # difflib compares whole texts: a word out of a long name is near to it only as its part.
    holding = sorted((w for w in by_word if len(wanted) > 2 and wanted in w), key=lambda w: (len(w), w))
    words = [*difflib.get_close_matches(wanted, sorted(by_word), n=12, cutoff=0.55), *holding]
    found = list(dict.fromkeys(candidate.iri for word in words for candidate in by_word[word]))[:3]
    names = yield from names_of(found)
    ids = {candidate.iri: candidate.id for word in words for candidate in by_word[word]}
    return [Candidate(x, ids[x], names[x]) for x in found]


def did_you_mean(near: Sequence[Candidate]) -> str:
    """Write " Did you mean …?" with the ids of things and their names; nothing for none."""
    shown = [each.id if each.name in (each.id, shorten(each.iri)) else f"{each.id} ({each.name})" for each in near]
    listed = filter(None, (", ".join(shown[:-1]), *shown[-1:]))
    return f" Did you mean {' or '.join(listed)}?" if shown else ""


def names_of(things: Iterable[str]) -> LookUp[dict[str, str]]:
    """Name things for people: by their label in English, else Russian, else another; else by the short name."""
    wanted = sorted(set(things))
    if not wanted:
        return {}
    block = " ".join(write_term(iri(thing)) for thing in wanted)
    # What the default graph leaves out has its name in the graph of names alone.
    text = f"""SELECT DISTINCT ?thing ?name {{ VALUES ?thing {{ {block} }}
      {{ ?thing rdfs:label|skos:prefLabel ?name }} UNION {{ GRAPH graph:names {{ ?thing rdfs:label ?name }} }} }}"""
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    for record in sorted((yield from select(text)), key=lambda each: each["name"], reverse=True):
        labels[record["thing"].value][record["name"].language] = record["name"].value
    return {thing: choose_text(labels[thing], "en") if thing in labels else shorten(thing) for thing in wanted}


def _of_class(class_: str) -> str:
    return f"?thing a icn:{class_} ." if class_ else "?thing a ?class . FILTER NOT EXISTS { ?thing a icn:Article }"


def _candidates(text: str) -> LookUp[list[Candidate]]:
    records = yield from select(text)
    things = [(r["thing"].value, r["name"].value, r) for r in records]
    found = {(thing, r["id"].value if "id" in r else thing.rpartition("/")[2], name) for thing, name, r in things}
    return [Candidate(*each) for each in sorted(found)]
