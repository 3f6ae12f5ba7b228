"""The data set described: VoID (https://www.w3.org/TR/void/) and DCAT 3 (https://www.w3.org/TR/vocab-dcat-3/).

Every number is counted in the data; what is not known (when a release was issued, say) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgbuild.build.catalogue import Catalogue
from kgbuild.build.quads import Values, describe, describe_in
from kgbuild.build.release import QUADS, Release
from kgbuild.core.namespaces import BASE, DATASET_IRI, EXTERNAL, GRAPH, ID, LICENCE, ONTOLOGY, ONTOLOGY_IRI
from kgbuild.core.terms import TYPE, term
from kgbuild.sparql.formats import FORMAT_NAMES, FORMATS_NAMESPACE, GRAPHS

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
    ".ttl": "text/turtle",
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
    "shapes.ttl": {
        "en": "The SHACL profile, for data of anybody's",
        "ru": "Профиль SHACL, для любых данных",
    },
    "shapes-strict.ttl": {
        "en": "The same, closed: unknown classes and properties are errors",
        "ru": "То же, закрытый вариант: неизвестные классы и свойства — ошибки",
    },
    "manifest.json": {"en": "Counts, versions and checksums", "ru": "Счётчики, версии и контрольные суммы"},
}
SPDX: Final = "http://spdx.org/rdf/terms#"
_IANA: Final = "https://www.iana.org/assignments/media-types/"
_LICENCE: Final = NamedNode(LICENCE)
_ME: Final = NamedNode(DATASET_IRI)
_CATALOG_GRAPH: Final = NamedNode(f"{GRAPH}catalog")


@dataclass(frozen=True)
class Releases:
    """The releases that are kept, oldest first, and the one that is served; none where files are served."""

    kept: tuple[Release, ...] = ()
    served: Release | None = None
    withdrawn: tuple[Release, ...] = ()
    """Those of which only the manifest is kept."""

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


def _texts(texts: Mapping[str, str], more: str = "") -> list[Literal]:
    return [Literal(text + more, language=language) for language, text in texts.items()]


def _typed(value: object, datatype: str) -> Literal:
    return Literal(str(value), datatype=term(f"xsd:{datatype}"))


def _common(catalogue: Catalogue, releases: Releases) -> Iterator[Triple]:
    """Say what VoID and DCAT both say of the data set."""
    publisher = NamedNode(f"{DATASET_IRI}#publisher")
    said: dict[str, Values] = {
        "dcterms:title": _texts(TITLE),
        "dcterms:description": _texts(DESCRIPTION),
        "dcterms:license": _LICENCE,
        "dcterms:publisher": publisher,
        "dcterms:issued": issued_on(releases.served) if releases.served else None,
        "void:exampleResource": [NamedNode(example) for example in catalogue.examples.values()],
    }
    yield from describe(_ME, said)
    yield from describe(publisher, {"rdf:type": term("foaf:Agent"), "foaf:name": Literal(PUBLISHER)})


def issued_on(release: Release) -> Literal | None:
    """Give the day or moment at which a release was issued, where its manifest says so."""
    given = str(release.manifest.get("issued") or release.manifest["facts"].get("issued") or "")
    return _typed(given, "dateTime" if "T" in given else "date") if given else None


def describe_in_graph(sources: Iterable[tuple[NamedNode, NamedNode]]) -> Iterator[Quad]:
    """Describe the data set within the data, and say which article each graph comes from; numbers stand elsewhere."""
    described: dict[str, Values] = {
        "rdf:type": (term("void:Dataset"), term("dcat:Dataset")),
        "dcterms:title": Literal(TITLE["en"], language="en"),
        "dcterms:license": _LICENCE,
        "void:uriSpace": Literal(ID),
    }
    yield from describe_in(_CATALOG_GRAPH, _ME, described)
    for graph, article in sources:
        yield Quad(graph, term("prov:hadPrimarySource"), article, _CATALOG_GRAPH)


def void_triples(catalogue: Catalogue, releases: Releases, public: str) -> Iterator[Triple]:
    """Describe the data set in VoID; counts are of the default graph, as the endpoint answers from it."""
    document = NamedNode(f"{BASE}.well-known/void")
    yield from describe(document, {"rdf:type": term("void:DatasetDescription"), "foaf:primaryTopic": _ME})
    yield Triple(_ME, TYPE, term("void:Dataset"))
    yield from _common(catalogue, releases)
    yield from counts(_ME, catalogue, DATASET_IRI)
    served = releases.served
    dumps = [
        NamedNode(download_address(public, served, file))
        for file in (served.manifest["files"] if served else ())
        if served and media_type_of(file) in ("application/n-quads", "application/trig")
    ]
    said: dict[str, Values] = {
        "void:uriSpace": Literal(ID),
        "void:sparqlEndpoint": NamedNode(f"{public}/sparql"),
        "void:entities": Literal(catalogue.entities) if catalogue.entities is not None else None,
        "void:vocabulary": [NamedNode(vocabulary) for vocabulary in vocabularies(catalogue)],
        "void:feature": [NamedNode(FORMATS_NAMESPACE + FORMAT_NAMES[media_type]) for media_type in GRAPHS],
        "void:dataDump": dumps,
    }
    yield from describe(_ME, said)
    yield from _linksets(catalogue)


def vocabularies(catalogue: Catalogue) -> list[str]:
    """List the vocabularies of the classes and properties in use: those whose namespaces we know."""
    spaces = {**{space: space for space in EXTERNAL.values()}, ONTOLOGY: ONTOLOGY_IRI}
    terms = [*catalogue.classes, *catalogue.properties]
    return sorted({name for space, name in spaces.items() if any(used.startswith(space) for used in terms)})


def _linksets(catalogue: Catalogue) -> Iterator[Triple]:
    spaces = sorted({linkset.space for linkset in catalogue.linksets})
    targets = {space: NamedNode(f"{DATASET_IRI}#linked-{i}") for i, space in enumerate(spaces)}
    for space, target in targets.items():
        yield from describe(target, {"rdf:type": term("void:Dataset"), "void:uriSpace": Literal(space)})
    for number, linkset in enumerate(catalogue.linksets):
        this = NamedNode(f"{DATASET_IRI}#linkset-{number}")
        said: dict[str, Values] = {
            "rdf:type": term("void:Linkset"),
            "void:linkPredicate": NamedNode(linkset.predicate),
            "void:subjectsTarget": _ME,
            "void:objectsTarget": targets[linkset.space],
            "void:triples": Literal(linkset.triples),
        }
        yield Triple(_ME, term("void:subset"), this)
        yield from describe(this, said)


def dcat_triples(catalogue: Catalogue, releases: Releases, public: str) -> Iterator[Triple]:
    """Describe the data set, its releases and what can be downloaded of them in DCAT."""
    served = releases.served
    yield from _common(catalogue, releases)
    said: dict[str, Values] = {
        "rdf:type": (term("dcat:Dataset"), term("void:Dataset")),
        "void:triples": Literal(catalogue.triples),
        "dcat:landingPage": NamedNode(f"{public}/dataset"),
        "dcat:keyword": [Literal(word, language="en") for word in KEYWORDS],
        "dcterms:spatial": [NamedNode(state) for state in catalogue.states],
        "dcat:hasCurrentVersion": _release_iri(served) if served else None,
        "dcat:hasVersion": [_release_iri(release) for release in releases.kept],
    }
    yield from describe(_ME, said)
    yield from _period(catalogue)
    yield from _service(public)
    if served:
        yield from _version(_ME, served, releases, public)
    for release in releases.kept:
        this = _release_iri(release)
        said = {
            "rdf:type": term("dcat:Dataset"),
            "dcat:isVersionOf": _ME,
            "dcterms:license": _LICENCE,
            "dcterms:title": _texts(TITLE, f" ({release.id})"),
            "dcterms:issued": issued_on(release),
        }
        yield from describe(this, said)
        yield from _version(this, release, releases, public)


def _period(catalogue: Catalogue) -> Iterator[Triple]:
    if catalogue.span:
        period = NamedNode(f"{DATASET_IRI}#period")
        first, last = (_typed(day, "date") for day in catalogue.span)
        yield Triple(_ME, term("dcterms:temporal"), period)
        yield Triple(period, TYPE, term("dcterms:PeriodOfTime"))
        yield from describe(period, {"dcat:startDate": first, "dcat:endDate": last})


def _service(public: str) -> Iterator[Triple]:
    endpoint = NamedNode(f"{public}/sparql")
    said: dict[str, Values] = {
        "rdf:type": term("dcat:DataService"),
        "dcterms:title": Literal("SPARQL 1.1 endpoint", language="en"),
        "dcat:endpointURL": endpoint,
        "dcat:endpointDescription": endpoint,
        "dcat:servesDataset": _ME,
        "dcterms:license": _LICENCE,
    }
    return describe(endpoint, said)


def _version(this: NamedNode, release: Release, releases: Releases, public: str) -> Iterator[Triple]:
    """Say which version a data set is, which one was before it, and where its files are."""
    before = releases.before(release)
    files = {NamedNode(f"{_release_iri(release).value}/{file}"): file for file in release.manifest["files"]}
    said: dict[str, Values] = {
        "dcat:version": Literal(release.id),
        "dcat:previousVersion": _release_iri(before) if before else None,
        "dcat:distribution": files,
    }
    yield from describe(this, said)
    for distribution, file in files.items():
        described, address = release.manifest["files"][file], download_address(public, release, file)
        yield from _distribution(distribution, file, described, NamedNode(address))


def _distribution(this: NamedNode, file: str, described: dict[str, Any], address: NamedNode) -> Iterator[Triple]:
    checksum = NamedNode(f"{this.value}#checksum")
    said: dict[str, Values] = {
        "dcterms:title": _texts(ABOUT.get(file, {"en": file})),
        "rdf:type": term("dcat:Distribution"),
        "dcat:accessURL": address,
        "dcat:downloadURL": address,
        "dcat:mediaType": NamedNode(_IANA + media_type_of(file)),
        "dcat:byteSize": _typed(described["bytes"], "nonNegativeInteger"),
        "dcterms:license": _LICENCE,
    }
    yield from describe(this, said)
    yield Triple(this, NamedNode(SPDX + "checksum"), checksum)
    yield Triple(checksum, TYPE, NamedNode(SPDX + "Checksum"))
    yield Triple(checksum, NamedNode(SPDX + "algorithm"), NamedNode(SPDX + "checksumAlgorithm_sha256"))
    yield Triple(checksum, NamedNode(SPDX + "checksumValue"), _typed(described["sha256"], "hexBinary"))


def _release_iri(release: Release) -> NamedNode:
    return NamedNode(f"{BASE}releases/{release.id}")


def download_address(public: str, release: Release, file: str) -> str:
    """Write the address of a release's file on a server."""
    return f"{public}/releases/{release.id}/{file}"


def counts(this: NamedNode, catalogue: Catalogue, base: str) -> Iterator[Triple]:
    """Count triples, classes and properties in VoID; partitions are named as fragments of `base`."""
    numbers = {"triples": catalogue.triples, "classes": len(catalogue.classes), "properties": len(catalogue.properties)}
    yield from describe(this, {f"void:{name}": Literal(number) for name, number in numbers.items()})
    for kind, parts, counted in (
        ("class", catalogue.classes, "entities"),
        ("property", catalogue.properties, "triples"),
    ):
        for number, (thing, count) in enumerate(parts.items()):
            part = NamedNode(f"{base}#{kind}-{number}")
            yield Triple(this, term(f"void:{kind}Partition"), part)
            yield from describe(part, {f"void:{kind}": NamedNode(thing), f"void:{counted}": Literal(count)})
