"""The data set's description in RDF, and its page, with schema.org embedded for search engines."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from pyoxigraph import Triple
from starlette.types import Receive, Scope, Send

from kgbuild.build.catalogue import Catalogue
from kgbuild.build.catalogue.descriptions import (
    ABOUT,
    DESCRIPTION,
    KEYWORDS,
    PUBLISHER,
    SPDX,
    TITLE,
    Releases,
    dcat_triples,
    download_address,
    issued_on,
    media_type_of,
    void_triples,
)
from kgbuild.build.release import Release, readable_releases
from kgbuild.core.date_text import write_point
from kgbuild.core.namespaces import DATASET_IRI, LICENCE, PREFIXES
from kgbuild.server.exchange.addresses import address
from kgbuild.server.exchange.kept_documents import FORMATS, alternates, asked_format, send_kept
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.languages import Reader, reader_of
from kgbuild.server.http.negotiation import HTML, SHORT_NAMES, VARY
from kgbuild.server.http.responses import Response, header_lines
from kgbuild.server.pages.rendering import data_block, page
from kgbuild.sparql.formats import FORMATS_NAMESPACE, GRAPH_ALIASES, content_type, write_graph


async def releases_of(service: Service) -> Releases:
    """List the releases, from the folders that are there now."""
    if not service.settings.has_releases:
        return Releases()
    kept = await asyncio.to_thread(readable_releases, service.settings.build)
    return Releases(tuple(kept), next((each for each in kept if each.id == service.release_id), None))


# --- addresses ----------------------------------------------------------------------------------------------------


async def void(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Answer /.well-known/void: the description in RDF; a browser is led to its page."""
    service: Service = scope["service"]
    media_type = asked_format(scope)
    if media_type == HTML:
        headers = header_lines({"Location": "/dataset", "Vary": VARY, "Cache-Control": "no-cache"})
        await Response(303, headers, b"").encoded(takes_gzip=False).send(scope["method"], None, send)
        return
    public = address(service, scope)

    async def make() -> Response:
        triples = void_triples(service.catalogue, await releases_of(service), public)
        return _rdf(list(triples), media_type, "/.well-known/void")

    await send_kept(scope, send, make, media_type)


async def dataset(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Answer /dataset: DCAT in RDF, and a page."""
    media_type = asked_format(scope)
    if media_type != HTML:
        await dcat_answer(scope, send, media_type, "/dataset")
        return
    service: Service = scope["service"]
    reader, public = replace(reader_of(scope), here="/dataset"), address(service, scope)
    releases = await releases_of(service)

    async def make() -> Response:
        return _page(service, releases, reader, public)

    await send_kept(scope, send, make, HTML, releases.ids)


async def dcat_answer(scope: Scope, send: Send, media_type: str, path: str) -> None:
    """Send the description in DCAT as what is at `path`."""
    service: Service = scope["service"]
    public, releases = address(service, scope), await releases_of(service)

    async def make() -> Response:
        return _rdf(list(dcat_triples(service.catalogue, releases, public)), media_type, path)

    await send_kept(scope, send, make, media_type, releases.ids)


def _rdf(triples: list[Triple], media_type: str, path: str) -> Response:
    prefixes = {**PREFIXES, "spdx": SPDX, "format": FORMATS_NAMESPACE}
    body = write_graph(dict.fromkeys(triples), GRAPH_ALIASES.get(media_type, media_type), prefixes)
    return Response(200, header_lines(document_headers(media_type, path)), body)


def document_headers(media_type: str, path: str) -> dict[str, str]:
    """Write the headers of a document in RDF."""
    name = next((name for name in FORMATS if SHORT_NAMES[name] == media_type), "")
    return {
        "Content-Type": content_type(media_type),
        "Vary": VARY,
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Link": alternates(path),
        **({"Content-Location": f"{path}?format={name}"} if name else {}),
    }


# --- the page -----------------------------------------------------------------------------------------------------


def _page(service: Service, releases: Releases, reader: Reader, public: str) -> Response:
    return page(
        "dataset.html",
        reader,
        headers={"Link": alternates("/dataset")},
        title=TITLE[reader.interface],
        description=DESCRIPTION[reader.interface],
        catalogue=service.catalogue,
        span=[write_point(day, reader.interface) for day in service.catalogue.span or ()],
        quads=service.data.quads,
        release=releases.served,
        previous=releases.before(releases.served) if releases.served else None,
        files=files_shown(releases.served, reader) if releases.served else [],
        formats=FORMATS,
        public=public,
        publisher=PUBLISHER,
        iri=DATASET_IRI,
        linked=data_block(_schema_org(service.catalogue, releases, public)),
    )


def files_shown(release: Release, reader: Reader) -> list[dict[str, Any]]:
    """List a release's files for a page, the manifest last."""
    listed = [*release.manifest["files"].items(), ("manifest.json", {})]
    return [
        {
            "name": file,
            "link": f"/releases/{release.id}/{file}",
            "about": ABOUT.get(file, {}).get(reader.interface, ""),
            "bytes": described.get("bytes"),
            "sha256": described.get("sha256", ""),
        }
        for file, described in listed
    ]


def _schema_org(catalogue: Catalogue, releases: Releases, public: str) -> dict[str, Any]:
    """Describe the data set as search engines for data read it."""
    said: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": DATASET_IRI,
        "url": f"{public}/dataset",
        "name": [{"@language": language, "@value": text} for language, text in TITLE.items()],
        "description": [{"@language": language, "@value": text} for language, text in DESCRIPTION.items()],
        "license": LICENCE,
        "isAccessibleForFree": True,
        "keywords": list(KEYWORDS),
        "creator": {"@type": "Organization", "name": PUBLISHER},
        "publisher": {"@type": "Organization", "name": PUBLISHER},
    }
    if catalogue.span:
        said["temporalCoverage"] = "/".join(catalogue.span)
    if catalogue.states:
        said["spatialCoverage"] = [
            {"@type": "Country", "@id": state, **({"name": name} if name else {})}
            for state, name in catalogue.states.items()
        ]
    if releases.served:
        served = releases.served
        said["version"] = said["identifier"] = served.id
        if issued := issued_on(served):
            said["datePublished"] = issued.value
        said["distribution"] = [
            {
                "@type": "DataDownload",
                "contentUrl": download_address(public, served, file),
                "encodingFormat": media_type_of(file),
                "contentSize": f"{described['bytes']} B",
                "sha256": described["sha256"],
            }
            for file, described in served.manifest["files"].items()
        ]
    return said
