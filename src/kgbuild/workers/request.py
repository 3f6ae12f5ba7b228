"""What a worker is asked."""

from __future__ import annotations

import marshal
from dataclasses import dataclass
from typing import Any

from kgbuild.sparql import lexer


@dataclass(frozen=True)
class Request:
    """A query, its dataset, and the media types that fit, best first."""

    query: str
    results: tuple[str, ...]
    graphs: tuple[str, ...]
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()
    sources: bool = False
    base: str = ""
    """What relative IRIs in the query are relative to, unless it has a BASE: the address of the endpoint."""
    describe: str = ""
    """An IRI that is described in place of a query; without a graph format, only whether there is anything to tell."""
    page: int = 1
    """Of the description."""
    context: str = ""
    """The context that JSON-LD is compacted with."""

    @property
    def operation(self) -> str:
        """Name what the worker does."""
        return "describe" if self.describe else "sources" if self.sources else "query"

    def dataset(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Give the default and the named graphs that the query sees: those of the request go before those of FROM."""
        if self.default_graphs or self.named_graphs or "from" not in self.query.lower():
            return self.default_graphs, self.named_graphs
        default, named = lexer.find_from(self.query, self.base)
        return tuple(default), tuple(named)

    def fields(self) -> tuple[Any, ...]:
        """Give all that is asked: what names the answer."""
        return tuple(vars(self).values())

    def pack(self) -> bytes:
        """Write the request for a worker: in Python's own form, which costs a tenth of JSON, and never leaves us."""
        return marshal.dumps(self.fields())

    @classmethod
    def unpack(cls, payload: bytes) -> Request:
        """Read what `pack` wrote."""
        return cls(*marshal.loads(payload))  # noqa: S302 - from the server that forked this process
