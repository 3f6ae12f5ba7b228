"""What can be wrong, and where: issues in data, errors in set-up.

Bad data is collected as `Issue`s, all of them, and then fails a stage once.  A bad program or set-up raises
a `KgError` at once.  Both say place, finding, remedy.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Final

_ACTIVE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufff9-\ufffb]"
    f"|[{''.join(chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF))}]"
    r"|(?<=:)(?<!\[:):(?![0-9\]])|(?<=#)#(?=\w*\[)"
)
"""Controls (C0, C1), marks of direction, ends of lines, halves of surrogates, noncharacters, interlinear marks; and the
second sign of what begins a command in logs: `::set-env` (GitHub, anywhere from the beginning of a line), `##[group]`,
`##vso[…]`, `##teamcity[…]` (anywhere in one). A number or bracket beside `::` is of an IPv6 address."""


class ExitCode(IntEnum):
    """What the command returns to the shell."""

    WELL = 0
    FINDINGS = 1
    USAGE = 2
    FAILURE = 3


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file of the project: 1-based line and column, columns counted in characters."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Write the place as editors read it: `path:line:column`; a whole file is its path alone."""
        path = inert(self.path)
        return f"{path}:{self.line}:{self.column}" if self.line else path


@dataclass(frozen=True, slots=True, order=True)
class Issue:
    """One finding: sorted by place, then by severity, code and text, so that two runs print the same.

    `severity` is `error` (nothing is released) or `warning` (released, and said).
    """

    place: Place
    severity: str
    code: str
    finding: str
    remedy: str = ""

    def __str__(self) -> str:
        """Write the issue as one line: `path:line:column severity code: finding. remedy`."""
        finding = self.finding.rstrip(".")
        remedy = f" {self.remedy}" if self.remedy else ""
        return inert(f"{self.place} {self.severity} {self.code}: {finding}.{remedy}")


class Findings:
    """The issues of a stage: collected in any order, gone through in theirs, raised if one is an error."""

    def __init__(self, issues: Iterable[Issue] = ()) -> None:
        self._issues = set(issues)

    def __iter__(self) -> Iterator[Issue]:
        """Go through the issues, sorted and without twins."""
        return iter(sorted(self._issues))

    def __len__(self) -> int:
        """Count the issues."""
        return len(self._issues)

    def add(self, issues: Iterable[Issue]) -> None:
        """Take issues in."""
        self._issues.update(issues)

    def error(self, place: Place, code: str, finding: str, remedy: str = "") -> None:
        """Take an issue in that keeps a release from being made."""
        self._issues.add(error(place, code, finding, remedy))

    def has_errors(self, besides: str = "") -> bool:
        """Tell whether one of the issues is an error, of another code than `besides`."""
        return any(issue.severity == "error" and issue.code != besides for issue in self._issues)

    def raise_errors(self) -> None:
        """Raise `DataError` with all issues if one of them is an error."""
        if self.has_errors():
            raise DataError(list(self))


def inert(text: str) -> str:
    r"""Write a text as one line that no terminal, log reader or eye takes for more than a text; twice is as once.

    >>> print(inert("a\x1b[2J::add-mask::b"))
    a\u{1b}[2J:\u{3a}add-mask:\u{3a}b
    """
    return _ACTIVE.sub(lambda found: f"\\u{{{ord(found[0]):x}}}", text)


def error(place: Place, code: str, finding: str, remedy: str = "") -> Issue:
    """Make an issue that keeps a release from being made."""
    return Issue(place, "error", code, finding, remedy)


def warning(place: Place, code: str, finding: str, remedy: str = "") -> Issue:
    """Make an issue that is said, and released all the same."""
    return Issue(place, "warning", code, finding, remedy)


class KgError(Exception):
    """Something that stops the program; `exit_code` is what the shell is told."""

    exit_code = ExitCode.FAILURE


class UsageError(KgError):
    """The command was called wrongly, or its set-up lacks something."""

    exit_code = ExitCode.USAGE


class EngineError(KgError):
    """A query engine, embedded or remote, did not answer."""


@dataclass
class DataError(KgError):
    """A stage ended with findings in the data: all of them, sorted."""

    issues: list[Issue] = field(default_factory=list)
    exit_code = ExitCode.FINDINGS

    def __post_init__(self) -> None:
        """Keep the issues sorted and without twins."""
        self.issues = sorted(set(self.issues))

    def __str__(self) -> str:
        """Write one issue a line."""
        return "\n".join(str(issue) for issue in self.issues)


def display_name(path: Path, root: Path) -> str:
    """Name a file as issues call it: relative to `root` where it lies below it."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def suggestion(word: str, known: Iterable[str], before: str = "") -> str:
    """Write " Did you mean x?" if something known is near, else nothing; `before` stands in front of what is known."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f" Did you mean {before}{near[0]}?" if near else ""
