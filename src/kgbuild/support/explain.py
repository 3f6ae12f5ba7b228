"""Why something is in the graph: what holds of it, every article that says so and where, and what follows from what."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from pyoxigraph import DefaultGraph, NamedNode, Store, Triple

from kgbuild.core.files import LARGEST_TEXT, read_file
from kgbuild.core.folding import normalise
from kgbuild.core.namespaces import ARTICLE_GRAPH, ID, NAMES_GRAPH, ONTOLOGY, expand, shorten
from kgbuild.core.terms import iri
from kgbuild.questions.lookup import names_of, write_term
from kgbuild.questions.values import find_thing
from kgbuild.sparql.embedded import convert_term
from kgbuild.sparql.lookups import Bindings, LookUp, select_all
from kgbuild.support.claims import ClaimDetails, Credit, Evidence, all_claims_for, credit_of, details_of, evidence_for
from kgbuild.support.explanation import (
    Disagreement,
    ExplainedArticle,
    ExplainedClaim,
    ExplainedStatement,
    ExplainedValue,
    Explanation,
    Mention,
    Passage,
    Related,
)
from kgbuild.support.gathering import MOST_THINGS, gather, gather_whole

_NAMES: Final = NamedNode(NAMES_GRAPH)
_NEAR: Final = (
    "SELECT DISTINCT ?other { { %(x)s icn:resolves ?other } UNION { GRAPH ?g { %(x)s icn:resolves ?other } } }",
    "SELECT DISTINCT ?other { { ?other icn:resolves %(x)s } UNION { GRAPH ?g { ?other icn:resolves %(x)s } } }",
    "SELECT DISTINCT ?other { { ?other icn:denies %(x)s } UNION { GRAPH ?g { ?other icn:denies %(x)s } } }",
    # The bodies of an article's claims, or of a claim.
    """SELECT DISTINCT ?other { { GRAPH ?g { %(x)s icn:claims ?other } }
       UNION { GRAPH ?g { ?claim icn:inArticle %(x)s ; icn:claims ?other } } }""",
)
_DISAGREEMENTS: Final = """SELECT DISTINCT ?p ?kept ?other ?rule { ?d icn:onSubject %(x)s ; icn:onProperty ?p ;
  icn:kept ?kept ; icn:setAside ?other ; icn:decidedBy ?rule . ?d a icn:Disagreement } ORDER BY ?p ?kept ?other"""
# Situations and entities that have the thing as a value: not claims, which stand with their articles.
_IN_ARTICLE: Final = NamedNode(expand("icn:inArticle"))
_MENTIONS: Final = f"""SELECT DISTINCT ?s ?p {{ ?s ?p %(x)s . FILTER (STRSTARTS(STR(?p), "{ONTOLOGY}"))
  FILTER (?p NOT IN (icn:claims, icn:inArticle, icn:observed, icn:onSubject, icn:resolves, icn:denies, icn:statedIn))
  FILTER NOT EXISTS {{ ?finer rdfs:subPropertyOf ?p . ?s ?finer %(x)s FILTER (?finer != ?p) }} }} ORDER BY ?s ?p"""


def explain(name: str, texts: Path | None = None) -> LookUp[Explanation]:
    """Explain a thing, given as IRI, prefixed name or id.

    With `texts`, a directory of article texts (*.txt), passages are cut out of those whose hash is the article's.
    Raises UsageError, with the nearest names, for what is not in the graph.
    """
    thing = yield from find_thing(name)
    x = {"x": write_term(iri(thing))}
    *near, differing, mentioning = yield from select_all(*(q % x for q in (*_NEAR, _DISAGREEMENTS, _MENTIONS)))
    resolves, resolved_by, denied_by, bodies = ([row["other"].value for row in rows] for rows in near)
    store = yield from _gather({thing, *resolves, *resolved_by, *denied_by, *bodies})
    # All but the hierarchies of classes and properties.
    mentioned = [convert_term(q.object) for q in store if str(q.subject).startswith((f"<{ID}", f"<{thing}>"))]
    mentioned += [term for row in (*differing, *mentioning) for term in row.values()]
    names = yield from names_of({thing, *(term.value for term in mentioned if term.kind == "iri")})
    reader = _Explainer(store, names, _read_texts(texts) if texts else {})

    def related(others: list[str]) -> tuple[Related, ...]:
        return tuple(Related(shorten(other), reader.articles(other)) for other in sorted(others))

    mentions = [(row["s"].value, row["p"].value) for row in mentioning]
    return Explanation(
        thing,
        names[thing],
        reader.statements(thing),
        reader.articles(thing),
        related(resolves),
        related(resolved_by),
        related(denied_by),
        _disagreements(differing, names),
        tuple(Mention(shorten(s), names[s], _local_name(p)) for s, p in mentions),
    )


def _gather(things: Iterable[str]) -> LookUp[Store]:
    store, left = Store(), iter(sorted(things))
    while part := list(islice(left, MOST_THINGS)):
        store.extend((yield from gather(part)))
    # Of an article, a page names no more than its publisher and its day.
    quads = store.quads_for_pattern(None, _IN_ARTICLE, None, None)
    articles = {quad.object.value for quad in quads if isinstance(quad.object, NamedNode)}
    store.extend((yield from gather_whole(articles)))
    return store


@dataclass(frozen=True)
class _Explainer:
    """Reads what was gathered, under the names of what it mentions."""

    store: Store
    names: dict[str, str]
    library: dict[str, str]
    """Texts of articles by their hash."""

    def statements(self, thing: str) -> tuple[ExplainedStatement, ...]:
        """List what holds of a thing, what was inferred last."""
        triples = {q.triple for q in self.store.quads_for_pattern(NamedNode(thing), None, None, DefaultGraph())}
        # A name that the build made is the heading, and says nothing of its own.
        made_up = {q.triple for q in self.store.quads_for_pattern(NamedNode(thing), None, None, _NAMES)}
        made = [self._statement(triple) for triple in triples - made_up]
        return tuple(sorted(made, key=lambda s: (s.inferred, s.value.property, s.value.name, s.value.value)))

    def _statement(self, triple: Triple) -> ExplainedStatement:
        evidence = evidence_for(self.store, triple)
        return ExplainedStatement(
            self._value(triple),
            _articles_of(evidence),
            tuple(shorten(credit.claim) for credit in evidence.credits()),
            evidence.kind == "rule",
            tuple(self._value(premise) for premise, _ in evidence.premises),
        )

    def _value(self, triple: Triple) -> ExplainedValue:
        p, v = triple.predicate.value, convert_term(triple.object)
        if v.kind == "iri":
            return ExplainedValue(shorten(p), shorten(v.value), self.names.get(v.value, shorten(v.value)))
        return ExplainedValue(shorten(p), v.n3(), v.value)

    def articles(self, thing: str) -> tuple[ExplainedArticle, ...]:
        """List the articles whose claims are about the thing; for an article or a claim, its own claims.

        Read from the article graphs: claims that were set aside are nowhere else.
        """
        found: dict[str, list[tuple[ClaimDetails, str]]] = defaultdict(list)
        for quad in self.store.quads_for_pattern(None, NamedNode(expand("icn:claims")), None, None):
            credit, body = credit_of(quad.subject, quad.graph_name), convert_term(quad.object).value
            if credit:
                details = details_of(self.store, credit)
                if thing in (body, details.claim, details.article):
                    found[details.article].append((details, body))
        made = [self._article(article, claims) for article, claims in found.items()]
        return tuple(sorted(made, key=lambda each: (each.published or "9999", each.article)))

    def _article(self, article: str, claims: list[tuple[ClaimDetails, str]]) -> ExplainedArticle:
        def one(*names: str) -> str:
            for name in names:
                quads = self.store.quads_for_pattern(NamedNode(article), NamedNode(expand(name)), None, None)
                for term in sorted(convert_term(quad.object) for quad in quads):
                    return self.names.get(term.value, term.value)
            return ""

        text = self.library.get(one("icn:textHash"), "")
        ordered = sorted(claims, key=lambda each: (each[0].claim, each[1]))
        return ExplainedArticle(
            shorten(article),
            one("dcterms:title", "rdfs:label"),
            one("dcterms:publisher"),
            one("icn:agency"),
            one("schema:datePublished", "icn:published"),
            one("schema:url"),
            tuple(self._claim(details, body, text) for details, body in ordered),
        )

    def _claim(self, details: ClaimDetails, body: str, text: str) -> ExplainedClaim:
        return ExplainedClaim(
            shorten(details.claim),
            shorten(body),
            tuple(details.says.values()),
            tuple(Passage(start, end, text[start:end]) for start, end in details.positions),
            self._given(details, body),
            tuple(sorted(map(_local_name, details.infers))),
            details.named_as,
            tuple(details.because.values()),
            details.rank,
        )

    def _given(self, details: ClaimDetails, body: str) -> tuple[ExplainedValue, ...]:
        credit = Credit(details.graph, details.claim)
        quads = self.store.quads_for_pattern(NamedNode(body), None, None, NamedNode(details.graph))
        asserted = (quad.triple for quad in quads if quad.predicate.value in details.asserts)
        given = [triple for triple in asserted if credit in all_claims_for(self.store, triple)]
        return tuple(self._value(triple) for triple in sorted(given, key=str))


def _articles_of(evidence: Evidence) -> tuple[str, ...]:
    graphs = {credit.graph.removeprefix(ARTICLE_GRAPH) for credit in evidence.credits()}
    articles = {article.removeprefix(expand("article:")) for article in (*evidence.stated_in, evidence.article)}
    return tuple(sorted(graphs | articles - {""}))


def _disagreements(rows: Bindings, names: dict[str, str]) -> tuple[Disagreement, ...]:
    grouped: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in rows:
        kept, other = (names.get(row[key].value, row[key].value) for key in ("kept", "other"))
        grouped[_local_name(row["p"].value), kept, row["rule"].value.rpartition("/")[2]].append(other)
    return tuple(Disagreement(p, kept, tuple(others), rule) for (p, kept, rule), others in grouped.items())


def _read_texts(directory: Path) -> dict[str, str]:
    """Read the texts of a directory by the hash of their NFC, LF form: the one that records keep."""
    files = (read_file(path, path.name, LARGEST_TEXT) for path in sorted(directory.glob("*.txt")))
    return {hashlib.sha256(text.encode()).hexdigest(): text for text in (normalise(file, "replace") for file in files)}


def _local_name(name: str) -> str:
    return shorten(name).partition(":")[2] or name
