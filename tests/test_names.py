# ruff: noqa: SIM300, E501 - the expected value comes first, as everywhere in these tests; four languages in a line
"""Names of what has none of its own: captions, dates in words, and the labels that the build makes."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, parse

from graph_difference import count, describe
from kgbuild.build.names import LONGEST_PART, add_names
from kgbuild.build.ontology import Ontology, read_ontology
from kgbuild.core.captions import LANGUAGES, Caption, choose_text
from kgbuild.core.date_text import DateWriter, write_point
from kgbuild.core.dates import DateError, parse_edtf
from kgbuild.core.namespaces import ARTICLE_GRAPH, NAMES_GRAPH, PREFIXES, expand
from mini import ROOT
from nonempty import nonempty

LABEL = NamedNode(expand("rdfs:label"))
ARTICLE = NamedNode(ARTICLE_GRAPH + "one")
NETWORK = 'network:n a icn:Network ; rdfs:label "Network"@en , "Сеть"@ru .'


@cache
def ontology() -> Ontology:
    """Read the project's ontology, once."""
    return read_ontology(ROOT / "ontology", ROOT)


def quads(turtle: str, graph: NamedNode | DefaultGraph | None = None) -> list[Quad]:
    """Read Turtle written with the project's prefixes."""
    header = "".join(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in PREFIXES.items())
    triples = parse((header + turtle).encode(), format=RdfFormat.TURTLE)
    return [Quad(q.subject, q.predicate, q.object, graph or DefaultGraph()) for q in triples]


def named(held: str, in_article: str = "") -> Store:
    """Name what a default graph and an article's graph describe, beside the ontology."""
    everything = [Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in ontology().quads]
    store = Store()
    store.bulk_extend([*everything, *quads(held), *quads(in_article, ARTICLE)])
    add_names(store, ontology())
    return store


def names(store: Store, thing: str, graph: str = NAMES_GRAPH) -> dict[str, str]:
    """Read the labels of a thing in a graph ("" for the default one)."""
    where = NamedNode(graph) if graph else DefaultGraph()
    found = [quad.object for quad in store.quads_for_pattern(NamedNode(expand(thing)), LABEL, None, where)]
    return {text.language or "": text.value for text in found if isinstance(text, Literal)}


def english(held: str, thing: str) -> str:
    """Name what a default graph describes, and give the English name of one thing."""
    return names(named(held), thing)["en"]


# --- captions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caption", "values", "expected"),
    [
        ("Seat: {of} – {kind} – {place|host}", {"of": "A", "kind": "centre", "host": "C"}, "Seat: A – centre – C"),
        ("Seat: {of} – {kind} – {place|host}", {"place": "B", "host": "C"}, "Seat: B"),
        ("Seat: {of} – {kind} – {place}", {"of": "A", "place": "B"}, "Seat: A – B"),
        ("Seat: {of} – {kind}", {}, "Seat"),
        ("{type} of {state}, not named", {"type": "Person"}, "Person, not named"),
        ("{type} of {state}, not named", {"type": "Person", "state": "X"}, "Person of X, not named"),
        ("no stated end", {}, "no stated end"),
        ("Text: {a} – {b}", {"a": "{b} {c|d}", "b": "}{"}, "Text: {b} {c|d} – }{"),
    ],
)
def test_a_caption_is_filled_in(caption: str, values: dict[str, str], expected: str) -> None:
    """A missing part goes with its separator, the first of several is taken, and braces in values stay as they are."""
    assert expected == Caption.parse(caption).write(values)


@given(st.dictionaries(st.sampled_from("abc"), st.text(min_size=1)))
def test_a_caption_loses_no_value(values: dict[str, str]) -> None:
    """Every part that is there is in the name, whole and in order."""
    written = Caption.parse("Head: {a} – {b}: {c}!").write(values)
    place = 0
    for value in (values[name] for name in "abc" if name in values):
        place = written.index(value, place) + len(value)


@pytest.mark.parametrize(
    ("texts", "language", "expected"),
    [
        ({"en": "a", "ru": "b"}, "ru", "b"),
        ({"en": "a", "ru": "b"}, "kk", "a"),
        ({"ru": "b", "zh-hans": "c"}, "zh", "c"),
        ({"fr": "d", "de": "e"}, "en", "e"),
        ({"": "f"}, "en", "f"),
        ({}, "en", ""),
    ],
)
def test_a_text_is_chosen_by_language(texts: dict[str, str], language: str, expected: str) -> None:
    """The language asked for, else those that stand in for it, else any, else nothing."""
    assert expected == choose_text(texts, language)


# --- dates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edtf", "expected"),
    [
        ("2023", ["2023", "2023", "2023年", "2023"]),
        ("2023-11", ["November 2023", "ноябрь 2023 г.", "2023年11月", "2023 ж. қараша"]),
        ("2023-11-08", ["8 November 2023", "8 ноября 2023 г.", "2023年11月8日", "2023 ж. 8 қараша"]),
        ("2008-05~", ["about May 2008", "около мая 2008 г.", "约2008年5月", "шамамен 2008 ж. мамыр"]),
        ("1984?", ["1984 (uncertain)", "1984 (неточно)", "1984年（不确定）", "1984 (нақты емес)"]),
        ("2004%", ["about 2004 (uncertain)", "около 2004 (неточно)", "约2004年（不确定）", "шамамен 2004 (нақты емес)"]),
        ("201X", ["the 2010s", "2010-е годы", "2010年代", "2010-жылдар"]),
        ("19XX", ["the years 1900 to 1999", "1900–1999 годы", "1900至1999年", "1900–1999 жылдар"]),
        (
            "[..2024-02-21]",
            ["by 21 February 2024", "не позднее 21 февраля 2024 г.", "不晚于2024年2月21日", "ең кеш 2024 ж. 21 ақпан"],
        ),
        ("[2024-02..]", ["not before February 2024", "не ранее февраля 2024 г.", "不早于2024年2月", "ең ерте 2024 ж. ақпан"]),
        (
            "[2023..2024]",
            ["some day from 2023 to 2024", "в один из дней: 2023 – 2024", "2023年至2024年之间的某日", "күндердің бірі: 2023 – 2024"],
        ),
        ("2010/2012", ["2010 to 2012", "2010 – 2012", "2010年至2012年", "2010 – 2012"]),
        ("2010/..", ["2010 to no stated end", "2010 – конец не указан", "2010年至未注明结束", "2010 – соңы көрсетілмеген"]),
        ("2010/", ["2010 to unknown", "2010 – неизвестно", "2010年至不详", "2010 – белгісіз"]),
        ("../2010", ["no stated start to 2010", "начало не указано – 2010", "未注明起始至2010年", "басы көрсетілмеген – 2010"]),
        (
            "2023-05-18/2023-05-19",
            ["18–19 May 2023", "18–19 мая 2023\u202fг.", "2023年5月18日至19日", "2023\u202fж. 18–19 мам."],
        ),
        ("soon", ["soon"] * 4),
    ],
)  # fmt: skip
def test_a_date_is_written_in_each_language(edtf: str, expected: list[str]) -> None:
    """What a date says stands in its name, in four languages; what is no date is given back."""
    writer = DateWriter(ontology().date_captions)
    assert expected == [writer.write(edtf, language) for language in LANGUAGES]


@given(st.from_regex(r"[12][0-9]{3}(-(0[1-9]|1[0-2])(-(0[1-9]|1[0-9]|2[0-8]))?)?[~?%]?", fullmatch=True))
def test_a_date_in_words_is_as_precise_as_it_is(edtf: str) -> None:
    """A date is written with its year, and with no day that it does not have."""
    node = parse_edtf(edtf)
    for language in ("en", "ru"):
        written = DateWriter(ontology().date_captions).write(edtf, language)
        assert edtf[:4] in written
        numbers = [part for part in written.replace("(", " ").split() if part.isdigit() and len(part) < 3]
        assert len(numbers) == (1 if node.precision == "day" else 0)


@given(st.text(max_size=20), st.sampled_from(LANGUAGES))
def test_no_text_is_too_strange_for_a_date(text: str, language: str) -> None:
    """What is no date is given back as it is."""
    assert isinstance(write_point(text, language), str)
    try:
        parse_edtf(text)
    except DateError:
        assert text == DateWriter(ontology().date_captions).write(text, language)


# --- labels -------------------------------------------------------------------------------------------------------


def test_a_part_without_a_value_is_left_out() -> None:
    """A membership of which neither member nor beginning is known is named by its network."""
    assert "Membership: Network" == english(
        f"{NETWORK} membership:m a icn:Membership ; icn:organization network:n .", "membership:m"
    )


def test_names_come_in_the_language_of_the_caption() -> None:
    """Each part is named in the caption's language, else in one that stands in for it, else in any."""
    held = f"""{NETWORK} polity:s a icn:Polity ; rdfs:label "État"@fr .
      membership:m a icn:Membership ; icn:member polity:s ; icn:organization network:n ; icn:standing standing:observer ."""
    assert {
        "en": "Membership: État – Network – observer",
        "ru": "Членство: État – Сеть – наблюдатель",
        "zh": "成员资格：État – Network – 观察员",
        "kk": "Мүшелік: État – Network – бақылаушы",
    } == names(named(held), "membership:m")


def test_a_thing_without_any_label_goes_by_its_short_name() -> None:
    """What has a label in no language is called by its shortened IRI."""
    held = f"{NETWORK} membership:m a icn:Membership ; icn:member polity:nameless ; icn:organization network:n ."
    assert "Membership: polity:nameless – Network" == english(held, "membership:m")


def test_what_goes_without_saying_is_not_named() -> None:
    """The usual standing and "equal" are left out, another comparator is not."""
    held = f"""{NETWORK} count:a a icn:CountObservation ; icn:observed network:n ; icn:measure measure:state-members ;
        icn:comparator comparator:equal ; icn:number 6 .
      count:b a icn:CountObservation ; icn:observed network:n ; icn:comparator comparator:more-than ; icn:number 6 .
      membership:m a icn:Membership ; icn:organization network:n ; icn:standing standing:member ."""
    store = named(held)
    assert [
        "Count: Network – member states: 6",
        "Count: Network – more than 6",
        "Membership: Network",
    ] == [names(store, thing)["en"] for thing in ("count:a", "count:b", "membership:m")]


def test_the_finest_class_names() -> None:
    """A founding is named by its type of change, whatever is above its class; its head begins with a capital letter."""
    held = f"""{NETWORK} change:c a icn:Situation , icn:ChangeEvent , icn:Founding ; icn:changeType change-type:founding ;
      icn:changed network:n ; icn:founded network:n ."""
    assert "Founding: Network" == english(held, "change:c")


def test_long_texts_are_cut_and_their_braces_kept() -> None:
    """A text longer than a name can hold ends with an ellipsis; braces in it are no parts of a caption."""
    held = f'decision:d a icn:Decision ; icn:wording "{{member}} {"x" * 100}"@en .'
    assert "Decision: " + ("{member} " + "x" * 100)[:LONGEST_PART] + "…" == english(held, "decision:d")


def test_a_text_from_right_to_left_stands_apart() -> None:
    """A name in Arabic is isolated, so that what stands beside it keeps its place."""
    held = f"""{NETWORK} polity:s a icn:Polity ; rdfs:label "الأردن"@ar .
      membership:m a icn:Membership ; icn:member polity:s ; icn:organization network:n ."""
    assert "Membership: \u2068الأردن\u2069 – Network" == english(held, "membership:m")


def test_names_within_names_come_in_the_order_in_which_they_need_each_other() -> None:
    """A status of a denial of a membership of a party that nobody names holds all their names."""
    held = f"""{NETWORK} polity:s a icn:Polity ; rdfs:label "Jordan"@en .
      status:a a icn:StatusObservation ; icn:observed denial:b ; icn:status status-concept:proposed ; icn:asOf date:2023 .
      denial:b a icn:Denial ; icn:denies membership:c ; icn:attestedOn date:2023 .
      membership:c a icn:Membership ; icn:member unidentified:d ; icn:organization network:n .
      unidentified:d a icn:UnidentifiedParty ; icn:expectedType icn:Academy ; icn:ofState polity:s .
      date:2023 a icn:Date ; icn:edtf "2023" ."""
    store = named(held)
    party = "Academy of Jordan, not named"
    assert [
        party,
        f"Membership: {party} – Network",
        f"Denial: Membership: {party} – Network; 2023",
        f"Status: Denial: Membership: {party} – Network; 2023; proposed – 2023",
    ] == [names(store, thing)["en"] for thing in ("unidentified:d", "membership:c", "denial:b", "status:a")]


def test_a_circle_of_names_ends() -> None:
    """Denials that deny each other, and what speaks of them, are named without them, in whatever order they come."""
    circle = [
        "denial:a a icn:Denial ; icn:denies denial:b ; icn:attestedOn date:2023 .",
        "denial:b a icn:Denial ; icn:denies denial:a .",
        "denial:c a icn:Denial ; icn:denies denial:c .",
        'date:2023 a icn:Date ; icn:edtf "2023" .',
    ]
    for order in (circle, circle[::-1]):
        store = named(" ".join(order))
        assert ["Denial: 2023", "Denial", "Denial"] == [names(store, f"denial:{each}")["en"] for each in "abc"]


def test_a_long_chain_of_names_ends() -> None:
    """Names within names go to a bounded depth."""
    links = " ".join(f"denial:d{i} a icn:Denial ; icn:denies denial:d{i + 1} ." for i in range(100))
    store = named(links)
    deepest = max(len(names(store, f"denial:d{i}")["en"]) for i in range(100))
    assert len("Denial: ") * 5 < deepest < len("Denial: ") * 10


def test_what_the_default_graph_leaves_out_is_named_in_the_graph_of_names_alone() -> None:
    """What a deprecated claim alone speaks of, and a resolved placeholder, have names, and do not seem to hold."""
    store = named(
        f"{NETWORK} membership:held a icn:Membership ; icn:organization network:n .",
        """membership:held a icn:Membership ; icn:member network:n . membership:out a icn:Membership ;
           icn:member unidentified:p ; icn:organization network:n .
           unidentified:p a icn:UnidentifiedParty ; icn:expectedType icn:Person .""",
    )
    assert "Membership: Network" == names(store, "membership:held")["en"], "by what holds, not by what is said"
    assert names(store, "membership:held") == names(store, "membership:held", "")
    assert "Membership: Person, not named – Network" == names(store, "membership:out")["en"]
    assert "Неназванная сторона: лицо" == names(store, "unidentified:p")["ru"]
    assert {} == names(store, "membership:out", "") == names(store, "unidentified:p", "")


def test_what_has_a_label_of_its_own_keeps_it() -> None:
    """No second name is made for a thing that has one."""
    store = named('meeting:x a icn:Meeting ; rdfs:label "Meeting"@en . tie:y a icn:Tie ; rdfs:label "Friends"@en .')
    assert {} == names(store, "tie:y") == names(store, "meeting:x")
    assert {"en": "Friends"} == names(store, "tie:y", "")


def test_the_order_of_quads_changes_nothing(mini_store: Store) -> None:
    """The same quads in another order give the same names."""
    names_graph = NamedNode(NAMES_GRAPH)
    expected = set(mini_store.quads_for_pattern(None, LABEL, None, names_graph))
    things = {quad.subject for quad in expected}
    bare = [q for q in mini_store if q.graph_name != names_graph and not (q.predicate == LABEL and q.subject in things)]
    store = Store()
    for quad in sorted(bare, key=lambda q: sha256(str(q).encode()).digest()):
        store.add(quad)
    add_names(store, ontology())
    assert expected == set(store.quads_for_pattern(None, LABEL, None, names_graph))
    assert len(mini_store) == len(store)


# --- what two builds say differently ---------------------------------------------------------------------------------


def test_a_difference_is_counted_by_graph_and_predicate() -> None:
    """What is added and what is lost stands in a line for each graph and predicate; articles count as one graph."""
    lines = [f'<urn:a> <{LABEL.value}> "x" <{ARTICLE_GRAPH}{name}> .\n'.encode() for name in ("one", "two")]
    added, lost = count(lines), count([f'<urn:a> <{LABEL.value}> "y" .\n'.encode()])
    assert ({("article/…", "rdfs:label"): 2}, {("(default)", "rdfs:label"): 1}) == (added, lost)
    assert [["(default)", "rdfs:label", "+0", "-1"], ["article/…", "rdfs:label", "+2", "-0"], ["all", "+2", "-1"]] == [
        line.split() for line in describe(added, lost).splitlines()
    ]


# --- the records of the repository ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(real_store: Store) -> dict[str, dict[str, str]]:
    """Read the names that were made of the repository's records: thing -> language -> name."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for quad in real_store.quads_for_pattern(None, LABEL, None, NamedNode(NAMES_GRAPH)):
        assert isinstance(quad.subject, NamedNode)
        assert isinstance(quad.object, Literal)
        assert quad.object.language not in found[quad.subject.value], f"{quad.subject} has two names"
        found[quad.subject.value][quad.object.language or ""] = quad.object.value
    return found


@pytest.mark.parametrize("class_", ["Situation", "Disagreement", "Claim", "Date", "UnidentifiedParty"])
def test_everything_has_a_name(real_store: Store, made: dict[str, dict[str, str]], class_: str) -> None:
    """Each situation, disagreement, claim, date and unnamed party of the records has one name in each language."""
    types = real_store.quads_for_pattern(None, NamedNode(expand("rdf:type")), NamedNode(expand(f"icn:{class_}")), None)
    things = {quad.subject.value for quad in types if isinstance(quad.subject, NamedNode)}
    assert things, class_
    for thing in things:
        assert set(LANGUAGES) == set(made.get(thing, {})), thing
        assert all(made[thing].values()), thing
        assert not any("{" in name or "https://" in name for name in made[thing].values()), thing


def test_names_tell_things_apart(made: dict[str, dict[str, str]]) -> None:
    """No two things share a name, but for parties of which no source says more than what they are and whose."""
    for language in nonempty(LANGUAGES):
        sharing: dict[str, list[str]] = defaultdict(list)
        for thing, texts in made.items():
            sharing[texts[language]].append(thing)
        twins = {thing for things in sharing.values() if len(things) > 1 for thing in things}
        assert [] == sorted(thing for thing in twins if not thing.startswith(expand("unidentified:")))
        assert len(twins) < 10
