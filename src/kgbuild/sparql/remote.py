"""The remote engine: any server that speaks the SPARQL 1.1 Protocol (https://www.w3.org/TR/sparql11-protocol/)."""

from __future__ import annotations

import json
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import Request, urlopen

import pyoxigraph
from SPARQLWrapper import JSON, POST, SPARQLWrapper

from kgbuild.core.errors import EngineError, UsageError
from kgbuild.core.terms import Answer, Triple
from kgbuild.sparql import lexer
from kgbuild.sparql.embedded import convert_triple
from kgbuild.sparql.formats import READ_GRAPHS
from kgbuild.sparql.results import read_table

DEFAULT_TIMEOUT = 60.0
"""Seconds to wait for a connection, and for each part of the answer."""
LONGEST_GET = 1500
"""Characters: a longer query is posted, since proxies and servers refuse long addresses."""


class RemoteEngine:
    """Answers by asking the server at `endpoint`; waits at most `timeout` seconds for it to speak.

    `default_graph` is the graph to take for the default one, on servers that have none of their own.
    """

    def __init__(self, endpoint: str, timeout: float = DEFAULT_TIMEOUT, default_graph: str = "") -> None:
        parts = urlsplit(endpoint)
        # Refused, not tried: urllib would also open file: and ftp: addresses.
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                f"{endpoint}: this is no address of a SPARQL server. Give one that starts with http:// or https://."
            )
        if timeout <= 0:
            raise UsageError(f"The time to wait is {timeout:g} seconds. Give more than 0.")
        self._endpoint = endpoint
        self._timeout = timeout
        self._default_graph = default_graph

    def query(self, text: str, name: str = "query") -> Answer:
        """Answer a query; see `Engine.query`.  The server judges its syntax: an EngineError."""
        form = query_form(text)
        if not form:
            finding = f"{name}: the query does not begin with SELECT, ASK, CONSTRUCT or DESCRIBE"
            raise UsageError(f"{finding}. Correct its beginning.")
        body, media_type = self._fetch(text, form)
        if form in ("SELECT", "ASK"):
            return self._read_results(body, form)
        return self._read_graph(body, media_type)

    def _fetch(self, text: str, form: str) -> tuple[bytes, str]:
        # Sent by urllib: SPARQLWrapper cuts the time to whole seconds, and five HTTP errors to texts.
        try:
            with urlopen(self._request(text, form), timeout=self._timeout) as response:  # noqa: S310 - only http
                return response.read(), response.headers.get_content_type()
        except HTTPError as fault:
            raise self._http_error(fault.code, fault.read()) from fault
        except (HTTPException, OSError) as fault:
            raise self._connection_error(fault) from fault

    def _request(self, text: str, form: str) -> Request:
        wrapper = SPARQLWrapper(self._endpoint, returnFormat=JSON, defaultGraph=self._default_graph or None)
        # Not `setQuery`: it guesses the form by searching for words, and finds "insert" in `PREFIX insert:`.
        wrapper.queryString = text
        wrapper.setOnlyConneg(True)
        if form in ("CONSTRUCT", "DESCRIBE"):
            wrapper.addCustomHttpHeader("Accept", "application/n-triples,text/turtle;q=0.9")
        if len(text) > LONGEST_GET:
            wrapper.setMethod(POST)
        else:
            # SPARQLWrapper writes `?` behind any address: an address's own parameters go with the query's.
            address, _, parameters = self._endpoint.partition("?")
            wrapper.endpoint = address
            for name, value in parse_qsl(parameters, keep_blank_values=True):
                wrapper.addParameter(name, value)
        return wrapper._createRequest()

    def _read_results(self, body: bytes, form: str) -> Answer:
        try:
            results = json.loads(body)
            return bool(results["boolean"]) if form == "ASK" else read_table(results)
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            # Servers that stop a query late answer 200 and break off: never take such a part for the whole.
            finding = f"the answer is not whole, or no SPARQL JSON ({type(fault).__name__}: {fault})"
            remedy = f"It ends with: {_excerpt(body[-80:])}. The server may have stopped the query; ask for less."
            raise self._error(finding, remedy) from fault

    def _read_graph(self, body: bytes, media_type: str) -> list[Triple]:
        format_ = READ_GRAPHS.get(media_type)
        if format_ is None:
            finding = f"the answer is {media_type}, not Turtle or N-Triples"
            raise self._error(finding, "Ask a server that can write one of these.")
        try:
            return sorted({convert_triple(quad) for quad in pyoxigraph.parse(body, format_)})
        except (SyntaxError, ValueError) as fault:
            finding = f"the answer is not whole, or no RDF: {fault}"
            raise self._error(finding, "The server may have stopped the query; ask for less.") from fault

    def _http_error(self, code: int, words: bytes) -> EngineError:
        remedies = {
            400: "Correct the query.",
            401: "The server wants credentials; ask one that is open to you.",
            404: "Check the path of the address, often /query or /sparql.",
        }
        finding = f"the server answered {code}: {_excerpt(words).rstrip('.')}"
        default = "Ask for less, or later." if code >= 500 else "Check the address and the query."
        return self._error(finding, remedies.get(code, default))

    def _connection_error(self, fault: Exception) -> EngineError:
        reason = fault.reason if isinstance(fault, URLError) else fault
        if isinstance(reason, TimeoutError):
            return self._error(f"no answer within {self._timeout:g} seconds", "Ask for less, or wait longer.")
        if reason is not fault:
            return self._error(
                f"the server cannot be reached: {reason}", "Check the address, and that the server runs."
            )
        finding = f"the connection broke off: {type(fault).__name__} {fault}".rstrip()
        return self._error(finding, "Ask again; look at the server's log if it recurs.")

    def _error(self, finding: str, remedy: str) -> EngineError:
        return EngineError(f"{self._endpoint}: {finding}. {remedy}")


def query_form(text: str) -> str:
    r"""Find the form of a query: SELECT, ASK, CONSTRUCT, DESCRIBE; "" for anything else.

    >>> query_form("# ask?\nPREFIX select: <urn:x> construct { } where { }")
    'CONSTRUCT'
    """
    form = lexer.first_word(text)
    return form if form in ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE") else ""


def _excerpt(words: bytes) -> str:
    one_line = " ".join(words.decode("utf-8", "replace").split())
    return one_line if len(one_line) <= 200 else one_line[:200] + "…"
