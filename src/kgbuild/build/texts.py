"""Articles' texts, which stay with the curator: whether a record describes the text that its positions count in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kgbuild.core.composition import MOST_MARKS, find_overload
from kgbuild.core.errors import DataError, Issue, error
from kgbuild.core.files import LARGEST_TEXT, read_file
from kgbuild.core.folding import normalise
from kgbuild.records.models import Article


def check_text(article: Article, texts: Path | None) -> Iterator[Issue]:
    """Check an article's hash and length against its text, where a folder of texts has the file."""
    text = article.source.text
    if text is None or text.file is None:
        return
    place = article.place("source", "text")
    if text.file in (".", "..") or set(text.file) & set("/\\:\0"):
        remedy = "Write the name of a file in the folder of texts, without a path."
        yield error(article.place("source", "text", "file"), "file-name", f"'{text.file}' is no file's name", remedy)
        return
    if texts is None or not os.path.lexists(texts / text.file):
        return
    try:
        content = normalise(read_file(texts / text.file, text.file, LARGEST_TEXT))
    except DataError as refused:
        yield from (
            replace(each, place=place, finding=f"the text {text.file}: {each.finding}") for each in refused.issues
        )
        return
    except UnicodeDecodeError:
        yield error(place, "text-not-utf-8", f"{text.file} is not UTF-8", "Save it as UTF-8.")
        return
    if find_overload(content) is not None:
        finding = f"in the text {text.file} more than {MOST_MARKS} marks follow one letter"
        yield error(place, "too-many-marks", finding, "No writing has that: look at the text again.")
        return
    digest, length = hashlib.sha256(content.encode()).hexdigest(), len(content)
    if digest != text.sha256:
        finding = f"the text {text.file} has another hash, {digest}"
        remedy = "Take the text the positions were counted in, or count them anew."
        yield error(article.place("source", "text", "sha256"), "wrong-hash", finding, remedy)
    elif length != text.characters:
        finding = f"the text {text.file} has {length} characters, not {text.characters}"
        yield error(article.place("source", "text", "characters"), "wrong-length", finding, f"Write {length}.")
