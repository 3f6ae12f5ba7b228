# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Pages of networks, institutions, persons, states, places and programmes, and the first page."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from kgbuild.core.namespaces import ID, sparql_header
from kgbuild.server.pages.charts import Span, timeline
from kgbuild.server.pages.layout import Shown
from markup import checked, data_of, page, words
from nonempty import nonempty
from serving import PATIENCE, Served, mini_file, serving

HOSTILE = "</title></script><script>alert('1')</script><b onclick=\"x\">&amp;\u202eevil"
LONG = "x" * 10_000
FLAGSHIP = (
    "National Academy of Governance of China",
    "Academy of Public Administration under the President of the Republic of Kazakhstan",
    "Academy of Public Administration under the President of the Kyrgyz Republic",
    "Academy of Public Administration under the President of Tajikistan",
    "Academy of State Service under the President of Turkmenistan",
    "Academy of Public Policy and Administration under the President of Uzbekistan",
)


# --- each kind on the fixture ---------------------------------------------------------------------------------------

EXPECTED = {
    "/doc/network/lakes-academies": (
        "Lakes Network of Academies",
        ["Озёрная сеть академий", "Exchange of teaching between academies.", "The network is there for the exchange",
         "Members Timeline", "Highmoor School of Administration",
         "Ended Member Standing Reason of the end From To Certainty", "withdrawal 1 March 2021 30 June 2022",
         "Institution of Stonefell, not named", "attested on 10 April 2021", "presumed: no end is stated",
         "Who is meant was inferred by the curator.", "The text names no academy; the country has one.",
         "Said of a party that is not named there", "founding", "14 May 2019", "A common library of the academies.",
         "Lakes Network of Academies – 1 March 2021 joined",
         "Who sits in the new network"],
        ["/doc/membership/lakes-hub--lakes-academies", "/doc/article/2019-06-03-founding-members",
         "/doc/institution/rivermark-academy", "/doc/agreement/lakes-founding-agreement", "/date/2019-05-14",
         "/doc/denial/membership--lakes-hub--lakes-academies--2022-01", "https://lakes-academies.example/"],
    ),
    "/doc/institution/lakeland-academy": (
        "Lakeland Academy of Administration",
        ["Lakeland Staff College", "about 2018", "founding member", "Mira Oslan", "rector", "1 September 2018",
         "from the curators' registry"],
        ["/doc/network/lakes-academies", "/doc/person/mira-oslan", "/doc/polity/lakeland",
         "/doc/article/2021-03-02-academy-page", "https://lakeland-academy.example/about"],
    ),
    "/doc/person/mira-oslan": (
        "Mira Oslan",
        ["rector", "attested on 2 March 2021", "speaker", "3 October 2020", "A common library of the academies.",
         "Mira Oslan has been rector since 1 September 2018."],
        ["/doc/institution/lakeland-academy", "/doc/meeting/lakes-summit-2020",
         "/doc/proposal/lakes-summit-2020--common-library", "/doc/article/2021-03-02-academy-page"],
    ),
    "/doc/polity/lakeland": (
        "Lakeland",
        ["Озерия", "Lakeland Academy of Administration", "Ferrytown", "Tessa Marlow", "ambassador"],
        ["/doc/institution/lakeland-academy", "/doc/place/ferrytown", "/doc/person/tessa-marlow"],
    ),
    "/doc/place/ferrytown": (
        "Ferrytown",
        ["within Lakeland", "Lakes Forum 2019", "13–14 May 2019", "The forum met in Ferrytown on 14 May 2019."],
        ["/doc/meeting/lakes-forum-2019", "/doc/polity/lakeland", "/doc/article/2019-06-03-founding-members"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", EXPECTED)
def test_a_page_tells_the_facts_with_their_sources(server: Served, path: str) -> None:
    """Heading, facts and links to sources are there; the page is well formed, and its data name the thing."""
    title, told, links = EXPECTED[path]
    text = page(server, path)
    assert title in re.search(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL)[1]  # type: ignore[index]
    assert f"<title>{title} – ICN</title>" in text
    read = words(text)
    assert [] == [each for each in told if each not in read]
    assert set() == set(links) - set(checked(text).links)
    data = data_of(text)
    assert ID + path.removeprefix("/doc/") == data["@id"]
    assert title in [each["@value"] for each in data["name"]]


@pytest.mark.parametrize("path", EXPECTED)
def test_a_page_is_read_in_russian(server: Served, path: str) -> None:
    """All of the interface is in the reader's language, and links keep to it where it was chosen."""
    text = page(server, f"{path}?lang=ru", "en")
    assert '<html lang="ru">' in text
    assert "Статьи" in text
    checked(text)
    inside = re.findall(r'href="(/doc/[^"]+)"', text.partition("<main")[2].partition("</main>")[0])
    assert inside
    assert [] == [link for link in inside if not re.search(r"[?&]lang=ru|\.(ttl|nt|jsonld|rdf)$", link)]


def test_a_fact_is_one_click_from_its_article(server: Served) -> None:
    """The sources under a member are in the page, closed, and link to the article, the claim and the publisher."""
    text = page(server, "/doc/network/lakes-academies")
    row = next(part for part in text.split("<tbody>")[1:] if "rivermark-academy" in part)
    assert '<details class="sources">' in row
    assert "/doc/article/2019-06-03-founding-members" in row
    assert "/doc/institution/morning-beacon" in row
    assert "https://morning-beacon.example/founding-members" in row
    assert "/doc/claim/2019-06-03-founding-members--membership-d26165b461" in row
    assert "Rivermark's academy is a founding member since 14 May 2019." in words(row)


def test_a_disputed_membership_is_marked(server: Served) -> None:
    """What another article denies links to the denial."""
    text = page(server, "/doc/network/lakes-academies")
    row = next(part for part in text.split("<tbody>")[1:] if ">Lakes Hub<" in part)
    assert 'class="mark" href="/doc/denial/membership--lakes-hub--lakes-academies--2022-01"' in row


def test_other_formats_are_in_the_head(server: Served) -> None:
    """A program finds each format from the page, and gets it."""
    text = page(server, "/doc/network/lakes-academies")
    found = re.findall(r'<link rel="alternate" type="([^"]+)" href="([^"]+)"', text)
    assert {"text/turtle", "application/ld+json", "application/rdf+xml", "application/n-triples"} <= set(dict(found))
    for media_type, address in found:
        answer = requests.get(f"{server.address}{address}", timeout=PATIENCE)
        assert (200, media_type) == (answer.status_code, answer.headers["Content-Type"].partition(";")[0])


# --- timelines ------------------------------------------------------------------------------------------------------


def styles(*bounds: str) -> list[str]:
    drawn = timeline([(Shown("x"), Span(*bounds))])
    return [piece.style for piece in drawn.bars[0].pieces] if drawn else []


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        (("2020-01-01", "2020-01-01", "2022-01-01", "2022-01-01"), ["certain"]),
        (("2020-01-01", "2020-12-31", "2022-01-01", "2022-12-31"), ["faded", "certain", "faded"]),
        (("2020-01-01", "2020-01-01", "", ""), ["certain", "hatched"]),
        (("2019-05-14", "", "", ""), ["faded"]),
        (("", "", "", ""), []),
        (("-0001-01-01", "", "", ""), []),
    ],
)
def test_a_bar_shows_what_is_certain(bounds: tuple[str, ...], expected: list[str]) -> None:
    """Full where it lasted for certain, pale between bounds, hatched where no end is known."""
    assert expected == styles(*bounds)


def test_a_timeline_has_a_bar_for_each_member_and_says_what_it_is(server: Served) -> None:
    """The drawing has a name and a description, and as many rows as members are dated."""
    text = page(server, "/doc/network/lakes-academies")
    svg = text[text.index('<svg class="timeline"') : text.index("</svg>")]
    assert "<title>Timeline 2019–" in svg
    assert "<desc>" in svg
    assert 9 == svg.count("<g>")
    assert "2022" in svg


def test_a_chart_stands_over_years(site: Served) -> None:
    """A date that is a bound or a window has a year under its bar as well."""
    text = page(site, "/doc/institution/acsh")
    svg = text[text.index('<svg class="columns"') :].partition("</svg>")[0]
    years = re.findall(r'<text class="year"[^>]*>(.*?)</text>', svg)
    assert len(years) == svg.count("<rect") > 1
    assert [] == [year for year in years if not re.fullmatch(r"\d{4}", year)]


# --- hostile names --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the fixture with names as an attacker would write them."""
    folder = tmp_path_factory.mktemp("hostile")
    evil = HOSTILE.replace('"', '\\"')
    (folder / "hostile.ttl").write_text(
        sparql_header().replace("PREFIX", "@prefix").replace(">\n", "> .\n")
        + f"""
        network:evil a icn:Network ; rdfs:label "{evil}"@en , "{LONG}"@ru ; skos:altLabel "{evil} too" ;
          icn:purpose "{evil}"@en ; icn:website <javascript:alert(1)> , <https://evil.example/%22%3E> ;
          rdfs:seeAlso <data:text/html,x> .
        membership:state-evil--evil a icn:Membership ; icn:organization network:evil ; icn:member polity:evil ;
          icn:joined date:evil ; icn:beganBy "not a day"^^xsd:date .
        date:evil icn:edtf "{evil}" .
        polity:evil a icn:Polity ; rdfs:label "{evil}" , "{LONG}"@zh .
        claim:evil--1 a icn:Claim ; icn:claims membership:state-evil--evil , network:evil ; icn:asserts icn:purpose ;
          icn:says "{evil}"@en ; icn:because "{evil}"@en ; icn:infers icn:member ; icn:inArticle article:evil .
        article:evil a icn:Article ; dcterms:title "{evil}"@en ; schema:url <javascript:alert(2)> ;
          icn:published date:evil .
        """,
        encoding="utf-8",
    )
    with serving(folder, mini_file(folder), folder / "hostile.ttl") as served:
        yield served


@pytest.mark.parametrize("path", ["/doc/network/evil", "/doc/polity/evil", "/"])
@pytest.mark.parametrize("language", ["en", "ru", "zh"])
def test_hostile_names_are_shown_as_they_are(hostile: Served, path: str, language: str) -> None:
    """Nothing from the data becomes markup, an address that runs, or turns the text around it."""
    text = page(hostile, path, language)
    checked(text)
    assert "javascript:" not in " ".join(checked(text).links)
    assert "alert('1')</script>" not in text
    if path != "/":
        assert HOSTILE.replace("\u202e", "\ufffd") in words(text)
        data_of(text)
    assert "\u202e" not in text


def test_a_name_of_ten_thousand_characters_is_whole(hostile: Served) -> None:
    """It is not cut where it is the heading; in a drawing it is."""
    text = page(hostile, "/doc/network/evil", "ru")
    assert LONG in re.search(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL)[1]  # type: ignore[index]


# --- a thing that very much leads to --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a network of four hundred members, and one of eighty."""
    folder = tmp_path_factory.mktemp("hub")
    lines = []
    for name, count in (("large", 400), ("middle", 80)):
        lines.append(f'network:{name} a icn:Network ; rdfs:label "{name}"@en .')
        lines += [
            f"membership:s{n:03}--{name} a icn:Membership ; icn:organization network:{name} ; icn:member polity:s{n:03}"
            f' ; icn:standing standing:member . polity:s{n:03} a icn:Polity ; rdfs:label "State {n:03}"@en .'
            for n in range(count)
        ]
    header = sparql_header().replace("PREFIX", "@prefix").replace(">\n", "> .\n")
    (folder / "hub.ttl").write_text(header + "\n".join(lines), encoding="utf-8")
    with serving(folder, folder / "hub.ttl") as served:
        yield served


def test_what_is_large_says_how_much_of_it_is_shown(hub: Served) -> None:
    """There is no second page: the first two hundred stand there, with a query for all of them."""
    text = page(hub, "/doc/network/large")
    found = checked(text)
    assert 200 == len(re.findall(r'<th scope="row"><a href="/doc/polity/', text))
    assert "The first 200 of 400 are shown." in words(text)
    (query,) = [link for link in found.links if link.startswith("/sparql?") and "DISTINCT" in link]
    answer = requests.get(hub.address + query, headers={"Accept": "text/csv"}, timeout=PATIENCE)
    assert 400 == len(answer.text.splitlines()) - 1
    assert text == page(hub, "/doc/network/large?page=2")


def test_what_is_not_so_large_is_on_one_page(hub: Served) -> None:
    """A reader looks through eighty members at once."""
    text = page(hub, "/doc/network/middle")
    assert 80 == len(re.findall(r'<th scope="row"><a href="/doc/polity/', text))
    assert 'rel="next"' not in text.split("<main")[1]


def test_data_of_others_have_a_first_page(hub: Served) -> None:
    """Where no release, no article and no answer is there, the page has the rest."""
    text = page(hub, "/")
    checked(text)
    assert 'id="answer"' not in text
    assert "Networks" in words(text)


# --- the repository's own records -----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ru"])
def test_from_the_first_page_to_the_source_of_the_answer(site: Served, language: str) -> None:
    """Six academies stand there; one click leads to the article, and the article's page to its publisher."""
    text = page(site, "/", language)
    start = text.rindex("<section>", 0, text.index('id="answer"'))
    answer = text[start:].partition("</section>")[0] + "</section>"
    assert 6 == answer.count('<th scope="row">')
    if language == "en":
        assert [] == [name for name in FLAGSHIP if name not in words(answer)]
    assert ("8 November 2023" if language == "en" else "8 ноября 2023") in words(answer)
    articles = {link for link in checked(answer).links if link.startswith("/doc/article/")}
    assert {"/doc/article/2023-11-09-network-launched"} == articles
    source = page(site, articles.pop(), language)
    assert any(link.startswith("http") for link in checked(source.partition("<main")[2].partition("</main")[0]).links)


def test_the_first_page_shows_what_the_release_holds(site: Served) -> None:
    """Numbers are those of the data; questions, networks and articles are linked; a search can be begun."""
    text = page(site, "/")
    read = checked(text)
    for kind, name in (("Article", "Articles"), ("Network", "Networks"), ("Claim", "Claims")):
        number = site.rows(f"{sparql_header()}SELECT (COUNT(*) AS ?n) {{ ?x a icn:{kind} }}")[0]["n"]
        assert f"{name} {int(number):,}".replace(",", "\u202f") in words(text)
    assert "/questions/members-as-of" in read.links
    assert "/doc/network/china-central-asia-academies" in read.links
    assert 12 <= len([link for link in read.links if link.startswith("/doc/article/")])
    assert 2 == text.count('action="/search"')


def test_the_network_of_academies(site: Served) -> None:
    """Each academy is a member since the day, with the page that says so and the one that it supports."""
    text = page(site, "/doc/network/china-central-asia-academies")
    checked(text)
    rows = [words(part) for part in text.split("<tbody>") if "founding member" in part]
    assert 6 == len(rows)
    for name in FLAGSHIP:
        row = next(row for row in rows if row.startswith(name))
        assert "8 November 2023" in row
        assert "Network launched to boost cooperation" in row
        assert "Said of a party that is not named there" in row
        assert "characters" in row


@pytest.mark.parametrize("kind", ["network", "institution", "person", "polity", "programme", "place"])
def test_pages_of_the_real_records_are_well_formed(site: Served, kind: str) -> None:
    """Those to which most leads, and a few others, in both languages."""
    query = f"""SELECT ?x (COUNT(*) AS ?n) {{
      ?x dcterms:identifier ?id . ?s ?p ?x FILTER (STRSTARTS(STR(?x), "{ID}{kind}/"))
    }} GROUP BY ?x ORDER BY DESC(?n) ?x"""
    found = [row["x"] for row in site.rows(sparql_header() + query)]
    if not found:
        pytest.xfail(f"the records have no {kind} yet")
    for thing in nonempty([*found[:3], *found[3::12]]):
        for language in ("en", "ru"):
            text = page(site, "/doc/" + thing.removeprefix(ID), language)
            checked(text)
            assert thing == data_of(text)["@id"]


def test_the_first_page_is_made_again_for_another_language_and_not_for_the_same(site: Served) -> None:
    """Its tag is that of the language; asked for again, it has not changed."""
    tags: dict[str, str] = {}
    for language in ("en", "ru", "en"):
        answer = requests.get(site.address, headers={"Accept-Language": language}, timeout=PATIENCE)
        assert 200 == answer.status_code
        assert tags.setdefault(language, answer.headers["ETag"]) == answer.headers["ETag"]
        again = {"Accept-Language": language, "If-None-Match": answer.headers["ETag"]}
        assert 304 == requests.get(site.address, headers=again, timeout=PATIENCE).status_code
    assert tags["en"] != tags["ru"]


def test_no_page_is_larger_than_what_it_tells(site: Served) -> None:
    """The largest page of the records is under half a megabyte, and its head is of bounded length."""
    text = page(site, "/doc/institution/acsh")
    assert 500_000 > len(text)
    assert 50_000 > text.index("<body>")
