"""The values of a record's fields: dates, numbers, names and parties, each read from the text that a curator writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PlainValidator, StringConstraints, Tag, WithJsonSchema

from kgbuild.core.dates import DateNode, parse_date, window

SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"
SPELL = r"[0-9][a-z0-9]*(?:-[a-z0-9]+)*"
LANGUAGE = r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*"


class RecordError(ValueError):
    """A value that is not what its field takes; keeps finding and remedy apart."""

    def __init__(self, code: str, finding: str, remedy: str) -> None:
        super().__init__(finding)
        self.code, self.finding, self.remedy = code, finding, remedy


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
    finding = f"this is not a date: keys {', '.join(sorted(map(str, value)))}"
    raise RecordError("date", finding, "Write {not_after: …}, {not_before: …} or {between: [first, last]}.")


def _point(value: object) -> DateNode:
    node = _date(value)
    if node.precision == "interval":
        finding = f"'{node.edtf}' is a stretch of time, and this field takes one date"
        remedy = "Write the date itself; for 'on some day between' write {between: [first, last]}."
        raise RecordError("date-is-interval", finding, remedy)
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
    remedy = f"Write a whole number, as 29, or a mapping, as {{more_than: 125}}; known: {', '.join(_COMPARATORS)}."
    raise RecordError("number", "this is not a number", remedy)


def _ordinal(value: object) -> int:
    if isinstance(value, str | int) and re.fullmatch(r"[1-9][0-9]{0,4}", str(value)):
        return int(value)
    raise RecordError("ordinal", f"'{value}' is no ordinal number", "Write the number alone, as 4 for the fourth.")


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
    remedy = "Write the 64 hex digits that `sha256sum` prints, in quotes."
    raise RecordError("wrong-hash", f"'{value}' is not a SHA-256", remedy)


def _published(value: object) -> str:
    if isinstance(value, str):
        day, _, time = value.partition("T")
        _point(day)
        if "T" not in value or re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?", time):
            return value
    raise RecordError("date", f"'{value}' is not a date of publication", "Write 2024-02-21 or 2024-02-21T15:35.")


def _day(value: object) -> str:
    if isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return _point(value).edtf
    raise RecordError("date", f"'{value}' is not a day", "Write a whole day, as 2026-11-26.")


def _either_or_one_key(plain: dict[str, Any], keys: dict[str, Any], description: str) -> WithJsonSchema:
    """Describe to editors a plain value, or a mapping that has one of these keys."""
    mapping = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False}
    return WithJsonSchema({"anyOf": [plain, {**mapping, "properties": keys}], "description": description})


_WORD: dict[str, Any] = {"type": ["string", "integer"]}
_WHOLE: dict[str, Any] = {"type": "integer", "minimum": 0}
_PAIR: dict[str, Any] = {"type": "array", "items": _WORD, "minItems": 2, "maxItems": 2}
_DATE_SCHEMA = _either_or_one_key(
    _WORD,
    {"not_after": _WORD, "not_before": _WORD, "between": _PAIR},
    "2023, 2023-11, 2023-11-08, 2023?, 2023~, 201X; {not_after: …}, {not_before: …}, {between: […, …]}",
)

AnyDate = Annotated[DateNode, PlainValidator(_date), _DATE_SCHEMA]
"""A date or a stretch of time (`2023-05-18/2023-05-19`)."""
PointDate = Annotated[DateNode, PlainValidator(_point), _DATE_SCHEMA]
"""A date, however vague, but no stretch of time."""
Offset = Annotated[int, PlainValidator(_offset), WithJsonSchema(_WHOLE)]
Ordinal = Annotated[int, PlainValidator(_ordinal), WithJsonSchema({"type": "integer", "minimum": 1})]
"""Which one in a row: 1 for the first."""
Count = Annotated[
    Number,
    PlainValidator(_number),
    _either_or_one_key(
        _WHOLE,
        dict.fromkeys(_COMPARATORS, _WHOLE),
        "29, or {more_than: 125}, {about: 40}, {at_least: …}, {at_most: …}, {less_than: …}",
    ),
]
"""A whole number, exact or not."""
Issn = Annotated[str, PlainValidator(_issn), WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{3}[0-9X]$"})]
True_ = Annotated[bool, PlainValidator(_true), WithJsonSchema({"const": True})]
Sha256 = Annotated[str, PlainValidator(_sha256), WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{64}$"})]
Published = Annotated[str, PlainValidator(_published), WithJsonSchema(_WORD)]
Day = Annotated[str, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A day, YYYY-MM-DD: of what curators do, not of what articles tell."""
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>\"{}|\\^`]+$")]
Name = Annotated[str, StringConstraints(min_length=1), WithJsonSchema(_WORD)]
"""An entity's id, or one of its names."""
Concept = Annotated[str, StringConstraints(pattern=f"^{SLUG}$")]
Ref = Annotated[str, StringConstraints(pattern=f"^{SLUG}$")]
Spell = Annotated[str, StringConstraints(pattern=f"^{SPELL}$"), WithJsonSchema({**_WORD, "pattern": f"^{SPELL}$"})]
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


def _tell(tag: str, types: type | tuple[type, ...], other: str) -> Discriminator:
    """Tell two forms of a value apart by its type."""
    return Discriminator(lambda value: tag if isinstance(value, types) else other)


def _party_tag(value: object) -> str:
    if isinstance(value, Unidentified) or (isinstance(value, dict) and "unidentified" in value):
        return "unidentified"
    return "named" if isinstance(value, (dict, Named)) else "id"


Party = Annotated[
    Annotated[Name, Tag("id")] | Annotated[Named, Tag("named")] | Annotated[Unidentified, Tag("unidentified")],
    Discriminator(_party_tag),
]
"""An actor: its id, its id with the text's spelling, or a description of one not named."""


T = TypeVar("T")
OneOrMore = Annotated[
    Annotated[T, Tag("one")] | Annotated[list[T], Field(min_length=1), Tag("list")], _tell("list", list, "one")
]
"""One thing or a list of them."""
Parties = OneOrMore[Party]
Names = OneOrMore[Name]
Concepts = OneOrMore[Concept]


class IdentifierValue(Model):
    """An identifier with its scheme: `{scheme: untc, value: I-12345}`."""

    scheme: Concept
    value: Annotated[Text, WithJsonSchema(_WORD)]


Identifier = Annotated[
    Annotated[Text, Tag("plain")] | Annotated[IdentifierValue, Tag("in scheme")],
    _tell("in scheme", (dict, IdentifierValue), "plain"),
]
"""A code as printed, or one of a scheme that we know."""


class StatusValue(Model):
    """A status with its date: `{is: paused, on: 2024-12}`."""

    is_: Concept = Field(alias="is")
    on: PointDate | None = None


Status = Annotated[
    Annotated[Concept, Tag("plain")] | Annotated[StatusValue, Tag("dated")],
    _tell("dated", (dict, StatusValue), "plain"),
]


class MembershipRef(Model):
    """Another membership; what is left out is as in the one that refers to it: `{in: gatt}`, `{spell: 1947}`."""

    of: Name | None = None
    in_: Name | None = Field(default=None, alias="in")
    spell: Spell | None = None


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


About = Annotated[
    Annotated[Name, Tag("entity")] | Annotated[SituationRef, Tag("ref")], _tell("ref", (dict, SituationRef), "entity")
]
