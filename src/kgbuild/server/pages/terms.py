"""What the ontology says of how things are shown: names of its terms, headings of lists, columns, order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from kgbuild.core.namespaces import EXTERNAL, ONTOLOGY, RDF_TYPE, VOCABULARY
from kgbuild.core.terms import Table, Term, reach
from kgbuild.server.data.access import Data
from kgbuild.server.exchange.service import Service
from kgbuild.sparql.lookups import Solutions
from kgbuild.support.gathering import HIERARCHY, read_quads

Labels = Mapping[str, str]
"""Language ("" for none) -> text."""

Values = dict[str, list[Term]]
"""Property -> its values."""
Named = tuple[Values, dict[str, Values]]
"""What names a thing, and what names the things that it mentions."""

_READ: Final = f"""SELECT ?s ?p ?o {{ ?s ?p ?o FILTER (STRSTARTS(STR(?s), "{ONTOLOGY}")) FILTER (?p IN (
  rdf:type, rdfs:label, rdfs:subClassOf, rdfs:subPropertyOf, icn:pluralLabel, icn:reverseLabel, icn:featured,
  icn:displayOrder, icn:qualifies, icn:keyPart, icn:resolution)) }}"""
QUERIES: Final = (_READ, *HIERARCHY)
_LAST: Final = 1_000_000
"""Where a term stands of which the ontology gives no order."""


_ONE: Final = f"{VOCABULARY}resolution/one"
_NOTHING: Final = Table((), ())


def icn(name: str) -> str:
    """Give the IRI of a term of ours."""
    return ONTOLOGY + name


class Terms:
    """Classes and properties as pages call and order them; all by IRI."""

    def __init__(self, described: Solutions = _NOTHING, *hierarchies: Solutions) -> None:
        """Read the answers to `QUERIES`; the hierarchies of classes and properties are kept as quads for `gather`."""
        texts: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
        values: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for row in described.records():
            s, p, o = row["s"].value, row["p"].value, row["o"]
            texts[p][s].setdefault(o.language, o.value)
            values[p][s].append(o.value)
        above = [values[EXTERNAL["rdfs"] + name] for name in ("subClassOf", "subPropertyOf")]
        self.labels: Mapping[str, Labels] = texts[EXTERNAL["rdfs"] + "label"]
        self.plurals: Mapping[str, Labels] = texts[icn("pluralLabel")]
        self.reverses: Mapping[str, Labels] = texts[icn("reverseLabel")]
        self.featured = {s: tuple(map(icn, found[0].split())) for s, found in values[icn("featured")].items()}
        """Class -> the properties that a table of such things shows."""
        self.order = {s: int(each[0]) for s, each in values[icn("displayOrder")].items() if each[0].isdecimal()}
        self.parents = {s: {each for by in above for each in by.get(s, ())} for s in values[RDF_TYPE]}
        """Class or property -> those right above it."""
        self.qualified = {s: found[0] for s, found in values[icn("qualifies")].items()}
        """Property -> the one whose value it qualifies."""
        self.key_parts = frozenset(values[icn("keyPart")])
        self.single_valued = frozenset(s for s, found in values[icn("resolution")].items() if _ONE in found)
        """Properties of which two values are rivals."""
        self.hierarchies = read_quads(hierarchies)
        self.names: dict[str, Named] = {}
        """Of things that pages have named: the same few are on most of them."""
        self.above = cache(lambda term: {*reach([term], lambda each: self.parents.get(each, ()))} - {term})
        """List all classes or properties above one."""

    def is_a(self, types: Iterable[str], name: str) -> bool:
        """Tell whether one of some classes, or properties, is that of a name or below it."""
        wanted = icn(name)
        return any(wanted == each or wanted in self.above(each) for each in types)

    def place(self, term: str) -> tuple[int, str]:
        """Give what terms are sorted by."""
        return self.order.get(term, _LAST), term

    def kind(self, types: Iterable[str]) -> str:
        """Choose the finest class of ours among the types of a thing; "" for none."""
        ours = {each for each in types if each.startswith(ONTOLOGY)}
        above = {parent for each in ours for parent in self.above(each)}
        # Without the ontology nothing is above another; what no list is made of says least.
        return min(ours - above, key=lambda each: (each not in self.plurals, self.place(each)), default="")

    def family(self, types: Iterable[str]) -> str:
        """Choose the class under which a thing is listed: the widest of its types that has columns; "" for none."""
        listed = {each for each in types if each in self.featured}
        return min((each for each in listed if not self.above(each) & listed), key=self.place, default="")


async def terms_of(service: Service) -> Terms:
    """Give the terms of the data that are served now; they are read once."""
    return await service.once(_read)


async def _read(data: Data) -> Terms:
    return Terms(*[await data.select(text) for text in QUERIES])
