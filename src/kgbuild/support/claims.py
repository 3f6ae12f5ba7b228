"""Who says so: which claims give a triple, and what else stands behind it where no claim does.

A claim gives a triple of its own article's graph.  Which of the article's claims it is follows from what the graph
says of them (docs/modelling.md, section 4); where that would name another than the one that gave it, the build has
written `icn:gives` into the graph `support`.  All of this works on any store that holds the quads which `gathering`
lists, as well as on the whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store, Triple

from kgbuild.core.namespaces import ARTICLE_GRAPH, GRAPH, NAMES_GRAPH, expand
from kgbuild.core.terms import TYPE, icn, reach, term

Node = NamedNode | BlankNode | Literal | Triple

SUPPORT_GRAPH: Final = NamedNode(GRAPH + "support")
_RESOLUTION: Final = NamedNode(GRAPH + "resolution")
_CLAIMS, _ASSERTS, _INFERS, _GIVES = map(icn, ("claims", "asserts", "infers", "gives"))
_IN_ARTICLE, _SAYS, _BECAUSE = map(icn, ("inArticle", "says", "because"))
_NAMED_AS, _RANK, _STATED_IN, _RESOLVES = map(icn, ("namedAs", "rank", "statedIn", "resolves"))
_OBSERVED, _ON_SUBJECT, _HELD, _PLANNED = map(icn, ("observed", "onSubject", "held", "planned"))
_NAME_OF, _TEXT, _DENIES, _PUBLISHED = map(icn, ("nameOf", "nameText", "denies", "published"))
_REPLACES, _SAME = map(icn, ("replaces", "possiblySameAs"))
_TARGET, _SELECTOR, _START, _END = map(term, ("oa:hasTarget", "oa:hasSelector", "oa:start", "oa:end"))
_SUBJECT, _PREDICATE, _OBJECT = map(term, ("rdf:subject", "rdf:predicate", "rdf:object"))
_SUBCLASS, _SUBPROPERTY = term("rdfs:subClassOf"), term("rdfs:subPropertyOf")
_ALT_LABEL, _PUBLISHER = term("skos:altLabel"), term("dcterms:publisher")
_DEPRECATED: Final = expand("rank:deprecated")
_DERIVED: Final = frozenset({TYPE, icn("broadOffice")})
"""What claims give without asserting it: it follows from their kind or role (docs/modelling.md, section 4)."""
_REGISTRY: Final = frozenset(GRAPH + name for name in ("catalog", "dates", "entities", "ontology", "vocabularies"))
_COMPUTED: Final = frozenset(GRAPH + name for name in ("inferred", "names", "resolution", "support"))
_CURRENT: Final = {  # what an observation's value becomes -> the observation's property
    icn("currentStatus"): icn("status"),
    icn("currentLegalForm"): icn("legalForm"),
    icn("currentPolityStatus"): icn("polityStatus"),
}
_BODIES: Final = tuple(map(icn, ("organization", "institution")))
_LIMITS: Final = {  # bounds of what lasts -> whose events they may come from, and how these name them
    icn("beganNotBefore"): (_BODIES, tuple(map(icn, ("founded", "resulting")))),
    icn("endedBy"): ((*_BODIES, icn("member"), icn("suspendedMember")), tuple(map(icn, ("changed", "original")))),
}
_ENDS: Final = frozenset(map(icn, ("endedBy", "endedNotBefore")))
"""Bounds that may come from what replaced a membership."""


@dataclass(frozen=True, slots=True, order=True)
class Credit:
    """A claim, and the graph of its article."""

    graph: str
    claim: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What stands behind a triple: the first that applies of claims, an article's description, the registry, a rule."""

    kind: str
    """`claims`, `article`, `registry`, `rule` or `unsourced`."""
    claims: tuple[Credit, ...] = ()
    article: str = ""
    """The article whose description the triple is part of."""
    premises: tuple[tuple[Triple, Evidence], ...] = ()
    """Triples that a computed one follows from."""
    stated_in: tuple[str, ...] = ()
    """Where there are no premises, the articles that state what a computed triple is about."""

    def credits(self) -> tuple[Credit, ...]:
        """List the claims behind a triple, those behind its premises too, each once, sorted."""
        found = {*self.claims, *(credit for _, evidence in self.premises for credit in evidence.credits())}
        return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class ClaimDetails:
    """A claim as people read it; IRIs are given in full.

    `says` and `because` are by language, `positions` code points [start, end) of the article's text, sorted.
    """

    graph: str
    claim: str
    article: str
    bodies: tuple[str, ...]
    asserts: frozenset[str]
    infers: frozenset[str]
    says: dict[str, str]
    because: dict[str, str]
    named_as: tuple[str, ...]
    rank: str
    positions: tuple[tuple[int, int], ...]
    publisher: str
    published: str
    """The date of publication, as an IRI; "" where none is printed."""

    @property
    def is_deprecated(self) -> bool:
        """Tell whether the curator has set it aside."""
        return self.rank == "deprecated"


def claims_for(store: Store, triple: Triple) -> tuple[Credit, ...]:
    """List the claims that give a triple, sorted; deprecated ones give nothing that holds."""
    return tuple(credit for credit in all_claims_for(store, triple) if not _is_deprecated(store, credit))


def all_claims_for(store: Store, triple: Triple) -> tuple[Credit, ...]:
    """List the claims that give a triple, deprecated ones too: for what the default graph leaves out."""
    graphs = [graph for graph in _graphs(store, triple) if graph.value.startswith(ARTICLE_GRAPH)]
    return tuple(credit for graph in graphs for credit in _credits(store, triple, graph))


def claims_on(store: Store, body: NamedNode) -> tuple[Credit, ...]:
    """List the claims about a thing, deprecated ones too."""
    quads = _match(store, None, _CLAIMS, body, None)
    return tuple(sorted({credit for quad in quads if (credit := credit_of(quad.subject, quad.graph_name))}))


def credit_of(claim: Node, graph: Node | DefaultGraph) -> Credit | None:
    """Name a claim in the graph of an article; None for anything else."""
    if isinstance(claim, NamedNode) and isinstance(graph, NamedNode) and graph.value.startswith(ARTICLE_GRAPH):
        return Credit(graph.value, claim.value)
    return None


def _credits(store: Store, triple: Triple, graph: NamedNode) -> list[Credit]:
    """Name the claims of one article that give a triple of its graph."""
    given = [claim for claim in _giving(store, triple) if _holds(store, claim, _IN_ARTICLE, None, graph)]
    claims = given or credited_by_rule(store, triple, graph)
    return [Credit(graph.value, claim) for claim in sorted({claim.value for claim in claims})]


def _giving(store: Store, triple: Triple) -> list[NamedNode]:
    """List the claims of which the build has written down that they give a triple."""
    parts = ((_PREDICATE, triple.predicate), (_OBJECT, triple.object))
    return [
        claim
        for node in _subjects(store, _SUBJECT, triple.subject, SUPPORT_GRAPH)
        if all(_holds(store, node, name, term, SUPPORT_GRAPH) for name, term in parts)
        for claim in _subjects(store, _GIVES, node, SUPPORT_GRAPH)
    ]


def credited_by_rule(store: Store, triple: Triple, graph: NamedNode) -> list[NamedNode]:
    """Name the claims that an article's graph credits with a triple of it; the build writes down where this is wrong.

    The property of a body is given by the claims on it that assert the property; its class and broad office by all of
    them.  A spelling is given by the claims that quote it and mention its bearer, the description of a party that no
    source names by the claims that mention the party, and a part of a claim by the claim itself.
    """
    s, p, o = triple.subject, triple.predicate, triple.object
    on = _subjects(store, _CLAIMS, s, graph)
    found = on if p in _DERIVED else [claim for claim in on if _holds(store, claim, _ASSERTS, p, graph)]
    if not found and p == _ALT_LABEL:
        quoting = _subjects(store, _NAMED_AS, o, graph)
        found = [claim for claim in quoting if claim in on or claim in _mentioning(store, s, graph)]
    if not found and _holds(store, s, TYPE, icn("UnidentifiedParty"), graph):
        found = _mentioning(store, s, graph)
    return found or _own_claim(store, s, graph)


def _mentioning(store: Store, thing: Node, graph: NamedNode) -> list[NamedNode]:
    """List the claims that have a thing as the value of a property that they assert."""
    return [
        claim
        for quad in _match(store, None, None, thing, graph)
        for claim in _subjects(store, _CLAIMS, quad.subject, graph)
        if _holds(store, claim, _ASSERTS, quad.predicate, graph)
    ]


def _own_claim(store: Store, node: Node, graph: NamedNode) -> list[NamedNode]:
    """Give the claim that a node is, or is a position of."""
    if not isinstance(node, NamedNode):
        return []
    claim = NamedNode(node.value.partition("#")[0])
    return [claim] if _holds(store, claim, _IN_ARTICLE, None, graph) else []


def _is_deprecated(store: Store, credit: Credit) -> bool:
    return _holds(store, NamedNode(credit.claim), _RANK, NamedNode(_DEPRECATED), NamedNode(credit.graph))


def evidence_for(store: Store, triple: Triple) -> Evidence:
    """Find what stands behind a triple: claims, else an article's own description, the registry, or a rule."""
    if claims := claims_for(store, triple):
        return Evidence("claims", claims)
    graphs = {graph.value: graph for graph in _graphs(store, triple)}
    described = [g for g in graphs.values() if _holds(store, triple.subject, TYPE, icn("Article"), g)]
    if isinstance(triple.subject, NamedNode) and any(graph.value.startswith(ARTICLE_GRAPH) for graph in described):
        return Evidence("article", article=triple.subject.value)
    if graphs.keys() & _REGISTRY:
        return Evidence("registry")
    if NAMES_GRAPH in graphs:
        return Evidence("rule")  # a label is nothing that a claim on the thing says
    return _computed(store, triple) if graphs.keys() & _COMPUTED else Evidence("unsourced")


def supports_for(store: Store, triple: Triple) -> list[tuple[NamedNode, tuple[Node, ...], tuple[Credit, ...]]]:
    """List the parties without a name that the subject stands for: each with its values, and the claims on these."""
    found = []
    for placeholder in _objects(store, triple.subject, _RESOLVES, None):
        if isinstance(placeholder, NamedNode):
            p = triple.predicate
            quads = [q for q in _match(store, placeholder, p, None, None) if credit_of(placeholder, q.graph_name)]
            for graph in sorted({quad.graph_name.value for quad in quads if isinstance(quad.graph_name, NamedNode)}):
                values = tuple(_objects(store, placeholder, p, NamedNode(graph)))
                credits_ = {c for v in values for c in claims_for(store, Triple(placeholder, p, v)) if c.graph == graph}
                found.append((placeholder, values, tuple(sorted(credits_))))
    return found


def _computed(store: Store, triple: Triple) -> Evidence:
    """Say what a computed triple follows from: triples, or else the articles that state what it is about."""
    found = dict.fromkeys(_premises(store, triple))
    premises = [each for each in found if each.predicate == _STATED_IN or _is_asserted(store, each)]
    if premises:
        return Evidence("rule", premises=tuple((each, evidence_for(store, each)) for each in premises))
    articles = {article for thing in _concerned(store, triple) for article in _stating(store, thing)}
    return Evidence("rule", stated_in=tuple(sorted(articles)))


def _premises(store: Store, triple: Triple) -> list[Triple]:
    """Give the asserted triples that a triple was made of by docs/modelling.md, sections 6 and 7."""
    s, p, o = triple.subject, triple.predicate, triple.object
    if p == _STATED_IN and isinstance(s, NamedNode):
        held = [credit for credit in claims_on(store, s) if not _is_deprecated(store, credit)]
        claims = [credit.claim for credit in held if f"<{details_of(store, credit).article}>" == str(o)]
        return [Triple(NamedNode(claim), _CLAIMS, s) for claim in claims]
    if p == _ALT_LABEL:
        namings = [n for n in _subjects(store, _NAME_OF, s, None) if _holds(store, n, _TEXT, o, None)]
        return [t for n in namings for t in (*_triples(store, n, _NAME_OF, s), *_triples(store, n, _TEXT, o))]
    if p in _CURRENT:
        return _status_premises(store, s, _CURRENT[p], o)
    if p == _SAME:
        return _triples(store, o, p, s)
    if p in (icn("disputed"), icn("standing")):
        kinds = [t for t in _triples(store, s, TYPE, None) if claims_for(store, t)]
        return [*_triples(store, None, _DENIES, s), *kinds] if p == icn("disputed") else kinds
    if p == TYPE:
        return [t for t in _triples(store, s, p, None) if o in _above(store, t.object, _SUBCLASS)]
    return [t for t in _triples(store, s, None, o) if p in _above(store, t.predicate, _SUBPROPERTY)]


def _status_premises(store: Store, s: Node, property_: NamedNode, status: Node) -> list[Triple]:
    """Give the observations of a status; without one, the dates that it was read from."""
    seen = [n for n in _subjects(store, _OBSERVED, s, None) if _holds(store, n, property_, status, None)]
    parts = ((_OBSERVED, s), (property_, status), (icn("asOf"), None))
    observed = [t for n in seen for name, value in parts for t in _triples(store, n, name, value)]
    return observed or _triples(store, s, _HELD, None) or _triples(store, s, _PLANNED, None)


def _concerned(store: Store, triple: Triple) -> list[Node]:
    """List what a computed triple without premises is about, and what its rule looks at besides."""
    s, p = triple.subject, triple.predicate
    about = [] if _objects(store, s, _STATED_IN, None) else _objects(store, s, _ON_SUBJECT, None)
    other = [triple.object] if p in (_RESOLVES, _SAME) else []
    later = _subjects(store, _REPLACES, s, None) if p in _ENDS else []
    events: list[Node] = []
    if p in _LIMITS:
        parties, roles = _LIMITS[p]
        bodies = [o for name in parties for o in _objects(store, s, name, None)]
        events = [e for body in bodies for role in roles for e in _subjects(store, role, body, None)]
    return [s, *about, *other, *later, *(e for e in events if _happened_on(store, e, triple.object))]


def _happened_on(store: Store, event: Node, day: Node) -> bool:
    dates = _objects(store, event, icn("happened"), None)
    return any(_holds(store, date, icn(name), day, None) for date in dates for name in ("earliest", "latest"))


def _stating(store: Store, thing: Node) -> list[str]:
    """List the articles that state a thing; of a placeholder that is resolved only `resolution` knows them."""
    found = _objects(store, thing, _STATED_IN, None) or _objects(store, thing, _STATED_IN, _RESOLUTION)
    return [article.value for article in found if isinstance(article, NamedNode)]


def _above(store: Store, term: Node, by: NamedNode) -> set[Node]:
    """List all classes or properties above one."""
    return {*reach([term], lambda each: _objects(store, each, by, None))} - {term}


def _is_asserted(store: Store, triple: Triple) -> bool:
    # Not "in no computed graph": a server without a default graph has all that holds in one more.
    return any(g.value in _REGISTRY or g.value.startswith(ARTICLE_GRAPH) for g in _graphs(store, triple))


def details_of(store: Store, credit: Credit) -> ClaimDetails:
    """Read a claim, and of its article the publisher and the date."""
    claim, graph = NamedNode(credit.claim), NamedNode(credit.graph)

    def values(name: NamedNode, of: Node = claim) -> list[Node]:
        return _objects(store, of, name, graph)

    def iris(name: NamedNode, of: Node = claim) -> tuple[str, ...]:
        return tuple(value.value for value in values(name, of) if isinstance(value, NamedNode))

    article = next(iter(iris(_IN_ARTICLE)), "")
    return ClaimDetails(
        credit.graph,
        credit.claim,
        article,
        iris(_CLAIMS),
        frozenset(iris(_ASSERTS)),
        frozenset(iris(_INFERS)),
        _by_language(values(_SAYS)),
        _by_language(values(_BECAUSE)),
        tuple(value.value for value in values(_NAMED_AS) if isinstance(value, Literal)),
        next(iter(iris(_RANK)), "normal").rpartition("/")[2],
        _positions(store, claim, graph),
        next(iter(iris(_PUBLISHER, NamedNode(article))), "") if article else "",
        next(iter(iris(_PUBLISHED, NamedNode(article))), "") if article else "",
    )


def _by_language(values: Iterable[Node]) -> dict[str, str]:
    """Give the first text in each language, in the order of the languages."""
    texts = {value.language or "": value.value for value in reversed(list(values)) if isinstance(value, Literal)}
    return dict(sorted(texts.items()))


def _positions(store: Store, claim: NamedNode, graph: NamedNode) -> tuple[tuple[int, int], ...]:
    targets = _objects(store, claim, _TARGET, graph)
    selectors = [selector for target in targets for selector in _objects(store, target, _SELECTOR, graph)]
    ends = [[_objects(store, selector, p, graph)[:1] for p in (_START, _END)] for selector in selectors]
    pairs = [[v.value for end in pair for v in end if isinstance(v, Literal) and v.value.isdecimal()] for pair in ends]
    return tuple(sorted((int(pair[0]), int(pair[1])) for pair in pairs if len(pair) == 2))


def _graphs(store: Store, triple: Triple) -> list[NamedNode]:
    """Name the graphs that a triple stands in, but for the default graph."""
    quads = _match(store, triple.subject, triple.predicate, triple.object, None)
    return sorted((quad.graph_name for quad in quads if isinstance(quad.graph_name, NamedNode)), key=str)


def _match(
    store: Store, s: Node | None, p: NamedNode | None, o: Node | None, graph: NamedNode | DefaultGraph | None
) -> Iterable[Quad]:
    return () if isinstance(s, Literal) else store.quads_for_pattern(s, p, o, graph)


def _triples(store: Store, s: Node | None, p: NamedNode | None, o: Node | None) -> list[Triple]:
    return sorted((quad.triple for quad in _match(store, s, p, o, DefaultGraph())), key=str)


def _subjects(store: Store, p: NamedNode, o: Node, graph: NamedNode | None) -> list[NamedNode]:
    found = {quad.subject for quad in _match(store, None, p, o, graph or DefaultGraph())}
    return sorted((subject for subject in found if isinstance(subject, NamedNode)), key=str)


def _objects(store: Store, s: Node, p: NamedNode, graph: NamedNode | None) -> list[Node]:
    return sorted({quad.object for quad in _match(store, s, p, None, graph or DefaultGraph())}, key=str)


def _holds(store: Store, s: Node, p: NamedNode, o: Node | None, graph: NamedNode | None) -> bool:
    return any(True for _ in _match(store, s, p, o, graph or DefaultGraph()))
