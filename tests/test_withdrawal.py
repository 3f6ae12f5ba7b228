# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Erasing and putting right: what is withdrawn leaves every file and page; a tombstone says when and why."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from anyascii import anyascii
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store

from kgbuild.build.checks import load_checks, run_checks
from kgbuild.build.compilation import compile_records
from kgbuild.build.pipeline import assemble, build, compile_graph, release_content
from kgbuild.build.release import MANIFEST, QUADS, Release, current_release, list_releases, publish, withdraw_release
from kgbuild.build.sourcemap import SourceMap
from kgbuild.core.errors import DataError, UsageError
from kgbuild.core.folding import pinyin, words_of
from kgbuild.core.namespaces import ARTICLE_GRAPH, BASE, ID, ONTOLOGY, expand
from kgbuild.core.progress import Silent
from kgbuild.search import FILE
from kgbuild.server.data.thing_lookup import find
from kgbuild.server.routes.things import FORMATS
from kgbuild.sparql.query_error import QueryError
from mini import MINI, ROOT, complete_project, copy_project, edit, kgbuild_here, sources
from nonempty import nonempty
from serving import Served, serving, until

ON, REASON = "2026-11-26", "At the request of whom it was about."
TOMBSTONE = f"withdrawn: {{on: {ON}, reason: {REASON}}}\n"
BRANDT = ("ivo-brandt", ("Ivo Brandt", "Иво Брандт"))
SUN = ("sun-weidong", ("Sun Weidong", "Сунь Вэйдун", "孙卫东"))
SUN_ARTICLE = "2025-07-22-centers-inaugurated-in-xinjiang"
ARTICLE = "2021-04-10-rector-profile"
HTML = {"Accept": "text/html"}


# --- what a curator does, and what may not be left of a name ----------------------------------------------------------


def withdraw_entity(data: Path, id_: str) -> Path:
    """Leave the tombstone of an entity alone, and remove the claims that name it."""
    (path,) = data.glob(f"entities/*/{id_}.yaml")
    path.write_text(TOMBSTONE, encoding="utf-8")
    remove_claims(data, id_)
    return path


def remove_claims(data: Path, id_: str) -> None:
    for path in nonempty(p for p in data.glob("articles/*/*.yaml") if id_ in p.read_text(encoding="utf-8")):
        parts = re.split(r"(?m)^(?=  - )", path.read_text(encoding="utf-8"))
        path.write_text("".join(part for part in parts if not re.search(rf"\b{id_}\b", part)), encoding="utf-8")


def forms_of(names: tuple[str, ...]) -> set[str]:
    """List what search and addresses make of names: spellings, transliterations, words, stems and sounds."""
    written = {form for name in names for form in (name, name.casefold(), anyascii(name), anyascii(name).casefold())}
    words = [word for name in names for word in words_of(name)]
    cut = {form for word in words for form in (word.written, word.folded, word.stem)}
    han = "".join(word.written for word in words if word.is_han)
    sounds = {*pinyin(han), *(word.sound for word in words)}
    return {form for form in written | cut | sounds if len(form) > 2 or form in han}


def encoded(form: str) -> set[bytes]:
    """Write a form as it could stand in a file or a page."""
    ways = {
        form,
        quote(form),
        quote(form).lower(),
        form.replace(" ", "+"),
        form.replace(" ", "-"),
        form.replace(" ", "_"),
    }
    return {way.encode() for way in (*ways, json.dumps(form)[1:-1])}


def left_in(content: bytes, forms: set[str], id_: str) -> set[str]:
    """List the forms that stand in bytes, the tombstone's IRI and the path of its record left out."""
    for known in (f"{ID}person/{id_}", f"person:{id_}", f"data/entities/person/{id_}.yaml"):
        content = re.sub(re.escape(known.encode()) + rb"(?![a-z0-9-])", b"", content)
    return {form for form in forms if any(way in content for way in encoded(form))}


def indexed(path: Path) -> bytes:
    """Read every value of a search index, and the terms of its full text, which stand shortened in the file."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab('main', 'words', 'row')")
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        read = ["temp.terms", *(name for name in tables if name != "words")]  # that has no content of its own
        rows = [row for name in read for row in connection.execute(f"SELECT * FROM {name}")]  # noqa: S608 - of ours
    finally:
        connection.close()
    return b"\n".join(v if isinstance(v, bytes) else str(v).encode() for row in rows for v in row)


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Go through the files below a folder; a search index also by what it holds."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
        yield str(path.relative_to(folder)), _whole(path)
        if path.name == FILE:
            yield f"{path.relative_to(folder)} (values)", indexed(path)


def _whole(path: Path) -> bytes:
    """Read a file; RocksDB cuts the beginnings of IRIs off, so that of the tombstone's the id alone is left."""
    content = path.read_bytes()
    return re.sub(rb"ivo-brandt(?![a-z0-9-])", b"", content) if "stores" in path.parts else content


def leaks(folder: Path, forms: set[str], id_: str) -> dict[str, set[str]]:
    found = {name: left_in(content, forms, id_) for name, content in contents(folder)}
    assert found
    return {name: some for name, some in found.items() if some}


def mapped(served: Served) -> list[str]:
    """List the addresses of the sitemap."""
    text = requests.get(f"{served.address}/sitemap-0.xml", timeout=60).text
    return [re.sub(r"^https?://[^/]+", "", each) for each in re.findall("<loc>(.*?)</loc>", text)]


def crawl(served: Served, *begin: str, most: int = 10_000) -> dict[str, bytes]:
    """Read pages of a server, these and what they lead to, nearest first; address -> body."""
    session, found, left = requests.Session(), dict[str, bytes](), list(begin)
    while left and len(found) < most:
        path = left.pop(0)
        if path in found:
            continue
        answer = session.get(served.address + path, headers=HTML, timeout=60, allow_redirects=True)
        found[path] = answer.content
        if answer.headers["content-type"].startswith("text/html"):
            links = re.findall(r'href="(/[^"#]*)', answer.text)
            left += [link.replace("&amp;", "&") for link in links if "lang=" not in link and "/sparql" not in link]
    return found


# --- a person, on the mini fixture ------------------------------------------------------------------------------------


def own_forms(folder: Path, records: Path, person: tuple[str, tuple[str, ...]]) -> set[str]:
    """List the forms of a name that stand nowhere in a release of the same records without the person."""
    id_, names = person
    shutil.copytree(records, folder / "data")
    complete_project(folder)
    next((folder / "data").glob(f"entities/*/{id_}.yaml")).unlink()
    remove_claims(folder / "data", id_)
    return forms_of(names) - set().union(*leaks(unchecked(folder).path, forms_of(names), id_).values())


def unchecked(folder: Path) -> Release:
    """Publish the records of a folder without validating them."""
    compiled = compile_records(sources(folder), Silent())
    return publish(folder / "build", release_content(compiled, assemble(compiled, sources(folder), Silent())))


@dataclass(frozen=True)
class Erased:
    """A project in which a person was withdrawn: the release before, the one after, and its server."""

    folder: Path
    old: Release
    new: Release
    server: Served
    pinned: Served
    forms: set[str]


@pytest.fixture(scope="module")
def erased(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erased]:
    """Withdraw Ivo Brandt, and the release that names him, while two servers serve it, one of them from disk."""
    folder = copy_project(tmp_path_factory.mktemp("erased"))
    shutil.copytree(project / "build", folder / "build", symlinks=True)
    old, id_ = current_release(folder / "build"), BRANDT[0]
    with (
        serving(folder, build=folder / "build", options=["--store", "disk"]) as server,
        serving(folder, build=folder / "build", options=["--release", old.id]) as pinned,
    ):
        assert 200 == requests.get(f"{pinned.address}/doc/person/{id_}", timeout=60).status_code
        assert [old.id] == [path.name for path in (folder / "build" / "stores").iterdir()]
        withdraw_entity(folder / "data", id_)
        new, _ = build(sources(folder), folder / "build")
        until(lambda: new.id in requests.get(f"{server.address}/healthz", timeout=60).text, "the release is not served")
        until(
            lambda: not withdraw_release(folder / "build", old.id, REASON, date.fromisoformat(ON)),
            "the store is still held",
        )
        forms = own_forms(tmp_path_factory.mktemp("never"), MINI / "data", BRANDT)
        yield Erased(folder, old, new, server, pinned, forms)


def test_names_are_in_the_old_release(project: Path) -> None:
    """What the other tests look for is found where it is: in quads, both search tables, and under all its spellings."""
    found = leaks(current_release(project / "build").path, forms_of(BRANDT[1]), BRANDT[0])
    assert {QUADS, "graph.trig", FILE, f"{FILE} (values)"} <= set(found)
    assert {"Ivo Brandt", "Иво Брандт", "brandt", "брандт"} <= found[f"{FILE} (values)"]


def test_no_byte_of_a_name_is_left_in_any_file(erased: Erased) -> None:
    """Neither in the new release nor anywhere below the build folder or the records."""
    assert {*BRANDT[1], "ivo brandt", "brandt", "брандт", "Ivo Brandt"} <= erased.forms
    for folder in (erased.new.path, erased.folder / "build", erased.folder / "data"):
        assert {} == leaks(folder, erased.forms, BRANDT[0])


def test_no_byte_of_a_name_is_left_in_any_page(erased: Erased) -> None:
    """Every page that the sitemap or a link leads to, its data, and what search answers, is without it."""
    asked = [f"/search?q={quote(name)}" for name in BRANDT[1]]
    pages = crawl(erased.server, *mapped(erased.server), *asked)
    documents = [path for path in pages if path.startswith("/doc/") and "." not in path]
    assert len(documents) > 100
    for path in documents:
        for end in ("ttl", "jsonld"):  # the others have the same triples
            pages[f"{path}.{end}"] = requests.get(f"{erased.server.address}{path}.{end}", timeout=60).content
    for path in nonempty(each for each in pages if each.startswith("/search?")):
        for way in (way for name in BRANDT[1] for way in encoded(name)):  # what was typed is shown again
            pages[path] = pages[path].replace(way, b"")
    found = {path: left_in(body, erased.forms, BRANDT[0]) for path, body in pages.items()}
    assert {} == {path: some for path, some in found.items() if some}
    assert not [path for path in pages if BRANDT[0] in path]


def test_everything_is_without_the_name_for_queries_too(erased: Erased) -> None:
    """Of the withdrawn IRI the endpoint has the tombstone alone, in one graph and in the view."""
    rows = erased.server.rows(f"SELECT ?p ?o {{ <{ID}person/{BRANDT[0]}> ?p ?o }}")
    assert {
        (expand("rdf:type"), expand("icn:Withdrawn")),
        (expand("owl:deprecated"), "true"),
        (expand("icn:withdrawnOn"), ON),
        (expand("skos:changeNote"), REASON),
    } == {(row["p"], row["o"]) for row in rows}
    assert [] == erased.server.rows(f"SELECT ?s {{ GRAPH ?g {{ ?s ?p <{ID}person/{BRANDT[0]}> }} }}")
    assert [] == erased.server.rows('SELECT ?s { GRAPH ?g { ?s ?p ?o } FILTER (CONTAINS(STR(?o), "Brandt")) }')


ADDRESSES = [
    f"/{place}/person/{BRANDT[0]}{end}" for place in ("id", "doc") for end in ("", *(f".{each}" for each in FORMATS))
] + [f"/doc/tenure/{BRANDT[0]}--secretary-general--lakes-hub{end}" for end in ("", ".ttl")]


@pytest.mark.parametrize("path", ADDRESSES)
def test_an_address_answers_that_it_is_gone(erased: Erased, path: str) -> None:
    """Whatever was there, in whatever format: 410 with day and reason, as a problem and as a page."""
    answer = requests.get(erased.server.address + path, headers={"Accept": "application/json"}, timeout=60)
    told = answer.json()
    assert (410, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert (f"{BASE}problem/gone", ON, REASON) == (told["type"], told["withdrawn"], told["reason"])
    assert "no-store" == answer.headers["cache-control"]
    page = requests.get(erased.server.address + path, headers=HTML, timeout=60)
    assert 410 == page.status_code
    assert page.headers["content-type"].startswith("text/html")
    assert REASON in page.text
    assert ON in page.text


def test_an_address_near_by_is_not_found(erased: Erased) -> None:
    """Only what was there is gone: other ids are unknown as before, and nobody is led to the withdrawn one."""
    answer = requests.get(f"{erased.server.address}/doc/person/ivo-brand", timeout=60)
    assert 404 == answer.status_code
    assert BRANDT[0] not in answer.text


# --- the release that named the person --------------------------------------------------------------------------------


def test_of_a_withdrawn_release_the_manifest_stays(erased: Erased) -> None:
    """Its folder holds the manifest alone, with day and reason, and all that it said before."""
    assert [MANIFEST] == [path.name for path in erased.old.path.iterdir()]
    said = json.loads((erased.old.path / MANIFEST).read_text(encoding="utf-8"))
    assert {"on": ON, "reason": REASON} == said.pop("withdrawn")
    assert erased.old.manifest == said
    assert [erased.new.id] == [path.name for path in (erased.folder / "build" / "stores").iterdir()]


def test_a_withdrawn_release_is_gone_from_the_server(erased: Erased) -> None:
    """Its address and those of its files say so; its manifest is there; the list tells of it, and DCAT does not."""
    at = f"{erased.server.address}/releases/"
    for path in (erased.old.id, *(f"{erased.old.id}/{file}" for file in erased.old.manifest["files"])):
        answer = requests.get(at + path, headers={"Accept": "application/json"}, timeout=60)
        assert (410, ON, REASON) == (answer.status_code, answer.json()["withdrawn"], answer.json()["reason"])
    manifest = requests.get(f"{at}{erased.old.id}/{MANIFEST}", timeout=60)
    assert (200, REASON) == (manifest.status_code, manifest.json()["withdrawn"]["reason"])
    listed = requests.get(at, headers=HTML, timeout=60).text
    assert f'<section id="{erased.old.id}">' in listed
    assert REASON in listed
    assert f"/releases/{erased.old.id}/{QUADS}" not in listed
    assert erased.old.id not in requests.get(at, headers={"Accept": "text/turtle"}, timeout=60).text


def test_caches_ask_about_a_file_again(erased: Erased) -> None:
    """No copy lives on for long: a file is fresh for an hour, and then its checksum decides."""
    for file in (QUADS, MANIFEST):
        answer = requests.get(f"{erased.server.address}/releases/{erased.new.id}/{file}", timeout=60)
        assert "public, max-age=3600, must-revalidate" == answer.headers["cache-control"]
        again = {"If-None-Match": answer.headers["etag"]}
        assert 304 == requests.get(answer.url, headers=again, timeout=60).status_code
    stale = {"If-None-Match": f'"{erased.old.manifest["files"][QUADS]["sha256"]}"'}
    gone = requests.get(f"{erased.server.address}/releases/{erased.old.id}/{QUADS}", headers=stale, timeout=60)
    assert 410 == gone.status_code


def test_a_server_that_stays_with_a_withdrawn_release_lets_go_of_it(erased: Erased) -> None:
    """Nothing of it is answered any more: no page, no query, no search, from memory or from what was kept."""
    until(lambda: 503 == requests.get(f"{erased.pinned.address}/healthz", timeout=60).status_code, "it is still served")
    asked = ("/", f"/doc/person/{BRANDT[0]}", "/search?q=Brandt", "/sparql?query=ASK%7B%7D", "/dataset")
    for path in nonempty(asked):
        answer = requests.get(erased.pinned.address + path, headers={"Accept": "application/json"}, timeout=60)
        assert (path, 410, REASON) == (path, answer.status_code, answer.json().get("reason"))


def test_the_commands_tell_of_a_withdrawn_release(erased: Erased) -> None:
    """`list` and `show` say when and why, `use` and `serve` refuse it, `gc` keeps the manifest."""
    name = erased.old.id
    assert f"withdrawn on {ON}: {REASON}" in kgbuild_here(erased.folder, "release", "list").stdout
    shown = kgbuild_here(erased.folder, "release", "show", name[:8]).stdout
    assert REASON == json.loads(shown)["withdrawn"]["reason"]
    used = kgbuild_here(erased.folder, "release", "use", name)
    assert (2, f"Release {name} was withdrawn on {ON}: {REASON} Use another one.\n") == (used.returncode, used.stderr)
    with (
        pytest.raises(AssertionError, match="It cannot be served"),
        serving(erased.folder, build=erased.folder / "build", options=["--release", name]),
    ):
        pass
    assert 0 == kgbuild_here(erased.folder, "release", "gc", "--keep", "1").returncode
    assert [MANIFEST] == [path.name for path in erased.old.path.iterdir()]


def test_records_that_make_a_withdrawn_release_again_are_refused(erased: Erased, tmp_path: Path) -> None:
    """The same records would bring back the same bytes under the same id: the build says so, and changes nothing."""
    folder = copy_project(tmp_path)
    shutil.copytree(erased.folder / "build" / "releases", folder / "build" / "releases")
    with pytest.raises(UsageError, match=f"Release {erased.old.id} was withdrawn"):
        build(sources(folder), folder / "build")
    assert [MANIFEST] == [path.name for path in (folder / "build" / "releases" / erased.old.id).iterdir()]


def test_a_withdrawal_that_was_broken_off_is_ended_by_the_next(project: Path, tmp_path: Path) -> None:
    """Once the manifest says so the files count no more, and the same call removes those that are left."""
    shutil.copytree(project / "build", tmp_path / "build", symlinks=True)
    old = current_release(tmp_path / "build")
    folder = copy_project(tmp_path / "other")
    edit(folder / "data/entities/person/tessa-marlow.yaml", "Tessa Marlow", "Tessa J. Marlow")
    compiled = compile_records(sources(folder), Silent())
    publish(tmp_path / "build", release_content(compiled, assemble(compiled, sources(folder), Silent())))
    kept = (old.path / QUADS).read_bytes()
    withdraw_release(tmp_path / "build", old.id, REASON, date.fromisoformat(ON))
    (old.path / QUADS).write_bytes(kept)
    withdraw_release(tmp_path / "build", old.id, "Another reason.", date(2027, 1, 1))
    assert [MANIFEST] == [path.name for path in old.path.iterdir()]
    (found,) = [release for release in list_releases(tmp_path / "build") if release.id == old.id]
    assert f"Release {old.id} was withdrawn on {ON}: {REASON}" == str(found.withdrawal)


def test_the_current_release_is_not_withdrawn(project: Path, tmp_path: Path) -> None:
    """It would leave nothing that answers: the command says what to do first, and removes nothing."""
    shutil.copytree(project / "build", tmp_path / "build", symlinks=True)
    old = current_release(tmp_path / "build")
    done = kgbuild_here(tmp_path, "release", "withdraw", old.id, "--reason", REASON)
    assert 2 == done.returncode
    assert "the current release cannot be withdrawn. Withdraw the records in question and build" in done.stderr
    assert (old.path / QUADS).is_file()
    assert 2 == kgbuild_here(tmp_path, "release", "withdraw", old.id, "--reason", " ").returncode
    assert 2 == kgbuild_here(tmp_path, "release", "withdraw", "none", "--reason", REASON).returncode


def test_the_command_withdraws_a_release(erased: Erased, tmp_path: Path) -> None:
    """It says what it did; the day is today's."""
    shutil.copytree(erased.folder / "build", tmp_path / "build", symlinks=True, ignore=shutil.ignore_patterns("stores"))
    other = tmp_path / "build" / "releases" / "0123456789abcdef"
    shutil.copytree(erased.new.path, other)
    edit(other / MANIFEST, f'"id": "{erased.new.id}"', '"id": "0123456789abcdef"')
    before = datetime.now(UTC).date()
    done = kgbuild_here(tmp_path, "release", "withdraw", "0123", "--reason", REASON)
    days = {before.isoformat(), datetime.now(UTC).date().isoformat()}
    assert 0 == done.returncode, done.stderr
    assert done.stderr in {f"Release 0123456789abcdef was withdrawn on {day}: {REASON}\n" for day in days}
    assert [MANIFEST] == [path.name for path in other.iterdir()]


# --- a person, in the real records ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Withdraw a person with one office, named in three scripts, from a copy of the real records."""
    folder = tmp_path_factory.mktemp("real")
    shutil.copytree(ROOT / "data", folder / "data")
    complete_project(folder)
    withdraw_entity(folder / "data", SUN[0])
    unchecked(folder)
    return folder


@pytest.fixture(scope="module")
def real_forms(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """List the forms of that name that are its own: `Sun` is not."""
    return own_forms(tmp_path_factory.mktemp("never"), ROOT / "data", SUN)


def test_no_byte_of_a_real_name_is_left_in_any_file(real: Path, real_forms: set[str], real_build: Path) -> None:
    """Of the name in three scripts, transliterated and cut into words, nothing is in the files; before, it was."""
    assert {*SUN[1], "weidong", "вэйдун"} <= real_forms
    before = leaks(current_release(real_build).path, real_forms, SUN[0])
    assert set(SUN[1]) <= before[f"{FILE} (values)"]
    assert {} == leaks(real, real_forms, SUN[0])


def test_the_real_records_are_sound_without_the_person(real: Path) -> None:
    """A withdrawal breaks nothing: no check finds an error."""
    store = compile_graph(sources(real)).dataset
    issues = run_checks(store, load_checks(ROOT / "queries" / "checks", ROOT), SourceMap())
    assert [] == [issue for issue in issues if issue.severity == "error"]


def test_no_byte_of_a_real_name_is_left_in_the_pages(real: Path, real_forms: set[str], tmp_path: Path) -> None:
    """Neither in those nearest to the office and the article that named the person nor in the sitemap or search."""
    with serving(tmp_path, build=real / "build") as served:
        asked = [f"/search?q={quote(name)}&format=json" for name in SUN[1]]
        hits = [requests.get(served.address + path, timeout=60).json() for path in asked]
        assert [] == [hit for each in hits for hit in each["results"] if SUN[0] in hit["iri"]]
        secretariat = "/doc/institution/china-central-asia-secretariat"
        begin = (f"/doc/article/{SUN_ARTICLE}", f"/graph/article/{SUN_ARTICLE}", secretariat, f"{secretariat}.ttl")
        pages = crawl(served, *begin, "/", "/about/persons", "/sitemap-0.xml", "/dataset", "/releases/", most=300)
        assert len(pages) == 300
        assert {} == {path: some for path, body in pages.items() if (some := left_in(body, real_forms, SUN[0]))}
        assert not [path for path in pages if SUN[0] in path]
        answer = requests.get(f"{served.address}/doc/person/{SUN[0]}.jsonld", timeout=60)
        assert (410, REASON) == (answer.status_code, answer.json()["reason"])


# --- an article -------------------------------------------------------------------------------------------------------


def test_a_withdrawn_article_takes_its_claims_along(tmp_path: Path, mini_store: Store) -> None:
    """Its graph and claims are gone, and no value rests on it; what others say too is still there."""
    folder = copy_project(tmp_path)
    (path,) = (folder / "data").glob(f"articles/*/{ARTICLE}.yaml")
    path.write_text(TOMBSTONE, encoding="utf-8")
    store = compile_graph(sources(folder)).dataset
    began = (NamedNode(f"{ID}tenure/ivo-brandt--secretary-general--lakes-hub"), NamedNode(expand("icn:began")), None)
    article, graph = NamedNode(f"{ID}article/{ARTICLE}"), NamedNode(ARTICLE_GRAPH + ARTICLE)
    assert mini_store.contains_named_graph(graph)
    assert not store.contains_named_graph(graph)
    assert [] == list(store.quads_for_pattern(None, None, article))
    claims = [q.subject for q in store if isinstance(q.subject, NamedNode) and f"claim/{ARTICLE}--" in q.subject.value]
    assert [] == claims
    assert {quad.object for quad in store.quads_for_pattern(*began, DefaultGraph())}
    claim = next(
        q.subject.value
        for q in mini_store.quads_for_pattern(None, NamedNode(expand("icn:inArticle")), article, graph)
        if isinstance(q.subject, NamedNode)
    )
    for iri in (article.value, graph.value, claim):
        with pytest.raises(QueryError) as found:
            find(store, iri)
        assert (410, ON, REASON) == (found.value.status, found.value.extra["withdrawn"], found.value.extra["reason"])


# --- what curators are told -------------------------------------------------------------------------------------------


def told(folder: Path) -> list[str]:
    with pytest.raises(DataError) as raised:
        compile_records(sources(folder), Silent())
    return [str(issue) for issue in raised.value.issues]


def test_a_reference_to_what_was_withdrawn_is_an_error_at_its_line(tmp_path: Path) -> None:
    """Wherever it stands: the finding has line and column, and says what to write instead."""
    folder = copy_project(tmp_path)
    (folder / "data/entities/person/tessa-marlow.yaml").write_text(TOMBSTONE, encoding="utf-8")
    expected = (
        "data/articles/2020/2020-10-15-summit-report.yaml:18:18 error withdrawn-entity: "
        f"'tessa-marlow' was withdrawn on {ON}. "
        "Remove what is said of it here, or name the office or an unidentified party instead."
    )
    assert [expected] == told(folder)


@pytest.mark.parametrize(
    ("text", "line", "finding"),
    [
        (f"names: {{en: Tessa Marlow}}\n{TOMBSTONE}", "1:1", "`names` stands in a withdrawn record"),
        (f"{TOMBSTONE}affiliation: lakes-hub\n", "2:1", "`affiliation` stands in a withdrawn record"),
        (f"# Tessa Marlow\n{TOMBSTONE}", "1:1", "a comment stands in a withdrawn record"),
        (f"{TOMBSTONE[:-1]} # Tessa\n", f"1:{len(TOMBSTONE) + 1}", "a comment stands in a withdrawn record"),
        (f"withdrawn: {{on: {ON}, reason: Ms. MARLOW (Tessa) asked.}}\n", "1:37", "the reason names the person"),
        (f"withdrawn: {{on: {ON}}}\n", "1:1", "`reason` is missing"),
        ("withdrawn: {on: 2026-11, reason: Because.}\n", "1:17", "'2026-11' is not a day"),
        (f"withdrawn: {{on: {ON}, reason: Because., by: us}}\n", "1:47", "there is no key 'by' here"),
        ("withdrawn: true\n", "1:12", "`withdrawn` is not a mapping"),
    ],
)
def test_a_withdrawn_record_says_nothing_else(tmp_path: Path, text: str, line: str, finding: str) -> None:
    """A name that is left in the repository is found, in a key, a comment or the reason, at its place."""
    folder = copy_project(tmp_path)
    remove_claims(folder / "data", "tessa-marlow")
    path = folder / "data/entities/person/tessa-marlow.yaml"
    path.write_text(text, encoding="utf-8")
    assert any(each.startswith(f"data/entities/person/tessa-marlow.yaml:{line} error ") for each in told(folder))
    assert any(finding in each for each in told(folder))


def test_the_line_for_editors_may_stay(tmp_path: Path) -> None:
    """It names no one."""
    folder = copy_project(tmp_path)
    remove_claims(folder / "data", "tessa-marlow")
    schema = "# yaml-language-server: $schema=../../schema/entity.schema.json\n"
    (folder / "data/entities/person/tessa-marlow.yaml").write_text(schema + TOMBSTONE, encoding="utf-8")
    compiled = compile_records(sources(folder), Silent())
    assert NamedNode(f"{ID}person/tessa-marlow") in {quad.subject for quad in compiled.entities}


def test_an_id_stays_taken(tmp_path: Path) -> None:
    """The id of what was withdrawn is given to nothing else."""
    folder = copy_project(tmp_path)
    remove_claims(folder / "data", "tessa-marlow")
    (folder / "data/entities/person/tessa-marlow.yaml").write_text(TOMBSTONE, encoding="utf-8")
    (folder / "data/entities/place/tessa-marlow.yaml").write_text("names: {en: A place}\n", encoding="utf-8")
    (issue,) = told(folder)
    assert "duplicate-id: the id 'tessa-marlow' is taken by" in issue


# --- corrections ------------------------------------------------------------------------------------------------------


def test_a_correction_is_told_on_the_pages(tmp_path: Path) -> None:
    """On that of the article, of its claims and of the entity, and in their data, each with its day."""
    folder = copy_project(tmp_path)
    (path,) = (folder / "data").glob(f"articles/*/{ARTICLE}.yaml")
    note = "The beginning was given as 2017; the page says 2018."
    path.write_text(f"{path.read_text()}corrections:\n  - {{on: {ON}, note: {note}}}\n", encoding="utf-8")
    person = folder / "data/entities/person/mira-oslan.yaml"
    person.write_text(f"{person.read_text()}corrections: [{{on: 2026-11-25, note: The name was misspelt.}}]\n")
    compiled = compile_records(sources(folder), Silent())
    store = assemble(compiled, sources(folder), Silent()).dataset
    said = store.quads_for_pattern(NamedNode(f"{ID}article/{ARTICLE}"), NamedNode(expand("skos:changeNote")), None)
    assert {ARTICLE_GRAPH + ARTICLE, ""} == {getattr(quad.graph_name, "value", "") for quad in said}
    claim = next(
        quad.subject.value
        for quad in store.quads_for_pattern(
            None, NamedNode(expand("icn:inArticle")), NamedNode(f"{ID}article/{ARTICLE}"), DefaultGraph()
        )
        if isinstance(quad.subject, NamedNode)
    )
    (folder / "made.nq").write_bytes(store.dump(format=RdfFormat.N_QUADS) or b"")
    with serving(folder, folder / "made.nq") as served:
        for iri, told_there in (
            (f"article/{ARTICLE}", f"{ON}: {note}"),
            (claim.removeprefix(ID), f"{ON}: {note}"),
            ("person/mira-oslan", "2026-11-25: The name was misspelt."),
        ):
            text = requests.get(f"{served.address}/doc/{iri}?lang=ru", headers=HTML, timeout=60).text
            assert "Исправлено" in text
            assert told_there in text
        data = requests.get(f"{served.address}/doc/article/{ARTICLE}.ttl", timeout=60).text
        assert f"{ON}: {note}" in data


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("corrections: [{on: 2026, note: Wrong.}]", "date"),
        ("corrections: [{note: Wrong.}]", "missing-key"),
        ("corrections: [{on: 2026-11-26, note: Wrong., by: me}]", "unknown-key"),
    ],
)
def test_a_correction_has_a_day_and_a_note(tmp_path: Path, line: str, code: str) -> None:
    """Neither may be missing, on articles and entities alike, and nothing else is taken."""
    folder = copy_project(tmp_path)
    (article,) = (folder / "data").glob(f"articles/*/{ARTICLE}.yaml")
    for path in (article, folder / "data/entities/person/tessa-marlow.yaml"):
        path.write_text(f"{path.read_text()}{line}\n", encoding="utf-8")
    found = told(folder)
    assert 2 == len(found)
    assert all(f" error {code}: " in each for each in nonempty(found))


# --- persons ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("graph", ["", f"{ARTICLE_GRAPH}x"])
@pytest.mark.parametrize(
    "fact",
    [
        "schema:birthDate", "schema:birthPlace", "schema:deathDate", "schema:spouse", "schema:children",
        "schema:gender", "schema:nationality", "schema:healthCondition", "schema:homeLocation", "schema:address",
        "schema:telephone", "schema:email", "foaf:age", "icn:religion", "icn:ethnicity", "icn:description",
    ],
)  # fmt: skip
def test_what_is_no_public_role_is_found(mini_store: Store, fact: str, graph: str) -> None:
    """Birth, family, health, address, origin: any property that is not on the list, whichever graph has it."""
    checks = [check for check in load_checks(ROOT / "queries/checks", ROOT) if check.code == "facts-about-persons"]
    store = Store()
    store.bulk_extend(mini_store)
    assert [] == run_checks(store, checks, SourceMap())
    person = NamedNode(f"{ID}person/ivo-brandt")
    store.add(Quad(person, NamedNode(expand(fact)), Literal("x"), NamedNode(graph) if graph else DefaultGraph()))
    (issue,) = run_checks(store, checks, SourceMap())
    assert ("error", f"{fact.partition(':')[2]} is said of person/ivo-brandt, and is no public role") == (
        issue.severity,
        issue.finding,
    )


@pytest.mark.parametrize("way", ["icn:tiedFrom", "icn:nameOf", "schema:parent"])
def test_what_leads_to_a_person_is_looked_at_too(mini_store: Store, way: str) -> None:
    """A tie between persons, as of a family, is no public role."""
    checks = [check for check in load_checks(ROOT / "queries/checks", ROOT) if check.code == "facts-about-persons"]
    store = Store()
    store.bulk_extend(mini_store)
    store.add(Quad(NamedNode(f"{ID}tie/x"), NamedNode(expand(way)), NamedNode(f"{ID}person/ivo-brandt")))
    assert 1 == len(run_checks(store, checks, SourceMap()))


def test_a_claim_about_the_person_itself_fails_the_build(tmp_path: Path) -> None:
    """A free description of a person is refused at the curator's line."""
    folder = copy_project(tmp_path)
    (path,) = (folder / "data").glob(f"articles/*/{ARTICLE}.yaml")
    line = len(path.read_text(encoding="utf-8").splitlines()) + 1
    claim = "  - attribute: {of: mira-oslan, description: in poor health}\n    says: She is ill.\n"
    path.write_text(path.read_text(encoding="utf-8") + claim, encoding="utf-8")
    with pytest.raises(DataError) as raised:
        build(sources(folder), folder / "build")
    places = [(issue.code, issue.place.line) for issue in raised.value.issues]
    assert ("facts-about-persons", line) in places


def test_the_page_about_persons_counts_what_there_is(server: Served, mini_store: Store) -> None:
    """Its numbers are those of the data; it is linked from the page of each person, and from every footer."""
    text = requests.get(f"{server.address}/about/persons", headers=HTML, timeout=60).text
    persons = {
        q.subject
        for q in mini_store.quads_for_pattern(
            None, NamedNode(expand("rdf:type")), NamedNode(expand("icn:Person")), DefaultGraph()
        )
    }
    assert f"{len(persons)} persons are named" in text
    facts = dict[str, int]()
    for quad in mini_store.quads_for_pattern(None, None, None, DefaultGraph()):
        if quad.predicate.value.startswith(ONTOLOGY) and (quad.subject in persons) + (quad.object in persons):
            facts[quad.predicate.value] = facts.get(quad.predicate.value, 0) + 1
    for untold in ("icn:claims", "icn:statedIn"):
        facts.pop(expand(untold), None)
    rows = re.findall(r"<td>(\d+)</td><td>(\d+)</td>", text)
    assert sorted(facts.values()) == sorted(int(number) for _, number in rows)
    assert len(facts) > 3
    russian = requests.get(f"{server.address}/about/persons?lang=ru", headers=HTML, timeout=60).text
    assert "О лицах в этих данных" in russian
    links = re.findall(
        r'href="(/about/persons[^"]*)"',
        requests.get(f"{server.address}/doc/person/tessa-marlow?lang=ru", headers=HTML, timeout=60).text,
    )
    assert ["/about/persons?lang=ru"] * 2 == links
    assert 'href="/about/persons"' in requests.get(f"{server.address}/dataset", headers=HTML, timeout=60).text


# --- faults of security -----------------------------------------------------------------------------------------------


def test_without_a_contact_there_is_no_security_txt(server: Served) -> None:
    """No address is invented."""
    assert 404 == requests.get(f"{server.address}/.well-known/security.txt", timeout=60).status_code


@pytest.mark.parametrize(("days", "status"), [(30, 200), (-1, 404)])
def test_security_txt_says_whom_to_tell(tmp_path: Path, days: int, status: int) -> None:
    """As RFC 9116 has it, with what the one who runs the server gave; one that has expired is not given any more."""
    (tmp_path / "one.ttl").write_text("<urn:a> <urn:b> <urn:c> .\n")
    expires = (datetime.now(UTC).date() + timedelta(days=days)).isoformat()
    contacts = ("mailto:security@institution.example", "https://institution.example/report")
    options = [part for each in contacts for part in ("--security-contact", each)] + ["--security-expires", expires]
    public = ["--public-url", "https://data.example/icn"]
    with serving(tmp_path, tmp_path / "one.ttl", options=[*options, *public]) as served:
        answer = requests.get(f"{served.address}/.well-known/security.txt", timeout=60)
        assert status == answer.status_code
        if status == 200:
            assert "text/plain; charset=utf-8" == answer.headers["content-type"]
            expected = [*(f"Contact: {each}" for each in contacts), f"Expires: {expires}T00:00:00Z"]
            expected += ["Preferred-Languages: en, ru", "Canonical: https://data.example/icn/.well-known/security.txt"]
            assert expected == answer.text.splitlines()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--security-contact", "mailto:a@b.example"], "belong together"),
        (["--security-expires", "2027-01-01"], "belong together"),
        (["--security-contact", "a@b.example", "--security-expires", "2027-01-01"], "this is no address"),
        (["--security-contact", "mailto:a\nExpires: x", "--security-expires", "2027-01-01"], "this is no address"),
        (["--security-contact", "mailto:a@b.example", "--security-expires", "soon"], "this is no day"),
    ],
)
def test_a_contact_that_is_none_is_refused(project: Path, options: list[str], said: str) -> None:
    """Address and day are checked before anything is served."""
    done = kgbuild_here(project, "serve", *options)
    assert 2 == done.returncode
    assert said in done.stderr
