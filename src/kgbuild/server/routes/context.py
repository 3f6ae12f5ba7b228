"""The JSON-LD context (https://www.w3.org/TR/json-ld11/), now or under the number of the ontology's version."""

from __future__ import annotations

import json
from typing import Final

from starlette.types import Receive, Scope, Send

from kgbuild.core.namespaces import LICENCE
from kgbuild.server.exchange.answers import document
from kgbuild.server.exchange.kept_documents import negotiate, send_kept
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.negotiation import VARY
from kgbuild.server.http.problems import problem
from kgbuild.server.http.responses import Response, header
from kgbuild.server.routes.things import IMMUTABLE

PATH: Final = "/context.jsonld"
TYPES: Final = ("application/ld+json", "application/json")


async def give_context(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Give the context of the release."""
    service: Service = scope["service"]
    media_type = negotiate(header(scope, b"accept"), TYPES)
    version = service.catalogue.ontology_version.rpartition("/")[2]
    numbered = f"/context/{version}.jsonld"
    if scope["path"] not in (PATH, numbered):
        have = f" That of the ontology here is {numbered}." if version else ""
        raise problem("not-found", f"There is no context at {scope['path'][:200]}.{have}")
    links = [f'<{PATH}>; rel="latest-version"', f'<{LICENCE}>; rel="license"', '</ontology>; rel="describedby"']
    headers = {
        "Vary": VARY,
        "Cache-Control": IMMUTABLE if scope["path"] == numbered else "no-cache",
        "Link": ", ".join(links),
        **({"Content-Location": numbered} if version else {}),
    }

    async def make() -> Response:
        written = json.dumps({"@context": service.catalogue.context}, ensure_ascii=False, indent=2)
        return document(media_type, f"{written}\n", headers)

    await send_kept(scope, send, make, media_type)
