"""The data set described: VoID (https://www.w3.org/TR/void/), DCAT 3 (https://www.w3.org/TR/vocab-dcat-3/), schema.org.

Every number is counted in the data that are served; what is not known (when a release was issued, say) is left out.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from markupsafe import Markup
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, serialize
from starlette.types import Receive, Scope, Send

from kgbuild.engines.formats import GRAPH_ALIASES, GRAPHS, content_type
from kgbuild.lookups import Bindings
from kgbuild.namespaces import BASE, DATASET_IRI, EXTERNAL, ID, LICENCE, ONTOLOGY, ONTOLOGY_IRI, PREFIXES
from kgbuild.query_error import QueryError
from kgbuild.release import QUADS, Release, readable_releases
from kgbuild.server.addresses import address
from kgbuild.server.data import Data
from kgbuild.server.description import FORMAT_NAMES, FORMATS_NAMESPACE, Object, counts
from kgbuild.server.keeping import FORMATS, alternates, asked_format, send_kept
from kgbuild.server.languages import Reader, reader_of
from kgbuild.server.negotiation import HTML, SHORT_NAMES, VARY
from kgbuild.server.rendering import page
from kgbuild.server.responses import Response, header_lines
from kgbuild.server.service import Known, Service

TITLE: Final = {
    "en": "ICN, the Intergovernmental Cooperation Networks knowledge graph",
    "ru": "ICN — граф знаний о сетях межгосударственного сотрудничества",
}
DESCRIPTION: Final = {
    "en": "Who belongs to which network of institutions, since when, on which agreement, who met whom and what came "
    "of it, and which article says so.",
    "ru": "Кто и с какого времени состоит в какой сети учреждений, по какому соглашению, кто с кем встречался и что из "
    "этого вышло, и в какой статье об этом сказано.",
}
PUBLISHER: Final = "ICN maintainers"
KEYWORDS: Final = (
    "intergovernmental organizations",
    "cooperation networks",
    "knowledge graph",
    "linked data",
    "provenance",
    "Central Asia",
)
"""As in CITATION.cff, like the publisher."""
MEDIA_TYPES: Final = {
    ".nq": "application/n-quads",
    ".trig": "application/trig",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".sqlite": "application/vnd.sqlite3",
}
"""End of a file's name -> its media type."""
ABOUT: Final = {
    QUADS: {"en": "All graphs, in N-Quads", "ru": "Все графы, в N-Quads"},
    "graph.trig": {"en": "All graphs, in TriG", "ru": "Все графы, в TriG"},
    "source-map.jsonl": {
        "en": "Which line of which record each quad comes from",
        "ru": "Из какой строки какой записи взят каждый квад",
    },
    "manifest.json": {"en": "Counts, versions and checksums", "ru": "Счётчики, версии и контрольные суммы"},
}
_EXAMPLES: Final = ("Network", "Institution", "State", "Person", "Meeting", "Agreement", "Membership", "Article")
"""Classes of which an example is named."""
_SPDX: Final = "http://spdx.org/rdf/terms#"
_IANA: Final = "https://www.iana.org/assignments/media-types/"
_TYPE: Final = NamedNode(EXTERNAL["rdf"] + "type")
_ME: Final = NamedNode(DATASET_IRI)
_log: Final = logging.getLogger("kgbuild.server")

_ENTITIES: Final = f'SELECT (COUNT(DISTINCT ?s) AS ?n) {{ ?s ?p ?o FILTER (STRSTARTS(STR(?s), "{ID}")) }}'
_EXAMPLE: Final = f"""SELECT ?x (MIN(STR(?s)) AS ?n) {{
  VALUES ?x {{ {" ".join(f"icn:{name}" for name in _EXAMPLES)} }} ?s a ?x FILTER (isIRI(?s))
}} GROUP BY ?x"""
_LINKS: Final = f"""SELECT ?p ?space (COUNT(*) AS ?n) {{
  VALUES ?p {{ owl:sameAs skos:exactMatch skos:closeMatch }}
  ?s ?p ?o FILTER (isIRI(?o) && STRSTARTS(STR(?s), "{BASE}") && !STRSTARTS(STR(?o), "{BASE}"))
  BIND (REPLACE(STR(?o), "^([a-zA-Z][a-zA-Z0-9+.-]*://[^/]*/?).*$", "$1") AS ?space)
}} GROUP BY ?p ?space ORDER BY ?p ?space"""
_SPAN: Final = """SELECT ?from ?to {
  { SELECT (MIN(?earliest) AS ?from) { ?s icn:dated/icn:earliest ?earliest } }
  { SELECT (MAX(?latest) AS ?to) { ?s icn:dated/icn:latest ?latest } }
}"""
_STATES: Final = """SELECT ?s (MIN(STR(?label)) AS ?name) {
  ?s a icn:State FILTER (isIRI(?s)) OPTIONAL { ?s rdfs:label ?label FILTER (LANG(?label) = "en") }
} GROUP BY ?s ORDER BY ?s"""


@dataclass(frozen=True)
class Linkset:
    """Links from our things to those of somebody else."""

    predicate: str
    space: str
    """What the IRIs of the others begin with."""
    triples: int


@dataclass(frozen=True)
class Facts:
    """What is counted for the description alone; what cannot be counted in time is None or empty."""

    entities: int | None
    examples: dict[str, str]
    """Class -> the first of its things."""
    linksets: tuple[Linkset, ...]
    span: tuple[str, str] | None
    """First and last day of all that is dated."""
    states: dict[str, str]
    """State -> its name in English, or nothing."""


# --- what is asked of the data ------------------------------------------------------------------------------------


async def facts_of(service: Service) -> Facts:
    """Count, once for each load of the data."""
    return await service.once(_count)


async def _count(data: Data) -> Facts:
    entities, examples, links, span, states = [
        await _rows(data, query) for query in (_ENTITIES, _EXAMPLE, _LINKS, _SPAN, _STATES)
    ]
    bounds = [span[0][name].value if name in span[0] else "" for name in ("from", "to")] if span else ["", ""]
    return Facts(
        int(entities[0]["n"].value) if entities else None,
        {row["x"].value: row["n"].value for row in examples if "n" in row},
        tuple(Linkset(row["p"].value, row["space"].value, int(row["n"].value)) for row in links if "p" in row),
        (bounds[0], bounds[1]) if all(bounds) else None,
        {row["s"].value: row["name"].value if "name" in row else "" for row in states},
    )


async def _rows(data: Data, query: str) -> Bindings:
    """Answer a question that the description can do without: data may be too large for it."""
    try:
        return (await data.select(query)).records()
    except QueryError as problem:
        if problem.kind not in ("deadline", "out-of-memory"):
            raise
        _log.warning("The description of the data set goes without an answer: %s", problem.detail)
        return []


# --- releases -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Releases:
    """The releases that are kept, oldest first, and the one that is served; none where files are served."""

    kept: tuple[Release, ...] = ()
    served: Release | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """List their ids: others may have come or gone while the same one is served."""
        return tuple(each.id for each in self.kept)

    def before(self, release: Release) -> Release | None:
        """Find the release made before another, if it is kept."""
        ids = [each.id for each in self.kept]
        at = ids.index(release.id) if release.id in ids else 0
        return self.kept[at - 1] if at else None


async def releases_of(service: Service) -> Releases:
    """List the releases, from the folders that are there now."""
    if not service.settings.has_releases:
        return Releases()
    kept = await asyncio.to_thread(readable_releases, service.settings.build)
    return Releases(tuple(kept), next((each for each in kept if each.id == service.release_id), None))


def media_type_of(file: str) -> str:
    """Tell the media type of a release's file."""
    return next((known for end, known in MEDIA_TYPES.items() if file.endswith(end)), "application/octet-stream")


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
        facts, releases = await facts_of(service), await releases_of(service)
        return _rdf(list(void_triples(service.known, facts, releases, public)), media_type, "/.well-known/void")

    await send_kept(scope, send, ("void", public, media_type), make)


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
        return _page(service, await facts_of(service), releases, reader, public)

    await send_kept(scope, send, ("dataset", public, reader, releases.ids), make)


async def dcat_answer(scope: Scope, send: Send, media_type: str, path: str) -> None:
    """Send the description in DCAT as what is at `path`."""
    service: Service = scope["service"]
    public, releases = address(service, scope), await releases_of(service)

    async def make() -> Response:
        facts = await facts_of(service)
        return _rdf(list(dcat_triples(service.known, facts, releases, public)), media_type, path)

    await send_kept(scope, send, ("dcat", path, public, media_type, releases.ids), make)


def _rdf(triples: list[Triple], media_type: str, path: str) -> Response:
    format_ = GRAPHS[GRAPH_ALIASES.get(media_type, media_type)]
    prefixes = {**PREFIXES, "spdx": _SPDX, "format": FORMATS_NAMESPACE}
    listed = prefixes if format_ in (RdfFormat.TURTLE, RdfFormat.TRIG) else None
    body = serialize(dict.fromkeys(triples), format=format_, prefixes=listed) or b""
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


# --- triples ------------------------------------------------------------------------------------------------------


def _term(prefix: str, name: str) -> NamedNode:
    return NamedNode(EXTERNAL[prefix] + name)


def _about(subject: NamedNode, *pairs: tuple[str, str, Object]) -> Iterator[Triple]:
    for prefix, name, value in pairs:
        yield Triple(subject, _term(prefix, name), value)


def _typed(value: object, datatype: str) -> Literal:
    return Literal(str(value), datatype=_term("xsd", datatype))


def _common(facts: Facts, releases: Releases) -> Iterator[Triple]:
    """Say what VoID and DCAT both say of the data set."""
    publisher = NamedNode(f"{DATASET_IRI}#publisher")
    for language, text in TITLE.items():
        yield Triple(_ME, _term("dcterms", "title"), Literal(text, language=language))
    for language, text in DESCRIPTION.items():
        yield Triple(_ME, _term("dcterms", "description"), Literal(text, language=language))
    yield from _about(
        _ME,
        ("dcterms", "license", NamedNode(LICENCE)),
        ("dcterms", "publisher", publisher),
    )
    yield from _about(publisher, ("rdf", "type", _term("foaf", "Agent")), ("foaf", "name", Literal(PUBLISHER)))
    if releases.served and (issued := _issued(releases.served)):
        yield Triple(_ME, _term("dcterms", "issued"), issued)
    for example in facts.examples.values():
        yield Triple(_ME, _term("void", "exampleResource"), NamedNode(example))


def _issued(release: Release) -> Literal | None:
    """Give the day or moment at which a release was issued, where its manifest says so."""
    given = str(release.manifest.get("issued") or release.manifest["facts"].get("issued") or "")
    return _typed(given, "dateTime" if "T" in given else "date") if given else None


def void_triples(known: Known, facts: Facts, releases: Releases, public: str) -> Iterator[Triple]:
    """Describe the data set in VoID; counts are of the default graph, as the endpoint answers from it."""
    document = NamedNode(f"{BASE}.well-known/void")
    yield from _about(document, ("rdf", "type", _term("void", "DatasetDescription")), ("foaf", "primaryTopic", _ME))
    yield Triple(_ME, _TYPE, _term("void", "Dataset"))
    yield from _common(facts, releases)
    yield from _about(
        _ME,
        ("void", "uriSpace", Literal(ID)),
        ("void", "sparqlEndpoint", NamedNode(f"{public}/sparql")),
    )
    yield from counts(_ME, known, DATASET_IRI)
    if facts.entities is not None:
        yield Triple(_ME, _term("void", "entities"), Literal(facts.entities))
    for vocabulary in vocabularies(known):
        yield Triple(_ME, _term("void", "vocabulary"), NamedNode(vocabulary))
    for media_type in GRAPHS:
        yield Triple(_ME, _term("void", "feature"), NamedNode(FORMATS_NAMESPACE + FORMAT_NAMES[media_type]))
    if releases.served:
        for file in releases.served.manifest["files"]:
            if media_type_of(file) in ("application/n-quads", "application/trig"):
                yield Triple(_ME, _term("void", "dataDump"), NamedNode(_download(public, releases.served, file)))
    yield from _linksets(facts)


def vocabularies(known: Known) -> list[str]:
    """List the vocabularies of the classes and properties in use: those whose namespaces we know."""
    spaces = {**{space: space for space in EXTERNAL.values()}, ONTOLOGY: ONTOLOGY_IRI}
    terms = [*known.classes, *known.properties]
    return sorted({name for space, name in spaces.items() if any(term.startswith(space) for term in terms)})


def _linksets(facts: Facts) -> Iterator[Triple]:
    targets = {space: f"{DATASET_IRI}#linked-{i}" for i, space in enumerate(sorted({s.space for s in facts.linksets}))}
    for space, iri in targets.items():
        target = NamedNode(iri)
        yield from _about(target, ("rdf", "type", _term("void", "Dataset")), ("void", "uriSpace", Literal(space)))
    for number, linkset in enumerate(facts.linksets):
        this = NamedNode(f"{DATASET_IRI}#linkset-{number}")
        yield Triple(_ME, _term("void", "subset"), this)
        yield from _about(
            this,
            ("rdf", "type", _term("void", "Linkset")),
            ("void", "linkPredicate", NamedNode(linkset.predicate)),
            ("void", "subjectsTarget", _ME),
            ("void", "objectsTarget", NamedNode(targets[linkset.space])),
            ("void", "triples", Literal(linkset.triples)),
        )


def dcat_triples(known: Known, facts: Facts, releases: Releases, public: str) -> Iterator[Triple]:
    """Describe the data set, its releases and what can be downloaded of them in DCAT."""
    yield Triple(_ME, _TYPE, _term("dcat", "Dataset"))
    yield Triple(_ME, _TYPE, _term("void", "Dataset"))
    yield from _common(facts, releases)
    yield Triple(_ME, _term("void", "triples"), Literal(known.triples))
    yield Triple(_ME, _term("dcat", "landingPage"), NamedNode(f"{public}/dataset"))
    for word in KEYWORDS:
        yield Triple(_ME, _term("dcat", "keyword"), Literal(word, language="en"))
    yield from _coverage(facts)
    yield from _service(public)
    if releases.served:
        yield from _version(_ME, releases.served, releases, public)
        yield Triple(_ME, _term("dcat", "hasCurrentVersion"), _release_iri(releases.served))
    for release in releases.kept:
        this = _release_iri(release)
        yield Triple(_ME, _term("dcat", "hasVersion"), this)
        yield Triple(this, _TYPE, _term("dcat", "Dataset"))
        yield from _about(this, ("dcat", "isVersionOf", _ME), ("dcterms", "license", NamedNode(LICENCE)))
        for language, text in TITLE.items():
            yield Triple(this, _term("dcterms", "title"), Literal(f"{text} ({release.id})", language=language))
        yield from _version(this, release, releases, public)


def _coverage(facts: Facts) -> Iterator[Triple]:
    if facts.span:
        period = NamedNode(f"{DATASET_IRI}#period")
        yield Triple(_ME, _term("dcterms", "temporal"), period)
        yield from _about(
            period,
            ("rdf", "type", _term("dcterms", "PeriodOfTime")),
            ("dcat", "startDate", _typed(facts.span[0], "date")),
            ("dcat", "endDate", _typed(facts.span[1], "date")),
        )
    for state in facts.states:
        yield Triple(_ME, _term("dcterms", "spatial"), NamedNode(state))


def _service(public: str) -> Iterator[Triple]:
    endpoint = NamedNode(f"{public}/sparql")
    yield from _about(
        endpoint,
        ("rdf", "type", _term("dcat", "DataService")),
        ("dcterms", "title", Literal("SPARQL 1.1 endpoint", language="en")),
        ("dcat", "endpointURL", endpoint),
        ("dcat", "endpointDescription", endpoint),
        ("dcat", "servesDataset", _ME),
        ("dcterms", "license", NamedNode(LICENCE)),
    )


def _version(this: NamedNode, release: Release, releases: Releases, public: str) -> Iterator[Triple]:
    """Say which version a data set is, which one was before it, and where its files are."""
    yield Triple(this, _term("dcat", "version"), Literal(release.id))
    if before := releases.before(release):
        yield Triple(this, _term("dcat", "previousVersion"), _release_iri(before))
    if (issued := _issued(release)) and this != _ME:
        yield Triple(this, _term("dcterms", "issued"), issued)
    for file, described in release.manifest["files"].items():
        distribution = NamedNode(f"{_release_iri(release).value}/{file}")
        yield Triple(this, _term("dcat", "distribution"), distribution)
        yield from _distribution(distribution, file, described, _download(public, release, file))


def _distribution(this: NamedNode, file: str, described: dict[str, Any], address: str) -> Iterator[Triple]:
    checksum = NamedNode(f"{this.value}#checksum")
    for language, text in ABOUT.get(file, {"en": file}).items():
        yield Triple(this, _term("dcterms", "title"), Literal(text, language=language))
    yield from _about(
        this,
        ("rdf", "type", _term("dcat", "Distribution")),
        ("dcat", "accessURL", NamedNode(address)),
        ("dcat", "downloadURL", NamedNode(address)),
        ("dcat", "mediaType", NamedNode(_IANA + media_type_of(file))),
        ("dcat", "byteSize", _typed(described["bytes"], "nonNegativeInteger")),
        ("dcterms", "license", NamedNode(LICENCE)),
    )
    yield Triple(this, NamedNode(_SPDX + "checksum"), checksum)
    yield Triple(checksum, _TYPE, NamedNode(_SPDX + "Checksum"))
    yield Triple(checksum, NamedNode(_SPDX + "algorithm"), NamedNode(_SPDX + "checksumAlgorithm_sha256"))
    yield Triple(checksum, NamedNode(_SPDX + "checksumValue"), _typed(described["sha256"], "hexBinary"))


def _release_iri(release: Release) -> NamedNode:
    return NamedNode(f"{BASE}releases/{release.id}")


def _download(public: str, release: Release, file: str) -> str:
    return f"{public}/releases/{release.id}/{file}"


# --- the page -----------------------------------------------------------------------------------------------------


def _page(service: Service, facts: Facts, releases: Releases, reader: Reader, public: str) -> Response:
    return page(
        "dataset.html",
        reader,
        headers={"Link": alternates("/dataset")},
        title=TITLE[reader.interface],
        description=DESCRIPTION[reader.interface],
        known=service.known,
        quads=service.data.quads,
        facts=facts,
        release=releases.served,
        previous=releases.before(releases.served) if releases.served else None,
        files=files_shown(releases.served, reader) if releases.served else [],
        formats=FORMATS,
        public=public,
        publisher=PUBLISHER,
        iri=DATASET_IRI,
        linked=embedded(_schema_org(facts, releases, public)),
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


def _schema_org(facts: Facts, releases: Releases, public: str) -> dict[str, Any]:
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
    if facts.span:
        said["temporalCoverage"] = "/".join(facts.span)
    if facts.states:
        said["spatialCoverage"] = [
            {"@type": "Country", "@id": state, **({"name": name} if name else {})}
            for state, name in facts.states.items()
        ]
    if releases.served:
        served = releases.served
        said["version"] = said["identifier"] = served.id
        if issued := _issued(served):
            said["datePublished"] = issued.value
        said["distribution"] = [
            {
                "@type": "DataDownload",
                "contentUrl": _download(public, served, file),
                "encodingFormat": media_type_of(file),
                "contentSize": f"{described['bytes']} B",
                "sha256": described["sha256"],
            }
            for file, described in served.manifest["files"].items()
        ]
    return said


def embedded(data: dict[str, Any]) -> Markup:
    """Write JSON so that nothing in it can end the element that it stands in."""
    text = json.dumps(data, ensure_ascii=False, indent=1)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - no character of HTML is left in it
