"""Diagrams as inline SVG (https://www.w3.org/TR/SVG2/): drawn here from data, coloured by the stylesheet.

An SVG has a title and a description for those who do not see it, and nothing in it can be reached by keyboard: what it
shows also stands in the page as text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

ROW: Final = 30
"""Pixels from one leaf of a tree to the next."""
BOX: Final = 22
GAP: Final = 36
PART: Final = 54
"""Pixels from one part of a situation to the next."""
_LETTER: Final = 7.6
"""Pixels that a letter is given, at the font size of the stylesheet; one as wide as high has nearly twice as much."""
_WIDE: Final = 13.5


@dataclass(frozen=True)
class DiagramText:
    """What a diagram is called in the page and to people, what it shows in words, and the language of its texts."""

    name: str
    title: str
    about: str
    language: str


@dataclass(frozen=True)
class Node:
    """A node of a tree."""

    name: str
    below: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Part:
    """A part of a situation: what it is called, what its values are, and whether every kind of situation has it."""

    name: str
    values: str
    is_general: bool = False


def width_of(text: str) -> float:
    """Estimate the width of a text in pixels.

    >>> width_of("ab") < width_of("学院") < width_of("abcd")
    True
    """
    return sum(_WIDE if unicodedata.east_asian_width(letter) in "WF" else _LETTER for letter in text)


def tree_diagram(caption: DiagramText, roots: Sequence[Node]) -> Markup:
    """Draw trees from left to right, one below the other."""
    columns = list(_columns(roots))
    lefts = [4.0]
    for column in columns:
        lefts.append(lefts[-1] + max(map(width_of, column)) + 16 + GAP)
    drawn: list[Markup] = []
    bottom = 4.0
    for root in roots:
        _, bottom = _draw(root, 0, bottom, lefts, drawn)
    return _svg(caption, lefts[-1] - GAP + 4, bottom + 4, drawn)


def _columns(nodes: Sequence[Node]) -> Iterable[list[str]]:
    while nodes:
        yield [node.name for node in nodes]
        nodes = [each for node in nodes for each in node.below]


def _draw(node: Node, depth: int, top: float, lefts: list[float], drawn: list[Markup]) -> tuple[float, float]:
    """Draw a node with all below it, from `top` on; gives the height of its middle, and where the next one begins."""
    bottom, middles = top, []
    for each in node.below:
        middle, bottom = _draw(each, depth + 1, bottom, lefts, drawn)
        middles.append(middle)
    middle = (middles[0] + middles[-1]) / 2 if middles else top + ROW / 2
    right = lefts[depth] + width_of(node.name) + 16
    elbow = lefts[depth + 1] - GAP / 2
    line = Markup('<path d="M{:.0f} {:.0f}H{:.0f}V{:.0f}H{:.0f}"/>')
    drawn += [line.format(right, middle, elbow, other, lefts[depth + 1]) for other in middles]
    drawn.append(_box(node.name, lefts[depth], middle, right - lefts[depth], ""))
    return middle, max(bottom, top + ROW)


def situation_diagram(caption: DiagramText, middle: str, keys: Sequence[Part], values: Sequence[Part]) -> Markup:
    """Draw a situation as the node in the middle: what identifies it on its left, what is said of it on its right."""
    left = max((_part_width(part) for part in keys), default=0.0)
    right = max((_part_width(part) for part in values), default=0.0)
    centre_left = 4 + left + 2 * GAP
    centre_right = centre_left + width_of(middle) + 24
    height = max(len(keys), len(values), 1) * PART
    drawn: list[Markup] = []
    for part, at in zip(keys, _spread(len(keys), height), strict=True):
        drawn += _part(part, 4, at, left, (centre_left, height / 2), at_right=False)
    for part, at in zip(values, _spread(len(values), height), strict=True):
        drawn += _part(part, centre_right + 2 * GAP, at, right, (centre_right, height / 2), at_right=True)
    drawn.append(_box(middle, centre_left, height / 2, centre_right - centre_left, "centre"))
    return _svg(caption, centre_right + 2 * GAP + right + 4, height, drawn)


def _part_width(part: Part) -> float:
    return max(width_of(part.name), width_of(part.values)) + 16


def _spread(count: int, height: float) -> list[float]:
    return [height * (2 * number + 1) / (2 * count) for number in range(count)]


def _part(
    part: Part, left: float, at: float, width: float, centre: tuple[float, float], *, at_right: bool
) -> list[Markup]:
    edge, (x, y) = (left if at_right else left + width), centre
    bend = (edge + x) / 2
    line = Markup('<path class="{}" d="M{:.0f} {:.0f}C{:.0f} {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}"/>').format(
        "general" if part.is_general else "own", x, y, bend, y, bend, at, edge, at
    )
    kind = "general" if part.is_general else "key" if not at_right else "own"
    texts = Markup('<text x="{:.0f}" y="{:.0f}">{}</text><text class="soft" x="{:.0f}" y="{:.0f}">{}</text>').format(
        left + 8, at - 4, part.name, left + 8, at + 14, part.values
    )
    return [line, _rectangle(kind, left, at - BOX, width, 2 * BOX), texts]


def _box(text: str, left: float, middle: float, width: float, kind: str) -> Markup:
    written = Markup('<text x="{:.0f}" y="{:.1f}">{}</text>').format(left + 8, middle + 4.5, text)
    return _rectangle(kind, left, middle - BOX / 2, width, BOX) + written


def _rectangle(kind: str, left: float, top: float, width: float, height: int) -> Markup:
    rectangle = Markup('<rect class="{}" x="{:.0f}" y="{:.0f}" width="{:.0f}" height="{}" rx="4"/>')
    return rectangle.format(kind, left, top, width, height)


def _svg(caption: DiagramText, width: float, height: float, drawn: Iterable[Markup]) -> Markup:
    head = Markup(
        '<svg class="diagram" role="img" aria-labelledby="diagram-{0}-title diagram-{0}-about" '
        'width="{1:.0f}" height="{2:.0f}" viewBox="0 0 {1:.0f} {2:.0f}" xmlns="http://www.w3.org/2000/svg">'
        '<title id="diagram-{0}-title">{3}</title><desc id="diagram-{0}-about">{4}</desc><g lang="{5}">'
    ).format(caption.name, width, height, caption.title, caption.about, caption.language)
    return head + Markup("\n").join(drawn) + Markup("</g></svg>")
