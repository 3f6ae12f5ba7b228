"""What a page is made of: sections of facts, tables, lists, timelines and charts; `parts.html` writes each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


def N_(text: str) -> str:  # noqa: N802 - the name by which the collector of messages knows it
    """Mark a text of the interface that is translated elsewhere."""
    return text


@dataclass(frozen=True, slots=True)
class Shown:
    """A term as a page shows it; `iri` is empty for a text or a number."""

    text: str
    iri: str = ""
    language: str = ""
    is_descriptive: bool = False
    """The name is the curators' description, for want of one of its own."""
    title: str = ""
    """The text as the data have it, where another is shown; the datatype of a value in an answer."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A claim as a source of a fact: in which article, whose, of when, and what it says.

    `positions` are code points [start, end) of the article's text.  `supports` marks a claim about an unnamed party
    that the thing stands for.
    """

    claim: str
    article: Shown
    publisher: Shown | None
    published: str
    url: str
    says: Shown
    positions: tuple[tuple[int, int], ...]
    is_inferred: bool
    because: Shown | None
    named_as: tuple[str, ...]
    is_deprecated: bool
    supports: bool = False

    @property
    def anchor(self) -> str:
        """Name the place of the claim on the page of its article."""
        return self.claim.rpartition("--")[2].rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Value:
    """A value with its voices; `origin` is `articles`, `registry` or `computed`."""

    term: Shown
    voices: tuple[Voice, ...] = ()
    origin: str = "articles"


@dataclass(frozen=True, slots=True)
class Fact:
    """A property with all its values; `contested` are the disagreements about it."""

    name: Shown
    values: tuple[Value, ...]
    property: str = ""
    contested: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: values in each cell, who says so, and what contests it.

    `itself` is the thing that a row tells of, where no cell leads to it; `contested` leads to disagreements and
    denials, each with its word; `marks` are short words beside the first cell.
    """

    cells: tuple[tuple[Shown, ...], ...]
    voices: tuple[Voice, ...] = ()
    contested: tuple[Shown, ...] = ()
    marks: tuple[str, ...] = ()
    itself: Shown | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """A list of facts; `plain` ones have no sources: their page is the source."""

    facts: tuple[Fact, ...]
    plain: bool = False
    form: ClassVar[str] = "facts"


@dataclass(frozen=True, slots=True)
class SectionTable:
    """A table; `origin` is "registry" where nothing of it is from an article."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    origin: str = ""
    form: ClassVar[str] = "table"


@dataclass(frozen=True, slots=True)
class Entries:
    """A list of things, each with a word or a number beside it; `counts` are set in columns."""

    entries: tuple[tuple[Shown, str], ...]
    counts: bool = False
    form: ClassVar[str] = "entries"


@dataclass(frozen=True, slots=True)
class Voices:
    """Claims that stand open."""

    voices: tuple[Voice, ...]
    form: ClassVar[str] = "voices"


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence of the interface, and the things that it leads to."""

    text: str
    things: tuple[Shown, ...] = ()
    query: str = ""
    """A SPARQL query for all of what is shown in part."""
    is_aside: bool = False
    form: ClassVar[str] = "note"


@dataclass(frozen=True, slots=True)
class Mark:
    """A passage on the bar of a text."""

    x: float
    width: float
    number: int
    says: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passages:
    """A whole text as a bar with its passages."""

    marks: tuple[Mark, ...]
    width: int
    length: int
    form: ClassVar[str] = "passages"


@dataclass(frozen=True, slots=True)
class Other:
    """What another article says of the same; `relation` is one of `articles.RELATIONS`."""

    relation: str
    property: Shown | None
    value: Shown | None
    voice: Voice


@dataclass(frozen=True, slots=True)
class ClaimEntry:
    """A claim on the page of its article, with what it asserts and what others say of the same."""

    voice: Voice
    rank: str
    bodies: tuple[Shown, ...]
    facts: Facts
    others: tuple[Other, ...]


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims in the order of the text."""

    claims: tuple[ClaimEntry, ...]
    form: ClassVar[str] = "claims"


@dataclass(frozen=True, slots=True)
class Others:
    """What other articles say of what a claim is about."""

    others: tuple[Other, ...]
    form: ClassVar[str] = "others"


@dataclass(frozen=True, slots=True)
class ConceptBranch:
    """A concept with those below it, and how often it is used."""

    link: Shown
    count: int
    below: tuple[ConceptBranch, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """Concepts below their broader ones."""

    branches: tuple[ConceptBranch, ...]
    form: ClassVar[str] = "tree"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page: an anchor, a title in the reader's language, a word that marks it, and blocks."""

    anchor: str
    title: Shown
    blocks: tuple[Any, ...]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What the page of a thing shows; `notes` stand above its sections, `schema` is data for search engines."""

    thing: str
    heading: Shown
    kind: Shown
    sections: tuple[Section, ...]
    names: tuple[Shown, ...] = ()
    notes: tuple[Note, ...] = ()
    schema: Mapping[str, Any] = field(default_factory=dict)


def section(anchor: str, title: str | Shown, *blocks: Any, mark: str = "") -> Section | None:
    """Make a section of the blocks that there are; None where there is none."""
    kept = tuple(block for block in blocks if block is not None)
    return Section(anchor, title if isinstance(title, Shown) else Shown(title), kept, mark) if kept else None


def sections(*made: Section | None) -> tuple[Section, ...]:
    """Keep the sections that there are."""
    return tuple(each for each in made if each is not None)


def facts(made: Iterable[Fact | None], *, plain: bool = False) -> Facts | None:
    """Make a list of the facts that there are; None where there is none."""
    kept = tuple(each for each in made if each is not None)
    return Facts(kept, plain) if kept else None
