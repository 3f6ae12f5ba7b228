# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Explanations: every article, paraphrase, position and inference behind a thing, on the fixture and on our data."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store

from kgbuild.core.errors import UsageError
from kgbuild.core.namespaces import ARTICLE_GRAPH, expand
from kgbuild.sparql.embedded import EmbeddedEngine
from kgbuild.sparql.lookups import run
from kgbuild.support.explain import explain as explain_thing
from kgbuild.support.explanation import ExplainedClaim, Explanation, Passage, format_explanation, format_json

ROOT = Path(__file__).resolve().parents[1]
MINI = ROOT / "tests" / "fixtures" / "mini"
RIVERMARK = "membership:rivermark-academy--lakes-academies"
PLACEHOLDER = "membership:unidentified-institution-rivermark--lakes-academies"
KAZAKHSTAN = "membership:apa-kz--china-central-asia-academies"


@pytest.fixture(scope="module")
def mini(mini_store: Store) -> EmbeddedEngine:
    return EmbeddedEngine(mini_store)


@pytest.fixture(scope="module")
def engine(real_store: Store) -> EmbeddedEngine:
    return EmbeddedEngine(real_store)


def explain(engine: EmbeddedEngine, name: str, texts: Path | None = None) -> Explanation:
    """Explain a thing as the command does."""
    return run(engine, explain_thing(name, texts))


def voices(explanation: Explanation) -> list[ExplainedClaim]:
    return [voice for source in explanation.sources for voice in source.voices]


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def section(text: str, title: str) -> list[str]:
    """Give the lines below a heading, up to the next empty one."""
    below = text.split(f"\n{title}\n")[1]
    return lines(below.partition("\n\n")[0])


# --- a membership -------------------------------------------------------------------------------------------------


def test_a_membership_names_its_article(mini: EmbeddedEngine) -> None:
    """The article that claims it is told with title, publisher, date and address, and what it gives."""
    (source,) = explain(mini, RIVERMARK).sources
    assert (
        "article:2019-06-03-founding-members",
        "Who sits in the new network",
        "Morning Beacon",
        "",
        "2019-06-03",
        "https://morning-beacon.example/founding-members",
    ) == (source.article, source.title, source.publisher, source.agency, source.published, source.url)
    (voice,) = source.voices
    assert ("Rivermark's academy is a founding member since 14 May 2019.",) == voice.says
    expected = {
        ("icn:feature", "founding"),
        ("icn:joined", "14 May 2019"),
        ("icn:member", "Rivermark Academy of Public Service"),
        ("icn:organization", "Lakes Network of Academies"),
        ("icn:standing", "member"),
    }
    assert expected == {(value.property, value.name) for value in voice.gives}


def test_a_curators_inference_is_told_with_its_reason(mini: EmbeddedEngine) -> None:
    """That an identity was inferred, from which words and why, travels to the explanation."""
    (voice,) = voices(explain(mini, RIVERMARK))
    assert ("member",) == voice.inferred
    assert ("the civil service academy of Rivermark",) == voice.named_as
    assert ("The text names no academy; the country has one.",) == voice.because
    written = lines(format_explanation(explain(mini, RIVERMARK)))
    assert "identity inferred by the curator: member" in written
    assert "named in the text: the civil service academy of Rivermark" in written
    assert "because: The text names no academy; the country has one." in written


def test_what_it_resolves_is_told_with_positions(mini: EmbeddedEngine) -> None:
    """The placeholder that a member resolves comes with the article that claims it, and where in its text."""
    (support,) = explain(mini, RIVERMARK).resolves
    assert PLACEHOLDER == support.placeholder
    (source,) = support.sources
    assert "article:2019-05-15-network-founded" == source.article
    assert (Passage(74, 150, ""), Passage(151, 216, "")) == source.voices[0].passages
    written = section(format_explanation(explain(mini, RIVERMARK)), "What it resolves")
    assert "• State institutions of three countries are in the network founded in 2019. [74, 150) [151, 216)" in written


def test_a_placeholder_knows_its_witness(mini: EmbeddedEngine) -> None:
    """A resolved placeholder, which holds nothing any more, is still explained: who claims it, and who resolves it."""
    explanation = explain(mini, PLACEHOLDER)
    assert [RIVERMARK] == [support.placeholder for support in explanation.resolved_by]
    assert ["article:2019-05-15-network-founded"] == [source.article for source in explanation.sources]
    assert RIVERMARK in section(format_explanation(explanation), "What resolves it")


def test_a_situation_is_headed_by_its_name(mini: EmbeddedEngine) -> None:
    """The name of a situation, and that of a placeholder which holds nothing any more, is the heading, and no fact."""
    head = "Membership: Rivermark Academy of Public Service – Lakes Network of Academies – 14 May 2019"
    assert head == lines(format_explanation(explain(mini, RIVERMARK)))[0]
    unnamed = "Membership: Institution of Rivermark, not named – Lakes Network of Academies – 2019"
    assert unnamed == explain(mini, PLACEHOLDER).name
    assert "rdfs:label" not in {each.value.property for each in explain(mini, RIVERMARK).statements}


def test_each_statement_names_who_states_it(mini: EmbeddedEngine) -> None:
    """What holds is told value by value, each with the articles that state this very value."""
    held = {
        (s.value.property, s.value.name): s.articles
        for s in explain(mini, "membership:lakeland-academy--lakes-academies").statements
    }
    assert ("2019-06-03-founding-members",) == held["icn:joined", "14 May 2019"]
    # A claim that was set aside (2021-11-09) gives nothing that holds.
    assert ("2019-05-15-network-founded", "2019-06-03-founding-members") == held[
        "icn:member", "Lakeland Academy of Administration"
    ]
    assert ("icn:joined", "2019") not in held


def test_what_was_inferred_is_marked(mini: EmbeddedEngine) -> None:
    """What no article states but a rule does is marked as inferred."""
    by_property = {s.value.property: s.inferred for s in explain(mini, RIVERMARK).statements}
    assert by_property["icn:resolves"]
    assert by_property["icn:beganBy"]
    assert not by_property["icn:joined"]


def test_an_inferred_status_comes_with_its_date_and_article(mini: EmbeddedEngine) -> None:
    """A status that follows from an observation names the day it was observed on, and who says so."""
    explanation = explain(mini, "proposal:lakes-summit-2020--common-library")
    (status,) = (s for s in explanation.statements if s.value.property == "icn:currentStatus")
    assert (True, ("2021-03-02-academy-page",)) == (status.inferred, status.articles)
    assert ["icn:observed", "icn:status", "icn:asOf"] == [premise.property for premise in status.premises]
    note = "inferred, February 2021: 2021-03-02-academy-page"
    held = section(format_explanation(explanation), "What holds")
    assert f"currentStatus: adopted (status-concept:adopted)   [{note}]" in held


def test_other_vocabularies_are_left_to_json(mini: EmbeddedEngine) -> None:
    """That org:member says icn:member again is no reading matter; JSON has it."""
    explanation = explain(mini, RIVERMARK)
    held = section(format_explanation(explanation), "What holds")
    assert any(line.startswith("member: Rivermark Academy") for line in held)
    assert any(line.startswith("rdf:type: situation") for line in held)
    assert not [line for line in held if "org:" in line]
    assert '"property": "org:member"' in format_json(explanation)


# --- voices that differ -------------------------------------------------------------------------------------------


def test_a_deprecated_claim_is_shown_as_one(mini: EmbeddedEngine) -> None:
    """What a curator set aside is shown with its reason, though nothing of it holds."""
    explanation = explain(mini, "membership:lakeland-academy--lakes-academies")
    assert ["normal", "normal", "deprecated"] == [voice.rank for voice in voices(explanation)]
    written = lines(format_explanation(explanation))
    assert "• set aside by the curator: A list calls three institutions full members since July 2019." in written
    assert "because: The paper withdrew the list; it had mixed up two networks." in written


def test_a_denial_is_shown(mini: EmbeddedEngine) -> None:
    """Who denies a membership is told, and the membership is disputed."""
    explanation = explain(mini, "membership:lakes-hub--lakes-academies")
    (support,) = explanation.denied_by
    assert ["article:2022-01-hub-page"] == [source.article for source in support.sources]
    assert ["true"] == [s.value.name for s in explanation.statements if s.value.property == "icn:disputed"]
    assert "• The Hub serves the network and is not a member of it." in section(
        format_explanation(explanation), "Who denies it"
    )


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (
            "membership:highmoor-school--lakes-academies",
            "joined: 1 March 2021 kept, 10 February 2021 set aside, contested: no rule decided",
        ),
        ("lakes-summit-2020", "held: 3 October 2020 kept, September 2020 set aside, decided by precision"),
        (
            "tenure:ivo-brandt--secretary-general--lakes-hub",
            "began: 1 August 2019 kept, 1 July 2019 set aside, decided by rank",
        ),
    ],
)
def test_a_disagreement_says_what_decided(mini: EmbeddedEngine, thing: str, expected: str) -> None:
    """Where articles differ, both values are told, and the rule; a tie is called contested."""
    assert [expected] == section(format_explanation(explain(mini, thing)), "Where articles disagree")


def test_an_agency_is_named_beside_the_paper(mini: EmbeddedEngine) -> None:
    """A copy of an agency's report says whose copy it is."""
    written = lines(format_explanation(explain(mini, "lakes-summit-2020")))
    assert "Summit held after delay — The Daily Ferry, copy of Harbour Wire, 2020-10-11" in written


def test_sources_come_in_the_order_of_publication(mini: EmbeddedEngine) -> None:
    """The first report comes first."""
    published = [source.published for source in explain(mini, "lakes-forum-2019").sources]
    assert ["2019-05-15T08:30", "2019-06-03", "2024-02-05"] == published


# --- texts --------------------------------------------------------------------------------------------------------


def test_passages_are_cut_where_the_text_is_at_hand(mini: EmbeddedEngine) -> None:
    """With the article's own text, the passages between the offsets are shown, the end outside."""
    text = (MINI / "texts" / "2019-05-15-network-founded.txt").read_text(encoding="utf-8")
    (support,) = explain(mini, RIVERMARK, texts=MINI / "texts").resolves
    passages = support.sources[0].voices[0].passages
    assert (text[74:150], text[151:216]) == tuple(passage.text for passage in passages)
    written = lines(format_explanation(explain(mini, RIVERMARK, texts=MINI / "texts")))
    assert f"text: {' '.join(text[74:150].split())}" in written


def test_another_text_is_never_cut(mini: EmbeddedEngine, tmp_path: Path) -> None:
    """A text with another hash is not the article's, whatever its name: no passage is cut out of it."""
    text = (MINI / "texts" / "2019-05-15-network-founded.txt").read_text(encoding="utf-8")
    (tmp_path / "2019-05-15-network-founded.txt").write_text(text + " ", encoding="utf-8")
    (support,) = explain(mini, RIVERMARK, texts=tmp_path).resolves
    assert ["", ""] == [passage.text for passage in support.sources[0].voices[0].passages]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_of_a_text_do_not_matter(mini: EmbeddedEngine, tmp_path: Path, ending: str) -> None:
    """A text saved with other line ends, under another name, is still the article's."""
    text = (MINI / "texts" / "2019-05-15-network-founded.txt").read_text(encoding="utf-8")
    assert "\n" in text
    (tmp_path / "any.txt").write_bytes(text.replace("\n", ending).encode())
    (support,) = explain(mini, RIVERMARK, texts=tmp_path).resolves
    assert text[74:150] == support.sources[0].voices[0].passages[0].text


# --- names and forms ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mira-oslan", "person:mira-oslan", "https://w3id.org/icn/id/person/mira-oslan"])
def test_a_thing_may_be_named_in_several_ways(mini: EmbeddedEngine, name: str) -> None:
    """Id, prefixed name and IRI are explained alike; so is a retired id."""
    assert explain(mini, "mira-ostlan") == explain(mini, name)


def test_an_unknown_thing_is_told_with_the_nearest(mini: EmbeddedEngine) -> None:
    """What is not in the graph is a wrong usage, and what comes near is named."""
    expected = f"'membership:rivermark-academie--lakes-academies' is not in the graph. Did you mean {RIVERMARK}"
    with pytest.raises(UsageError) as caught:
        explain(mini, "membership:rivermark-academie--lakes-academies")
    assert str(caught.value).startswith(expected)


def test_an_iri_of_nowhere_is_refused(mini: EmbeddedEngine) -> None:
    """An IRI outside the graph, and one that is none, are told without a traceback."""
    for name in ("https://example.org/x", "urn:x> ?p ?o }", "urn:\x7f"):
        with pytest.raises(UsageError, match="is not in the graph"):
            explain(mini, name)


def test_a_name_that_is_no_unicode_is_told(mini: EmbeddedEngine) -> None:
    """What Python makes of bytes that it cannot decode is a wrong usage, and not sent to the engine."""
    with pytest.raises(UsageError, match=r"^'caf\\udce9' is no valid Unicode\. Give it in the encoding"):
        explain(mini, "caf\udce9")


def test_json_has_all_of_it(mini: EmbeddedEngine) -> None:
    """The JSON form is read back to exactly the explanation."""
    explanation = explain(mini, RIVERMARK, texts=MINI / "texts")
    assert json.loads(json.dumps(asdict(explanation))) == json.loads(format_json(explanation))


def test_an_article_lists_its_own_claims(mini: EmbeddedEngine) -> None:
    """Explaining an article tells each claim of its record, and of no other."""
    explanation = explain(mini, "article:2019-06-03-founding-members")
    assert ["article:2019-06-03-founding-members"] == [source.article for source in explanation.sources]
    assert 4 == len({voice.claim for voice in voices(explanation)})


def test_an_entity_shows_where_it_occurs(mini: EmbeddedEngine) -> None:
    """What has the thing as its value is listed once, under the finest of its properties."""
    mentions = {(m.property, m.subject) for m in explain(mini, "mira-oslan").mentions}
    expected = {
        ("madeBy", "proposal:lakes-summit-2020--common-library"),
        ("holder", "tenure:mira-oslan--head-of-institution--lakeland-academy"),
        ("participant", "participation:lakes-summit-2020--mira-oslan"),
    }
    assert expected == mentions


def test_nothing_of_an_explanation_moves_the_cursor(mini_store: Store) -> None:
    """Control characters in a paraphrase, which could move or colour the cursor, do not reach the terminal."""
    hostile = Store()
    hostile.bulk_extend(mini_store)
    (voice,) = voices(explain(EmbeddedEngine(hostile), RIVERMARK))
    says = (NamedNode(expand("icn:says")), Literal("two\nlines\x1b[2J\x07", language="en"))
    claim, graph = NamedNode(expand(voice.claim)), NamedNode(ARTICLE_GRAPH + "2019-06-03-founding-members")
    for quad in list(hostile.quads_for_pattern(claim, says[0], None, graph)):
        hostile.remove(quad)
    hostile.add(Quad(claim, *says, graph))
    written = format_explanation(explain(EmbeddedEngine(hostile), RIVERMARK))
    assert r"two lines\u{1b}[2J\u{7}" in written
    assert not [c for c in written if c != "\n" and c < " "]


# --- on our own records -------------------------------------------------------------------------------------------


def test_an_academy_of_the_network_is_explained(engine: EmbeddedEngine) -> None:
    """For Kazakhstan's academy: one article that names it, by inference, and one passage that it resolves."""
    written = format_explanation(explain(engine, KAZAKHSTAN))
    expected = [
        "Network launched to boost cooperation among governance academies in China, Central Asia — "
        "People's Daily Online, copy of Xinhua News Agency, 2023-11-09",
        "http://en.people.cn/n3/2023/1109/c90000-20095137.html",
        "article:2023-11-09-network-launched",
        "• Kazakhstan's academy is among the founding members.",
    ]
    assert expected == section(written, "Who says so")[:4]
    assert "identity inferred by the curator: member" in section(written, "Who says so")
    resolved = section(written, "What it resolves")
    assert "membership:unidentified-institution-kazakhstan--china-central-asia-academies" == resolved[0]
    assert (
        "• State institutions of six countries belong to the network formed in 2023; none is named. [2461, 2702)"
        in resolved
    )


def test_an_article_without_a_date_is_told_as_such(engine: EmbeddedEngine) -> None:
    """What was not printed is not guessed: no date is said to be none, and such an article comes last."""
    explanation = explain(engine, "xian-summit-2023")
    assert "article:undated-xian-declaration-full-text" == explanation.sources[-1].article
    assert any(line.endswith("no date") for line in section(format_explanation(explanation), "Who says so"))
