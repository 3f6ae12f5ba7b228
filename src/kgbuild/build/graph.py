"""Entities, articles and claims as quads, with the source map: the shape of the graph (docs/modelling.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Quad

from kgbuild.build.claims import ClaimFacts
from kgbuild.build.identifiers import describe_identifier
from kgbuild.build.ontology import Ontology
from kgbuild.build.quads import Row, Term, Values, describe_in
from kgbuild.build.situations import compile_claim
from kgbuild.build.sourcemap import SourceMap
from kgbuild.core import ids
from kgbuild.core.dates import DateNode, parse_date
from kgbuild.core.errors import Findings, Issue, Place, error
from kgbuild.core.namespaces import ENTITY_KINDS, GRAPH
from kgbuild.core.terms import icn, term
from kgbuild.records.documents import KeyPath
from kgbuild.records.models import Article, Claim, Correction, Entity, Withdrawn
from kgbuild.records.registry import Registry, iri_of
from kgbuild.records.values import RecordError

Triple = tuple[NamedNode, NamedNode, Term]

ENTITIES_GRAPH = NamedNode(f"{GRAPH}entities")
DATES_GRAPH = NamedNode(f"{GRAPH}dates")

IDENTIFIER = term("dcterms:identifier")
_TRUE = Literal(True)


@dataclass(frozen=True)
class CompiledClaim:
    """A claim as triples: its own node, and the facts it gives."""

    iri: NamedNode
    bodies: tuple[NamedNode, ...]
    node: tuple[Triple, ...]
    facts: tuple[Triple, ...]
    rank: str | None


@dataclass(frozen=True)
class CompiledArticle:
    """An article as triples of its own graph, and what resolution must know of it."""

    iri: NamedNode
    graph: NamedNode
    description: tuple[Triple, ...]
    claims: tuple[CompiledClaim, ...]
    voter: NamedNode
    """The agency whose copy it is, else the publisher: repeated copy is no agreement."""
    published: DateNode | None
    dates: frozenset[DateNode]
    entities: frozenset[NamedNode]
    source_map: SourceMap

    def triples(self) -> Iterator[Triple]:
        """Go through all triples of the article's graph; some may come twice."""
        yield from self.description
        for claim in self.claims:
            yield from claim.node
            yield from claim.facts


def compile_article(
    article: Article, registry: Registry, ontology: Ontology, findings: Findings
) -> CompiledArticle | None:
    """Compile a record into the triples of its graph; with a finding there is none."""
    known = len(findings)
    publisher, agency = (_publisher(article, field, registry, findings) for field in ("publisher", "agency"))
    given = [compile_claim(article, claim, registry, ontology, findings) for claim in article.claims]
    findings.add(_twins(article))
    if len(findings) > known or publisher is None:
        return None
    published = parse_date(article.source.published.partition("T")[0]) if article.source.published else None
    graph, places = NamedNode(ids.article_graph(article.id)), SourceMap()
    description = list(_describe_article(article, publisher, agency, published))
    claims, rows = [], [*description]
    for claim, each in zip(article.claims, given, strict=True):
        node = list(_describe_claim(article, claim, each))
        facts = [(triple, (*claim.path, *path)) for triple, path in each.facts]
        claims.append(
            CompiledClaim(node[0][0][0], tuple(each.bodies), _triples(node), _triples(facts), claim.notes.rank)
        )
        rows += [*node, *facts]
    for (s, p, o), path in rows:
        places.add((str(graph), str(s), str(p), str(o)), article.place(*path))
    used = {node for each in given for node in (*each.bodies, *(o for (_, _, o), _ in each.facts))}
    return CompiledArticle(
        iri=NamedNode(ids.article_iri(article.id)),
        graph=graph,
        description=_triples(description),
        claims=tuple(claims),
        voter=agency or publisher,
        published=published,
        dates=frozenset({date for each in given for date in each.dates} | ({published} if published else set())),
        entities=frozenset(n for n in (*used, publisher, agency) if isinstance(n, NamedNode)),
        source_map=places,
    )


def _triples(rows: Iterable[Row]) -> tuple[Triple, ...]:
    return tuple(dict.fromkeys(triple for triple, _ in rows))


def _rows(iri: NamedNode, *said: tuple[str, Term | None, KeyPath]) -> Iterator[Row]:
    """Say properties of a thing, each with the path to what says it; None says nothing."""
    return (((iri, term(name), value), path) for name, value, path in said if value is not None)


def _publisher(article: Article, field: str, registry: Registry, findings: Findings) -> NamedNode | None:
    path = ("source", field)
    entity = registry.look_up(getattr(article.source, field), ENTITY_KINDS, path, article.place(*path), findings)
    return NamedNode(iri_of(entity)) if entity else None


def _twins(article: Article) -> Iterator[Issue]:
    first: dict[str, Place] = {}
    for claim in article.claims:
        iri = ids.claim_iri(article.id, claim.kind, claim.written)
        place = article.place(*claim.path)
        if iri in first:
            finding = f"this claim says the same as the one in line {first[iri].line}"
            yield error(place, "twin-claim", finding, "Merge them: `at` takes several positions.")
        first.setdefault(iri, place)


def _describe_claim(article: Article, claim: Claim, given: ClaimFacts) -> Iterator[Row]:
    """Describe a claim's own node, beginning with its class."""
    iri = NamedNode(ids.claim_iri(article.id, claim.kind, claim.written))
    notes, source, kind = claim.notes, NamedNode(ids.article_iri(article.id)), (*claim.path, claim.kind)
    yield from _rows(
        iri,
        ("rdf:type", icn("Claim"), claim.path),
        ("icn:inArticle", source, kind),
        ("icn:says", Literal(notes.says, language="en"), (*claim.path, "says")),
        ("icn:says", Literal(notes.says_ru, language="ru") if notes.says_ru else None, (*claim.path, "says")),
        ("icn:because", Literal(notes.because, language="en") if notes.because else None, (*claim.path, "because")),
        ("icn:rank", NamedNode(ids.concept_iri("rank", notes.rank)) if notes.rank else None, (*claim.path, "rank")),
        *(("icn:claims", body, kind) for body in given.bodies),
        *(("icn:asserts", property_, kind) for property_ in given.asserts),
        *(("icn:infers", property_, kind) for property_ in given.infers),
        *(("icn:namedAs", spelling, kind) for spelling in given.named_as),
        ("oa:hasTarget", None if notes.at else source, kind),
    )
    for number, (start, end) in enumerate(notes.at or ()):
        target, position = (NamedNode(f"{iri.value}#{name}{number}") for name in ("target", "position"))
        yield (iri, term("oa:hasTarget"), target), kind
        for subject, name, value in (
            (target, "rdf:type", term("oa:SpecificResource")),
            (target, "oa:hasSource", source),
            (target, "oa:hasSelector", position),
            (position, "rdf:type", term("oa:TextPositionSelector")),
            (position, "oa:start", Literal(start)),
            (position, "oa:end", Literal(end)),
        ):
            yield (subject, term(name), value), (*claim.path, "at", number)


def _describe_article(
    article: Article, publisher: NamedNode, agency: NamedNode | None, published: DateNode | None
) -> Iterator[Row]:
    source, text = article.source, article.source.text
    title = Literal(source.title, language=source.language) if source.title else None
    date = NamedNode(ids.date_iri(published.slug)) if published else None
    printed = Literal(source.published) if source.published else None
    return _rows(
        NamedNode(ids.article_iri(article.id)),
        ("rdf:type", icn("Article"), ("source",)),
        ("dcterms:identifier", Literal(article.id), ("source",)),
        ("rdfs:label", title or Literal(f"({source.description or article.id})", language="en"), ("source", "title")),
        ("dcterms:title", title, ("source", "title")),
        ("icn:descriptiveName", None if title else _TRUE, ("source",)),
        ("dcterms:language", Literal(source.language), ("source", "language")),
        ("dcterms:publisher", publisher, ("source", "publisher")),
        ("icn:agency", agency, ("source", "agency")),
        ("icn:published", date, ("source", "published")),
        ("schema:datePublished", printed, ("source", "published")),
        ("schema:url", NamedNode(source.url), ("source", "url")),
        ("icn:textHash", Literal(text.sha256) if text else None, ("source", "text", "sha256")),
        ("icn:textLength", Literal(text.characters) if text else None, ("source", "text", "characters")),
        *_corrections(article.corrections),
    )


def compile_entities(registry: Registry, ontology: Ontology | None, findings: Findings) -> tuple[list[Quad], SourceMap]:
    """Compile all entity files into the graph of entities; without an ontology, all but identifiers in schemes."""
    quads: list[Quad] = []
    places = SourceMap()
    for entity in registry:
        for (s, p, o), path in _describe_entity(entity, registry, ontology, findings):
            quads.append(Quad(s, p, o, ENTITIES_GRAPH))
            places.add((str(ENTITIES_GRAPH), str(s), str(p), str(o)), entity.place(*path))
    return quads, places


def compile_withdrawn(withdrawn: Iterable[Withdrawn]) -> tuple[list[Quad], SourceMap]:
    """Compile what is left of records into tombstones in the graph of entities: since when, and why."""
    quads: list[Quad] = []
    places = SourceMap()
    for each in withdrawn:
        rows = _rows(
            NamedNode(ids.entity_iri(each.kind, each.id)),
            ("rdf:type", icn("Withdrawn"), ("withdrawn",)),
            ("owl:deprecated", _TRUE, ("withdrawn",)),
            ("icn:withdrawnOn", _day(each.model.on), ("withdrawn", "on")),
            ("skos:changeNote", Literal(each.model.reason, language="en"), ("withdrawn", "reason")),
        )
        for (s, p, o), path in rows:
            quads.append(Quad(s, p, o, ENTITIES_GRAPH))
            places.add((str(ENTITIES_GRAPH), str(s), str(p), str(o)), each.place(*path))
    return quads, places


def _corrections(corrections: Iterable[Correction]) -> Iterator[tuple[str, Term, KeyPath]]:
    """Say what was put right: the day stands before the note, so that notes sort by it."""
    for i, each in enumerate(corrections):
        yield "skos:changeNote", Literal(f"{each.on}: {each.note}", language="en"), ("corrections", i)


def _describe_entity(
    entity: Entity, registry: Registry, ontology: Ontology | None, findings: Findings
) -> Iterator[Row]:
    iri, model, names = NamedNode(iri_of(entity)), entity.model, entity.names
    # A curated name goes before the list's one, which still finds the entity.
    listed = {language: name for language, name in entity.listed_names.items() if name != names[language]}
    spellings = ((language, i, text) for language, texts in model.spellings.items() for i, text in enumerate(texts))
    yield from _rows(
        iri,
        *(("rdf:type", icn(class_), ("type",)) for class_ in entity.classes),
        ("dcterms:identifier", Literal(entity.id), ()),
        *(
            ("rdfs:label", Literal(name, language=lang), ("names", lang) if lang in model.names else ("iso",))
            for lang, name in names.items()
        ),
        *(("skos:altLabel", Literal(name, language=language), ("iso",)) for language, name in listed.items()),
        ("icn:identifier", Literal(model.iso) if model.iso else None, ("iso",)),
        *(("skos:altLabel", Literal(text, language=lang), ("spellings", lang, i)) for lang, i, text in spellings),
        ("icn:descriptiveName", _TRUE if model.descriptive_name else None, ("descriptive_name",)),
        ("skos:editorialNote", Literal(model.because, language="en") if model.because else None, ("because",)),
        *(("rdfs:seeAlso", NamedNode(url), ("see", i)) for i, url in enumerate(model.see)),
        *_corrections(model.corrections),
    )
    if ontology is not None:
        yield from _identifiers(entity, ontology, findings)
    for i, old in enumerate(model.retired):
        former, at = NamedNode(ids.entity_iri(entity.kind, old)), ("retired", i)
        yield from _rows(former, ("owl:deprecated", _TRUE, at), ("dcterms:isReplacedBy", iri, at))
    links: tuple[tuple[str, str | None, KeyPath, tuple[str, ...]], ...] = (
        ("ofState", model.state, ("state",), ("polity",)),
        ("affiliation", model.affiliation, ("affiliation",), ("institution", "network")),
        ("within", model.within, ("within",), ("place", "polity")),
        *(("possiblySameAs", n, ("possibly_same_as", i), (entity.kind,)) for i, n in enumerate(model.possibly_same_as)),
    )
    for property_, name, path, kinds in links:
        if target := registry.look_up(name, kinds, path, entity.place(*path), findings):
            yield (iri, icn(property_), NamedNode(iri_of(target))), path


def _identifiers(entity: Entity, ontology: Ontology, findings: Findings) -> Iterator[Row]:
    iri = NamedNode(iri_of(entity))
    for scheme, value in entity.model.identifiers.items():
        path = ("identifiers", scheme)
        try:
            node, said = describe_identifier(iri, scheme, value, ontology)
        except RecordError as wrong:
            findings.error(entity.place(*path), wrong.code, wrong.finding, wrong.remedy)
            continue
        yield (iri, icn("identifiedBy"), node), path
        yield from (((node, predicate, object_), path) for predicate, object_ in said)


def describe_date(node: DateNode) -> Iterator[Quad]:
    """Describe a date: its text, its bounds, its year where that is certain."""
    said: dict[str, Values] = {
        "rdf:type": icn("Date"),
        "icn:edtf": Literal(node.edtf),
        "icn:earliest": _day(node.earliest),
        "icn:latest": _day(node.latest),
        "icn:year": Literal(node.year) if node.year is not None else None,
        "icn:precision": NamedNode(ids.concept_iri("precision", node.precision)),
        "icn:approximate": _TRUE if node.approximate else None,
        "icn:uncertain": _TRUE if node.uncertain else None,
    }
    return describe_in(DATES_GRAPH, NamedNode(ids.date_iri(node.slug)), said)


def _day(value: object) -> Literal | None:
    return Literal(str(value), datatype=term("xsd:date")) if value is not None else None
