# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The registry: who is meant by an id or a name, and what is said where nobody is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from kgbuild.build.compilation import compile_records
from kgbuild.core.errors import DataError, Findings, Issue
from kgbuild.core.progress import Silent
from kgbuild.records.models import Entity
from kgbuild.records.reading import read_entity
from kgbuild.records.registry import Registry, duplicate_ids
from kgbuild.records.values import RecordError
from mini import copy_project, edit, sources

FILES = {
    "institution/acsh": "names: {en: Astana Civil Service Hub, ru: Астанинский хаб государственной службы}\n"
    "spellings: {ru: [Астанинский Хаб, Хаб]}\nretired: [regional-hub]\n",
    "institution/nag": "names: {en: National Academy of Governance, ru: Национальная академия управления}\n",
    "institution/nag-kz": "names: {en: Academy of Kazakhstan, ru: Национальная академия  управления}\n",
    "person/si-chuntao": "names: {ru: Се Чуньтао}\nspellings: {ru: [Си Чунтао], en: [Si Chuntao]}\n",
    "polity/kazakhstan": "names: {en: Kazakhstan, ru: Казахстан}\n",
}


@pytest.fixture
def entities(tmp_path: Path) -> list[Entity]:
    return [entity_of(tmp_path, path, text) for path, text in FILES.items()]


def entity_of(folder: Path, path: str, text: str) -> Entity:
    file = folder / f"{path}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    findings = Findings()
    entity = read_entity(file, f"{path}.yaml", findings)
    assert isinstance(entity, Entity), list(findings)
    return entity


def unknown(registry: Registry, name: str) -> tuple[str, str, str]:
    with pytest.raises(RecordError) as caught:
        registry.resolve_entity(name)
    return caught.value.code, caught.value.finding, caught.value.remedy


# --- looking up -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("acsh", "acsh"),
        ("Astana Civil Service Hub", "acsh"),
        ("Астанинский хаб государственной службы", "acsh"),
        ("астанинский  ХАБ", "acsh"),
        ("Си Чунтао", "si-chuntao"),
        ("Казахстан", "kazakhstan"),
    ],
)
def test_id_and_every_name_find_the_entity(entities: list[Entity], name: str, id_: str) -> None:
    """An entity is found by its id and by each name and spelling, whatever the case and the spaces."""
    assert id_ == Registry(entities).resolve_entity(name).id


def test_letter_of_two_code_points_is_found(entities: list[Entity]) -> None:
    """A name copied from a page that writes й as и and a mark is the same name."""
    assert "acsh" == Registry(entities).resolve_entity("Астанинскии\u0306 хаб").id


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Астанинский хап", "acsh (Astana Civil Service Hub)"),
        ("Си Чуньтао", "si-chuntao (Се Чуньтао)"),
        ("Кахахстан", "kazakhstan (Kazakhstan)"),
        ("acsch", "acsh (Astana Civil Service Hub)"),
    ],
)
def test_unknown_entity_names_the_nearest(entities: list[Entity], name: str, near: str) -> None:
    """A misspelt name, in Cyrillic too, is not guessed: the nearest is suggested by id and label, with what to do."""
    code, finding, remedy = unknown(Registry(entities), name)
    assert ("unknown-entity", f"no entity named '{name}'") == (code, finding)
    assert remedy.startswith(f"Did you mean {near}")
    assert remedy.endswith("? Add the spelling to the entity's file, or create one in data/entities/.")


def test_nothing_is_suggested_where_nothing_is_near(entities: list[Entity]) -> None:
    """A name like no other gets no suggestion, only what to do."""
    _, _, remedy = unknown(Registry(entities), "Всемирный почтовый союз")
    assert "Add the spelling to the entity's file, or create one in data/entities/." == remedy


def test_ambiguous_name(entities: list[Entity]) -> None:
    """A name that two entities bear finds neither: their ids are given to choose from."""
    registry = Registry(entities)
    expected = ("ambiguous-name", "'национальная академия управления' is the name of 2 entities")
    assert (*expected, "Write one of nag, nag-kz.") == unknown(registry, "национальная академия управления")
    assert registry.find_entity("национальная академия управления") is None


def test_retired_id(entities: list[Entity]) -> None:
    """An id that is retired is not followed silently: the one to write is named."""
    expected = ("retired-entity", "the id 'regional-hub' is retired", "Write acsh.")
    assert expected == unknown(Registry(entities), "regional-hub")


# --- ids --------------------------------------------------------------------------------------------------------------


def shown(issues: Iterable[Issue]) -> list[tuple[str, str]]:
    return [(str(issue.place), issue.finding) for issue in issues]


def test_ids_are_unique_over_all_kinds(entities: list[Entity], tmp_path: Path) -> None:
    """Two files of one name are an error at the second, whatever their folders: slugs name no kind."""
    twin = entity_of(tmp_path, "network/acsh", "names: {en: Another Hub}\n")
    (issue,) = duplicate_ids([*entities, twin])
    assert [("network/acsh.yaml:1:1", "the id 'acsh' is taken by institution/acsh.yaml")] == shown([issue])
    assert ("error", "duplicate-id", True) == (issue.severity, issue.code, bool(issue.remedy))


def test_retired_ids_stay_taken(entities: list[Entity], tmp_path: Path) -> None:
    """An id that was retired is never given again, neither as an id nor as another file's retired id."""
    reused = entity_of(tmp_path, "institution/regional-hub", "names: {en: New}\n")
    again = entity_of(tmp_path, "institution/other", "names: {en: Other}\nretired: [x, regional-hub]\n")
    assert [
        ("institution/regional-hub.yaml:1:1", "the id 'regional-hub' is taken by institution/acsh.yaml"),
        ("institution/other.yaml:2:14", "the id 'regional-hub' is taken by institution/acsh.yaml"),
    ] == shown(duplicate_ids([*entities, reused, again]))


def test_ids_of_different_entities_are_no_issue(entities: list[Entity]) -> None:
    """Where each id is taken once there is nothing to say."""
    assert [] == list(duplicate_ids(entities))


# --- in a build -------------------------------------------------------------------------------------------------------


def issues_of(project: Path) -> list[Issue]:
    with pytest.raises(DataError) as caught:
        compile_records(sources(project), Silent())
    return caught.value.issues


def test_duplicate_id_fails_the_build(tmp_path: Path) -> None:
    """The check of ids is part of reading records."""
    project = copy_project(tmp_path)
    (project / "data/entities/network/lakes-hub.yaml").write_text("names: {en: Lakes Hub Network}\n")
    expected = ("data/entities/network/lakes-hub.yaml:1:1", "duplicate-id")
    assert expected in [(str(issue.place), issue.code) for issue in issues_of(project)]


@pytest.mark.parametrize("entity", ["network/lakes-academies", "institution/daily-ferry", "polity/lakeland"])
def test_unreadable_entity_is_one_finding(tmp_path: Path, entity: str) -> None:
    """A file that cannot be read is one finding; the records that use it, as member, publisher or state, add none."""
    project = copy_project(tmp_path)
    edit(project / f"data/entities/{entity}.yaml", "names:", "name:")
    codes = {(issue.place.path, issue.code) for issue in issues_of(project)}
    path = f"data/entities/{entity}.yaml"
    assert {(path, "unknown-key")} == codes


def test_unknown_entity_of_an_entity_is_placed_in_its_file(tmp_path: Path) -> None:
    """What an entity file refers to is looked up too: unknown, retired or of the wrong kind, at its line."""
    project = copy_project(tmp_path)
    edit(project / "data/entities/institution/highmoor-school.yaml", "state: highmoor", "state: Хаймур")
    edit(project / "data/entities/person/ivo-brandt.yaml", "affiliation: lakes-hub", "affiliation: mira-ostlan")
    edit(project / "data/entities/place/ferrytown.yaml", "within: lakeland", "within: lakes-hub")
    assert [
        ("data/entities/institution/highmoor-school.yaml:3:8", "unknown-entity"),
        ("data/entities/person/ivo-brandt.yaml:2:14", "retired-entity"),
        ("data/entities/place/ferrytown.yaml:2:9", "wrong-kind"),
    ] == [(str(issue.place), issue.code) for issue in issues_of(project)]
