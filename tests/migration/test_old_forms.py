# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Records in the form of the ontology's first edition: each finding at its place, with the new form as remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from second_edition import REPLACED, UNCLEAR, renew

from kgbuild.build.graph import compile_article
from kgbuild.build.ontology import read_ontology
from kgbuild.core.errors import Findings, Issue
from kgbuild.records.models import Article, Entity, Withdrawn
from kgbuild.records.old_forms import OLD_FORMS, ROLES
from kgbuild.records.reading import read_all, read_article, read_entity
from kgbuild.records.registry import Registry
from mini import MINI, ROOT
from nonempty import nonempty

ONTOLOGY = read_ontology(ROOT / "ontology", ROOT)
FILES: list[Entity | Withdrawn] = read_all(MINI.glob("data/entities/*/*.yaml"), ROOT, read_entity, Findings())
REGISTRY = Registry(each for each in FILES if isinstance(each, Entity))
ARTICLE = """\
source: {language: en, publisher: daily-ferry, url: https://daily-ferry.example/x}
claims:
  - %s
    says: Something is said.
"""
BETWEEN = "{of: lakes-hub, in: lakes-academies"
TIE = "tie: {from: lakes-hub, to: lakes-academies"
OLD = {
    # row of the table -> claim, and what of it is the old form: the place is its beginning
    ("membership", "role"): (f"membership: {BETWEEN}, role: membr}}", "role: membr"),
    **{("role", role): (f"membership: {BETWEEN}, role: {role}}}", "role") for role in [*ROLES, "beneficiary"]},
    **{
        ("standing", word): (f"membership: {BETWEEN}, standing: {word}}}", f"{word}}}")
        for word in [*(role for role, now in ROLES.items() if "features" in now), "beneficiary"]
    },
    ("programme", "partners"): ("programme: {is: lakes-fellowship, partners: lakes-hub}", "partners"),
    ("programme", "partner"): ("programme: {is: lakes-fellowship, partner: lakes-hub}", "partner"),
    ("tie-type", "partner"): (f"{TIE}, type: partner}}", "partner"),
    ("tie-type", "predecessor"): (f"{TIE}, type: predecessor}}", "predecessor"),
    ("office", "acting-rector"): (f"tenure: {BETWEEN}, as: acting-rector}}", "acting-rector"),
    ("name-kind", "former"): ("name: {of: lakes-hub, text: {en: Old Hub}, kind: former}", "former"),
    ("unidentified", "state"): ("membership: {of: {unidentified: state}, in: lakes-academies}", "state"),
    ("unidentified", "territory"): ("membership: {of: {unidentified: territory}, in: lakes-academies}", "territory"),
    ("change", "of"): ("change: {of: lakes-hub, type: merger, original: lakes-academies}", "lakes-hub"),
}
FILED = {
    ("entities", "state"): ("state", "names: {en: X}", "0:0"),
    ("entities", "territory"): ("territory", "names: {en: X}", "0:0"),
    ("polity/type", "State"): ("polity", "type: State\nnames: {en: X}", "1:7"),
    ("polity/type", "Territory"): ("polity", "names: {en: X}\ntype: Territory", "2:7"),
}


def issues_of(folder: Path, claim: str) -> list[Issue]:
    """Read and compile an article with one claim; its beginning is 3:5."""
    path = folder / "2024-01-01-x.yaml"
    path.write_text(ARTICLE % claim, encoding="utf-8")
    article = read_article(path, "x.yaml", findings := Findings())
    if isinstance(article, Article):
        compile_article(article, REGISTRY, ONTOLOGY, findings)
    return list(findings)


def told(issues: list[Issue]) -> list[tuple[str, str, str]]:
    """List place and remedy of the issues."""
    return [(f"{each.place.line}:{each.place.column}", each.code, each.remedy) for each in issues]


@pytest.mark.parametrize("row", OLD, ids="-".join)
def test_an_old_form_is_told_with_the_new_one(tmp_path: Path, row: tuple[str, str]) -> None:
    """A claim in the old form is one finding, where the old form begins, whose remedy is the new one."""
    claim, old = OLD[row]
    place = f"3:{5 + claim.index(old)}"
    assert [(place, "old-form", OLD_FORMS[row])] == told(issues_of(tmp_path, claim))


@pytest.mark.parametrize("row", FILED, ids="-".join)
def test_a_file_in_the_old_form_is_told(tmp_path: Path, row: tuple[str, str]) -> None:
    """An entity's folder or type that is gone is a finding at its place, with the new one."""
    kind, text, place = FILED[row]
    path = tmp_path / kind / "x.yaml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    assert read_entity(path, f"data/entities/{kind}/x.yaml", findings := Findings()) is None
    assert [(place, "old-form", OLD_FORMS[row])] == told(list(findings))


def test_every_row_has_its_record() -> None:
    """The table has no row without a record above."""
    assert set(OLD_FORMS) == {*OLD, *FILED}


def test_other_findings_of_the_file_are_told(tmp_path: Path) -> None:
    """An old form hides no other finding: of its own claim, of another one, of an entity in an old folder."""
    claim = f"membership: {BETWEEN}, role: member, joined: 2023-13}}\n    says: One.\n  - meeting: {{iss: x, is: y}}"
    codes = [(each.place.line, each.code) for each in issues_of(tmp_path, claim)]
    assert [(3, "old-form"), (3, "date"), (5, "unknown-key")] == codes
    claim = f"{TIE}, type: partner}}\n    says: One.\n  - membership: {{of: nobody, in: lakes-academies}}"
    codes = [(each.place.line, each.code) for each in issues_of(tmp_path, claim)]
    assert [(3, "old-form"), (5, "unknown-entity")] == codes
    path = tmp_path / "state" / "x.yaml"
    path.parent.mkdir()
    path.write_text("names: {en: X}\nkind: y\n", encoding="utf-8")
    read_entity(path, "data/entities/state/x.yaml", findings := Findings())
    assert ["old-form", "unknown-key"] == [each.code for each in findings]


def test_a_word_is_an_old_form_only_where_it_was_one(tmp_path: Path) -> None:
    """`role` of a tenure, or a partner that is no tie, was never written: no finding speaks of an old form."""
    assert ["unknown-key"] == [
        each.code for each in issues_of(tmp_path, f"tenure: {BETWEEN}, as: rector, role: member}}")
    ]
    assert ["unknown-concept"] == [each.code for each in issues_of(tmp_path, f"{TIE}, type: former}}")]


# What the script that takes records over renames: a claim in the old form for each of its patterns.
SCRIPT = {
    REPLACED[0][0]: ("tie-type", "partner"),
    REPLACED[1][0]: ("programme", "partners"),
    REPLACED[2][0]: ("office", "acting-rector"),
    REPLACED[3][0]: ("name-kind", "former"),
    REPLACED[4][0]: ("tie-type", "predecessor"),
    REPLACED[5][0]: ("unidentified", "state"),
    UNCLEAR[0][0]: ("role", "beneficiary"),
    UNCLEAR[1][0]: ("tie-type", "predecessor"),
    UNCLEAR[2][0]: ("change", "of"),
    UNCLEAR[3][0]: ("tie-type", "partner"),
}


def test_what_the_script_renames_has_a_finding(tmp_path: Path) -> None:
    """Each pattern of the script meets a record that the table tells of; what it rewrites is told no more."""
    assert [pattern for pattern, _ in (*REPLACED, *UNCLEAR)] == list(SCRIPT)
    for pattern, row in nonempty(SCRIPT.items()):
        assert re.search(pattern, f"  - {OLD[row][0]}"), pattern
    rewritten = {row for pattern, row in SCRIPT.items() if pattern in dict(REPLACED)} | {
        ("role", role) for role in ROLES
    }
    for row in nonempty(rewritten):
        line = renew(f"  - {OLD[row][0]}").removeprefix("  - ")
        assert "old-form" not in [each.code for each in issues_of(tmp_path, line)], line


def test_what_the_log_of_changes_removes_has_a_finding() -> None:
    """Each concept and class that a record could name, and that the second edition has not, has a row."""
    text = (ROOT / "ontology" / "CHANGES.md").read_text(encoding="utf-8")
    removed = re.findall(r"^\| `(?:icn:)?([^`]+)` \| removed", text, re.MULTILINE)
    kept = {concept for _, concept in ONTOLOGY.concepts}
    concepts = [tuple(name.split("/")) for name in removed if "/" in name]
    renamed = {"presence"}  # a vocabulary of another name: records write the concept alone
    for scheme, slug in nonempty(concepts):
        assert (scheme, slug) in OLD_FORMS or (scheme in renamed and slug in kept), (scheme, slug)
    assert {"State", "Territory"} == {name for name in removed if name[0].isupper()}
