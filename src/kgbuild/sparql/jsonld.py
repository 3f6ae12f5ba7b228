"""JSON-LD 1.1 (https://www.w3.org/TR/json-ld11/), compacted: what a document uses of a context stands in it.

Whoever reads it needs no second request. Compacted here, since pyoxigraph 0.5.13 writes the expanded form without
`@type`, and the general algorithm (PyLD's) takes sixteen times as long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, groupby, islice
from operator import attrgetter
from typing import Any, Final

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from kgbuild.core.namespaces import EXTERNAL, RDF_TYPE

MEDIA_TYPE: Final = "application/ld+json"
LARGEST: Final = 100_000
"""Statements up to which a document is held in memory; a larger one goes out as it comes, with whole IRIs."""
_XSD: Final = EXTERNAL["xsd"]
_STRING: Final = f"{_XSD}string"
_INTEGER: Final = f"{_XSD}integer"
_BOOLEAN: Final = f"{_XSD}boolean"
_BOOLEANS: Final = {"true": True, "false": False}
_INTEGERS: Final = re.compile("0|-?[1-9][0-9]{0,14}")
"""Written as JSON would write them, and below 2⁵³: the same in every reader."""


@dataclass(frozen=True)
class Context:
    """Prefixes, and the type that the values of a property are read as: `@id`, or a datatype."""

    prefixes: Mapping[str, str]
    types: Mapping[str, str]


@lru_cache(maxsize=4)
def read_context(text: str) -> Context:
    """Read a context of ours, as JSON; without a text there is nothing in it.

    >>> read_context('{"x": "https://x.org/", "x:at": {"@id": "https://x.org/at", "@type": "@id"}}').types
    {'https://x.org/at': '@id'}
    """
    read: dict[str, Any] = json.loads(text) if text else {}
    prefixes = {name: value for name, value in read.items() if isinstance(value, str)}
    return Context(prefixes, {term["@id"]: term["@type"] for term in read.values() if isinstance(term, dict)})


def write(statements: Iterable[Triple | Quad], context: Context, put: Callable[[bytes], object]) -> None:
    """Write each statement's triple into one document: `@context` first, then one object for each subject."""
    ahead = iter(statements)
    held = list(islice(ahead, LARGEST + 1))
    nodes: Iterable[str]
    if len(held) > LARGEST:
        writer, subjects = _NodeWriter(Context({}, {})), groupby(chain(held, ahead), key=attrgetter("subject"))
        nodes = (writer.write(*each) for each in subjects)
    else:
        writer = _NodeWriter(_without_ambiguous(context, held))
        nodes = [writer.write(*each) for each in _by_subject(held)]  # what is used of the context is known only then
    put(b'{"@context": ' + json.dumps(writer.used(), ensure_ascii=False).encode() + b',\n "@graph": [')
    for number, node in enumerate(nodes):
        put((",\n" if number else "\n").encode() + node.encode())
    put(b"]}\n")


def _without_ambiguous(context: Context, statements: Iterable[Triple | Quad]) -> Context:
    """Leave out a prefix that is also the scheme of an IRI: `place:x` would be read as one of ours."""
    terms = {term for each in statements for term in (each.subject, each.predicate, each.object)}
    schemes = {term.value.partition(":")[0] for term in terms if isinstance(term, NamedNode)}
    left = {name: base for name, base in context.prefixes.items() if name not in schemes}
    return Context(left, context.types)


def _by_subject(statements: Iterable[Triple | Quad]) -> Iterable[tuple[Any, list[Triple | Quad]]]:
    found: dict[Any, list[Triple | Quad]] = {}
    for each in statements:
        found.setdefault(each.subject, []).append(each)
    return found.items()


class _NodeWriter:
    """Compacts terms, and notes what it uses of the context."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.iri = cache(self.shortened)
        self.prefixes: set[str] = set()
        self.keys: dict[str, str] = {}
        """IRI of a property -> its key."""
        self.bases = {base: prefix for prefix, base in context.prefixes.items()}

    def used(self) -> dict[str, Any]:
        """Give the part of the context that was used."""
        types = self.context.types
        prefixes = {name: self.context.prefixes[name] for name in sorted(self.prefixes)}
        return prefixes | {
            key: {"@id": iri, "@type": types[iri]} for iri, key in sorted(self.keys.items()) if iri in types
        }

    def write(self, subject: Any, statements: Iterable[Triple | Quad]) -> str:
        """Write what is said of a subject."""
        types: list[str] = []
        values: dict[str, list[Any]] = {}
        for each in statements:
            property_ = each.predicate.value
            if property_ == RDF_TYPE and not isinstance(each.object, Literal):
                types.append(self.name(each.object))
            else:
                values.setdefault(self.key(property_), []).append(self.value(property_, each.object))
        typed = {"@type": _one_or_all(types)} if types else {}
        node = {"@id": self.name(subject), **typed, **{key: _one_or_all(all_) for key, all_ in values.items()}}
        return json.dumps(node, ensure_ascii=False)

    def key(self, iri: str) -> str:
        return self.keys.setdefault(iri, self.iri(iri))

    def name(self, node: Any) -> str:
        return self.iri(node.value) if isinstance(node, NamedNode) else str(node)

    def shortened(self, iri: str) -> str:
        """Write an IRI with the prefix that fits, if one does."""
        end = len(iri)
        while end > 0:
            end = max(iri.rfind("/", 0, end), iri.rfind("#", 0, end))
            prefix = self.bases.get(iri[: end + 1])
            # `x://…` would be read as an address, whatever x is.
            if prefix is not None and not iri.startswith("//", end + 1):
                self.prefixes.add(prefix)
                return f"{prefix}:{iri[end + 1 :]}"
        return iri

    def value(self, property_: str, term: Any) -> Any:
        """Write an object: bare where the context has it read as what it is."""
        read_as = self.context.types.get(property_, "")
        if isinstance(term, NamedNode | BlankNode):
            return self.name(term) if read_as == "@id" else {"@id": self.name(term)}
        if not isinstance(term, Literal):
            raise ValueError("JSON-LD 1.1 has no triple terms")  # noqa: TRY004 - as pyoxigraph raises
        if term.language:
            return {"@language": term.language, "@value": term.value}
        datatype, text = term.datatype.value, term.value
        native = _native(text, datatype)
        if datatype == (read_as or _STRING) or (not read_as and native is not text):
            return native
        return {"@value": text} if datatype == _STRING else {"@type": self.iri(datatype), "@value": text}


def _native(text: str, datatype: str) -> Any:
    """Write an integer or a boolean as JSON has them, if that leads back to the same text."""
    if datatype == _BOOLEAN:
        return _BOOLEANS.get(text, text)
    return int(text) if datatype == _INTEGER and _INTEGERS.fullmatch(text) else text


def _one_or_all(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values
