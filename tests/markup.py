# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Pages as tests read them: asked for as a browser does, checked strictly, and as the words on them."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from typing import Any

import requests

from serving import BROWSER, PATIENCE, Served

_VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


def page(served: Served, path: str, language: str = "en") -> str:
    """Ask for a page as a browser does."""
    headers = {"Accept": BROWSER, "Accept-Language": language}
    answer = requests.get(served.address + path, headers=headers, timeout=PATIENCE)
    assert 200 == answer.status_code, f"{path}: {answer.text[:500]}"
    assert "text/html; charset=utf-8" == answer.headers["Content-Type"]
    return answer.text


class _Checked(HTMLParser):
    """Reads a page strictly: every element is closed in order, ids are unique, and nothing would run."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "script" and given.get("type") != "application/ld+json":
            self.faults.append("a script")
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.faults.append(f"inline style or handler: <{tag}>")
        if (name := given.get("id")) is not None:
            if name in self.ids:
                self.faults.append(f"the id {name} is there twice")
            self.ids.add(name)
        if tag == "a":
            self.links.append(given.get("href") or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes what is not open")


def checked(text: str) -> _Checked:
    """Check a page, and give its links."""
    reader = _Checked()
    reader.feed(text)
    reader.close()
    assert [] == reader.faults
    assert [] == reader.open
    schemes = {link.partition(":")[0] for link in reader.links if ":" in link.partition("/")[0]}
    assert schemes <= {"http", "https"}
    assert all(link[1:] in reader.ids for link in reader.links if link.startswith("#"))
    return reader


def words(text: str) -> str:
    """Give what is read on a page, in single spaces."""
    without = re.sub(r"<script.*?</script>|<head>.*?</head>", "", text, flags=re.DOTALL)
    apart = re.sub(r"</?(d[ltd]|li|[uo]l|p|t[dhr]|h\d|div|summary|section)\b[^>]*>", " ", without)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", apart)).split())


def data_of(text: str) -> dict[str, Any]:
    """Read the data for search engines in a page; nothing if it has none."""
    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    assert len(blocks) < 2
    found: dict[str, Any] = json.loads(blocks[0]) if blocks else {}
    return found
