"""What a page is made of: sections of facts, tables, timelines and charts; `thing.html` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kgbuild.server.views.charts import Bars, Timeline
from kgbuild.server.views.graph import Fact, Thing, Value, Voice


def N_(text: str) -> str:  # noqa: N802 - the name by which the collector of messages knows it
    """Mark a text of the interface, which the templates translate."""
    return text


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: values in each cell, who says so, and what contests it.

    `itself` is the situation that a row tells of, where no cell leads to it; `marks` (message ids)
    are short words beside the first cell, such as "denied".
    """

    cells: tuple[tuple[Value, ...], ...]
    voices: tuple[Voice, ...] = ()
    contested: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    itself: Thing | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """A list of facts."""

    facts: tuple[Fact, ...]
    form: ClassVar[str] = "facts"


@dataclass(frozen=True, slots=True)
class Rows:
    """A table; columns are message ids. `origin` is "registry" where nothing of it is from an article."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    origin: str = ""
    form: ClassVar[str] = "rows"


@dataclass(frozen=True, slots=True)
class Links:
    """A plain list of things."""

    things: tuple[Thing, ...]
    form: ClassVar[str] = "links"


Block = Facts | Rows | Links | Timeline | Bars


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page: an anchor, a title (a message id), and blocks."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """What a view gives: the sections of the page, schema.org data, and whatever else its template wants."""

    sections: tuple[Section, ...]
    schema: Mapping[str, Any] = field(default_factory=dict)
    template: str = "thing.html"
    values: Mapping[str, Any] = field(default_factory=dict)


def section(anchor: str, title: str, *blocks: Block | None) -> Section | None:
    """Make a section of the blocks that hold anything; None where none does."""
    kept = tuple(block for block in blocks if block is not None and not is_empty(block))
    return Section(anchor, title, kept) if kept else None


def sections(*made: Section | None) -> tuple[Section, ...]:
    """Keep the sections that there are."""
    return tuple(each for each in made if each is not None)


def facts(*made: Fact | None) -> Facts:
    """Keep the facts that there are."""
    return Facts(tuple(each for each in made if each is not None))


def rows(columns: Sequence[str], made: Iterable[Row]) -> Rows:
    """Make a table, without the columns in which no row has anything."""
    whole = tuple(made)
    kept = [index for index in range(len(columns)) if any(row.cells[index] for row in whole)]
    cut = (Row(tuple(row.cells[i] for i in kept), row.voices, row.contested, row.marks, row.itself) for row in whole)
    return Rows(tuple(columns[i] for i in kept), tuple(cut))


def is_empty(block: Block) -> bool:
    """Tell whether there is nothing in a block."""
    match block:
        case Facts():
            return not block.facts
        case Rows():
            return not block.rows
        case Links():
            return not block.things
        case Timeline():
            return not block.bars
        case Bars():
            return not block.bars
