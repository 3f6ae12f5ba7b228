# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Names of states and territories come from lists by their ISO code, and curated names go before them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgbuild.core.errors import Findings
from kgbuild.records.models import Entity, Withdrawn
from kgbuild.records.reading import read_entity
from kgbuild.records.registry import Registry
from kgbuild.records.territories import LANGUAGES, territory_names
from kgbuild.records.values import RecordError


def read(folder: Path, text: str, kind: str = "polity") -> tuple[Entity | None, list[str]]:
    """Read an entity file with this text; the findings as they are printed."""
    path = folder / "entities" / kind / "somewhere.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    findings = Findings()
    entity = read_entity(path, f"data/entities/{kind}/somewhere.yaml", findings)
    assert not isinstance(entity, Withdrawn)
    return entity, [str(issue) for issue in findings]


def test_a_state_in_use_has_its_name_in_ten_languages() -> None:
    """Every language of the list has a name for Uzbekistan, each in its own script."""
    names = territory_names("UZ")
    assert sorted(LANGUAGES) == sorted(names)
    assert ("Uzbekistan", "Узбекистан", "乌兹别克斯坦", "Өзбекстан") == tuple(
        names[x] for x in ("en", "ru", "zh", "kk")
    )


def test_former_states_and_kosovo_have_names() -> None:
    """The USSR is found under the code it had, Kosovo under the one that is in use for it."""
    assert "Союз Советских Социалистических Республик" == territory_names("SU")["ru"]
    assert "Kosovo" == territory_names("XK")["en"]


@pytest.mark.parametrize("code", ["", "kz", "KAZ", "QQ", "ＫＺ", "K Z"])
def test_what_is_no_code_is_refused(code: str) -> None:
    """Only two capital Latin letters that ISO 3166 has, or had, are a code."""
    with pytest.raises(RecordError) as caught:
        territory_names(code)
    assert f"'{code}' is no ISO 3166 code of a state or territory" == caught.value.finding


def test_a_curated_name_goes_first_and_the_listed_one_still_finds_the_state(tmp_path: Path) -> None:
    """«Кыргызстан» is the label, «Киргизия» still leads to it."""
    entity, issues = read(tmp_path, "iso: KG\nnames: {ru: Кыргызстан}\n")
    assert [] == issues
    assert entity is not None
    assert ("Кыргызстан", "Kyrgyzstan") == (entity.names["ru"], entity.label)
    registry = Registry([entity])
    assert [entity, entity] == [registry.find_entity(name) for name in ("Киргизия", "кыргызстан")]


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("iso: QQ\n", "polity", ":1:6 error iso-code: 'QQ' is no ISO 3166 code of a state or territory. Write the two"),
        (
            "iso: KZ\n",
            "institution",
            ":1:6 error iso-code: only polities have an ISO 3166 code. Remove `iso:`",
        ),
        ("see: [https://example.org/]\n", "polity", ":1:1 error missing-key: `names` is missing. Add `names:`"),
    ],
)
def test_a_wrong_file_is_a_finding_at_its_place(tmp_path: Path, text: str, kind: str, expected: str) -> None:
    """A code that is none, a code of what has none, and a nameless entity are findings."""
    entity, issues = read(tmp_path, text, kind)
    assert entity is None
    assert 1 == len(issues)
    assert expected in issues[0]
