# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The catalogue: what the build writes is what the data hold, and what a server counts in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import DefaultGraph, RdfFormat, Store

from kgbuild.build import catalogue
from kgbuild.build.catalogue import count_store, make_catalogue, read_catalogue
from kgbuild.build.patterns import read_patterns
from kgbuild.build.release import current_release
from kgbuild.core.errors import Findings
from kgbuild.core.terms import select
from kgbuild.sparql.embedded import EmbeddedEngine
from kgbuild.sparql.lookups import run
from kgbuild.sparql.query_error import QueryError
from mini import ROOT
from serving import mini_nquads


@pytest.fixture(scope="module")
def store() -> Store:
    """Hold the mini fixture."""
    held = Store()
    held.bulk_load(mini_nquads(), format=RdfFormat.N_QUADS)
    return held


def test_a_release_holds_what_is_counted_in_its_data(project: Path, store: Store) -> None:
    """The file is what the same look-up finds in the quads that are served; it reads back as it was."""
    release = current_release(project / "build")
    written = (release.path / catalogue.FILE).read_bytes()
    patterns = tuple(read_patterns(ROOT / "ontology" / "patterns", ROOT, Findings()))
    assert written == count_store(store, patterns)
    assert read_catalogue(written) == replace(run(EmbeddedEngine(store), make_catalogue()), patterns=patterns)


def test_the_counts_are_those_of_the_store(store: Store) -> None:
    """Triples of the default graph and of each other, all properties and classes together."""
    counted = run(EmbeddedEngine(store), make_catalogue())
    resolved = list(store.quads_for_pattern(None, None, None, DefaultGraph()))
    assert len(resolved) == counted.triples == sum(counted.properties.values())
    assert len({quad.predicate for quad in resolved}) == len(counted.properties)
    assert len(store) == counted.triples + sum(counted.graphs.values())
    assert {name.value for name in store.named_graphs()} == set(counted.graphs)
    assert {"Network", "Membership", "joined"} <= set(counted.terms)


def counted_without(store: Store, kind: str) -> catalogue.Catalogue:
    """Count with a fault in place of each answer that the description can do without."""
    engine, work = EmbeddedEngine(store), make_catalogue()
    wanted = next(work)
    try:
        while True:
            if any(each.name == "catalogue" for each in wanted):
                wanted = work.throw(QueryError(kind, 504, "Too slow."))
            else:
                wanted = work.send(tuple(select(engine, each.query) for each in wanted))
    except StopIteration as done:
        made: catalogue.Catalogue = done.value
        return made


@pytest.mark.parametrize("kind", ["deadline", "out-of-memory"])
def test_what_cannot_be_counted_in_time_is_left_out(store: Store, kind: str) -> None:
    """All else is there."""
    made = counted_without(store, kind)
    assert (None, {}, (), None, {}) == (made.entities, made.examples, made.linksets, made.span, made.states)
    assert made.triples > 1000


def test_any_other_fault_is_one(store: Store) -> None:
    """A worker that dies of a question is not passed over."""
    with pytest.raises(QueryError):
        counted_without(store, "worker-died")


def test_data_without_anything_have_a_catalogue() -> None:
    """Empty files are served as well."""
    made = run(EmbeddedEngine(Store()), make_catalogue())
    assert (0, {}, "", {}) == (made.triples, made.classes, made.ontology_version, made.reference.terms)
    assert made == read_catalogue(count_store(Store()))
