# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""Stages that run what others wrote: each step ends at its limit, told by its file, and leaves nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pyoxigraph import NamedNode, Quad

from hostile_logic import LIMITS, write_tangled_nodes
from kgbuild.build import stages
from kgbuild.build.ontology import Ontology
from kgbuild.build.stages import CODE, TRUSTED, Stage, StageLimits, Watch, pack_issues, read_limits, unpack_issues
from kgbuild.core import confinement
from kgbuild.core.errors import DataError, EngineError, ExitCode, Findings, Issue, KgError, Place, UsageError, error
from mini import COMMAND, MINI, ROOT, edit, kgbuild
from nonempty import nonempty
from serving import until

SMALL = StageLimits(task=30, stage=60, memory=300)
Step = Callable[[], object]


def run(steps: dict[str, Step], limits: StageLimits = SMALL) -> tuple[list[Any], list[Issue]]:
    """Run steps as a stage; gives the results of those that were done, and the findings."""

    def work(watch: Watch) -> Iterator[bytes]:
        for name, step in list(steps.items())[watch.done :]:
            yield json.dumps(step() if watch.begin(name) else None).encode()

    findings = Findings()
    results = [json.loads(payload) for payload in Stage("the stage", limits, findings).run(work)]
    return results, list(findings)


# --- one step ---------------------------------------------------------------------------------------------------------


def backtrack() -> None:
    re.match("(a+)+$", "a" * 60 + "b")


def fill() -> NoReturn:
    held = []
    while True:
        held.append(bytearray(10_000_000))


def die() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def fail() -> None:
    raise RecursionError("too\ndeep")


def refuse() -> None:
    raise EngineError("it cannot be read")


@pytest.mark.parametrize(
    ("step", "seconds", "finding"),
    [
        (backtrack, 0.2, r"takes more than 0\.[24] s( of processor time)?"),  # on a busy machine the rest passes first
        (lambda: time.sleep(600), 0.2, r"takes more than 0\.4 s"),
        (fill, 30, "needs more than 300 MB of memory"),
        (die, 30, r"ends its process \(SIGSEGV\)"),
        (fail, 30, "ends with RecursionError: too deep"),
        (refuse, 30, "it cannot be read"),
        (lambda: "x" * 40_000_000, 30, "gives more than 37 MB back"),
    ],
    ids=["computes", "waits", "fills memory", "crashes", "fails", "cannot", "gives too much"],
)
def test_a_step_that_does_not_end_is_a_finding_beside_the_others(step: Step, seconds: float, finding: str) -> None:
    """It is told at its place, with a remedy, and once; the steps before and after it are done once each."""
    steps: dict[str, Step] = {"a.rq": os.getpid, "b.rq": step, "c.rq": lambda: "c"}
    results, (issue,) = run(steps, replace(SMALL, task=seconds))
    assert re.fullmatch(finding, issue.finding), issue.finding
    remedy = "Simplify it, or leave it out; KGBUILD_LIMITS raises the limits."
    assert error(Place("b.rq"), CODE, issue.finding, remedy) == issue
    assert [None, "c"] == results[1:]
    assert os.getpid() != results[0]


def test_a_stage_has_a_limit_for_all_its_steps() -> None:
    """When it is over the step that runs is told, and none is begun any more."""
    limits = StageLimits(task=60, stage=0.3, memory=300)
    results, (issue,) = run({"a.rq": lambda: "a", "b.rq": lambda: time.sleep(600), "c.rq": lambda: "c"}, limits)
    assert ["a"] == results
    finding = "was running when the stage had taken 0.3 s: what follows was not run"
    assert ("b.rq", finding) == (str(issue.place), issue.finding)


def test_findings_and_faults_of_set_up_come_back_as_they_are() -> None:
    """Issues of a DataError are findings of the stage; other errors are raised as what they are."""
    issue = error(Place("data/x.yaml", 3, 4), "code", "Это не так", "Mend it.")
    assert [issue] == unpack_issues(pack_issues([issue]))

    def raise_it(problem: KgError) -> Step:
        def step() -> NoReturn:
            raise problem

        return step

    assert ([], [issue]) == run({"a": raise_it(DataError([issue]))})
    for kind in (UsageError, KgError):
        with pytest.raises(kind, match=r"^there is no Java$") as caught:
            run({"a": raise_it(kind("there is no Java"))})
        assert kind is type(caught.value)


def test_elsewhere_the_work_is_done_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be confined the results are the same, and so are the findings."""
    monkeypatch.setattr(confinement, "IS_POSSIBLE", False)
    assert ([os.getpid()], []) == run({"a": os.getpid})
    with pytest.raises(UsageError, match="--untrusted needs Linux"):
        stages.leave_network()


def test_a_step_may_have_any_name() -> None:
    """A name that is long, or not UTF-8, is cut; the step is ended once all the same."""
    _, issues = run({"ы" * 5_000: die, "\udcff\0": die, "c": lambda: "c"})
    assert 2 == len(issues)


@pytest.mark.parametrize("text", ["task", "task=", "task=0", "time=3", "task=1.5", "task=-1", "task=1;stage=2", ","])
def test_limits_that_are_none_are_refused(text: str) -> None:
    """The message says how they are written."""
    with pytest.raises(UsageError, match="Write task=SECONDS,stage=SECONDS,memory=MEGABYTES"):
        read_limits(TRUSTED, {"KGBUILD_LIMITS": text})


def test_limits_are_changed_one_by_one() -> None:
    """What is not named stays as it was."""
    assert TRUSTED == read_limits(TRUSTED, {"KGBUILD_LIMITS": ""})
    assert StageLimits(5, TRUSTED.stage, 70) == read_limits(TRUSTED, {"KGBUILD_LIMITS": "task=5, memory=70"})


# --- what a step may do -----------------------------------------------------------------------------------------------


def test_a_step_has_no_network_and_no_privileges() -> None:
    """Nobody answers it, not even here; it has no capability, and cannot gain any; it is given no descriptor."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = server.getsockname()
        held = os.open(os.devnull, os.O_RDONLY)

        def connect() -> str:
            with socket.socket() as client:
                return errno_of(lambda: client.connect(address))

        def status() -> dict[str, str]:
            lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
            return dict(line.split(":\t") for line in lines if line.startswith(("Cap", "NoNewPrivs")))

        steps: dict[str, Step] = {
            "network": connect,
            "status": status,
            "held": lambda: errno_of(lambda: os.fstat(held)),
            "limits": lambda: Path("/proc/self/limits").read_text(encoding="ascii"),
        }
        (network, given, descriptor, limits), issues = run(steps)
        os.close(held)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert [] == issues
    assert ("ENETUNREACH", "EBADF") == (network, descriptor)
    assert ("1", "0000000000000000", "0000000000000000") == (given["NoNewPrivs"], given["CapEff"], given["CapPrm"])
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    assert re.search(r"^Max file size +300000000 +300000000 ", limits, re.MULTILINE)


def errno_of(call: Callable[[], object]) -> str:
    import errno

    try:
        call()
    except OSError as problem:
        return errno.errorcode[problem.errno or 0]
    return "none"


# --- the command ------------------------------------------------------------------------------------------------------


def hostile_project(folder: Path) -> Path:
    """Copy the mini fixture with ontology and queries of its own, that files can be added to."""
    shutil.copytree(MINI / "data", folder / "data")
    for name in ("ontology", "queries"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def descendants(mark: str) -> set[int]:
    """List the processes in whose environment a mark stands."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"KGBUILD_TEST_MARK={mark}".encode() in path.read_bytes().split(b"\0"):
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def test_an_ontology_that_cannot_be_read_in_time_is_told_by_its_file(tmp_path: Path) -> None:
    """Blank nodes that are all alike: nothing is built, and the records' findings are told too."""
    project = hostile_project(tmp_path)
    place, code, part = write_tangled_nodes(project)
    edit(project / "data/entities/network/lakes-academies.yaml", "names:", "nmes:")
    done = kgbuild(project, "build", "--untrusted", env={"KGBUILD_LIMITS": LIMITS})
    assert ExitCode.FINDINGS == done.returncode
    assert re.search(rf"^{place} error {code}: .*{part}", done.stderr, re.MULTILINE), done.stderr
    assert re.search(r"^data/entities/network/lakes-academies\.yaml:2:1 error ", done.stderr, re.MULTILINE), done.stderr
    assert not (project / "build/current").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_a_build_that_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    """Whatever signal ends it while HermiT runs: neither child nor Java stays; a request to end is obeyed in a line."""
    project, started, temporary = hostile_project(tmp_path / "project"), tmp_path / "started", tmp_path / "temporary"
    temporary.mkdir()
    endless = tmp_path / "java"
    endless.write_text(f"#!/bin/sh\necho $$ >{started}.new\nmv {started}.new {started}\nexec sleep 600\n")
    endless.chmod(0o755)
    environment = {
        **os.environ,
        "KGBUILD_TEST_MARK": str(tmp_path),
        "KGBUILD_JAVA": str(endless),
        "TMPDIR": str(temporary),
    }
    process = subprocess.Popen(
        [COMMAND, "validate"], cwd=project, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until(started.exists, "HermiT was not started")
    assert 3 == len(nonempty(descendants(str(tmp_path))))
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    until(lambda: not descendants(str(tmp_path)), "a process lives on")
    if number == signal.SIGKILL:
        assert -signal.SIGKILL == process.returncode
    else:
        assert (ExitCode.FAILURE, "Interrupted; the current release is untouched.") == (
            process.returncode,
            said.splitlines()[-1],
        )
        assert "Traceback" not in said
        assert [] == list(temporary.iterdir())


def test_untrusted_needs_a_network_namespace(tmp_path: Path) -> None:
    """Where the system allows none the command says so, and does nothing."""
    program = (
        "import sys; from kgbuild.core import confinement; confinement.leave_network = lambda: False; "
        "sys.argv = ['kgbuild', 'validate', '--untrusted']; from kgbuild.cli import main; main()"
    )
    project = hostile_project(tmp_path)
    done = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True, timeout=60)
    assert ExitCode.USAGE == done.returncode
    assert done.stderr.startswith("--untrusted needs a network namespace"), done.stderr


def test_concepts_in_a_circle_have_a_top() -> None:
    """A vocabulary that goes round in a circle keeps no build from ending, which reads it without a limit."""
    broader = NamedNode("http://www.w3.org/2004/02/skos/core#broader")
    names = [NamedNode(f"https://w3id.org/icn/vocabulary/standing/{name}") for name in "abc"]
    quads = [Quad(lower, broader, upper) for lower, upper in zip(names, [*names[1:], names[0]], strict=True)]
    assert "c" == Ontology(tuple(quads)).top_slug(names[0])
