# ruff: noqa: F811, SIM300 - fixtures are imported; the expected value comes first, as everywhere in these tests
"""Stores on disk: the same answers, limits and walls as from memory; made once, whole or not at all, and cleared away.

Some tests of the protocol run here again, over this file's server.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from re import findall

import pytest
import requests

from canary import DISGUISED, PLAIN, listening
from kgbuild.build.release import ReleaseContent, collect_garbage, publish
from kgbuild.questions.named import bind, load_questions
from kgbuild.workers import disk
from mini import kgbuild_here
from nonempty import nonempty
from servers import free_port
from serving import (
    JSON,
    ROOT,
    RUNAWAY,
    SOURCE,
    Served,
    is_alive,
    mini_file,
    mini_nquads,
    serving,
    until,
    workers,
    zygote,
)
from test_protocol import (  # noqa: F401 - collected here once more
    sizes,
    store,
    test_a_graph_that_is_named_twice_counts_once,
    test_default_graphs_are_merged_to_a_set,
    test_from_behind_a_template_is_seen,
    test_graphs_are_found_however_they_are_written,
    test_merging_leaves_nothing_behind,
    test_the_default_graph_alone_is_the_default,
    test_the_protocols_graphs_win_over_from,
)
from test_refusals import sendings

PROBLEM = "https://w3id.org/icn/problem/"
TIMEOUT = 0.6
WHICH = "SELECT ?x { <urn:which> <urn:is> ?x }"
QUESTIONS = load_questions(ROOT / "queries" / "questions")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mini_file(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("build")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, data: Path, build: Path) -> Iterator[Served]:
    options = ["--workers", "2", "--memory-per-query", "200"]
    with serving(tmp_path_factory.mktemp("disk"), data, options=from_disk(build, *options)) as served:
        yield served


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, data: Path, build: Path) -> Iterator[Served]:
    """Serve from disk with half a second to a query."""
    options = ["--query-timeout", str(TIMEOUT), "--workers", "2"]
    with serving(tmp_path_factory.mktemp("strict"), data, options=from_disk(build, *options)) as served:
        yield served


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("memory"), data, options=["--store", "memory"]) as served:
        yield served


def from_disk(build: Path, *more: str) -> list[str]:
    return ["--store", "disk", "--build-dir", str(build), *more]


def stores(build: Path) -> list[Path]:
    """List what is in the folder of stores, leftovers too."""
    return sorted((build / "stores").iterdir())


def not_served(*options: str, tweak: str = "") -> tuple[int, str]:
    """Run a server that cannot start; its exit code and what it says."""
    program = f"{tweak}\nfrom kgbuild.cli import main\nmain()"
    command = [sys.executable, "-c", program, "serve", "--port", str(free_port()), *options]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60)
    return done.returncode, done.stderr


def said(served: Served) -> str:
    return served.log.read_text(encoding="utf-8")


def problem_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix(PROBLEM)


def many_quads(path: Path, count: int) -> Path:
    """Write so many quads that loading them takes a while."""
    with path.open("w", encoding="ascii") as file:
        file.writelines(f'<urn:s{i % 1000}> <urn:p{i % 7}> "object {i}" <urn:g{i % 50}> .\n' for i in range(count))
    return path


# --- answers ------------------------------------------------------------------------------------------------------


def rows(served: Served, query: str) -> list[str]:
    """Answer a query: its rows, sorted, and the words in each value too: GROUP_CONCAT has no order."""
    answer = served.ask(query)
    assert 200 == answer.status_code, answer.text
    found = answer.json()["results"]["bindings"]
    plain = [{name: " ".join(sorted(findall(r"\w+", term["value"]))) for name, term in row.items()} for row in found]
    return sorted(json.dumps(row, sort_keys=True) for row in plain)


@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_are_answered_as_from_memory(server: Served, memory: Served, name: str) -> None:
    """Each named question has the same rows from disk: with its defaults, and of everything."""
    question = QUESTIONS[name]
    everything = bind(question, dict.fromkeys(question.parameters))
    for query in (bind(question, {}), everything):
        assert rows(memory, query) == rows(server, query)


def test_most_questions_have_rows(memory: Served) -> None:
    """Equal answers that are empty would prove little."""
    asked = [bind(question, dict.fromkeys(question.parameters)) for question in QUESTIONS.values()]
    assert len(asked) // 2 < sum(bool(rows(memory, query)) for query in asked)


def test_rows_have_the_same_sources(server: Served, memory: Served) -> None:
    """Rows are led back to their articles over a store on disk too."""
    query = "PREFIX icn: <https://w3id.org/icn/ontology#> SELECT ?m ?d { ?m icn:joined ?d } ORDER BY ?m ?d"
    first, second = (served.get({"query": query, "sources": "1"}).json()["sources"] for served in (server, memory))
    assert len(first) > 3
    assert [json.dumps(row, sort_keys=True) for row in second] == [json.dumps(row, sort_keys=True) for row in first]


def test_the_sizes_that_are_told_are_right(server: Served) -> None:
    """The start, /healthz and the service description know how much there is, though the zygote holds nothing."""
    count = len(mini_nquads().splitlines())
    assert f"Serving files, {count:,} quads" in said(server)
    assert f"{count} quads" in requests.get(f"{server.address}/healthz", timeout=60).text
    default, named = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
    assert count == sum(int(server.rows(query)[0]["n"]) for query in (default, named))


def test_merged_graphs_and_named_graphs_in_one_query(server: Served, memory: Served, sizes: dict[str, int]) -> None:
    """Of several default graphs a copy is asked; a GRAPH beside them sees what it should."""
    first, second, third = sorted(sizes)[:3]
    clauses = f"FROM <{first}> FROM <{second}> FROM NAMED <{third}>"
    for graph in ("GRAPH", "graph"):
        query = f"SELECT ?g (COUNT(*) AS ?n) {clauses} {{ {graph} ?g {{ ?a ?b ?c }} }} GROUP BY ?g"
        assert [{"g": third, "n": str(sizes[third])}] == server.rows(query) == memory.rows(query)
    both = f"SELECT (COUNT(*) AS ?n) {clauses} {{ {{ ?s ?p ?o }} UNION {{ GRAPH ?g {{ ?s ?p ?o }} }} }}"
    assert memory.rows(both) == server.rows(both)


# --- walls and limits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [*PLAIN[:3], *DISGUISED])
def test_nobody_else_is_asked(server: Served, written: str) -> None:
    """SERVICE, in the open or in disguise, calls nobody."""
    with listening() as canary:
        for answer in nonempty(sendings(server, written.format(c=canary.address))):
            assert answer.status_code in (200, 400, 403), answer.text
            assert "canary" not in answer.text
        assert [] == canary.calls


WALLED = """
import sys
from kgbuild.workers import zygote
store = zygote._open(sys.argv[1])
if sys.argv[3] == "walled":
    zygote._forbid_descriptors()
print(len(store))
try:
    print(list(store.query("SELECT * { SERVICE <" + sys.argv[2] + "> { ?a ?b ?c } }")))
except (OSError, RuntimeError) as problem:
    print(problem)
"""


def test_the_wall_stands_without_the_scan(server: Served, build: Path) -> None:
    """A SERVICE that no scan saw calls nobody once the store is open; without the wall it would."""
    assert server.is_well()
    (place,) = stores(build)
    told = {}
    for how in ("walled", "open"):
        with listening() as canary:
            command = [sys.executable, "-c", WALLED, str(place), canary.address, how]
            environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
            done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=60)
            told[how] = (done.stdout.splitlines(), len(canary.calls))
    count = str(len(mini_nquads().splitlines()))
    assert ([count, "Too many open files (os error 24)"], 0) == told["walled"]
    assert (count, 1) == (told["open"][0][0], told["open"][1])


def test_workers_have_no_descriptor_to_spare(server: Served) -> None:
    """Each worker's limit is zero, and every file of the store is open in it."""
    assert server.is_well()
    for pid in nonempty(workers(server)):
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines()
        (files,) = [line.split() for line in limits if line.startswith("Max open files")]
        assert ["0", "0"] == files[3:5]
        opened = {path.readlink().name for path in Path(f"/proc/{pid}/fd").iterdir()}
        assert any(name.endswith(".sst") for name in opened)


@pytest.mark.parametrize("allowed", [70, 100])
def test_too_few_descriptors_are_a_clear_end(build: Path, data: Path, server: Served, allowed: int) -> None:
    """Where not all files can be held open there is no wall, and nothing is served; Oxigraph alone would at 100."""
    assert server.is_well()
    tweak = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({allowed}, {allowed}))"
    code, text = not_served("--data", str(data), *from_disk(build), tweak=tweak)
    assert 3 == code, text
    assert f"cannot all be held open: a process may open {allowed} here. Raise that limit (`ulimit -Hn`)" in text
    assert "Traceback" not in text
    assert "Remove" not in text


def test_a_deadline_is_kept_and_the_worker_replaced(strict: Served) -> None:
    """Runaways are ended by their deadlines, again and again, and small queries are answered after each."""
    before = workers(strict)
    for _ in range(3):
        assert (504, "deadline") == problem_of(strict.ask(RUNAWAY))
        assert strict.is_well()
    until(lambda: len(workers(strict)) == 2, "two workers are there again")
    assert before.isdisjoint(workers(strict))


def test_memory_is_limited(server: Served) -> None:
    """What grows beyond its memory is ended by name; what a store on disk reserves for itself does not count."""
    largest = "SELECT (GROUP_CONCAT(CONCAT(STR(?a), STR(?b), STR(?d), STR(?c))) AS ?x) { ?a ?b ?c . ?d ?e ?f }"
    assert (503, "out-of-memory") == problem_of(server.ask(largest))
    sorted_ = "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?f ?c ?a"
    assert (503, "out-of-memory") == problem_of(server.ask(sorted_))
    assert server.is_well()


def test_a_worker_that_is_killed_is_replaced(server: Served) -> None:
    """Workers that die at rest are replaced, and open the store anew."""
    until(lambda: len(workers(server)) == 2, "two workers are there")
    before = workers(server)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(workers(server)) == 2 and before.isdisjoint(workers(server)), "two others are there")
    assert server.is_well()


def test_the_zygote_is_replaced(server: Served) -> None:
    """When the process that forks has been killed, another one opens the same store."""
    old = zygote(server)
    os.kill(old, signal.SIGKILL)
    until(lambda: not is_alive(old), "it has ended")

    def is_back() -> bool:
        return server.ask("ASK {}").status_code == 200

    until(is_back, "queries are answered again")
    assert old != zygote(server)


# --- made once ----------------------------------------------------------------------------------------------------


def test_a_store_is_used_again_until_its_files_change(tmp_path: Path) -> None:
    """A second start loads nothing; once the file has changed it is loaded anew, and the old store goes."""
    data = mini_file(tmp_path)
    options = from_disk(tmp_path)
    with serving(tmp_path, data, options=options) as served:
        assert "Loading" in said(served)
    (first,) = stores(tmp_path)
    made = (first / "about.json").stat()
    with serving(tmp_path, data, options=options) as served:
        assert "Loading" not in said(served)
        assert served.is_well()
    assert made == (first / "about.json").stat()
    data.write_bytes(mini_nquads() + b'<urn:which> <urn:is> "another" .\n')
    with serving(tmp_path, data, options=options) as served:
        assert [{"x": "another"}] == served.rows(WHICH)
    (second,) = stores(tmp_path)
    assert first != second


def test_a_store_of_another_version_is_made_anew(tmp_path: Path) -> None:
    """What another version of the library has written is not trusted."""
    data = mini_file(tmp_path)
    with serving(tmp_path, data, options=from_disk(tmp_path)):
        pass
    (place,) = stores(tmp_path)
    about = place / "about.json"
    about.write_text(about.read_text(encoding="utf-8").replace("pyoxigraph ", "pyoxigraph 0."), encoding="utf-8")
    with serving(tmp_path, data, options=from_disk(tmp_path)) as served:
        assert "Loading" in said(served)
        assert served.is_well()
    assert [place] == stores(tmp_path)


def test_what_is_known_is_asked_once(tmp_path: Path) -> None:
    """The counts that the pages show are kept beside the store; they are those that were found first."""
    data = mini_file(tmp_path)
    descriptions = []
    for _ in range(2):
        with serving(tmp_path, data, options=from_disk(tmp_path)) as served:
            lines = served.get({}, "application/n-triples").text.replace(str(served.port), "PORT").splitlines()
            # Blank nodes have other names each time.
            descriptions.append(sorted(line.rpartition(" <")[2] for line in lines))
    (place,) = stores(tmp_path)
    assert len(disk.read_notes(place)["known"]["classes"]) > 5
    assert descriptions[0] == descriptions[1]


@pytest.mark.parametrize("whom", ["server", "loader"])
def test_a_load_that_is_killed_leaves_nothing_whole(tmp_path: Path, whom: str) -> None:
    """Killed in the middle, a load is no store; the next start clears it away and loads."""
    data = many_quads(tmp_path / "many.nq", 300_000)
    build = tmp_path / "build"
    command = [sys.executable, "-c", "from kgbuild.cli import main; main()", "serve", "--port", str(free_port())]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    with (tmp_path / "killed.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--data", str(data), *from_disk(build)], stderr=log, env=environment, cwd=ROOT
        )
    until(lambda: any(build.glob("stores/.tmp-*/quads/*.sst")), "the load is under way")
    (temporary,) = stores(build)
    loader = int(temporary.name.split("-")[1])
    os.kill(process.pid if whom == "server" else loader, signal.SIGKILL)
    code = process.wait(60)
    until(lambda: not is_alive(loader), "the loading process has ended")
    if whom == "loader":
        assert 3 == code
        assert "has ended by signal 9; nothing of the load is left" in (tmp_path / "killed.log").read_text("utf-8")
        assert [] == stores(build)
    else:
        assert [temporary] == stores(build)
    with serving(tmp_path, data, options=from_disk(build)) as served:
        assert [{"n": "300000"}] == served.rows("SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }")
    (whole,) = stores(build)
    assert not whole.name.startswith(".")


def test_two_servers_share_one_load(tmp_path: Path) -> None:
    """Of two that start together one loads and the other waits; both serve the same store."""
    data = many_quads(tmp_path / "many.nq", 50_000)
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    options = from_disk(tmp_path / "build")
    other = [sys.executable, "-m", "kgbuild.workers.disk"]
    order = disk.Order(str(tmp_path / "build" / "stores"), disk.name_of_files([data]), (str(data),), os.getpid())
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    loader = subprocess.Popen([*other, json.dumps(order.__dict__)], env=environment, stdout=subprocess.DEVNULL)
    with serving(folders[1], data, options=options) as served:
        assert 0 == loader.wait(60)
        assert [{"n": "50000"}] == served.rows("SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }")
    assert 1 == len(stores(tmp_path / "build"))


def test_a_damaged_file_leaves_nothing(tmp_path: Path) -> None:
    """A file that is no RDF is told with its name and line; nothing is left."""
    data = tmp_path / "broken.nq"
    data.write_bytes(mini_nquads() + b"<urn:a> broken\n")
    line = len(mini_nquads().splitlines()) + 1
    code, text = not_served("--data", str(data), *from_disk(tmp_path / "build"))
    assert 2 == code, text
    assert f"The data cannot be loaded: {data}: " in text
    assert f"line {line}" in text
    assert text.rstrip().endswith("Mend the file.")
    assert "Traceback" not in text
    assert [] == stores(tmp_path / "build")


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """On a disk with no room for the store that is said, with what to do; nothing is left, and memory still serves."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a small disk for this test")
    data = many_quads(tmp_path / "many.nq", 100_000)
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let a test mount a small disk")
    try:
        code, text = not_served("--data", str(data), *from_disk(small))
        assert 2 == code, text
        assert f"{small}/stores: the disk is full; nothing of the load is left. Make room" in text
        assert "Traceback" not in text
        assert [] == stores(small)
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_folder_that_is_none_is_said(tmp_path: Path, data: Path) -> None:
    """Where no store can be made the place and a way out are named."""
    (tmp_path / "stores").write_text("a file, no folder", encoding="utf-8")
    code, text = not_served("--data", str(data), *from_disk(tmp_path))
    assert 2 == code, text
    assert f"{tmp_path}/stores: " in text
    assert "--store memory" in text
    assert "Traceback" not in text


def test_a_damaged_store_is_said(tmp_path: Path) -> None:
    """A store that has lost a file is not served, and how to have it made anew is said."""
    data = mini_file(tmp_path)
    with serving(tmp_path, data, options=from_disk(tmp_path)):
        pass
    (place,) = stores(tmp_path)
    for path in place.glob("quads/*.sst"):
        path.unlink()
    code, text = not_served("--data", str(data), *from_disk(tmp_path))
    assert 3 == code, text
    assert f"Remove the folder {place}, and start again: it is made anew." in text
    assert "Traceback" not in text
    shutil.rmtree(place)
    with serving(tmp_path, data, options=from_disk(tmp_path)) as served:
        assert served.is_well()


# --- which ---------------------------------------------------------------------------------------------------------


def test_a_store_must_be_one_of_three(tmp_path: Path, data: Path) -> None:
    """Another word is refused with those that there are."""
    done = kgbuild_here(tmp_path, "serve", "--data", str(data), "--store", "tape")
    assert (2, "--store tape: there is no such store. Use one of auto, memory, disk.\n") == (
        done.returncode,
        done.stderr,
    )


@pytest.mark.parametrize(("above", "expected"), [(1000, True), (10_000_000, False)])
def test_much_data_go_to_disk_by_themselves(tmp_path: Path, data: Path, above: int, expected: bool) -> None:
    """Without an order the number of quads decides."""
    tweak = f"import kgbuild.workers.disk as d; d.ON_DISK_ABOVE = {above}"
    with serving(tmp_path, data, options=["--build-dir", str(tmp_path)], tweak=tweak) as served:
        assert expected == ("Loading" in said(served)) == (tmp_path / "stores").exists()
        assert served.is_well()


def test_quads_are_counted_from_above(tmp_path: Path, data: Path) -> None:
    """An estimate is never too low for lines, close for Turtle and its like, and ends soon above what is enough."""
    count = len(mini_nquads().splitlines())
    assert count <= disk.most_quads([data]) <= count + 1
    cut = tmp_path / "cut.nt"
    cut.write_bytes(mini_nquads().rstrip(b"\n"))
    assert count == disk.most_quads([cut])
    trig = tmp_path / "mini.trig"
    trig.write_bytes(mini_nquads())
    assert count < disk.most_quads([trig])
    assert 10 < disk.most_quads([many_quads(tmp_path / "many.nq", 100_000)], enough=10) < 100_000


def test_a_known_number_is_not_counted() -> None:
    """Of a release the manifest tells: its files are not read."""
    nowhere = [Path("/nowhere/graph.nq")]
    assert disk.belongs_on_disk("auto", nowhere, disk.ON_DISK_ABOVE + 1)
    assert not disk.belongs_on_disk("auto", nowhere, disk.ON_DISK_ABOVE)
    assert disk.belongs_on_disk("disk", nowhere, 1)
    assert not disk.belongs_on_disk("memory", nowhere, 1 << 40)


# --- releases -----------------------------------------------------------------------------------------------------


def make_release(build: Path, label: str) -> str:
    """Publish the fixture with one triple that tells which release it is."""
    told = f'<urn:which> <urn:is> "{label}" .\n'.encode()
    lines = sorted([*mini_nquads().splitlines(keepends=True), told])
    return publish(build, ReleaseContent(b"".join(lines), b"", {}, {"quads": len(lines)})).id


def test_each_release_has_its_store(tmp_path: Path) -> None:
    """A release that comes in is loaded and takes over; gc removes the store of one that is gone, unless it is used."""
    build = tmp_path / "build"
    first = make_release(build, "first")
    tweak = "import kgbuild.server.exchange.service as s; s.LOOK_EVERY = 0.1"
    with serving(tmp_path, build=build, options=["--store", "disk"], tweak=tweak) as served:
        assert [{"x": "first"}] == served.rows(WHICH)
        second = make_release(build, "second")
        until(lambda: [{"x": "second"}] == served.rows(WHICH), "the second release answers")
        assert {first, second} == {path.name for path in stores(build)}
        shutil.rmtree(build / "releases" / first)
        until(lambda: (build / "stores" / first).exists() and len(workers(served)) <= 4, "the old pool is going")
        until(lambda: [f"stores/{first}"] == collect_garbage(build), "the old store is free, and goes")
        assert [second] == [path.name for path in stores(build)]
        assert served.is_well()


def test_gc_keeps_what_is_used(tmp_path: Path) -> None:
    """Stores of releases that are gone and of files that have changed are removed, not those in use, nor the others."""
    build = tmp_path / "build"
    kept = make_release(build, "kept")
    still = mini_file(tmp_path)
    as_it_is = [[str(still), still.stat().st_size, still.stat().st_mtime_ns]]
    names = {"gone": [], "held": [], kept: [], "data-still": as_it_is, "data-changed": [[str(still), 1, 1]]}
    for name, files in names.items():
        (build / "stores" / name).mkdir(parents=True)
        about = {"quads": 1, "made_with": disk._MADE_WITH, "files": files}
        (build / "stores" / name / "about.json").write_text(json.dumps(about), encoding="utf-8")
    holding = disk.hold(build / "stores" / "held")
    done = kgbuild_here(tmp_path, "release", "gc")
    assert (0, "Removed stores/data-changed\nRemoved stores/gone\n") == (done.returncode, done.stderr)
    os.close(holding)
    assert ["stores/held"] == collect_garbage(build)
    assert sorted(["data-still", kept]) == [path.name for path in stores(build)]


def test_a_pinned_release_keeps_its_store_while_it_is_served(tmp_path: Path) -> None:
    """The folder of a release may go while it is served: its store stays, and new workers open it."""
    build = tmp_path / "build"
    first = make_release(build, "first")
    make_release(build, "second")
    with serving(tmp_path, build=build, options=["--store", "disk", "--release", first]) as served:
        shutil.rmtree(build / "releases" / first)
        assert [] == collect_garbage(build)
        for pid in workers(served):
            os.kill(pid, signal.SIGKILL)
        until(lambda: served.ask(WHICH, JSON).status_code == 200, "new workers answer")
        assert [{"x": "first"}] == served.rows(WHICH)
    assert [f"stores/{first}"] == collect_garbage(build)
