# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Terms that do not exist: the build finds them in whatever it reads, at their line, with the nearest that does."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from kgbuild.build.ontology import Ontology, read_ontology
from kgbuild.build.stages import TRUSTED
from kgbuild.build.terminology import Terminology, check_terms, term_issues
from kgbuild.core.errors import Findings, Issue
from kgbuild.core.namespaces import BASE, ONTOLOGY, VOCABULARY
from mini import ROOT, copy_project, edit, kgbuild_here


class Wrong(NamedTuple):
    """What takes the place of the first `old` in a file; where the finding begins, what it names, what is near."""

    file: str
    old: str
    new: str
    at: str
    near: str
    finding: str = "there is no term '{at}'"


SCHEMES = f"<{VOCABULARY}"
PATTERN = "ontology/patterns/membership.yaml"
RULE = "ontology/rules/05-standing.ru"
SHAPE = "ontology/shapes/denial.ttl"
REPORT = "queries/reports/denials.rq"
OWN = "there is no term 'icn:{at}'"
UNDECLARED = "is not declared"
WRONG = {
    "caption": Wrong("ontology/core.ttl", "不早于{earliest}", "不早于{earlest}", "earlest", "icn:earliest", OWN),
    "column": Wrong("ontology/core.ttl", 'featured "holder', 'featured "holdr', "holdr", "icn:holder", OWN),
    "range": Wrong("ontology/core.ttl", "rdfs:range icn:Date", "rdfs:range icn:Dat", "icn:Dat", "icn:Date"),
    "alignment": Wrong(
        "ontology/alignments/schema.ttl", "schema:", "icn:Memberhip a owl:Thing .\nschema:", "icn:Memberhip",
        "icn:Membership",
    ),
    "concept above": Wrong(
        "ontology/vocabularies/standing.ttl", "r standing:partner", "r standing:prtner", "standing:prtner",
        "standing:partner",
    ),
    "caption of a concept": Wrong(
        "ontology/vocabularies/precision.ttl", 'icn:caption "', 'icn:caption "{edtff}', "edtff", "icn:edtf", OWN
    ),
    "path": Wrong("ontology/shapes/membership.ttl", "h icn:joined", "h icn:joinde", "icn:joinde", "icn:joined"),
    "target": Wrong("ontology/shapes/tie.ttl", "Class icn:Tie", "Class icn:Ties", "icn:Ties", "icn:Tie"),
    "query of a shape": Wrong(SHAPE, "this icn:denies", "this icn:denise", "icn:denise", "icn:denies"),
    "prefix in a shape": Wrong(SHAPE, "this icn:denies", "this inc:denies", "inc:", "icn", UNDECLARED),
    "rule": Wrong(RULE, "standing:member", "standing:membr", "standing:membr", "standing:member"),
    "prefix in a rule": Wrong(RULE, " standing:member", " standng:member", "standng:", "standing", UNDECLARED),
    "pattern": Wrong(PATTERN, "a icn:Membership", "a icn:Membershp", "icn:Membershp", "icn:Membership"),
    "class of a pattern": Wrong(PATTERN, "shows: Membership", "shows: Membershp", "Membershp", "icn:Membership", OWN),
    "example of a pattern": Wrong(PATTERN, "- membership:a", "- membershp:a", "membershp:", "membership", UNDECLARED),
    "check": Wrong("queries/checks/member-before-admission.rq", "icn:joined", "icn:joinde", "icn:joinde", "icn:joined"),
    "question": Wrong("queries/questions/members-as-of.rq", "icn:member ", "icn:membr ", "icn:membr", "icn:member"),
    "report": Wrong(REPORT, "icn:denies", "icn:denise", "icn:denise", "icn:denies"),
    "whole IRI": Wrong(REPORT, "icn:denies", f"<{ONTOLOGY}denise>", f"{ONTOLOGY}denise", "icn:denies", "'icn:denise'"),
    "vocabulary": Wrong(REPORT, "icn:denies", f"{SCHEMES}standng>", f"{VOCABULARY}standng", "standing", "'standng'"),
    "concept as a whole IRI": Wrong(
        REPORT, "icn:denies", f"{SCHEMES}standing/membr>", f"{VOCABULARY}standing/membr", "standing:member",
        "there is no term 'standing:membr'",
    ),
    "a kind that is gone": Wrong(
        REPORT, "SELECT", f"PREFIX state: <{BASE}id/state/>\nSELECT", "state:", "", f"no prefix for <{BASE}id/state/>"
    ),
    "a prefix of another's": Wrong(
        REPORT, "SELECT", "PREFIX schema: <http://schema.org/>\nSELECT", "schema:", "https://schema.org/",
        "'schema:' is no prefix for <http://schema.org/>",
    ),
}  # fmt: skip


@cache
def ontology() -> Ontology:
    return read_ontology(ROOT / "ontology", ROOT)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the ontology and the queries, to be broken and mended again."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("ontology", "queries"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("examples"))
    return folder


def found_in(project: Path) -> list[Issue]:
    check_terms(ontology(), project / "ontology", project / "queries", project, TRUSTED, findings := Findings())
    return list(findings)


@pytest.mark.parametrize("case", WRONG)
def test_a_term_that_does_not_exist_is_found_at_its_line(project: Path, case: str) -> None:
    """One wrong word in a file is one finding, where the word begins, which names what is near."""
    wrong = WRONG[case]
    path = project / wrong.file
    whole = path.read_text(encoding="utf-8")
    before, old, after = whole.partition(wrong.old)
    assert old
    path.write_text(f"{before}{wrong.new}{after}", encoding="utf-8")
    try:
        (issue,) = found_in(project)
    finally:
        path.write_text(whole, encoding="utf-8")
    lines = (before + wrong.new.partition(wrong.at)[0]).split("\n")
    assert (f"{wrong.file}:{len(lines)}:{len(lines[-1]) + 1}", "error") == (str(issue.place), issue.severity)
    assert wrong.finding.format(at=wrong.at) in issue.finding
    assert issue.remedy
    assert wrong.near in issue.remedy


def test_our_own_files_name_only_what_exists(project: Path) -> None:
    """Ontology, vocabularies, shapes, rules, patterns, checks, questions and reports name no other term."""
    assert [] == found_in(project)


@pytest.mark.parametrize(
    "text",
    [
        "# icn:p and standing:x stand for any",
        "<urn:icn:probe>, http://x.example/icn:probe, schema:icn",
        "SELECT ?standing WHERE { ?standing a icn:Membership }",
        f"PREFIX icn: <{ONTOLOGY}> PREFIX standing: <{VOCABULARY}standing/> # <{VOCABULARY}standing>",
        "# columns:\n#   status: one of them\n#   standing: member",
        "PREFIX wd: <http://www.wikidata.org/entity/>",
    ],
)
def test_what_only_looks_like_a_term_is_none(text: str) -> None:
    """Letters that stand for terms, other IRIs, words of headers and outside prefixes are left alone."""
    assert [] == list(term_issues(text, "x.rq", Terminology(ontology())))


def test_the_build_stops(tmp_path: Path) -> None:
    """The command tells all unknown terms of all files at once, beside what is wrong with the records, and ends."""
    folder = copy_project(tmp_path)
    edit(
        folder / "ontology/rules/05-standing.ru",
        "WHERE { ?membership a icn:Membership",
        "WHERE { ?membership a icn:Mmbership",
    )
    edit(folder / "queries/reports/denials.rq", "?denial icn:denies", "?denial icn:denise")
    record = folder / "data/articles/2021/2021-11-09-hub-anniversary.yaml"
    record.write_text(record.read_text(encoding="utf-8") + "remarks: none\n", encoding="utf-8")
    done = kgbuild_here(folder, "validate")
    assert 1 == done.returncode
    told = [line.split(": ")[0] for line in done.stdout.splitlines() + done.stderr.splitlines() if " error " in line]
    assert [line.split(" ", 1)[1] for line in told] == ["error unknown-key", "error unknown-term", "error unknown-term"]
