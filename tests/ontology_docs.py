"""Write what docs/mappings.md and docs/entailments.md list of the ontology: `make ontology-docs`.

Their other text is written by hand and stays; tests/test_alignments.py holds both to what follows today.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import owlrl
import rdflib
from pyoxigraph import NamedNode, Store
from rdflib import OWL, RDF, RDFS, SKOS, BNode, Literal, URIRef

from alignments import ROOT, axioms_outside, ontology
from kgbuild.build.compilation import Sources
from kgbuild.build.consistency import Triple, split_axioms
from kgbuild.build.pipeline import compile_graph
from kgbuild.build.store import to_rdflib
from kgbuild.core.namespaces import ARTICLE_GRAPH, BASE, ID, ONTOLOGY, shorten

ARTICLE = "2023-11-09-network-launched"
START, END = "<!-- generated -->\n", "\n<!-- end -->"
_TRIVIAL = {
    OWL.sameAs, OWL.differentFrom, OWL.equivalentClass, OWL.equivalentProperty, RDFS.subClassOf, RDFS.subPropertyOf,
}  # fmt: skip
"""What follows of everything, or is no fact about a thing."""
_RELATIONS = {
    RDFS.subClassOf: "is a kind of",
    RDFS.subPropertyOf: "implies",
    URIRef(f"{ONTOLOGY}comparableTo"): "comparable to",
    RDFS.seeAlso: "comparable to",
    SKOS.exactMatch: "the same as",
    SKOS.closeMatch: "nearly the same as",
    SKOS.note: "is called",
}


def real_records() -> Store:
    """Compile the project's records."""
    return compile_graph(Sources(ROOT / "data", ROOT / "ontology", ROOT / "queries", root=ROOT)).dataset


def entailed(store: Store) -> list[Triple]:
    """Give what OWL 2 RL adds to the article by our axioms and all others, about the things that it names; sorted."""
    said = to_rdflib(store.quads_for_pattern(None, None, None, NamedNode(ARTICLE_GRAPH + ARTICLE)))
    declared, axioms = split_axioms(ontology())
    graph = rdflib.Graph()
    for triple in (*declared, *(t for axiom in axioms for t in axiom), *axioms_outside(), *said):
        graph.add(triple)
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    things = {term for s, _, o in said for term in (s, o) if isinstance(term, URIRef) and str(term).startswith(ID)}
    return sorted(triple for triple in graph if triple[0] in things and triple not in said and _tells(triple))


def _tells(triple: Triple) -> bool:
    _, p, o = triple
    return p not in _TRIVIAL and not isinstance(o, BNode | Literal) and not str(o).startswith(str(OWL))


def list_entailments(store: Store) -> str:
    """Write what follows from the article in Turtle, a paragraph for each thing."""
    by_subject: dict[str, list[str]] = defaultdict(list)
    for s, p, o in entailed(store):
        by_subject[shorten(str(s))].append(f"{'a' if p == RDF.type else shorten(str(p))} {shorten(str(o))}")
    paragraphs = (subject + "\n    " + " ;\n    ".join(facts) + " ." for subject, facts in sorted(by_subject.items()))
    return "```turtle\n" + "\n".join(paragraphs) + "\n```"


def mappings() -> Iterator[tuple[str, str, str]]:
    """Go through our terms and concepts, how each stands to a term of others, and that term or its words."""
    for subject, property_, value in ontology():
        ours, theirs = str(subject).startswith(BASE), not str(value).startswith(BASE)
        if property_ in _RELATIONS and ours and theirs and "#" not in str(subject).removeprefix(ONTOLOGY):
            shown = str(value) if isinstance(value, Literal) else f"`{shorten(str(value))}`"
            yield f"`{shorten(str(subject))}`", _RELATIONS[property_], shown


def list_mappings(_: Store) -> str:
    """Write the mappings as a table."""
    rows = sorted(set(mappings()), key=lambda row: (not row[0].startswith("`icn:"), *row))
    return "\n".join(["| ours | | theirs |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)])


PAGES: dict[str, Callable[[Store], str]] = {"mappings": list_mappings, "entailments": list_entailments}


def page(name: str) -> Path:
    """Find a page of these."""
    return ROOT / "docs" / f"{name}.md"


def write_page(name: str, store: Store) -> str:
    """Give the text of a page with its list as it is today."""
    text = page(name).read_text(encoding="utf-8")
    before, after = text.partition(START)[0], text.partition(END)[2]
    return f"{before}{START}\n{PAGES[name](store)}\n{END}{after}"


def main(names: Iterable[str] = PAGES) -> None:
    """Write the pages."""
    store = real_records()
    for name in names:
        page(name).write_text(write_page(name, store), encoding="utf-8")


if __name__ == "__main__":
    main()
