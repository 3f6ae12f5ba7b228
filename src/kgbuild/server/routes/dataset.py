"""The data set's description in RDF, and its page, with schema.org embedded for search engines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from pyoxigraph import NamedNode, Triple
from starlette.types import Receive, Scope, Send

from kgbuild.build.catalogue import Catalogue, descriptions
from kgbuild.build.release import Release, readable_releases
from kgbuild.core.date_text import write_point
from kgbuild.core.namespaces import DATASET_IRI, LICENCE, PREFIXES
from kgbuild.server.exchange.addresses import address
from kgbuild.server.exchange.answers import document, send_redirect
from kgbuild.server.exchange.kept_documents import FORMATS, alternates, asked_format, send_kept
from kgbuild.server.exchange.service import Service
from kgbuild.server.http.languages import Reader, reader_of
from kgbuild.server.http.negotiation import HTML, SHORT_NAMES, VARY
from kgbuild.server.http.responses import Response
from kgbuild.server.pages.rendering import data_block, page
from kgbuild.sparql.formats import FORMATS_NAMESPACE, GRAPH_ALIASES, content_type, write_graph


async def releases_of(service: Service) -> descriptions.Releases:
    """List the releases, from the folders that are there now."""
    if not service.settings.has_releases:
        return descriptions.Releases()
    there = await asyncio.to_thread(readable_releases, service.settings.build)
    kept = tuple(each for each in there if each.withdrawal is None)
    served = next((each for each in kept if each.id == service.release_id), None)
    return descriptions.Releases(kept, served, tuple(each for each in there if each.withdrawal))


View = Callable[[Service, descriptions.Releases, Reader, str], Response]
"""Makes the page of a document; the last argument is the public address of the server."""
Describe = Callable[[Catalogue, descriptions.Releases, str], Iterable[Triple]]


async def void(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Answer /.well-known/void: the description in RDF; a browser is led to its page."""
    await send_description(scope, send, "/.well-known/void", "/dataset", descriptions.void_triples)


async def dataset(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Answer /dataset: DCAT in RDF, and a page."""
    await send_description(scope, send, "/dataset", _page)


async def send_description(
    scope: Scope, send: Send, path: str, page: View | str, describe: Describe = descriptions.dcat_triples
) -> None:
    """Send what is at `path`: RDF, or for people a page, or the address of one."""
    service: Service = scope["service"]
    media_type = asked_format(scope)
    if media_type == HTML and isinstance(page, str):
        await send_redirect(scope, send, 303, page, {"Cache-Control": "no-cache"})
        return
    public, releases = address(service, scope), await releases_of(service)

    async def make() -> Response:
        if media_type == HTML and not isinstance(page, str):
            return page(service, releases, replace(reader_of(scope), here=path), public)
        triples = describe(service.catalogue, releases, public)
        if not service.settings.free_sparql:
            triples = _without(NamedNode(f"{public}/sparql"), triples)
        return _rdf(triples, media_type, path)

    await send_kept(scope, send, make, media_type, releases.ids)


def _without(thing: NamedNode, triples: Iterable[Triple]) -> Iterable[Triple]:
    return (triple for triple in triples if thing not in (triple.subject, triple.object))


def _rdf(triples: Iterable[Triple], media_type: str, path: str) -> Response:
    prefixes = {**PREFIXES, "spdx": descriptions.SPDX, "format": FORMATS_NAMESPACE}
    body = write_graph(dict.fromkeys(triples), GRAPH_ALIASES.get(media_type, media_type), prefixes)
    name = next((name for name in FORMATS if SHORT_NAMES[name] == media_type), "")
    location = {"Content-Location": f"{path}?format={name}"} if name else {}
    return document(content_type(media_type), body, {"Vary": VARY, "Link": alternates(path), **location})


def _page(service: Service, releases: descriptions.Releases, reader: Reader, public: str) -> Response:
    return page(
        "dataset.html",
        reader,
        headers={"Link": alternates("/dataset")},
        title=descriptions.TITLE[reader.interface],
        description=descriptions.DESCRIPTION[reader.interface],
        catalogue=service.catalogue,
        span=[write_point(day, reader.interface) for day in service.catalogue.span or ()],
        quads=service.data.quads,
        release=releases.served,
        previous=releases.before(releases.served) if releases.served else None,
        files=files_shown(releases.served, reader) if releases.served else [],
        formats=FORMATS,
        public=public,
        publisher=descriptions.PUBLISHER,
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
            "about": descriptions.ABOUT.get(file, {}).get(reader.interface, ""),
            "bytes": described.get("bytes"),
            "sha256": described.get("sha256", ""),
        }
        for file, described in listed
    ]


def _schema_org(catalogue: Catalogue, releases: descriptions.Releases, public: str) -> dict[str, Any]:
    """Describe the data set as search engines for data read it."""
    publisher = {"@type": "Organization", "name": descriptions.PUBLISHER}
    said: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": DATASET_IRI,
        "url": f"{public}/dataset",
        "name": [{"@language": language, "@value": text} for language, text in descriptions.TITLE.items()],
        "description": [{"@language": language, "@value": text} for language, text in descriptions.DESCRIPTION.items()],
        "license": LICENCE,
        "isAccessibleForFree": True,
        "keywords": list(descriptions.KEYWORDS),
        "creator": publisher,
        "publisher": publisher,
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
        if issued := descriptions.issued_on(served):
            said["datePublished"] = issued.value
        said["distribution"] = [
            {
                "@type": "DataDownload",
                "contentUrl": descriptions.download_address(public, served, file),
                "encodingFormat": descriptions.media_type_of(file),
                "contentSize": f"{described['bytes']} B",
                "sha256": described["sha256"],
            }
            for file, described in served.manifest["files"].items()
        ]
    return said
