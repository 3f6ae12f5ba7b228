# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Figures and the access log: they count what was asked, keep few labels, and nothing that is sent can spoil them."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from starlette.routing import Route

from kgbuild.cli import main
from kgbuild.server.app import routes
from kgbuild.server.exchange.meter import NO_ROUTE
from serving import PATIENCE, ROOT, RUNAWAY, Served, mini_file, mini_nquads, serving, until

Labels = tuple[tuple[str, str], ...]


def samples(server: Served) -> dict[tuple[str, Labels], float]:
    """Read all figures: (name, labels) -> value."""
    text = server.figures().text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse(text)
        for sample in family.samples
    }


def figure(found: dict[tuple[str, Labels], float], name: str, **labels: str) -> float:
    """Add up the samples of a name that have these labels."""
    return sum(
        value for (sample, given), value in found.items() if sample == name and labels.items() <= dict(given).items()
    )


def test_requests_are_counted_by_route_method_and_status(server: Served) -> None:
    """What is asked a known number of times is counted as often, whether it comes from the cache or not."""
    before = samples(server)
    for _ in range(5):
        assert 200 == server.ask("SELECT * { ?s ?p ?o } LIMIT 3").status_code
    server.ask("SELECT broken")
    requests.head(f"{server.address}/", timeout=PATIENCE)
    requests.delete(f"{server.address}/sparql", timeout=PATIENCE)
    after = samples(server)

    def grew(**labels: str) -> float:
        name = "kgbuild_http_requests_total"
        return figure(after, name, **labels) - figure(before, name, **labels)

    assert 5 == grew(route="/sparql", method="GET", status="200")
    assert 1 == grew(route="/sparql", method="GET", status="400")
    assert 1 == grew(route="/", method="HEAD", status="200")
    assert 1 == grew(route="/sparql", method="other", status="405")
    hits = [figure(found, "kgbuild_cache_hits_total") for found in (before, after)]
    assert 4 == hits[1] - hits[0]


def test_an_answer_that_has_not_changed_is_counted_as_such(server: Served) -> None:
    """A 304 from the cache is no 200."""
    tag = server.ask("ASK { ?unchanged ?p ?o }").headers["ETag"]
    before = samples(server)
    assert 304 == server.ask("ASK { ?unchanged ?p ?o }", If_None_Match=tag).status_code
    after = samples(server)
    labels = {"route": "/sparql", "method": "GET", "status": "304"}
    name = "kgbuild_http_requests_total"
    assert 1 == figure(after, name, **labels) - figure(before, name, **labels)


def test_durations_are_a_histogram(server: Served) -> None:
    """Each class holds the ones below it, and the last one holds all that were counted."""
    server.ask("SELECT * { ?histogram ?p ?o } LIMIT 1")
    found = samples(server)
    name = "kgbuild_http_request_duration_seconds"
    classes = [
        value
        for (sample, labels), value in found.items()
        if sample == f"{name}_bucket" and ("route", "/sparql") in labels
    ]
    assert sorted(classes) == classes
    assert classes[-1] == figure(found, f"{name}_count", route="/sparql") > 0
    assert figure(found, f"{name}_sum", route="/sparql") > 0


def test_no_address_becomes_a_label(server: Served) -> None:
    """Whatever addresses and methods are invented, labels are of the table of routes and a few methods."""
    for number in range(50):
        requests.get(f"{server.address}/made-up-{number}?x={number}", timeout=PATIENCE)
        requests.request(f"MADE{number}", f"{server.address}/sparql", timeout=PATIENCE)
    known = {NO_ROUTE, *(route.path for route in routes() if isinstance(route, Route))}
    labels = [dict(given) for _, given in samples(server)]
    assert {given["route"] for given in labels if "route" in given} <= known
    assert {given["method"] for given in labels if "method" in given} <= {"GET", "HEAD", "POST", "OPTIONS", "other"}
    assert {"made-up", "MADE"}.isdisjoint("".join(str(given) for given in labels))


def test_figures_tell_what_is_served(server: Served) -> None:
    """Quads and workers are those that there are."""
    found = samples(server)
    assert len(mini_nquads().splitlines()) == figure(found, "kgbuild_quads")
    assert 1 == figure(found, "kgbuild_release_info", release="files")
    assert 1 == figure(found, "kgbuild_ready")
    assert figure(found, "kgbuild_workers", lane="quick") >= 1
    assert figure(found, "process_resident_memory_bytes") > 1 << 20


def test_openmetrics_is_given_to_who_asks_for_it(server: Served) -> None:
    """Prometheus asks for it by default; the strict parser takes it."""
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    answer = server.figures(Accept=accept)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert "no-store" == answer.headers["Cache-Control"]
    families = parse_openmetrics(answer.text)  # type: ignore[no-untyped-call]
    assert "kgbuild_http_requests" in {family.name for family in families}


def test_workers_that_are_killed_are_counted_by_reason(tmp_path: Path) -> None:
    """A query past its deadline is one running query, then one worker ended for `deadline`."""
    with serving(tmp_path, mini_file(tmp_path), options=("--query-timeout", "1")) as served:
        assert 504 == served.ask(RUNAWAY).status_code
        until(lambda: figure(samples(served), "kgbuild_workers_ended_total", reason="deadline") == 1, "not counted")
        assert 0 == figure(samples(served), "kgbuild_queries_running")


def test_every_figure_is_documented(server: Served) -> None:
    """docs/dataset.md names each figure of ours, and none that there is not."""
    documented = set(re.findall(r"`(kgbuild_\w+)`", (ROOT / "docs" / "dataset.md").read_text("utf-8")))
    server.ask("ASK {}")
    text = server.figures().text
    named = {
        name for name in re.findall(r"^# TYPE (kgbuild_\w+) ", text, re.MULTILINE) if not name.endswith("_created")
    }
    assert documented == named


# --- the access log -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    """Serve with an access log."""
    folder = tmp_path_factory.mktemp("logged")
    log = folder / "access.log"
    with serving(folder, mini_file(folder), options=("--access-log", str(log))) as served:
        yield served, log


def last_line(log: Path, marker: str) -> dict[str, object]:
    """Read the one line whose agent is `marker`."""
    found: list[dict[str, object]] = []

    def is_there() -> bool:
        found[:] = [line for line in map(json.loads, log.read_text("ascii").splitlines()) if line["agent"] == marker]
        return bool(found)

    until(is_there, f"no line of {marker}")
    assert 1 == len(found)
    return found[0]


def test_a_request_is_one_line(logged: tuple[Served, Path]) -> None:
    """It says who asked for what, and what came of it."""
    served, log = logged
    answer = served.ask("ASK {}", User_Agent="one-line", Referer="http://example.org/")
    line = last_line(log, "one-line")
    expected = {"client": "127.0.0.1", "method": "GET", "path": "/sparql", "query": "query=ASK+%7B%7D"}
    assert expected == {name: line[name] for name in expected}
    assert (200, len(answer.content), "http://example.org/") == (line["status"], line["bytes"], line["referer"])


def test_a_kept_answer_is_logged_as_well(logged: tuple[Served, Path]) -> None:
    """What stands in front of the routes passes by no log."""
    served, log = logged
    served.ask("ASK { ?kept ?p ?o }")
    served.ask("ASK { ?kept ?p ?o }", User_Agent="kept-answer")
    assert 200 == last_line(log, "kept-answer")["status"]


def test_long_queries_are_cut(logged: tuple[Served, Path]) -> None:
    """Of a query there are 200 characters, by GET; of one by POST there is nothing."""
    served, log = logged
    long = f"ASK {{ ?s ?p '{'secret' * 100}' }}"
    served.ask(long, User_Agent="long-query")
    query = last_line(log, "long-query")["query"]
    assert isinstance(query, str)
    assert 200 == len(query)
    served.request("POST", data={"query": long}, User_Agent="long-post")
    assert "" == last_line(log, "long-post")["query"]


@pytest.mark.parametrize(
    ("name", "path", "agent"),
    [
        ("lines", b"/a%0a%0d%7b%22status%22:200%7d%0a", b"x"),
        ("escapes", b"/%1b%5b31m%00%7f", b'"} {"a": "\\n"'),
        ("separators", b"/%e2%80%a8%c2%85%e2%80%ae", "\x85 \u2028".encode()),
        ("no UTF-8", b"/%ff%fe", b"\xff\xfe"),
    ],
)
def test_no_request_can_write_a_line_of_its_own(
    logged: tuple[Served, Path], name: str, path: bytes, agent: bytes
) -> None:
    """Whatever path and header hold, there is one line more, of JSON, in printable ASCII."""
    served, log = logged
    before = len(log.read_bytes().splitlines())
    served.raw(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: " + agent + b"\r\n\r\n")
    until(lambda: len(log.read_bytes().splitlines()) > before, f"nothing was written ({name})")
    written = log.read_bytes()
    assert before + 1 == len(written.splitlines()) == written.count(b"\n")
    assert all(32 <= byte < 127 or byte == 10 for byte in written)
    assert isinstance(json.loads(written.splitlines()[-1])["agent"], str)


def test_the_log_may_be_moved_away(logged: tuple[Served, Path]) -> None:
    """As logrotate does: lines go into a new file of the old name."""
    served, log = logged
    log.rename(log.with_suffix(".1"))
    served.ask("ASK {}", User_Agent="after-moving")
    until(log.exists, "no new file")
    assert "/sparql" == last_line(log, "after-moving")["path"]


def test_the_log_goes_to_the_standard_output(tmp_path: Path) -> None:
    """With `-`; and there is none without the option."""
    with serving(tmp_path, mini_file(tmp_path), options=("--access-log", "-")) as served:
        served.ask("ASK {}", User_Agent="to-output")
        until(lambda: '"agent": "to-output"' in served.log.read_text("utf-8"), "nothing was written")
    with serving(tmp_path, mini_file(tmp_path)) as served:
        served.ask("ASK {}", User_Agent="to-nowhere")
        served.process.send_signal(signal.SIGTERM)
        served.process.wait(PATIENCE)
        assert "to-nowhere" not in served.log.read_text("utf-8")


def test_a_log_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said before anything is loaded, with the remedy."""
    target = tmp_path / "nowhere" / "access.log"
    data = mini_file(tmp_path)
    monkeypatch.setattr("sys.argv", ["kgbuild", "serve", "--data", str(data), "--access-log", str(target)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert 2 == ended.value.code
    message = capsys.readouterr().err
    assert f"--access-log {target}: cannot be written" in message
    assert "Traceback" not in message
