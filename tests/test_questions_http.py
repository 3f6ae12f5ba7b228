# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Named questions as web addresses: answers, parameters right and wrong, pages, caching, and their description."""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from threading import get_ident
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import validate
from pyoxigraph import NamedNode, Store
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from kgbuild.core.dates import parse_edtf
from kgbuild.core.errors import EngineError
from kgbuild.core.namespaces import BASE, ID, expand
from kgbuild.core.terms import select
from kgbuild.questions.named import THEMES, Question, bind, load_questions, read_values
from kgbuild.server.app import routes
from kgbuild.server.exchange.lookups import MOST, drive
from kgbuild.server.exchange.service import Service
from kgbuild.server.pages.question import is_date_column
from kgbuild.server.routes import openapi
from kgbuild.sparql.embedded import EmbeddedEngine
from kgbuild.sparql.lookups import LookUp, run
from kgbuild.sparql.lookups import select as look_up
from kgbuild.sparql.results import written
from nonempty import nonempty
from serving import BROWSER, PATIENCE, Served, serving

ROOT = Path(__file__).resolve().parents[1]
QUESTIONS = load_questions(ROOT / "queries" / "questions")
NAMES = tuple(QUESTIONS)
FORMATS = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "json": "application/sparql-results+json",
    "xml": "application/sparql-results+xml",
}
ACADEMIES = "/questions/academies-joined-network?network=china-central-asia-academies&year=2023"
EXAMPLES: Final = 10
"""Requests made up for each path, as its description allows, and as many that it excludes."""
HOSTILE = (
    '" } #',
    '") } ?thing ?p ?o . #',
    "\\u0022) } ?thing ?p ?o #",
    "x\n} SELECT * { ?thing ?name ?found",
    "x\r\n# parameters",
    "<script>alert(1)</script>",
    "\" autofocus onfocus='alert(1)",
    "\u202eevil\u2066\x00\x1b[31m",
    "{{ 7 * 7 }} {network} %(x)s",
    "urn:x> ) } <urn:x",
    "https://example.org/a b",
    "Ж" * 2500,
)


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[Served]:
    """Serve the release of the golden fixture."""
    with serving(tmp_path_factory.mktemp("questions"), build=project / "build") as served:
        yield served


def get(served: Served, path: str, accept: str | None = None, method: str = "GET", **more: Any) -> requests.Response:
    headers = {"Accept": accept, "Accept-Encoding": None, **more.pop("headers", {})}
    return requests.request(
        method, served.address + path, headers=headers, timeout=PATIENCE, allow_redirects=False, **more
    )


def asked(served: Served, name: str, accept: str | None = None, **parameters: str) -> requests.Response:
    return get(served, f"/questions/{name}", accept, params=parameters)


def page(served: Served, name: str, language: str = "en", **parameters: str) -> Page:
    answer = get(served, f"/questions/{name}", BROWSER, params=parameters, headers={"Accept-Language": language})
    assert "text/html; charset=utf-8" == answer.headers["Content-Type"]
    return Page(answer.status_code, answer.text)


def rows(question: Question, text: str) -> list[tuple[str, ...]]:
    """Read CSV; the items of lists are sorted, since SPARQL leaves their order open."""
    header, *lines = csv.reader(io.StringIO(text))
    separators = [question.lists.get(column) for column in header]
    cells = [
        [s.join(sorted(filter(None, cell.split(s)))) if s else cell for cell, s in zip(line, separators, strict=True)]
        for line in lines
    ]
    return [tuple(header), *map(tuple, cells)]


class Page(HTMLParser):
    """A page, read: its elements with their attributes, and the text of each kind of element."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__()
        self.status, self.text = status, text
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Hold the page to closing what it opens."""
        assert self._open, f"</{tag}> closes nothing"
        assert tag == self._open.pop()

    def handle_data(self, data: str) -> None:
        """Note a text under its element."""
        if self._open and data.strip():
            self.texts.append((self._open[-1], data.strip()))

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        """List the elements of a kind that have these attributes."""
        return [
            found
            for name, found in self.elements
            if name == tag and all(found.get(key) == value for key, value in attributes.items())
        ]

    def field(self, name: str) -> dict[str, str | None]:
        """Give the field of a parameter."""
        (found,) = [each for tag, each in self.elements if tag in ("input", "select") and each.get("name") == name]
        return found

    def value(self, name: str) -> str:
        """Give what the field of a parameter holds."""
        field = self.field(name)
        if "value" in field:
            return field["value"] or ""
        at = self.elements.index(("select", field))
        options = itertools.takewhile(lambda each: each[0] == "option", self.elements[at + 1 :])
        chosen = [option["value"] or "" for _, option in options if "selected" in option]
        return chosen[0] if chosen else ""

    def links(self) -> set[str]:
        """List where the page leads."""
        return {found["href"] or "" for found in self.all("a")}


# --- answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_default_answer_is_the_expected_one(site: Served, name: str) -> None:
    """What the command line answers, the address answers: the rows that were checked by hand, in their order."""
    expected = (ROOT / "queries" / "questions" / f"{name}.expected.csv").read_bytes().decode()
    answer = asked(site, name, "text/csv")
    assert 200 == answer.status_code, answer.text
    assert rows(QUESTIONS[name], expected) == rows(QUESTIONS[name], answer.content.decode())


def test_six_academies_joined_the_network(site: Served) -> None:
    """The question of the README, as a web address: CSV and page hold the same six academies."""
    lines = list(csv.DictReader(io.StringIO(get(site, f"{ACADEMIES}&format=csv").content.decode())))
    assert ["acs-tm", "apa-kg", "apa-kz", "apa-tj", "apa-uz", "nag-china"] == sorted(
        line["academy"].removeprefix(ID + "institution/") for line in lines
    )
    shown = page(site, "academies-joined-network", network="china-central-asia-academies", year="2023")
    assert [f"row-{number}" for number in range(1, 7)] == [found["id"] for found in shown.all("tr") if "id" in found]
    assert {line["academy"].replace(ID, "/doc/") for line in lines} <= shown.links()
    assert "/doc/article/2023-11-09-network-launched" in shown.links()
    assert ("span", "8 November 2023") in shown.texts


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("name", ["academies-joined-network", "find-by-name", "office-holders-on-date"])
def test_an_answer_is_what_the_endpoint_gives(mini: Served, name: str, format_: str, mini_store: Store) -> None:
    """By `format=` and by Accept come the same bytes as from /sparql for the bound query."""
    texts = {
        "academies-joined-network": {"network": "lakes-academies", "year": "2019"},
        "find-by-name": {"text": "lake"},
        "office-holders-on-date": {"date": "2021-03-02", "office": "rector", "possible": "true"},
    }[name]
    query = bind(QUESTIONS[name], run(EmbeddedEngine(mini_store), read_values(QUESTIONS[name], texts)))
    expected = mini.ask(query, FORMATS[format_])
    assert 200 == expected.status_code
    for answer in (asked(mini, name, FORMATS[format_], **texts), asked(mini, name, format=format_, **texts)):
        assert (expected.content, expected.headers["Content-Type"]) == (answer.content, answer.headers["Content-Type"])


def test_an_answer_comes_with_its_sources(mini: Served) -> None:
    """With sources=1, JSON says of each row who says so, and so does the page, at the row that is linked to."""
    texts = {"organization": "lakes-academies", "date": "2024-03-01"}
    plain = page(mini, "members-as-of", **texts)
    (link,) = [found for found in plain.links() if found.endswith("#row-2")]
    sourced = Page(200, get(mini, link.partition("#")[0], BROWSER).text)
    assert sourced.all("tr", id="row-2")
    read = asked(mini, "members-as-of", sources="1", **texts).json()
    assert len(read["results"]["bindings"]) == len(sourced.all("tr", **{"class": "sources"})) > 1
    assert all(source["statements"] for source in nonempty(read["sources"]))


def test_the_sentence_of_an_empty_answer(mini: Served) -> None:
    """Without rows the page says so in words, with the name of what was asked about."""
    shown = page(mini, "academies-joined-network", network="lakes-academies", year="1999")
    assert ("p", "No source says that an academy joined Lakes Network of Academies in 1999.") in shown.texts


@pytest.mark.parametrize("name", NAMES)
def test_a_default_may_be_nowhere_in_the_graph(mini: Served, name: str) -> None:
    """The defaults are of the repository's records: over others, form and answer are there all the same."""
    assert 200 == page(mini, name).status


# --- parameters ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    ["lakes-academies", "network:lakes-academies", expand("network:lakes-academies"), "LAKES network of academies"],
)
def test_an_entity_is_called_by_id_or_name(mini: Served, given: str) -> None:
    """However the network is called, the answer is the same, and its own address has the id."""
    answer = asked(mini, "academies-joined-network", "text/csv", network=given, year="2019")
    expected = "/questions/academies-joined-network?network=lakes-academies&year=2019&format=csv"
    assert (200, expected) == (answer.status_code, answer.headers["Content-Location"])
    assert 1 < len(answer.text.splitlines())
    assert answer.content == get(mini, expected).content


@pytest.mark.parametrize(
    ("name", "values", "parameter", "detail", "suggested"),
    [
        ("academies-joined-network", {"year": "23"}, "year", "'23' is no year. Write four digits, as 2023.", []),
        ("members-as-of", {"date": "2024-02-30"}, "date", "'2024-02-30' is no date. ", []),
        ("members-as-of", {"possible": "maybe"}, "possible", "'maybe' is neither yes nor no.", []),
        ("find-by-name", {"text": ""}, "text", "'' is empty. Give a value.", []),
        (
            "academies-joined-network",
            {"network": "lakes-academy"},
            "network",
            "'lakes-academy' is neither id nor name of a network. Did you mean lakes-academies",
            ["lakes-academies"],
        ),
        (
            "office-holders-on-date",
            {"office": "rektor"},
            "office",
            "'rektor' is neither id nor name of an office.",
            ["rector"],
        ),
        (
            "academies-joined-network",
            {"yaer": "2019"},
            "yaer",
            "There is no parameter 'yaer'. Did you mean year?",
            ["year"],
        ),
        ("articles-behind-fact", {"fact": "urn:nothing"}, "fact", "'urn:nothing' is not in the graph.", []),
    ],
)
def test_a_wrong_parameter_is_told(
    mini: Served, name: str, values: dict[str, str], parameter: str, detail: str, suggested: list[str]
) -> None:
    """A program gets a problem that names the parameter, the fault and what may be meant."""
    answer = asked(mini, name, **values)
    assert (400, "application/problem+json") == (answer.status_code, answer.headers["Content-Type"])
    assert "no-store" == answer.headers["Cache-Control"]
    read = answer.json()
    assert (f"{BASE}problem/bad-parameter", 400) == (read["type"], read["status"])
    (error,) = [each for each in read["errors"] if each["parameter"] == parameter]
    assert error["detail"].startswith(detail)
    assert suggested == [each["id"] for each in error["suggestions"]][: len(suggested)]
    assert error["detail"] in read["detail"]


def test_a_person_is_told_at_the_field(mini: Served) -> None:
    """The form comes back as it was filled in; each wrong field says what is wrong with it, the others do not."""
    shown = page(mini, "members-as-of", organization="lakes-academy", date="2024-02-30", possible="true")
    assert 400 == shown.status
    for name, value, detail in [
        ("organization", "lakes-academy", "Did you mean lakes-academies"),
        ("date", "2024-02-30", "is no date"),
    ]:
        field = shown.field(name)
        assert ("true", value) == (field["aria-invalid"], field["value"])
        place = shown.text.partition(f'id="{field["aria-describedby"]}"')[2].partition("</p>")[0]
        assert detail in place
    assert "aria-invalid" not in shown.field("possible")
    assert [{"value": "true", "selected": None}] == [each for each in shown.all("option") if "selected" in each]


def test_all_that_is_wrong_is_told_at_once(mini: Served) -> None:
    """Three faults of three kinds are one answer."""
    path = "/questions/academies-joined-network?network=zzzz&year=1&year=2&extra=3"
    read = get(mini, path).json()
    assert {"network", "year", "extra"} == {each["parameter"] for each in read["errors"]}
    shown = Page(400, get(mini, path, BROWSER).text)
    assert any("There is no parameter 'extra'" in text for _, text in shown.texts)


@pytest.mark.parametrize("name", [n for n in NAMES if any(p.optional for p in QUESTIONS[n].parameters.values())])
def test_what_is_optional_may_be_empty_or_absent(mini: Served, name: str) -> None:
    """A form sends empty fields: they mean the same as none, to the byte and to the address."""
    empty = {p.name: "" for p in QUESTIONS[name].parameters.values() if p.optional}
    one, other = asked(mini, name, "text/csv"), asked(mini, name, "text/csv", **empty)
    assert (200, one.content, one.headers["ETag"]) == (other.status_code, other.content, other.headers["ETag"])
    assert one.headers["Content-Location"] == other.headers["Content-Location"]


def test_an_unknown_question_is_told_with_the_nearest(mini: Served) -> None:
    """A misspelt name is 404, with the name that was meant, for programs and people."""
    answer = asked(mini, "academies-joined-networks")
    assert (404, "academies-joined-network") == (answer.status_code, answer.json()["suggestions"][0]["id"])
    assert "Did you mean academies-joined-network?" in get(mini, "/questions/academies-joined-networks", BROWSER).text
    assert 404 == get(mini, "/questions/" + "x" * 5000).status_code
    assert 404 == get(mini, "/questions/..%2f..%2fetc%2fpasswd").status_code


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", NAMES)
def test_no_text_does_harm(mini: Served, name: str, text: str) -> None:
    """Whatever stands in a parameter, it is refused or sought as it is: never a fault, never another query."""
    for parameter in nonempty(QUESTIONS[name].parameters.values()):
        answer = asked(mini, name, "text/csv", **{parameter.name: text})
        if parameter.type == "text":
            assert (200, [tuple(QUESTIONS[name].columns)]) == (
                answer.status_code,
                rows(QUESTIONS[name], answer.content.decode()),
            )
        else:
            assert 400 == answer.status_code
            assert [parameter.name] == [each["parameter"] for each in answer.json()["errors"]]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(("name", "parameter"), [("find-by-name", "text"), ("members-as-of", "organization")])
def test_a_page_shows_any_text_as_text(mini: Served, name: str, parameter: str, text: str) -> None:
    """The field has what was given, and no element or attribute of the page comes out of it."""
    shown = page(mini, name, **{parameter: text})
    assert (200 if name == "find-by-name" else 400) == shown.status
    # HTML cannot hold what stands for a control, and what turns the text around it reaches no further.
    assert re.sub("[\x00-\x08\x1b\u202a-\u202e\u2066-\u2069]", "\ufffd", text) == shown.value(parameter)
    assert [] == [each for tag, each in shown.elements if tag in ("script", "style", "iframe")]
    assert [] == [key for _, each in shown.elements for key in each if key.startswith("on") or key == "style"]


@pytest.mark.parametrize(
    "query", ["text=%ff", "%ff=x", "&".join(["text=x"] * 1001), "format=docx&text=x", "text=a&text=b"]
)
def test_a_broken_address_is_refused(mini: Served, query: str) -> None:
    """What is no UTF-8, far too much, an unknown format or said twice is a fault of the request."""
    assert 400 == get(mini, f"/questions/find-by-name?{query}").status_code


def test_only_tables_are_offered(mini: Served) -> None:
    """A question has no graph as its answer: who takes only Turtle is told what there is."""
    answer = asked(mini, "find-by-name", "text/turtle", text="lake")
    assert 406 == answer.status_code
    assert {*FORMATS.values(), "text/html"} <= set(answer.json()["available"])
    assert 406 == asked(mini, "find-by-name", text="lake", format="ttl").status_code
    assert (405, "GET, HEAD, OPTIONS") == (
        (refused := get(mini, "/questions/find-by-name", method="POST")).status_code,
        refused.headers["Allow"],
    )
    assert 204 == get(mini, "/questions/find-by-name", method="OPTIONS").status_code


# --- pages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_form_and_answer(site: Served, name: str, language: str) -> None:
    """Title in the reader's language, a field for each parameter with its default, links in place of addresses."""
    question = QUESTIONS[name]
    shown = page(site, name, language)
    assert (200, {"lang": language}) == (shown.status, shown.all("html")[0])
    assert ("h1", question.title[language]) in shown.texts
    defaults = {each["name"]: each["default"] or "" for each in listed(site)[name]["parameters"]}
    assert defaults == {each: shown.value(each) for each in question.parameters}
    for parameter in nonempty(question.parameters):
        assert 1 == len(shown.all("label", **{"for": shown.field(parameter)["id"] or ""}))
    answer = list(csv.DictReader(io.StringIO(asked(site, name, "text/csv").text)))
    things = {cell for line in answer for cell in line.values() if cell.startswith(BASE)}
    assert {thing.replace(ID, "/doc/") for thing in things} <= {link.replace("%27", "'") for link in shown.links()}
    assert BASE not in "".join(text for tag, text in shown.texts if tag in ("a", "bdi", "td"))


def listed(served: Served) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in get(served, "/questions/", "application/json").json()}


def test_names_are_in_the_reader_s_language(site: Served) -> None:
    """The same row, in two languages; what stays in another language says so."""
    name = "Китайская национальная академия госуправления"
    russian, english = (page(site, "academies-joined-network", language) for language in ("ru", "en"))
    assert ("a", name) in russian.texts
    assert ("a", name) not in english.texts
    assert ("a", "National Academy of Governance of China") in english.texts
    assert {"ru"} == {each.get("lang") for each in russian.all("a", href="/doc/institution/nag-china")}
    assert ("span", "8 ноября 2023 г.") in russian.texts
    chosen = page(site, "academies-joined-network", lang="ru")
    assert ("a", name) in chosen.texts
    assert "/doc/institution/nag-china?lang=ru" in chosen.links()


def test_fields_are_typed(site: Served) -> None:
    """Few entities are suggested by name, years and truth values are chosen, days are days."""
    shown = page(site, "members-as-of")
    organization = shown.field("organization")
    assert ("text", "l-organization") == (organization["type"], organization["list"])
    assert "required" in organization
    assert shown.all("datalist", id="l-organization")
    assert "date" == shown.field("date")["type"]
    assert ["", "true", "false"] == [
        each["value"] for each in shown.all("option") if each["value"] in ("", "true", "false")
    ]
    years = page(site, "academies-joined-network").all("option")
    assert "2019" in [each["value"] for each in years]


def test_the_list_of_questions(mini: Served) -> None:
    """All questions are listed under their themes, with title, sentence and parameters; so are they for programs."""
    shown = Page(200, get(mini, "/questions/?lang=ru", BROWSER).text)
    assert {f"/questions/{name}?lang=ru" for name in NAMES} <= shown.links()
    assert [title["ru"] for title in THEMES.values()] == [text for tag, text in shown.texts if tag == "h2"]
    assert {question.title["ru"] for question in QUESTIONS.values()} <= {
        text for tag, text in shown.texts if tag == "a"
    }
    assert all(question.question in shown.text.replace("&#39;", "'") for question in nonempty(QUESTIONS.values()))
    assert set(NAMES) == set(listed(mini))
    answer = get(mini, "/questions?lang=ru")
    assert (308, "/questions/?lang=ru") == (answer.status_code, answer.headers["Location"])


@pytest.mark.parametrize("name", NAMES)
def test_columns_hold_what_the_pages_take_them_for(name: str, real_store: Store) -> None:
    """Columns said to be in EDTF hold dates, and columns of articles hold ids of articles."""
    question = QUESTIONS[name]
    with (ROOT / "queries" / "questions" / f"{name}.expected.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    for column in nonempty(question.columns):
        separator = question.lists.get(column)
        items = [item for line in lines for item in (line[column].split(separator) if separator else [line[column]])]
        if is_date_column(question, column):
            for item in filter(None, items):
                parse_edtf(item)
        if column.endswith("articles") and separator:
            for item in nonempty(filter(None, items)):
                article = NamedNode(f"{ID}article/{item}")
                assert any(real_store.quads_for_pattern(article, None, None)), item


# --- caching ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [*FORMATS.values(), BROWSER])
def test_an_answer_is_kept(mini: Served, accept: str) -> None:
    """A strong validator, 304 with the same headers, HEAD like GET, and an address of the representation's own."""
    path = "/questions/academies-joined-network?network=lakes-academies&year=2019"
    first = get(mini, path, accept)
    assert 200 == first.status_code
    assert re.fullmatch(r'"[0-9a-f]{32}"', first.headers["ETag"])
    assert "Accept, Accept-Language, Accept-Encoding" == first.headers["Vary"]
    assert "*" == first.headers["Access-Control-Allow-Origin"]
    unchanged = get(mini, path, accept, headers={"If-None-Match": first.headers["ETag"]})
    assert (304, b"") == (unchanged.status_code, unchanged.content)
    kept = ("ETag", "Vary", "Cache-Control", "Content-Location", "Link", "Access-Control-Allow-Origin")
    assert [first.headers[name] for name in kept] == [unchanged.headers[name] for name in kept]
    head = get(mini, path, accept, method="HEAD")
    assert b"" == head.content
    assert {**first.headers, "date": ""} == {**head.headers, "date": ""}
    assert first.content == get(mini, first.headers["Content-Location"]).content


def test_links_lead_to_description_and_other_formats(mini: Served) -> None:
    """Each alternate of the Link header is there, in the type that it says."""
    answer = asked(mini, "find-by-name", text='a "b", <c>; é')
    links = requests.utils.parse_header_links(answer.headers["Link"])
    assert ["/openapi.json"] == [link["url"] for link in links if link["rel"] == "describedby"]
    alternates = {link["type"]: link["url"] for link in links if link["rel"] == "alternate"}
    assert set(FORMATS.values()) == set(alternates)
    for media_type, url in nonempty(alternates.items()):
        assert get(mini, url).headers["Content-Type"].startswith(media_type)


# --- look-ups -----------------------------------------------------------------------------------------------------


class Fake:
    """A service over a store in this process, which counts what it is asked."""

    def __init__(self, store: Store) -> None:
        self.engine, self.data = EmbeddedEngine(store), self
        self.asked: list[str] = []
        self.cancelled = False
        self.hangs = False

    async def select_json(self, text: str) -> bytes:
        """Answer a SELECT query, as the data of the server do."""
        self.asked.append(text)
        if self.hangs:
            try:
                await asyncio.sleep(PATIENCE)
            except asyncio.CancelledError:
                self.cancelled = True
                raise
        return json.dumps({"results": {"bindings": written(select(self.engine, text))}}).encode()


def number(value: int) -> LookUp[int]:
    """Let the data say a number."""
    (row,) = yield from look_up(f"SELECT ?x {{ VALUES ?x {{ {value} }} }}")
    return int(row["x"].value)


def test_a_look_up_asks_each_query_once() -> None:
    """A look-up that asks one query after the other gets the same answers as from an engine, and asks none twice."""

    def work() -> LookUp[int]:
        first = yield from number(1)
        return (yield from number(first + 1)) + first

    fake = Fake(Store())
    assert 3 == run(fake.engine, work()) == asyncio.run(drive(cast(Service, fake), work()))
    assert 2 == len(fake.asked)


def test_what_takes_long_is_done_in_a_thread() -> None:
    """A look-up that asks nothing goes on in a thread, and stays there until it asks again."""

    def work() -> LookUp[list[int]]:
        found = [get_ident()]
        for _ in range(2):
            assert () == (yield ())
            found.append(get_ident())
        yield from number(1)
        return [*found, get_ident()]

    fake = Fake(Store())
    assert [get_ident()] * 4 == run(fake.engine, work())
    first, *apart, last = asyncio.run(drive(cast(Service, fake), work()))
    assert first == last == get_ident()
    assert first != apart[0] == apart[1]


def test_a_look_up_has_an_end() -> None:
    """A look-up that goes on asking is ended."""

    def endless() -> LookUp[int]:
        for each in itertools.count():
            yield from number(each)
        return 0

    fake = Fake(Store())
    with pytest.raises(EngineError, match="for one look-up"):
        asyncio.run(drive(cast(Service, fake), endless()))
    assert MOST == len(fake.asked)


def test_a_look_up_ends_with_its_client() -> None:
    """When the one who waits is cancelled, so is the query in the worker."""

    async def leave(fake: Fake) -> None:
        waiting = asyncio.ensure_future(drive(cast(Service, fake), number(1)))
        while not fake.asked and not waiting.done():
            await asyncio.sleep(0.001)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    fake = Fake(Store())
    fake.hangs = True
    asyncio.run(leave(fake))
    assert fake.cancelled


# --- the description ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def description(mini: Served) -> dict[str, Any]:
    answer = get(mini, "/openapi.json")
    assert (200, "application/json") == (answer.status_code, answer.headers["Content-Type"])
    read: dict[str, Any] = answer.json()
    return read


def test_the_description_is_openapi(description: dict[str, Any]) -> None:
    """It is valid OpenAPI 3.1."""
    validate(description)
    assert description["openapi"].startswith("3.1")


def test_everything_public_is_described(description: dict[str, Any]) -> None:
    """Each question is a path of its own, and so is each other address of the table of routes."""
    table = {re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path) for route in routes()}
    asked = {f"/questions/{name}" for name in NAMES}
    assert asked | table - {"/questions/{name}"} == set(description["paths"])
    assert set(openapi.ROUTES) == {route.path for route in routes()} - {openapi.QUESTION}
    operations = [each["operationId"] for path in description["paths"].values() for each in path.values()]
    assert sorted(set(operations)) == sorted(operations)


def test_each_route_is_described_with_its_methods_and_path(description: dict[str, Any]) -> None:
    """What a route answers beside HEAD and OPTIONS is described, with each part of its path."""
    for route in nonempty(routes()):
        if route.path != openapi.QUESTION:
            described = description["paths"][re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)]
            methods = set(cast(Any, route.endpoint).methods.split(", ")) - {"HEAD", "OPTIONS"}
            assert {method.lower() for method in methods} == set(described), route.path
            inside = {each["name"] for each in described["get"]["parameters"] if each["in"] == "path"}
            assert set(route.param_convertors) == inside, route.path


NETWORK: Final = "/network/lakes-academies"
ANSWERS: Final = [
    ("/id/{path}", f"/id{NETWORK}", {}, 303),
    ("/id/{path}", f"/id{NETWORK}?format=ttl", {}, 303),
    ("/id/{path}", "/id/network%2Flakes-academies", {}, 301),
    ("/id/{path}", "/id/person/mira-ostlan", {}, 301),
    ("/id/{path}", "/id/network/none", {}, 404),
    ("/id/{path}", f"/id{NETWORK}?page=x", {}, 400),
    ("/doc/{path}", f"/doc{NETWORK}", {}, 200),
    ("/doc/{path}", f"/doc{NETWORK}", {"If-None-Match": "*"}, 304),
    ("/doc/{path}", f"/doc{NETWORK}?format=csv", {}, 400),
    ("/doc/{path}", f"/doc{NETWORK}.ttl?format=rdf", {}, 400),
    ("/doc/{path}", f"/doc{NETWORK}", {"Accept": "image/png"}, 406),
    ("/doc/{path}", "/doc/person/mira-ostlan", {}, 301),
    ("/ontology/{path}", "/ontology/9.9", {}, 404),
    ("/context.jsonld", "/context.jsonld", {"Accept": "image/png"}, 406),
    ("/context/{path}", "/context/9.jsonld", {}, 404),
    ("/search", "/search?q=lakes&format=json", {}, 200),
    ("/search", "/search?q=lakes&format=xlsx", {}, 400),
    ("/search", "/search?q=lakes", {"Accept": "image/png"}, 406),
    ("/sparql", "/sparql?query=ASK%7B%7D", {}, 200),
    ("/sparql", "/sparql?query=x", {}, 400),
    ("/sparql", "/sparql?update=x", {}, 403),
    ("/sparql", "/sparql?query=ASK%7B%7D", {"Accept": "image/png"}, 406),
    ("/.well-known/void", "/.well-known/void", {"Accept": BROWSER}, 303),
    ("/dataset", "/dataset?format=csv", {}, 406),
    ("/sitemap-{number}.xml", "/sitemap-99.xml", {}, 404),
    ("/releases/", "/releases/", {}, 200),
    ("/releases/{id}", "/releases/none", {}, 404),
    ("/releases/{id}/{file}", "/releases/none/graph.nq", {}, 404),
    ("/questions/", "/questions/?format=csv", {}, 406),
]


@pytest.mark.parametrize(("route", "path", "headers", "status"), ANSWERS)
def test_each_status_is_described(
    mini: Served, description: dict[str, Any], route: str, path: str, headers: dict[str, str], status: int
) -> None:
    """What is answered is among what the description tells, and so is each parameter that is understood."""
    answer = requests.get(mini.address + path, headers=headers, timeout=PATIENCE, allow_redirects=False)
    assert status == answer.status_code, answer.text
    described = description["paths"][route]["get"]
    assert str(status) in described["responses"]
    given = {name for name, _ in parse_qsl(urlsplit(path).query)} - {"update"}
    assert given <= {each["name"] for each in described["parameters"]}


@pytest.mark.parametrize("name", NAMES)
def test_each_question_is_described(description: dict[str, Any], name: str) -> None:
    """Parameters with type, default and what they mean; columns; a type for each format; the problem."""
    described = description["paths"][f"/questions/{name}"]["get"]
    question = QUESTIONS[name]
    parameters = {each["name"]: each for each in described["parameters"]}
    assert [*question.parameters, "format", "lang", "sources"] == list(parameters)
    for parameter in nonempty(question.parameters.values()):
        written = parameters[parameter.name]
        assert parameter.about.lower() in written["description"].lower()
        assert parameter.optional != ("default" in written["schema"])
    assert question.title["en"] == described["summary"]
    assert all(about in described["description"] for about in nonempty(question.columns.values()))
    types = {each.partition(";")[0] for each in described["responses"]["200"]["content"]}
    assert {*FORMATS.values(), "text/html"} == types
    defaults = {n: str(each["schema"]["default"]) for n, each in parameters.items() if "default" in each["schema"]}
    assert set(defaults) == {each.name for each in question.parameters.values() if not each.optional}


@pytest.mark.parametrize("name", NAMES)
def test_the_defaults_of_the_description_are_those_of_the_question(
    site: Served, description: dict[str, Any], name: str
) -> None:
    """Whoever sends the defaults as they are described gets what is answered without any."""
    parameters = description["paths"][f"/questions/{name}"]["get"]["parameters"]
    given = {each["name"]: str(each["schema"]["default"]) for each in parameters if "default" in each["schema"]}
    without, described = asked(site, name, "text/csv"), asked(site, name, "text/csv", **given)
    assert (200, without.content) == (described.status_code, described.content)


@pytest.fixture(scope="module")
def api(mini: Served) -> Any:
    """Read the description as schemathesis does, which makes requests of it."""
    return schemathesis.openapi.from_url(f"{mini.address}/openapi.json")


CASES: Final = [(f"/questions/{name}", mode) for name in NAMES for mode in GenerationMode]
BESIDE: Final = ("/questions/", "/openapi.json", "/healthz")
CASES_BESIDE: Final = [(path, GenerationMode.POSITIVE) for path in (*BESIDE, "/sparql")]


@pytest.mark.parametrize(("path", "mode"), [*CASES, *CASES_BESIDE])
def test_the_server_does_what_the_description_says(api: Any, path: str, mode: GenerationMode) -> None:
    """Whatever the description allows is answered as it says, and what it excludes is refused: no fault of ours."""
    operation = api[path]["GET"]
    # A text of any form may be an id, and is refused where there is no such thing; most texts are no query.
    question = QUESTIONS.get(path.rpartition("/")[2])
    plain = question and {each.type for each in question.parameters.values()} <= {"boolean", "date", "text", "year"}
    excluded: list[Any] = [] if plain or path in BESIDE else [positive_data_acceptance]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def asks(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(excluded_checks=excluded)

    asks()
