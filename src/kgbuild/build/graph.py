"""Entities, articles and claims as quads, with the source map: the shape of the graph (docs/modelling.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from pyoxigraph import Literal, NamedNode, Quad

from kgbuild.build.claims import TYPE, ClaimFacts, Term, icn
from kgbuild.build.ontology import Ontology
from kgbuild.build.situations import compile_claim
from kgbuild.build.sourcemap import SourceMap
from kgbuild.core import ids
from kgbuild.core.dates import DateNode, parse_date
from kgbuild.core.errors import Findings, Issue, Place, error
from kgbuild.core.namespaces import ENTITY_KINDS, EXTERNAL, GRAPH, VOCABULARY
from kgbuild.records.documents import KeyPath
from kgbuild.records.models import Article, Claim, Entity
from kgbuild.records.registry import Registry, iri_of

Triple = tuple[NamedNode, NamedNode, Term]
Row = tuple[Triple, KeyPath]
"""A triple, and the path in its file to what says it."""

ENTITIES_GRAPH = NamedNode(f"{GRAPH}entities")
DATES_GRAPH = NamedNode(f"{GRAPH}dates")

_XSD = EXTERNAL["xsd"]
_TRUE = Literal(True)


def _term(prefix: str, name: str) -> NamedNode:
    return NamedNode(EXTERNAL[prefix] + name)


LABEL = _term("rdfs", "label")
IDENTIFIER = _term("dcterms", "identifier")


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


# --- articles -----------------------------------------------------------------------------------------------------


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
    description = list(_describe_article(article, publisher, agency, published))
    nodes = [list(_describe_claim(article, *each)) for each in zip(article.claims, given, strict=True)]
    facts = [
        [((fact.subject, fact.predicate, fact.object), (*claim.path, *fact.path)) for fact in each.facts]
        for claim, each in zip(article.claims, given, strict=True)
    ]
    claims = tuple(
        CompiledClaim(node[0][0][0], tuple(each.bodies), _triples(node), _triples(said), claim.notes.rank)
        for claim, each, node, said in zip(article.claims, given, nodes, facts, strict=True)
    )
    used = {fact.object for each in given for fact in each.facts} | {body for each in given for body in each.bodies}
    return CompiledArticle(
        iri=NamedNode(ids.article_iri(article.id)),
        graph=NamedNode(ids.article_graph(article.id)),
        description=_triples(description),
        claims=claims,
        voter=agency or publisher,
        published=published,
        dates=frozenset({date for each in given for date in each.dates} | ({published} if published else set())),
        entities=frozenset(n for n in (*used, publisher, agency) if isinstance(n, NamedNode)),
        source_map=_source_map(article, (*description, *chain(*nodes), *chain(*facts))),
    )


def _triples(rows: Iterable[Row]) -> tuple[Triple, ...]:
    return tuple(dict.fromkeys(triple for triple, _ in rows))


def _source_map(article: Article, rows: Iterable[Row]) -> SourceMap:
    places = SourceMap()
    graph = str(NamedNode(ids.article_graph(article.id)))
    for (s, p, o), path in rows:
        places.add((graph, str(s), str(p), str(o)), article.place(*path))
    return places


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
    yield (iri, TYPE, icn("Claim")), claim.path
    yield (iri, icn("inArticle"), source), kind
    for name, text, language in (
        ("says", notes.says, "en"),
        ("says", notes.says_ru, "ru"),
        ("because", notes.because, "en"),
    ):
        if text:
            yield (iri, icn(name), Literal(text, language=language)), (*claim.path, name)
    if notes.rank:
        yield (iri, icn("rank"), NamedNode(ids.concept_iri("rank", notes.rank))), (*claim.path, "rank")
    noted: dict[str, Iterable[Term]] = {
        "claims": given.bodies,
        "asserts": given.asserts,
        "infers": given.infers,
        "namedAs": given.named_as,
    }
    for name, values in noted.items():
        for value in values:
            yield (iri, icn(name), value), kind
    if not notes.at:
        yield (iri, _term("oa", "hasTarget"), source), kind
    for number, (start, end) in enumerate(notes.at or ()):
        target, position = (NamedNode(f"{iri.value}#{name}{number}") for name in ("target", "position"))
        yield (iri, _term("oa", "hasTarget"), target), kind
        for triple in (
            (target, TYPE, _term("oa", "SpecificResource")),
            (target, _term("oa", "hasSource"), source),
            (target, _term("oa", "hasSelector"), position),
            (position, TYPE, _term("oa", "TextPositionSelector")),
            (position, _term("oa", "start"), Literal(start)),
            (position, _term("oa", "end"), Literal(end)),
        ):
            yield triple, (*claim.path, "at", number)


def _describe_article(
    article: Article, publisher: NamedNode, agency: NamedNode | None, published: DateNode | None
) -> Iterator[Row]:
    source, iri = article.source, NamedNode(ids.article_iri(article.id))
    yield (iri, TYPE, icn("Article")), ("source",)
    yield (iri, IDENTIFIER, Literal(article.id)), ("source",)
    if source.title:
        title = Literal(source.title, language=source.language)
        yield (iri, LABEL, title), ("source", "title")
        yield (iri, _term("dcterms", "title"), title), ("source", "title")
    else:
        yield (iri, LABEL, Literal(f"({source.description or article.id})", language="en")), ("source", "title")
        yield (iri, icn("descriptiveName"), _TRUE), ("source",)
    yield (iri, _term("dcterms", "language"), Literal(source.language)), ("source", "language")
    yield (iri, _term("dcterms", "publisher"), publisher), ("source", "publisher")
    if agency:
        yield (iri, icn("agency"), agency), ("source", "agency")
    if published:
        yield (iri, icn("published"), NamedNode(ids.date_iri(published.slug))), ("source", "published")
        yield (iri, _term("schema", "datePublished"), Literal(source.published or "")), ("source", "published")
    yield (iri, _term("schema", "url"), NamedNode(source.url)), ("source", "url")
    if source.text:
        yield (iri, icn("textHash"), Literal(source.text.sha256)), ("source", "text", "sha256")
        yield (iri, icn("textLength"), Literal(source.text.characters)), ("source", "text", "characters")


# --- entities, dates ----------------------------------------------------------------------------------------------


def compile_entities(registry: Registry, findings: Findings) -> tuple[list[Quad], SourceMap]:
    """Compile all entity files into the graph of entities."""
    quads: list[Quad] = []
    places = SourceMap()
    for entity in registry:
        for (s, p, o), path in _describe_entity(entity, registry, findings):
            quads.append(Quad(s, p, o, ENTITIES_GRAPH))
            places.add((str(ENTITIES_GRAPH), str(s), str(p), str(o)), entity.place(*path))
    return quads, places


def _describe_entity(entity: Entity, registry: Registry, findings: Findings) -> Iterator[Row]:
    iri, model = NamedNode(iri_of(entity)), entity.model
    for class_ in entity.classes:
        yield (iri, TYPE, icn(class_)), ("type",)
    yield (iri, IDENTIFIER, Literal(entity.id)), ()
    for language, name in entity.names.items():
        yield (
            (iri, LABEL, Literal(name, language=language)),
            ("names", language) if language in model.names else ("iso",),
        )
    for language, name in entity.listed_names.items():
        if name != entity.names[language]:  # a curated name goes first, and the list's one still finds the entity
            yield (iri, _term("skos", "altLabel"), Literal(name, language=language)), ("iso",)
    if model.iso:
        yield (iri, icn("identifier"), Literal(model.iso)), ("iso",)
    for language, spellings in model.spellings.items():
        for i, text in enumerate(spellings):
            label = _term("skos", "altLabel")
            yield (iri, label, Literal(text, language=language)), ("spellings", language, i)
    if model.descriptive_name:
        yield (iri, icn("descriptiveName"), _TRUE), ("descriptive_name",)
    if model.because:
        yield (iri, _term("skos", "editorialNote"), Literal(model.because, language="en")), ("because",)
    for i, url in enumerate(model.see):
        yield (iri, _term("rdfs", "seeAlso"), NamedNode(url)), ("see", i)
    for i, old in enumerate(model.retired):
        former = NamedNode(ids.entity_iri(entity.kind, old))
        yield (former, _term("owl", "deprecated"), _TRUE), ("retired", i)
        yield (former, _term("dcterms", "isReplacedBy"), iri), ("retired", i)
    for property_, path, kinds, name in _links(entity):
        target = registry.look_up(name, kinds, path, entity.place(*path), findings)
        if target is not None:
            yield (iri, icn(property_), NamedNode(iri_of(target))), path


def _links(entity: Entity) -> Iterator[tuple[str, KeyPath, tuple[str, ...], str]]:
    model = entity.model
    if model.state is not None:
        yield "ofState", ("state",), ("state", "territory"), model.state
    if model.affiliation is not None:
        yield "affiliation", ("affiliation",), ("institution", "network"), model.affiliation
    if model.within is not None:
        yield "within", ("within",), ("place", "state", "territory"), model.within
    for i, name in enumerate(model.possibly_same_as):
        yield "possiblySameAs", ("possibly_same_as", i), (entity.kind,), name


def describe_date(node: DateNode) -> Iterator[Quad]:
    """Describe a date: its text, its bounds, its year where that is certain."""
    iri = NamedNode(ids.date_iri(node.slug))
    given: list[tuple[NamedNode, Term | None]] = [
        (TYPE, icn("Date")),
        (icn("edtf"), Literal(node.edtf)),
        (icn("earliest"), _day(node.earliest)),
        (icn("latest"), _day(node.latest)),
        (icn("year"), Literal(node.year) if node.year is not None else None),
        (icn("precision"), NamedNode(f"{VOCABULARY}precision/{node.precision}")),
        (icn("approximate"), _TRUE if node.approximate else None),
        (icn("uncertain"), _TRUE if node.uncertain else None),
    ]
    for predicate, object_ in given:
        if object_ is not None:
            yield Quad(iri, predicate, object_, DATES_GRAPH)


def _day(value: object) -> Literal | None:
    return Literal(str(value), datatype=NamedNode(f"{_XSD}date")) if value is not None else None
