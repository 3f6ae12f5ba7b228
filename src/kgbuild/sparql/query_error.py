"""Why there is no answer: what workers send in place of one, and the server turns into problems."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class QueryError(Exception):
    """Why a query has no answer: `kind` is the end of a problem type's address, `status` that of HTTP."""

    kind: str
    status: int
    detail: str
    extra: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say it in words, as the log does."""
        return self.detail

    def pack(self) -> bytes:
        """Write the fault for the server."""
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def unpack(cls, payload: bytes) -> QueryError:
        """Read what `pack` wrote."""
        return cls(**json.loads(payload))
