"""Records: what a curator writes, as typed models, each value with its place.

A record says what an article says in a curator's words and knows nothing of RDF.  The models here are also the
source of the JSON Schemas that editors use (`data/schema/`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    StringConstraints,
    Tag,
    ValidationError,
    WithJsonSchema,
)

from kgbuild.dates import DateError, DateNode, parse_date, window
from kgbuild.documents import Document, Key, read_document
from kgbuild.errors import Issue, Place, error
from kgbuild.territories import TerritoryCodeError, territory_names

SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"
SPELL = r"[0-9][a-z0-9]*(?:-[a-z0-9]+)*"
LANGUAGE = r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*"


T = TypeVar("T")


class RecordError(ValueError):
    """A value that is not what its field takes; keeps finding and remedy apart."""

    def __init__(self, code: str, finding: str, remedy: str) -> None:
        super().__init__(finding)
        self.code, self.finding, self.remedy = code, finding, remedy


# --- values -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """A count as a source gives it: `comparator` is equal, about, at-least, at-most, less-than or more-than."""

    value: int
    comparator: str


def _date(value: object) -> DateNode:
    if isinstance(value, DateNode):
        return value
    if isinstance(value, str):
        return parse_date(value)
    if isinstance(value, dict):
        return _window(value)
    raise RecordError("date", "this is not a date", "Write 2023, 2023-11, 2023-11-08 or {not_after: 2024-02-21}.")


def _window(value: dict[str, Any]) -> DateNode:
    match value:
        case {"not_after": str(last), **rest} if not rest:
            return window(None, last)
        case {"not_before": str(first), **rest} if not rest:
            return window(first, None)
        case {"between": [str(first), str(last)], **rest} if not rest:
            return window(first, last)
    raise RecordError(
        "date",
        f"this is not a date: keys {', '.join(sorted(map(str, value)))}",
        "Write {not_after: …}, {not_before: …} or {between: [first, last]}.",
    )


def _point(value: object) -> DateNode:
    node = _date(value)
    if node.precision == "interval":
        raise RecordError(
            "date-is-interval",
            f"'{node.edtf}' is a stretch of time, and this field takes one date",
            "Write the date itself; for 'on some day between' write {between: [first, last]}.",
        )
    return node


def _offset(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]{0,8}", value):
        return int(value)
    raise RecordError("offset", f"'{value}' is not an offset", "Write a whole number, counted in characters from 0.")


_COMPARATORS = ("about", "at_least", "at_most", "less_than", "more_than")


def _number(value: object) -> Number:
    match value:
        case Number():
            return value
        case dict() if len(value) == 1 and next(iter(value)) in _COMPARATORS:
            ((comparator, count),) = value.items()
            return Number(_offset(count), comparator.replace("_", "-"))
        case str() | int() if re.fullmatch(r"0|[1-9][0-9]{0,8}", str(value)):
            return Number(int(value), "equal")
    raise RecordError(
        "number",
        "this is not a number",
        f"Write a whole number, as 29, or a mapping, as {{more_than: 125}}; known: {', '.join(_COMPARATORS)}.",
    )


def _issn(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{3}[0-9X]", value):
        digits = [10 if character == "X" else int(character) for character in value.replace("-", "")]
        if sum(digit * weight for digit, weight in zip(digits, range(8, 0, -1), strict=True)) % 11 == 0:
            return value
        raise RecordError("issn", f"'{value}' fails its check digit", "Look the number up in the source.")
    raise RecordError("issn", f"'{value}' is not an ISSN", "Write eight characters, as 2414-5440.")


def _true(value: object) -> bool:
    if value is True or value == "true":
        return True
    raise RecordError("not-true", f"'{value}' stands here", "Write true, or leave the key out.")


def _sha256(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value):
        return value
    raise RecordError(
        "wrong-hash",
        f"'{value}' is not a SHA-256",
        "Write the 64 hex digits that `sha256sum` prints, in quotes.",
    )


def _published(value: object) -> str:
    if isinstance(value, str):
        day, _, time = value.partition("T")
        _point(day)
        if "T" not in value or re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?", time):
            return value
    raise RecordError("date", f"'{value}' is not a date of publication", "Write 2024-02-21 or 2024-02-21T15:35.")


_DATE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": ["string", "integer"]},
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
            "properties": {
                "not_after": {"type": ["string", "integer"]},
                "not_before": {"type": ["string", "integer"]},
                "between": {
                    "type": "array",
                    "items": {"type": ["string", "integer"]},
                    "minItems": 2,
                    "maxItems": 2,
                },
            },
        },
    ],
    "description": "2023, 2023-11, 2023-11-08, 2023?, 2023~, 201X; {not_after: …}, {not_before: …}, {between: […, …]}",
}

AnyDate = Annotated[DateNode, PlainValidator(_date), WithJsonSchema(_DATE_SCHEMA)]
"""A date or a stretch of time (`2023-05-18/2023-05-19`)."""
PointDate = Annotated[DateNode, PlainValidator(_point), WithJsonSchema(_DATE_SCHEMA)]
"""A date, however vague, but no stretch of time."""
Offset = Annotated[int, PlainValidator(_offset), WithJsonSchema({"type": "integer", "minimum": 0})]
Count = Annotated[
    Number,
    PlainValidator(_number),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": False,
                    "properties": {name: {"type": "integer", "minimum": 0} for name in _COMPARATORS},
                },
            ],
            "description": "29, or {more_than: 125}, {about: 40}, {at_least: …}, {at_most: …}, {less_than: …}",
        }
    ),
]
"""A whole number, exact or not."""
Issn = Annotated[str, PlainValidator(_issn), WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{3}[0-9X]$"})]
True_ = Annotated[bool, PlainValidator(_true), WithJsonSchema({"const": True})]
Sha256 = Annotated[str, PlainValidator(_sha256), WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{64}$"})]
Published = Annotated[str, PlainValidator(_published), WithJsonSchema({"type": ["string", "integer"]})]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>\"{}|\\^`]+$")]
Name = Annotated[str, StringConstraints(min_length=1), WithJsonSchema({"type": ["string", "integer"]})]
"""An entity's id, or one of its names."""
Concept = Annotated[str, StringConstraints(pattern=f"^{SLUG}$")]
Ref = Annotated[str, StringConstraints(pattern=f"^{SLUG}$")]
Spell = Annotated[
    str,
    StringConstraints(pattern=f"^{SPELL}$"),
    WithJsonSchema({"type": ["string", "integer"], "pattern": f"^{SPELL}$"}),
]
Language = Annotated[str, StringConstraints(pattern=f"^{LANGUAGE}$")]
Texts = Annotated[dict[Language, Text], Field(min_length=1)]


class Model(BaseModel):
    """What every part of a record shares: no key that is not known, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, populate_by_name=True)


class Named(Model):
    """An actor with the spelling the text uses."""

    is_: Name = Field(alias="is")
    as_: Text = Field(alias="as")


class Unidentified(Model):
    """A party the text describes and does not name: `{unidentified: institution, of: kazakhstan}`."""

    unidentified: Concept
    of: Name | None = None
    each: Annotated[list[Name], Field(min_length=1)] | None = None


def _party_tag(value: object) -> str:
    if isinstance(value, (Unidentified, Named)):
        return "unidentified" if isinstance(value, Unidentified) else "named"
    if isinstance(value, dict):
        return "unidentified" if "unidentified" in value else "named"
    return "id"


Party = Annotated[
    Annotated[Name, Tag("id")] | Annotated[Named, Tag("named")] | Annotated[Unidentified, Tag("unidentified")],
    Discriminator(_party_tag),
]
"""An actor: its id, its id with the text's spelling, or a description of one not named."""


def _listed(value: object) -> str:
    return "list" if isinstance(value, list) else "one"


Parties = Annotated[
    Annotated[Party, Tag("one")] | Annotated[list[Party], Field(min_length=1), Tag("list")],
    Discriminator(_listed),
]
"""One party or a list of them."""
Names = Annotated[
    Annotated[Name, Tag("one")] | Annotated[list[Name], Field(min_length=1), Tag("list")],
    Discriminator(_listed),
]
"""One entity or a list of them."""


class StatusValue(Model):
    """A status with its date: `{is: paused, on: 2024-12}`."""

    is_: Concept = Field(alias="is")
    on: PointDate | None = None


def _status_tag(value: object) -> str:
    return "dated" if isinstance(value, (dict, StatusValue)) else "plain"


Status = Annotated[Annotated[Concept, Tag("plain")] | Annotated[StatusValue, Tag("dated")], Discriminator(_status_tag)]


class SituationRef(Model):
    """A situation whose status is told.

    A proposal, decision or statement by its `ref` and occasion, `{proposal: alliance, at: some-talks}`; an accession
    by who and where, `{accession: egypt, to: ndb}`.
    """

    proposal: Ref | None = None
    decision: Ref | None = None
    statement: Ref | None = None
    at: Name | None = None
    in_: Name | None = Field(default=None, alias="in")
    accession: Name | None = None
    to: Name | None = None
    spell: Spell | None = None


def _about_tag(value: object) -> str:
    return "ref" if isinstance(value, (dict, SituationRef)) else "entity"


About = Annotated[Annotated[Name, Tag("entity")] | Annotated[SituationRef, Tag("ref")], Discriminator(_about_tag)]


# --- the kinds of claim -------------------------------------------------------------------------------------------


class Fields(Model):
    """The mapping under a claim's kind."""

    identities: ClassVar[frozenset[str]] = frozenset()
    """Fields, as written in a record, that hold an identity and may therefore stand in `inferred`."""


class Membership(Fields):
    """`of` is a member of `in`."""

    identities = frozenset({"of", "in"})
    of: Parties
    in_: Party = Field(alias="in")
    role: Concept | None = None
    joined: PointDate | None = None
    left: PointDate | None = None
    end_reason: Concept | None = None
    on: PointDate | None = None
    spell: Spell | None = None
    not_: True_ | None = Field(default=None, alias="not")


class Accession(Fields):
    """`of` is on its way into `to`: it applied, was invited or admitted.  Taking effect is a membership."""

    identities = frozenset({"of", "to"})
    of: Parties
    to: Party
    applied: PointDate | None = None
    invited: PointDate | None = None
    admitted: PointDate | None = None
    status: Status | None = None
    spell: Spell | None = None


class Suspension(Fields):
    """The membership of `of` in `in` is suspended, wholly or within a scope."""

    identities = frozenset({"of", "in"})
    of: Parties
    in_: Party = Field(alias="in")
    from_: PointDate | None = Field(default=None, alias="from")
    until: PointDate | None = None
    scope: Text | None = None
    spell: Spell | None = None


class Participation(Fields):
    """`of` took part in the meeting `in`, for somebody, in a capacity."""

    identities = frozenset({"of", "in", "for"})
    of: Parties
    in_: Name = Field(alias="in")
    for_: Parties | None = Field(default=None, alias="for")
    as_: Concept | None = Field(default=None, alias="as")
    presence: Concept | None = None
    not_: True_ | None = Field(default=None, alias="not")


class Tenure(Fields):
    """`of` holds the office `as` in `in`."""

    identities = frozenset({"of", "in", "to", "represented_by"})
    of: Party
    as_: Concept = Field(alias="as")
    in_: Party = Field(alias="in")
    from_: PointDate | None = Field(default=None, alias="from")
    until: PointDate | None = None
    on: PointDate | None = None
    to: Name | None = None
    represented_by: Party | None = None
    spell: Spell | None = None


class Meeting(Fields):
    """What a text says of a meeting: `planned` is what was announced, `held` what took place."""

    identities = frozenset({"is", "host", "part_of", "concerning"})
    is_: Name = Field(alias="is")
    type: Concept | None = None
    held: AnyDate | None = None
    planned: AnyDate | None = None
    place: Name | None = None
    host: Parties | None = None
    part_of: Name | None = None
    topic: Text | None = None
    concerning: Names | None = None
    status: Status | None = None


class Agreement(Fields):
    """What a text says of an agreement."""

    identities = frozenset({"is", "parties", "establishes", "amends", "implements", "at"})
    is_: Name = Field(alias="is")
    type: Concept | None = None
    parties: Parties | None = None
    signed: PointDate | None = None
    in_force: PointDate | None = None
    expired: PointDate | None = None
    establishes: Names | None = None
    amends: Names | None = None
    implements: Names | None = None
    at: Name | None = None
    status: Status | None = None


class Signature(Fields):
    """`of` signed, ratified, acceded to or withdrew from the agreement `to`."""

    identities = frozenset({"of", "to", "signed_by"})
    of: Parties
    to: Name
    act: Concept
    on: PointDate | None = None
    signed_by: Parties | None = None
    in_force_from: PointDate | None = None
    not_: True_ | None = Field(default=None, alias="not")


class Programme(Fields):
    """What a text says of a programme, project or initiative."""

    identities = frozenset({"is", "run_by", "partners", "concerning"})
    is_: Name = Field(alias="is")
    type: Concept | None = None
    run_by: Parties | None = None
    partners: Parties | None = None
    from_: PointDate | None = Field(default=None, alias="from")
    until: PointDate | None = None
    concerning: Names | None = None
    status: Status | None = None


class Publication(Fields):
    """What a text says of a journal, book, study or report."""

    identities = frozenset({"is", "publisher", "concerning"})
    is_: Name = Field(alias="is")
    type: Concept | None = None
    publisher: Parties | None = None
    published: PointDate | None = None
    issue: Text | None = None
    issn: Issn | None = None
    identifier: Text | None = None
    concerning: Names | None = None


class Change(Fields):
    """A founding, renaming, merger or other change of an actor."""

    identities = frozenset({"of", "original", "resulting", "at", "initiated_by"})
    of: Name
    type: Concept
    date: PointDate | None = None
    original: Names | None = None
    resulting: Names | None = None
    at: Names | None = None
    place: Name | None = None
    initiated_by: Parties | None = None
    spell: Spell | None = None


class _Said(Fields):
    """What decisions, proposals and statements share."""

    ref: Ref
    at: Name | None = None
    in_: Name | None = Field(default=None, alias="in")
    by: Parties | None = None
    what: Text | None = None
    date: PointDate | None = None
    concerning: Names | None = None


class Decision(_Said):
    """A decision taken at a meeting or set out in an agreement."""

    identities = frozenset({"at", "in", "by", "concerning", "carried_out_by", "led_to"})
    carried_out_by: Names | None = None
    led_to: Names | None = None


class Proposal(_Said):
    """Something put forward, not yet decided."""

    identities = frozenset({"at", "in", "by", "for", "within", "concerning"})
    for_: Parties | None = Field(default=None, alias="for")
    within: Names | None = None
    status: Status | None = None


class Statement(_Said):
    """Something said: an invitation, readiness, an appraisal, an announcement, a request."""

    identities = frozenset({"at", "in", "by", "for", "to", "concerning"})
    act: Concept
    for_: Parties | None = Field(default=None, alias="for")
    to: Parties | None = None


class Attribute(Fields):
    """A property of an entity that is no situation; a closed list."""

    identities = frozenset({"of"})
    of: Name
    purpose: Text | None = None
    description: Text | None = None
    practice: Text | None = None
    entry_rule: Text | None = None
    legal_basis: Text | None = None
    funding: Text | None = None
    website: Url | None = None
    identifier: Text | None = None
    language: Language | None = None


class StatusClaim(Fields):
    """The status of something on a date."""

    identities = frozenset({"of"})
    of: About
    is_: Concept = Field(alias="is")
    on: PointDate | None = None


class NameClaim(Fields):
    """A name that something bears, from one date until another."""

    identities = frozenset({"of"})
    of: Name
    text: Texts
    kind: Concept | None = None
    from_: PointDate | None = Field(default=None, alias="from")
    until: PointDate | None = None


class Seat(Fields):
    """`of` has its headquarters, secretariat, centre or branch in a place, or with a host."""

    identities = frozenset({"of", "host"})
    of: Name
    as_: Concept = Field(alias="as")
    place: Name | None = None
    host: Party | None = None
    from_: PointDate | None = Field(default=None, alias="from")
    until: PointDate | None = None
    on: PointDate | None = None


class CountClaim(Fields):
    """How many there are of something: a number with its date."""

    identities = frozenset({"of"})
    of: Name
    what: Concept
    number: Count
    on: PointDate | None = None


class Tie(Fields):
    """`from` is tied to `to`: as a partner, an affiliate, a part."""

    identities = frozenset({"from", "to"})
    from_: Party = Field(alias="from")
    to: Parties
    type: Concept
    from_date: PointDate | None = None
    until: PointDate | None = None
    on: PointDate | None = None
    spell: Spell | None = None
    not_: True_ | None = Field(default=None, alias="not")


CLAIM_KINDS: dict[str, type[Fields]] = {
    "membership": Membership,
    "accession": Accession,
    "suspension": Suspension,
    "participation": Participation,
    "tenure": Tenure,
    "meeting": Meeting,
    "agreement": Agreement,
    "signature": Signature,
    "programme": Programme,
    "publication": Publication,
    "change": Change,
    "decision": Decision,
    "proposal": Proposal,
    "statement": Statement,
    "attribute": Attribute,
    "status": StatusClaim,
    "name": NameClaim,
    "seat": Seat,
    "count": CountClaim,
    "tie": Tie,
}


# --- articles and entities ----------------------------------------------------------------------------------------


class ArticleText(Model):
    """The text that offsets count in: NFC, LF, code points; its file stays with the curator."""

    file: Text | None = None
    sha256: Sha256
    characters: Offset


class Source(Model):
    """Bibliographic description of an article, as printed."""

    title: Text | None = None
    description: Text | None = None
    language: Language
    published: Published | None = None
    publisher: Name
    agency: Name | None = None
    url: Url
    text: ArticleText | None = None


class ClaimNotes(Model):
    """What stands beside the kind in a claim's item."""

    says: Text
    says_ru: Text | None = None
    at: Annotated[list[Annotated[list[Offset], Field(min_length=2, max_length=2)]], Field(min_length=1)] | None = None
    inferred: Annotated[list[Text], Field(min_length=1)] | None = None
    because: Text | None = None
    rank: Literal["preferred", "deprecated"] | None = None


@dataclass(frozen=True)
class Claim:
    """One item of an article: a kind, its fields, and the notes beside them."""

    kind: str
    fields: Fields
    notes: ClaimNotes
    written: dict[str, Any]
    """The mapping under the kind exactly as written: what the claim's hash is made of."""
    way: Key
    """Where the item stands in its document: `("claims", 3)`."""


@dataclass(frozen=True)
class Article:
    """One curated article."""

    id: str
    source: Source
    claims: tuple[Claim, ...]
    document: Document

    def place(self, *way: str | int) -> Place:
        """Find the place of a value of the record."""
        return self.document.place(way)


class EntityModel(Model):
    """An entity file: who or what something is, and nothing that happened."""

    type: (
        Annotated[
            Annotated[Text, Tag("one")] | Annotated[list[Text], Field(min_length=1), Tag("list")],
            Discriminator(_listed),
        ]
        | None
    ) = None
    names: dict[Language, Text] = Field(default_factory=dict)
    iso: Text | None = None
    descriptive_name: True_ | None = None
    spellings: dict[Language, Annotated[list[Text], Field(min_length=1)]] = Field(default_factory=dict)
    state: Name | None = None
    affiliation: Name | None = None
    within: Name | None = None
    possibly_same_as: list[Name] = Field(default_factory=list)
    because: Text | None = None
    see: list[Url] = Field(default_factory=list)
    retired: list[Ref] = Field(default_factory=list)


@dataclass(frozen=True)
class Entity:
    """One entity file, with its id and kind from its path."""

    id: str
    kind: str
    classes: tuple[str, ...]
    model: EntityModel
    document: Document

    def place(self, *way: str | int) -> Place:
        """Find the place of a value of the file."""
        return self.document.place(way)

    @property
    def listed_names(self) -> dict[str, str]:
        """Language -> name that lists have under the file's ISO code; nothing without a code."""
        return territory_names(self.model.iso) if self.model.iso else {}

    @property
    def names(self) -> dict[str, str]:
        """Language -> name: the file's own, else that of its ISO code."""
        return {**self.listed_names, **self.model.names}

    @property
    def label(self) -> str:
        """The English name, else the first one written."""
        return self.names.get("en") or next(iter(self.names.values()))


_INSTITUTION_CLASSES = (
    "Institution",
    "Academy",
    "GovernmentBody",
    "InternationalOrganization",
    "Secretariat",
    "DiplomaticMission",
    "PoliticalPartyBody",
    "ResearchInstitute",
)
ENTITY_CLASSES: dict[str, tuple[str, ...]] = {
    "agreement": ("Agreement",),
    "institution": (*_INSTITUTION_CLASSES, "Network", "MultilateralPlatform"),
    "meeting": ("Meeting",),
    "network": ("Network", "MultilateralPlatform", *_INSTITUTION_CLASSES),
    "person": ("Person",),
    "place": ("Place",),
    "programme": ("Programme",),
    "publication": ("Publication",),
    "state": ("State",),
    "territory": ("Territory",),
}
"""Kind -> the classes its files may state; the first is meant when none is."""


# --- reading ------------------------------------------------------------------------------------------------------


def read_article(path: Path, name: str) -> tuple[Article | None, list[Issue]]:
    """Read one article record; without an article, the issues say why."""
    document = read_document(path, name)
    if isinstance(document, Issue):
        return None, [document]
    issues = [*_name_issues(path, name), *_unknown_keys(document, (), {"source", "claims"})]
    source = _model(Source, document, ("source",), issues)
    items = document.content.get("claims")
    if not isinstance(items, list) or not items:
        place = document.key_place(("claims",))
        issues.append(
            error(
                place,
                "no-claims",
                "the record has no list of claims",
                "Write `claims:` and one item a claim.",
            )
        )
        items = []
    claims = [read_claim(document, ("claims", i), issues) for i in range(len(items))]
    read = [claim for claim in claims if claim is not None]
    if source is None or len(read) < len(claims) or issues:
        return None, issues
    issues.extend(_position_issues(document, source, read))
    return (None, issues) if issues else (Article(path.stem, source, tuple(read), document), [])


def read_claim(document: Document, way: Key, issues: list[Issue]) -> Claim | None:
    """Read one item of `claims`; findings are added to `issues`."""
    item = _at(document, way)
    if not isinstance(item, dict):
        issues.append(
            error(
                document.place(way),
                "not-a-claim",
                "this item is not a claim",
                "Write `- membership: {…}` and `says:`.",
            )
        )
        return None
    kinds = [key for key in item if key in CLAIM_KINDS]
    issues.extend(_unknown_keys(document, way, {*ClaimNotes.model_fields, *CLAIM_KINDS}))
    if len(kinds) != 1:
        finding = "this claim has no kind" if not kinds else f"this claim has {len(kinds)} kinds: {', '.join(kinds)}"
        issues.append(
            error(document.place(way), "claim-kind", finding, f"Write one of {', '.join(sorted(CLAIM_KINDS))}.")
        )
        return None
    kind = kinds[0]
    fields = _model(CLAIM_KINDS[kind], document, (*way, kind), issues)
    notes = _model(ClaimNotes, document, way, issues, ignore=frozenset({kind, *item} - {*ClaimNotes.model_fields}))
    if fields is None or notes is None:
        return None
    issues.extend(_inferred_issues(document, way, fields, notes))
    return Claim(kind, fields, notes, item[kind], way)


def read_entity(path: Path, name: str) -> tuple[Entity | None, list[Issue]]:
    """Read one entity file; its folder is its kind."""
    document = read_document(path, name)
    if isinstance(document, Issue):
        return None, [document]
    kind, issues = path.parent.name, _name_issues(path, name)
    if kind not in ENTITY_CLASSES:
        remedy = f"Put the file into one of {', '.join(sorted(ENTITY_CLASSES))}."
        return None, [
            *issues,
            error(Place(name), "entity-kind", f"there is no kind of entity '{kind}'", remedy),
        ]
    model = _model(EntityModel, document, (), issues)
    if model is None:
        return None, issues
    stated = model.type if isinstance(model.type, list) else [model.type or ENTITY_CLASSES[kind][0]]
    issues.extend(_class_issues(document, kind, stated))
    issues.extend(_naming_issues(document, kind, model))
    if model.possibly_same_as and not model.because:
        place = document.key_place(("possibly_same_as",))
        issues.append(error(place, "no-reason", "possibly_same_as has no reason", "Add `because:` with the reason."))
    return (None, issues) if issues else (Entity(path.stem, kind, tuple(stated), model, document), [])


def _naming_issues(document: Document, kind: str, model: EntityModel) -> Iterator[Issue]:
    """Check that an entity is named, by its file or by an ISO code that exists."""
    if model.iso is None:
        if not model.names:
            yield error(document.place(()), "missing-key", "`names` is missing", "Add `names:` with at least `en:`.")
        return
    place = document.place(("iso",))
    if kind not in ("state", "territory"):
        yield error(
            place, "iso-code", "only states and territories have an ISO 3166 code", "Remove `iso:` and write `names:`."
        )
        return
    try:
        territory_names(model.iso)
    except TerritoryCodeError as unknown:
        yield error(place, "iso-code", unknown.finding, unknown.remedy)


def _class_issues(document: Document, kind: str, stated: Iterable[str]) -> list[Issue]:
    allowed = ENTITY_CLASSES[kind]
    return [
        error(
            document.place(("type", number)),
            "entity-type",
            f"a {kind} cannot be of type '{name}'",
            f"Write one of {', '.join(allowed)}." + suggestion(name, allowed),
        )
        for number, name in enumerate(stated)
        if name not in allowed
    ]


def _name_issues(path: Path, name: str) -> list[Issue]:
    if re.fullmatch(SLUG, path.stem) and not path.stem.startswith("unidentified-"):
        return []
    remedy = "Use lower-case Latin letters, digits and single hyphens; not 'unidentified-' in front."
    return [error(Place(name), "file-name", f"the file name '{path.stem}' cannot be an id", remedy)]


def _position_issues(document: Document, source: Source, claims: Iterable[Claim]) -> list[Issue]:
    issues = []
    for claim in claims:
        for number, (start, end) in enumerate(claim.notes.at or ()):
            place = document.place((*claim.way, "at", number))
            if source.text is None:
                remedy = "Add `text:` with its sha256 and length to the source, or remove `at`."
                issues.append(error(place, "no-text", "a position in a text that the source does not describe", remedy))
            elif start >= end:
                finding = f"the position [{start}, {end}] is empty or reversed"
                issues.append(error(place, "offset", finding, "Write [start, end] with start before end."))
            elif end > source.text.characters:
                finding = f"the position [{start}, {end}] ends beyond the text of {source.text.characters} characters"
                issues.append(error(place, "offset-beyond-text", finding, "Count code points of the NFC text from 0."))
    return issues


def _inferred_issues(document: Document, way: Key, fields: Fields, notes: ClaimNotes) -> list[Issue]:
    issues = []
    written = _at(document, way).get(next(k for k, v in CLAIM_KINDS.items() if isinstance(fields, v)))
    for number, name in enumerate(notes.inferred or ()):
        if name not in fields.identities or name not in written:
            place = document.place((*way, "inferred", number))
            remedy = "Only an identity may be inferred; give a vaguer date or place instead. " + (
                f"Fields here: {', '.join(sorted(fields.identities & set(written)))}."
            )
            issues.append(error(place, "not-an-identity", f"'{name}' cannot be inferred", remedy))
    for why in ("inferred", "rank"):
        if getattr(notes, why) is not None and notes.because is None:
            place = document.key_place((*way, why))
            issues.append(
                error(place, "no-reason", f"`{why}` stands without a reason", "Add `because:` with the reason.")
            )
    return issues


def _unknown_keys(document: Document, way: Key, known: set[str]) -> list[Issue]:
    item = _at(document, way)
    return [_unknown_key(document, (*way, key), known) for key in item if key not in known]


def _unknown_key(document: Document, way: Key, known: Iterable[str]) -> Issue:
    remedy = f"Known here: {', '.join(sorted(known))}." + suggestion(str(way[-1]), known)
    return error(document.key_place(way), "unknown-key", f"there is no key '{way[-1]}' here", remedy)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Write " Did you mean x?" if something known is near, else nothing."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else ""


M = TypeVar("M", bound=Model)

# --- pydantic's findings at the curator's line --------------------------------------------------------------------


def _model(
    kind: type[M], document: Document, way: Key, issues: list[Issue], ignore: frozenset[str] = frozenset()
) -> M | None:
    value = _at(document, way)
    if not isinstance(value, dict):
        name = way[-1] if way else "the record"
        finding = f"`{name}` is missing" if value is None else f"`{name}` is not a mapping"
        issues.append(error(document.place(way), "missing-key", finding, f"Write `{name}:` with its keys below."))
        return None
    try:
        return kind.model_validate({key: part for key, part in value.items() if key not in ignore})
    except ValidationError as problem:
        found = [_pydantic_issue(document, way, dict(detail), kind) for detail in problem.errors()]
        issues.extend(dict.fromkeys(found))
        return None


def _pydantic_issue(document: Document, way: Key, detail: dict[str, Any], kind: type[Model]) -> Issue:
    missing = detail["type"] == "missing"
    found = _way_in(document, way, detail["loc"][:-1] if missing else detail["loc"])
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
    return error(place, "value", _finding(detail), _remedy(detail))


def _finding(detail: dict[str, Any]) -> str:
    shown = detail["input"] if isinstance(detail["input"], str) else "this value"
    return f"'{shown}' does not fit: {detail['msg']}" if isinstance(detail["input"], str) else detail["msg"]


def _remedy(detail: dict[str, Any]) -> str:
    patterns: dict[str, str] = {
        f"^{SLUG}$": "Write lower-case Latin letters, digits and single hyphens.",
        f"^{SPELL}$": "A spell is a label that begins with a digit, such as 1974.",
        f"^{LANGUAGE}$": "Write a language tag, such as en or zh-Hans.",
    }
    pattern = str(detail.get("ctx", {}).get("pattern", ""))
    return patterns.get(pattern, "See data/README.md for what this field takes.")


def _known_keys(kind: type[Model], loc: tuple[str | int, ...]) -> list[str]:
    """List the keys known where `loc` leads: in nested models the nearest ones that can be told."""
    if len(loc) > 1 and "named" in loc:
        return ["is", "as"]
    if len(loc) > 1 and "unidentified" in loc[:-1]:
        return ["unidentified", "of", "each"]
    if len(loc) > 1 and "dated" in loc:
        return ["is", "on"]
    if len(loc) > 1 and "ref" in loc[:-1]:
        kind = SituationRef
    if len(loc) > 1 and loc[0] == "text" and kind is Source:
        return sorted(ArticleText.model_fields)
    return sorted(field.alias or name for name, field in kind.model_fields.items())


def _way_in(document: Document, way: Key, loc: tuple[str | int, ...]) -> Key:
    """Follow `loc` as far as the file goes, skipping the tags that pydantic puts into it.

    A tag can be spelled like a key (`unidentified`): the way that ends in what `loc` ends in goes first.
    """
    return max(_ways(document, way, loc), key=lambda found: (found[-1:] == loc[-1:], len(found)))


def _ways(document: Document, way: Key, loc: tuple[str | int, ...]) -> Iterator[Key]:
    if not loc:
        yield way
        return
    longer = (*way, loc[0])
    if longer in document.values or longer in document.keys:
        yield from _ways(document, longer, loc[1:])
    yield from _ways(document, way, loc[1:])


def _at(document: Document, way: Key) -> Any:
    value = document.content
    for part in way:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def read_all(
    paths: Iterable[Path], root: Path, read: Callable[[Path, str], tuple[T | None, list[Issue]]]
) -> tuple[list[T], list[Issue]]:
    """Read files in order of their names; `root` is what issue paths are relative to."""
    things: list[T] = []
    issues: list[Issue] = []
    for path in sorted(paths):
        thing, found = read(path, display_name(path, root))
        issues.extend(found)
        if thing is not None:
            things.append(thing)
    return things, issues


def display_name(path: Path, root: Path) -> str:
    """Name a file relative to `root` where it lies below it."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
