# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Pages of articles, claims, events, documents, situations, disagreements, dates, vocabularies and graphs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgbuild.core.namespaces import BASE, ID, SITUATION_KINDS, sparql_header
from kgbuild.server.pages.rendering import local_path
from markup import checked, page, words
from nonempty import nonempty
from serving import Served, mini_nquads, serving

HOSTILE = "</title></script><script>alert('1')</script><b onclick=\"x\">&amp;"
MANY = 230


def rows(served: Served, query: str) -> list[dict[str, str]]:
    """Ask for a table, with all our prefixes."""
    return served.rows(sparql_header() + query)


def claim_by(served: Served, says: str) -> str:
    """Find the IRI of a claim by its paraphrase."""
    found = rows(served, f'SELECT DISTINCT ?c {{ GRAPH ?g {{ ?c icn:says ?t FILTER (STR(?t) = "{says}") }} }}')
    assert 1 == len(found), says
    return found[0]["c"]


# --- each kind on the fixture ---------------------------------------------------------------------------------------

EXPECTED = {
    "/doc/article/2019-05-15-network-founded": (
        "Four countries found a network of academies",
        ["Daily Ferry", "15 May 2019", "323 characters", "6 claims", "The text belongs to its publisher",
         "The network was founded on the second day of the forum.", "characters 74–150", "More precise elsewhere"],
        ["/doc/institution/daily-ferry", "https://daily-ferry.example/2019/network-founded", "/date/2019-05-15",
         "/graph/article/2019-05-15-network-founded"],
    ),
    "/doc/meeting/lakes-summit-2020": (
        "Lakes Summit 2020",
        ["3 October 2020", "June 2020", "Participants", "Mira Oslan", "Lakeland Academy", "Done at this meeting",
         "A joint course for young officials begins.", "A common library of the academies.", "adopted",
         "The next summit meets in Rivermark.", "Where sources differ", "September 2020"],
        ["/doc/person/mira-oslan", "/doc/proposal/lakes-summit-2020--common-library",
         "/doc/disagreement/meeting--lakes-summit-2020--held"],
    ),
    "/doc/agreement/lakes-founding-agreement": (
        "",
        ["founding agreement", "14 May 2019", "by 3 June 2019", "Rivermark"],
        ["/doc/network/lakes-academies", "/doc/meeting/lakes-forum-2019"],
    ),
    "/doc/proposal/lakes-summit-2020--common-library": (
        "A common library of the academies.",
        ["Mira Oslan", "Statuses", "February 2021", "adopted", "proposed"],
        ["/doc/meeting/lakes-summit-2020", "/doc/network/lakes-academies"],
    ),
    "/doc/decision/lakes-summit-2020--joint-course": (
        "A joint course for young officials begins.",
        ["3 October 2020", "The network decided on a joint course, which the Lakeland Academy runs."],
        ["/doc/institution/lakeland-academy", "/doc/meeting/lakes-summit-2020"],
    ),
    "/doc/membership/highmoor-school--lakes-academies": (
        "Highmoor School",
        ["10 February 2021", "1 March 2021", "joined contested", "Where sources differ", "withdrawal"],
        ["/doc/network/lakes-academies", "/date/2021-02-10", "/doc/article/2021-04-10-rector-profile"],
    ),
    "/doc/denial/membership--lakes-hub--lakes-academies--2022-01": (
        "denial",
        ["An article denies this", "The Hub serves the network and is not a member of it."],
        ["/doc/membership/lakes-hub--lakes-academies"],
    ),
    "/doc/membership/lakes-hub--lakes-academies": (
        "Lakes Hub",
        ["Some articles assert this and another denies it.", "Denied by"],
        ["/doc/denial/membership--lakes-hub--lakes-academies--2022-01"],
    ),
    "/doc/membership/stonefell-institute--lakes-academies": (
        "Stonefell Institute",
        ["observer", "deprecated", "The paper withdrew the list; it had mixed up two networks."],
        ["/doc/article/2021-11-09-hub-anniversary", "/doc/article/2021-04-10-rector-profile"],
    ),
    "/doc/membership/daily-ferry--lakes-academies": (
        "Daily Ferry",
        ["This does not hold: only what the curator set aside says so.", "deprecated", "What articles say",
         "The paper withdrew the list; it had mixed up two networks."],
        ["/doc/article/2021-11-09-hub-anniversary"],
    ),
    "/doc/unidentified/institution--rivermark--lakes-academies": (
        "institution of Rivermark, not named",
        ["No source names this party.", "Named by another article:", "Rivermark Academy", "2019",
         "State institutions of three countries are in the network founded in 2019."],
        ["/doc/polity/rivermark", "/doc/network/lakes-academies"],
    ),
    "/doc/disagreement/meeting--lakes-summit-2020--held": (
        "Disagreement: held – Lakes Summit 2020",
        ["3 October 2020 kept", "September 2020 set aside", "The value is more exact.", "The order:",
         "The summit, planned for June, was held in September.", "The summit was held on 3 October 2020."],
        ["/doc/meeting/lakes-summit-2020", "/vocabulary/order/precision"],
    ),
    "/doc/disagreement/agreement--lakes-founding-agreement--signedOn": (
        "Disagreement: signed",
        ["14 May 2019 kept", "1 June 2019 set aside", "May 2019 less precise", "More voters stand behind the value."],
        ["/doc/agreement/lakes-founding-agreement"],
    ),
    "/date/by-2019-06-03": (
        "by 3 June 2019",
        ["[..2019-06-03]", "3 June 2019", "in force from: 1"],
        ["/doc/agreement/lakes-founding-agreement", "/vocabulary/precision/window"],
    ),
    "/vocabulary/feature": (
        "features of memberships",
        ["признаки членства", "founding used 2 times", "honorary"],
        ["/vocabulary/feature/founding"],
    ),
    "/vocabulary/standing/member": (
        "member",
        ["член", "standing: ", "Word in records member"],
        ["/vocabulary/standing"],
    ),
    "/graph/article/2019-06-03-founding-members": (
        "Graph of the article Who sits in the new network",
        ["claim: 4", "It holds exactly what the record of the article asserts"],
        ["/doc/article/2019-06-03-founding-members"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", EXPECTED)
def test_a_page_tells_what_matters_of_its_kind(server: Served, path: str) -> None:
    """Title, key facts and links are there, in well-formed HTML that runs nothing."""
    title, facts, links = EXPECTED[path]
    text = page(server, path)
    read, shown = checked(text), words(text)
    heading = words(re.search("<h1>(.*?)</h1>", text, re.DOTALL)[1])  # type: ignore[index]
    assert title.casefold() in heading.casefold()
    assert [] == [fact for fact in facts if fact.casefold() not in shown.casefold()]
    plain = {link.partition("#")[0] for link in read.links}
    assert [] == [link for link in links if link not in plain]


@pytest.mark.parametrize("path", EXPECTED)
def test_a_page_in_russian(server: Served, path: str) -> None:
    """The same page exists in Russian, says so, and its links stay in the language that was chosen."""
    text = page(server, f"{path}?lang=ru")
    assert '<html lang="ru">' in text
    ours = [link for link in checked(text).links if link.startswith(("/doc/", "/date/", "/vocabulary/"))]
    data = re.compile(r"\.(ttl|nt|jsonld|rdf|trig)\b|lang=|format=")
    assert [] == [link for link in ours if not data.search(link)]


def test_every_fact_is_one_click_from_its_sources(server: Served) -> None:
    """Each fact that articles state opens to the articles, at the claim; what was computed says so."""
    text = page(server, "/doc/meeting/lakes-summit-2020")
    facts = re.findall(r"<dd>(.*?)</dd>", text.split('id="facts"')[1].split("</dl>")[0], re.DOTALL)
    assert facts
    for fact in facts:
        assert re.search(r'href="/doc/article/[^"#]+#meeting-[0-9a-f]{10}"', fact) or "computed" in fact, fact


def test_articles_are_held_against_each_other(server: Served) -> None:
    """A claim is told with who says the same, who is more exact, who is vaguer, and who says something else."""
    vague = claim_by(server, "The Lakeland Academy is in the network.")
    exact = claim_by(server, "The Lakeland Academy is a founding member since 14 May 2019.")
    early = claim_by(server, "The Highmoor School joined the network on 10 February 2021.")
    assert "More precise elsewhere (1)" in words(page(server, local_path(vague)))
    assert "joined: 14 May 2019 – Who sits in the new network" in words(page(server, local_path(vague)))
    assert "Less precise elsewhere (1)" in words(page(server, local_path(exact)))
    assert "Said differently elsewhere (1)" in words(page(server, local_path(early)))
    assert "joined: 1 March 2021" in words(page(server, local_path(early)))


def test_the_same_claim_elsewhere_is_agreement(server: Served) -> None:
    """A copy of a report says the same as the report."""
    text = words(page(server, "/doc/article/2020-10-11-summit-copy"))
    assert "Also said by (1)" in text
    assert "planned: June 2020 – Lakes Summit held after delay" in text


def test_what_is_inferred_or_deprecated_is_shown_as_such(server: Served) -> None:
    """The reason stands beside the claim; a deprecated claim is on its article's page all the same."""
    inferred = words(page(server, "/doc/article/2019-06-03-founding-members"))
    assert "Who is meant was inferred by the curator." in inferred
    assert "The text names no academy; the country has one." in inferred
    assert "the civil service academy of Rivermark" in inferred
    text = page(server, "/doc/article/2021-11-09-hub-anniversary")
    assert "deprecated" in words(text)
    assert "The paper withdrew the list; it had mixed up two networks." in words(text)
    assert 1 == text.count('class="set-aside"')


def test_the_bar_marks_every_passage(server: Served) -> None:
    """There is a mark for each position, inside the bar, in proportion, with a title that says what the list says."""
    text = page(server, "/doc/article/2019-05-15-network-founded")
    positions = rows(
        server,
        """SELECT ?start ?end { article:2019-05-15-network-founded ^oa:hasSource/oa:hasSelector ?p .
        ?p oa:start ?start ; oa:end ?end } ORDER BY ?start ?end""",
    )
    marks = re.findall(r'class="passage" x="([\d.]+)" y="4" width="([\d.]+)".*?\[(\d+), (\d+)\]</title>', text)
    assert sorted((int(row["start"]), int(row["end"])) for row in positions) == sorted(
        (int(m[2]), int(m[3])) for m in marks
    )
    for x, width, start, end in nonempty(marks):
        assert abs(float(x) - int(start) / 323 * 1000) < 0.1
        assert abs(float(width) - (int(end) - int(start)) / 323 * 1000) < 0.1
    assert "passages" not in page(server, "/doc/article/2020-10-15-summit-report"), "its text is not at hand"


def test_counts_are_those_of_the_data(server: Served) -> None:
    """What pages count of a date, a concept and a graph is what a query counts."""
    dated = rows(server, "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s icn:joined date:2019-05-14 }")[0]["n"]
    assert f"joined: {dated}" in words(page(server, "/date/2019-05-14"))
    used = rows(server, "SELECT (COUNT(*) AS ?n) { ?s icn:standing standing:member }")[0]["n"]
    assert f"standing: {used}" in words(page(server, "/vocabulary/standing/member"))
    graph = "/graph/article/2020-10-15-summit-report"
    triples = rows(server, f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{BASE}{graph[1:]}> {{ ?s ?p ?o }} }}")[0]["n"]
    assert f"Triples {triples}" in words(page(server, graph))


def test_search_engines_read_articles_and_meetings(server: Served) -> None:
    """The data block has type, date and publisher; a window is no start of an event."""
    article = data_block(page(server, "/doc/article/2019-05-15-network-founded"))
    assert ("Article", "2019-05-15T08:30", "en") == (
        article["@type"], article["datePublished"], article["inLanguage"],
    )  # fmt: skip
    assert "Four countries found a network of academies" == article["headline"]
    assert ID + "institution/daily-ferry" == article["publisher"]["@id"]
    meeting = data_block(page(server, "/doc/meeting/lakes-forum-2019"))
    assert ("Event", "2019-05-13", "2019-05-14") == (meeting["@type"], meeting["startDate"], meeting["endDate"])
    assert "startDate" not in data_block(page(server, "/doc/meeting/lakes-summit-2022")), "2022? is no day"


def data_block(text: str) -> dict[str, Any]:
    """Read the data block of a page."""
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    assert 1 == len(found)
    read: dict[str, Any] = json.loads(found[0])
    return read


# --- everything in the release ----------------------------------------------------------------------------------------

KINDS = (*SITUATION_KINDS, "article", "claim", "disagreement", "meeting", "agreement", "publication", "unidentified")


@pytest.mark.parametrize("kind", KINDS)
def test_pages_of_the_release(site: Served, kind: str) -> None:
    """Some of each kind in our own records: well-formed, with a name, and with an article that says so."""
    found = rows(
        site,
        f"""SELECT DISTINCT ?s {{ GRAPH ?g {{ ?s a ?class }} FILTER (STRSTARTS(STR(?s), "{ID}{kind}/"))
        FILTER (!CONTAINS(STR(?s), "#")) }} ORDER BY MD5(STR(?s)) LIMIT 4""",
    )
    if not found:
        pytest.xfail(f"the records have no {kind} yet")
    for row in nonempty(found):
        text = page(site, local_path(row["s"]))
        read = checked(text)
        assert words(re.search("<h1>(.*?)</h1>", text, re.DOTALL)[1])  # type: ignore[index]
        assert kind == "article" or any(link.startswith("/doc/article/") for link in read.links), row["s"]
        assert "None" not in words(text).split()


@pytest.mark.parametrize("path", ["/date/2023", "/vocabulary/office", "/vocabulary/standing/member", "/graph/entities"])
def test_pages_of_the_terms_of_the_release(site: Served, path: str) -> None:
    """Dates, vocabularies and graphs of our own records."""
    checked(page(site, path))
    assert "ru" in page(site, path, "ru")


# --- hostile and large data -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the fixture with names that would be markup, addresses that would run, and a date that many share."""
    folder = tmp_path_factory.mktemp("hostile")
    with serving(folder, _hostile_file(folder)) as served:
        yield served


def _hostile_file(folder: Path) -> Path:
    text = json.dumps(HOSTILE)
    graph, article, claim = f"<{BASE}graph/article/evil>", f"<{ID}article/evil>", f"<{ID}claim/evil--meeting-0>"
    meeting, icn, dc = f"<{ID}meeting/evil>", f"{BASE}ontology#", "http://purl.org/dc/terms/"
    type_, label = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>", "<http://www.w3.org/2000/01/rdf-schema#label>"
    triples = [
        f"{article} {type_} <{icn}Article>",
        f"{article} <{dc}title> {text}@en",
        f"{article} <{dc}language> {text}",
        f"{article} <https://schema.org/datePublished> {text}",
        f"{article} <https://schema.org/url> <javascript:alert(1)>",
        f'{article} <{icn}textLength> "-5"^^<http://www.w3.org/2001/XMLSchema#integer>',
        f"{claim} {type_} <{icn}Claim>",
        f"{claim} <{icn}claims> {meeting}",
        f"{claim} <{icn}asserts> <{icn}website>",
        f"{claim} <{icn}asserts> <{icn}topic>",
        f"{claim} <{icn}inArticle> {article}",
        f"{claim} <{icn}says> {text}@en",
        f"{claim} <{icn}because> {text}@en",
        f"{claim} <{icn}namedAs> {text}",
        f"{claim} <{icn}rank> <{BASE}vocabulary/rank/deprecated>",
        f"{meeting} {type_} <{icn}Meeting>",
        f"{meeting} {label} {text}@en",
        f"{meeting} <{icn}website> <javascript:alert(1)>",
        f"{meeting} <{icn}topic> {text}@en",
    ]
    many = [f"<{ID}membership/m{n:03}--x> <{icn}joined> <{BASE}date/1999>" for n in range(MANY)]
    many += [f"<{ID}membership/m{n:03}--x> {type_} <{icn}Membership>" for n in range(MANY)]
    many += [f"<{BASE}date/1999> {type_} <{icn}Date>", f'<{BASE}date/1999> <{icn}edtf> "1999"']
    lines = [*(f"{triple} {end}" for triple in triples for end in (".", f"{graph} .")), *(f"{each} ." for each in many)]
    path = folder / "hostile.nq"
    path.write_bytes(mini_nquads() + "\n".join(lines).encode() + b"\n")
    return path


@pytest.mark.parametrize("path", ["article/evil", "claim/evil--meeting-0", "meeting/evil"])
def test_hostile_names_are_text(hostile: Served, path: str) -> None:
    """Names, paraphrases and reasons are shown as they are and never become markup; no address runs."""
    text = page(hostile, f"/doc/{path}")
    checked(text)
    assert "alert('1')" in words(text)
    assert "<script>" not in text
    assert "<b onclick" not in text
    assert 'href="javascript' not in text


def test_a_date_that_many_share_says_how_many_are_shown(hostile: Served) -> None:
    """All are counted, the first two hundred stand there, and a query gives all."""
    text = page(hostile, "/date/1999")
    assert 200 == len(set(re.findall(r'href="/doc/(membership/m\d+--x)"', text)))
    assert f"joined: {MANY}" in words(text)
    assert f"The first 200 of {MANY} are shown." in words(text)
    assert any("DISTINCT" in link for link in checked(text).links if link.startswith("/sparql?"))


def test_a_count_is_called_by_its_comparator(site: Served) -> None:
    """More than forty is not forty."""
    query = """SELECT ?s ?v ?c { ?s icn:number ?v ; icn:comparator ?c } ORDER BY ?c ?s"""
    by_comparator = {row["c"].rpartition("/")[2]: row for row in rows(site, query)}
    heading = {}
    for name in ("more-than", "equal"):
        text = page(site, local_path(by_comparator[name]["s"]))
        heading[name] = words(re.search("<h1>(.*?)</h1>", text, re.DOTALL)[1])  # type: ignore[index]
    assert f"more than {by_comparator['more-than']['v']}" in heading["more-than"]
    assert "equal" not in heading["equal"]
