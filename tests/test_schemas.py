# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The JSON Schemas that editors use: as the models write them, and tried on every record as an editor reads it."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor

from kgbuild.core.namespaces import ENTITY_KINDS
from kgbuild.records.kinds import CLAIM_KINDS
from kgbuild.records.schemas import schema_texts, write_schemas
from mini import MINI, ROOT, kgbuild_here
from nonempty import nonempty

SCHEMAS = ROOT / "data" / "schema"
REAL = {"article": sorted(ROOT.glob("data/articles/*/*.yaml")), "entity": sorted(ROOT.glob("data/entities/*/*.yaml"))}
RECORDS = [
    *((kind, path) for kind, paths in REAL.items() for path in paths),
    *(("article", path) for path in sorted(MINI.glob("data/articles/*/*.yaml"))),
    *(("entity", path) for path in sorted(MINI.glob("data/entities/*/*.yaml"))),
]
SOURCE = "source: {language: ru, publisher: hub, url: https://hub.example/}\n"


class EditorConstructor(SafeConstructor):
    """Types values as YAML 1.2's core schema does: ruamel adds timestamps, which an editor has not."""


EditorConstructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def edited(text: str) -> Any:
    """Read YAML as an editor does, with values typed."""
    reader = YAML(typ="safe", pure=True)
    reader.Constructor = EditorConstructor
    return reader.load(text)


@cache
def validator(kind: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def faults(kind: str, text: str) -> list[str]:
    """List what an editor would underline, as paths."""
    return sorted(fault.json_path for fault in validator(kind).iter_errors(edited(text)))


def article(claim: str, source: str = SOURCE) -> str:
    return f"{source}claims:\n  - {{{claim}, says: So it is.}}\n"


# --- the files --------------------------------------------------------------------------------------------------------


def test_files_are_what_the_models_write(tmp_path: Path) -> None:
    """data/schema holds what `kgbuild schemas` writes, byte for byte.  Where this fails, run `make schemas`."""
    write_schemas(tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(schema_texts()) == set(written)
    assert written == {path.name: path.read_bytes() for path in SCHEMAS.iterdir()}


def test_the_command_writes_into_a_project_alone(tmp_path: Path) -> None:
    """`kgbuild schemas` writes them beside the records, and makes no folder where there are none."""
    done = kgbuild_here(tmp_path, "schemas")
    assert (2, "") == (done.returncode, done.stdout)
    assert "data: there is no such folder." in " ".join(done.stderr.split())
    assert [] == list(tmp_path.iterdir())
    (tmp_path / "data").mkdir()
    assert 0 == kgbuild_here(tmp_path, "schemas").returncode
    assert set(schema_texts()) == {path.name for path in (tmp_path / "data" / "schema").iterdir()}


def test_every_kind_of_claim_is_offered() -> None:
    """An editor completes each kind of claim, and describes its fields."""
    schema = validator("article").schema
    offered = schema["$defs"]["claim"]["properties"]
    assert set(CLAIM_KINDS) <= set(offered)
    assert all(offered[kind]["$ref"].removeprefix("#/$defs/") in schema["$defs"] for kind in nonempty(CLAIM_KINDS))


@pytest.mark.parametrize("kind", REAL)
def test_first_line_names_the_schema(kind: str) -> None:
    """Each record of data/ begins with the line that tells an editor its schema, by a path that leads to it."""
    for path in nonempty(REAL[kind]):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert match, f"{path}: the first line is {first!r}"
        assert (SCHEMAS / f"{kind}.schema.json").resolve() == (path.parent / match[1]).resolve()


# --- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "path"), RECORDS, ids=lambda value: getattr(value, "stem", value))
def test_record_is_valid_in_an_editor(kind: str, path: Path) -> None:
    """No record that the reader takes is underlined, though an editor types its years as numbers."""
    assert [] == faults(kind, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "claim",
    [
        "membership: {of: a, in: b, joined: 2023, left: 2024-02-21, spell: 1974}",
        "membership: {of: a, in: b, joined: {not_after: 2023}, on: {between: [2022, 2023-05]}, not: true}",
        "meeting: {is: m, held: 2023-05-18/2023-05-19, planned: 2023~}",
        "name: {of: a, text: {no: Nettverk}}",
    ],
)
def test_typed_values_are_valid(claim: str) -> None:
    """A year is a number to an editor, a label of digits too, `no` a word: none is underlined."""
    assert [] == faults("article", article(claim))


def test_year_of_publication_is_valid() -> None:
    """A source that was printed with a year alone is right as it stands."""
    assert [] == faults("article", article("status: {of: a, is: active}", SOURCE.replace("}", ", published: 2023}")))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (article("membership: {of: a, in: b, joinedd: 2023}"), "$.claims[0].membership"),
        (article("membership: {of: a, in: b}, becuase: x"), "$.claims[0]"),
        (article("membership: {of: a, in: b}", SOURCE.replace("url", "adress")), "$.source"),
        (article("membership: {of: a, in: b}") + "remarks: x\n", "$"),
        (article("membership: {of: a, in: b}, tenure: {of: a, as: rector, in: b}"), "$.claims[0]"),
        (article("becuase: x"), "$.claims[0]"),
        (article("membership: {of: a}"), "$.claims[0].membership"),
        (article("membership: {of: a, in: b, joined: 2023.5}"), "$.claims[0].membership.joined"),
        (article("membership: {of: a, in: b}, at: [[1.5, 2]]"), "$.claims[0].at"),
        (SOURCE + "claims: []\n", "$.claims"),
    ],
    ids=["field", "note", "source", "record", "two kinds", "no kind", "missing", "date", "offset", "no claims"],
)
def test_what_the_reader_refuses_is_underlined(text: str, where: str) -> None:
    """An unknown or missing key, a claim without its one kind, and a number that is no year are faults there."""
    assert {where} == {path[: len(where)] for path in faults("article", text)}


@pytest.mark.parametrize("text", ["names: {en: A}\nfounded: 2023\n", "names: Hub\n", "names: {en: A}\nretired: x\n"])
def test_what_is_no_entity_is_underlined(text: str) -> None:
    """What happened to an entity is no key of its file; its names have languages."""
    assert [] != faults("entity", text)


@pytest.mark.parametrize("kind", ENTITY_KINDS)
def test_class_is_valid_alone_or_in_a_list(kind: str) -> None:
    """An entity's classes are a word or a list of words."""
    first, *_ = ENTITY_KINDS[kind]
    assert [] == faults("entity", f"names: {{en: A}}\ntype: {first}\n")
    assert [] == faults("entity", f"names: {{en: A}}\ntype: [{', '.join(ENTITY_KINDS[kind])}]\n")
