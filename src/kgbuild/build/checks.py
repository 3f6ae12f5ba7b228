"""Checks (queries/checks): SPARQL over the resolved default graph, each row of which is an issue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from kgbuild.build.sourcemap import SourceMap
from kgbuild.build.stages import Stage, StageLimits, Watch, pack_issues, unpack_issues
from kgbuild.core.errors import DataError, Findings, Issue, Place, display_name, error
from kgbuild.core.files import find_files, read_text
from kgbuild.questions.headers import read_header
from kgbuild.sparql.refusals import refuse_query


@dataclass(frozen=True)
class Check:
    """A query any row of which is an issue; `place` is its file, `code` that file's name."""

    code: str
    place: Place
    title: dict[str, str]
    severity: str
    remedy: str
    query: str


def load_checks(directory: Path, root: Path = Path(), watch: Watch | None = None) -> list[Check]:
    """Read all checks of a folder; raises DataError with every fault of every file."""
    checks = read_checks(directory, root, findings := Findings(), watch)
    findings.raise_errors()
    return checks


def read_checks(directory: Path, root: Path, findings: Findings, watch: Watch | None = None) -> list[Check]:
    """Read the checks of a folder that are sound; what is wrong with the others is noted."""
    checks = []
    for path in find_files(directory, "*.rq"):
        name = display_name(path, root)
        if watch and not watch.begin(name):
            continue
        try:
            checks.append(read_check(read_text(path, name), name))
        except DataError as fault:
            findings.add(fault.issues)
    return checks


def read_check(text: str, path: str) -> Check:
    """Read a check: a header with title, severity, remedy and since, and a query that gives ?subject and ?finding."""
    header = read_header(text, path)
    findings = Findings(_header_issues(header, path))
    findings.add(_query_issues(text, path))
    findings.raise_errors()
    return Check(Path(path).stem, Place(path), header["title"], header["severity"], header["remedy"], text)


def _header_issues(header: Mapping[str, Any], path: str) -> Iterator[Issue]:
    title = header.get("title")
    lacks = []
    if not isinstance(title, dict) or not {"en", "ru"} <= set(title):
        lacks.append(("title in en and ru", "title: {en: …, ru: …}"))
    if header.get("severity") not in ("error", "warning"):
        lacks.append(("severity", "severity: error` or `severity: warning"))
    lacks += [(key, f"{key}: …") for key in ("remedy", "since") if not header.get(key)]
    for lack, line in lacks:
        yield error(Place(path, 1, 1), "query-header", f"The header has no {lack}", f"Write `{line}`.")


def _query_issues(text: str, path: str) -> Iterator[Issue]:
    """Try a query on an empty store: it must be SPARQL, ask nobody else, and have the columns of a check."""
    if refusal := refuse_query(text):
        yield error(Place(path, refusal.line, refusal.column), "query", refusal.finding, refusal.remedy)
        return
    try:
        found = ox.Store().query(text)
    except SyntaxError as fault:
        at = re.search(r"(\d+):(\d+)", str(fault))
        place = Place(path, int(at[1]), int(at[2])) if at else Place(path, 1, 1)
        yield error(place, "query", f"This is no SPARQL: {fault}", "Mend the query.")
        return
    names = {variable.value for variable in found.variables} if isinstance(found, ox.QuerySolutions) else set()
    if not {"subject", "finding"} <= names:
        remedy = "Write SELECT ?subject ?predicate ?object ?finding."
        yield error(Place(path), "query", "The query does not give ?subject and ?finding", remedy)


def check_apart(store: ox.Store, directory: Path, root: Path, places: SourceMap, limits: StageLimits) -> Findings:
    """Run the checks of a folder in a stage of its own; one that passes its limit is a finding beside the others'."""
    names = [display_name(path, root) for path in find_files(directory, "*.rq")]

    def work(watch: Watch) -> Iterator[bytes]:
        # What is wrong with others was told when they were inspected, and hides nothing of these.
        checks = {check.place.path: check for check in read_checks(directory, root, Findings(), watch)}
        for name in names[watch.done :]:
            can_run = name in checks and watch.begin(name)
            yield pack_issues(run_checks(store, [checks[name]], places) if can_run else [])

    findings = Findings()
    for issues in Stage("the checks", limits, findings).run(work):
        findings.add(unpack_issues(issues))
    return findings


def run_checks(store: ox.Store, checks: Sequence[Check], places: SourceMap) -> list[Issue]:
    """Run checks over the default graph; every row is an issue, at the record's line where `places` knows it."""
    return sorted({issue for check in checks for issue in _run_check(store, check, places)})


def _run_check(store: ox.Store, check: Check, places: SourceMap) -> Iterator[Issue]:
    found = store.query(check.query)
    assert isinstance(found, ox.QuerySolutions)  # noqa: S101 - read_check saw that it is a SELECT
    given = {variable.value for variable in found.variables}
    for row in found:
        terms = [row[name] if name in given else None for name in ("subject", "predicate", "object")]
        subject, predicate, object_ = (str(term) if term is not None else None for term in terms)
        place = places.locate(subject, predicate, object_) or check.place
        finding = getattr(row["finding"], "value", "") or check.title["en"]
        yield Issue(place, check.severity, check.code, finding, check.remedy)
