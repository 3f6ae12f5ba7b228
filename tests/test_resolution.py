# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Resolution in small: what goes together, and what is more exact.  The golden fixture and the traps do the rest."""

from __future__ import annotations

from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import Literal, NamedNode

from kgbuild.build.graph import CompiledArticle, CompiledClaim, Triple
from kgbuild.build.ontology import Ontology, read_ontology
from kgbuild.build.quads import Term
from kgbuild.build.resolution import Resolved, Resolver, Scales
from kgbuild.build.sourcemap import SourceMap
from kgbuild.core.dates import DateNode, parse_date, window
from kgbuild.core.namespaces import DATE, PREFIXES
from kgbuild.core.terms import icn

ROOT = Path(__file__).resolve().parents[1]
COUNT = NamedNode(PREFIXES["count"] + "nispacee--institutional-members--2015")
FOUNDING = NamedNode(PREFIXES["change"] + "caricad--founding")


@pytest.fixture(scope="module")
def ontology() -> Ontology:
    return read_ontology(ROOT / "ontology", ROOT)


def named(prefix: str, name: str) -> NamedNode:
    return NamedNode(PREFIXES[prefix] + name)


def article(name: str, published: str, *facts: Triple, rank: str | None = None) -> CompiledArticle:
    """Make an article that says these facts in one claim; its publisher is its own."""
    claim = CompiledClaim(named("claim", name), (), (), facts, rank)
    iri, voter, date = named("article", name), named("institution", name), parse_date(published)
    graph = named("graph", f"article/{name}")
    return CompiledArticle(iri, graph, (), (claim,), voter, date, frozenset({date}), frozenset(), SourceMap())


def number(value: int, comparator: str) -> tuple[Triple, Triple]:
    """Say a count's number, and how it compares."""
    return (COUNT, icn("number"), Literal(value)), (COUNT, icn("comparator"), named("comparator", comparator))


def resolve(ontology: Ontology, *articles: CompiledArticle, dates: tuple[DateNode, ...] = ()) -> Resolved:
    scales = Scales({NamedNode(DATE + date.slug): date for date in dates}, {})
    return Resolver(articles, ontology, scales).resolve()


def kept(resolved: Resolved, subject: NamedNode, property_: str) -> set[Term]:
    return {object_ for s, p, object_ in resolved.triples if (s, p) == (subject, icn(property_))}


def pair(resolved: Resolved) -> tuple[set[Term], set[Term]]:
    return kept(resolved, COUNT, "number"), kept(resolved, COUNT, "comparator")


def decisions(resolved: Resolved) -> dict[str, str]:
    """Map property to the step that decided a disagreement about it."""
    by_node: dict[str, dict[str, str]] = {}
    for quad in resolved.record:
        said = by_node.setdefault(str(quad.subject), {})
        said[quad.predicate.value.rpartition("#")[2]] = getattr(quad.object, "value", "").rpartition("/")[2]
    return {said["onProperty"].rpartition("#")[2]: said["decidedBy"] for said in by_node.values()}


# --- what goes together ---

TWO_SAY_MORE = (
    article("a", "2015", *number(125, "more-than")),
    article("b", "2015", *number(120, "more-than")),
    article("c", "2016", *number(130, "equal")),
)


@pytest.mark.parametrize(
    "order", list(permutations(TWO_SAY_MORE)), ids=lambda order: "".join(a.iri.value[-1] for a in order)
)
def test_comparator_goes_with_its_value(ontology: Ontology, order: tuple[CompiledArticle, ...]) -> None:
    """The number of the latest voice is kept, and with it that voice's comparator, not that of the other two."""
    resolved = resolve(ontology, *order)
    assert ({Literal(130)}, {named("comparator", "equal")}) == pair(resolved)
    assert {"number": "tie"} == decisions(resolved)


def test_without_the_mark_two_voices_would_be_mixed(ontology: Ontology) -> None:
    """It is `icn:qualifies` that keeps them together: without it, "more than" has two votes and 130 gets it."""
    unmarked = Ontology(tuple(quad for quad in ontology.quads if quad.predicate != icn("qualifies")))
    resolved = resolve(unmarked, *TWO_SAY_MORE)
    assert ({Literal(130)}, {named("comparator", "more-than")}) == pair(resolved)


def test_comparator_of_the_curators_choice(ontology: Ontology) -> None:
    """A preferred claim brings its number and its comparator, whatever the votes."""
    preferred = article("d", "2014", *number(125, "about"), rank="preferred")
    assert ({Literal(125)}, {named("comparator", "about")}) == pair(resolve(ontology, *TWO_SAY_MORE, preferred))


def test_two_comparators_of_one_number_disagree(ontology: Ontology) -> None:
    """Where voices give the kept number with two comparators, the votes decide, and it is written down."""
    exact = article("d", "2017", *number(125, "equal"))
    more = article("e", "2014", *number(125, "more-than"))
    resolved = resolve(ontology, *TWO_SAY_MORE, exact, more)
    assert ({Literal(125)}, {named("comparator", "more-than")}) == pair(resolved)
    assert {"number": "support", "comparator": "support"} == decisions(resolved)


# --- what is more exact ---


def founding(name: str, published: str, date: str) -> CompiledArticle:
    return article(name, published, (FOUNDING, icn("happened"), named("date", parse_date(date).slug)))


@pytest.mark.parametrize(
    ("one", "other"),
    [("1979", "1980"), ("2019-02", "2019-03"), ("2019~", "2020~"), ("2021-03~", "2021-08~"), ("199X", "200X")],
)
def test_the_calendar_does_not_decide(ontology: Ontology, one: str, other: str) -> None:
    """A year is as exact as a leap year, February as March: the later article is kept, as a tie."""
    dates = parse_date(one), parse_date(other)
    for first, last in ((one, other), (other, one)):
        resolved = resolve(ontology, founding("a", "2010", first), founding("b", "2016", last), dates=dates)
        assert {named("date", parse_date(last).slug)} == kept(resolved, FOUNDING, "happened")
        assert {"happened": "tie"} == decisions(resolved)


@pytest.mark.parametrize(
    ("finer", "vaguer"), [("1979-12", "1980"), ("1979", "1980~"), ("1979", "198X"), ("1979-12-31", "1980-02")]
)
def test_the_more_exact_date_is_kept(ontology: Ontology, finer: str, vaguer: str) -> None:
    """A month goes before a year, a year before about a year or a decade, a day before a month."""
    dates = parse_date(finer), parse_date(vaguer)
    resolved = resolve(ontology, founding("a", "2010", finer), founding("b", "2016", vaguer), dates=dates)
    assert {named("date", parse_date(finer).slug)} == kept(resolved, FOUNDING, "happened")


@pytest.mark.parametrize(
    ("one", "other", "decided"),
    [
        (parse_date("2018"), window(None, "2018-04-28"), {}),
        (parse_date("2020-08"), window("2020-08-18", None), {}),
        (window("2020", None), window(None, "2021"), {}),
        (parse_date("2019"), window(None, "2018-04-28"), {"happened": "precision"}),
        (window(None, "2018"), window("2019", None), {"happened": "tie"}),
    ],
)
def test_a_window_disagrees_only_with_what_lies_outside(
    ontology: Ontology, one: DateNode, other: DateNode, decided: dict[str, str]
) -> None:
    """Who says "by", "not before" or "between" says nothing against a day within, however vaguely it is told."""
    said = [
        article(name, "2022", (FOUNDING, icn("happened"), named("date", node.slug)))
        for name, node in (("a", one), ("b", other))
    ]
    assert decided == decisions(resolve(ontology, *said, dates=(one, other)))


class Patient(dict[NamedNode, NamedNode]):
    """A mapping that takes a hundred look-ups, so that what goes round for ever fails."""

    looked = 0

    def get(self, key: NamedNode, default: Any = None) -> Any:
        """Look up, and count it."""
        self.looked += 1
        assert self.looked <= 100, "it goes round for ever"
        return super().get(key, default)


@pytest.mark.parametrize(("above", "names"), [("a", "aa"), ("ba", "aba"), ("bc", "abcb")])
def test_places_within_each_other_are_gone_through_once(above: str, names: str) -> None:
    """A circle of places, which records may write by mistake, ends the list of what lies above."""
    places = [named("place", name) for name in names]
    scales = Scales({}, Patient(pairwise(places)))
    assert [named("place", name) for name in above] == scales.ancestors(places[0])
