"""The page of a vocabulary or of a concept: its labels, what is above and below it, how often it is used."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from kgbuild.engines import iri
from kgbuild.engines.lookup import write_term
from kgbuild.namespaces import EXTERNAL, ONTOLOGY, RDF_TYPE
from kgbuild.server.languages import Reader
from kgbuild.server.service import Service, table
from kgbuild.server.views.evidence import Evidence, Shown, add_names, gather

MOST_CONCEPTS: Final = 2000


async def concept(service: Service, thing: str, reader: Reader) -> tuple[str, dict[str, Any]]:
    """Tell of a vocabulary or one of its concepts: its labels, what is broader and narrower, how often it is used."""
    node = write_term(iri(thing))
    inside = await table(
        service,
        f"""SELECT ?c ?up (COUNT(DISTINCT ?s) AS ?n) {{
          {{ ?c skos:inScheme {node} }} UNION {{ ?c skos:broader+ {node} }}
          OPTIONAL {{ ?c skos:broader ?up }}
          OPTIONAL {{ ?s ?p ?c FILTER (STRSTARTS(STR(?p), "{ONTOLOGY}")) }}
        }} GROUP BY ?c ?up ORDER BY ?c LIMIT {MOST_CONCEPTS}""",
    )
    used = await table(
        service,
        f"""SELECT ?p (COUNT(DISTINCT ?s) AS ?n) {{ ?s ?p {node} FILTER (STRSTARTS(STR(?p), "{ONTOLOGY}")) }}
          GROUP BY ?p ORDER BY ?p""",
    )
    found = await gather(service, reader, [thing])
    rows = [row for row in inside if row["c"]["type"] == "uri"]
    await add_names(service, found, {*(row["c"]["value"] for row in rows), *(row["p"]["value"] for row in used)})
    parents: dict[str, list[tuple[str, int]]] = defaultdict(list)
    inner = {row["c"]["value"] for row in rows}
    for row in rows:
        up = row["up"]["value"] if "up" in row else ""
        parents[up if up in inner else thing].append((row["c"]["value"], int(row["n"]["value"])))
    values = found.of(thing)
    skos = EXTERNAL["skos"]

    def texts(name: str) -> list[Shown]:
        order = {language: number for number, language in enumerate(reader.labels)}
        terms = sorted(values.get(skos + name, []), key=lambda t: (order.get(t.language, 9), t.value))
        return [found.show(term) for term in terms]

    return "concept.html", {
        "thing": thing,
        "name": found.name(thing),
        "is_scheme": any(t.value == skos + "ConceptScheme" for t in values.get(RDF_TYPE, [])),
        "labels": texts("prefLabel"),
        "alternatives": texts("altLabel"),
        "definition": found.text({t.language: t.value for t in values.get(skos + "definition", [])}),
        "definitions": texts("definition")[1:],
        "notes": texts("editorialNote") + texts("scopeNote"),
        "notation": next((t.text for t in texts("notation")), ""),
        "schemes": texts("inScheme"),
        "broader": texts("broader"),
        "matches": texts("exactMatch") + texts("closeMatch"),
        "tree": _tree(found, parents, thing, set()),
        "uses": [(found.name(row["p"]["value"]), int(row["n"]["value"])) for row in used],
        "query": f"SELECT ?thing ?property WHERE {{ ?thing ?property <{thing}> . "
        f'FILTER (STRSTARTS(STR(?property), "{ONTOLOGY}")) }} ORDER BY ?property ?thing',
    }


@dataclass(frozen=True, slots=True)
class Branch:
    """A concept among those above and below it."""

    link: Shown
    count: int
    below: tuple[Branch, ...]


def _tree(found: Evidence, parents: dict[str, list[tuple[str, int]]], top: str, seen: set[str]) -> tuple[Branch, ...]:
    """Arrange concepts below their broader ones; a circle ends where it closes."""
    made = []
    for concept_iri, count in sorted(parents.get(top, []), key=lambda pair: found.name(pair[0]).text.casefold()):
        if concept_iri not in seen:
            seen.add(concept_iri)
            made.append(Branch(found.name(concept_iri), count, _tree(found, parents, concept_iri, seen)))
    return tuple(made)
