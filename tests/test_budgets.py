# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Budgets of clients: spent by what they ask, given back by the clock."""

from __future__ import annotations

import pytest

from kgbuild.server.exchange.budgets import Budgets
from kgbuild.server.http.clients import client_of
from kgbuild.sparql.query_error import QueryError


def test_a_budget_is_spent_and_given_back() -> None:
    """Who has used two minutes' worth waits as long as he is told, and no other client waits."""
    now = 0.0
    budgets = Budgets(60, 30, lambda: now)
    began = budgets.begin("a")
    now = 150.0
    budgets.end("a", began)
    with pytest.raises(QueryError) as refused:
        budgets.admit("a")
    budgets.admit("b")
    assert ("client-budget", 429) == (refused.value.kind, refused.value.status)
    now += refused.value.extra["retry_after"]
    budgets.admit("a")


@pytest.mark.parametrize(
    ("peer", "given", "client"),
    [
        ("127.0.0.1", None, None),
        ("127.0.0.1", b"9.9.9.9, 8.8.8.8", "8.8.8.8"),
        ("8.8.4.4", b"8.8.8.8", "8.8.4.4"),
        ("10.0.0.1", b"2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:8.8.4.4", None, "8.8.4.4"),
        ("127.0.0.1", b"nobody", "127.0.0.1"),
    ],
)
def test_a_client_is_named_by_who_may(peer: str, given: bytes | None, client: str | None) -> None:
    """A header is believed of peers that are near, and its last address counts."""
    headers = [] if given is None else [(b"x-forwarded-for", given)]
    assert client == client_of({"client": (peer, 1), "headers": headers}, "x-forwarded-for")
