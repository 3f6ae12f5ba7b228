"""The SHACL profile of the release, now or under the number of its version; and what leads to it from each shape."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from pyoxigraph import RdfFormat, parse
from starlette.types import Receive, Scope, Send

from kgbuild.core.namespaces import LICENCE, PREFIXES
from kgbuild.server.exchange.answers import document, send_redirect
from kgbuild.server.exchange.kept_documents import FORMATS, asked_format, negotiate, send_kept
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.languages import reader_of
from kgbuild.server.http.negotiation import GRAPH_OFFERS, HTML, SHORT_NAMES, VARY
from kgbuild.server.http.problems import problem
from kgbuild.server.http.responses import Response
from kgbuild.server.pages.shapes import ShownProfile, read_profile, shapes_page
from kgbuild.server.routes.dataset import releases_of
from kgbuild.server.routes.things import IMMUTABLE
from kgbuild.sparql.formats import GRAPH_ALIASES, content_type, write_graph

_ADDRESS: Final = re.compile(rf"(/shapes(/strict)?)(?:/(\d+\.\d+\.\d+))?(?:\.({'|'.join((*FORMATS, 'html'))}))?")


async def give_shapes(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Give the profile, open or closed, as RDF or as a page."""
    service: Service = scope["service"]
    address = _ADDRESS.fullmatch(scope["path"])
    version = service.catalogue.ontology_version.rpartition("/")[2]
    if address is None or address[3] not in (None, version):
        have = f" Those here are /shapes/{version} and /shapes/strict/{version}." if version else ""
        raise problem("not-found", f"There are no shapes at {scope['path'][:200]}.{have}")
    here, is_strict, suffix = address[1] + (f"/{address[3]}" if address[3] else ""), bool(address[2]), address[4]
    media_type = negotiate(SHORT_NAMES[suffix], (*GRAPH_OFFERS, HTML)) if suffix else asked_format(scope)
    file = await _file(service, "shapes-strict.ttl" if is_strict else "shapes.ttl")
    links = [
        *(f'<{here}.{name}>; rel="alternate"; type="{SHORT_NAMES[name]}"' for name in (*FORMATS, "html")),
        f'<{address[1]}>; rel="latest-version"',
        '</ontology>; rel="describedby"',
        f'<{LICENCE}>; rel="license"',
    ]
    headers = {
        "Vary": VARY,
        "Link": ", ".join(links),
        "Cache-Control": IMMUTABLE if address[3] else "no-cache",
    }

    async def make() -> Response:
        if media_type == HTML:
            reader = replace(reader_of(scope), here=here)
            shown = await asyncio.to_thread(_shown, file)
            return await asyncio.to_thread(shapes_page, shown, reader, here, headers, is_strict=is_strict)
        return document(content_type(media_type), await asyncio.to_thread(_written, file, media_type), headers)

    await send_kept(scope, send, make, media_type)


async def lead_to_shape(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Lead from the IRI of a shape to its place in the profile: the open one, if it is there."""
    service: Service = scope["service"]
    name = scope["path_params"]["name"]
    for path, file in (("/shapes", "shapes.ttl"), ("/shapes/strict", "shapes-strict.ttl")):
        shown = await asyncio.to_thread(_shown, await _file(service, file))
        if name in shown.named:
            await send_redirect(scope, send, 303, f"{path}#{name}", {"Cache-Control": "no-cache"})
            return
    raise problem("not-found", f"There is no shape '{name[:100]}'. /shapes lists them.")


async def _file(service: Service, name: str) -> Path:
    """Find a file of the release that is served."""
    served = (await releases_of(service)).served
    if served is None or name not in served.manifest["files"]:
        raise problem("not-found", "The data that are served here come without shapes.")
    return served.path / name


@lru_cache(maxsize=4)
def _shown(file: Path) -> ShownProfile:
    return read_profile(parse(file.read_bytes(), format=RdfFormat.TURTLE))


def _written(file: Path, media_type: str) -> bytes:
    content = file.read_bytes()
    wanted = GRAPH_ALIASES.get(media_type, media_type)
    if wanted == SHORT_NAMES["ttl"]:
        return content
    triples = (quad.triple for quad in parse(content, format=RdfFormat.TURTLE))
    return write_graph(triples, wanted, PREFIXES)
