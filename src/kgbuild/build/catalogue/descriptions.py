"""The data set described: VoID (https://www.w3.org/TR/void/) and DCAT 3 (https://www.w3.org/TR/vocab-dcat-3/).

Every number is counted in the data; what is not known (when a release was issued, say) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgbuild.build.catalogue import Catalogue
from kgbuild.build.release import QUADS, Release
from kgbuild.core.namespaces import BASE, DATASET_IRI, EXTERNAL, GRAPH, ID, LICENCE, ONTOLOGY, ONTOLOGY_IRI
from kgbuild.sparql.formats import FORMAT_NAMES, FORMATS_NAMESPACE, GRAPHS

Object = NamedNode | Literal

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
SPDX: Final = "http://spdx.org/rdf/terms#"
_IANA: Final = "https://www.iana.org/assignments/media-types/"
_TYPE: Final = NamedNode(EXTERNAL["rdf"] + "type")
_ME: Final = NamedNode(DATASET_IRI)
_CATALOG_GRAPH: Final = NamedNode(f"{GRAPH}catalog")


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


def media_type_of(file: str) -> str:
    """Tell the media type of a release's file."""
    return next((known for end, known in MEDIA_TYPES.items() if file.endswith(end)), "application/octet-stream")


# --- triples ------------------------------------------------------------------------------------------------------


def _term(prefix: str, name: str) -> NamedNode:
    return NamedNode(EXTERNAL[prefix] + name)


def _about(subject: NamedNode, *pairs: tuple[str, str, Object]) -> Iterator[Triple]:
    for prefix, name, value in pairs:
        yield Triple(subject, _term(prefix, name), value)


def _typed(value: object, datatype: str) -> Literal:
    return Literal(str(value), datatype=_term("xsd", datatype))


def _common(catalogue: Catalogue, releases: Releases) -> Iterator[Triple]:
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
    if releases.served and (issued := issued_on(releases.served)):
        yield Triple(_ME, _term("dcterms", "issued"), issued)
    for example in catalogue.examples.values():
        yield Triple(_ME, _term("void", "exampleResource"), NamedNode(example))


def issued_on(release: Release) -> Literal | None:
    """Give the day or moment at which a release was issued, where its manifest says so."""
    given = str(release.manifest.get("issued") or release.manifest["facts"].get("issued") or "")
    return _typed(given, "dateTime" if "T" in given else "date") if given else None


def describe_in_graph(sources: Iterable[tuple[NamedNode, NamedNode]]) -> Iterator[Quad]:
    """Describe the data set within the data, and say which article each graph comes from; numbers stand elsewhere."""
    described = (
        ("rdf", "type", _term("void", "Dataset")),
        ("rdf", "type", _term("dcat", "Dataset")),
        ("dcterms", "title", Literal(TITLE["en"], language="en")),
        ("dcterms", "license", NamedNode(LICENCE)),
        ("void", "uriSpace", Literal(ID)),
    )
    for triple in _about(_ME, *described):
        yield Quad(triple.subject, triple.predicate, triple.object, _CATALOG_GRAPH)
    for graph, article in sources:
        yield Quad(graph, _term("prov", "hadPrimarySource"), article, _CATALOG_GRAPH)


def void_triples(catalogue: Catalogue, releases: Releases, public: str) -> Iterator[Triple]:
    """Describe the data set in VoID; counts are of the default graph, as the endpoint answers from it."""
    document = NamedNode(f"{BASE}.well-known/void")
    yield from _about(document, ("rdf", "type", _term("void", "DatasetDescription")), ("foaf", "primaryTopic", _ME))
    yield Triple(_ME, _TYPE, _term("void", "Dataset"))
    yield from _common(catalogue, releases)
    yield from _about(
        _ME,
        ("void", "uriSpace", Literal(ID)),
        ("void", "sparqlEndpoint", NamedNode(f"{public}/sparql")),
    )
    yield from counts(_ME, catalogue, DATASET_IRI)
    if catalogue.entities is not None:
        yield Triple(_ME, _term("void", "entities"), Literal(catalogue.entities))
    for vocabulary in vocabularies(catalogue):
        yield Triple(_ME, _term("void", "vocabulary"), NamedNode(vocabulary))
    for media_type in GRAPHS:
        yield Triple(_ME, _term("void", "feature"), NamedNode(FORMATS_NAMESPACE + FORMAT_NAMES[media_type]))
    if releases.served:
        for file in releases.served.manifest["files"]:
            if media_type_of(file) in ("application/n-quads", "application/trig"):
                yield Triple(_ME, _term("void", "dataDump"), NamedNode(download_address(public, releases.served, file)))
    yield from _linksets(catalogue)


def vocabularies(catalogue: Catalogue) -> list[str]:
    """List the vocabularies of the classes and properties in use: those whose namespaces we know."""
    spaces = {**{space: space for space in EXTERNAL.values()}, ONTOLOGY: ONTOLOGY_IRI}
    terms = [*catalogue.classes, *catalogue.properties]
    return sorted({name for space, name in spaces.items() if any(term.startswith(space) for term in terms)})


def _linksets(catalogue: Catalogue) -> Iterator[Triple]:
    spaces = sorted({linkset.space for linkset in catalogue.linksets})
    targets = {space: f"{DATASET_IRI}#linked-{i}" for i, space in enumerate(spaces)}
    for space, iri in targets.items():
        target = NamedNode(iri)
        yield from _about(target, ("rdf", "type", _term("void", "Dataset")), ("void", "uriSpace", Literal(space)))
    for number, linkset in enumerate(catalogue.linksets):
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


def dcat_triples(catalogue: Catalogue, releases: Releases, public: str) -> Iterator[Triple]:
    """Describe the data set, its releases and what can be downloaded of them in DCAT."""
    yield Triple(_ME, _TYPE, _term("dcat", "Dataset"))
    yield Triple(_ME, _TYPE, _term("void", "Dataset"))
    yield from _common(catalogue, releases)
    yield Triple(_ME, _term("void", "triples"), Literal(catalogue.triples))
    yield Triple(_ME, _term("dcat", "landingPage"), NamedNode(f"{public}/dataset"))
    for word in KEYWORDS:
        yield Triple(_ME, _term("dcat", "keyword"), Literal(word, language="en"))
    yield from _coverage(catalogue)
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


def _coverage(catalogue: Catalogue) -> Iterator[Triple]:
    if catalogue.span:
        period = NamedNode(f"{DATASET_IRI}#period")
        yield Triple(_ME, _term("dcterms", "temporal"), period)
        yield from _about(
            period,
            ("rdf", "type", _term("dcterms", "PeriodOfTime")),
            ("dcat", "startDate", _typed(catalogue.span[0], "date")),
            ("dcat", "endDate", _typed(catalogue.span[1], "date")),
        )
    for state in catalogue.states:
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
    if (issued := issued_on(release)) and this != _ME:
        yield Triple(this, _term("dcterms", "issued"), issued)
    for file, described in release.manifest["files"].items():
        distribution = NamedNode(f"{_release_iri(release).value}/{file}")
        yield Triple(this, _term("dcat", "distribution"), distribution)
        yield from _distribution(distribution, file, described, download_address(public, release, file))


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
    yield Triple(this, NamedNode(SPDX + "checksum"), checksum)
    yield Triple(checksum, _TYPE, NamedNode(SPDX + "Checksum"))
    yield Triple(checksum, NamedNode(SPDX + "algorithm"), NamedNode(SPDX + "checksumAlgorithm_sha256"))
    yield Triple(checksum, NamedNode(SPDX + "checksumValue"), _typed(described["sha256"], "hexBinary"))


def _release_iri(release: Release) -> NamedNode:
    return NamedNode(f"{BASE}releases/{release.id}")


def download_address(public: str, release: Release, file: str) -> str:
    """Write the address of a release's file on a server."""
    return f"{public}/releases/{release.id}/{file}"


def counts(this: NamedNode, catalogue: Catalogue, base: str) -> Iterator[Triple]:
    """Count triples, classes and properties in VoID; partitions are named as fragments of `base`."""
    yield Triple(this, _term("void", "triples"), Literal(catalogue.triples))
    yield Triple(this, _term("void", "classes"), Literal(len(catalogue.classes)))
    yield Triple(this, _term("void", "properties"), Literal(len(catalogue.properties)))
    partitions = ("class", catalogue.classes, "entities"), ("property", catalogue.properties, "triples")
    for kind, parts, counted in partitions:
        for number, (thing, count) in enumerate(parts.items()):
            part = NamedNode(f"{base}#{kind}-{number}")
            yield Triple(this, _term("void", f"{kind}Partition"), part)
            yield Triple(part, _term("void", kind), NamedNode(thing))
            yield Triple(part, _term("void", counted), Literal(count))
