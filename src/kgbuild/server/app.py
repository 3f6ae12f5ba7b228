"""The server: one table of routes, and in front of it the answers that are kept."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import ClientDisconnect
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from kgbuild.server.data.charging import PAYER
from kgbuild.server.exchange.addresses import PrefixMiddleware, root_path
from kgbuild.server.exchange.answers import CutOffError, document, send_redirect, send_response, watched
from kgbuild.server.exchange.budgets import ClientAccount, is_failure
from kgbuild.server.exchange.cache_keys import request_key
from kgbuild.server.exchange.meter import MetricsMiddleware
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.clients import client_of
from kgbuild.server.http.head import check_head
from kgbuild.server.http.languages import reader_of
from kgbuild.server.http.negotiation import PROBLEM, VARY, wants_html
from kgbuild.server.http.problems import Problem, from_query_error, problem, shortage
from kgbuild.server.http.responses import Response, header, header_lines
from kgbuild.server.pages import query as query_pages
from kgbuild.server.routes import about, questions, search, things
from kgbuild.server.routes.context import give_context
from kgbuild.server.routes.crawlers import robots, sitemap, sitemap_part
from kgbuild.server.routes.dataset import dataset, void
from kgbuild.server.routes.downloads import release_file, release_itself, release_list
from kgbuild.server.routes.home import home
from kgbuild.server.routes.metrics import METRICS, metrics, without_cors
from kgbuild.server.routes.patterns import give_pattern
from kgbuild.server.routes.shapes import give_shapes, lead_to_shape
from kgbuild.server.routes.sparql import METHODS, endpoint
from kgbuild.sparql.query_error import QueryError

_log: Final = logging.getLogger("kgbuild.server")

Handler = Callable[[Scope, Receive, Send], Awaitable[None]]
_READ: Final = "GET, HEAD, OPTIONS"
_INTERNAL: Final = "This is a fault of the server. Please report it."
_SAFE: Final = "/!$&'()*+,;=:@"
_QUERY_SAFE: Final = "%&=+"


def routes() -> list[Route]:
    """List all that is public."""
    return [
        Route("/sparql", _Endpoint(endpoint, METHODS)),
        Route("/questions/", _Endpoint(questions.index)),
        Route("/questions/{name}", _Endpoint(questions.question)),
        Route("/openapi.json", _Endpoint(questions.openapi_document)),
        Route("/", _Endpoint(home)),
        Route("/id/{path:path}", _Endpoint(things.identify)),
        Route("/doc/{path:path}", _Endpoint(things.describe)),
        Route("/date/{path:path}", _Endpoint(things.describe)),
        Route("/vocabulary/{path:path}", _Endpoint(things.describe)),
        Route("/graph/{path:path}", _Endpoint(things.describe)),
        Route("/ontology", _Endpoint(things.describe_ontology)),
        Route("/ontology.{suffix}", _Endpoint(things.describe_ontology)),
        Route("/ontology/patterns/{name}", _Endpoint(give_pattern)),
        Route("/ontology/{path:path}", _Endpoint(things.describe_ontology)),
        Route("/shapes", _Endpoint(give_shapes)),
        Route("/shapes.{suffix}", _Endpoint(give_shapes)),
        Route("/shapes/{path:path}", _Endpoint(give_shapes)),
        Route("/shape/{name}", _Endpoint(lead_to_shape)),
        Route("/context.jsonld", _Endpoint(give_context)),
        Route("/context/{path:path}", _Endpoint(give_context)),
        Route("/search", _Endpoint(search.search)),
        Route("/opensearch.xml", _Endpoint(search.opensearch)),
        Route("/healthz", _Endpoint(_health, is_free=True)),
        Route("/readyz", _Endpoint(_readiness, is_free=True)),
        Route("/style.css", _Endpoint(_file("style.css", "text/css; charset=utf-8"), is_free=True)),
        Route("/icon.svg", _Endpoint(_file("icon.svg", "image/svg+xml"), is_free=True)),
        Route("/dataset", _Endpoint(dataset)),
        Route("/.well-known/void", _Endpoint(void)),
        Route("/releases/", _Endpoint(release_list)),
        Route("/releases/{id}", _Endpoint(release_itself)),
        Route("/releases/{id}/{file}", _Endpoint(release_file)),
        Route("/about/persons", _Endpoint(about.persons)),
        Route("/.well-known/security.txt", _Endpoint(about.security_text)),
        Route("/robots.txt", _Endpoint(robots)),
        Route("/sitemap.xml", _Endpoint(sitemap)),
        Route("/sitemap-{number}.xml", _Endpoint(sitemap_part)),
        Route(METRICS, _Endpoint(metrics)),
    ]


def make_app(service: Service) -> ASGIApp:
    """Make the application that answers from a service, which whoever calls starts and stops."""
    # No redirects to and from slashes: they would come without CORS.
    router = Router(routes(), redirect_slashes=False, lifespan=lambda _: _lifespan(service), default=_not_found)
    # A bare router: the middleware of an application would turn our problems into its own.
    app = CacheMiddleware(MetricsMiddleware(ErrorMiddleware(router, service), service.meter, routes()), service)
    root = root_path(service.settings.public_url)
    return PrefixMiddleware(app, root) if root else app


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Lead to the same path with or without the slash at its end, if there is anything; else say that there is not."""
    path: str = scope["path"]
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    if other in {route.path for route in routes()}:
        query = scope["query_string"].decode("latin-1")
        location = quote(other, safe=_SAFE) + (f"?{quote(query, safe=_QUERY_SAFE)}" if query else "")
        await send_redirect(scope, send, 308, location, {})
        return
    raise problem("not-found", f"There is nothing at {scope['path'][:200]}. The first page is /.")


def _file(name: str, media_type: str) -> Handler:
    """Give one of the files that pages take from us, which is read once."""
    made = cache(lambda: document(media_type, (Path(__file__).parent / name).read_bytes()))

    async def give(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
        await send_response(scope, made(), send)

    return give


async def _health(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Tell whether a query could run now: if not, and not for long, the server is to be started again."""
    service: Service = scope["service"]
    await _send_state(scope, send, "well", "No query can run now.", holds=await service.is_well())


async def _readiness(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Tell whether a release is served: if not, requests are better sent elsewhere meanwhile."""
    service: Service = scope["service"]
    await _send_state(scope, send, "ready", "No release is served now.", holds=service.is_ready)


async def _send_state(scope: Scope, send: Send, word: str, otherwise: str, *, holds: bool) -> None:
    service: Service = scope["service"]
    if not holds:
        detail = f"{otherwise} The server mends that by itself, unless it is going down."
        raise Problem("not-ready", 503, detail, headers={"Retry-After": "1"})
    body = f"{word}: release {service.release_id}, {service.data.quads} quads\n"
    await send_response(scope, document("text/plain; charset=utf-8", body, {"Cache-Control": "no-store"}), send)


class _Endpoint:
    """Lets a handler answer the methods it knows, and answers OPTIONS and the others here.

    What is not free is refused to a client whose budget is used up, and charged to it.
    """

    def __init__(self, handler: Handler, methods: str = _READ, *, is_free: bool = False) -> None:
        self.handler, self.methods, self.is_free = handler, methods, is_free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await send_response(scope, Response(204, header_lines(_preflight(scope, self.methods)), b""), send)
        elif scope["method"] not in self.methods.split(", "):
            detail = f"{scope['method'][:20]} is not allowed here. Allowed: {self.methods}."
            raise problem("method-not-allowed", detail, {"Allow": self.methods})
        elif self.is_free:
            await self.handler(scope, receive, send)
        else:
            await charge(self.handler, scope, receive, send)


async def charge(handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
    """Let a handler answer at the cost of the client; raises QueryError, before any work, where it has nothing left."""
    service: Service = scope["service"]
    client = client_of(scope, service.settings.client_header)
    if client is None:
        await handler(scope, receive, send)
        return
    service.budgets.admit(client)
    PAYER.set(ClientAccount(service.budgets, client))
    try:
        await handler(scope, receive, send)
    except (Problem, QueryError) as found:
        scope["refused"] = from_query_error(found) if isinstance(found, QueryError) else found
        raise
    finally:
        if "refused" in scope and is_failure(scope["refused"]):
            service.budgets.note_failure(client)


def _preflight(scope: Scope, methods: str) -> dict[str, str]:
    asked = header(scope, b"access-control-request-headers") or "Accept, Content-Type, If-None-Match"
    safe = "".join(character for character in asked if character.isalnum() or character in "-, ")
    return {
        "Allow": methods,
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": safe[:500],
        "Access-Control-Max-Age": "86400",
        "Vary": "Access-Control-Request-Headers",
    }


class CacheMiddleware:
    """Answers what was answered before, ahead of the table of routes: the one exception to it, for speed."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what is kept, else as the application does."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            scope["raw_key"] = request_key(self.service, scope)
            found = self.service.cache.get(scope["raw_key"])
            if found is not None:
                status = await found.send(scope["method"], header(scope, b"if-none-match"), send)
                self.service.meter.note_hit(scope["path"], scope["method"], status)
                return
        await self.app(scope, receive, send)


class ErrorMiddleware:
    """Turns whatever is raised into an answer; what was begun and cannot be ended is cut."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["service"], scope["asks_freely"] = self.service, self.service.settings.free_sparql
        PAYER.set(None)  # the next request of a connection begins in the context of the one before
        if scope["path"] == METRICS:
            send = without_cors(send)
        try:
            check_head(scope)
            work = self.app(scope, receive, send)
            # What is asked with a body is watched once that has been read, see `answering.respond`.
            await (watched(receive, work) if scope["method"] in ("GET", "HEAD") else work)
        except Problem as found:
            await _send_problem(scope, found, send)
        except ClientDisconnect:
            return
        except CutOffError:
            raise
        except QueryError as found:
            await _send_problem(scope, from_query_error(found), send)
        except Exception as found:  # of ours alone: logged whole, and nothing of it shown to the client
            short = shortage(found)
            if short is None:
                _log.exception("A request was not answered")
            else:
                _log.error("A request was not answered: %s", found)
            await _send_problem(scope, short or Problem("internal", 500, _INTERNAL), send)


async def _send_problem(scope: Scope, found: Problem, send: Send) -> None:
    if wants_html(header(scope, b"accept"), (PROBLEM, "application/json", "application/sparql-results+json")):
        wished = scope.get("sources", False)
        query, reader = scope.get("query", ""), reader_of(scope)
        response = await asyncio.to_thread(query_pages.problem_page, found, query, reader, with_sources=wished)
    else:
        response = Response(found.status, [(b"content-type", PROBLEM.encode())], found.to_json())
    extra = header_lines({**found.headers, "Vary": VARY, "Cache-Control": "no-store"})
    replaced = {name for name, _ in extra}
    kept = [(name, value) for name, value in response.headers if name not in replaced]
    whole = Response(found.status, [*kept, *extra], response.body)
    with suppress(RuntimeError):  # the answer had begun: nothing can be said any more
        await whole.encoded(takes_gzip=False).send(scope["method"], None, send)


@asynccontextmanager
async def _lifespan(service: Service) -> AsyncIterator[None]:
    _end_queries_on_signal(service)
    yield


def _end_queries_on_signal(service: Service) -> None:
    """Let queries go before the server waits for its open requests: else a runaway would hold it."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def handle(signum: int, frame: FrameType | None, before: Any = before) -> None:
            loop.call_soon_threadsafe(service.abort)
            if callable(before):
                before(signum, frame)

        with suppress(ValueError):  # not in the main thread: whoever runs us handles signals
            signal.signal(number, handle)
