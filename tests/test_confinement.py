# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""What the processes that read strangers' queries have given up, as the kernel tells it in /proc."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kgbuild.core.confinement import KEPT
from kgbuild.server.exchange.search_index import Searcher
from nonempty import nonempty
from serving import PATIENCE, RUNAWAY, SOURCE, Served, descendants, mini_file, serving, until, workers, zygote
from test_pool import asking, nice
from test_remote_data import standing

CANARY = "KGBUILD_TEST_CANARY"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run a server that has a secret in its environment."""
    data = mini_file(tmp_path_factory.mktemp("data"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CANARY, "hidden")
        with serving(tmp_path_factory.mktemp("server"), data, options=["--workers", "2"]) as served:
            yield served


@pytest.fixture(scope="module")
def checking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run one over another server, whose workers only check."""
    with pytest.MonkeyPatch.context() as patch, standing() as remote:
        patch.setenv(CANARY, "hidden")
        engine = f"http://127.0.0.1:{remote.server_address[1]}/query"
        with serving(tmp_path_factory.mktemp("checking"), options=["--engine", engine, "--workers", "2"]) as served:
            yield served


@pytest.fixture(params=["workers", "workers that check"])
def confined(request: pytest.FixtureRequest, server: Served, checking: Served) -> set[int]:
    """Give the processes below a server: the one that forks, and its workers."""
    served = server if request.param == "workers" else checking
    return {zygote(served), *nonempty(workers(served))}


def test_they_have_no_privileges(confined: set[int]) -> None:
    """No capability, none that could be had again, and no program that could give one."""
    check_privileges(confined)


def check_privileges(pids: set[int]) -> None:
    for pid in nonempty(pids):
        status = dict(re.findall(r"(?m)^(\w+):\t(.*)$", Path(f"/proc/{pid}/status").read_text(encoding="utf-8")))
        assert "1" == status["NoNewPrivs"]
        assert {0} == {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
        assert os.geteuid() or 0 == int(status["CapBnd"], 16)


def test_they_have_no_network(confined: set[int]) -> None:
    """A namespace of their own, in which there is nothing but a loopback that is down."""
    if not _may_leave():
        pytest.skip("namespaces of networks are not allowed here")
    check_network(confined)


def check_network(pids: set[int]) -> None:
    for pid in nonempty(pids):
        lines = Path(f"/proc/{pid}/net/dev").read_text(encoding="utf-8").splitlines()[2:]
        assert [("lo", "0")] == [(line.split(":")[0].strip(), line.split()[1]) for line in lines]


def _may_leave() -> bool:
    """Tell whether a process like ours may leave its network."""
    program = "import sys; from kgbuild.core.confinement import leave_network; sys.exit(not leave_network())"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0


def test_they_have_no_environment(confined: set[int]) -> None:
    """No more than what Python starts with: no secret of the server, nor of who started it."""
    check_environment(confined)


def check_environment(pids: set[int]) -> None:
    allowed = {*KEPT, "KGBUILD_ZYGOTE_STACK"}
    for pid in nonempty(pids):
        try:
            found = Path(f"/proc/{pid}/environ").read_bytes()
        except PermissionError:
            assert os.geteuid(), "root may read it"
            continue  # nor may anybody of this user
        assert {pair.partition(b"=")[0].decode() for pair in found.split(b"\0") if pair} <= allowed


def test_the_maker_of_the_search_index_has_none_of_it_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads the same data; here it waits for them at a pipe, and is looked at meanwhile."""
    monkeypatch.setenv(CANARY, "hidden")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")]))
    pipe = tmp_path / "data.nq"
    os.mkfifo(pipe)

    async def work() -> None:
        before = descendants(os.getpid())
        searcher = Searcher(None, (pipe,))
        searcher._quads = 1
        await searcher.start()
        while not (makers := [pid for pid in descendants(os.getpid()) - before if _is_confined(pid)]):
            await asyncio.sleep(0.02)
        check_privileges(set(makers))
        check_environment(set(makers))
        if _may_leave():
            check_network(set(makers))
        await asyncio.to_thread(pipe.write_bytes, b'<urn:a> <http://www.w3.org/2000/01/rdf-schema#label> "A" .\n')
        await searcher._tried.wait()
        searcher.close()

    asyncio.run(asyncio.wait_for(work(), PATIENCE))


def _is_confined(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "NoNewPrivs:\t1" in status.read_text(encoding="utf-8")


def test_nobody_of_the_same_user_reads_the_server(server: Served) -> None:
    """Its memory and environment are kept from workers even where they are of the same user and have no namespace."""
    found: list[object] = []
    for pid in (server.process.pid, zygote(server)):
        program = (
            "import sys, ctypes\n"
            "from kgbuild.core.confinement import give_up_privileges\n"
            "give_up_privileges()\n"
            f"sys.exit(0 if ctypes.CDLL(None).ptrace(16, {pid}, 0, 0) else 1)"  # PTRACE_ATTACH
        )
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        found.append(subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode)
    assert [0, 0] == found


def test_lanes_are_still_driven(server: Served) -> None:
    """The server renices a worker, reads how much it holds, and ends it."""
    with asking(server, RUNAWAY):
        until(lambda: any(nice(pid) for pid in workers(server)), "it is in the slow lane")
        (slow,) = [pid for pid in workers(server) if nice(pid)]
        assert os.SCHED_IDLE == os.sched_getscheduler(slow)
    until(lambda: slow not in workers(server), "it ended with its client")
    assert server.is_well()


def test_root_is_warned(server: Served) -> None:
    """One sentence where the server runs as root, none elsewhere."""
    assert (not os.geteuid()) == ("runs as root" in server.log.read_text(encoding="utf-8"))
