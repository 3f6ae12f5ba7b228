# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Records: what a curator may write, what is refused at which place, and every real record."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from kgbuild.build.graph import compile_article, compile_entities
from kgbuild.build.ontology import Ontology, read_ontology
from kgbuild.build.texts import check_text
from kgbuild.core.errors import Findings, Issue
from kgbuild.core.namespaces import ENTITY_KINDS
from kgbuild.records.kinds import CLAIM_KINDS
from kgbuild.records.models import Article, Entity, Withdrawn
from kgbuild.records.reading import read_all, read_article, read_entity
from kgbuild.records.registry import Registry, duplicate_ids
from mini import MINI, ROOT
from nonempty import nonempty

HASH = "d6147976c95b00be99f167ebbc5089f6352f87efd9fcb3d003bd18f9df25f204"
SOURCE = f"""\
source:
  title: Хаб
  language: ru
  published: 2024-02-21T15:35
  publisher: daily-ferry
  url: https://daily-ferry.example/x
  text: {{sha256: {HASH}, characters: 100}}
"""
MEMBERSHIP = "membership: {of: lakes-hub, in: lakes-academies, joined: 2023}"
# A claim begins in line 9, column 5, with its kind; its notes follow in line 11.
ITEM = "claims:\n  - {claim}\n    says: The Hub is in the network.\n"


def read(folder: Path, claim: str, notes: str = "", source: str = SOURCE) -> tuple[Article | None, list[Issue]]:
    return read_text(folder, source + ITEM.format(claim=claim) + (f"    {notes}\n" if notes else ""))


def read_text(folder: Path, text: str, name: str = "2024-02-21-x") -> tuple[Article | None, list[Issue]]:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    findings = Findings()
    article = read_article(path, "x.yaml", findings)
    assert not isinstance(article, Withdrawn)
    return article, list(findings)


def read_file(folder: Path, text: str, path: str = "institution/hub.yaml") -> tuple[Entity | None, list[Issue]]:
    file = folder / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    findings = Findings()
    entity = read_entity(file, path, findings)
    assert not isinstance(entity, Withdrawn)
    return entity, list(findings)


def only(issues: Iterable[Issue]) -> Issue:
    """Give the one issue, which is an error with a finding and a remedy."""
    (issue,) = issues
    assert "error" == issue.severity
    assert issue.finding
    assert issue.remedy
    return issue


def shown(issue: Issue) -> tuple[str, str]:
    return f"{issue.place.line}:{issue.place.column}", issue.code


# --- every real record ------------------------------------------------------------------------------------------------

ARTICLES = [*sorted(ROOT.glob("data/articles/*/*.yaml")), *sorted(MINI.glob("data/articles/*/*.yaml"))]
ENTITIES = [*sorted(ROOT.glob("data/entities/*/*.yaml")), *sorted(MINI.glob("data/entities/*/*.yaml"))]


@cache
def ontology() -> Ontology:
    return read_ontology(ROOT / "ontology", ROOT)


@cache
def entities(data: Path) -> tuple[Entity, ...]:
    read: list[Entity | Withdrawn] = read_all(data.glob("entities/*/*.yaml"), ROOT, read_entity, Findings())
    return tuple(entity for entity in read if isinstance(entity, Entity))


def letter(issues: Iterable[Issue]) -> str:
    return "Dear curator, please mend this record:\n" + "\n".join(map(str, issues))


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.stem)
def test_article_reads_and_compiles(path: Path) -> None:
    """Every article reads with no issue, and everything in it is known.  A failure is a letter to the curator."""
    findings = Findings()
    article = read_article(path, path.relative_to(ROOT).as_posix(), findings)
    if isinstance(article, Article):
        compile_article(article, Registry(entities(path.parents[2])), ontology(), findings)
    assert not findings, letter(findings)


@pytest.mark.parametrize("path", ENTITIES, ids=lambda path: path.stem)
def test_entity_reads(path: Path) -> None:
    """Every entity file reads with no issue.  A failure is a letter to the curator."""
    findings = Findings()
    read_entity(path, path.relative_to(ROOT).as_posix(), findings)
    assert not findings, letter(findings)


@pytest.mark.parametrize("data", [ROOT / "data", MINI / "data"], ids=["data", "mini"])
def test_entities_fit_together(data: Path) -> None:
    """The entities that a file names exist and are of the right kind; no id is taken twice."""
    files = entities(data)
    findings = Findings(duplicate_ids(files))
    compile_entities(Registry(files), read_ontology(ROOT / "ontology", ROOT), findings)
    assert not findings, letter(findings)


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "notes", "where", "key", "near"),
    [
        ("membership: {of: a, in: b, joinedd: 2023}", "", "9:32", "joinedd", "joined"),
        (MEMBERSHIP, "becuse: x", "11:5", "becuse", "because"),
        ("membership: {of: {is: a, as: b, iss: c}, in: b}", "", "9:37", "iss", "is"),
        ("membership: {of: {unidentified: institution, off: a}, in: b}", "", "9:50", "off", "of"),
        ("membership: {of: [a, {unidentified: person, eech: [b]}], in: b}", "", "9:49", "eech", "each"),
        ("proposal: {ref: x, status: {is: adopted, onn: 2023}}", "", "9:46", "onn", "on"),
        ("status: {of: {proposal: x, att: m}, is: adopted}", "", "9:32", "att", "at"),
        ("status: {of: {accession: a, too: b}, is: pending}", "", "9:33", "too", "to"),
        ("status: {of: {proposla: x, at: m}, is: adopted}", "", "9:19", "proposla", "proposal"),
    ],
)
def test_unknown_key_names_the_nearest(tmp_path: Path, claim: str, notes: str, where: str, key: str, near: str) -> None:
    """A key that is not known is an error at the key, at every depth, with the keys known there and the nearest."""
    _, issues = read(tmp_path, claim, notes)
    issue = only(issues)
    assert ((where, "unknown-key"), f"there is no key '{key}' here") == (shown(issue), issue.finding)
    assert issue.remedy.startswith("Known here: ")
    assert issue.remedy.endswith(f"Did you mean {near}?")


def test_unknown_key_of_source_and_record(tmp_path: Path) -> None:
    """Keys of the source and of the record itself are as strict as those of claims; all are told at once."""
    text = SOURCE.replace("  url:", "  adress: x\n  url:").replace("characters: 100", "characters: 100, size: 5")
    _, issues = read_text(tmp_path, text + ITEM.format(claim=MEMBERSHIP) + "remarks: none\n")
    assert {("6:3", "unknown-key"), ("8:101", "unknown-key"), ("12:1", "unknown-key")} == set(map(shown, issues))


@pytest.mark.parametrize(
    ("claim", "where", "key"),
    [
        ("membership: {of: a}", "9:5", "in"),
        ("membership: {of: {is: a}, in: b}", "9:18", "as"),
        ("participation: {of: [b, {is: a}], in: m, as: speaker}", "9:29", "as"),
        ("statement: {ref: x}", "9:5", "act"),
        ("proposal: {ref: x, status: {on: 2023}}", "9:24", "is"),
    ],
)
def test_missing_key_is_placed_at_what_lacks_it(tmp_path: Path, claim: str, where: str, key: str) -> None:
    """A missing key is an error at the mapping that should have it, also where another one has a key of that name."""
    _, issues = read(tmp_path, claim)
    issue = only(issues)
    assert ((where, "missing-key"), f"`{key}` is missing") == (shown(issue), issue.finding)


@pytest.mark.parametrize(
    ("text", "where", "code"),
    [
        (SOURCE, "1:1", "no-claims"),
        (SOURCE + "claims: none\n", "8:1", "no-claims"),
        (ITEM.format(claim=MEMBERSHIP), "1:1", "missing-key"),
        (SOURCE + "claims:\n  - a word\n", "9:5", "not-a-claim"),
        (SOURCE + "claims:\n  - says: nothing\n", "9:5", "claim-kind"),
        (SOURCE + ITEM.format(claim=f"{MEMBERSHIP}\n    meeting: {{is: m}}"), "9:5", "claim-kind"),
        (SOURCE + ITEM.format(claim="membership: a word"), "9:17", "missing-key"),
        (SOURCE + ITEM.format(claim=MEMBERSHIP).replace("says: ", "says_ru: "), "9:5", "missing-key"),
    ],
    ids=["no claims", "claims a word", "no source", "no mapping", "no kind", "two kinds", "kind a word", "no says"],
)
def test_what_is_no_record(tmp_path: Path, text: str, where: str, code: str) -> None:
    """A record without its parts says which part is missing, and where."""
    _, issues = read_text(tmp_path, text)
    assert (where, code) == shown(only(issues))


def test_empty_list_of_claims_is_no_record(tmp_path: Path) -> None:
    """An article from which nothing was read is a file to be finished, not one that says nothing."""
    _, issues = read_text(tmp_path, SOURCE + "claims: []\n")
    assert "no-claims" == only(issues).code


@pytest.mark.parametrize("name", ["2024-02-21-Хаб", "2024-02-21_x", "Article", "unidentified-party", "a--b", "x."])
def test_file_name_is_an_id(tmp_path: Path, name: str) -> None:
    """A file whose name cannot be part of an IRI is refused; nothing is slugged by guess."""
    _, issues = read_text(tmp_path, SOURCE + ITEM.format(claim=MEMBERSHIP), name)
    assert ("0:0", "file-name") == shown(only(issues))


# --- values -----------------------------------------------------------------------------------------------------------


def test_values_that_are_right(tmp_path: Path) -> None:
    """What the next tests refuse in other forms is read: dates, offsets, `not`, spell."""
    article, issues = read(
        tmp_path, "membership: {of: a, in: b, joined: {not_after: 2023}, not: true, spell: 1974}", "at: [[0, 100]]"
    )
    assert [] == issues
    assert article is not None
    (claim,) = article.claims
    assert [[0, 100]] == claim.notes.at
    assert {"of": "a", "in": "b", "joined": {"not_after": "2023"}, "not": "true", "spell": "1974"} == claim.written


@pytest.mark.parametrize("value", ["1_000", '" 5 "', "0x1", "no", "-1", "+5", "007", "5.0", "1e1", "~", "٣", "[5]"])
def test_offset_is_not_guessed(tmp_path: Path, value: str) -> None:
    """An offset is digits and nothing else: no separator, space, sign, base or other alphabet makes a number."""
    _, issues = read(tmp_path, MEMBERSHIP, f"at: [[{value}, 50]]")
    assert ("11:11", "offset") == shown(only(issues))


@pytest.mark.parametrize("value", ["no", "yes", "True", "on", "1", '"true "', "{a: b}"])
def test_not_is_not_guessed(tmp_path: Path, value: str) -> None:
    """`not` is `true`; no other word is taken for it, nor for its opposite."""
    _, issues = read(tmp_path, f"membership: {{of: a, in: b, not: {value}}}")
    assert ("9:37", "not-true") == shown(only(issues))


@pytest.mark.parametrize("value", ["1_000", '" 5 "', "no", "0x1", "2023-02-29", "2023-13", "2023-00", "1900-02-29"])
def test_date_is_not_guessed(tmp_path: Path, value: str) -> None:
    """A day that no calendar has, and a text that is no date, is refused at the date."""
    _, issues = read(tmp_path, f"membership: {{of: a, in: b, joined: {value}}}")
    assert ("9:40", "date") == shown(only(issues))


@pytest.mark.parametrize(
    ("value", "where", "code"),
    [
        ("2023-05-18/2023-05-19", "9:40", "date-is-interval"),
        ("{not_after: 2023-13}", "9:40", "date"),
        ("{before: 2023}", "9:40", "date"),
        ("{not_after: 2023, not_before: 2022}", "9:40", "date"),
        ("{between: [2023]}", "9:40", "date"),
        ("{between: [2023, 2022]}", "9:40", "date"),
        ("[2023]", "9:40", "date"),
    ],
)
def test_date_of_another_form(tmp_path: Path, value: str, where: str, code: str) -> None:
    """A stretch of time is no date of joining, and a window has one of three forms."""
    _, issues = read(tmp_path, f"membership: {{of: a, in: b, joined: {value}}}")
    assert (where, code) == shown(only(issues))


@pytest.mark.parametrize(
    "value", ["2024-02-30", "2024-02-21T25:00", "2024-02-21T15:3٥", "2024-02-21T", "2024-02-21T15:35Z", "yesterday"]
)
def test_date_of_publication(tmp_path: Path, value: str) -> None:
    """A publication has a date, and a time of day only as printed: hours and minutes."""
    _, issues = read(tmp_path, MEMBERSHIP, source=SOURCE.replace("2024-02-21T15:35", value))
    assert ("4:14", "date") == shown(only(issues))


@pytest.mark.parametrize("value", ['""', "xyz", HASH[:-1], HASH + "0", HASH.upper(), f'"{HASH} "'])
def test_wrong_hash(tmp_path: Path, value: str) -> None:
    """A hash is 64 hex digits in lower case."""
    _, issues = read(tmp_path, MEMBERSHIP, source=SOURCE.replace(HASH, value))
    issue = only(issues)
    assert (("7:18", "wrong-hash"), True) == (shown(issue), "sha256sum" in issue.remedy)


@pytest.mark.parametrize(
    ("at", "where", "code"),
    [
        ("[[0, 101]]", "11:10", "offset-beyond-text"),
        ("[[0, 50], [99, 101]]", "11:19", "offset-beyond-text"),
        ("[[5, 5]]", "11:10", "offset"),
        ("[[7, 3]]", "11:10", "offset"),
        ("[[5, 20, 30]]", "11:10", "value"),
        ("[[5]]", "11:10", "value"),
        ("[]", "11:9", "value"),
        ("here", "11:9", "value"),
    ],
)
def test_position_within_the_text(tmp_path: Path, at: str, where: str, code: str) -> None:
    """A position has a beginning and a later end, not beyond the text; the one that has not is named."""
    _, issues = read(tmp_path, MEMBERSHIP, f"at: {at}")
    assert (where, code) == shown(only(issues))


def test_position_without_a_text(tmp_path: Path) -> None:
    """Where the source describes no text, a position has nothing to count in."""
    _, issues = read(tmp_path, MEMBERSHIP, "at: [[0, 50]]", "".join(SOURCE.splitlines(keepends=True)[:-1]))
    assert ("10:10", "no-text") == shown(only(issues))


def compare(folder: Path, stored: bytes | None, digest: str, characters: int) -> list[tuple[str, str]]:
    """Compare a record with the text of a folder; None for a text that is not there."""
    described = f"{{file: x.txt, sha256: {digest}, characters: {characters}}}"
    text = re.sub("text: .*", f"text: {described}", SOURCE)
    article, issues = read(folder, MEMBERSHIP, source=text)
    assert article is not None, issues
    if stored is not None:
        (folder / "x.txt").write_bytes(stored)
    return [shown(only([issue])) for issue in check_text(article, folder)]


def test_text_at_hand_is_compared(tmp_path: Path) -> None:
    """A text that is at hand must have the hash and the length of the record: counted in NFC and LF, however stored."""
    text = "Й: строка\nи конец\n"
    stored = "И\u0306: строка\r\nи конец\r\n".encode()
    right = sha256(text.encode()).hexdigest()
    assert [] == compare(tmp_path, None, HASH, len(text))
    assert [] == compare(tmp_path, stored, right, len(text))
    assert [("7:31", "wrong-hash")] == compare(tmp_path, stored, HASH, len(text))
    assert [("7:109", "wrong-length")] == compare(tmp_path, stored, right, len(text) + 1)
    assert [("7:9", "text-not-utf-8")] == compare(tmp_path, b"\xff", right, len(text))


# --- lists in messages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "notes", "told"),
    [
        ("membership: {of: a, in: b, joined: {z: 1, on: 2, a: 3}}", "", "this is not a date: keys a, on, z"),
        (
            "statement: {ref: x, act: report, by: a, to: b, for: c, in: d, at: e, concerning: f}",
            "inferred: [ref]\n    because: x",
            "Fields here: at, by, concerning, for, in, to.",
        ),
        ("memberhip: {}", "", f"Write one of {', '.join(sorted(CLAIM_KINDS))}."),
        (
            "tie: {from: lakes-hub, to: lakes-summit-2020, type: supports}",
            "",
            "institution or network or person or polity",
        ),
        ("name: {of: lakes-hub, in: lakeland, text: {en: x}}", "", "takes agreement or institution or network"),
        (
            "change: {of: lakes-hub, type: renaming, resulting: stonefell}",
            "",
            "take one of absorption, continuation, merger, replacement, secession, split.",
        ),
        (
            "attribute: {of: lakes-hub}",
            "",
            "Give one of description, entry_rule, funding, identifier, language, legal_basis, practice",
        ),
        (
            "tie: {from: lakes-hub, to: lakeland, type: x}",
            "",
            "Known: affiliated, cooperates, organ-of, part-of, same-body,",
        ),
        ("membership: {of: {unidentified: x}, in: lakes-academies}", "", "Known: academy, actor, diplomatic-mission, "),
    ],
)
def test_lists_in_messages_have_one_order(tmp_path: Path, claim: str, notes: str, told: str) -> None:
    """What a message lists is in the order of the alphabet, on every run: two runs print the same."""
    article, issues = read(tmp_path, claim, notes)
    if article is not None:
        findings = Findings()
        compile_article(article, Registry(entities(MINI / "data")), ontology(), findings)
        issues = list(findings)
    assert any(told in str(issue) for issue in issues), letter(issues)


# --- what the curator inferred or ranked ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("notes", "where", "code"),
    [
        ("inferred: [of]", "11:5", "no-reason"),
        ("rank: preferred", "11:5", "no-reason"),
        ("inferred: [joined]\n    because: x", "11:16", "not-an-identity"),
        ("inferred: [of, joined]\n    because: x", "11:20", "not-an-identity"),
        ("inferred: [for]\n    because: x", "11:16", "not-an-identity"),
        ("inferred: [standing]\n    because: x", "11:16", "not-an-identity"),
        ("inferred: of\n    because: x", "11:15", "value"),
        ('because: " "', "11:14", "value"),
        ("rank: best\n    because: x", "11:11", "value"),
    ],
)
def test_inference_has_a_reason_and_an_identity(tmp_path: Path, notes: str, where: str, code: str) -> None:
    """Who a party is may be inferred, with a reason; a date may not, nor what the claim does not have."""
    _, issues = read(tmp_path, MEMBERSHIP, notes)
    assert (where, code) == shown(only(issues))


def test_identity_may_be_inferred(tmp_path: Path) -> None:
    """An inferred identity with its reason is read."""
    article, issues = read(tmp_path, MEMBERSHIP, "inferred: [of, in]\n    because: The text names no hub.")
    assert ([], True) == (issues, article is not None)


# --- kinds of claim ---------------------------------------------------------------------------------------------------

INVALID_CLAIMS = {
    "membership": ("{of: [], in: b}", "9:22", "value"),
    "participation": ("{of: a, in: [m]}", "9:32", "value"),
    "tenure": ("{of: a, as: Rector, in: b}", "9:25", "value"),
    "meeting": ("{is: m, held: 2023-05-19/2023-05-18}", "9:28", "date"),
    "agreement": ("{is: g, signed: 2023-05-18/2023-05-19}", "9:32", "date-is-interval"),
    "change": ("{of: a, type: founding, spell: second}", "9:44", "value"),
    "decision": ("{ref: Joint Course}", "9:21", "value"),
    "proposal": ("{ref: x, status: {is: adopted, on: soon}}", "9:50", "date"),
    "statement": ("{ref: x, act: announcement, what: ' '}", "9:50", "value"),
    "attribute": ("{of: a, website: ftp://a.example}", "9:33", "value"),
    "status": ("{of: a, is: [active]}", "9:25", "value"),
    "accession": ("{of: a, to: b, admitted: 2021-11-31}", "9:41", "date"),
    "suspension": ("{of: a, in: b, scope: ' '}", "9:39", "value"),
    "signature": ("{of: a, to: g, act: signature, not: no}", "9:52", "not-true"),
    "programme": ("{is: p, from: 2020-05/2021}", "9:30", "date-is-interval"),
    "publication": ("{is: j, issn: 2414-5441}", "9:32", "issn"),
    "seat": ("{of: a, as: [branch], place: b}", "9:23", "value"),
    "count": ("{of: a, what: partners, number: 1_000}", "9:44", "number"),
    "tie": ("{from: a, to: b, type: partner, spell: second}", "9:49", "value"),
    "name": ("{of: a, text: {English: A}}", "9:26", "value"),
}
"""One for each kind: a wrong value in a field of its own."""


@pytest.mark.parametrize("kind", CLAIM_KINDS)
def test_invalid_claim_of_each_kind(tmp_path: Path, kind: str) -> None:
    """Each kind of claim refuses a wrong value at the value."""
    fields, where, code = INVALID_CLAIMS[kind]
    _, issues = read(tmp_path, f"{kind}: {fields}")
    assert (where, code) == shown(only(issues))


def test_twin_claims(tmp_path: Path) -> None:
    """Two items of one article with the same fields are one claim written twice: the second one is named.

    Wording, position and rank make no difference, nor does the order of keys.
    """
    twin = "  - membership: {joined: 2023, in: lakes-academies, of: lakes-hub}\n    says: Once more.\n"
    text = SOURCE + ITEM.format(claim=MEMBERSHIP) + "    at: [[0, 5]]\n" + twin
    article, issues = read_text(tmp_path, text)
    assert ([], True) == (issues, article is not None)
    assert article is not None
    findings = Findings()
    compiled = compile_article(article, Registry(entities(MINI / "data")), ontology(), findings)
    assert (None, ("12:5", "twin-claim")) == (compiled, shown(only(findings)))
    assert "the one in line 9" in only(findings).finding


# --- entities ---------------------------------------------------------------------------------------------------------

ENTITY = "type: Institution\nnames: {en: Hub, ru: Хаб}\n"


@pytest.mark.parametrize(
    ("text", "where", "code"),
    [
        (ENTITY + "descripton: x\n", "3:1", "unknown-key"),
        (ENTITY + "founded: 2023\n", "3:1", "unknown-key"),
        ("type: Institution\n", "1:1", "missing-key"),
        (ENTITY.replace("Institution", "Person"), "1:7", "entity-type"),
        (ENTITY.replace("Institution", "[Academy, Institute]"), "1:17", "entity-type"),
        (ENTITY.replace("ru: Хаб", "Russian: Хаб"), "2:18", "value"),
        (ENTITY.replace("ru: Хаб", "ru: [Хаб]"), "2:22", "value"),
        (ENTITY + "descriptive_name: yes\n", "3:19", "not-true"),
        (ENTITY + "spellings: {ru: Хаб}\n", "3:17", "value"),
        (ENTITY + "possibly_same_as: [other-hub]\n", "3:1", "no-reason"),
        (ENTITY + "see: [www.example.org]\n", "3:7", "value"),
        (ENTITY + "retired: [Old Hub]\n", "3:11", "value"),
    ],
)
def test_invalid_entity(tmp_path: Path, text: str, where: str, code: str) -> None:
    """An entity file says who something is, in known keys; what happened to it is no key of it."""
    _, issues = read_file(tmp_path, text)
    assert (where, code) == shown(only(issues))


def test_folder_is_a_kind(tmp_path: Path) -> None:
    """A folder that is no kind of entity is named, with those that are."""
    _, issues = read_file(tmp_path, ENTITY, "institutions/hub.yaml")
    issue = only(issues)
    assert "entity-kind" == issue.code
    assert all(kind in issue.remedy for kind in nonempty(ENTITY_KINDS))


@pytest.mark.parametrize("kind", ENTITY_KINDS)
def test_class_of_each_kind(tmp_path: Path, kind: str) -> None:
    """A file without a type has the first class of its kind, and may state any of them."""
    plain, _ = read_file(tmp_path, "names: {en: X}\n", f"{kind}/x.yaml")
    stated, _ = read_file(tmp_path, f"names: {{en: X}}\ntype: [{', '.join(ENTITY_KINDS[kind])}]\n", f"{kind}/y.yaml")
    assert plain is not None
    assert stated is not None
    assert (ENTITY_KINDS[kind][:1], ENTITY_KINDS[kind]) == (plain.classes, stated.classes)
