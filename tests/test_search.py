# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Search: how names are compared, what is found by which words, and what no query can break."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, Store

from kgbuild.build.release import current_release
from kgbuild.cli import main
from kgbuild.core.folding import fold, words_of
from kgbuild.core.namespaces import ARTICLE_GRAPH, expand
from kgbuild.search import FILE, KINDS
from kgbuild.search.index import index_bytes, make_index
from kgbuild.search.names import NAME_KINDS, StoredQuads, gather
from kgbuild.search.query import MATCHES, MOST_RESULTS, Found, Index, SearchError, TooLongError, is_one_edit
from kgbuild.server.http.problems import Problem
from kgbuild.server.routes.search import read_request
from mini import kgbuild_here
from serving import BROWSER, PATIENCE, SOURCE, Served, serving, until

ACADEMIES = {"apa-kz", "apa-kg", "apa-tj", "apa-uz", "nag-china"}
"""Those that a name in Russian calls an academy of государственное управление, or of государственная политика."""
HOSTILE = [
    *(
        '"',
        "*",
        "NEAR(",
        "a NEAR(b c)",
        "\0",
        "a\0b",
        "AND",
        "NOT",
        "OR OR",
        "word:",
        "{word stem} : x",
        "^a",
        "a^",
        "-",
    ),
    *("x" * 10_000, "слово " * 5_000, "国" * 10_000, "\u202eabc\u202d", "\u2066\u2069", "\ufeff", "\ud800", "'; DROP"),
    *("%", "_", "a" * 40 + "\u0301" * 5_000, "()", "((((((", '""""', "\\", "😀", "ﷺ", "\U000e0001", "İ", "ß", "١٢٣"),
]


@pytest.fixture(scope="module")
def real(real_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Index the repository's own records."""
    path = tmp_path_factory.mktemp("search") / FILE
    make_index(path, StoredQuads(real_store))
    index = Index(path)
    yield index
    index.close()


def made(path: Path, *quads: Quad) -> Index:
    make_index(path / FILE, StoredQuads(_store(quads)))
    return Index(path / FILE)


def _store(quads: tuple[Quad, ...]) -> Store:
    store = Store()
    store.extend(quads)
    return store


def say(subject: str, predicate: str, value: str, language: str = "en", graph: str = "graph:entities") -> Quad:
    return Quad(
        NamedNode(expand(subject)),
        NamedNode(expand(predicate)),
        Literal(value, language=language),
        NamedNode(expand(graph)),
    )


def slugs(found: Found) -> list[str]:
    return [hit.iri.rpartition("/")[2] for hit in found.hits]


# --- how names are compared -------------------------------------------------------------------------------------------


@given(st.text(max_size=200))
def test_folding_is_done_at_once(text: str) -> None:
    """Folding what is folded changes nothing, and leaves letters and figures only."""
    folded = fold(text)
    assert folded == fold(folded)
    assert all(part and part.isprintable() and '"' not in part for part in folded.split(" ") if folded)


@given(st.text(max_size=60))
def test_case_marks_and_forms_make_no_difference(text: str) -> None:
    """A name is the same in capitals where those lead back, and in each of Unicode's forms."""
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert fold(text) == fold(unicodedata.normalize(form, text))
    if text.upper().lower() == text.lower():
        assert fold(text) == fold(text.upper())


@given(st.text(alphabet="ёйқұүғңәөһіЁЙҚҰҮҒҢӘӨҺІ'’ʼ ", min_size=1, max_size=20))
def test_letters_of_one_language_are_typed_on_the_keyboard_of_another(text: str) -> None:
    """What is left are letters of the Russian alphabet that need no mark."""
    assert set(fold(text)) <= set("еикугнаохи ")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Йод ёлка", "иод елка"),
        ("Ұлттық Ғылым", "улттык гылым"),
        ("Тоҷикистон", "точикистон"),
        ("O‘zbekiston", "ozbekiston"),
        ("People's", "peoples"),
        ("Türkmenistanyň", "turkmenistanyn"),
        ("ＩＣＮ", "icn"),
        ("soft\u00adhyphen", "softhyphen"),
        ("China–Central Asia", "china central asia"),
        ("国家行政学院", "国 家 行 政 学 院"),
    ],
)
def test_a_name_is_folded_to(one: str, other: str) -> None:
    assert other == fold(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("академия", "академий"), ("управление", "управления"), ("государственный", "государственного")),
        *(("academy", "academies"), ("республика", "республике"), ("астана", "астане"), ("китай", "китая")),
        *(("казахстан", "казахстане"), ("саммит", "саммита"), ("устав", "устава")),
    ],
)
def test_the_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert words_of(one)[0].stem == words_of(other)[0].stem


@pytest.mark.parametrize(
    ("cyrillic", "latin"),
    [
        *(("Назарбаев", "Nazarbayev"), ("Жапаров", "Zhaparov"), ("Жапаров", "Japarov"), ("Хорог", "Khorog")),
        *(("Чуньтао", "Chuntao"), ("Қазақстан", "Qazaqstan"), ("Евгений", "Yevgeniy"), ("Бекмуродов", "Bekmurodov")),
    ],
)
def test_a_name_sounds_alike_in_both_scripts(cyrillic: str, latin: str) -> None:
    assert words_of(cyrillic)[0].sound == words_of(latin)[0].sound


letters = st.text(alphabet="abд", max_size=4)


@given(letters, letters)
def test_one_edit_is_one_edit(one: str, other: str) -> None:
    """The quick comparison agrees with trying every edit."""
    edited = {one[:i] + one[i + 1 :] for i in range(len(one))}
    edited |= {one[:i] + c + one[i + n :] for i in range(len(one) + 1) for c in "abд" for n in (0, 1)}
    edited |= {one[:i] + one[i + 1] + one[i] + one[i + 2 :] for i in range(len(one) - 1)}
    assert is_one_edit(one, other) == (other in edited and one != other)


# --- what is found ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "first", "match"),
    [
        ("国家行政学院", "nag-china", "exact"),
        ("行政学院", "nag-china", "words"),
        ("中共中央党校", "nag-china", "exact"),
        ("guojia xingzheng xueyuan", "nag-china", "forms"),
        ("national governance academy", "nag-china", "words"),
        ("Si Chuntao", "xie-chuntao", "exact"),
        ("Xie Chuntao", "xie-chuntao", "exact"),
        ("chuntao XIE", "xie-chuntao", "words"),
        ("谢春涛", "xie-chuntao", "exact"),
        ("Си Чунтао", "xie-chuntao", "exact"),
        ("Бекмуродов", "adkham-bekmurodov", "words"),
        ("bekmurod", "adkham-bekmurodov", "beginnings"),
        ("Institute of Public Administration", "apa-tj", "exact"),
        ("Донишкадаи идоракунии давлати", "apa-tj", "exact"),
        ("academy of public administration of Kazakhstan", "apa-kz", "exact"),
        ("Akademiya gosudarstvennogo upravleniya Kazakhstan", "apa-kz", "forms"),
        ("Zaparov", "japarov", "exact"),
        ("KAZAKHSTAN", "kazakhstan", "exact"),
        ("Казакстан", "kazakhstan", "exact"),
        ("KZ", "kazakhstan", "exact"),
        ("ШОС", "sco", "exact"),
        ("institution:nag-china", "nag-china", "exact"),
        ("https://w3id.org/icn/id/institution/nag-china", "nag-china", "exact"),
        ("nag-china", "nag-china", "exact"),
        ("Xie Chuntoa", "xie-chuntao", "nearly"),
        ("Академия госуправлния Таджикистан", "apa-tj", "nearly"),
    ],
)
def test_the_first_hit(real: Index, query: str, first: str, match: str) -> None:
    """What a researcher looks for stands first, and how it was found is said."""
    found = real.find(query)
    assert (first, match) == (slugs(found)[0], found.hits[0].match)
    assert (match == "nearly") == bool(found.instead)


def test_academies_of_public_administration_are_found_by_a_short_word(real: Index) -> None:
    """«академия госуправления» finds those that call themselves академия государственного управления, and back."""
    short, long = real.find("академия госуправления"), real.find("академии государственного управления")
    assert set(slugs(short)) >= ACADEMIES <= set(slugs(long))
    assert set(slugs(short)) == set(slugs(long))
    assert {"institution", "network"} == {hit.kind for hit in short.hits[:8]}


def test_a_former_name_is_said_to_be_one(real: Index) -> None:
    (hit,) = [hit for hit in real.find("Institute of Public Administration").hits if hit.iri.endswith("/apa-tj")]
    assert ("Institute of Public Administration", "en", "former") == (hit.text, hit.language, hit.name_kind)
    assert "Academy of Public Administration under the President of Tajikistan" == hit.labels["en"]


def test_every_name_finds_its_thing(real: Index, real_store: Store) -> None:
    """Each name in the data, as it is written, finds what bears it; as an exact match."""
    names, _ = gather(StoredQuads(real_store))
    bearers: dict[str, int] = {}
    for name in names:
        bearers[fold(name.text)] = bearers.get(fold(name.text), 0) + 1
    lost = []
    for name in names:
        hits = real.find(name.text).hits
        exact = {hit.iri for hit in hits if hit.match == "exact"}
        if fold(name.text) and name.iri not in exact and bearers[fold(name.text)] <= MOST_RESULTS:
            lost.append(name)
    assert [] == lost


def test_names_are_sorted_by_what_they_are(real: Index) -> None:
    """In each way of matching: who acts, then meetings and agreements, then articles and terms."""
    group = dict.fromkeys(("institution", "network", "person", "place", "polity"), 0)
    for query in ("академия", "hub", "Казахстан", "administration"):
        hits = real.find(query).hits
        order = [(MATCHES.index(h.match), group.get(h.kind, 1 + (KINDS.index(h.kind) >= 10))) for h in hits]
        assert order == sorted(order)
        assert len(hits) > 3


def test_one_kind_alone(real: Index) -> None:
    """A kind leaves only its own; together they are all."""
    everything = real.find("China")
    by_kind = [hit.iri for kind in KINDS for hit in real.find("China", kind).hits]
    assert sorted(hit.iri for hit in everything.hits) == sorted(by_kind)
    assert {"agreement"} == {hit.kind for hit in real.find("China", "agreement").hits}
    assert not real.find("institution:nag-china", "person").hits


def test_a_current_name_goes_before_a_former_one(tmp_path: Path) -> None:
    """Of two things that equal words fit, the one that bears the name now stands first."""
    naming, ended = NamedNode(expand("naming:a--1")), NamedNode(expand("date:2020"))
    graph = NamedNode(expand("graph:entities"))
    index = made(
        tmp_path,
        say("institution:a", "rdfs:label", "New House"),
        say("institution:z", "rdfs:label", "Old Building"),
        say("naming:a--1", "icn:nameText", "Old Building"),
        Quad(naming, NamedNode(expand("icn:nameOf")), NamedNode(expand("institution:a")), graph),
        Quad(naming, NamedNode(expand("icn:ended")), ended, graph),
    )
    assert ["z", "a"] == slugs(index.find("old building")) == slugs(index.find("old"))
    assert ["name", "former"] == [hit.name_kind for hit in index.find("old").hits]


def test_who_uses_a_name_is_said(tmp_path: Path) -> None:
    """A name from the registry is another name; one that only an article uses is its spelling."""
    index = made(
        tmp_path,
        say("person:x", "rdfs:label", "Xie Chuntao"),
        say("person:x", "skos:altLabel", "Si Chuntao", graph="graph:entities"),
        say("person:x", "skos:altLabel", "Hsieh Chuntao", graph=f"graph:{ARTICLE_GRAPH.rpartition('graph/')[2]}y"),
    )
    kinds = [index.find(query).hits[0].name_kind for query in ("Xie Chuntao", "Si Chuntao", "Hsieh Chuntao")]
    assert ["name", "other-name", "spelling"] == kinds


def test_a_compound_is_one_only_where_names_have_its_parts(tmp_path: Path) -> None:
    """Госпиталь is nothing of the state's: no name holds a word «питаль»."""
    index = made(
        tmp_path,
        say("institution:a", "rdfs:label", "Госслужба", "ru"),
        say("institution:b", "rdfs:label", "Военный госпиталь", "ru"),
        say("institution:c", "rdfs:label", "Служба погоды", "ru"),
    )
    assert ["a"] == slugs(index.find("государственная служба"))
    assert ["a"] == slugs(index.find("государственный"))


def test_nothing_is_guessed_for_short_words_or_where_something_fits(real: Index) -> None:
    """A word of four letters is not corrected into one of four, and a hit ends the search."""
    assert () == real.find("ШОЗ").hits
    assert "" == real.find("Xie Chuntao").instead


def test_more_than_can_be_shown_is_said(tmp_path: Path) -> None:
    """The best come first and in a stable order; that there are more is said."""
    quads = [say(f"institution:i{n:04}", "rdfs:label", f"House {n:04}") for n in range(MOST_RESULTS + 50)]
    index = made(tmp_path, *quads)
    found = index.find("house")
    assert [f"i{n:04}" for n in range(MOST_RESULTS)] == slugs(found)
    assert found.more
    assert not index.find("house 0007").more


# --- what cannot break it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", HOSTILE, ids=[f"{n}-{q[:8]!a}" for n, q in enumerate(HOSTILE)])
def test_no_query_is_an_error(real: Index, query: str) -> None:
    """Whatever is typed is looked for as words; FTS5's own syntax means nothing."""
    assert len(real.find(query).hits) <= MOST_RESULTS
    assert len(real.find(query, "person").hits) <= MOST_RESULTS


@settings(max_examples=300)
@given(st.text(max_size=80) | st.text(alphabet='"*^(){}:+-ANDORTE аб国 \0\u202e', max_size=40))
def test_any_text_can_be_searched(real: Index, query: str) -> None:
    """No text raises, and a second time finds the same."""
    assert real.find(query) == real.find(query)


def test_a_search_that_takes_too_long_is_ended(real: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so; the next one is answered."""
    with monkeypatch.context() as patch:
        patch.setattr("kgbuild.search.query.DEADLINE", -1.0)
        patch.setattr("kgbuild.search.query._STEPS", 1)
        with pytest.raises(TooLongError):
            real.find("hub")
    assert real.find("hub").hits


def test_a_search_that_fails_is_a_problem(tmp_path: Path, project: Path) -> None:
    """Too long: 504. A damaged index: 503, while queries are answered."""
    file = tmp_path / "some.nt"
    file.write_text('<urn:a> <http://www.w3.org/2000/01/rdf-schema#label> "A" .\n', encoding="utf-8")
    slow = "import kgbuild.search.query as s; s.DEADLINE = -1.0; s._STEPS = 1"
    with serving(tmp_path, file, tweak=slow) as served:
        assert 504 == requests.get(f"{served.address}/search?q=a", timeout=PATIENCE).status_code
    build = tmp_path / "build"
    release = current_release(project / "build")
    shutil.copytree(release.path, build / "releases" / release.id)
    (build / "current").symlink_to(f"releases/{release.id}")
    index = build / "releases" / release.id / FILE
    whole = index.read_bytes()
    for damaged in (whole[:5000], whole[: 1 << 14] + b"x" * (len(whole) - (1 << 14)), b""):
        index.write_bytes(damaged)
        with serving(tmp_path, build=build) as served:
            answer = requests.get(f"{served.address}/search?q=network", timeout=PATIENCE)
            assert (503, "no-search") == (answer.status_code, answer.json()["type"].rpartition("/")[2])
            assert served.is_well()


def test_an_index_has_the_same_bytes(real_store: Store, tmp_path: Path) -> None:
    """Made in another process, and of quads in another order, it is the same file."""
    quads = sorted(real_store, key=lambda quad: hash(str(quad)))
    shuffled = Store()
    shuffled.extend(quads)
    path = tmp_path / "quads.nq"
    shuffled.dump(path, format=None)
    other = tmp_path / FILE
    command = [sys.executable, "-m", "kgbuild.search", str(os.getpid()), str(other), str(path)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    first, second = index_bytes(StoredQuads(real_store)), other.read_bytes()
    assert first == second


def test_what_is_no_index_is_said(tmp_path: Path) -> None:
    """A missing, a foreign and a damaged file have their sentences."""
    (tmp_path / "damaged").write_bytes(b"SQLite format 3\0" + b"x" * 4000)
    with sqlite3.connect(tmp_path / "foreign") as foreign:
        foreign.execute("CREATE TABLE facts (name TEXT, value TEXT)")
    for name in ("missing", "damaged", "foreign"):
        with pytest.raises(SearchError, match="Build again"):
            Index(tmp_path / name)


def test_an_index_is_part_of_a_release_and_not_of_its_id(project: Path) -> None:
    """The manifest has its hash; what it holds is found."""
    release = current_release(project / "build")
    assert FILE in release.manifest["files"]
    index = Index(release.path / FILE)
    assert index.kinds == {kind: index.kinds[kind] for kind in KINDS if kind in index.kinds}
    labels = [label for label in index.find("network").hits if label.kind == "network"]
    assert labels
    assert NAME_KINDS[0] in {hit.name_kind for hit in labels}


def test_the_command_finds(project: Path) -> None:
    """`kgbuild search` prints kind, name and IRI; an unknown kind is refused."""
    assert main.__doc__
    done = kgbuild_here(project, "search", "network")
    assert 0 == done.returncode
    assert any(line.startswith("network\t") for line in done.stdout.splitlines())
    refused = kgbuild_here(project, "search", "network", "--kind", "dragon")
    assert (2, "") == (refused.returncode, refused.stdout)
    nothing = kgbuild_here(project, "search", "qqqqqq")
    assert (0, "") == (nothing.returncode, nothing.stdout)
    assert "Nothing was found" in nothing.stderr


# --- over HTTP --------------------------------------------------------------------------------------------------------


def get(site: Served, query: str | bytes = "", method: str = "GET", **headers: str) -> requests.Response:
    given = {"Accept": None, "Accept-Encoding": None, **{name.replace("_", "-"): v for name, v in headers.items()}}
    address = f"{site.address}/search"
    return requests.request(method, address, params=query, headers=given, timeout=PATIENCE)


def test_json_has_its_shape(site: Served) -> None:
    """The members that the documentation lists, in every result."""
    answer = get(site, "q=Si+Chuntao&lang=ru")
    assert "application/json; charset=utf-8" == answer.headers["Content-Type"]
    read = answer.json()
    names = {"query", "kind", "release", "total", "more", "didYouMean", "page", "pages", "results"}
    assert names == set(read)
    assert ("Si Chuntao", None, 1, False, None, 1, 1) == tuple(
        read[n] for n in ("query", "kind", "total", "more", "didYouMean", "page", "pages")
    )
    expected = {
        "iri": "https://w3id.org/icn/id/person/xie-chuntao",
        "page": "/doc/person/xie-chuntao",
        "kind": "person",
        "label": {"text": "Се Чуньтао", "language": "ru"},
        "name": {"text": "Si Chuntao", "language": "en", "kind": "other-name"},
        "match": "exact",
    }
    assert [expected] == read["results"]


def test_pages_follow_one_another(site: Served) -> None:
    """All pages together are all results, once; each leads to its neighbours."""
    seen: list[str] = []
    address = "q=china"
    for number in range(1, 11):
        answer = get(site, address)
        read = answer.json()
        assert (number, 20 if "next" in read else len(read["results"])) == (read["page"], len(read["results"]))
        seen += [result["iri"] for result in read["results"]]
        if "next" not in read:
            break
        assert f'<{read["next"]}>; rel="next"' in answer.headers["Link"]
        address = read["next"].partition("?")[2]
    assert read["total"] == len(seen) == len(set(seen)) > 20
    assert read["pages"] == number
    assert [] == get(site, "q=china&page=10").json()["results"]


def test_a_page_for_people(site: Served) -> None:
    """A browser gets a page with the results as links, in the language of its reader, and no script."""
    answer = get(site, "q=академия+госуправления", Accept=BROWSER, Accept_Language="ru")
    assert "text/html; charset=utf-8" == answer.headers["Content-Type"]
    assert "ru" == answer.headers["Content-Language"]
    assert '<a href="/doc/institution/apa-kz">' in answer.text
    assert "<script" not in answer.text
    assert "результат" in answer.text
    assert "написание в статье" in answer.text
    typed = get(site, "q=Xie+Chuntoa", Accept=BROWSER)
    assert 'href="/search?q=xie+chuntao"' in typed.text
    assert "Nothing bears this name" in typed.text
    assert 200 == get(site, Accept=BROWSER).status_code


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x>', "{{ 7*7 }}", "\u202e<b>"])
def test_a_page_escapes(site: Served, text: str) -> None:
    """What was asked stands on the page as text."""
    answer = requests.get(f"{site.address}/search", params={"q": text}, headers={"Accept": BROWSER}, timeout=PATIENCE)
    assert 200 == answer.status_code
    for part in ("<script>alert", "<img src=x", "<b>", "49"):
        assert part not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_same_search_need_not_be_sent_again(site: Served) -> None:
    """A tag gives 304, HEAD the headers of GET, and all vary by what decides them; the first time and when kept."""
    for _ in range(2):
        answer = get(site, "q=hub")
        again = get(site, "q=hub", If_None_Match=answer.headers["ETag"])
        assert (304, b"", answer.headers["ETag"]) == (again.status_code, again.content, again.headers["ETag"])
        head = get(site, "q=hub", "HEAD")
        assert b"" == head.content
        assert {k: v for k, v in answer.headers.items() if k != "date"} == {
            k: v for k, v in head.headers.items() if k != "date"
        }
        for sent in (answer, again, head, get(site, "q=hub", Accept=BROWSER)):
            assert "Accept, Accept-Language, Accept-Encoding" == sent.headers["Vary"]
            assert "*" == sent.headers["Access-Control-Allow-Origin"]
    assert get(site, "q=hub", Accept=BROWSER).headers["ETag"] != answer.headers["ETag"]
    assert "gzip" == get(site, "q=hub", Accept_Encoding="gzip").headers["Content-Encoding"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        *(("", 400), ("q=", 400), ("q=%20", 400), ("q=" + "x" * 201, 400), ("q=a&q=b", 400), ("q=a&kind=dragon", 400)),
        *(("q=a&page=0", 400), ("q=a&page=11", 400), ("q=a&page=x", 400), ("q=a&page=%D9%A1", 400)),
        *(("q=a&format=xml", 400), ("&".join(f"a{n}=1" for n in range(30)), 400), ("q=" + "x" * 200, 200)),
        *(("q=%00", 200), ("q=%22", 200), ("q=*", 200), ("q=NEAR(", 200), ("q=%FF%FE", 200), ("q=%E2%80%AE", 200)),
        *(("q=a&page=", 200), ("q=a&kind=", 200), ("q=a&other=1", 200), ("q=%ED%A0%80", 200)),
    ],
)
def test_what_is_refused(site: Served, query: str, status: int) -> None:
    """Missing, too long and unknown values have a problem of their own; everything else is looked for."""
    answer = get(site, query)
    assert status == answer.status_code, answer.text
    if status == 400:
        assert "application/problem+json" == answer.headers["Content-Type"]
        assert answer.json()["detail"].endswith(".")


def test_what_cannot_be_sent_is_said(site: Served) -> None:
    """Neither a page nor JSON: 406; a method that writes: 405."""
    assert 406 == get(site, "q=hub", Accept="image/png").status_code
    refused = get(site, "q=hub", "POST")
    assert (405, "GET, HEAD, OPTIONS") == (refused.status_code, refused.headers["Allow"])
    assert "text/html" in get(site, "q=hub&format=html").headers["Content-Type"]
    assert "application/json" in get(site, "q=hub&format=json", Accept=BROWSER).headers["Content-Type"]


def test_browsers_are_told_how_to_search(site: Served) -> None:
    """The description names an address that answers."""
    answer = requests.get(f"{site.address}/opensearch.xml", timeout=PATIENCE)
    urls = ElementTree.fromstring(answer.content).findall("{*}Url")  # noqa: S314 - our own
    assert {"text/html", "application/json"} == {url.attrib["type"] for url in urls}
    for url in urls:
        template = url.attrib["template"].replace("{searchTerms}", "hub").replace("{startPage?}", "1")
        found = requests.get(template, timeout=PATIENCE)
        assert (200, True) == (found.status_code, found.headers["Content-Type"].startswith(("text/", "application/")))
    evil = requests.get(f"{site.address}/opensearch.xml", headers={"Host": 'x"><y'}, timeout=PATIENCE)
    assert "<y" not in evil.text


@given(st.binary(max_size=80))
def test_any_address_is_read_or_refused(query: bytes) -> None:
    """Reading a request ends with values that can be used, or with a problem of the client's."""
    try:
        asked = read_request(query)
    except Problem as found:
        refused = found.status
    else:
        refused = 400
        assert len(asked.query) <= 200
        assert read_request(asked.address().partition("?")[2].encode()).query == asked.query
        json.dumps(asked.query).encode()
    assert 400 == refused


def test_files_are_searched_too(server: Served) -> None:
    """Data that are no release get an index when the server starts."""
    answer = requests.get(f"{server.address}/search", params={"q": "network"}, timeout=PATIENCE)
    assert 200 == answer.status_code, answer.text
    assert "files" == answer.json()["release"]
    assert answer.json()["total"] > 0


def test_data_that_are_too_large_are_served_without_search(tmp_path: Path) -> None:
    """Above the bound queries are answered all the same, and what to do is said."""
    file = tmp_path / "some.nt"
    file.write_text('<urn:a> <http://www.w3.org/2000/01/rdf-schema#label> "A" .\n' * 3, encoding="utf-8")
    tweak = "import kgbuild.server.exchange.search_index as s; s.MOST_QUADS = 2"
    with serving(tmp_path, file, tweak=tweak) as served:
        answer = requests.get(f"{served.address}/search?q=a", timeout=PATIENCE)
        assert (503, "no-search") == (answer.status_code, answer.json()["type"].rpartition("/")[2])
        assert "more than 2 quads" in answer.json()["detail"]
        assert served.is_well()


def test_a_new_release_is_searched_with_its_own_index(tmp_path: Path, project: Path, real_build: Path) -> None:
    """What only the new release has is found once it answers, and what only the old one had is not."""
    build = tmp_path / "build"
    (build / "releases").mkdir(parents=True)
    old, new = current_release(project / "build"), current_release(real_build)
    for release in (old, new):
        (build / "releases" / release.id).symlink_to(release.path)
    (build / "current").symlink_to(f"releases/{old.id}")
    with serving(tmp_path, build=build) as served:
        address = f"{served.address}/search?q=Xie+Chuntao"

        def released() -> tuple[str, int]:
            read = requests.get(address, timeout=PATIENCE).json()
            return read["release"], read["total"]

        before = released()
        (build / "next").symlink_to(f"releases/{new.id}")
        (build / "next").replace(build / "current")
        until(lambda: released()[0] == new.id, "the new release does not answer")
        assert (old.id, new.id) == (before[0], released()[0])
        assert 1 == released()[1]


def test_a_server_that_is_killed_leaves_no_index_behind(tmp_path: Path) -> None:
    """The process that makes an index ends with the server that wants it, and takes the folder along."""
    folder, data = tmp_path / "index", tmp_path / "data.nq"
    folder.mkdir()
    os.mkfifo(data)
    program = (
        "import os, subprocess, sys\n"
        "command = [sys.executable, '-m', 'kgbuild.search', str(os.getpid()), *sys.argv[1:]]\n"
        "subprocess.Popen(command).wait()"
    )
    command = [sys.executable, "-c", program, str(folder / FILE), str(data)]
    server = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(SOURCE)})
    with suppress(BrokenPipeError), data.open("w", encoding="utf-8") as pipe:  # open once it is read
        server.kill()
        server.wait()
        for number in range(1000):  # it never comes to an end of its data
            print(f'<urn:x> <urn:p> "{"y" * 10_000} {number}" .', file=pipe, flush=True)
            if not folder.exists():
                break
            time.sleep(0.01)
    until(lambda: not folder.exists(), "the folder is gone")
