"""The JSON-LD context (https://www.w3.org/TR/json-ld11/) of our prefixes and of the properties in use.

Names are those of Turtle, `icn:joined` and `network:x`: bare ones would clash, since `institution` is a prefix of IRIs
and a property as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kgbuild.build.catalogue.reference import Reference
from kgbuild.core.namespaces import EXTERNAL, PREFIXES, RDF_TYPE, shorten

_XSD: Final = EXTERNAL["xsd"]


def make_context(reference: Reference, read_as: Mapping[str, str]) -> dict[str, Any]:
    """Make the context: how values are read is said by the ontology, else by the values that are there."""
    types = {**read_as, **{iri: "@id" for iri, term in reference.terms.items() if term.kind == "object"}}
    for iri, term in reference.terms.items():
        if term.kind == "datatype" and len(term.ranges) == 1 and term.ranges[0].startswith(_XSD):
            types[iri] = term.ranges[0]
    named = {iri: shorten(iri) for iri, type_ in sorted(types.items()) if iri != RDF_TYPE and type_ != f"{_XSD}string"}
    return {
        "@version": 1.1,
        **dict(sorted(PREFIXES.items())),
        **{name: {"@id": iri, "@type": types[iri]} for iri, name in named.items() if name != iri},
    }
