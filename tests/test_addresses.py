# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Addresses of the server: `--public-url` with and without a path, IPv6, and the Host header."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest
import requests

from kgbuild.core.errors import UsageError
from kgbuild.server.exchange.addresses import read_public_url
from serving import BROWSER, PATIENCE, Served, mini_file, serving

PUBLIC = "https://example.org/some/icn"
LINKED = re.compile(r'(?:href|action|src)="(/[^"]*)"')
PAGES = ("/", "/questions/", "/dataset", "/ontology", "/search?q=school", "/doc/institution/highmoor-school", "/sparql")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("addresses")
    with serving(folder, mini_file(folder), options=["--public-url", f"{PUBLIC}/"]) as running:
        yield running


def get(served: Served, path: str, accept: str = BROWSER) -> requests.Response:
    return requests.get(served.address + path, headers={"Accept": accept}, allow_redirects=False, timeout=PATIENCE)


@pytest.mark.parametrize(
    "text", ["", "http://localhost:8000", "https://example.org/icn", "http://[2001:db8::1]:8000/a/b", "https://[::1]"]
)
def test_an_address_of_a_server_is_taken(text: str) -> None:
    """Without the slashes at its end."""
    assert text == read_public_url(text)
    assert text == read_public_url(f"{text}/" if text else "")


@pytest.mark.parametrize(
    "text",
    [
        "not a url",
        "/",
        "example.org",
        "//example.org",
        "ftp://example.org",
        "https://",
        "https://example.org?x=1",
        "https://example.org/?",
        "https://example.org/#top",
        "https://user@example.org",
        "https://example.org:99999",
        "https://example.org:port",
        "https://[::1",
        "https://exa mple.org",
        'https://example.org/"x',
        "https://example.org//icn",
    ],
)
def test_what_is_none_is_refused_at_the_start(text: str) -> None:
    """With what to give instead."""
    with pytest.raises(UsageError, match=r"--public-url .*Give an absolute one"):
        read_public_url(text)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("root", ["", "/some/icn"])
def test_links_of_pages_carry_the_path(served: Served, path: str, root: str) -> None:
    """Whether the proxy passes the path on or takes it off; none carries it twice."""
    page = get(served, root + path)
    assert page.status_code in (200, 404)
    links = LINKED.findall(page.text)
    assert len(links) > 3
    assert [] == [link for link in links if not link.startswith("/some/icn/") or link.startswith("/some/icn/some/")]
    for name in ("Location", "Content-Location"):
        assert page.headers.get(name, "/some/icn/").startswith("/some/icn/")
    assert re.findall(r"</(?!some/icn/)[^>]*>", page.headers.get("Link", "")) == []


def test_the_links_lead_there(served: Served) -> None:
    """Each link of the first page is answered, under the path."""
    links = {link.replace("&amp;", "&") for link in LINKED.findall(get(served, "/some/icn/").text)}
    assert {} == {link: answer.status_code for link in links if (answer := get(served, link)).status_code >= 400}


@pytest.mark.parametrize(
    ("path", "accept", "wanted"),
    [
        ("/sparql", "text/turtle", f"<{PUBLIC}/sparql>"),
        ("/openapi.json", "*/*", f'"url": "{PUBLIC}"'),
        ("/opensearch.xml", "*/*", f'"{PUBLIC}/search?q='),
        ("/robots.txt", "*/*", f"Sitemap: {PUBLIC}/sitemap.xml"),
        ("/sitemap.xml", "*/*", f"<loc>{PUBLIC}/sitemap-0.xml</loc>"),
        ("/sitemap-0.xml", "*/*", f"<loc>{PUBLIC}/doc/institution/highmoor-school</loc>"),
        ("/.well-known/void", "application/n-triples", f"<{PUBLIC}/sparql>"),
    ],
)
def test_absolute_addresses_carry_the_path(served: Served, path: str, accept: str, wanted: str) -> None:
    """In every document that has any; the canonical link of a page is that of the data, wherever they are served."""
    assert wanted in get(served, path, accept).text


def test_redirects_carry_the_path(served: Served) -> None:
    """Of things, and of the list of questions."""
    answer = get(served, "/some/icn/id/institution/highmoor-school")
    assert (303, "/some/icn/doc/institution/highmoor-school") == (answer.status_code, answer.headers["Location"])
    assert "/some/icn/questions/" == get(served, "/questions").headers["Location"]


def test_another_address_of_ours_is_not_taken_for_the_path(served: Served) -> None:
    """`/some/icn2` is not below `/some/icn`."""
    assert 404 == get(served, "/some/icn2/sparql").status_code
    assert 404 == get(served, "/some/sparql").status_code


@pytest.fixture(scope="module")
def ipv6(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("ipv6")
    with serving(folder, mini_file(folder), host="::1") as running:
        yield running


def test_the_address_is_written_with_brackets(ipv6: Served) -> None:
    """What the server prints when it is ready can be opened."""
    (said,) = re.findall(r"at (http://\S+)", ipv6.log.read_text(encoding="utf-8"))
    assert f"{ipv6.address}/" == said
    assert 200 == requests.get(said, timeout=PATIENCE).status_code


def test_hosts_may_be_ipv6(ipv6: Served) -> None:
    """In a Host header; and where an old client sends none, the address that it asked."""
    assert f"<{ipv6.address}/sparql>" in get(ipv6, "/sparql", "text/turtle").text
    with socket.create_connection(("::1", ipv6.port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /sparql HTTP/1.0\r\nAccept: text/turtle\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert f"<{ipv6.address}/sparql>".encode() in answer
