"""Says how far long work has come: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

T = TypeVar("T")


class Reporter:
    """What a stage needs to say how far it is."""

    def each(self, title: str, things: Sequence[T]) -> Iterator[T]:  # noqa: ARG002
        """Go through things one by one, under a title."""
        return iter(things)

    def step(self, title: str) -> None:
        """Say that a piece of work without parts begins."""


class Silent(Reporter):
    """Says nothing: for tests, and for commands whose output is the answer."""


class Lines(Reporter):
    """One plain line for each stage: for logs."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def each(self, title: str, things: Sequence[T]) -> Iterator[T]:
        """Go through things; a line at the beginning, and one every ten seconds."""
        self.step(f"{title} ({len(things)})")
        said = time.monotonic()
        for done, thing in enumerate(things):
            if time.monotonic() - said > 10:
                said = time.monotonic()
                self.step(f"{title}: {done} of {len(things)}")
            yield thing

    def step(self, title: str) -> None:
        """Print the title."""
        self.console.print(title, highlight=False, markup=False)


class Bars(Reporter):
    """A Rich bar for each stage: for a terminal."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def each(self, title: str, things: Sequence[T]) -> Iterator[T]:
        """Go through things; the bar moves with each."""
        task = self.progress.add_task(title, total=len(things))
        for thing in things:
            yield thing
            self.progress.advance(task)

    def step(self, title: str) -> None:
        """Show a line that is done."""
        self.progress.add_task(title, total=1, completed=1)


@contextmanager
def reporting(console: Console) -> Iterator[Reporter]:
    """Report to a console: bars if it is a terminal, lines if not."""
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield Bars(progress)
