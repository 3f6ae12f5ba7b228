"""Where a link, a Location or a form may lead: one function for all of them, whoever wrote the address."""

from __future__ import annotations

import re
from typing import Final

_CONTROLS: Final = re.compile(r"[\x00-\x20\x7f]")
"""What browsers leave out before they read an address."""
_WEB: Final = re.compile(r"https?://[^/\\?#]", re.IGNORECASE)


def link(target: str) -> str:
    r"""Give what a link leads to: a path of this server, a part of its page, or an http(s) address; "" for all else.

    A path begins with one slash: two, or a backslash, would name another host.

    >>> link("//evil.example/x"), link("/\\evil.example"), link("/\t/evil.example"), link("?lang=ru")
    ('/evil.example/x', '/evil.example', '/evil.example', '?lang=ru')
    >>> link("https://example.org/"), link("javascript:alert(1)"), link("java\nscript:x"), link("example.org/x")
    ('https://example.org/', '', '', '')
    """
    said = _CONTROLS.sub("", target) if target[:1] not in "#?" else target
    if said[:1] in ("/", "\\"):
        return f"/{said.lstrip('/' + chr(92))}"
    return said if said[:1] in ("#", "?") or _WEB.match(said) else ""


def is_web(address: str) -> bool:
    """Tell whether an address leads to another server, and a browser may follow it."""
    return bool(_WEB.match(address)) and link(address) == address
