"""The stages, in order: read, compile, resolve, infer, validate, release.  Reads aloud on one screen."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from sqlite3 import sqlite_version
from typing import Final

from pyoxigraph import DefaultGraph, Quad, Store

from kgbuild import __version__
from kgbuild.build import catalogue
from kgbuild.build.catalogue.descriptions import describe_in_graph
from kgbuild.build.checks import load_checks, run_checks
from kgbuild.build.compilation import Compiled, Sources, compile_records
from kgbuild.build.consistency import check_consistency, sample
from kgbuild.build.graph import IDENTIFIER, describe_date
from kgbuild.build.names import add_names
from kgbuild.build.reasoning import infer, load_rules
from kgbuild.build.release import Release, ReleaseContent, build_lock, publish
from kgbuild.build.resolution import Resolver, describe_givers, make_scales
from kgbuild.build.shapes import load_shapes, validate_articles
from kgbuild.build.sourcemap import SourceMap
from kgbuild.build.store import canonical_nquads, make_store, sorted_trig
from kgbuild.core.errors import Findings, Issue
from kgbuild.core.progress import Reporter, Silent
from kgbuild.search import FILE
from kgbuild.search.index import index_bytes
from kgbuild.search.names import StoredQuads

_SILENT: Final = Silent()


@dataclass(frozen=True)
class Graph:
    """The whole graph: named graphs, and the default graph that says what holds."""

    dataset: Store
    source_map: SourceMap


def build(sources: Sources, build_dir: Path, report: Reporter = _SILENT) -> tuple[Release, list[Issue]]:
    """Build, validate and publish a release; returns it with the warnings, raises `DataError` on errors."""
    with build_lock(build_dir):
        compiled, graph, warnings = _make(sources, report)
        report.step("Publishing the release")
        return publish(build_dir, release_content(compiled, graph)), warnings


def validate(sources: Sources, report: Reporter = _SILENT) -> list[Issue]:
    """Do everything but publish; returns the warnings, raises `DataError` on errors."""
    return _make(sources, report)[2]


def _make(sources: Sources, report: Reporter) -> tuple[Compiled, Graph, list[Issue]]:
    compiled = compile_records(sources, report)
    warnings = check_articles(compiled, sources, report)
    graph = assemble(compiled, sources, report)
    warnings.add(check_graph(graph, sources, report))
    return compiled, graph, list(warnings)


def compile_graph(sources: Sources) -> Graph:
    """Compile, resolve and infer, without validating: what tests of these stages look at."""
    return assemble(compile_records(sources, _SILENT), sources, _SILENT)


def check_articles(compiled: Compiled, sources: Sources, report: Reporter) -> Findings:
    """Check each article's graph, and the entities', against the shapes; returns the warnings."""
    articles, shapes = report.each("Validating articles", compiled.articles), load_shapes(sources.ontology / "shapes")
    found = validate_articles(articles, compiled.entities, compiled.ontology, shapes, compiled.source_map)
    findings = Findings(found)
    findings.raise_errors()
    return findings


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
    store.bulk_extend(Quad(*triple, DefaultGraph()) for triple in resolved.triples)
    store.bulk_extend(Quad(*triple, article.graph) for article in compiled.articles for triple in article.triples())
    store.bulk_extend(describe_givers(compiled.articles))
    report.step("Inferring what follows")
    infer(store, load_rules(sources.ontology / "rules", sources.root))
    add_names(store, compiled.ontology)
    return Graph(store, compiled.source_map)


def check_graph(graph: Graph, sources: Sources, report: Reporter) -> Findings:
    """Run the checks across articles, and HermiT over ontology and individuals; returns the warnings."""
    report.step("Checking across articles")
    findings = Findings(run_checks(graph.dataset, load_checks(sources.queries / "checks"), graph.source_map))
    report.step("Checking consistency with HermiT")
    findings.add(check_consistency(sample(graph.dataset), graph.source_map))
    findings.raise_errors()
    return findings


def release_content(compiled: Compiled, graph: Graph) -> ReleaseContent:
    """Write a graph down as the files of a release."""
    nquads = canonical_nquads(graph.dataset)
    used = ("anyascii", "pyoxigraph", "pyshacl", "rdflib", "snowballstemmer")
    versions = {"kgbuild": __version__, "sqlite": sqlite_version, **{name: version(name) for name in used}}
    return ReleaseContent(
        nquads=nquads,
        source_map="".join(f"{line}\n" for line in graph.source_map.lines()).encode(),
        derived={
            "graph.trig": sorted_trig(graph.dataset),
            FILE: index_bytes(StoredQuads(graph.dataset)),
            catalogue.FILE: catalogue.count_store(graph.dataset),
        },
        facts={
            "articles": len(compiled.articles),
            "claims": sum(len(article.claims) for article in compiled.articles),
            "entities": sum(quad.predicate == IDENTIFIER for quad in compiled.entities),
            "quads": nquads.count(b"\n"),
            "versions": versions,
        },
    )
