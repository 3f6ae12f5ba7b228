"""JSON Schemas of records, for editors: the same models that read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from kgbuild.core.errors import UsageError
from kgbuild.records.kinds import CLAIM_KINDS
from kgbuild.records.models import ClaimNotes, Correction, EntityModel, Source, Withdrawal

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def article_schema() -> dict[str, Any]:
    """Make the schema of `data/articles/*/*.yaml`: a claim has exactly one kind beside its notes."""
    models: list[Any] = [Source, ClaimNotes, Correction, Withdrawal, *CLAIM_KINDS.values()]
    _, definitions = models_json_schema([(model, "validation") for model in models], ref_template="#/$defs/{model}")
    parts = definitions["$defs"]
    kinds = {kind: {"$ref": f"#/$defs/{model.__name__}"} for kind, model in CLAIM_KINDS.items()}
    notes = parts.pop("ClaimNotes")
    claim = {
        "type": "object",
        "description": "One claim: its kind with fields, `says` in our own words, `at` in the text.",
        "properties": {**kinds, **notes["properties"]},
        "required": notes["required"],
        "oneOf": [{"required": [kind]} for kind in kinds],
        "additionalProperties": False,
    }
    return {
        "$schema": _DIALECT,
        "title": "ICN article",
        "type": "object",
        "properties": {
            "source": {"$ref": "#/$defs/Source"},
            "claims": {"type": "array", "items": {"$ref": "#/$defs/claim"}, "minItems": 1},
            "corrections": {"type": "array", "items": {"$ref": "#/$defs/Correction"}},
            "withdrawn": {"$ref": "#/$defs/Withdrawal"},
        },
        **_unless_withdrawn({"required": ["source", "claims"]}),
        "additionalProperties": False,
        "$defs": {**parts, "claim": claim},
    }


def entity_schema() -> dict[str, Any]:
    """Make the schema of `data/entities/*/*.yaml`."""
    schema = EntityModel.model_json_schema()
    withdrawal = Withdrawal.model_json_schema()
    schema["properties"]["withdrawn"] = {"$ref": "#/$defs/Withdrawal"}
    return {
        **schema,
        "$schema": _DIALECT,
        "title": "ICN entity",
        "$defs": {**schema.get("$defs", {}), "Withdrawal": withdrawal},
        **_unless_withdrawn({}),
    }


def _unless_withdrawn(otherwise: dict[str, Any]) -> dict[str, Any]:
    """Let a record that is withdrawn say nothing else."""
    return {"if": {"required": ["withdrawn"]}, "then": {"maxProperties": 1}, "else": otherwise}


def schema_texts() -> dict[str, str]:
    """Give each schema's file name and text."""
    made = {"article.schema.json": article_schema(), "entity.schema.json": entity_schema()}
    return {name: json.dumps(made[name], indent=2, ensure_ascii=False, sort_keys=True) + "\n" for name in sorted(made)}


def write_schemas(folder: Path) -> None:
    """Write the schemas into a folder of a project, made if need be; UsageError where that cannot be."""
    if folder.is_symlink():
        raise UsageError(f"{folder}: a symbolic link, through which nothing is written. Name the folder itself.")
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError as problem:
        raise UsageError(f"{folder.parent}: there is no such folder. Run this where `data` is.") from problem
    for name, text in schema_texts().items():
        (folder / name).unlink(missing_ok=True)  # what stands there may be a link
        (folder / name).write_text(text, encoding="utf-8")
