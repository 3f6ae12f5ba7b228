"""The one place where a prefix or the base IRI is spelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

BASE: Final = "https://w3id.org/icn/"
ONTOLOGY: Final = f"{BASE}ontology#"
ONTOLOGY_IRI: Final = f"{BASE}ontology"
SHAPES_IRI: Final = f"{BASE}shapes"
ID: Final = f"{BASE}id/"
DATE: Final = f"{BASE}date/"
GRAPH: Final = f"{BASE}graph/"
ARTICLE_GRAPH: Final = f"{GRAPH}article/"
NAMES_GRAPH: Final = f"{GRAPH}names"
"""Of the names that the build makes."""
VOCABULARY: Final = f"{BASE}vocabulary/"
DATASET_IRI: Final = f"{BASE}dataset"
LICENCE: Final = "https://creativecommons.org/licenses/by/4.0/"
"""Of data and ontology."""
GENID: Final = "https://w3id.org/.well-known/genid/"

# One prefix for each kind of thing: `network:x` is a legal prefixed name, `id:network/x` is not.
_BODIES: Final = (
    "Academy",
    "GovernmentBody",
    "InternationalOrganization",
    "Secretariat",
    "DiplomaticMission",
    "PoliticalPartyBody",
    "Organ",
    "ResearchInstitute",
)
ENTITY_KINDS: Final[dict[str, tuple[str, ...]]] = {
    "agreement": ("Agreement",),
    "institution": ("Institution", *_BODIES, "Network", "MultilateralPlatform"),
    "meeting": ("Meeting",),
    "network": ("Network", "MultilateralPlatform", "Institution", *_BODIES),
    "person": ("Person",),
    "place": ("Place",),
    "programme": ("Programme",),
    "publication": ("Publication",),
    "polity": ("Polity",),
    "series": ("MeetingSeries",),
}
"""Kind, as in IRIs -> the classes its files may state; the first is meant when none is."""
SITUATION_KINDS: Final = {
    "accession": "Accession",
    "change": "ChangeEvent",
    "count": "CountObservation",
    "decision": "Decision",
    "denial": "Denial",
    "membership": "Membership",
    "naming": "Naming",
    "participation": "Participation",
    "proposal": "Proposal",
    "seat": "Seat",
    "signature": "Signature",
    "statement": "Statement",
    "status": "StatusObservation",
    "legal-form-observation": "LegalFormObservation",
    "polity-status-observation": "PolityStatusObservation",
    "suspension": "Suspension",
    "tenure": "Tenure",
    "tie": "Tie",
}
"""Kind, as in IRIs -> class."""
OTHER_KINDS: Final = ("article", "claim", "disagreement", "unidentified")
_OWN_PREFIX: Final = (
    "act", "agreement-type", "attendance-mode", "capacity", "change-type", "comparator", "feature", "identifier-scheme",
    "legal-form", "manner", "measure", "meeting-type", "name-kind", "office", "order", "polity-status", "precision",
    "programme-type", "publication-type", "rank", "reason", "resolution", "seat-kind", "signature-act", "standing",
    "tie-type",
)  # fmt: skip
SCHEMES: Final = {**{scheme: scheme for scheme in _OWN_PREFIX}, "status-concept": "status"}
"""Prefix -> scheme; they differ where an entity or situation kind has the same word."""

EXTERNAL: Final = {
    "adms": "http://www.w3.org/ns/adms#",
    "bibo": "http://purl.org/ontology/bibo/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "hydra": "http://www.w3.org/ns/hydra/core#",
    "oa": "http://www.w3.org/ns/oa#",
    "org": "http://www.w3.org/ns/org#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "https://schema.org/",
    "sh": "http://www.w3.org/ns/shacl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "time": "http://www.w3.org/2006/time#",
    "vann": "http://purl.org/vocab/vann/",
    "void": "http://rdfs.org/ns/void#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

PREFIXES: Final[dict[str, str]] = {
    **EXTERNAL,
    "icn": ONTOLOGY,
    "date": DATE,
    "function": f"{BASE}function/",
    "graph": GRAPH,
    "shape": f"{BASE}shape/",
    **{kind: f"{ID}{kind}/" for kind in (*ENTITY_KINDS, *SITUATION_KINDS, *OTHER_KINDS)},
    **{prefix: f"{VOCABULARY}{scheme}/" for prefix, scheme in SCHEMES.items()},
}

RDF_TYPE: Final = EXTERNAL["rdf"] + "type"


def expand(name: str) -> str:
    """Expand a prefixed name to its IRI.

    >>> expand("network:china-central-asia-academies")
    'https://w3id.org/icn/id/network/china-central-asia-academies'
    """
    prefix, _, local = name.partition(":")
    return PREFIXES[prefix] + local


def shorten(iri: str) -> str:
    """Shorten an IRI to a prefixed name where a prefix fits; the longest prefix wins.

    >>> shorten("https://w3id.org/icn/date/2023-11")
    'date:2023-11'
    """
    fitting = [(len(base), prefix, base) for prefix, base in PREFIXES.items() if iri.startswith(base)]
    if not fitting:
        return iri
    _, prefix, base = max(fitting)
    local = iri[len(base) :]
    return f"{prefix}:{local}" if local and not set(local) & set("/#?&") else iri


def sparql_header(prefixes: Mapping[str, str] = PREFIXES) -> str:
    """Write prefixes, all if none are given, as SPARQL `PREFIX` lines."""
    return "".join(f"PREFIX {prefix}: <{iri}>\n" for prefix, iri in sorted(prefixes.items()))


SPARQL_HEADER: Final = sparql_header()
"""All of our prefixes, as queries of our own begin."""
