"""Articles' texts, which stay with the curator: whether a record describes the text that its positions count in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from kgbuild.core.errors import Issue, error
from kgbuild.core.folding import normalise
from kgbuild.records.models import Article


def check_text(article: Article, texts: Path | None) -> Iterator[Issue]:
    """Check an article's hash and length against its text, where a folder of texts has the file."""
    text = article.source.text
    if text is None or texts is None or text.file is None or not (texts / text.file).is_file():
        return
    place = article.place("source", "text")
    try:
        content = normalise((texts / text.file).read_bytes())
    except UnicodeDecodeError:
        yield error(place, "text-not-utf-8", f"{text.file} is not UTF-8", "Save it as UTF-8.")
        return
    digest, length = hashlib.sha256(content.encode()).hexdigest(), len(content)
    if digest != text.sha256:
        finding = f"the text {text.file} has another hash, {digest}"
        remedy = "Take the text the positions were counted in, or count them anew."
        yield error(article.place("source", "text", "sha256"), "wrong-hash", finding, remedy)
    elif length != text.characters:
        finding = f"the text {text.file} has {length} characters, not {text.characters}"
        yield error(article.place("source", "text", "characters"), "wrong-length", finding, f"Write {length}.")
