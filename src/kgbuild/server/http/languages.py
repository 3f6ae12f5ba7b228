"""Which language a reader reads: of the interface (en, ru) and, best first, of names and labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from starlette.types import Scope
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from kgbuild.server.http.links import link
from kgbuild.server.http.responses import header

INTERFACE: Final = ("en", "ru")
"""Languages of the interface; the first is also its message ids."""
LABELS: Final = ("en", "ru", "zh", "kk")
"""Languages of names, in the order in which they stand in for one another."""
NEAREST: Final = {"kk": "ru"}
"""Language without an interface -> the one that its readers are given; others read English."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a page."""

    interface: str = "en"
    labels: tuple[str, ...] = LABELS
    """Languages in which names are looked for, best first; a name in none of them is shown in its own."""
    chosen: str = ""
    """The language that the address asks for by `lang=`; links carry it on."""
    here: str = "/"
    """Path and query of the page, without `lang=`: where another language is asked for."""
    root: str = ""
    """The path of `--public-url`, which stands before the paths of all links."""
    asks_freely: bool = True
    """Whether queries of the reader's own are answered, so that pages may lead to them."""

    def elsewhere(self, language: str) -> str:
        """Write the address of this page in another language."""
        return f"{self.here}{'&' if '?' in self.here else '?'}lang={language}"


def reader_of(scope: Scope) -> Reader:
    """Read `lang=`, else Accept-Language; what we do not have counts as not said."""
    pairs = [pair for pair in scope["query_string"].decode("latin-1").split("&") if pair]
    asked = [value.lower() for name, _, value in (pair.partition("=") for pair in pairs) if name == "lang"]
    kept = "&".join(pair for pair in pairs if not pair.startswith("lang="))
    accept = header(scope, b"accept-language") or ""
    known = _reader(asked[-1] if asked and asked[-1] in LABELS else "", accept)
    here = link(quote(scope["path"])) + (f"?{kept}" if kept else "")
    return replace(known, here=here, root=scope.get("root", ""), asks_freely=scope.get("asks_freely", True))


@lru_cache(maxsize=1024)
def _reader(chosen: str, accept: str) -> Reader:
    read = parse_accept_header(accept, LanguageAccept)
    # `zh-Hans-CN` is Chinese all the same, and nothing here is written in one script alone.
    accepted = [name.partition("-")[0].lower() for name, quality in read if quality > 0]
    wanted = list(dict.fromkeys([*([chosen] if chosen else []), *(name for name in accepted if name in LABELS)]))
    first = wanted[0] if wanted else "en"
    interface = first if first in INTERFACE else NEAREST.get(first, "en")
    order = dict.fromkeys([*wanted, *([NEAREST[first]] if first in NEAREST else []), *LABELS])
    return Reader(interface, tuple(order), chosen)
