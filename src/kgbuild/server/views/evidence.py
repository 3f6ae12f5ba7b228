"""What pages tell of facts: every voice behind a value, and a name for everything that is mentioned."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from kgbuild.dates import DateError, DateNode, parse_date, window
from kgbuild.engines import Term, iri, literal
from kgbuild.engines.lookup import write_term
from kgbuild.namespaces import ARTICLE_GRAPH, EXTERNAL, GRAPH, ID, ONTOLOGY, RDF_TYPE, shorten
from kgbuild.server.languages import Reader
from kgbuild.server.rendering import best_label, lowered, translations_of
from kgbuild.server.service import Service, table
from kgbuild.server.when import write_date

TITLE: Final = EXTERNAL["dcterms"] + "title"
LABEL: Final = EXTERNAL["rdfs"] + "label"
PREF_LABEL: Final = EXTERNAL["skos"] + "prefLabel"
MOST_SUBJECTS: Final = 400
"""Things of which one page reads the facts: a page must not make the others wait."""
_LONGEST_BLOCK: Final = 50_000
"""Characters of the IRIs in one query."""
_LARGEST_RECORD: Final = 20_000
"""Triples of the graph of an article, or about some things and the claims on them, that are read."""
_DEPTH: Final = 3
"""Names within names: a denial denies a membership of a party that is called by its state."""

# What a situation is called by, in this order; its own class comes first.
_PARTS: Final = (
    "changeType", "changed", "member", "holder", "candidate", "suspendedMember", "participant", "signatory",
    "nameOf", "seatOf", "from", "about", "denies", "measure", "status", "comparator", "value", "office",
    "seatKind", "tieType", "act", "institution", "accreditedTo", "organization", "candidateTo", "suspendedFrom",
    "meeting", "agreement", "to", "host", "place", "standing", "text", "asOf", "onProperty", "expectedType",
    "ofState", "affiliation", "says",
)  # fmt: skip
_LONGEST_PART: Final = 90

Values = dict[str, list[Term]]
Rows = list[dict[str, dict[str, str]]]


def icn(name: str) -> str:
    """Give the IRI of a term of ours."""
    return ONTOLOGY + name


@dataclass(frozen=True, slots=True)
class Shown:
    """A term as a page shows it; `iri` is empty for a text or a number."""

    text: str
    iri: str = ""
    language: str = ""
    is_descriptive: bool = False
    """The name is the curators' description, for want of one of its own."""
    is_outside: bool = False
    """The link leads to another site."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of an article, as its graph has it."""

    iri: str
    article: str
    bodies: tuple[str, ...]
    asserts: frozenset[str]
    infers: frozenset[str]
    says: dict[str, str]
    because: dict[str, str]
    named_as: tuple[str, ...]
    rank: str
    positions: tuple[tuple[int, int], ...]

    @property
    def is_deprecated(self) -> bool:
        """Tell whether the curator has set it aside."""
        return self.rank == "deprecated"


@dataclass(frozen=True, slots=True)
class Voice:
    """A claim as a source of a fact: in which article, whose, of when, and what it says."""

    claim: str
    article: Shown
    publisher: Shown | None
    published: str
    says: Shown
    positions: tuple[tuple[int, int], ...]
    is_inferred: bool
    because: Shown | None
    named_as: tuple[str, ...]
    is_deprecated: bool

    @property
    def anchor(self) -> str:
        """Name the place of the claim on the page of its article."""
        return anchor_of(self.claim)


@dataclass(frozen=True, slots=True)
class Value:
    """A value with its voices; `origin` is `articles`, `registry` or `computed`."""

    term: Shown
    voices: tuple[Voice, ...]
    origin: str = "articles"


@dataclass(frozen=True, slots=True)
class Fact:
    """A property with all its values."""

    name: Shown
    values: tuple[Value, ...]
    property: str = ""


@dataclass
class Evidence:
    """Quads of some things, the claims about them, and the names of everything they mention, for one reader."""

    reader: Reader
    graphs: dict[str, dict[str, Values]] = field(default_factory=dict)
    """Graph ("" is the resolved view) -> subject -> property -> values."""
    names: dict[str, Values] = field(default_factory=dict)
    """Thing -> what it is called by: labels, the text of a date, or the parts of a situation."""

    # -- reading -----------------------------------------------------------------------------------------------

    def of(self, subject: str, graph: str = "") -> Values:
        """Give what a graph says of a thing; the resolved view unless one is named.

        What the resolved view does not describe, a placeholder that is resolved or what is deprecated, is taken from
        the articles.
        """
        known = self.graphs.get(graph, {}).get(subject, {})
        return known if graph or RDF_TYPE in known else self._everywhere(subject, known)

    def is_left_out(self, subject: str) -> bool:
        """Tell whether the resolved view leaves a thing out that articles describe."""
        return RDF_TYPE not in self.graphs.get("", {}).get(subject, {}) and RDF_TYPE in self.of(subject)

    def _everywhere(self, subject: str, known: Values) -> Values:
        merged = {property_: list(terms) for property_, terms in known.items()}
        for graph, subjects in self.graphs.items():
            if graph.startswith(ARTICLE_GRAPH):
                for property_, terms in subjects.get(subject, {}).items():
                    more = merged.setdefault(property_, [])
                    more += [term for term in terms if term not in more]
        return merged

    def get(self, subject: str, name: str, graph: str = "") -> list[Term]:
        """List the values of a property of ours, sorted."""
        return sorted(self.of(subject, graph).get(icn(name), []))

    def one(self, subject: str, name: str, graph: str = "") -> str:
        """Give a value of a property of ours; "" if there is none."""
        return next((term.value for term in self.get(subject, name, graph)), "")

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """List the claims that were read, deprecated ones too: they are in article graphs alone."""
        found = [
            self._claim(graph, subject, values)
            for graph, subjects in self.graphs.items()
            if graph.startswith(ARTICLE_GRAPH)
            for subject, values in subjects.items()
            if icn("claims") in values
        ]
        return tuple(sorted(found, key=lambda claim: (claim.article, claim.iri)))

    @cached_property
    def _claims_by_body(self) -> dict[str, list[Claim]]:
        grouped: dict[str, list[Claim]] = defaultdict(list)
        for claim in self.claims:
            for body in claim.bodies:
                grouped[body].append(claim)
        return grouped

    def claims_on(self, body: str) -> list[Claim]:
        """List the claims about a thing."""
        return self._claims_by_body.get(body, [])

    def given(self, claim: Claim, body: str, property_: str) -> list[Term]:
        """List the values that a claim's own article gives, where the claim asserts the property."""
        if property_ not in claim.asserts:
            return []
        return sorted(self.of(body, graph_of(claim.article)).get(property_, []))

    def _claim(self, graph: str, subject: str, values: Values) -> Claim:
        def texts(name: str) -> list[str]:
            return sorted(term.value for term in values.get(icn(name), []))

        def by_language(name: str) -> dict[str, str]:
            return {term.language: term.value for term in sorted(values.get(icn(name), []), reverse=True)}

        rank = next(iter(texts("rank")), "").rpartition("/")[2]
        article = next(iter(texts("inArticle")), ID + "article/" + graph.removeprefix(ARTICLE_GRAPH))
        return Claim(
            subject,
            article,
            tuple(texts("claims")),
            frozenset(texts("asserts")),
            frozenset(texts("infers")),
            by_language("says"),
            by_language("because"),
            tuple(texts("namedAs")),
            rank or "normal",
            tuple(sorted(self._positions(graph, values))),
        )

    def _positions(self, graph: str, values: Values) -> Iterator[tuple[int, int]]:
        subjects = self.graphs[graph]
        for target in values.get(EXTERNAL["oa"] + "hasTarget", []):
            for selector in subjects.get(target.value, {}).get(EXTERNAL["oa"] + "hasSelector", []):
                place = subjects.get(selector.value, {})
                ends = [place.get(EXTERNAL["oa"] + name, []) for name in ("start", "end")]
                if ends[0] and ends[1] and all(end[0].value.isdecimal() for end in ends):
                    yield int(ends[0][0].value), int(ends[1][0].value)

    # -- showing -----------------------------------------------------------------------------------------------

    def show(self, term: Term) -> Shown:
        """Show a term: a thing by its name, an address as a link, a text with its language."""
        if term.kind == "iri":
            return self.name(term.value)
        if term.datatype == EXTERNAL["xsd"] + "boolean":
            return Shown(self._("yes") if term.value in ("true", "1") else self._("no"))
        if term.datatype == EXTERNAL["xsd"] + "date":
            return Shown(write_date(term.value, self.reader.interface))
        return Shown(term.value, "", term.language)

    def name(self, thing: str, depth: int = 0) -> Shown:
        """Name a thing for the reader."""
        known = self.names.get(thing, {})
        if edtf := known.get(icn("edtf")):
            return Shown(write_date(edtf[0].value, self.reader.interface), thing)
        for property_ in (LABEL, PREF_LABEL, TITLE):
            labels = {term.language: term.value for term in sorted(known.get(property_, []), reverse=True)}
            text, language = best_label(labels, self.reader)
            if text:
                return Shown(text, thing, language, is_descriptive=icn("descriptiveName") in known)
        if text := self._described(known, depth):
            return Shown(text, thing)
        return Shown(shorten(thing), thing, is_outside=not thing.startswith("https://w3id.org/icn/"))

    def _described(self, known: Values, depth: int) -> str:
        """Call a thing without a name by its class and its parts; an unidentified party by what is known of it."""
        if depth >= _DEPTH or not known:
            return ""
        if icn("UnidentifiedParty") in {term.value for term in known.get(RDF_TYPE, [])}:
            kind = lowered(self._part(known, "expectedType", depth) or self._("party"))
            of = self._part(known, "ofState", depth) or self._part(known, "affiliation", depth)
            text = self._("%(kind)s of %(state)s, not named") if of else self._("%(kind)s, not named")
            return text % {"kind": kind, "state": of}
        head = self._part(known, "changeType", depth) or self.class_name(known)
        is_plain = any(term.value.endswith("/equal") for term in known.get(icn("comparator"), []))
        left_out = {"changeType", "comparator"} if is_plain else {"changeType"}
        parts = [self._part(known, name, depth) for name in _PARTS if name not in left_out]
        tail = " – ".join(part for part in parts if part)
        return f"{head}: {tail}" if head and tail else head or tail

    def _part(self, known: Values, name: str, depth: int) -> str:
        terms = sorted(known.get(icn(name), []))
        if not terms:
            return ""
        if terms[0].kind == "iri":
            return self.name(terms[0].value, depth + 1).text
        labels = {term.language: term.value for term in terms}
        text = best_label(labels, self.reader)[0]
        return text if len(text) <= _LONGEST_PART else text[:_LONGEST_PART].rstrip() + "…"

    def class_name(self, values: Values) -> str:
        """Name the finest class of ours among the types of a thing: the one with no other below it."""
        types = [term.value for term in values.get(RDF_TYPE, []) if term.value.startswith(ONTOLOGY)]
        fine = [t for t in types if t not in _GENERAL] or types
        above = {parent for t in fine for parent in _ABOVE.get(t, ())}
        chosen = next((t for t in sorted(fine) if t not in above), "")
        return self.name(chosen).text if chosen else ""

    def text(self, by_language: dict[str, str]) -> Shown:
        """Choose a text in the reader's language."""
        text, language = best_label(by_language, self.reader)
        return Shown(text, "", language)

    def voice(self, claim: Claim, property_: str = "") -> Voice:
        """Tell of a claim as a source; with `property_`, whether that was inferred."""
        article = self.names.get(claim.article, {})
        publisher = article.get(EXTERNAL["dcterms"] + "publisher")
        printed = [term.value[:10] for term in article.get(EXTERNAL["schema"] + "datePublished", [])]
        return Voice(
            claim.iri,
            self.name(claim.article),
            self.show(sorted(publisher)[0]) if publisher else None,
            write_date(printed[0], self.reader.interface) if printed else "",
            self.text(claim.says),
            claim.positions,
            property_ in claim.infers if property_ else bool(claim.infers),
            self.text(claim.because) if claim.because else None,
            claim.named_as,
            claim.is_deprecated,
        )

    def facts(self, subject: str, leave_out: Iterable[str] = ()) -> tuple[Fact, ...]:
        """List what holds of a thing, in the resolved view, each value with its voices.

        Properties of other vocabularies that only repeat ours, and general ones beside finer ones, are left out.
        """
        hidden = {icn(name) for name in leave_out} | _REPEATED
        made, terms_of = [], self.of(subject)
        for property_, terms in terms_of.items():
            if property_ not in hidden and property_.startswith(ONTOLOGY):
                values = tuple(self._value(subject, property_, term) for term in sorted(terms))
                made.append(Fact(self.name(property_), values, property_))
        computed = {fact.property for fact in made if all(value.origin == "computed" for value in fact.values)}
        stated = {term for fact in made if fact.property not in computed for term in terms_of[fact.property]}
        # `began` beside `joined`, `identifier` beside `issn`: what rules add to a finer property says nothing new.
        made = [
            fact for fact in made if fact.property not in computed or not stated.issuperset(terms_of[fact.property])
        ]
        order = {icn(name): number for number, name in enumerate(_ORDER)}
        return tuple(sorted(made, key=lambda f: (order.get(f.property, len(order)), f.property)))

    def fact(self, subject: str, name: str) -> Fact | None:
        """Give one property with its values; None if there is none."""
        terms = sorted(self.of(subject).get(icn(name), []))
        values = tuple(self._value(subject, icn(name), term) for term in terms)
        return Fact(self.name(icn(name)), values, icn(name)) if values else None

    def _value(self, subject: str, property_: str, term: Term) -> Value:
        voices = tuple(
            self.voice(claim, property_)
            for claim in self.claims_on(subject)
            if term in self.given(claim, subject, property_) and (not claim.is_deprecated or self.is_left_out(subject))
        )
        voices = voices or tuple(self.voice(claim) for claim in self._implying(subject, property_, term))
        return Value(self.show(term), voices, "articles" if voices else self._origin(subject, property_, term))

    def voices_for(self, subject: str, property_: str, term: Term) -> tuple[Voice, ...]:
        """List the voices that give a value by name, deprecated ones too."""
        claims = (claim for claim in self.claims_on(subject) if term in self.given(claim, subject, property_))
        return tuple(self.voice(claim, property_) for claim in claims)

    def _implying(self, subject: str, property_: str, term: Term) -> Iterator[Claim]:
        """List the claims of articles whose graphs have a triple that none of them asserts by name.

        A standing that follows from a role is one, and what is known of a party that nobody names.
        """
        for claim in self.claims:
            graph = self.graphs.get(graph_of(claim.article), {})
            if term not in graph.get(subject, {}).get(property_, []):
                continue
            if claim.is_deprecated and not self.is_left_out(subject):
                continue
            if subject in claim.bodies or any(
                iri(subject) in terms for body in claim.bodies for terms in graph.get(body, {}).values()
            ):
                yield claim

    def _origin(self, subject: str, property_: str, term: Term) -> str:
        graphs = {
            g for g, subjects in self.graphs.items() if g and term in subjects.get(subject, {}).get(property_, [])
        }
        if any(graph.startswith(ARTICLE_GRAPH) for graph in graphs):
            return "articles"
        return "registry" if GRAPH + "entities" in graphs else "computed"

    def voices_on(self, subject: str) -> tuple[Voice, ...]:
        """List the voices about a thing as a whole."""
        return tuple(self.voice(claim) for claim in self.claims_on(subject))

    def _(self, text: str) -> str:
        return translations_of(self.reader.interface).gettext(text)


_GENERAL: Final = {icn(name) for name in (
    "Situation", "Occurrence", "Document", "Actor", "Observation",
)}  # fmt: skip
"""Classes that finer ones stand for."""
_ABOVE: Final = {
    icn("Founding"): (icn("ChangeEvent"),),
    icn("Succession"): (icn("ChangeEvent"),),
    icn("Academy"): (icn("Institution"),),
}
_REPEATED: Final = {icn(name) for name in ("statedIn", "descriptiveName")}
_ORDER: Final = (
    "meetingType", "agreementType", "publicationType", "programmeType", "speechAct", "changeType", "measure",
    "status", "act", "held", "planned", "signed", "published", "inForce", "expired", "happened", "joined", "left",
    "began", "ended", "signedOn", "madeOn", "place", "host", "partOf", "topic", "text", "by", "onBehalfOf",
    "addressee", "concerning", "occurredAt",
    *_PARTS,
)  # fmt: skip
"""Properties in the order in which a page has them; any other comes after them."""


def anchor_of(claim: str) -> str:
    """Name the place of a claim on the page of its article.

    >>> anchor_of("https://w3id.org/icn/id/claim/2024-02-21-x--meeting-2fe3c38b53")
    'meeting-2fe3c38b53'
    """
    return claim.rpartition("--")[2].rpartition("/")[2]


def read_edtf(text: str) -> DateNode | None:
    """Read the text of a date node, windows included; None for what is none.

    >>> read_edtf("[..2024-02-21]").latest.isoformat(), read_edtf("soon")
    ('2024-02-21', None)
    """
    try:
        if text.startswith("[") and text.endswith("]") and ".." in text:
            first, _, last = text[1:-1].partition("..")
            return window(first or None, last or None)
        return parse_date(text)
    except DateError:
        return None


def graph_of(article: str) -> str:
    """Name the graph of an article.

    >>> graph_of("https://w3id.org/icn/id/article/x")
    'https://w3id.org/icn/graph/article/x'
    """
    return ARTICLE_GRAPH + article.removeprefix(ID + "article/")


# --- asking -------------------------------------------------------------------------------------------------------


async def gather(service: Service, reader: Reader, subjects: Iterable[str], graph: str = "") -> Evidence:
    """Read all graphs about some things, and the claims on them; with `graph`, all of that graph too."""
    found = Evidence(reader)
    await add(service, found, subjects, graph)
    await add_names(service, found)
    return found


async def add(service: Service, found: Evidence, subjects: Iterable[str], graph: str = "") -> None:
    """Read more things into what was gathered, without names."""
    wanted = sorted(set(subjects))[:MOST_SUBJECTS]
    queries = [_WHOLE % write_term(iri(graph))] if graph else []
    for part in in_parts(wanted):
        block = write_block(part)
        queries += [_RESOLVED % block, _GRAPHS % block, _CLAIMS % block]
    answers = await asyncio.gather(*(table(service, query) for query in queries))
    await asyncio.to_thread(_keep_all, found, answers, graph)
    found.__dict__.pop("claims", None)
    found.__dict__.pop("_claims_by_body", None)


async def add_names(service: Service, found: Evidence, more: Iterable[str] = ()) -> None:
    """Read the names of everything that was gathered, and of what these are made of."""
    wanted = {
        term.value
        for subjects in found.graphs.values()
        for v in subjects.values()
        for t in v.values()
        for term in t
        if term.kind == "iri"
    }
    wanted |= {p for subjects in found.graphs.values() for v in subjects.values() for p in v}
    wanted |= {s for subjects in found.graphs.values() for s in subjects}
    wanted |= set(more)
    for _ in range(_DEPTH):
        missing = sorted(x for x in wanted if x not in found.names and "#target" not in x and "#position" not in x)
        if not missing:
            return
        wanted = await _read_names(service, found, missing, _NAMES)
        # What is in the resolved view has its names there; a deprecated situation is in its article's graph alone.
        if elsewhere := [thing for thing in missing if not found.names[thing] and thing.startswith(ID)]:
            wanted |= await _read_names(service, found, elsewhere, _NAMES_ANYWHERE)


async def _read_names(service: Service, found: Evidence, things: list[str], query: str) -> set[str]:
    """Read what some things are called by; give the things that this mentions."""
    mentioned = set()
    for thing in things:
        found.names[thing] = {}
    answers = [await table(service, query % write_block(part)) for part in in_parts(things)]
    for row in (row for rows in answers for row in rows):
        term = _term(row["o"])
        values = found.names[row["s"]["value"]].setdefault(row["p"]["value"], [])
        if term not in values:
            values.append(term)
        if term.kind == "iri":
            mentioned.add(term.value)
    return mentioned


_RESOLVED: Final = f"SELECT ?s ?p ?o {{ VALUES ?s {{ %s }} ?s ?p ?o }} LIMIT {_LARGEST_RECORD}"
_GRAPHS: Final = f"SELECT ?g ?s ?p ?o {{ VALUES ?s {{ %s }} GRAPH ?g {{ ?s ?p ?o }} }} LIMIT {_LARGEST_RECORD}"
_WHOLE: Final = f"SELECT (1 AS ?whole) ?s ?p ?o {{ GRAPH %s {{ ?s ?p ?o }} }} LIMIT {_LARGEST_RECORD}"
_CLAIMS: Final = f"""SELECT DISTINCT ?g ?s ?p ?o {{ VALUES ?body {{ %s }} GRAPH ?g {{ ?claim icn:claims ?body .
  {{ ?claim ?p ?o BIND (?claim AS ?s) }} UNION {{ ?claim oa:hasTarget ?s . ?s ?p ?o }}
  UNION {{ ?claim oa:hasTarget ?t . ?t oa:hasSelector ?s . ?s ?p ?o }} }} }} LIMIT {_LARGEST_RECORD}"""
_NAMED_BY: Final = ", ".join((
    "rdfs:label", "skos:prefLabel", "dcterms:title", "icn:edtf", "rdf:type", "icn:descriptiveName",
    "dcterms:publisher", "schema:datePublished", "icn:singleValued", "icn:keyPart", "skos:broader", "icn:within",
    *(f"icn:{name}" for name in _PARTS),
))  # fmt: skip
_NAMES: Final = f"SELECT ?s ?p ?o {{ VALUES ?s {{ %s }} ?s ?p ?o FILTER (?p IN ({_NAMED_BY})) }}"
_NAMES_ANYWHERE: Final = (
    f"SELECT DISTINCT ?s ?p ?o {{ VALUES ?s {{ %s }} GRAPH ?g {{ ?s ?p ?o }} FILTER (?p IN ({_NAMED_BY})) }}"
)


def in_parts(things: list[str]) -> Iterator[list[str]]:
    """Cut a list for one query each: none is too long, however much an article names and however it is called."""
    part: list[str] = []
    for thing in things:
        if part and sum(map(len, part)) + len(thing) > _LONGEST_BLOCK:
            yield part
            part = []
        part.append(thing)
    if part:
        yield part


def write_block(things: Iterable[str]) -> str:
    """Write IRIs for a VALUES block."""
    return " ".join(write_term(iri(thing)) for thing in things)


def _keep_all(found: Evidence, answers: list[Rows], graph: str) -> None:
    for rows in answers:
        for row in rows:
            _keep(found, row, graph if "g" not in row and "whole" in row else "")


def _keep(found: Evidence, row: dict[str, dict[str, str]], graph: str) -> None:
    if row["s"]["type"] != "uri":
        return  # not ours: we have no blank nodes, and none can be asked for
    name = row["g"]["value"] if "g" in row else graph
    values = found.graphs.setdefault(name, {}).setdefault(row["s"]["value"], {}).setdefault(row["p"]["value"], [])
    term = _term(row["o"])
    if term not in values:
        values.append(term)


def _term(binding: dict[str, str]) -> Term:
    if binding["type"] == "uri":
        return iri(binding["value"])
    if binding["type"] == "bnode":
        return Term("blank", binding["value"])
    return literal(binding["value"], binding.get("datatype", ""), binding.get("xml:lang", ""))
