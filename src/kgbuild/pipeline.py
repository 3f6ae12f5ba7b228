"""The stages, in order: read, compile, resolve, infer, validate, release.  Reads aloud on one screen."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from sqlite3 import sqlite_version

import rdflib
from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, serialize

from kgbuild import __version__, catalogue
from kgbuild.catalogue.descriptions import describe_in_graph
from kgbuild.consistency import check_consistency
from kgbuild.dates import DateNode
from kgbuild.errors import Issue, Place, error, raise_errors
from kgbuild.namespaces import GRAPH
from kgbuild.ontology import Ontology, read_ontology
from kgbuild.progress import Reporter, Silent
from kgbuild.rdf import (
    IDENTIFIER,
    TYPE,
    CompiledArticle,
    compile_article,
    compile_entities,
    describe_date,
)
from kgbuild.reasoning import infer, load_rules
from kgbuild.records import Article, read_all, read_article, read_entity
from kgbuild.registry import Registry, check_ids
from kgbuild.release import Release, ReleaseContent, build_lock, publish
from kgbuild.resolution import Resolver, make_scales
from kgbuild.search import FILE, StoredQuads, index_bytes
from kgbuild.sourcemap import SourceMap
from kgbuild.store import canonical_nquads, make_store, sorted_trig
from kgbuild.validation import Shapes, load_checks, load_shapes, run_checks, validate_graph

RdflibTriple = tuple[rdflib.term.Node, rdflib.term.Node, rdflib.term.Node]


@dataclass(frozen=True)
class Sources:
    """Where a build reads from; `root` is what the places in messages are relative to."""

    data: Path = Path("data")
    ontology: Path = Path("ontology")
    queries: Path = Path("queries")
    texts: Path | None = None
    """A folder with article texts, which stay with the curator; those found there are checked."""
    root: Path = Path()


@dataclass(frozen=True)
class Compiled:
    """All records, compiled; and the ontology they were compiled with."""

    ontology: Ontology
    entities: tuple[Quad, ...]
    articles: tuple[CompiledArticle, ...]
    source_map: SourceMap

    @property
    def dates(self) -> list[DateNode]:
        """Every date in use, once."""
        return sorted({date for article in self.articles for date in article.dates}, key=lambda d: d.slug)


@dataclass(frozen=True)
class Graph:
    """The whole graph: named graphs, and the default graph that says what holds."""

    dataset: Store
    source_map: SourceMap


def build(sources: Sources, build_dir: Path, report: Reporter | None = None) -> tuple[Release, list[Issue]]:
    """Build, validate and publish a release; returns it with the warnings, raises `DataError` on errors."""
    report = report or Silent()
    with build_lock(build_dir):
        compiled = compile_records(sources, report)
        warnings = validate_articles(compiled, sources, report)
        graph = assemble(compiled, sources, report)
        warnings += check_graph(graph, sources, report)
        report.step("Publishing the release")
        return publish(build_dir, _content(compiled, graph)), sorted(set(warnings))


def validate(sources: Sources, report: Reporter | None = None) -> list[Issue]:
    """Do everything but publish; returns the warnings, raises `DataError` on errors."""
    report = report or Silent()
    compiled = compile_records(sources, report)
    warnings = validate_articles(compiled, sources, report)
    return sorted({*warnings, *check_graph(assemble(compiled, sources, report), sources, report)})


def compile_graph(sources: Sources) -> Graph:
    """Compile, resolve and infer, without validating: what tests of these stages look at."""
    return assemble(compile_records(sources, Silent()), sources, Silent())


# --- read and compile ---------------------------------------------------------------------------------------------


def compile_records(sources: Sources, report: Reporter) -> Compiled:
    """Read and compile all records; every finding of all of them is in the one `DataError`."""
    report.step("Reading the ontology and the vocabularies")
    ontology = read_ontology(sources.ontology, sources.root)
    entity_paths = sorted((sources.data / "entities").glob("*/*.yaml"))
    entities, issues = read_all(report.each("Reading entities", entity_paths), sources.root, read_entity)
    article_paths = sorted((sources.data / "articles").glob("*/*.yaml"))
    articles, found = read_all(report.each("Reading articles", article_paths), sources.root, read_article)
    issues += [*found, *check_ids(entities), *_misplaced(sources), *_shared_pages(articles)]
    readable = {entity.id for entity in entities}
    registry = Registry(entities, {path.stem for path in entity_paths} - readable)
    entity_quads, source_map, found = compile_entities(registry)
    issues += found
    compiled = []
    for article in report.each("Compiling articles", articles):
        made, found = compile_article(article, registry, ontology)
        issues += found
        issues += check_text(article, sources.texts)
        if made is not None:
            compiled.append(made)
            source_map.update(made.source_map)
    if not article_paths:
        issues.append(
            error(Place(f"{sources.data}/articles"), "no-articles", "there is no article", "See data/README.md.")
        )
    raise_errors(issues)
    return Compiled(ontology, tuple(entity_quads), tuple(compiled), source_map)


def _misplaced(sources: Sources) -> Iterator[Issue]:
    """Say which files lie where nothing reads them: a record must not be dropped silently."""
    for path in sorted((*sources.data.rglob("*.yml"), *sources.data.rglob("*.yaml"))):
        below = path.relative_to(sources.data).parts
        if below[0] in ("articles", "entities") and (path.suffix == ".yml" or len(below) != 3):
            remedy = "Articles are data/articles/<year>/<id>.yaml, entities data/entities/<kind>/<id>.yaml."
            yield error(
                Place(path.as_posix()),
                "misplaced",
                "no stage reads a file with this name or in this folder",
                remedy,
            )


def _shared_pages(articles: Iterable[Article]) -> Iterator[Issue]:
    """Say which articles are the same page, or have the same id: one page is one voice."""
    pages: dict[str, Article] = {}
    names: dict[str, Article] = {}
    for article in articles:
        for key, taken, way in ((article.source.url, pages, ("source", "url")), (article.id, names, ())):
            other = taken.setdefault(key, article)
            if other is not article:
                finding = f"'{key}' is already the record {other.document.path}"
                yield error(article.place(*way), "same-page", finding, "Put the claims of one page into one record.")


def check_text(article: Article, texts: Path | None) -> list[Issue]:
    """Check an article's hash and length against its text, where a folder of texts has the file."""
    text = article.source.text
    if text is None or texts is None or text.file is None or not (texts / text.file).is_file():
        return []
    try:
        content = normalised((texts / text.file).read_bytes())
    except UnicodeDecodeError:
        return [
            error(
                article.place("source", "text"),
                "text-not-utf-8",
                f"{text.file} is not UTF-8",
                "Save it as UTF-8.",
            )
        ]
    place = article.place("source", "text", "sha256")
    digest = hashlib.sha256(content.encode()).hexdigest()
    if digest != text.sha256:
        finding = f"the text {text.file} has another hash, {digest}"
        return [
            error(
                place,
                "wrong-hash",
                finding,
                "Take the text the positions were counted in, or count them anew.",
            )
        ]
    if len(content) != text.characters:
        finding = f"the text {text.file} has {len(content)} characters, not {text.characters}"
        return [
            error(
                article.place("source", "text", "characters"),
                "wrong-length",
                finding,
                f"Write {len(content)}.",
            )
        ]
    return []


def normalised(raw: bytes) -> str:
    """Bring a text into the form that offsets count in: UTF-8, NFC, LF."""
    return unicodedata.normalize("NFC", raw.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n"))


# --- resolve and infer --------------------------------------------------------------------------------------------


def assemble(compiled: Compiled, sources: Sources, report: Reporter) -> Graph:
    """Put all graphs together, resolve the voices into the default graph, and infer."""
    report.step("Resolving what the articles say")
    scales = make_scales(compiled.dates, compiled.entities, compiled.ontology)
    resolved = Resolver(compiled.articles, compiled.ontology, scales).resolve()
    common = [
        *compiled.ontology.quads,
        *compiled.entities,
        *(quad for date in compiled.dates for quad in describe_date(date)),
        *describe_in_graph((article.graph, article.iri) for article in compiled.articles),
        *resolved.record,
    ]
    store = make_store(common)
    store.bulk_extend(Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in common)
    store.bulk_extend(Quad(s, p, o, DefaultGraph()) for s, p, o in resolved.triples)
    store.bulk_extend(Quad(*triple, article.graph) for article in compiled.articles for triple in article.triples())
    report.step("Inferring what follows")
    infer(store, load_rules(sources.ontology / "rules", sources.root))
    return Graph(store, compiled.source_map)


# --- validate -----------------------------------------------------------------------------------------------------


def validate_articles(compiled: Compiled, sources: Sources, report: Reporter) -> list[Issue]:
    """Check each article's graph, and the entities', against the shapes; returns the warnings."""
    shapes = load_shapes(sources.ontology / "shapes")
    known = rdflib.Graph()
    _add(known, [q for q in compiled.ontology.quads if q.predicate.value not in _TEXTS])
    by_subject: dict[str, list[Quad]] = {}
    for quad in compiled.entities:
        by_subject.setdefault(str(quad.subject), []).append(quad)
    issues = []
    for article in report.each("Validating articles", compiled.articles):
        quads = [Quad(*triple, article.graph) for triple in dict.fromkeys(article.triples())]
        quads += [q for date in sorted(article.dates, key=lambda d: d.slug) for q in describe_date(date)]
        quads += _described(article, by_subject)
        issues += _validate(known, quads, shapes, article.graph.value, compiled.source_map)
    issues += _validate(known, compiled.entities, shapes, "", compiled.source_map)
    raise_errors(issues)
    return issues


_TEXTS = frozenset(
    f"http://www.w3.org/2004/02/skos/core#{name}" for name in ("definition", "example", "prefLabel", "scopeNote")
)


def _described(article: CompiledArticle, by_subject: dict[str, list[Quad]]) -> list[Quad]:
    """Describe the entities an article uses, and what those lie within or belong to."""
    found: dict[str, list[Quad]] = {}
    open_ = [str(node) for node in article.entities]
    while open_:
        name = open_.pop()
        if name in found or name not in by_subject:
            continue
        found[name] = by_subject[name]
        open_ += [str(quad.object) for quad in found[name] if isinstance(quad.object, NamedNode)]
    return [quad for name in sorted(found) for quad in found[name]]


def _validate(known: rdflib.Graph, quads: Iterable[Quad], shapes: Shapes, graph: str, places: SourceMap) -> list[Issue]:
    added = _add(known, quads)
    try:
        return validate_graph(known, shapes, graph, places)
    finally:
        for triple in added:
            known.remove(triple)


def _add(graph: rdflib.Graph, quads: Iterable[Quad]) -> list[RdflibTriple]:
    """Add quads to an rdflib graph; returns the triples that were new."""
    nt = serialize((q.triple for q in quads), format=RdfFormat.N_TRIPLES) or b""
    read = rdflib.Graph().parse(data=nt, format="nt")
    new = [triple for triple in read if triple not in graph]
    for triple in new:
        graph.add(triple)
    return new


def check_graph(graph: Graph, sources: Sources, report: Reporter) -> list[Issue]:
    """Run the checks across articles, and HermiT over ontology and individuals; returns the warnings."""
    report.step("Checking across articles")
    issues = run_checks(graph.dataset, load_checks(sources.queries / "checks"), graph.source_map)
    report.step("Checking consistency with HermiT")
    issues += check_consistency(_individuals(graph.dataset), locate=_locator(graph.source_map))
    raise_errors(issues)
    return issues


LARGEST_SAMPLE = 30_000
"""Triples that HermiT is given: with all of 15,000 it takes 1.5 s, and more than twice as long for twice as many."""


def _individuals(store: Store) -> rdflib.Graph:
    """Take what HermiT looks at: all of a small graph; of a large one the ontology, and whole articles by lot.

    The lot falls by a hash, so that it is the same in every run.  What an article says is taken with the classes of
    all it names; the check `disjoint-classes` looks at everything.
    """
    default = DefaultGraph()
    chosen = set(store.quads_for_pattern(None, None, None, default))
    if len(chosen) > LARGEST_SAMPLE:
        by_subject: dict[object, list[Quad]] = {}
        for quad in chosen:
            by_subject.setdefault(quad.subject, []).append(quad)
        graphs = sorted(store.named_graphs(), key=lambda g: (f"{GRAPH}article/" in str(g), _lot(str(g))))
        chosen = set()
        for graph in graphs:
            if len(chosen) > LARGEST_SAMPLE:
                break
            chosen.update(_around(store, graph, by_subject))
    nt = serialize((q.triple for q in chosen), format=RdfFormat.N_TRIPLES) or b""
    return rdflib.Graph().parse(data=nt, format="nt")


def _lot(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _around(store: Store, graph: object, by_subject: dict[object, list[Quad]]) -> Iterator[Quad]:
    """Go through what holds of a graph's subjects, and the classes of what they name."""
    if not isinstance(graph, NamedNode) or not graph.value.startswith((f"{GRAPH}article/", f"{GRAPH}ontology")):
        return
    for subject in {quad.subject for quad in store.quads_for_pattern(None, None, None, graph)}:
        for quad in by_subject.get(subject, ()):
            yield quad
            yield from (other for other in by_subject.get(quad.object, ()) if other.predicate == TYPE)


def _locator(places: SourceMap) -> Callable[[str], Place]:
    def locate(term: str) -> Place:
        found = places.find(term)
        return found[0] if found else Place("ontology/core.ttl")

    return locate


# --- release ------------------------------------------------------------------------------------------------------


def _content(compiled: Compiled, graph: Graph) -> ReleaseContent:
    source_map = "".join(f"{line}\n" for line in graph.source_map.lines()).encode()
    nquads = canonical_nquads(graph.dataset)
    facts: dict[str, object] = {
        "articles": len(compiled.articles),
        "claims": sum(len(article.claims) for article in compiled.articles),
        "entities": sum(quad.predicate == IDENTIFIER for quad in compiled.entities),
        "quads": nquads.count(b"\n"),
        "versions": {
            "kgbuild": __version__,
            **{name: version(name) for name in ("anyascii", "pyoxigraph", "pyshacl", "rdflib", "snowballstemmer")},
            "sqlite": sqlite_version,
        },
    }
    derived = {
        "graph.trig": sorted_trig(graph.dataset),
        FILE: index_bytes(StoredQuads(graph.dataset)),
        catalogue.FILE: catalogue.count_store(graph.dataset),
    }
    return ReleaseContent(nquads, source_map, derived, facts)
