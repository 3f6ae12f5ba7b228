"""All records, read and compiled into quads, with the ontology that they were compiled with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import Quad

from kgbuild.build.graph import CompiledArticle, compile_article, compile_entities, compile_withdrawn
from kgbuild.build.inspection import inspect_sources
from kgbuild.build.ontology import Ontology, load_ontology, read_turtle
from kgbuild.build.patterns import Pattern, read_patterns
from kgbuild.build.sourcemap import SourceMap
from kgbuild.build.stages import TRUSTED, StageLimits
from kgbuild.build.terminology import check_terms
from kgbuild.build.texts import check_text
from kgbuild.core.dates import DateNode
from kgbuild.core.errors import DataError, Findings
from kgbuild.core.files import find_files
from kgbuild.core.progress import Reporter
from kgbuild.records.reading import read_records
from kgbuild.records.registry import Registry, duplicate_ids


@dataclass(frozen=True)
class Sources:
    """Where a build reads from, and how long that may run; `root` is what the places in messages are relative to."""

    data: Path = Path("data")
    ontology: Path = Path("ontology")
    queries: Path = Path("queries")
    texts: Path | None = None
    """A folder with article texts, which stay with the curator; those found there are checked."""
    root: Path = Path()
    limits: StageLimits = TRUSTED
    is_untrusted: bool = False
    """Whether rules, checks, shapes and HermiT are tried even if records are wrong."""


@dataclass(frozen=True)
class Compiled:
    """All records, compiled; and the ontology they were compiled with."""

    ontology: Ontology
    entities: tuple[Quad, ...]
    articles: tuple[CompiledArticle, ...]
    source_map: SourceMap
    shapes: tuple[Quad, ...] = ()
    """The shapes, as they were written."""
    patterns: tuple[Pattern, ...] = ()

    @property
    def dates(self) -> list[DateNode]:
        """Every date in use, once."""
        return sorted({date for article in self.articles for date in article.dates}, key=lambda date: date.slug)


def compile_records(sources: Sources, report: Reporter) -> Compiled:
    """Read and compile all records; every finding, of the files that are used later too, is in the one `DataError`."""
    compiled = compile_sound(sources, report, findings := Findings())
    findings.raise_errors()
    return compiled


def compile_sound(sources: Sources, report: Reporter, findings: Findings) -> Compiled:
    """Read all records and compile those without findings; raises `DataError` without an ontology to do it with."""
    report.step("Reading the ontology and the vocabularies")
    folders = sources.data, sources.ontology, sources.queries
    inspect_sources(*folders, sources.root, sources.limits, findings)
    ontology = load_ontology(sources.ontology, sources.root, sources.limits, findings)
    if ontology is not None:
        check_terms(ontology, sources.ontology, sources.queries, sources.root, sources.limits, findings)
    records = read_records(sources.data, sources.root, report, findings)
    registry = Registry(records.entities, records.unreadable, records.withdrawn)
    findings.add(duplicate_ids((*records.entities, *(each for each in records.withdrawn if each.kind != "article"))))
    quads, source_map = compile_entities(registry, ontology, findings)
    tombstones, places = compile_withdrawn(records.withdrawn)
    source_map.update(places)
    compiled = []
    for article in report.each("Compiling articles", records.articles):
        findings.add(check_text(article, sources.texts))
        if ontology is None:
            continue
        made = compile_article(article, registry, ontology, findings)
        if made is not None:
            compiled.append(made)
            source_map.update(made.source_map)
    if ontology is None:
        raise DataError(list(findings))
    patterns = read_patterns(sources.ontology / "patterns", sources.root, findings)
    # What is wrong with the shapes was told by the inspection.
    shapes = read_turtle(find_files(sources.ontology / "shapes", "*.ttl"), sources.root, Findings())
    return Compiled(ontology, (*quads, *tombstones), tuple(compiled), source_map, tuple(shapes), tuple(patterns))
