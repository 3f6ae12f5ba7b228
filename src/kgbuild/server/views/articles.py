"""Pages of an article, of one claim, and of a named graph: who says what, where, and who else says it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from kgbuild.dates import refines
from kgbuild.engines import Term, iri
from kgbuild.engines.lookup import write_term
from kgbuild.namespaces import ARTICLE_GRAPH, EXTERNAL, ID, RDF_TYPE
from kgbuild.server.languages import Reader
from kgbuild.server.service import Service, table
from kgbuild.server.views.evidence import (
    LABEL,
    TITLE,
    Claim,
    Evidence,
    Fact,
    Shown,
    Value,
    Voice,
    add,
    add_names,
    anchor_of,
    gather,
    graph_of,
    icn,
    read_edtf,
)

BAR: Final = 1000
"""Width of the bar of a text, in its own units."""
LEAST_MARK: Final = 4
MOST_CLAIMS: Final = 300
MOST_OTHERS: Final = 100
"""What other articles say of what one claim is about."""
RELATIONS: Final = ("same", "finer", "vaguer", "other")
"""How another voice stands to a claim: it says the same, says it more exactly, less exactly, or says something else."""


@dataclass(frozen=True, slots=True)
class Other:
    """What another article says of the same."""

    relation: str
    property: Shown | None
    value: Shown | None
    voice: Voice


@dataclass(frozen=True, slots=True)
class Told:
    """A claim as a page tells it."""

    claim: Claim
    number: int
    anchor: str
    voice: Voice
    bodies: tuple[Shown, ...]
    facts: tuple[Fact, ...]
    others: tuple[Other, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A passage on the bar of the text."""

    x: float
    width: float
    number: int
    anchor: str
    says: str
    start: int
    end: int


async def article(service: Service, thing: str, reader: Reader) -> tuple[str, dict[str, Any]]:
    """Tell of an article: what it is, and its claims in the order of the text."""
    found = await gather(service, reader, [thing], graph_of(thing))
    own = [claim for claim in found.claims if claim.article == thing]
    await add(service, found, {body for claim in own for body in claim.bodies})
    await add_names(service, found)
    return "article.html", await asyncio.to_thread(_tell_article, found, thing, own)


def _tell_article(found: Evidence, thing: str, own: list[Claim]) -> dict[str, Any]:
    ordered = sorted(own, key=lambda c: (c.positions[:1] or ((10**9, 0),), c.iri))
    shown = [_told(found, claim, number) for number, claim in enumerate(ordered[:MOST_CLAIMS], 1)]
    values = found.of(thing) or found.of(thing, graph_of(thing))
    length = _number(values.get(icn("textLength"), []))
    return {
        "thing": thing,
        "name": found.name(thing),
        "title": next((found.show(term) for term in sorted(values.get(TITLE, []))), None),
        "facts": _about(found, values),
        "url": next((t.value for t in values.get(EXTERNAL["schema"] + "url", []) if _is_web(t.value)), ""),
        "length": length,
        "claims": shown,
        "more": max(0, len(ordered) - MOST_CLAIMS),
        "marks": _marks(shown, length),
        "bar": BAR,
        "graph": graph_of(thing),
        "data": _json_ld(found, values),
    }


async def claim(service: Service, thing: str, reader: Reader) -> tuple[str, dict[str, Any]]:
    """Tell of one claim."""
    rows = await table(
        service,
        f"SELECT DISTINCT ?a ?b {{ GRAPH ?g {{ {write_term(iri(thing))} icn:inArticle ?a ;"
        " icn:claims ?b } } LIMIT 400",
    )
    article_iri = rows[0]["a"]["value"] if rows else ""
    found = await gather(service, reader, {thing, article_iri, *(row["b"]["value"] for row in rows)} - {""})
    own = next((each for each in found.claims if each.iri == thing), None)
    values = found.of(article_iri) or found.of(article_iri, graph_of(article_iri))
    length = _number(values.get(icn("textLength"), []))
    told = _told(found, own, 1) if own else None
    return "claim.html", {
        "thing": thing,
        "name": found.name(thing),
        "told": told,
        "article": found.name(article_iri) if article_iri else None,
        "length": length,
        "marks": _marks([told], length) if told else (),
        "bar": BAR,
    }


async def graph(service: Service, thing: str, reader: Reader) -> tuple[str, dict[str, Any]]:
    """Tell of a named graph: whose it is, and how much is in it."""
    node = write_term(iri(thing))
    counted = await table(service, f"SELECT (COUNT(*) AS ?n) {{ GRAPH {node} {{ ?s ?p ?o }} }}")
    classes = await table(
        service,
        f"SELECT ?class (COUNT(DISTINCT ?s) AS ?n) {{ GRAPH {node} {{ ?s a ?class }} }} GROUP BY ?class "
        "ORDER BY DESC(?n) ?class LIMIT 100",
    )
    article_iri = ID + "article/" + thing.removeprefix(ARTICLE_GRAPH) if thing.startswith(ARTICLE_GRAPH) else ""
    found = await gather(service, reader, [thing])
    kinds = [row for row in classes if row["class"]["type"] == "uri"]
    await add_names(service, found, {article_iri, *(row["class"]["value"] for row in kinds)} - {""})
    return "graph.html", {
        "thing": thing,
        "name": found.name(article_iri) if article_iri else Shown(thing.rpartition("/")[2]),
        "article": found.name(article_iri) if article_iri else None,
        "kind": thing.rpartition("/")[2],
        "triples": int(counted[0]["n"]["value"]) if counted else 0,
        "classes": [(found.name(row["class"]["value"]), int(row["n"]["value"])) for row in kinds],
        "query": f"SELECT * WHERE {{ GRAPH <{thing}> {{ ?s ?p ?o }} }} ORDER BY ?s ?p ?o",
    }


# --- claims -------------------------------------------------------------------------------------------------------


def _told(found: Evidence, own: Claim, number: int) -> Told:
    bodies = tuple(found.name(body) for body in own.bodies)
    others = tuple(
        sorted(islice(_others(found, own), MOST_OTHERS), key=lambda o: (RELATIONS.index(o.relation), o.voice.claim))
    )
    return Told(own, number, anchor_of(own.iri), found.voice(own), bodies, _asserted(found, own), others)


def _asserted(found: Evidence, own: Claim) -> tuple[Fact, ...]:
    """List what a claim asserts, values of all its bodies together."""
    made = []
    for property_ in sorted(own.asserts):
        terms = {term for body in own.bodies for term in found.given(own, body, property_)}
        values = tuple(
            Value(found.show(term), (), "inferred" if property_ in own.infers else "articles") for term in sorted(terms)
        )
        if values:
            made.append(Fact(found.name(property_), values, property_))
    return tuple(sorted(made, key=lambda fact: (not _is(found, fact.property, "keyPart"), fact.name.text)))


def _others(found: Evidence, own: Claim) -> Iterator[Other]:
    """Hold a claim against those of other articles on the same things; who only names these says the same."""
    for body in own.bodies:
        for other in found.claims_on(body):
            if other.article == own.article or other.is_deprecated:
                continue
            voice, told = found.voice(other), False
            for property_ in sorted(own.asserts & other.asserts):
                if _is(found, property_, "keyPart"):
                    continue
                mine, theirs = (found.given(each, body, property_) for each in (own, other))
                for relation, value in _compared(found, property_, mine, theirs):
                    told = True
                    yield Other(relation, found.name(property_), found.show(value), voice)
            if not told and body.startswith(ID) and _is_situation(found, body):
                yield Other("same", None, None, voice)


def _compared(found: Evidence, property_: str, mine: list[Term], theirs: list[Term]) -> Iterator[tuple[str, Term]]:
    for value in theirs:
        if value in mine:
            yield "same", value
        elif mine and any(_refines(found, value, one) for one in mine):
            yield "finer", value
        elif mine and any(_refines(found, one, value) for one in mine):
            yield "vaguer", value
        elif mine and _is(found, property_, "singleValued"):
            yield "other", value


def _refines(found: Evidence, finer: Term, vaguer: Term) -> bool:
    texts = [found.names.get(term.value, {}).get(icn("edtf"), []) for term in (finer, vaguer)]
    if texts[0] and texts[1]:
        one, other = read_edtf(texts[0][0].value), read_edtf(texts[1][0].value)
        return one is not None and other is not None and refines(one, other)
    return vaguer.value in _above(found, finer.value)


def _above(found: Evidence, thing: str) -> list[str]:
    """List the broader concepts, or the places around a place, as far as their names were read."""
    seen: list[str] = []
    while True:
        known = found.names.get(thing, {})
        up = [t.value for p in (EXTERNAL["skos"] + "broader", icn("within")) for t in sorted(known.get(p, []))]
        if not up or up[0] in seen:
            return seen
        thing = up[0]
        seen.append(thing)


def _is(found: Evidence, property_: str, mark: str) -> bool:
    return bool(found.names.get(property_, {}).get(icn(mark)))


def _is_situation(found: Evidence, body: str) -> bool:
    return icn("Situation") in {term.value for term in found.names.get(body, {}).get(RDF_TYPE, [])}


# --- the text -----------------------------------------------------------------------------------------------------


def _marks(told: list[Told], length: int) -> tuple[Mark, ...]:
    """Place the passages on the bar; nothing where the length of the text is not known."""
    if not length:
        return ()
    scale = BAR / length
    marks = [
        Mark(
            round(min(start, length) * scale, 1),
            max(LEAST_MARK, round((min(end, length) - start) * scale, 1)),
            each.number,
            each.anchor,
            each.voice.says.text,
            start,
            end,
        )
        for each in told
        for start, end in each.claim.positions
        if start < end
    ]
    return tuple(sorted(marks, key=lambda mark: (mark.start, -mark.end, mark.number)))


def _about(found: Evidence, values: dict[str, list[Term]]) -> dict[str, Shown | None]:
    wanted = {
        "publisher": EXTERNAL["dcterms"] + "publisher",
        "agency": icn("agency"),
        "published": icn("published"),
        "printed": EXTERNAL["schema"] + "datePublished",
        "language": EXTERNAL["dcterms"] + "language",
        "hash": icn("textHash"),
    }
    return {name: found.show(sorted(values[p])[0]) if values.get(p) else None for name, p in wanted.items()}


def _json_ld(found: Evidence, values: dict[str, list[Term]]) -> dict[str, Any]:
    def first(property_: str) -> str:
        return next((term.value for term in sorted(values.get(property_, []))), "")

    publisher = first(EXTERNAL["dcterms"] + "publisher")
    made: dict[str, Any] = {
        "headline": first(TITLE) or first(LABEL),
        "inLanguage": first(EXTERNAL["dcterms"] + "language"),
        "datePublished": first(EXTERNAL["schema"] + "datePublished"),
        "url": first(EXTERNAL["schema"] + "url"),
    }
    if publisher:
        made["publisher"] = {"@type": "Organization", "@id": publisher, "name": found.name(publisher).text}
    return {key: value for key, value in made.items() if value}


def _number(terms: list[Term]) -> int:
    return next((int(term.value) for term in terms if term.value.isdecimal()), 0)


def _is_web(address: str) -> bool:
    return address.startswith(("http://", "https://"))
