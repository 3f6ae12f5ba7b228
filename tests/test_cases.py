# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Rules and checks do what their cases say: `tests/fixtures/cases`, written by who knows the matter."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import yaml
from rdflib.namespace import SH
from rdflib.term import URIRef

import cases
from cases import ROOT, Case, CaseError, described, effect, expected_effect, parse, read_cases, read_file
from kgbuild.build.checks import Check, load_checks
from kgbuild.build.shapes import Shapes
from kgbuild.core.namespaces import PREFIXES
from shape_cases import WARNINGS, all_shapes, case_graph, compile_shapes, part_of, reported
from shape_cases import described as described_for_shapes

CHECKS: dict[str, Check] = {check.code: check for check in load_checks(ROOT / "queries" / "checks", ROOT)}
ALL = [case for folder in ("checks", "rules", "shapes") for case in read_cases(folder)]


@pytest.mark.parametrize("case", read_cases("checks"), ids=str)
def test_check_does_what_its_case_says(case: Case) -> None:
    """A check finds the fault that a case writes out, at the row it says, and lets pass what only comes near."""
    found = cases.rows(cases.store_for_check(case), CHECKS[case.name].query)
    assert set(case.expected) == set(found)
    assert "" not in found.values()
    assert not case.told or case.told in found.values()


@cache
def shapes_of(name: str) -> Shapes:
    """Compile a shape with a target, and nothing but it."""
    shape = URIRef(PREFIXES["shape"] + name)
    return compile_shapes(part_of(shape, all_shapes().objects(shape, SH.property)))


@pytest.mark.parametrize("case", read_cases("shapes"), ids=str)
def test_shape_does_what_its_case_says(case: Case) -> None:
    """A shape reports what is wrong with an article by a case, and lets pass what only comes near."""
    expected = {(name, SH.Warning if name in WARNINGS else SH.Violation) for name in case.expected}
    assert expected == reported(shapes_of(case.name), described_for_shapes(case_graph(case)))


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.code)
def test_severity_of_a_check_is_pinned(check: Check) -> None:
    """An error keeps a release from being published: none becomes a warning unnoticed, and none is without cases."""
    assert check.severity == cases.severities()[check.code]


@pytest.mark.parametrize("case", read_cases("rules"), ids=str)
def test_rule_does_what_its_case_says(case: Case) -> None:
    """A rule, run alone, adds or takes away what a case says, and nothing else."""
    assert expected_effect(case) == effect(described(parse(case.graph)), cases.rules()[case.name].text)


@pytest.mark.parametrize("case", [case for case in ALL if case.name != "dangling"], ids=str)
def test_case_names_terms_that_exist(case: Case) -> None:
    """A misspelt term would let a case pass that comes near nothing."""
    assert [] == cases.unknown_terms(parse("\n".join((case.graph, *(case.expected if case.folder == "rules" else ())))))


@pytest.mark.parametrize(
    ("written", "finding"),
    [
        ({"given": "a", "cases": [{"must find": "x", "drop": "b", "finds": "c"}]}, r"0 times 'b'"),
        ({"given": "aa", "cases": [{"must find": "x", "change": {"a": "b"}, "finds": "c"}]}, r"2 times 'a'"),
        ({"cases": [{"must add": "x"}]}, r"a case says one of `must find`, `must pass`"),
        ({"cases": [{"must find": "x"}]}, r"'x' does not say what it finds"),
        ({"cases": [{"must pass": "x", "finds": "c"}]}, r"'x' has no key finds"),
        ({"case": [], "cases": []}, r"there is no key case"),
    ],
)
def test_case_that_is_not_well_written_is_named(
    written: object, finding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who writes a case is told what is wrong with it, and in which file."""
    monkeypatch.setattr(cases, "ROOT", tmp_path)
    path = tmp_path / "checks" / "x.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(written), encoding="utf-8")
    with pytest.raises(CaseError, match=rf"^checks/x\.yaml: {finding}"):
        read_file(path)
