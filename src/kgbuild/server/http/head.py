"""The head of a request, checked once before anything reads it (https://www.rfc-editor.org/rfc/rfc9110)."""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from kgbuild.server.http import limits
from kgbuild.server.http.problems import problem
from kgbuild.server.http.responses import header

LISTS: Final = (
    b"accept",
    b"accept-language",
    b"accept-encoding",
    b"access-control-request-headers",
    b"content-type",
    b"range",
)
"""Headers that are read item by item."""


def check_head(scope: Scope) -> None:
    """Leave out of a head the lists that are too long to be read; raises Problem where nothing can be said without.

    A server may disregard languages, codings and ranges (§12.5.4, §12.5.3, §14.2): the answer is then in English, as
    it is, and whole.  Without its Accept header a client would get what it cannot read.
    """
    # Where all headers together are short, so is each list, and most heads are looked at once.
    values = b", ".join([value for _, value in scope["headers"]])
    long = []
    if len(values) > limits.PREFERENCES or values.count(b",") >= limits.RANGES:
        long = [name for name in LISTS if (value := header(scope, name)) is not None and _is_long(value)]
    if long:
        scope["headers"] = [line for line in scope["headers"] if line[0] not in long]
    if b"accept" in long:
        raise problem("head-too-large", f"The Accept header is too long. Send {longest_list()}.")
    hosts = [name for name, _ in scope["headers"]].count(b"host")
    if hosts != 1 and (hosts or scope["http_version"] == "1.1"):
        detail = (
            f"The request has {hosts or 'no'} Host headers. Send one, with the name under which the server is reached."
        )
        raise problem("bad-request", detail)


def _is_long(value: str) -> bool:
    return len(value) > limits.PREFERENCES or value.count(",") >= limits.RANGES


def check_format(value: str) -> None:
    """Raise Problem for a `format=` that is too long to be read: it stands for an Accept header."""
    if _is_long(value):
        raise problem("bad-request", f"The value of 'format' is too long. Send {longest_list()}.")


def longest_list() -> str:
    """Say how long a list may be."""
    return f"at most {limits.RANGES} media types in {limits.PREFERENCES:,} characters"
