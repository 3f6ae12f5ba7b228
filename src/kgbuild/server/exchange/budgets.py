"""What each client may use: seconds of processing and failed requests a minute, saved up for twice that at most.

Token buckets.  A query that runs goes on when the budget is used up; the next request is told when to come back.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from kgbuild.server.http.problems import Problem
from kgbuild.sparql.query_error import QueryError

MINUTE: Final = 60.0
BURST: Final = 2
"""Minutes for which a budget is saved up."""
CLIENTS: Final = 100_000
"""Clients that are remembered; those whose budgets are whole need not be."""
_NO_FAULT: Final = frozenset({404, 405, 406, 410, 429})
"""Statuses that cost nothing and that an honest program meets often."""
_COSTLY: Final = frozenset({"deadline", "out-of-memory"})
"""Kinds of problems with a status of the server that are the query's doing."""


def is_failure(found: Problem) -> bool:
    """Tell whether a problem counts against the client: it took work, and the client can do better."""
    if found.status >= 500:
        return found.kind in _COSTLY
    return found.status not in _NO_FAULT and found.kind != "free-queries-off"


@dataclass(slots=True)
class _Account:
    seconds: float
    errors: float
    at: float
    """When the balances were so."""
    running: list[float] = field(default_factory=list)
    """When queries began that are still under way."""


class Budgets:
    """The budgets of all clients; 0 stands for no limit.  The clock is a monotonic one, in seconds."""

    def __init__(
        self, seconds: float, errors: float, clock: Callable[[], float] = time.monotonic, most: int = CLIENTS
    ) -> None:
        self.seconds, self.errors, self.clock, self.most = seconds, errors, clock, most
        self.charged = 0.0
        """Seconds of processing, of all clients."""
        self.refused: Counter[str] = Counter({"client-budget": 0, "client-errors": 0})
        """Kind of refusal -> how many requests met it."""
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def __len__(self) -> int:
        return len(self._accounts)

    def admit(self, client: str) -> None:
        """Let a request of a client pass; raises QueryError where one of its budgets is used up."""
        if client not in self._accounts:
            return
        account = self._account(client)
        balance = account.seconds - sum(account.at - began for began in account.running)
        if self.seconds and balance <= 0:
            used = f"{self.seconds:g} seconds of processing a minute"
            raise self._refusal("client-budget", used, -balance * MINUTE / self.seconds)
        if self.errors and account.errors < 1:
            used = f"{self.errors:g} failed requests a minute"
            raise self._refusal("client-errors", used, (1 - account.errors) * MINUTE / self.errors)

    def begin(self, client: str) -> float:
        """Note that a query of a client has begun; gives what `end` takes."""
        account = self._account(client)
        account.running.append(account.at)
        return account.at

    def end(self, client: str, began: float) -> None:
        """Charge a client for a query that has ended."""
        account = self._account(client)
        if began in account.running:  # not if the client was forgotten meanwhile
            account.running.remove(began)
        self.charged += account.at - began
        if self.seconds:
            account.seconds -= account.at - began

    def note_failure(self, client: str) -> None:
        """Charge a client for a failed request."""
        if self.errors:
            self._account(client).errors -= 1

    def _account(self, client: str) -> _Account:
        """Find the account of a client, or open one, with its balances as of now."""
        now = self.clock()
        account = self._accounts.get(client)
        if account is None:
            self._forget(now)
            account = self._accounts[client] = _Account(BURST * self.seconds, BURST * self.errors, now)
        self._accounts.move_to_end(client)
        self._refill(account, now)
        return account

    def _forget(self, now: float) -> None:
        """Make room for one more: two whole budgets go for each that comes, else the one used longest ago."""
        for _ in range(2):
            if not self._accounts:
                return
            oldest = next(iter(self._accounts))
            if not self._is_whole(self._accounts[oldest], now) and len(self._accounts) < self.most:
                return
            del self._accounts[oldest]

    def _is_whole(self, account: _Account, now: float) -> bool:
        self._refill(account, now)
        whole = account.seconds >= BURST * self.seconds and account.errors >= BURST * self.errors
        return whole and not account.running

    def _refill(self, account: _Account, now: float) -> None:
        minutes, account.at = (now - account.at) / MINUTE, now
        account.seconds = min(BURST * self.seconds, account.seconds + minutes * self.seconds)
        account.errors = min(BURST * self.errors, account.errors + minutes * self.errors)

    def _refusal(self, kind: str, used: str, wait: float) -> QueryError:
        self.refused[kind] += 1
        seconds = int(wait) + 1  # whole ones, after which there is something again for certain
        detail = f"Your address has used up its share, {used}. Come back in {seconds} s, and ask for less at a time."
        return QueryError(kind, 429, detail, {"retry_after": seconds})


@dataclass(frozen=True)
class ClientAccount:
    """The budget of one client, for who charges it."""

    budgets: Budgets
    client: str

    def begin(self) -> float:
        """Begin to pay."""
        return self.budgets.begin(self.client)

    def end(self, began: float) -> None:
        """Pay for the time since then."""
        self.budgets.end(self.client, began)
