# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Budgets of clients: spent by what they ask, given back by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from kgbuild.server.exchange.budgets import Budgets
from kgbuild.server.http.clients import client_of
from kgbuild.sparql.query_error import QueryError
from servers import free_port
from serving import BROWSER, PATIENCE, RUNAWAY, Served, mini_file, serving


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


# --- the real server --------------------------------------------------------------------------------------------------

HEADER = "X-Forwarded-For"


@pytest.fixture(scope="module")
def stingy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with a tenth of a second of processing and four failed requests a minute for each client."""
    folder = tmp_path_factory.mktemp("stingy")
    options = ["--client-budget", "0.1", "--client-errors", "4", "--client-header", HEADER, "--query-timeout", "0.5"]
    with serving(folder, mini_file(folder), options=options) as served:
        yield served


def ask_as(served: Served, client: str, query: str) -> requests.Response:
    return served.ask(query, **{HEADER: client})


def test_the_greedy_wait_and_others_do_not(stingy: Served) -> None:
    """A query that was killed is paid for; what is kept is had all the same, and so is the server's health."""
    kept = "ASK { ?kept ?p ?o }"
    assert 200 == ask_as(stingy, "8.8.8.8", kept).status_code
    assert 504 == ask_as(stingy, "8.8.8.8", RUNAWAY).status_code
    refused = ask_as(stingy, "8.8.8.8", "ASK { ?s ?p 1 }")
    assert 429 == refused.status_code
    assert refused.json()["type"].endswith("/client-budget")
    assert 100 < int(refused.headers["Retry-After"]) < 400
    assert 200 == ask_as(stingy, "8.8.8.8", kept).status_code
    assert 200 == ask_as(stingy, "8.8.4.4", "ASK { ?s ?p 2 }").status_code
    health = requests.get(f"{stingy.address}/healthz", headers={HEADER: "8.8.8.8"}, timeout=PATIENCE)
    assert 200 == health.status_code


def test_neighbours_in_one_network_share(stingy: Served) -> None:
    """Addresses of one /64 are one client, those of the next are another."""
    assert 504 == ask_as(stingy, "2001:db8:1:2::1", RUNAWAY + " # v6").status_code
    assert 429 == ask_as(stingy, "2001:db8:1:2:ffff::9", "ASK { ?s ?p 3 }").status_code
    assert 200 == ask_as(stingy, "2001:db8:1:3::1", "ASK { ?s ?p 4 }").status_code


def test_failed_requests_are_counted(stingy: Served) -> None:
    """Eight may fail at once, twice what a minute gives; what is not there costs nothing."""
    for number in range(20):
        path = f"{stingy.address}/doc/network/nothing-{number}"
        assert 404 == requests.get(path, headers={HEADER: "9.9.9.9"}, timeout=PATIENCE).status_code
    found = [ask_as(stingy, "9.9.9.9", f"SELEC {number}").status_code for number in range(12)]
    assert [400] * 8 == found[:8]
    assert {429} == set(found[9:])
    assert ask_as(stingy, "9.9.9.9", "ASK {}").json()["type"].endswith("/client-errors")
    text = stingy.figures().text
    assert 'kgbuild_client_refusals_total{kind="client-errors"}' in text
    assert "kgbuild_client_seconds_total" in text


def test_who_names_no_client_has_no_budget(stingy: Served) -> None:
    """Requests from this machine are its operator's."""
    for number in range(3):
        assert 504 == stingy.ask(f"{RUNAWAY} # mine {number}").status_code


def test_figures_have_a_port_of_their_own(tmp_path: Path) -> None:
    """There they are given to all, and nothing else is; the public port knows nothing of them."""
    port = free_port()
    with serving(tmp_path, mini_file(tmp_path), options=["--metrics-port", str(port)]) as served:
        beside = f"http://127.0.0.1:{port}"
        answer = requests.get(f"{beside}/metrics", timeout=PATIENCE)
        assert (200, True) == (answer.status_code, "kgbuild_ready 1.0" in answer.text)
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert 404 == requests.get(f"{beside}/sparql?query=ASK{{}}", timeout=PATIENCE).status_code
        assert 404 == served.figures().status_code


def test_figures_want_their_token(stingy: Served) -> None:
    """Without it, or with another, 401 and no figure."""
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic b25seQ=="}):
        answer = requests.get(f"{stingy.address}/metrics", headers=given, timeout=PATIENCE)
        assert (401, "Bearer") == (answer.status_code, answer.headers["WWW-Authenticate"].partition(" ")[0])
        assert "kgbuild_ready" not in answer.text
    assert 200 == stingy.figures().status_code


def test_questions_without_free_queries(tmp_path: Path) -> None:
    """Every query of a client's own is refused; questions, pages and search are there, and nothing promises SPARQL."""
    with serving(
        tmp_path, mini_file(tmp_path), options=["--no-free-sparql", "--questions", "queries/questions"]
    ) as served:
        refused = served.ask("ASK {}")
        assert (403, True) == (refused.status_code, refused.json()["type"].endswith("/free-queries-off"))
        assert 403 == served.request("POST", data={"query": "ASK {}"}).status_code
        for path in (
            "/",
            "/questions/",
            "/questions/find-by-name?text=lake",
            "/search?q=lake",
            "/doc/network/lakes-academies",
        ):
            answer = requests.get(f"{served.address}{path}", headers={"Accept": BROWSER}, timeout=PATIENCE)
            assert 200 == answer.status_code, path
            assert 'href="/sparql' not in answer.text, path
        described = requests.get(f"{served.address}/openapi.json", timeout=PATIENCE).json()
        assert "/sparql" not in described["paths"]
