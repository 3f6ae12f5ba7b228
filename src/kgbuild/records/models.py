"""Articles and entities, as records have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from kgbuild.core.errors import Place
from kgbuild.records.documents import Document, KeyPath
from kgbuild.records.kinds import Fields
from kgbuild.records.territories import territory_names
from kgbuild.records.values import (
    Concept,
    Day,
    Language,
    Model,
    Name,
    Offset,
    OneOrMore,
    Published,
    Ref,
    Sha256,
    Text,
    True_,
    Url,
)


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


class Correction(Model):
    """An error of ours that was put right: when, and what stood there before."""

    on: Day
    note: Text


class Corrected(Model):
    """What articles and entities say of their own errors, oldest first."""

    corrections: list[Correction] = Field(default_factory=list)


class Withdrawal(Model):
    """All that a record says once it is withdrawn: since when, and why."""

    on: Day
    reason: Text


@dataclass(frozen=True)
class Withdrawn:
    """What is left of an article or an entity: its id, and that it was withdrawn."""

    id: str
    kind: str
    """`article`, or the kind of the entity."""
    model: Withdrawal
    document: Document

    def place(self, *path: str | int) -> Place:
        """Find the place of a value of the record."""
        return self.document.place(path)


@dataclass(frozen=True)
class Claim:
    """One item of an article: a kind, its fields, and the notes beside them."""

    kind: str
    fields: Fields
    notes: ClaimNotes
    written: dict[str, Any]
    """The mapping under the kind exactly as written: what the claim's hash is made of."""
    path: KeyPath
    """Where the item stands in its document: `("claims", 3)`."""


@dataclass(frozen=True)
class Article:
    """One curated article."""

    id: str
    source: Source
    claims: tuple[Claim, ...]
    document: Document
    corrections: tuple[Correction, ...] = ()

    def place(self, *path: str | int) -> Place:
        """Find the place of a value of the record."""
        return self.document.place(path)


class EntityModel(Corrected):
    """An entity file: who or what something is, and nothing that happened."""

    type: OneOrMore[Text] | None = None
    names: dict[Language, Text] = Field(default_factory=dict)
    iso: Text | None = None
    identifiers: dict[Concept, Text] = Field(default_factory=dict)
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

    def place(self, *path: str | int) -> Place:
        """Find the place of a value of the file."""
        return self.document.place(path)

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
