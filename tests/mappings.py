"""docs/mappings.md, made from the ontology: `make mappings` writes it, and test_alignments.py holds it to that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rdflib import RDFS, SKOS, Graph, URIRef

from kgbuild.core.namespaces import ONTOLOGY, VOCABULARY, shorten

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "mappings.md"
RELATIONS = {
    RDFS.subClassOf: "subclass of",
    RDFS.subPropertyOf: "subproperty of",
    SKOS.closeMatch: "close match",
    SKOS.exactMatch: "exact match",
    RDFS.seeAlso: "see also",
}
OTHERS = {"http://www.wikidata.org/entity/": "Wikidata ", "http://www.cidoc-crm.org/cidoc-crm/": "CIDOC CRM "}
HEAD = """# Mappings to outside terms

Made from `ontology/` by `make mappings`; edit the ontology, not this page. The relations, strongest first:

- **subclass of**, **subproperty of**: an axiom. It is true of every use by the outside term's own definition, and
  HermiT finds no contradiction with the real ontologies (`tests/test_alignments.py`).
- **exact match**, **close match**: of concepts, as SKOS has it.
- **see also**: near, and not the same; nothing follows from it. Classes and properties have no match of SKOS, since
  that would make each of them a concept.
"""


def rows(graph: Graph) -> Iterator[tuple[str, str, str, str]]:
    """Go through the mappings: our term, the relation, the outside term, and why where that is not plain."""
    for term in sorted({s for s in graph.subjects() if isinstance(s, URIRef) and _is_ours(s)}):
        notes = " ".join(sorted(str(note) for note in graph.objects(term, SKOS.scopeNote)))
        for property_, relation in RELATIONS.items():
            outside = [o for o in graph.objects(term, property_) if isinstance(o, URIRef) and not _is_ours(o)]
            for other in sorted(outside):
                yield shorten(str(term)), relation, _show(str(other)), notes


def _is_ours(iri: URIRef) -> bool:
    return str(iri).startswith((ONTOLOGY, VOCABULARY))


def _show(iri: str) -> str:
    short = shorten(iri)
    if short != iri:
        return f"`{short}`"
    name = next((name + iri.removeprefix(base) for base, name in OTHERS.items() if iri.startswith(base)), iri)
    return f"[{name}]({iri})"


def page() -> str:
    """Write the page."""
    graph = Graph()
    for path in (ROOT / "ontology" / "core.ttl", *sorted((ROOT / "ontology").glob("vocabularies/*.ttl"))):
        graph.parse(path)
    found = list(rows(graph))
    parts = [HEAD]
    for heading, of_terms in (("Classes and properties", True), ("Concepts", False)):
        chosen = [row for row in found if row[0].startswith("icn:") == of_terms]
        parts.append(f"## {heading}\n\n| term | relation | outside term | note |\n|---|---|---|---|\n")
        parts[-1] += "".join(
            f"| `{term}` | {relation} | {other} | {note} |\n" for term, relation, other, note in chosen
        )
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
