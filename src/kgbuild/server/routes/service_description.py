"""The service description (https://www.w3.org/TR/sparql11-service-description/): what is here, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyoxigraph import Literal, NamedNode, Triple

from kgbuild.build.catalogue import Catalogue
from kgbuild.build.catalogue.descriptions import counts
from kgbuild.core.namespaces import PREFIXES
from kgbuild.core.terms import TYPE, term
from kgbuild.server.exchange.service import Service
from kgbuild.sparql.formats import FORMAT_NAMES, FORMATS_NAMESPACE, GRAPHS, RESULTS, write_graph

_SD: Final = "http://www.w3.org/ns/sparql-service-description#"


def describe_service(service: Service, public_url: str, media_type: str) -> bytes:
    """Describe the endpoint at `public_url` in an RDF format."""
    endpoint = f"{public_url}/sparql"
    triples = [
        *(_service(endpoint) if service.settings.free_sparql else ()),
        *_dataset(service.catalogue, endpoint),
        *_examples(service, public_url),
        *_prefixes(endpoint),
    ]
    prefixes = {**PREFIXES, "sd": _SD, "format": FORMATS_NAMESPACE}
    return write_graph(dict.fromkeys(triples), media_type, prefixes)


def _service(endpoint: str) -> Iterator[Triple]:
    this = NamedNode(endpoint)
    yield Triple(this, TYPE, NamedNode(_SD + "Service"))
    yield Triple(this, NamedNode(_SD + "endpoint"), this)
    yield Triple(this, NamedNode(_SD + "supportedLanguage"), NamedNode(_SD + "SPARQL11Query"))
    for media_type in (*RESULTS, *GRAPHS):
        yield Triple(this, NamedNode(_SD + "resultFormat"), NamedNode(FORMATS_NAMESPACE + FORMAT_NAMES[media_type]))
    yield Triple(this, NamedNode(_SD + "defaultDataset"), NamedNode(f"{endpoint}#dataset"))


def _dataset(catalogue: Catalogue, endpoint: str) -> Iterator[Triple]:
    dataset, default = NamedNode(f"{endpoint}#dataset"), NamedNode(f"{endpoint}#default-graph")
    yield Triple(dataset, TYPE, NamedNode(_SD + "Dataset"))
    yield Triple(dataset, NamedNode(_SD + "defaultGraph"), default)
    yield Triple(default, TYPE, NamedNode(_SD + "Graph"))
    yield Triple(default, TYPE, term("void:Dataset"))
    yield from counts(default, catalogue, endpoint)
    for number, (graph, count) in enumerate(catalogue.graphs.items()):
        named, content = NamedNode(f"{endpoint}#named-graph-{number}"), NamedNode(f"{endpoint}#graph-{number}")
        yield Triple(dataset, NamedNode(_SD + "namedGraph"), named)
        yield Triple(named, TYPE, NamedNode(_SD + "NamedGraph"))
        yield Triple(named, NamedNode(_SD + "name"), NamedNode(graph))
        yield Triple(named, NamedNode(_SD + "graph"), content)
        yield Triple(content, TYPE, NamedNode(_SD + "Graph"))
        yield Triple(content, term("void:triples"), Literal(count))


def _examples(service: Service, public_url: str) -> Iterator[Triple]:
    """List the named questions, each as a query that runs as it stands, or under its own address where none does."""
    endpoint = f"{public_url}/sparql"
    for name, question in service.settings.questions.items():
        this = NamedNode(f"{endpoint}#question-{name}")
        yield Triple(this, TYPE, term("sh:SPARQLExecutable"))
        yield Triple(this, TYPE, term("sh:SPARQLSelectExecutable"))
        yield Triple(this, term("sh:select"), Literal(question.text))
        for language, title in question.title.items():
            yield Triple(this, term("rdfs:label"), Literal(title, language=language))
        yield Triple(this, term("rdfs:comment"), Literal(question.question, language="en"))
        target = endpoint if service.settings.free_sparql else f"{public_url}/questions/{name}"
        yield Triple(this, term("schema:target"), NamedNode(target))


def _prefixes(endpoint: str) -> Iterator[Triple]:
    for prefix, namespace in sorted(PREFIXES.items()):
        this = NamedNode(f"{endpoint}#prefix-{prefix}")
        yield Triple(NamedNode(endpoint), term("sh:declare"), this)
        yield Triple(this, term("sh:prefix"), Literal(prefix))
        yield Triple(this, term("sh:namespace"), Literal(namespace, datatype=term("xsd:anyURI")))
