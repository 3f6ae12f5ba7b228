"""Identifiers with their scheme, `{wikidata: Q148}`: a node beside the entity, held to the form of the scheme."""

from __future__ import annotations

import re

from pyoxigraph import Literal, NamedNode

from kgbuild.build.ontology import Ontology
from kgbuild.build.quads import Term
from kgbuild.core.errors import suggestion
from kgbuild.core.terms import TYPE, icn, term
from kgbuild.records.values import RecordError


def describe_identifier(
    entity: NamedNode, scheme: str, value: str, ontology: Ontology
) -> tuple[NamedNode, list[tuple[NamedNode, Term]]]:
    """Give the node of an entity's identifier, and what is said of it.

    RecordError for a scheme that there is not, and for a value that has not the form of the scheme's identifiers.
    """
    concept, known = ontology.concepts.get(("identifier-scheme", scheme)), ontology.slugs("identifier-scheme")
    if concept is None:
        remedy = f"Known: {', '.join(known)}.{suggestion(scheme, known)}"
        raise RecordError("unknown-concept", f"the vocabulary 'identifier-scheme' has no '{scheme}'", remedy)
    form = ontology.identifier_forms[concept]
    if not re.fullmatch(form, value):
        finding = f"'{value}' is no identifier of the scheme '{scheme}'"
        raise RecordError("identifier-form", finding, f"Write it in the form {form}.")
    node = NamedNode(f"{entity.value}#identifier-{scheme}")
    said: list[tuple[NamedNode, Term]] = [
        (TYPE, icn("Identifier")),
        (icn("identifierScheme"), concept),
        (term("skos:notation"), Literal(value)),
    ]
    labels = ontology.labels(concept)
    said += [(term("rdfs:label"), Literal(f"{label.value} {value}", language=label.language)) for label in labels]
    return node, said
