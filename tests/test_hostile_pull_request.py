# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""A stranger's pull request with everything hostile at once: names, links, records, and all that runs in a build."""

from __future__ import annotations

import re
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import hostile
from hostile import HOSTILE, SECRET
from hostile_logic import LIMITS, LOGIC
from kgbuild.core.errors import ExitCode
from mini import Done, edit, kgbuild
from test_stages import descendants, hostile_project

WITHOUT = ("link: vocabulary", "large file")
"""Without its vocabularies nothing can be compiled: these have their tests in test_untrusted_input."""
MOST = 3_000_000
"""Kilobytes that the largest process may hold: the limits of these stages are half a gigabyte each."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Done, socket.socket]]:
    """Validate it by the command itself, beside a server that nobody may reach, and one ordinary mistake."""
    folder = hostile_project(tmp_path_factory.mktemp("pull-request"))
    temporary = folder.parent / f"{folder.name}-temporary"
    temporary.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.MonkeyPatch.context() as patch:
        listening.setblocking(False)
        patch.setattr(hostile, "address", f"http://127.0.0.1:{listening.getsockname()[1]}/")
        for name, write in HOSTILE.items():
            if name not in WITHOUT:
                write(folder)
        for write_logic in LOGIC.values():
            write_logic(folder)
        edit(folder / "data/articles/2021/2021-04-10-rector-profile.yaml", "joined: 2021-02-10", "joind: 2021-02-10")
        environment = {"KGBUILD_TEST_MARK": str(folder), "KGBUILD_LIMITS": LIMITS, "TMPDIR": str(temporary)}
        arguments = ("validate", "--untrusted", "--texts", str(folder))
        yield folder, kgbuild(folder, *arguments, env=environment), listening


def places_of(folder: Path) -> list[tuple[str, str]]:
    """List what stands in it anew, without writing: place and the beginning of the finding of each file."""
    copy = folder.parent / f"{folder.name}-again"
    copy.mkdir(exist_ok=True)
    found = []
    for name, write in HOSTILE.items():
        if name not in WITHOUT:
            place, code, _ = write(hostile_project(copy / re.sub(r"\W", "-", name)))
            found.append((place, f" error {code}: "))
    for name, write_logic in LOGIC.items():
        place, _ = write_logic(hostile_project(copy / re.sub(r"\W", "-", name)))
        found.append((place, " error unfinished: "))
    return found


def test_each_file_is_refused_by_name(told: tuple[Path, Done, socket.socket]) -> None:
    """Refused where it is read, or ended at its limit: one does not hide another, and the mistake is told."""
    folder, done, _ = told
    lines = done.stderr.splitlines()
    missing = [place for place, how in places_of(folder) if not any(line.startswith(place + how) for line in lines)]
    assert [] == missing
    assert 1 == sum("there is no key 'joind' here" in line for line in lines)
    assert (ExitCode.FINDINGS, False) == (done.returncode, "Traceback" in done.stderr)


def test_the_machine_is_unharmed(told: tuple[Path, Done, socket.socket]) -> None:
    """Nobody was asked, nothing was run, shown or left behind, and no process held more than its limits allow."""
    folder, done, listening = told
    with pytest.raises(BlockingIOError):
        listening.accept()
    assert [] == list(folder.rglob("PWNED"))
    assert SECRET not in done.stderr
    assert set() == descendants(str(folder))
    assert [] == list((folder.parent / f"{folder.name}-temporary").iterdir())
    assert not (folder / "build").exists()
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < MOST
