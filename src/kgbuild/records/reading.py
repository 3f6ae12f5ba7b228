"""From files to entities, articles and claims; every finding at its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kgbuild.core.errors import Findings, Issue, Place, display_name, error, suggestion
from kgbuild.core.files import find_files, list_files
from kgbuild.core.folding import words_of
from kgbuild.core.namespaces import ENTITY_KINDS
from kgbuild.core.progress import Reporter
from kgbuild.records.documents import Document, KeyPath, comments, read_document
from kgbuild.records.findings import read_model, unknown_keys
from kgbuild.records.kinds import CLAIM_KINDS, Fields
from kgbuild.records.models import (
    Article,
    Claim,
    ClaimNotes,
    Corrected,
    Correction,
    Entity,
    EntityModel,
    Source,
    Withdrawal,
    Withdrawn,
)
from kgbuild.records.old_forms import OLD_FORM, new_form
from kgbuild.records.territories import territory_names
from kgbuild.records.values import SLUG, RecordError

T = TypeVar("T")


@dataclass(frozen=True)
class Records:
    """All records that can be read, those that were withdrawn, and the ids of the entities that cannot be read."""

    entities: tuple[Entity, ...]
    articles: tuple[Article, ...]
    withdrawn: tuple[Withdrawn, ...]
    unreadable: frozenset[str]


def read_records(data: Path, root: Path, report: Reporter, findings: Findings) -> Records:
    """Read all entities and articles of a folder; `root` is what places in findings are relative to."""
    findings.add(_misplaced(data))
    paths = find_files(data, "entities/*/*.yaml")
    read: list[Entity | Withdrawn] = read_all(report.each("Reading entities", paths), root, read_entity, findings)
    unreadable = {path.stem for path in paths} - {entity.id for entity in read}
    paths = find_files(data, "articles/*/*.yaml")
    told: list[Article | Withdrawn] = read_all(report.each("Reading articles", paths), root, read_article, findings)
    findings.add(_shared_pages(told))
    entities = tuple(each for each in read if isinstance(each, Entity))
    articles = tuple(each for each in told if isinstance(each, Article))
    withdrawn = tuple(each for each in (*read, *told) if isinstance(each, Withdrawn))
    if not paths:
        findings.error(Place(f"{data}/articles"), "no-articles", "there is no article", "See data/README.md.")
    return Records(entities, articles, withdrawn, frozenset(unreadable))


def read_all(
    paths: Iterable[Path], root: Path, read: Callable[[Path, str, Findings], T | None], findings: Findings
) -> list[T]:
    """Read files in order of their names; `root` is what places in findings are relative to."""
    things = (read(path, display_name(path, root), findings) for path in sorted(paths))
    return [thing for thing in things if thing is not None]


def _misplaced(data: Path) -> Iterator[Issue]:
    """Say which files lie where nothing reads them: a record must not be dropped silently."""
    for path in list_files(data):
        below = path.relative_to(data).parts
        is_read = path.suffix == ".yaml" and len(below) == 3
        if below[0] in ("articles", "entities") and path.suffix in (".yml", ".yaml") and not is_read:
            finding = "no stage reads a file with this name or in this folder"
            remedy = "Articles are data/articles/<year>/<id>.yaml, entities data/entities/<kind>/<id>.yaml."
            yield error(Place(path.as_posix()), "misplaced", finding, remedy)


def _shared_pages(articles: Iterable[Article | Withdrawn]) -> Iterator[Issue]:
    """Say which articles are the same page, or have the same id: one page is one voice."""
    pages: dict[str, Article | Withdrawn] = {}
    names: dict[str, Article | Withdrawn] = {}
    for article in articles:
        url = article.source.url if isinstance(article, Article) else ""
        for key, taken, path in ((url, pages, ("source", "url")), (article.id, names, ())):
            other = taken.setdefault(key, article) if key else article
            if other is not article:
                finding = f"'{key}' is already the record {other.document.path}"
                yield error(article.place(*path), "same-page", finding, "Put the claims of one page into one record.")


def read_article(path: Path, name: str, findings: Findings) -> Article | Withdrawn | None:
    """Read one article record, or what is left of it; without either, the findings say why."""
    known = len(findings)
    document = read_document(path, name, findings)
    if document is None:
        return None
    findings.add(_name_issues(path, name))
    if "withdrawn" in document.content:
        return _read_withdrawn(path, "article", document, findings)
    findings.add(unknown_keys(document, (), {"source", "claims", "corrections"}))
    corrections = _read_corrections(document, findings)
    source = read_model(Source, document, ("source",), findings)
    items = document.content.get("claims")
    if not isinstance(items, list) or not items:
        remedy = "Write `claims:` and one item a claim."
        findings.error(document.key_place(("claims",)), "no-claims", "the record has no list of claims", remedy)
        return None
    claims = [read_claim(document, ("claims", i), findings) for i in range(len(items))]
    read = tuple(claim for claim in claims if claim is not None)
    if source is not None and len(findings) == known:
        findings.add(_position_issues(document, source, read))
    return Article(path.stem, source, read, document, corrections) if source and len(findings) == known else None


def _read_corrections(document: Document, findings: Findings) -> tuple[Correction, ...]:
    """Read the corrections of a record that has some."""
    if "corrections" not in document.content:
        return ()
    read = read_model(Corrected, document, (), findings, ignore=frozenset(document.content) - {"corrections"})
    return tuple(read.corrections) if read else ()


def _read_withdrawn(path: Path, kind: str, document: Document, findings: Findings) -> Withdrawn | None:
    """Read what is left of a record; whatever else stands there, a comment too, has to go."""
    known = len(findings)
    remedy = "Remove it: only `withdrawn:` stays of a record that was withdrawn (data/README.md)."
    for key in document.content:
        if key != "withdrawn":
            findings.error(
                document.key_place((key,)), "withdrawn-record", f"`{key}` stands in a withdrawn record", remedy
            )
    for place in comments(path, document.path):
        findings.error(place, "withdrawn-record", "a comment stands in a withdrawn record", remedy)
    model = read_model(Withdrawal, document, ("withdrawn",), findings)
    if model and kind == "person" and set(path.stem.split("-")) <= {word.folded for word in words_of(model.reason)}:
        remedy = "Write the reason without the name: it is published."
        findings.error(
            document.place(("withdrawn", "reason")), "withdrawn-record", "the reason names the person", remedy
        )
    return Withdrawn(path.stem, kind, model, document) if model and len(findings) == known else None


def read_claim(document: Document, path: KeyPath, findings: Findings) -> Claim | None:
    """Read one item of `claims`."""
    item = document.at(path)
    if not isinstance(item, dict):
        remedy = "Write `- membership: {…}` and `says:`."
        findings.error(document.place(path), "not-a-claim", "this item is not a claim", remedy)
        return None
    kinds = [key for key in item if key in CLAIM_KINDS]
    findings.add(unknown_keys(document, path, {*ClaimNotes.model_fields, *CLAIM_KINDS}))
    if len(kinds) != 1:
        finding = "this claim has no kind" if not kinds else f"this claim has {len(kinds)} kinds: {', '.join(kinds)}"
        remedy = f"Write one of {', '.join(sorted(CLAIM_KINDS))}."
        findings.error(document.place(path), "claim-kind", finding, remedy)
        return None
    kind = kinds[0]
    fields = read_model(CLAIM_KINDS[kind], document, (*path, kind), findings)
    notes = read_model(ClaimNotes, document, path, findings, ignore=frozenset({*item} - {*ClaimNotes.model_fields}))
    if fields is None or notes is None:
        return None
    findings.add(_inferred_issues(document, path, fields, notes, item[kind]))
    return Claim(kind, fields, notes, item[kind], path)


def _position_issues(document: Document, source: Source, claims: Iterable[Claim]) -> Iterator[Issue]:
    for claim in claims:
        for number, (start, end) in enumerate(claim.notes.at or ()):
            place = document.place((*claim.path, "at", number))
            if source.text is None:
                remedy = "Add `text:` with its sha256 and length to the source, or remove `at`."
                yield error(place, "no-text", "a position in a text that the source does not describe", remedy)
            elif start >= end:
                finding = f"the position [{start}, {end}] is empty or reversed"
                yield error(place, "offset", finding, "Write [start, end] with start before end.")
            elif end > source.text.characters:
                finding = f"the position [{start}, {end}] ends beyond the text of {source.text.characters} characters"
                yield error(place, "offset-beyond-text", finding, "Count code points of the NFC text from 0.")


def _inferred_issues(
    document: Document, path: KeyPath, fields: Fields, notes: ClaimNotes, written: Iterable[str]
) -> Iterator[Issue]:
    allowed = fields.identities().intersection(written)
    for number, name in enumerate(notes.inferred or ()):
        if name not in allowed:
            remedy = "Only an identity may be inferred; give a vaguer date or place instead. "
            remedy += f"Fields here: {', '.join(sorted(allowed))}."
            place = document.place((*path, "inferred", number))
            yield error(place, "not-an-identity", f"'{name}' cannot be inferred", remedy)
    for why in ("inferred", "rank"):
        if getattr(notes, why) is not None and notes.because is None:
            place = document.key_place((*path, why))
            yield error(place, "no-reason", f"`{why}` stands without a reason", "Add `because:` with the reason.")


def read_entity(path: Path, name: str, findings: Findings) -> Entity | Withdrawn | None:
    """Read one entity file, or what is left of it; its folder is its kind."""
    known = len(findings)
    document = read_document(path, name, findings)
    if document is None:
        return None
    kind = path.parent.name
    findings.add(_name_issues(path, name))
    if remedy := new_form("entities", kind):
        findings.error(Place(name), OLD_FORM, f"the folder '{kind}' is an old form", remedy)
        kind = "polity"  # what else is wrong with the file is told as well
    if kind not in ENTITY_KINDS:
        remedy = f"Put the file into one of {', '.join(sorted(ENTITY_KINDS))}."
        findings.error(Place(name), "entity-kind", f"there is no kind of entity '{kind}'", remedy)
        return None
    if "withdrawn" in document.content:
        return _read_withdrawn(path, kind, document, findings)
    model = read_model(EntityModel, document, (), findings)
    if model is None:
        return None
    stated = model.type if isinstance(model.type, list) else [model.type or ENTITY_KINDS[kind][0]]
    findings.add(_class_issues(document, kind, stated))
    findings.add(_naming_issues(document, kind, model))
    if model.possibly_same_as and not model.because:
        place = document.key_place(("possibly_same_as",))
        findings.error(place, "no-reason", "possibly_same_as has no reason", "Add `because:` with the reason.")
    return Entity(path.stem, kind, tuple(stated), model, document) if len(findings) == known else None


def _naming_issues(document: Document, kind: str, model: EntityModel) -> Iterator[Issue]:
    """Check that an entity is named, by its file or by an ISO code that exists."""
    if model.iso is None:
        if not model.names:
            yield error(document.place(()), "missing-key", "`names` is missing", "Add `names:` with at least `en:`.")
        return
    place = document.place(("iso",))
    if kind != "polity":
        finding = "only polities have an ISO 3166 code"
        yield error(place, "iso-code", finding, "Remove `iso:` and write `names:`.")
        return
    try:
        territory_names(model.iso)
    except RecordError as unknown:
        yield error(place, unknown.code, unknown.finding, unknown.remedy)


def _class_issues(document: Document, kind: str, stated: Iterable[str]) -> Iterator[Issue]:
    allowed = ENTITY_KINDS[kind]
    for number, name in enumerate(stated):
        if name not in allowed:
            old = new_form(f"{kind}/type", name)
            remedy = old or f"Write one of {', '.join(allowed)}." + suggestion(name, allowed)
            place = document.place(("type", number))
            yield error(place, OLD_FORM if old else "entity-type", f"a {kind} cannot be of type '{name}'", remedy)


def _name_issues(path: Path, name: str) -> Iterator[Issue]:
    if not re.fullmatch(SLUG, path.stem) or path.stem.startswith("unidentified-"):
        remedy = "Use lower-case Latin letters, digits and single hyphens; not 'unidentified-' in front."
        yield error(Place(name), "file-name", f"the file name '{path.stem}' cannot be an id", remedy)
