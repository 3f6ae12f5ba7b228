"""The texts of the interface: those that the templates have, and those that the catalogue translates."""

from __future__ import annotations

from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import kgbuild
from kgbuild.server.http.problems import TITLES

SERVER = Path(kgbuild.__file__).parent / "server"
METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]


def wanted() -> set[str]:
    """List the message ids of templates and code."""
    found: set[str] = set(TITLES.values())
    for _, _, message, _, _ in extract_from_dir(SERVER, METHODS, {"templates/**.html": {"trimmed": "false"}}):
        found.add(message if isinstance(message, str) else message[0])
    return found


def translated(language: str) -> dict[str, str]:
    """Read the catalogue of a language: message id -> text, or its plural forms together."""
    with (SERVER / "locale" / language / "LC_MESSAGES" / "kgbuild.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    ids = {m.id if isinstance(m.id, str) else m.id[0]: m.string for m in catalogue if m.id and not m.fuzzy}
    return {key: text if isinstance(text, str) else "".join(text or ()) for key, text in ids.items()}
