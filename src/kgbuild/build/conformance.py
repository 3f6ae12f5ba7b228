"""Anybody's RDF checked against the profile: which file says what is wrong, in which line, and what would mend it.

The shapes are those of this version of the program, so that nothing but the files is needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Final

import rdflib
from pyoxigraph import CanonicalizationAlgorithm, Dataset, Quad, RdfFormat, parse, serialize
from rdflib.namespace import RDF, RDFS, SH
from rdflib.term import Node

from kgbuild.build.closing import is_ours
from kgbuild.build.ontology import read_ontology, read_turtle
from kgbuild.build.positions import Positions
from kgbuild.build.profile import make_profile
from kgbuild.build.shapes import compile_shapes, shacl_report, text_of
from kgbuild.build.stages import CODE, VARIABLE, Stage, StageLimits, Watch
from kgbuild.build.store import to_rdflib
from kgbuild.core.errors import DataError, Findings, Issue, Place, UsageError, error, warning
from kgbuild.core.files import LARGEST_TEXT, find_files, read_file
from kgbuild.core.namespaces import ONTOLOGY, PREFIXES, shorten
from kgbuild.sparql.formats import EXTENSIONS

LARGEST: Final = LARGEST_TEXT
"""Bytes of a file that is checked."""
LIMITS: Final = StageLimits(task=300, stage=600, memory=2000)
"""For data that somebody has chosen to check: the shapes are ours, and end; on much data they take their time."""
_PLACE: Final = Place("the profile")
_ONTOLOGY: Final = (Path(__file__).parents[1] / "ontology", Path(__file__).parents[3] / "ontology")
"""Where the ontology lies: in the installed package, or in the project's folder."""


@dataclass(frozen=True)
class ForeignFinding:
    """What a shape found: where, of which thing, along which property, at which value; terms as N-Triples have them."""

    path: str
    line: int
    column: int
    severity: str
    shape: str
    focus: str
    property: str
    value: str
    finding: str
    remedy: str

    def __str__(self) -> str:
        """Write it as one line, like an issue."""
        about = f"{self.focus}{self.property and f' {self.property}'}{self.value and f' {self.value}'}"
        make = warning if self.severity == "warning" else error
        place, finding = Place(self.path, self.line, self.column), f"{self.finding.rstrip('.')} ({about})"
        return str(make(place, self.shape, finding, self.remedy))


@dataclass(frozen=True)
class Conformance:
    """What a check came to."""

    findings: tuple[ForeignFinding, ...]
    report: str
    """The report that SHACL defines, as N-Triples."""

    @property
    def conforms(self) -> bool:
        """Tell whether nothing but warnings was found."""
        return all(finding.severity == "warning" for finding in self.findings)


def check_files(files: Sequence[Path], limits: StageLimits, *, is_strict: bool = False) -> Conformance:
    """Check what some files say together, in a process of its own.

    Raises UsageError for a file whose name does not tell its format, DataError for what cannot be read, what passes a
    limit, and where nothing is described that the profile could check.
    """
    for path in files:
        if path.suffix.lower() not in EXTENSIONS:
            known = ", ".join(EXTENSIONS)
            raise UsageError(f"{path}: the end of its name tells no format. Rename it: one of {known}.")

    def work(watch: Watch) -> Iterator[bytes]:
        if watch.begin(_PLACE.path):
            yield _check(files, watch, is_strict=is_strict)

    findings = Findings()
    given = list(Stage("checking", limits, findings, lambda key: Place(shorten(key))).run(work))
    if len(findings):
        remedy = f"Check fewer data at once; {VARIABLE} raises the limits."
        raise DataError([replace(issue, remedy=remedy) if issue.code == CODE else issue for issue in findings])
    read = json.loads(given[0])
    return Conformance(tuple(ForeignFinding(**each) for each in read["findings"]), read["report"])


def _check(files: Sequence[Path], watch: Watch, *, is_strict: bool) -> bytes:
    texts, data = _read_files(files)
    watch.about = f"over {', '.join(texts)}"
    folder = next(each for each in _ONTOLOGY if (each / "core.ttl").is_file())
    ontology = read_ontology(folder, folder)
    written = read_turtle(find_files(folder / "shapes", "*.ttl"), folder, Findings())
    profile = make_profile(ontology, to_rdflib(written), is_strict=is_strict)
    report = shacl_report(data, compile_shapes(profile, _PLACE, watch))
    positions = [Positions(name, text) for name, text in texts.items()]
    found = {_finding(report, result, profile, positions) for result in report.objects(predicate=SH.result)}
    ordered = sorted(found, key=lambda each: tuple(asdict(each).values()))
    return json.dumps(
        {"findings": [asdict(each) for each in ordered], "report": report.serialize(format="nt")}
    ).encode()


def _read_files(files: Sequence[Path]) -> tuple[dict[str, str], rdflib.Graph]:
    """Read files into one graph; DataError with all that cannot be read, or if nothing in them is of our classes."""
    texts: dict[str, str] = {}
    quads: list[Quad] = []
    issues: list[Issue] = []
    for path in files:
        name = path.as_posix()
        try:
            content = read_file(path, name, LARGEST)
            quads += _parse(content, EXTENSIONS[path.suffix.lower()], name)
            texts[name] = content.decode("utf-8", "replace")
        except DataError as refused:
            issues += refused.issues
    data = to_rdflib(quads)
    if not issues and not any(is_ours(class_) for class_ in data.objects(predicate=RDF.type)):
        finding = f"nothing here is of a class of {ONTOLOGY}, so that there is nothing to check"
        remedy = "Say of which class things are, and check how the namespace is written."
        issues = [error(Place(name), "nothing-to-check", finding, remedy) for name in texts]
    if issues:
        raise DataError(issues)
    return texts, data


def _parse(content: bytes, format_: RdfFormat, name: str) -> list[Quad]:
    try:
        # Renamed: a blank node of one file is none of another's.
        return list(parse(content, format=format_, base_iri="file:///", rename_blank_nodes=True))
    except SyntaxError as fault:
        place = Place(name, fault.lineno or 1, fault.offset or 1)
        remedy = "Mend the file; what it refers to elsewhere is not fetched."
        raise DataError([error(place, "syntax", f"this is not {format_.name}: {fault.msg}", remedy)]) from fault


def _finding(
    report: rdflib.Graph, result: Node, profile: rdflib.Graph, positions: Sequence[Positions]
) -> ForeignFinding:
    source, severity = report.value(result, SH.sourceShape), report.value(result, SH.resultSeverity)
    focus, path, value = (report.value(result, p) for p in (SH.focusNode, SH.resultPath, SH.value))
    said = (each.locate(str(focus), str(path or ""), str(value or "")) for each in positions)
    used = (each.locate_use(str(focus)) for each in positions)
    place = next(filter(None, chain(said, used)), Place(", ".join(each.name for each in positions)))
    return ForeignFinding(
        path=place.path,
        line=place.line,
        column=place.column,
        severity="warning" if severity == SH.Warning else "error",
        shape=str(source).rpartition("/")[2],
        focus=_show(focus),
        property=_show(path),
        value=_show(value) if value not in (None, focus) else "",
        finding=text_of(profile, source, SH.message) or "The shape is not met.",
        remedy=text_of(profile, source, RDFS.comment),
    )


def _show(term: Node | None) -> str:
    if isinstance(term, rdflib.URIRef):
        return shorten(str(term))
    return term.n3() if term is not None else ""


def write_report(report: str) -> str:
    """Write SHACL's own report as Turtle, its blank nodes named by what they say."""
    said = Dataset(parse(report, format=RdfFormat.N_TRIPLES))
    said.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    prefixes = {prefix: PREFIXES[prefix] for prefix in ("icn", "sh", "shape", "xsd")}
    triples = sorted((quad.triple for quad in said), key=str)
    return (serialize(triples, format=RdfFormat.TURTLE, prefixes=prefixes) or b"").decode()
