"""Rows with sources: which claims, in which articles, support what a row of an answer rests on (docs/endpoint.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pyoxigraph import Store, Triple

from kgbuild.sparql.embedded import convert_term
from kgbuild.sparql.results import write_binding
from kgbuild.support.claims import Credit, Evidence, details_of, evidence_for, supports_for
from kgbuild.support.derivation import Basis, Match, Row, Term, derive
from kgbuild.support.rewriting import NotAttributableError

STATEMENTS: Final = 100_000
"""Statements that are listed, over all rows."""


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
    except MemoryError:
        raise
    except Exception as fault:
        # The rows stand: a query that is answered never fails because it cannot be followed.
        return not_attributable(f"the query could not be followed ({type(fault).__name__})")
    if sum(len(basis.matches) for basis in bases) > STATEMENTS:
        return not_attributable(f"the rows rest on more than {STATEMENTS:,} triples; add DISTINCT or a LIMIT")
    writer = _RowWriter(store)
    return [writer.row(basis) for basis in bases]


def not_attributable(reason: str) -> dict[str, str]:
    """Say of a whole answer why its rows have no sources."""
    return {"notAttributable": f"{reason[:1].upper()}{reason[1:]}."}


@dataclass
class _RowWriter:
    """Writes who says a triple; what was written once is kept for the other rows."""

    store: Store
    _statements: dict[Match, dict[str, Any]] = field(default_factory=dict)
    _claims: dict[Credit, tuple[dict[str, Any], frozenset[str]]] = field(default_factory=dict)

    def row(self, basis: Basis) -> dict[str, Any]:
        """Write the sources of one row."""
        statements = [self._statement(match) for match in basis.matches]
        return {"statements": statements, **({"absence": True} if basis.absence else {})}

    def _statement(self, match: Match) -> dict[str, Any]:
        if match not in self._statements:
            written = self._describe(match.triple, evidence_for(self.store, match.triple))
            self._statements[match] = {"pattern": match.pattern, **written}
        return self._statements[match]

    def _describe(self, triple: Triple, evidence: Evidence) -> dict[str, Any]:
        parts = {"subject": triple.subject, "predicate": triple.predicate, "object": triple.object}
        described = {name: _json(term) for name, term in parts.items()}
        supports = self._supports(triple)
        return {**described, **self._evidence(triple, evidence), **({"supports": supports} if supports else {})}

    def _evidence(self, triple: Triple, evidence: Evidence) -> dict[str, Any]:
        match evidence.kind:
            case "claims":
                return {"claims": [self._credited(credit, triple) for credit in evidence.claims]}
            case "article":
                return {"article": evidence.article}
            case "rule" if evidence.premises:
                return {"inferred": {"from": [self._describe(*premise) for premise in evidence.premises]}}
            case "rule":
                return {"inferred": {"statedIn": list(evidence.stated_in)}}
            case kind:
                return {kind: True}

    def _credited(self, credit: Credit, triple: Triple) -> dict[str, Any]:
        written, infers = self._claim(credit)
        return {**written, "inferred": triple.predicate.value in infers}

    def _claim(self, credit: Credit) -> tuple[dict[str, Any], frozenset[str]]:
        """Write a claim for people, with the properties whose values were inferred."""
        if credit not in self._claims:
            details = details_of(self.store, credit)
            positions = [list(position) for position in details.positions]
            written = {"article": details.article, "claim": details.claim, "says": details.says.get("en", "")}
            self._claims[credit] = {**written, "positions": positions}, details.infers
        return self._claims[credit]

    def _supports(self, triple: Triple) -> list[dict[str, Any]]:
        """Write the claims on parties that the subject stands for: on the same property, with their own values."""
        return [
            {"placeholder": placeholder.value, "objects": [_json(value) for value in values], **self._claim(credit)[0]}
            for placeholder, values, credits_ in supports_for(self.store, triple)
            for credit in credits_
        ]


def _json(term: Term) -> dict[str, str]:
    return {"type": "triple", "value": str(term)} if isinstance(term, Triple) else write_binding(convert_term(term))
