"""The kinds of claim: the fields that a curator writes under each.

A kind is its class here, registered by its word; docs/modelling.md, section 5, says what each means.
"""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

from pydantic import Field

from kgbuild.records.values import (
    About,
    AnyDate,
    Concept,
    Concepts,
    Count,
    Identifier,
    Issn,
    Language,
    MembershipRef,
    Model,
    Name,
    Names,
    Ordinal,
    Parties,
    Party,
    PointDate,
    Ref,
    Spell,
    Status,
    Text,
    Texts,
    True_,
    Url,
)

CLAIM_KINDS: dict[str, type[Fields]] = {}
"""Kind -> the model of its fields, in the order of the guide; each model enters itself."""
_IDENTITIES = (About, Name, Names, Parties, Party)


class Fields(Model):
    """The mapping under a claim's kind."""

    def __init_subclass__(cls, kind: str = "") -> None:
        """Register the class as the model of a kind of claim."""
        super().__init_subclass__()
        if kind:
            CLAIM_KINDS[kind] = cls

    @classmethod
    def identities(cls) -> set[str]:
        """Name the fields, as in a record, that hold an identity, so that `inferred` may name them; a place is none."""
        hints = get_type_hints(cls, include_extras=True).items()
        named = {name for name, hint in hints if any(each in _IDENTITIES for each in (hint, *get_args(hint)))}
        return {name.rstrip("_") for name in named} - {"place"}

    def get(self, field: str) -> Any:
        """Give the value of a field, called as in a record; AttributeError for what the kind has not."""
        return getattr(self, field if field in type(self).model_fields else f"{field}_")


class Membership(Fields, kind="membership"):
    """`of` is a member of `in`."""

    of: Parties
    in_: Party = Field(alias="in")
    standing: Concept | None = None
    features: Concepts | None = None
    joined: PointDate | None = None
    left: PointDate | None = None
    end_reason: Concept | None = None
    on: PointDate | None = None
    replaces: MembershipRef | None = None
    spell: Spell | None = None
    not_: True_ | None = Field(default=None, alias="not")


class Accession(Fields, kind="accession"):
    """`of` is on its way into `to`: it applied, was invited or admitted.  Taking effect is a membership."""

    of: Parties
    to: Party
    applied: PointDate | None = None
    invited: PointDate | None = None
    admitted: PointDate | None = None
    status: Status | None = None
    spell: Spell | None = None


class Suspension(Fields, kind="suspension"):
    """The membership of `of` in `in` is suspended, wholly or within a scope."""

    of: Parties
    in_: Party = Field(alias="in")
    from_: PointDate | None = Field(default=None, alias="from")
    until: PointDate | None = None
    scope: Text | None = None
    spell: Spell | None = None


class Participation(Fields, kind="participation"):
    """`of` took part in the meeting `in`, for somebody, in a capacity."""

    of: Parties
    in_: Name = Field(alias="in")
    for_: Parties | None = Field(default=None, alias="for")
    as_: Concept | None = Field(default=None, alias="as")
    presence: Concept | None = None
    not_: True_ | None = Field(default=None, alias="not")


class Tenure(Fields, kind="tenure"):
    """`of` holds the office `as` in `in`."""

    of: Party
    as_: Concept = Field(alias="as")
    in_: Party = Field(alias="in")
    from_: PointDate | None = Field(default=None, alias="from")
    until: PointDate | None = None
    on: PointDate | None = None
    to: Name | None = None
    represented_by: Party | None = None
    manner: Concept | None = None
    end_reason: Concept | None = None
    spell: Spell | None = None


class Meeting(Fields, kind="meeting"):
    """What a text says of a meeting: `planned` is what was announced, `held` what took place."""

    is_: Name = Field(alias="is")
    type: Concept | None = None
    held: AnyDate | None = None
    planned: AnyDate | None = None
    place: Names | None = None
    attendance: Concept | None = None
    series: Name | None = None
    edition: Ordinal | None = None
    host: Parties | None = None
    part_of: Name | None = None
    topic: Text | None = None
    concerning: Names | None = None
    status: Status | None = None


class Agreement(Fields, kind="agreement"):
    """What a text says of an agreement."""

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


class Signature(Fields, kind="signature"):
    """`of` signed, ratified, acceded to or withdrew from the agreement `to`."""

    of: Parties
    to: Name
    act: Concept
    on: PointDate | None = None
    signed_by: Parties | None = None
    in_force_from: PointDate | None = None
    spell: Spell | None = None
    not_: True_ | None = Field(default=None, alias="not")


class Programme(Fields, kind="programme"):
    """What a text says of a programme, project or initiative."""

    is_: Name = Field(alias="is")
    type: Concept | None = None
    run_by: Parties | None = None
    with_: Parties | None = Field(default=None, alias="with")
    from_: PointDate | None = Field(default=None, alias="from")
    until: PointDate | None = None
    concerning: Names | None = None
    status: Status | None = None


class Publication(Fields, kind="publication"):
    """What a text says of a journal, book, study or report."""

    is_: Name = Field(alias="is")
    type: Concept | None = None
    publisher: Parties | None = None
    published: PointDate | None = None
    issue: Text | None = None
    issn: Issn | None = None
    identifier: Identifier | None = None
    concerning: Names | None = None


class Change(Fields, kind="change"):
    """A founding, renaming or other change of an actor, `of`; or a succession, from `original` to `resulting`."""

    of: Name | None = None
    type: Concept
    date: PointDate | None = None
    original: Names | None = None
    resulting: Names | None = None
    at: Names | None = None
    place: Name | None = None
    initiated_by: Parties | None = None
    spell: Spell | None = None


class Utterance(Fields):
    """What decisions, proposals and statements share."""

    ref: Ref
    at: Name | None = None
    in_: Name | None = Field(default=None, alias="in")
    by: Parties | None = None
    what: Text | None = None
    date: PointDate | None = None
    concerning: Names | None = None


class Decision(Utterance, kind="decision"):
    """A decision taken at a meeting or set out in an agreement."""

    carried_out_by: Names | None = None
    led_to: Names | None = None


class Proposal(Utterance, kind="proposal"):
    """Something put forward, not yet decided."""

    for_: Parties | None = Field(default=None, alias="for")
    within: Names | None = None
    status: Status | None = None


class Statement(Utterance, kind="statement"):
    """Something said: an invitation, readiness, an appraisal, an announcement, a request."""

    act: Concept
    for_: Parties | None = Field(default=None, alias="for")
    to: Parties | None = None


class Attribute(Fields, kind="attribute"):
    """A property of an entity that is no situation; a closed list."""

    of: Name
    purpose: Text | None = None
    description: Text | None = None
    practice: Text | None = None
    entry_rule: Text | None = None
    legal_basis: Text | None = None
    funding: Text | None = None
    website: Url | None = None
    identifier: Identifier | None = None
    language: Language | None = None


class StatusClaim(Fields, kind="status"):
    """The status of something on a date."""

    of: About
    is_: Concept = Field(alias="is")
    on: PointDate | None = None


class NameClaim(Fields, kind="name"):
    """A name that something bears, from one date until another."""

    of: Name
    text: Texts
    in_: Name | None = Field(default=None, alias="in")
    kind: Concept | None = None
    from_: PointDate | None = Field(default=None, alias="from")
    until: PointDate | None = None


class Seat(Fields, kind="seat"):
    """`of` has its headquarters, secretariat, centre or branch in a place, or with a host."""

    of: Name
    as_: Concept = Field(alias="as")
    place: Name | None = None
    host: Party | None = None
    from_: PointDate | None = Field(default=None, alias="from")
    until: PointDate | None = None
    on: PointDate | None = None


class CountClaim(Fields, kind="count"):
    """How many there are of something: a number with its date."""

    of: Name
    what: Concept
    number: Count
    on: PointDate | None = None


class Tie(Fields, kind="tie"):
    """`from` is tied to `to`: as a partner, an affiliate, a part."""

    from_: Party = Field(alias="from")
    to: Parties
    type: Concept
    from_date: PointDate | None = None
    until: PointDate | None = None
    on: PointDate | None = None
    spell: Spell | None = None
    not_: True_ | None = Field(default=None, alias="not")
