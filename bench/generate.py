"""A synthetic knowledge graph of our model's shape, of any size: the same bytes for the same size.

`python bench/generate.py QUADS FILE.nq` writes article graphs with memberships, participations, their claims and
positions, the graphs of entities and dates, and in the default graph the resolved view: each triple once, with
`icn:statedIn`. It ends with the article that reaches the number of quads. Lines are sorted, as in a release.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from kgbuild.core.namespaces import GRAPH, PREFIXES, RDF_TYPE, expand

SEED = 20240221
CLAIMS = (2, 6)
"""Fewest and most claims in an article."""
SITUATIONS_PER_ARTICLE = 3
"""New situations to each article, about: the others are stated again, by another one."""
DAYS = 365 * 12
FIRST_DAY = date(2012, 1, 1)


class Generator:
    """Writes one graph; everything random comes from one seed."""

    def __init__(self, quads: int) -> None:
        self.wanted = quads
        self.random = random.Random(SEED)  # noqa: S311 - synthetic data, not secrets
        self.default: set[str] = set()
        self.named: set[str] = set()
        self.dates: set[date] = set()
        self.dated: set[str] = set()
        self.institutions = max(20, quads // 2000)
        self.networks = max(4, quads // 40_000)
        self.states = 40

    def lines(self) -> list[str]:
        """Give all quads as lines, sorted."""
        self._entities()
        number = 0
        while len(self.default) + len(self.named) < self.wanted:
            self._article(number)
            number += 1
        return sorted([*self.default, *self.named])

    # -- quads -----------------------------------------------------------------------------------------------------

    def _say(self, graph: str, subject: str, predicate: str, object_: str, *, resolved: bool = True) -> None:
        triple = f"<{subject}> <{predicate}> {object_}"
        self.named.add(f"{triple} <{graph}> .\n")
        if resolved:
            self.default.add(f"{triple} .\n")

    def _entities(self) -> None:
        graph = f"{GRAPH}entities"
        kinds = (("polity", "Polity", self.states), ("network", "Network", self.networks),
                 ("institution", "Academy", self.institutions))  # fmt: skip
        for kind, class_, count in kinds:
            for n in range(count):
                thing = expand(f"{kind}:{kind}-{n}")
                self._say(graph, thing, RDF_TYPE, _iri(f"icn:{class_}"))
                self._say(graph, thing, expand("dcterms:identifier"), f'"{kind}-{n}"')
                for language, word in (("en", kind.title()), ("ru", "Учреждение"), ("zh", "机构")):
                    self._say(graph, thing, expand("rdfs:label"), f'"{word} {n}"@{language}')
                if kind == "institution":
                    self._say(graph, thing, expand("icn:ofState"), _iri(f"polity:state-{n % self.states}"))

    def _date(self) -> str:
        """Give a day's node; its triples are written once."""
        day = FIRST_DAY + timedelta(self.random.randrange(DAYS))
        node = PREFIXES["date"] + day.isoformat()
        if day not in self.dates:
            self.dates.add(day)
            graph = f"{GRAPH}dates"
            typed = f'"{day}"^^<{expand("xsd:date")}>'
            self._say(graph, node, RDF_TYPE, _iri("icn:Date"))
            self._say(graph, node, expand("icn:edtf"), f'"{day}"')
            self._say(graph, node, expand("icn:earliest"), typed)
            self._say(graph, node, expand("icn:latest"), typed)
            self._say(graph, node, expand("icn:year"), f'"{day.year}"^^<{expand("xsd:integer")}>')
            self._say(graph, node, expand("icn:precision"), _iri("precision:day"))
        return node

    def _article(self, number: int) -> None:
        id_ = f"article-{number}"
        article, graph = expand(f"article:{id_}"), f"{GRAPH}article/{id_}"
        self._say(graph, article, RDF_TYPE, _iri("icn:Article"))
        self._say(graph, article, expand("dcterms:identifier"), f'"{id_}"')
        self._say(graph, article, expand("rdfs:label"), f'"Article {number} about cooperation"@en')
        self._say(graph, article, expand("dcterms:language"), '"en"')
        self._say(graph, article, expand("icn:published"), f"<{self._date()}>")
        publisher = self.random.randrange(self.institutions)
        self._say(graph, article, expand("dcterms:publisher"), _iri(f"institution:institution-{publisher}"))
        for n in range(self.random.randint(*CLAIMS)):
            self._claim(article, graph, id_, number, n)

    def _claim(self, article: str, graph: str, id_: str, number: int, n: int) -> None:
        situation = self._membership(graph, self.random.randrange(SITUATIONS_PER_ARTICLE * (number + 1)))
        self.default.add(f"<{situation}> <{expand('icn:statedIn')}> <{article}> .\n")
        digest = sha256(f"{id_}\n{n}".encode()).hexdigest()[:10]
        claim = expand(f"claim:{id_}--membership-{digest}")
        target, position = f"{claim}#target0", f"{claim}#position0"
        start = self.random.randrange(4000)
        integer = expand("xsd:integer")
        self._say(graph, claim, RDF_TYPE, _iri("icn:Claim"))
        self._say(graph, claim, expand("icn:claims"), f"<{situation}>")
        for name in ("member", "organization", "joined"):
            self._say(graph, claim, expand("icn:asserts"), _iri(f"icn:{name}"))
        self._say(graph, claim, expand("icn:inArticle"), f"<{article}>")
        self._say(graph, claim, expand("icn:says"), f'"The article says so in passage {n}."@en')
        self._say(graph, claim, expand("oa:hasTarget"), f"<{target}>")
        self._say(graph, target, RDF_TYPE, _iri("oa:SpecificResource"))
        self._say(graph, target, expand("oa:hasSource"), f"<{article}>")
        self._say(graph, target, expand("oa:hasSelector"), f"<{position}>")
        self._say(graph, position, RDF_TYPE, _iri("oa:TextPositionSelector"))
        self._say(graph, position, expand("oa:start"), f'"{start}"^^<{integer}>')
        self._say(graph, position, expand("oa:end"), f'"{start + 200}"^^<{integer}>')

    def _membership(self, graph: str, key: int) -> str:
        member = f"institution-{key % self.institutions}"
        network = f"network-{key // self.institutions % self.networks}"
        spell = key // (self.institutions * self.networks)
        slug = f"{member}--{network}" + (f"--{spell}" if spell else "")
        situation = expand(f"membership:{slug}")
        self._say(graph, situation, RDF_TYPE, _iri("icn:Membership"))
        self._say(graph, situation, expand("icn:member"), _iri(f"institution:{member}"))
        self._say(graph, situation, expand("icn:organization"), _iri(f"network:{network}"))
        self._say(graph, situation, expand("icn:standing"), _iri("standing:member"))
        # Articles may disagree about the date: the first value is the one that holds.
        self._say(graph, situation, expand("icn:joined"), f"<{self._date()}>", resolved=situation not in self.dated)
        self.dated.add(situation)
        return situation


def _iri(name: str) -> str:
    return f"<{expand(name)}>"


def generate(quads: int) -> Iterator[bytes]:
    """Give the lines of a graph of that size."""
    for line in Generator(quads).lines():
        yield line.encode()


def main() -> None:
    """Write a graph of the size asked for."""
    size, path = int(sys.argv[1].replace(",", "").replace("_", "")), Path(sys.argv[2])
    count = 0
    with path.open("wb") as file:
        for line in generate(size):
            file.write(line)
            count += 1
    print(f"{path}: {count:,} quads", file=sys.stderr)


if __name__ == "__main__":
    main()
