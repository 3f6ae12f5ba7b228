"""docs/entailments.md: what follows from one article by OWL 2 RL, with all outside ontologies.

`make entailments` writes it, and test_alignments.py holds it to that.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import owlrl
import rdflib
from pyoxigraph import DefaultGraph, NamedNode, Quad, Store
from rdflib import OWL, RDF, RDFS, Literal, URIRef

from kgbuild.build.compilation import Sources
from kgbuild.build.consistency import Triple
from kgbuild.build.pipeline import compile_graph
from kgbuild.build.store import to_rdflib
from kgbuild.core.ids import article_graph
from kgbuild.core.namespaces import DATE, ID, VOCABULARY, shorten
from outside import combine, read_outside

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "entailments.md"
ARTICLE = "2019-06-26-nag-delegation-at-ksap"
HEAD = f"""# What follows from one article

All that OWL 2 RL entails of [one record](../data/articles/{ARTICLE[:4]}/{ARTICLE}.yaml) and the things that it
names, and that is not in the release already: with our ontology, and with the real ORG, PROV-O and its mapping to
Dublin Core, Web Annotation, FOAF, schema.org, DCMI Terms, SKOS and OWL-Time. Left out is what says nothing: that each
thing is itself, and a `owl:Thing`. Made by `make entailments`, never edited; a test fails where the list changes, and
whoever makes it anew reads what is new.

It was read line by line on 26 November 2026, and of it the following is worth a word:

- A merger is a `prov:Activity` that used its original bodies; a claim, not a situation, is derived from the article.
- A publisher is one to whom the article is attributed, as PROV-DC has it; a reprint names its agency by `icn:agency`.
- A person is a `geo:SpatialThing`: FOAF says so of people.
- Types of FIBO, GS1, the OMG and DCMI come from schema.org's own equations; no axiom of ours says them.
- Mended after reading: `icn:identifier` was under `schema:identifier`, which schema.org equates with
  `dcterms:identifier`, so that a printed code became a second identifier of the record. `icn:Polity` was under
  `schema:AdministrativeArea`, which schema.org equates with a subdivision; now it is a `schema:Place`.
"""
OURS = (ID, DATE, VOCABULARY)
_EMPTY = {OWL.Thing, RDFS.Resource, OWL.sameAs}


def things_of(store: Store) -> tuple[set[URIRef], set[Triple]]:
    """Give the article, its claims, their bodies and what these name, and what holds of them."""
    graph = list(store.quads_for_pattern(None, None, None, NamedNode(article_graph(ARTICLE))))
    named = {quad.object for quad in graph if isinstance(quad.object, NamedNode) and quad.object.value.startswith(OURS)}
    own = {quad.subject for quad in graph} | named
    said: set[Quad] = set()
    for subject in own:
        for quad in store.quads_for_pattern(subject, None, None, DefaultGraph()):
            said.add(quad)
            if isinstance(quad.object, NamedNode):
                types = store.quads_for_pattern(quad.object, NamedNode(str(RDF.type)), None, DefaultGraph())
                said.update(types)
    own -= {quad.subject for quad in said if quad.predicate.value == str(RDFS.isDefinedBy)}
    return {URIRef(thing.value) for thing in own if isinstance(thing, NamedNode)}, set(to_rdflib(said))


def entailed(store: Store) -> dict[str, list[str]]:
    """List what follows, by subject: `property object` in prefixed names."""
    things, said = things_of(store)
    ontology = rdflib.Graph()
    folder = ROOT / "ontology"
    for path in (folder / "core.ttl", *folder.glob("alignments/*.ttl"), *folder.glob("vocabularies/*.ttl")):
        ontology.parse(path)
    graph = combine(said | set(ontology), read_outside())
    for triple in said:
        graph.add(triple)
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    found = defaultdict(list)
    for s, p, o in graph:
        if s in things and (s, p, o) not in said and not {p, o} & _EMPTY and isinstance(o, (URIRef, Literal)):
            found[shorten(str(s))].append(f"{'a' if p == RDF.type else shorten(str(p))} {_show(o)}")
    return {subject: sorted(found[subject]) for subject in sorted(found)}


def _show(term: URIRef | Literal) -> str:
    return shorten(str(term)) if isinstance(term, URIRef) else term.n3()


def page(store: Store) -> str:
    """Write the page."""
    parts = [HEAD]
    for subject, lines in entailed(store).items():
        parts.append(f"`{subject}`\n\n" + "".join(f"- `{line}`\n" for line in lines))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(
        page(compile_graph(Sources(ROOT / "data", ROOT / "ontology", ROOT / "queries", root=ROOT)).dataset),
        encoding="utf-8",
    )
