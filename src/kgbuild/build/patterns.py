"""Patterns: how a kind of fact is written, from the record to the question that finds it (ontology/patterns)."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from kgbuild.core.errors import Findings, display_name
from kgbuild.core.files import find_files
from kgbuild.records.documents import read_document
from kgbuild.records.values import Model


class PatternText(Model):
    """A file of the folder: all that a pattern says but its name."""

    title: dict[str, str]
    about: dict[str, str]
    shows: str
    """Local name of the class that the diagram shows."""
    record: str
    """Claims as a curator writes them, in YAML."""
    turtle: str
    """What the build makes of them; a test compares."""
    question: str
    """Name of the question that uses the pattern."""
    examples: list[str] = Field(min_length=1)
    """Prefixed names of things in the data that follow it."""


class Pattern(PatternText):
    """A pattern with its name, as in its address."""

    name: str


def read_patterns(folder: Path, root: Path, findings: Findings) -> list[Pattern]:
    """Read the patterns of a folder, in order of their names; what is wrong with one is a finding at its line."""
    from kgbuild.records.findings import read_model  # a server, which reads patterns off a release, lacks what it needs

    found = []
    for path in find_files(folder, "*.yaml"):
        document = read_document(path, display_name(path, root), findings)
        read = read_model(PatternText, document, (), findings) if document else None
        if read:
            found.append(Pattern(name=path.stem, **read.model_dump()))
    return found
