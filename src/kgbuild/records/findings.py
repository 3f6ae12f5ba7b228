"""What pydantic finds in a record, as issues at the curator's line, in the curator's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from pydantic import ValidationError

from kgbuild.core.dates import DateError
from kgbuild.core.errors import Findings, Issue, error, suggestion
from kgbuild.records import values
from kgbuild.records.documents import Document, KeyPath
from kgbuild.records.models import ArticleText, Source
from kgbuild.records.old_forms import OLD_FORM, new_form
from kgbuild.records.values import LANGUAGE, SLUG, SPELL, Model, RecordError

M = TypeVar("M", bound=Model)


def read_model(
    kind: type[M], document: Document, path: KeyPath, findings: Findings, ignore: frozenset[str] = frozenset()
) -> M | None:
    """Read the mapping at a path into a model; keys in `ignore` belong to another one."""
    value = document.at(path)
    if not isinstance(value, dict):
        name = path[-1] if path else "the record"
        finding = f"`{name}` is missing" if value is None else f"`{name}` is not a mapping"
        findings.error(document.place(path), "missing-key", finding, f"Write `{name}:` with its keys below.")
        return None
    try:
        return kind.model_validate({key: part for key, part in value.items() if key not in ignore})
    except ValidationError as problem:
        findings.add(_issue(document, path, dict(detail), kind) for detail in problem.errors())
        return None


def unknown_keys(document: Document, path: KeyPath, known: set[str]) -> Iterator[Issue]:
    """Say which keys of a mapping are not known."""
    return (_unknown_key(document, (*path, key), known) for key in document.at(path) if key not in known)


def _unknown_key(document: Document, path: KeyPath, known: Iterable[str]) -> Issue:
    where = path[-2] if len(path) > 1 else ""
    if remedy := new_form(where, path[-1], document.at(path)):
        return error(document.key_place(path), OLD_FORM, f"`{path[-1]}` of a {where} is an old form", remedy)
    remedy = f"Known here: {', '.join(sorted(known))}." + suggestion(str(path[-1]), known)
    return error(document.key_place(path), "unknown-key", f"there is no key '{path[-1]}' here", remedy)


def _issue(document: Document, path: KeyPath, detail: dict[str, Any], kind: type[Model]) -> Issue:
    missing = detail["type"] == "missing"
    found = _path_in(document, path, detail["loc"][:-1] if missing else detail["loc"])
    cause = detail.get("ctx", {}).get("error")
    if detail["type"] == "extra_forbidden":
        return _unknown_key(document, found, _known_keys(kind, detail["loc"]))
    if missing:
        name = detail["loc"][-1]
        return error(document.key_place(found), "missing-key", f"`{name}` is missing", f"Add `{name}:`.")
    place = document.key_place(found) if detail["loc"][-1:] == ("[key]",) else document.place(found)
    if isinstance(cause, DateError):
        return error(place, "date", cause.finding, cause.remedy)
    if isinstance(cause, RecordError):
        return error(place, cause.code, cause.finding, cause.remedy)
    shown = f"'{detail['input']}' does not fit: " if isinstance(detail["input"], str) else ""
    pattern = str(detail.get("ctx", {}).get("pattern", ""))
    remedy = _PATTERNS.get(pattern, "See data/README.md for what this field takes.")
    return error(place, "value", f"{shown}{detail['msg']}", remedy)


_PATTERNS = {
    f"^{SLUG}$": "Write lower-case Latin letters, digits and single hyphens.",
    f"^{SPELL}$": "A spell is a label that begins with a digit, such as 1974.",
    f"^{LANGUAGE}$": "Write a language tag, such as en or zh-Hans.",
}


_TAGGED: dict[str, type[Model]] = {
    "named": values.Named,
    "unidentified": values.Unidentified,
    "dated": values.StatusValue,
    "ref": values.SituationRef,
}
"""Tag that pydantic puts into a path -> the model below it."""


def _known_keys(kind: type[Model], loc: tuple[str | int, ...]) -> list[str]:
    """List the keys known where `loc` leads: in nested models the nearest ones that can be told."""
    if loc[:-1] == ("text",) and kind is Source:
        kind = ArticleText
    kind = next((model for tag, model in _TAGGED.items() if tag in loc[:-1]), kind)
    return sorted(field.alias or name for name, field in kind.model_fields.items())


def _path_in(document: Document, path: KeyPath, loc: tuple[str | int, ...]) -> KeyPath:
    """Follow `loc` as far as the file goes, skipping the tags that pydantic puts into it.

    A tag can be spelled like a key (`unidentified`): the path that ends in what `loc` ends in goes first.
    """
    return max(_paths(document, path, loc), key=lambda found: (found[-1:] == loc[-1:], len(found)))


def _paths(document: Document, path: KeyPath, loc: tuple[str | int, ...]) -> Iterator[KeyPath]:
    if not loc:
        yield path
        return
    longer = (*path, loc[0])
    if longer in document.values or longer in document.keys:
        yield from _paths(document, longer, loc[1:])
    yield from _paths(document, path, loc[1:])
