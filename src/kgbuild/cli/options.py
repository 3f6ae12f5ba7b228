"""What commands share: their options, and how they speak to the terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Final

import typer

from kgbuild.core.errors import UsageError, inert

Build = Annotated[Path, typer.Option("--build-dir", help="Folder of what is generated.")]
Records = Annotated[Path, typer.Option("--records", help="Folder of the records.")]
Texts = Annotated[
    Path | None, typer.Option("--texts", help="Folder with texts of articles, to check and cut passages.")
]
Format = Annotated[str, typer.Option("--format", help="One of table, csv, json, markdown.")]
DefaultGraph = Annotated[
    str, typer.Option("--default-graph", help="The graph there that holds what holds, where it is a named one.")
]
Endpoint = Annotated[
    str | None, typer.Option("--endpoint", help="A SPARQL 1.1 endpoint to ask instead of the release.")
]
Timeout = Annotated[float, typer.Option(help="Seconds to wait for the answer; 0 for as long as it takes.", min=0)]
Questions = Annotated[Path, typer.Option("--questions", help="Folder of the named questions (*.rq).")]

RECORDS: Final = Path("data")
BUILD: Final = Path("build")
QUERIES: Final = Path("queries")
QUESTIONS: Final = QUERIES / "questions"


def reconfigure(**how: str) -> None:
    """Change how standard output is encoded."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(**how)  # type: ignore[arg-type]


def check_choice(option: str, value: str, choices: Collection[str]) -> None:
    """Refuse a value that an option does not have."""
    if value not in choices:
        raise UsageError(f"--{option} {value}: there is no such {option}. Use one of {', '.join(choices)}.")


def say(text: str) -> None:
    """Tell people something beside the answer: on standard error, in lines that no terminal or log reader obeys."""
    print("\n".join(map(inert, text.split("\n"))), file=sys.stderr)
