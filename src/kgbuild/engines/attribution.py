"""Rows with sources: which claims, in which articles, support what a row of an answer rests on (docs/endpoint.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store, Triple

from kgbuild.engines.derivation import Basis, Match, Row, Term, derive
from kgbuild.engines.patterns import NotAttributableError
from kgbuild.namespaces import ARTICLE_GRAPH, EXTERNAL, GRAPH, ONTOLOGY, RDF_TYPE, expand

MEMBER: Final = "sources"
"""The member of the results' JSON that stands beside `results`."""

STATEMENTS: Final = 100_000
"""Statements that are listed, over all rows."""


def _icn(name: str) -> NamedNode:
    return NamedNode(ONTOLOGY + name)


def _term(prefix: str, name: str) -> NamedNode:
    return NamedNode(EXTERNAL[prefix] + name)


_TYPE: Final = NamedNode(RDF_TYPE)
_CLAIMS, _ASSERTS, _INFERS = _icn("claims"), _icn("asserts"), _icn("infers")
_IN_ARTICLE, _SAYS, _NAMED_AS, _RANK = _icn("inArticle"), _icn("says"), _icn("namedAs"), _icn("rank")
_STATED_IN, _RESOLVES, _ABOUT, _STATUS = _icn("statedIn"), _icn("resolves"), _icn("about"), _icn("status")
_NAME_OF, _TEXT, _HELD, _PLANNED = _icn("nameOf"), _icn("text"), _icn("held"), _icn("planned")
_TARGET, _SELECTOR, _START, _END = (_term("oa", name) for name in ("hasTarget", "hasSelector", "start", "end"))
_SUBCLASS, _SUBPROPERTY = _term("rdfs", "subClassOf"), _term("rdfs", "subPropertyOf")
_ALT_LABEL: Final = _term("skos", "altLabel")
_DEPRECATED: Final = NamedNode(expand("rank:deprecated"))
_DERIVED: Final = frozenset({_TYPE, _icn("standing")})
"""What claims give without asserting it: it follows from their kind or role (docs/modelling.md, section 4)."""
_REGISTRY: Final = frozenset(GRAPH + name for name in ("catalog", "dates", "entities", "ontology", "vocabularies"))
_COMPUTED: Final = frozenset(GRAPH + name for name in ("inferred", "names", "resolution"))


def attribute(
    store: Store, query: str, columns: Sequence[str], rows: Sequence[Row], base: str = ""
) -> list[Any] | dict[str, str]:
    """Give the sources of each row of a SELECT's answer, in order; or `{"notAttributable": reason}`.

    `base` is what relative IRIs in the query are relative to, unless it has a BASE.
    """
    try:
        bases = derive(store, query, columns, rows, base)
    except NotAttributableError as reason:
        return not_attributable(str(reason))
    except RecursionError:
        return not_attributable("the query nests its parts too deeply for them to be followed")
    if sum(len(basis.matches) for basis in bases) > STATEMENTS:
        return not_attributable(f"the rows rest on more than {STATEMENTS:,} triples; add DISTINCT or a LIMIT")
    witness = _Witness(store)
    return [_row(witness, basis) for basis in bases]


def not_attributable(reason: str) -> dict[str, str]:
    """Say of a whole answer why its rows have no sources."""
    return {"notAttributable": f"{reason[:1].upper()}{reason[1:]}."}


def _row(witness: _Witness, basis: Basis) -> dict[str, Any]:
    statements = [witness.statement(match) for match in basis.matches]
    return {"statements": statements, **({"absence": True} if basis.absence else {})}


@dataclass
class _Witness:
    """Finds who says a triple; what was found once is kept for the other rows.

    A claim supports a triple of its own article's graph if the triple's subject is a body of the claim and its
    predicate is a property that the claim asserts: the graph alone would credit an article for what another claim
    of it says.  Deprecated claims support nothing.
    """

    store: Store
    _statements: dict[Match, dict[str, Any]] = field(default_factory=dict)
    _told: dict[tuple[NamedNode, NamedNode], dict[str, Any]] = field(default_factory=dict)
    _lower: dict[tuple[Term, NamedNode], set[Term]] = field(default_factory=dict)

    def statement(self, match: Match) -> dict[str, Any]:
        """Describe a matched triple and who says it."""
        if match not in self._statements:
            self._statements[match] = {"pattern": match.pattern, **self._describe(match.triple)}
        return self._statements[match]

    def _describe(self, triple: Triple) -> dict[str, Any]:
        parts = {"subject": triple.subject, "predicate": triple.predicate, "object": triple.object}
        described = {name: _json(term) for name, term in parts.items()}
        supports = list(self._supports(triple))
        return {**described, **self._evidence(triple), **({"supports": supports} if supports else {})}

    def _evidence(self, triple: Triple) -> dict[str, Any]:
        """Find what stands behind a triple: claims, else an article's description, the registry, or a rule."""
        graphs = self._graphs(triple)
        articles = [graph for graph in graphs if graph.value.startswith(ARTICLE_GRAPH)]
        claims = [claim for graph in articles for claim in self._claims(triple, graph)]
        if claims:
            return {"claims": claims}
        subject = triple.subject
        if isinstance(subject, NamedNode) and any(self._is_article(subject, graph) for graph in articles):
            return {"article": subject.value}
        if any(graph.value in _REGISTRY for graph in graphs):
            return {"registry": True}
        if any(graph.value in _COMPUTED for graph in graphs):
            return {"inferred": self._premises(triple)}
        return {"unsourced": True}

    # -- claims ------------------------------------------------------------------------------------------------------

    def _claims(self, triple: Triple, graph: NamedNode) -> list[dict[str, Any]]:
        """Tell the claims of one article that give a triple."""
        s, p = triple.subject, triple.predicate
        found = self._supporting(s, p, triple.object, graph)
        # Two claims of one article on one thing may differ, and the graph does not say which of them gave which value.
        ambiguous = len(self._objects(s, p, graph)) > 1 and len(self._asserting(s, p, graph)) > 1
        mark = {"ambiguous": True} if ambiguous else {}
        return [{**self._tell(c, graph), "inferred": self._holds(c, _INFERS, p, graph), **mark} for c in found]

    def _supporting(self, s: Term, p: NamedNode, o: Term, graph: NamedNode) -> list[NamedNode]:
        """Name the claims of an article's graph that give a triple of it."""
        if p in _DERIVED:
            found = self._subjects(_CLAIMS, s, graph)
        elif p == _ALT_LABEL:
            found = [claim for claim in self._subjects(_NAMED_AS, o, graph) if self._mentions(claim, s, graph)]
        else:
            found = self._asserting(s, p, graph)
        # Not on a body of a claim: a part of the claim itself, or an unidentified party that it describes.
        found = found or self._own_claim(s, graph) or self._describing(s, graph)
        return [claim for claim in found if not self._holds(claim, _RANK, _DEPRECATED, graph)]

    def _asserting(self, subject: Term, predicate: NamedNode, graph: NamedNode) -> list[NamedNode]:
        on = self._subjects(_CLAIMS, subject, graph)
        return [claim for claim in on if self._holds(claim, _ASSERTS, predicate, graph)]

    def _mentions(self, claim: NamedNode, thing: Term, graph: NamedNode) -> bool:
        bodies = self._objects(claim, _CLAIMS, graph)
        return thing in bodies or any(self._holds(body, None, thing, graph) for body in bodies)

    def _own_claim(self, node: Term, graph: NamedNode) -> list[NamedNode]:
        """Give the claim that a node is, or is a position of."""
        if not isinstance(node, NamedNode):
            return []
        claim = NamedNode(node.value.partition("#")[0])
        return [claim] if self._holds(claim, _IN_ARTICLE, None, graph) else []

    def _describing(self, party: Term, graph: NamedNode) -> list[NamedNode]:
        if not self._holds(party, _TYPE, _icn("UnidentifiedParty"), graph):
            return []
        pointing = [quad.subject for quad in self._quads(None, None, party, graph)]
        return sorted({claim for body in pointing for claim in self._subjects(_CLAIMS, body, graph)}, key=str)

    def _tell(self, claim: NamedNode, graph: NamedNode) -> dict[str, Any]:
        """Describe a claim for people: its article, our paraphrase, where the article says it."""
        if (claim, graph) not in self._told:
            articles = self._objects(claim, _IN_ARTICLE, graph)
            texts = [text for text in self._objects(claim, _SAYS, graph) if isinstance(text, Literal)]
            self._told[claim, graph] = {
                "article": next((article.value for article in articles if isinstance(article, NamedNode)), ""),
                "claim": claim.value,
                "says": next((text.value for text in texts if text.language == "en"), ""),
                "positions": sorted(self._positions(claim, graph)),
            }
        return self._told[claim, graph]

    def _positions(self, claim: NamedNode, graph: NamedNode) -> Iterator[list[int]]:
        for target in self._objects(claim, _TARGET, graph):
            for position in self._objects(target, _SELECTOR, graph):
                ends = [end for p in (_START, _END) for end in self._objects(position, p, graph)]
                yield [int(end.value) for end in ends if isinstance(end, Literal)]

    def _supports(self, triple: Triple) -> Iterator[dict[str, Any]]:
        """Tell the claims on a placeholder that the subject resolves: on the same property, with their own values."""
        for placeholder in self._objects(triple.subject, _RESOLVES, None):
            for graph in self._graphs_claiming(placeholder):
                p = triple.predicate
                values = self._objects(placeholder, p, graph)
                claims = dict.fromkeys(c for value in values for c in self._supporting(placeholder, p, value, graph))
                mine = {"placeholder": _json(placeholder)["value"], "objects": [_json(value) for value in values]}
                yield from ({**mine, **self._tell(claim, graph)} for claim in claims)

    def _graphs_claiming(self, body: Term) -> list[NamedNode]:
        graphs = {quad.graph_name for quad in self.store.quads_for_pattern(None, _CLAIMS, body, None)}
        return sorted((graph for graph in graphs if isinstance(graph, NamedNode)), key=str)

    def _is_article(self, thing: NamedNode, graph: NamedNode) -> bool:
        return self._holds(thing, _TYPE, _icn("Article"), graph)

    # -- rules -------------------------------------------------------------------------------------------------------

    def _premises(self, triple: Triple) -> dict[str, Any]:
        """Say what a computed triple follows from: triples, or else the articles that state what it is about."""
        found = dict.fromkeys(self._premise_triples(triple))
        premises = [each for each in found if each.predicate == _STATED_IN or self._is_asserted(each)]
        if premises:
            return {"from": [self._describe(premise) for premise in premises]}
        stated = self._objects(triple.subject, _STATED_IN, None) or [
            article
            for thing in self._objects(triple.subject, _ABOUT, None)
            for article in self._objects(thing, _STATED_IN, None)
        ]
        return {"statedIn": sorted({article.value for article in stated if isinstance(article, NamedNode)})}

    def _premise_triples(self, triple: Triple) -> list[Triple]:
        """Give the asserted triples that a triple was made of by docs/modelling.md, sections 6 and 7."""
        s, p, o = triple.subject, triple.predicate, triple.object
        if p == _STATED_IN:
            return [t for t in self._triples(None, _CLAIMS, s) if self._holds(t.subject, _IN_ARTICLE, o, None)]
        if p == _ALT_LABEL:
            namings = [n for n in self._subjects(_NAME_OF, s, None) if self._holds(n, _TEXT, o, None)]
            return [t for n in namings for t in (*self._triples(n, _NAME_OF, s), *self._triples(n, _TEXT, o))]
        if p == _icn("currentStatus"):
            return self._status_triples(s, o)
        if p == _icn("possiblySameAs"):
            return self._triples(o, p, s)
        by = _SUBCLASS if p == _TYPE else _SUBPROPERTY
        below = self._below(o if p == _TYPE else p, by)
        finer = self._triples(s, p, None) if p == _TYPE else self._triples(s, None, o)
        return [t for t in finer if (t.object if p == _TYPE else t.predicate) in below]

    def _status_triples(self, s: Term, status: Term) -> list[Triple]:
        """Give the observations of a status; without one, the dates that it was read from."""
        seen = [n for n in self._subjects(_ABOUT, s, None) if self._holds(n, _STATUS, status, None)]
        observed = [t for n in seen for t in (*self._triples(n, _ABOUT, s), *self._triples(n, _STATUS, status))]
        return observed or self._triples(s, _HELD, None) or self._triples(s, _PLANNED, None)

    def _below(self, term: Term, by: NamedNode) -> set[Term]:
        """Name all classes or properties under one."""
        if (term, by) not in self._lower:
            found: set[Term] = set()
            waiting = [term]
            while waiting:
                lower = [each for each in self._subjects(by, waiting.pop(), None) if each not in found]
                waiting += lower
                found.update(lower)
            self._lower[term, by] = found - {term}
        return self._lower[term, by]

    def _is_asserted(self, triple: Triple) -> bool:
        return any(graph.value not in _COMPUTED for graph in self._graphs(triple))

    # -- looking up; no graph means the default graph ----------------------------------------------------------------

    def _graphs(self, triple: Triple) -> list[NamedNode]:
        """Name the graphs that a triple stands in, but for the default graph."""
        quads = self.store.quads_for_pattern(triple.subject, triple.predicate, triple.object, None)
        return sorted((quad.graph_name for quad in quads if isinstance(quad.graph_name, NamedNode)), key=str)

    def _quads(self, s: Term | None, p: NamedNode | None, o: Term | None, graph: NamedNode | None) -> Iterable[Quad]:
        if isinstance(s, Literal):
            return ()
        return self.store.quads_for_pattern(s, p, o, graph or DefaultGraph())

    def _triples(self, s: Term | None, p: NamedNode | None, o: Term | None) -> list[Triple]:
        return sorted((quad.triple for quad in self._quads(s, p, o, None)), key=str)

    def _subjects(self, p: NamedNode, o: Term, graph: NamedNode | None) -> list[NamedNode]:
        found = {quad.subject for quad in self._quads(None, p, o, graph)}
        return sorted((subject for subject in found if isinstance(subject, NamedNode)), key=str)

    def _objects(self, s: Term, p: NamedNode, graph: NamedNode | None) -> list[Term]:
        return sorted({quad.object for quad in self._quads(s, p, None, graph)}, key=str)

    def _holds(self, s: Term, p: NamedNode | None, o: Term | None, graph: NamedNode | None) -> bool:
        return any(True for _ in self._quads(s, p, o, graph))


def _json(term: Term) -> dict[str, str]:
    """Write a term as https://www.w3.org/TR/sparql11-results-json/ does."""
    if isinstance(term, NamedNode):
        return {"type": "uri", "value": term.value}
    if isinstance(term, Literal):
        if term.language:
            return {"type": "literal", "value": term.value, "xml:lang": term.language}
        typed = {} if term.datatype.value == EXTERNAL["xsd"] + "string" else {"datatype": term.datatype.value}
        return {"type": "literal", "value": term.value, **typed}
    if isinstance(term, BlankNode):
        return {"type": "bnode", "value": term.value}
    return {"type": "triple", "value": str(term)}
