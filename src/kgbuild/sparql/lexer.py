"""A linear scan of SPARQL text (https://www.w3.org/TR/sparql11-query/#sparqlGrammar): for messages, never for safety.

It finds words, IRIs, strings and brackets with their offsets in one pass without backtracking: a query is hostile
until proven otherwise, and a regular expression that backtracks is a way in.  What it overlooks, the engine's walls
still stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

NOT_DETERMINISTIC: Final = frozenset({"RAND", "NOW", "UUID", "STRUUID", "BNODE"})
LONGEST_SCANNED: Final = 5000
"""Characters of a query that is gone through, word by word, to tell whether its answer may be kept."""
UPDATES: Final = frozenset({"INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH"})

_SPACE: Final = frozenset(" \t\r\n\f\v")
_OPEN: Final = frozenset("([{")
_CLOSE: Final = frozenset(")]}")
_NO_IRI: Final = frozenset('<"{}|^` \t\r\n')
_PUNCTUATION: Final = frozenset("()[]{}.,;!|&=<>*/+^?$@\"'#-")
_NO_WORD: Final = _PUNCTUATION - {"-", "."}
_CODE_POINT: Final = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U(00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4})")
_ESCAPED: Final = re.compile(r"\\(.)")
_LIKE_AN_IRI: Final = re.compile(r"""<[^<>"{}|^`\\\x00-\x20]*>""")
_LINE_END: Final = re.compile(r"[\r\n]")
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a query: `kind` is word, iri, string, comment or mark; `at` counts characters from 0."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> Iterator[Token]:
    """Go through a query; a string or IRI without an end reaches as far as it can.

    >>> [t.text for t in tokens("SELECT*{?s a<urn:x>}#end")]
    ['SELECT', '*', '{', '?', 's', 'a', '<urn:x>', '}', '#end']
    """
    at, size = 0, len(text)
    while at < size:
        character = text[at]
        if character in _SPACE:
            at += 1
            continue
        end, kind = _extent(text, at, character)
        yield Token(kind, text[at:end], at)
        at = end


def _extent(text: str, at: int, character: str) -> tuple[int, str]:
    if character == "#":
        line_end = _LINE_END.search(text, at)
        return (line_end.start() if line_end else len(text)), "comment"
    if character == "<":
        end = at + 1
        while end < len(text) and text[end] not in _NO_IRI and text[end] != ">":
            end += 1
        # `<` is also an operator: it begins an IRI only if one ends.
        return (end + 1, "iri") if text[end : end + 1] == ">" else (at + 1, "mark")
    if character in "\"'":
        return _string_end(text, at, character), "string"
    if character in _PUNCTUATION:
        return at + 1, "mark"
    end = at
    while end < len(text) and text[end] not in _SPACE and text[end] not in _NO_WORD:
        end += 2 if text[end] == "\\" else 1  # a local name escapes its punctuation
    return min(max(end, at + 1), len(text)), "word"


def _string_end(text: str, at: int, quote: str) -> int:
    long = text.startswith(quote * 3, at)
    closing = quote * 3 if long else quote
    at += len(closing)
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text.startswith(closing, at):
            return at + len(closing)
        elif text[at] in "\r\n" and not long:
            return at
        else:
            at += 1
    return len(text)


def depth(text: str) -> int:
    """Measure how deep brackets nest.

    >>> depth("{ ( [ ] ) } '((((('")
    3
    """
    now = deepest = 0
    for token in tokens(text):
        if token.kind == "mark":
            now += (token.text in _OPEN) - (token.text in _CLOSE)
            deepest = max(deepest, now)
    return deepest


def words(text: str) -> list[Token]:
    """List the bare words: keywords, prefixed names, variables' names, numbers."""
    return [token for token in tokens(text) if token.kind == "word"]


def find_service(text: str) -> Token | None:
    """Find a word that holds SERVICE: pyoxigraph needs no space before it, as in `trueSERVICE`.

    A prefixed name or a variable may hold it too; the engine then decides, and its walls keep the network out.

    >>> find_service("ASK { <urn:service> ?p 3SERVICE<urn:x>{} }").at, find_service("ASK { <urn:service> ?p ?o }")
    (23, None)
    """
    # What looks like an IRI holds no call, even where it is none: behind SERVICE comes a `<` or a `{` before any `>`.
    if "service" not in _LIKE_AN_IRI.sub("", text).lower():
        return None
    return next((token for token in _unmarked(text, ("?", "$", "@")) if "SERVICE" in token.text.upper()), None)


def _unmarked(text: str, marks: tuple[str, ...]) -> Iterator[Token]:
    """Go through the words that are no prefixed names and stand behind none of some marks."""
    return (t for t in words(text) if ":" not in t.text and text[t.at - 1 : t.at] not in marks)


_SUSPICIOUS: Final = re.compile("|".join(sorted(NOT_DETERMINISTIC)).encode()).search


def is_deterministic(text: str) -> bool:
    """Tell whether no word of a query holds a function whose answer differs each time; in doubt it does.

    Holds, since pyoxigraph needs no space before it, as in `DISTINCTrand()`; a code point that is escaped is a doubt,
    and so is a text that would have to be gone through for long.

    >>> is_deterministic("SELECT (now() AS ?x) {}"), is_deterministic("SELECT ?know {}")
    (False, True)
    """
    # Other capitals than those of ASCII are no matter, and some of them take long.
    capitals = text.encode("ascii", "replace").upper()
    if b"\\U" in capitals:
        return False
    if not _SUSPICIOUS(capitals):
        return True
    return len(text) <= LONGEST_SCANNED and not any(
        name in token.text.upper() for token in _unmarked(text, ("?", "$")) for name in NOT_DETERMINISTIC
    )


def find_from(text: str, base: str = "") -> tuple[list[str], list[str]]:
    """Read the graphs of FROM and of FROM NAMED, as IRIs; prefixed names and those relative to `base` are expanded.

    >>> find_from("PREFIX g: <urn:g/> SELECT * FROM <urn:a> FROM NAMED g:b { ?from ?named <urn:c> }")
    (['urn:a'], ['urn:g/b'])
    >>> find_from("BASE <http://x/y> CONSTRUCT { ?s ?p ?o } FROM <z> WHERE { ?s ?p ?o }")
    (['http://x/z'], [])
    """
    prefixes, depth = dict[str, str](), 0
    default: list[str] = []
    named: list[str] = []
    found = [token for token in tokens(text) if token.kind != "comment"]
    for i, token in enumerate(found):
        if token.kind == "mark":
            depth += (token.text in _OPEN) - (token.text in _CLOSE)
        if token.kind != "word" or depth or text[token.at - 1 : token.at] in ("?", "$"):
            continue  # inside a pattern or a template, or a variable of that name
        word = token.text.upper()
        following = [t.text for t in found[i + 1 : i + 3]]
        if word == "BASE" and following:
            base = _expanded(following[0], prefixes, base)
        elif word == "PREFIX" and len(following) == 2:
            prefixes[following[0].rstrip(":")] = _expanded(following[1], prefixes, base)
        elif word == "FROM" and following and following[0].upper() == "NAMED":
            named.append(_expanded(following[-1], prefixes, base))
        elif word == "FROM" and following:
            default.append(_expanded(following[0], prefixes, base))
    return default, named


def _expanded(written: str, prefixes: dict[str, str], base: str) -> str:
    if written.startswith("<"):
        iri = unescape(written[1:-1])
        return iri if _ABSOLUTE.match(iri) or not base else urljoin(base, iri)
    prefix, _, local = written.partition(":")
    return prefixes.get(prefix, prefix + ":") + _ESCAPED.sub(r"\1", local)


def unescape(text: str) -> str:
    r"""Write code points out, as SPARQL 1.1 §19.2 says.

    >>> unescape(r"\u0053ERVICE")
    'SERVICE'
    """
    return _CODE_POINT.sub(lambda match: chr(int(match[1] or match[2], 16)), text) if "\\" in text else text


def first_word(text: str) -> str:
    r"""Give the first keyword behind the prologue, in capitals; "" if there is none.

    >>> first_word("# x\nPREFIX a: <urn:a> insert data {}")
    'INSERT'
    """
    found = (token for token in tokens(text) if token.kind != "comment")
    for token in found:
        word = token.text.upper()
        if word not in ("PREFIX", "BASE"):
            return word if token.kind == "word" else ""
        for _ in range(2 if word == "PREFIX" else 1):
            next(found, None)
    return ""


def position(text: str, at: int) -> tuple[int, int]:
    r"""Turn an offset into line and column, both from 1.

    >>> position("a\nbc", 3)
    (2, 2)
    """
    line = text.count("\n", 0, at) + 1
    return line, at - (text.rfind("\n", 0, at) + 1) + 1
