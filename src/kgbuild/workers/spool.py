"""Answers on their way: in memory while small, on the disk above that, streamed where both would be too much."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final, Protocol

from kgbuild.sparql.query_error import QueryError
from kgbuild.workers.protocol import Head

IN_MEMORY: Final = 1 << 20
PART: Final = 1 << 18
SPOOL_ANSWER: Final = 256 << 20
SPOOL_ALL: Final = 2 << 30
SLOW_READER: Final = 30.0
"""Seconds within which the reader of a streamed answer must take a part."""


class Rest(Protocol):
    """What a worker still writes."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def close(self) -> None:
        """Give the worker up."""


@dataclass
class Answer:
    """An answer that is whole, in memory or on disk; or the beginning of one that is too large for both."""

    form: str
    media_type: str
    body: IO[bytes]
    size: int
    variables: tuple[str, ...] = ()
    pages: int = 1
    """Of a description."""
    rest: Rest | None = None
    """What follows `body` while the worker still writes."""
    taken: bool = False
    """Whether somebody reads it already: it can be read once."""
    give_back: Callable[[int], None] | None = None
    """Told, once, how many bytes of the spool are free again."""

    def read(self) -> bytes:
        """Read the whole body."""
        self.body.seek(0)
        return self.body.read()

    async def parts(self) -> AsyncIterator[bytes]:
        """Go through the whole body, part by part, while the worker still writes."""
        self.body.seek(0)
        while part := self.body.read(PART):
            yield part
        if self.rest is not None:
            async for part in self.rest:
                yield part

    def close(self) -> None:
        """Give space and worker back; what had not been read is lost."""
        if self.rest is not None:
            self.rest.close()
        if self.give_back is not None:
            self.give_back(self.size)
            self.give_back = None
        with suppress(OSError):  # on a full disk, where it would write what nobody reads any more
            self.body.close()

    def __del__(self) -> None:
        """Let go of an answer whose client went in the moment it was done."""
        self.close()


class Spool:
    """The answers that are held at one time."""

    def __init__(self) -> None:
        self.held = 0
        """Bytes."""

    def begin(self, head: bytes) -> Answer:
        """Begin an answer, as the worker's first frame describes it."""
        told = Head.unpack(head)
        return Answer(
            told.form, told.media_type, io.BytesIO(), 0, told.variables, told.pages, give_back=self._give_back
        )

    def add(self, answer: Answer, part: bytes) -> bool:
        """Add to an answer; returns False once it, or all together, are too large for the spool."""
        try:
            if answer.size <= IN_MEMORY < answer.size + len(part):
                answer.body = _to_disk(answer.body)
            answer.body.write(part)
            answer.body.flush()  # here there is still a refusal for a full disk
        except OSError as problem:
            detail = f"There is no room for an answer of this size now ({problem.strerror})."
            remedy = "Ask for less, or come back."
            raise QueryError("no-room", 503, f"{detail} {remedy}", {"retry_after": 10}) from problem
        answer.size += len(part)
        self.held += len(part)
        return answer.size <= SPOOL_ANSWER and self.held <= SPOOL_ALL

    def _give_back(self, size: int) -> None:
        self.held -= size


def _to_disk(body: IO[bytes]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    try:
        body.seek(0)
        shutil.copyfileobj(body, file)
        file.flush()
    except OSError:
        with suppress(OSError):
            file.close()
        raise
    body.close()
    return file
