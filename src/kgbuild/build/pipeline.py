"""The stages, in order: read, compile, resolve, infer, validate, release.  Reads aloud on one screen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from sqlite3 import sqlite_version
from typing import Final

from pyoxigraph import DefaultGraph, Quad, Store

from kgbuild import __version__
from kgbuild.build import catalogue
from kgbuild.build.catalogue.descriptions import describe_in_graph
from kgbuild.build.checks import check_apart
from kgbuild.build.compilation import Compiled, Sources, compile_records, compile_sound
from kgbuild.build.consistency import reason_apart
from kgbuild.build.graph import IDENTIFIER, describe_date
from kgbuild.build.names import add_names
from kgbuild.build.profile import profile_files
from kgbuild.build.reasoning import infer_apart, read_rules
from kgbuild.build.release import Release, ReleaseContent, build_lock, publish
from kgbuild.build.resolution import Resolver, describe_givers, make_scales
from kgbuild.build.sourcemap import SourceMap
from kgbuild.build.stages import CODE
from kgbuild.build.store import canonical_nquads, make_store, sorted_trig
from kgbuild.build.validation import validate_apart
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
    findings: Findings = field(default_factory=Findings)
    """What is wrong with the rules."""


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
    findings = Findings()
    compiled = compile_sound(sources, report, findings)
    _take((), findings, sources)
    _take(check_articles(compiled, sources, report), findings, sources)
    graph = assemble(compiled, sources, report)
    _take(graph.findings, findings, sources)
    _take(check_graph(graph, sources, report), findings, sources)
    findings.raise_errors()
    return compiled, graph, list(findings)


def _take(found: Iterable[Issue], findings: Findings, sources: Sources) -> None:
    """Take in what a stage found; raises `DataError` where an error in the data makes what follows worthless.

    A step that did not end is no such error: the other stages tell what they find.  And a stranger's logic is tried
    on what is sound of the data, of which it is only told that it does not end.
    """
    was_sound = not findings.has_errors(besides=CODE)
    findings.add(issue for issue in found if was_sound or issue.code == CODE)
    if not sources.is_untrusted and findings.has_errors(besides=CODE):
        findings.raise_errors()


def compile_graph(sources: Sources) -> Graph:
    """Compile, resolve and infer, without validating: what tests of these stages look at."""
    graph = assemble(compile_records(sources, _SILENT), sources, _SILENT)
    graph.findings.raise_errors()
    return graph


def check_articles(compiled: Compiled, sources: Sources, report: Reporter) -> Findings:
    """Check each article's graph, and the entities', against the shapes."""
    findings, folder = Findings(), sources.ontology / "shapes"
    given = compiled.articles, compiled.entities, compiled.ontology
    report.step("Checking articles and entities against the shapes")
    validate_apart(*given, folder, sources.root, compiled.source_map, sources.limits, findings)
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

    def make() -> Store:
        store = make_store(common)
        store.bulk_extend(Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in common)
        store.bulk_extend(Quad(*triple, DefaultGraph()) for triple in resolved.triples)
        store.bulk_extend(Quad(*triple, article.graph) for article in compiled.articles for triple in article.triples())
        store.bulk_extend(describe_givers(compiled.articles))
        return store

    report.step("Inferring what follows")
    findings = Findings()
    rules = partial(read_rules, sources.ontology / "rules", sources.root, Findings())  # inspected before
    store = infer_apart(make, rules, sources.limits, findings)
    add_names(store, compiled.ontology)
    return Graph(store, compiled.source_map, findings)


def check_graph(graph: Graph, sources: Sources, report: Reporter) -> Findings:
    """Run the checks across articles, and HermiT over ontology and individuals."""
    report.step("Checking across articles")
    places, limits = graph.source_map, sources.limits
    findings = check_apart(graph.dataset, sources.queries / "checks", sources.root, places, limits)
    report.step("Checking consistency with HermiT")
    reason_apart(graph.dataset, sources.ontology, sources.root, places, limits, findings)
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
            catalogue.FILE: catalogue.count_store(graph.dataset, compiled.patterns),
            **profile_files(compiled.ontology, compiled.shapes),
        },
        facts={
            "articles": len(compiled.articles),
            "claims": sum(len(article.claims) for article in compiled.articles),
            "entities": sum(quad.predicate == IDENTIFIER for quad in compiled.entities),
            "quads": nquads.count(b"\n"),
            "versions": versions,
        },
    )
