"""The page of a date: how exact it is, and what carries it, a page at a time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any, Final

from kgbuild.engines import iri
from kgbuild.engines.lookup import write_term
from kgbuild.namespaces import ONTOLOGY
from kgbuild.server.languages import Reader
from kgbuild.server.service import Service, table
from kgbuild.server.views.evidence import Evidence, Shown, add_names, gather

PER_PAGE: Final = 100
"""As many things as a page of a description has."""
_ON_DATE: Final = f"""FILTER (STRSTARTS(STR(?p), "{ONTOLOGY}")) FILTER (?p NOT IN (icn:dated))
  FILTER NOT EXISTS {{ ?finer rdfs:subPropertyOf ?p . ?s ?finer %s FILTER (?finer != ?p) }}"""


async def date(service: Service, thing: str, reader: Reader, page: int) -> tuple[str, dict[str, Any]]:
    """Tell of a date: its bounds, and what happened then, by kind, a page at a time."""
    node = write_term(iri(thing))
    pattern, offset = f"?s ?p {node} {_ON_DATE % node}", PER_PAGE * (page - 1)
    # The same things on a page as in the same page of the description: in the order of their IRIs.
    chosen = f"SELECT DISTINCT ?s {{ ?s ?any {node} }} ORDER BY ?s LIMIT {PER_PAGE} OFFSET {offset}"
    counted, totals, listed = await asyncio.gather(
        table(service, f"SELECT ?p (COUNT(DISTINCT ?s) AS ?n) {{ {pattern} }} GROUP BY ?p ORDER BY ?p"),
        table(service, f"SELECT (COUNT(DISTINCT ?s) AS ?n) {{ ?s ?any {node} }}"),
        table(service, f"SELECT DISTINCT ?p ?s {{ {{ {chosen} }} {pattern} }} ORDER BY ?p ?s"),
    )
    links = [(row["p"]["value"], row["s"]["value"]) for row in listed if row["s"]["type"] == "uri"]
    found = await gather(service, reader, [thing])
    await add_names(
        service, found, {*(p for p, _ in links), *(s for _, s in links), *(r["p"]["value"] for r in counted)}
    )
    groups: dict[str, list[str]] = defaultdict(list)
    for property_, subject in links:
        groups[property_].append(subject)
    counts = {row["p"]["value"]: int(row["n"]["value"]) for row in counted}
    total = int(totals[0]["n"]["value"]) if totals else 0
    return "date.html", {
        "thing": thing,
        "name": found.name(thing),
        "edtf": found.one(thing, "edtf"),
        "facts": found.facts(thing, ("edtf",)),
        "counts": [(found.name(p), n) for p, n in counts.items()],
        "groups": [(found.name(p), _listed(found, subjects)) for p, subjects in groups.items()],
        "page": page,
        "pages": max(1, -(-total // PER_PAGE)),
    }


def _listed(found: Evidence, subjects: list[str]) -> list[tuple[Shown, str]]:
    """Name some things and their classes, in the order of the names."""
    named = [(found.name(each), found.class_name(found.names.get(each, {}))) for each in subjects]
    return sorted(named, key=lambda pair: (pair[0].text.casefold(), pair[0].iri))
