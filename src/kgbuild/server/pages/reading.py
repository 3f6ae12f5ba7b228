"""Facts with their sources, as pages show them: the one reader of what a look-up has gathered.

Names come from the data.  What has none, in files of others, is called by its shortened IRI.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Final

from pyoxigraph import DefaultGraph, NamedNode, Store, Triple

from kgbuild.core.date_text import write_point
from kgbuild.core.namespaces import ARTICLE_GRAPH, EXTERNAL, ID, ONTOLOGY, RDF_TYPE, expand, shorten
from kgbuild.core.terms import Term
from kgbuild.server.http.languages import Reader
from kgbuild.server.http.links import is_web
from kgbuild.server.pages.charts import Span
from kgbuild.server.pages.layout import Fact, Note, Shown, Value, Voice
from kgbuild.server.pages.rendering import best_label, translations_of
from kgbuild.server.pages.terms import Labels, Named, Terms, Values, icn
from kgbuild.sparql.embedded import convert_term, rdf_term
from kgbuild.sparql.lookups import LookUp, select_all
from kgbuild.sparql.results import Rows, read_term
from kgbuild.support.claims import ClaimDetails, Credit, all_claims_for, claims_on, details_of, evidence_for
from kgbuild.support.gathering import NONE, Neighbours, gather_rows, in_parts, quads_of, write_block

TITLE: Final = EXTERNAL["dcterms"] + "title"
LABEL: Final = EXTERNAL["rdfs"] + "label"
PREF_LABEL: Final = EXTERNAL["skos"] + "prefLabel"
ALT_LABEL: Final = EXTERNAL["skos"] + "altLabel"
CHANGE_NOTE: Final = EXTERNAL["skos"] + "changeNote"
PUBLISHER: Final = EXTERNAL["dcterms"] + "publisher"
PRINTED: Final = EXTERNAL["schema"] + "datePublished"
URL: Final = EXTERNAL["schema"] + "url"
_TYPE: Final = NamedNode(RDF_TYPE)
_CLAIM: Final = ID + "claim/"
_HIERARCHY: Final = {EXTERNAL["rdfs"] + name for name in ("subClassOf", "subPropertyOf")}
_BOUNDS: Final = ("beganNotBefore", "beganBy", "endedNotBefore", "endedBy")
_NAMED_BY: Final = (LABEL, PREF_LABEL, TITLE)
"""Properties that name a thing, best first."""
# What things are called, and the dates and publishers that they have: a participation goes by the date of its meeting.
_READ: Final = tuple(map(expand, (
    "rdfs:label", "skos:prefLabel", "dcterms:title", "rdf:type", "icn:edtf", "icn:earliest", "icn:latest",
    "icn:descriptiveName", "icn:dated", "icn:usual", "skos:broader", "icn:within", "dcterms:publisher",
    "schema:datePublished", "schema:url",
)))  # fmt: skip
_BESIDE: Final = (icn("dated"), PUBLISHER)
_READ_BESIDE: Final = tuple(map(expand, ("rdfs:label", "rdf:type", "icn:edtf", "icn:earliest", "icn:latest")))
"""What is read of what they mention."""
MOST_KEPT: Final = 10_000
"""Things whose names are kept for the next page: ten megabytes."""
_NAMES: Final = """SELECT DISTINCT ?s ?p ?o {{
  {{ VALUES ?s {{ {block} }} ?s ?p ?o
    FILTER (?p IN (%(read)s) && (?p != rdf:type || STRSTARTS(STR(?o), STR(icn:)))) }}
  UNION {{ VALUES ?x {{ {block} }} ?x ?q ?s FILTER (?q IN (%(by)s)) ?s ?p ?o
    FILTER (?p IN (%(beside)s) && (?p != rdf:type || STRSTARTS(STR(?o), STR(icn:)))) }} }}""" % {
    name: ", ".join(f"<{each}>" for each in listed)
    for name, listed in {"read": _READ, "by": _BESIDE, "beside": _READ_BESIDE}.items()
}
_NAMES_ANYWHERE: Final = """SELECT DISTINCT ?s ?p ?o {{ VALUES ?s {{ {block} }} GRAPH ?g {{ ?s ?p ?o }}
  FILTER (?p IN (rdfs:label, dcterms:title, rdf:type, icn:descriptiveName)) }}"""
HIDDEN: Final = {icn(name) for name in ("statedIn", "descriptiveName")}
"""Properties that a page says in another way."""


class Reading:
    """Quads of some things, the claims about them, and names for all that they mention, for one reader."""

    def __init__(self, reader: Reader, terms: Terms, store: Store, names: dict[str, Values]) -> None:
        self.reader, self.terms, self.store, self.names = reader, terms, store, names
        texts = translations_of(reader.interface)
        self._, self.ngettext = texts.gettext, texts.ngettext
        self._values: dict[tuple[str, str], Values] = {}
        self._named: dict[str, Shown] = {}
        self._types: dict[str, frozenset[str]] = {}
        self.details: Callable[[Credit], ClaimDetails] = cache(partial(details_of, store))
        """Give all that is recorded of a claim."""

    def of(self, subject: str, graph: str = "") -> Values:
        """Give what a graph says of a thing; the resolved view unless one is named.

        What the resolved view does not describe, a placeholder that is resolved or what is deprecated, is taken from
        the articles.
        """
        if (subject, graph) not in self._values:
            known = self._read(subject, NamedNode(graph) if graph else DefaultGraph())
            self._values[subject, graph] = known if graph or RDF_TYPE in known else self._read(subject, None)
        return self._values[subject, graph]

    def is_left_out(self, subject: str) -> bool:
        """Tell whether the resolved view leaves a thing out that articles describe."""
        found = self.store.quads_for_pattern(NamedNode(subject), _TYPE, None, DefaultGraph())
        return next(iter(found), None) is None and RDF_TYPE in self.of(subject)

    def _read(self, subject: str, graph: NamedNode | DefaultGraph | None) -> Values:
        found: dict[str, dict[Term, None]] = {}
        for quad in self.store.quads_for_pattern(NamedNode(subject), None, None, graph):
            if graph is not None or str(quad.graph_name).startswith(f"<{ARTICLE_GRAPH}"):
                found.setdefault(quad.predicate.value, {})[convert_term(quad.object)] = None
        return {property_: list(terms) for property_, terms in found.items()}

    def leading(self, by: str, thing: str = "") -> list[str]:
        """List what has a thing, or anything, as the value of a property of ours in the resolved view."""
        node = NamedNode(thing) if thing else None
        quads = self.store.quads_for_pattern(None, NamedNode(icn(by)), node, DefaultGraph())
        return sorted({quad.subject.value for quad in quads if isinstance(quad.subject, NamedNode)})

    def get(self, subject: str, property_: str) -> list[Term]:
        """List the values of a property, sorted."""
        return sorted(self.of(subject).get(property_, ()))

    def iris(self, subject: str, *names: str) -> list[str]:
        """List the IRIs that some properties of ours have, in the order of the properties."""
        found = (term.value for name in names for term in self.get(subject, icn(name)) if term.kind == "iri")
        return list(dict.fromkeys(found))

    def one(self, subject: str, name: str) -> str:
        """Give a value of a property of ours; "" if there is none."""
        return next((term.value for term in self.get(subject, icn(name))), "")

    def below(self, subject: str, name: str) -> list[Term]:
        """List the values of a property of ours and of all that are below it."""
        found = {term for p, terms in self.of(subject).items() if self.terms.is_a((p,), name) for term in terms}
        return sorted(found, key=lambda term: (self.day(term.value), term))

    def types(self, thing: str) -> frozenset[str]:
        """List the classes of a thing."""
        if thing not in self._types:
            known = self.of(thing)
            known = known if RDF_TYPE in known else self.names.get(thing, {})
            self._types[thing] = frozenset(term.value for term in known.get(RDF_TYPE, ()))
        return self._types[thing]

    def is_a(self, thing: str, name: str) -> bool:
        """Tell whether a thing is of a class of ours."""
        return self.terms.is_a(self.types(thing), name)

    def span(self, subject: str) -> Span:
        """Give the bounds of what lasts."""
        return Span(*(self.one(subject, name) for name in _BOUNDS))

    def day(self, date: str) -> str:
        """Give the earliest day of a date, or its latest where it has no earliest; "" for what is none."""
        return self._known(date, icn("earliest"), icn("latest"))

    def edtf(self, date: str) -> str:
        """Give the text of a date; "" for what is none."""
        return self._known(date, icn("edtf"))

    def is_usual(self, concept: str) -> bool:
        """Tell whether a concept goes without saying."""
        return self._known(concept, icn("usual")) == "true"

    def _known(self, thing: str, *properties: str) -> str:
        """Give the first value that was read with the names; "" if there is none."""
        known = self.names.get(thing, {})
        return next((term.value for property_ in properties for term in known.get(property_, ())), "")

    def name(self, thing: str, by: Mapping[str, Labels] | None = None) -> Shown:
        """Name a thing for the reader; a term of the ontology by other labels, where it has them."""
        found = None if by else self._named.get(thing)
        if found is None:
            text, language = best_label((by or {}).get(thing) or self.labels(thing), self.reader)
            is_descriptive = icn("descriptiveName") in self.names.get(thing, {})
            found = Shown(text or shorten(thing), thing, language, is_descriptive)
            if not by:
                self._named[thing] = found
        return found

    def heading(self, thing: str, by: Mapping[str, Labels] | None = None) -> Shown:
        """Name a thing at the head of others, without a link."""
        return replace(self.name(thing, by), text=raised(self.name(thing, by).text), iri="")

    def labels(self, thing: str) -> Labels:
        """Give the names of a thing; one in each language."""
        if thing in self.terms.labels:
            return self.terms.labels[thing]
        known = self.names.get(thing, {})
        labels = known.get(next((each for each in _NAMED_BY if each in known), ""), ())
        return {term.language: term.value for term in sorted(labels, reverse=True)}

    def kind(self, thing: str) -> Shown:
        """Name the finest class of a thing; an empty text if it has none."""
        found = self.terms.kind(self.types(thing))
        return self.name(found) if found else Shown("")

    def label(self, labels: Labels) -> Shown:
        """Choose a text in the reader's language."""
        text, language = best_label(labels, self.reader)
        return Shown(text, "", language)

    def show(self, term: Term) -> Shown:
        """Show a term: a thing by its name, a text with its language."""
        if term.kind == "iri":
            return self.name(term.value)
        if term.datatype == EXTERNAL["xsd"] + "boolean":
            return Shown(self._("yes") if term.value in ("true", "1") else self._("no"))
        if term.datatype == EXTERNAL["xsd"] + "date":
            return Shown(write_point(term.value, self.reader.interface))
        return Shown(term.value, "", term.language)

    def shown(self, terms: Iterable[Term]) -> tuple[Shown, ...]:
        """Show terms; of one text in several languages the reader's."""
        found = list(terms)
        if len(found) > 1 and all(term.language for term in found):
            return (self.label({term.language: term.value for term in reversed(found)}),)
        return tuple(self.show(term) for term in found)

    def first_of(self, shown: int, total: int, query: str) -> Note:
        """Say that a list is not whole, and lead to a query for all of it."""
        text = self._("The first %(shown)s of %(total)s are shown.")
        return Note(text % {"shown": shown, "total": f"{total:,}"}, (), query)

    def facts(self, subject: str, leave_out: Iterable[str] = ()) -> tuple[Fact, ...]:
        """List what holds of a thing, each value with its voices.

        Properties of other vocabularies that only repeat ours, and general ones beside finer ones, are left out.
        """
        hidden = {icn(name) for name in leave_out} | HIDDEN
        known = {p: terms for p, terms in self.of(subject).items() if p.startswith(ONTOLOGY) and p not in hidden}
        made = [fact for p in sorted(known, key=self.terms.place) if (fact := self.fact(subject, self.name(p), p))]
        # `began` beside `joined`, `identifier` beside `issn`: what rules add to a finer property says nothing new.
        computed = {fact.property for fact in made if all(value.origin == "computed" for value in fact.values)}
        stated = {term for p, terms in known.items() if p not in computed for term in terms}
        return tuple(f for f in made if f.property not in computed or not stated.issuperset(known[f.property]))

    def fact(self, subject: str, name: Shown, *properties: str) -> Fact | None:
        """Give the values of some properties under a name; None if there is none."""
        values = tuple(self.value(subject, p, term) for p in properties for term in self.get(subject, p))
        contested = tuple(each for p in properties for each in self.contested(subject, p))
        return Fact(name, values, properties[0], contested) if values else None

    def value(self, subject: str, property_: str, term: Term) -> Value:
        """Give a value with those who say so."""
        if self.is_left_out(subject):
            return Value(self.show(term), self.voices_for(subject, property_, term))
        found = evidence_for(self.store, Triple(NamedNode(subject), NamedNode(property_), rdf_term(term)))
        origin = {"registry": "registry", "rule": "computed"}.get(found.kind, "articles")
        return Value(self.show(term), self.voices(found.credits(), property_), origin)

    def voices_for(self, subject: str, property_: str, term: Term) -> tuple[Voice, ...]:
        """List the voices that give a value, deprecated ones too."""
        triple = Triple(NamedNode(subject), NamedNode(property_), rdf_term(term))
        return self.voices(all_claims_for(self.store, triple), property_)

    def voices_on(self, thing: str) -> tuple[Voice, ...]:
        """List the voices about a thing as a whole, deprecated ones too."""
        return self.voices(self.claims_on(thing))

    def supports(self, thing: str) -> tuple[Voice, ...]:
        """List the voices about the unnamed parties that a thing stands for."""
        found = {c for other in self.iris(thing, "resolves") for c in self.claims_on(other)}
        kept = [credit for credit in sorted(found) if not self.details(credit).is_deprecated]
        return self.voices(kept, supports=True)

    def voices(self, credits_: Iterable[Credit], property_: str = "", *, supports: bool = False) -> tuple[Voice, ...]:
        """Tell of claims as sources, oldest first; with `property_`, whether that was inferred."""
        found = sorted(set(credits_), key=lambda credit: (self._printed(credit), credit.claim))
        return tuple(self._voice(credit, property_, supports) for credit in found)

    def claims_on(self, thing: str) -> tuple[Credit, ...]:
        """List the claims about a thing, deprecated ones too."""
        return claims_on(self.store, NamedNode(thing))

    def contested(self, subject: str, property_: str = "") -> tuple[str, ...]:
        """List the disagreements about a thing, or about one of its properties."""
        found = ((each, self.one(each, "onProperty")) for each in self.leading("onSubject", subject))
        return tuple(each for each, on in found if on and property_ in ("", on))

    def _printed(self, credit: Credit) -> str:
        return self._known(self.details(credit).article, PRINTED) or "9999"

    def _voice(self, credit: Credit, property_: str, supports: bool) -> Voice:
        claim = self.details(credit)
        article = self.names.get(claim.article, {})
        publisher = article.get(PUBLISHER)
        printed = self._known(claim.article, PRINTED)[:10]
        return Voice(
            claim.claim,
            self.name(claim.article),
            self.show(min(publisher)) if publisher else None,
            write_point(printed, self.reader.interface) if printed else "",
            next((term.value for term in article.get(URL, ()) if is_web(term.value)), ""),
            self.label(claim.says),
            claim.positions,
            property_ in claim.infers if property_ else bool(claim.infers),
            self.label(claim.because) if claim.because else None,
            claim.named_as,
            claim.is_deprecated,
            supports,
        )


def raised(text: str) -> str:
    """Begin a heading large.

    >>> raised("members"), raised("")
    ('Members', '')
    """
    return text[:1].upper() + text[1:]


def is_ours(property_: str) -> bool:
    """Tell whether a property is of our ontology."""
    return property_.startswith(ONTOLOGY)


def read(reader: Reader, terms: Terms, things: Iterable[str], named: Iterable[str] = ()) -> LookUp[Reading]:
    """Gather some things, and name all that is mentioned and what is `named`, for a reader."""
    store, names = yield from gather_named(things, terms, named)
    return Reading(reader, terms, store, names)


def gather_named(
    things: Iterable[str], terms: Terms, named: Iterable[str] = (), related: Neighbours = NONE
) -> LookUp[tuple[Store, dict[str, Values]]]:
    """Gather some things, and read the names of all that is mentioned and of what is `named`; last, takes a thread."""
    rows = yield from gather_rows(set(things), related)
    mentioned, known = _mentioned(rows)
    names = yield from read_names((mentioned | set(named)) - terms.labels.keys(), known, terms.names)
    yield ()
    store = Store()
    store.extend((*quads_of(rows), *terms.hierarchies))
    return store, names


def read_names(
    things: Iterable[str], known: Mapping[str, Values] | None = None, kept: dict[str, Named] | None = None
) -> LookUp[dict[str, Values]]:
    """Read what things are called, by what dates they have, and who published what is an article.

    Of the things in `known` this is known already; what they mention is among `things`.  What is read is added to
    `kept`, and not asked again.
    """
    wanted, kept = sorted(things), {} if kept is None else kept
    names = {thing: known[thing] for thing in wanted if thing in known} if known else {}
    earlier = {thing: found for thing in wanted if thing not in names and (found := kept.get(thing))}
    asked = [thing for thing in wanted if thing not in names and thing not in earlier]
    read = [*names, *asked]
    yield from _keep(names, [_NAMES.format(block=write_block(part)) for part in in_parts(asked)])
    # What the resolved view has is named there; a deprecated situation has its name in a graph alone.
    left = [thing for thing in read if thing.startswith(ID) and LABEL not in names.get(thing, ())]
    yield from _keep(names, [_NAMES_ANYWHERE.format(block=write_block(part)) for part in in_parts(left)])
    if len(kept) + len(asked) > MOST_KEPT:
        kept.clear()
    kept.update({thing: (names.get(thing, {}), _beside(thing, names)) for thing in asked})
    names.update({thing: values for thing, (values, _) in earlier.items()})
    for _, beside in earlier.values():
        for each, values in beside.items():
            names.setdefault(each, values)
    return names


def _keep(names: dict[str, Values], texts: list[str]) -> LookUp[None]:
    for rows in (yield from select_all(*texts)):
        for row in rows:
            values = names.setdefault(row["s"].value, {}).setdefault(row["p"].value, [])
            if row["o"] not in values:
                values.append(row["o"])


def _beside(thing: str, names: Mapping[str, Values]) -> dict[str, Values]:
    """Give what was read of the things that one mentions."""
    mentioned = {term.value for by in _BESIDE for term in names.get(thing, {}).get(by, ()) if term.value in names}
    return {
        each: {property_: values for property_, values in names[each].items() if property_ in _READ_BESIDE}
        for each in mentioned
    }


def _mentioned(rows: Rows) -> tuple[set[str], dict[str, Values]]:
    """List what rows mention and a page may name, and give by thing what names it, where the resolved view was read.

    Of a claim, its article is named, but neither itself nor its parts; of the hierarchies of classes and properties,
    nothing.
    """
    mentioned: set[str] = set()
    known: dict[str, Values] = {}
    for row in rows:
        if "s" not in row or "p" not in row or "o" not in row or row["p"]["value"] in _HIERARCHY:
            continue
        thing, property_, object_ = row["s"]["value"], row["p"]["value"], row["o"]
        if not thing.startswith(_CLAIM):
            mentioned.add(property_)
            if row["s"]["type"] == "uri":
                mentioned.add(thing)
        if object_["type"] == "uri":
            mentioned.add(object_["value"])
        if "g" not in row:
            names = known.setdefault(thing, {})
            if property_ in _READ and (property_ != RDF_TYPE or object_["value"].startswith(ONTOLOGY)):
                values, term = names.setdefault(property_, []), read_term(object_)
                if term not in values:
                    values.append(term)
    return {each for each in mentioned if not each.startswith(_CLAIM)}, known
