"""Entities, articles and claims as quads, with the source map: the shape of the graph (docs/modelling.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Quad

from kgbuild import ids
from kgbuild.build.claims import TYPE, ClaimFacts, Term, icn
from kgbuild.build.situations import compile_claim
from kgbuild.dates import DateNode, parse_date
from kgbuild.errors import Findings, Issue, Place, error
from kgbuild.namespaces import DATASET_IRI, ENTITY_KINDS, EXTERNAL, GRAPH, ID, LICENCE, VOCABULARY
from kgbuild.ontology import Ontology
from kgbuild.records.documents import KeyPath
from kgbuild.records.models import Article, Claim, Entity
from kgbuild.registry import Registry, iri_of
from kgbuild.sourcemap import SourceMap

Triple = tuple[NamedNode, NamedNode, Term]

ENTITIES_GRAPH = NamedNode(f"{GRAPH}entities")
DATES_GRAPH = NamedNode(f"{GRAPH}dates")
CATALOG_GRAPH = NamedNode(f"{GRAPH}catalog")

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
    claims = tuple(_describe_claim(article, claim, facts) for claim, facts in zip(article.claims, given, strict=True))
    dates = {date for facts in given for date in facts.dates} | ({published} if published else set())
    description = tuple(_describe_article(article, publisher, agency, published))
    used = {fact.object for facts in given for fact in facts.facts} | {body for facts in given for body in facts.bodies}
    return CompiledArticle(
        iri=NamedNode(ids.article_iri(article.id)),
        graph=NamedNode(ids.article_graph(article.id)),
        description=description,
        claims=claims,
        voter=agency or publisher,
        published=published,
        dates=frozenset(dates),
        entities=frozenset(n for n in (*used, publisher, agency) if isinstance(n, NamedNode)),
        source_map=_source_map(article, description, claims, given),
    )


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


def _describe_claim(article: Article, claim: Claim, given: ClaimFacts) -> CompiledClaim:
    iri = NamedNode(ids.claim_iri(article.id, claim.kind, claim.written))
    return CompiledClaim(
        iri=iri,
        bodies=tuple(given.bodies),
        node=tuple(_claim_node(iri, article, claim, given)),
        facts=tuple(dict.fromkeys((f.subject, f.predicate, f.object) for f in given.facts)),
        rank=claim.notes.rank,
    )


def _claim_node(iri: NamedNode, article: Article, claim: Claim, given: ClaimFacts) -> Iterator[Triple]:
    notes, source = claim.notes, NamedNode(ids.article_iri(article.id))
    yield iri, TYPE, icn("Claim")
    yield iri, icn("inArticle"), source
    yield iri, icn("says"), Literal(notes.says, language="en")
    if notes.says_ru:
        yield iri, icn("says"), Literal(notes.says_ru, language="ru")
    if notes.because:
        yield iri, icn("because"), Literal(notes.because, language="en")
    if notes.rank:
        yield iri, icn("rank"), NamedNode(ids.concept_iri("rank", notes.rank))
    for body in given.bodies:
        yield iri, icn("claims"), body
    noted: tuple[tuple[str, Iterable[Term]], ...] = (
        ("asserts", given.asserts),
        ("infers", given.infers),
        ("namedAs", given.named_as),
    )
    for name, values in noted:
        for value in sorted(values, key=str):
            yield iri, icn(name), value
    if not notes.at:
        yield iri, _term("oa", "hasTarget"), source
    for number, (start, end) in enumerate(notes.at or ()):
        target, position = (NamedNode(f"{iri.value}#{name}{number}") for name in ("target", "position"))
        yield iri, _term("oa", "hasTarget"), target
        yield target, TYPE, _term("oa", "SpecificResource")
        yield target, _term("oa", "hasSource"), source
        yield target, _term("oa", "hasSelector"), position
        yield position, TYPE, _term("oa", "TextPositionSelector")
        yield position, _term("oa", "start"), Literal(start)
        yield position, _term("oa", "end"), Literal(end)


def _describe_article(
    article: Article, publisher: NamedNode, agency: NamedNode | None, published: DateNode | None
) -> Iterator[Triple]:
    source, iri = article.source, NamedNode(ids.article_iri(article.id))
    yield iri, TYPE, icn("Article")
    yield iri, IDENTIFIER, Literal(article.id)
    if source.title:
        yield iri, LABEL, Literal(source.title, language=source.language)
        yield iri, _term("dcterms", "title"), Literal(source.title, language=source.language)
    else:
        yield iri, LABEL, Literal(f"({source.description or article.id})", language="en")
        yield iri, icn("descriptiveName"), _TRUE
    yield iri, _term("dcterms", "language"), Literal(source.language)
    yield iri, _term("dcterms", "publisher"), publisher
    if agency:
        yield iri, icn("agency"), agency
    if published:
        yield iri, icn("published"), NamedNode(ids.date_iri(published.slug))
        yield iri, _term("schema", "datePublished"), Literal(source.published or "")
    yield iri, _term("schema", "url"), NamedNode(source.url)
    if source.text:
        yield iri, icn("textHash"), Literal(source.text.sha256)
        yield iri, icn("textLength"), Literal(source.text.characters)


_DESCRIBED_AT: dict[str, KeyPath] = {
    LABEL.value: ("source", "title"),
    _term("dcterms", "title").value: ("source", "title"),
    _term("dcterms", "language").value: ("source", "language"),
    _term("dcterms", "publisher").value: ("source", "publisher"),
    icn("agency").value: ("source", "agency"),
    icn("published").value: ("source", "published"),
    _term("schema", "datePublished").value: ("source", "published"),
    _term("schema", "url").value: ("source", "url"),
    icn("textHash").value: ("source", "text", "sha256"),
    icn("textLength").value: ("source", "text", "characters"),
}


def _source_map(
    article: Article, description: Iterable[Triple], claims: Iterable[CompiledClaim], given: Iterable[ClaimFacts]
) -> SourceMap:
    places = SourceMap()
    graph = str(NamedNode(ids.article_graph(article.id)))
    for s, p, o in description:
        places.add((graph, str(s), str(p), str(o)), article.place(*_DESCRIBED_AT.get(p.value, ("source",))))
    for written, claim, facts in zip(article.claims, claims, given, strict=True):
        for s, p, o in claim.node:
            places.add((graph, str(s), str(p), str(o)), article.place(*written.path, *_noted_at(s, p, written)))
        for fact in facts.facts:
            quad = (graph, str(fact.subject), str(fact.predicate), str(fact.object))
            places.add(quad, article.place(*written.path, *fact.path))
    return places


def _noted_at(subject: NamedNode, predicate: NamedNode, claim: Claim) -> KeyPath:
    """Lead from a triple of a claim's node to the note that says it."""
    _, _, fragment = subject.value.partition("#")
    if fragment:
        return ("at", int(fragment.removeprefix("target").removeprefix("position")))
    name = predicate.value.rpartition("#")[2]
    return (name,) if name in ("says", "because", "rank") else ((claim.kind,) if name != "type" else ())


# --- entities, dates, catalog -------------------------------------------------------------------------------------


def compile_entities(registry: Registry, findings: Findings) -> tuple[list[Quad], SourceMap]:
    """Compile all entity files into the graph of entities."""
    quads: list[Quad] = []
    places = SourceMap()
    for entity in registry:
        for (s, p, o), path in _describe_entity(entity, registry, findings):
            quads.append(Quad(s, p, o, ENTITIES_GRAPH))
            places.add((str(ENTITIES_GRAPH), str(s), str(p), str(o)), entity.place(*path))
    return quads, places


def _describe_entity(entity: Entity, registry: Registry, findings: Findings) -> Iterator[tuple[Triple, KeyPath]]:
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


def describe_dataset(articles: Iterable[CompiledArticle]) -> Iterator[Quad]:
    """Describe the data set, and say which article each article graph comes from."""
    dataset = NamedNode(DATASET_IRI)
    title = "ICN, the Intergovernmental Cooperation Networks knowledge graph"
    yield Quad(dataset, TYPE, _term("void", "Dataset"), CATALOG_GRAPH)
    yield Quad(dataset, TYPE, _term("dcat", "Dataset"), CATALOG_GRAPH)
    yield Quad(dataset, _term("dcterms", "title"), Literal(title, language="en"), CATALOG_GRAPH)
    yield Quad(dataset, _term("dcterms", "license"), NamedNode(LICENCE), CATALOG_GRAPH)
    yield Quad(dataset, _term("void", "uriSpace"), Literal(ID), CATALOG_GRAPH)
    for article in articles:
        yield Quad(article.graph, _term("prov", "hadPrimarySource"), article.iri, CATALOG_GRAPH)
