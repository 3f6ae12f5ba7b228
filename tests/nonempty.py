"""Loops that check something: `for thing in nonempty(things):` fails where there is nothing to check."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def nonempty(things: Iterable[T]) -> list[T]:
    """Give what a loop goes over, which must not be nothing."""
    found = list(things)
    assert found, "there is nothing to check"
    return found
