# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""A stranger's pull request with everything hostile at once: names, links, records, and all that runs in a build."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import hostile
from hostile import HOSTILE, SECRET, Told
from hostile_logic import LIMITS, LOGIC
from kgbuild.build.stages import CODE
from kgbuild.core.errors import ExitCode
from mini import Done, edit, kgbuild
from test_stages import descendants, hostile_project

WITHOUT = ("link: vocabulary", "large file")
"""Without its vocabularies nothing can be compiled: these have their tests in test_untrusted_input."""
MOST = 3_000_000
"""Kilobytes that the largest process may hold: the limits of these stages are half a gigabyte each."""


FILES = {name: write for name, write in {**HOSTILE, **LOGIC}.items() if name not in WITHOUT}
"""What is wrong -> what writes it; no two have one name."""
Attack = tuple[Path, Done, socket.socket, dict[str, Told]]


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    """Validate it by the command itself, beside a server that nobody may reach, and one ordinary mistake."""
    folder = hostile_project(tmp_path_factory.mktemp("pull-request"))
    temporary = folder.parent / f"{folder.name}-temporary"
    temporary.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.MonkeyPatch.context() as patch:
        listening.setblocking(False)
        patch.setattr(hostile, "address", f"http://127.0.0.1:{listening.getsockname()[1]}/")
        expected = {name: write(folder) for name, write in FILES.items()}
        edit(folder / "data/articles/2021/2021-04-10-rector-profile.yaml", "joined: 2021-02-10", "joind: 2021-02-10")
        environment = {"KGBUILD_TEST_MARK": str(folder), "KGBUILD_LIMITS": LIMITS, "TMPDIR": str(temporary)}
        arguments = ("validate", "--untrusted", "--texts", str(folder))
        yield folder, kgbuild(folder, *arguments, env=environment), listening, expected


def test_no_two_files_have_one_name() -> None:
    """None is lost where the two lists are put together."""
    assert len(HOSTILE) + len(LOGIC) == len(FILES) + len(WITHOUT)


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_refused_by_name(attack: Attack, name: str) -> None:
    """Refused where it is read, or ended at its limit, once: one does not hide another."""
    _, done, _, expected = attack
    place, code, part = expected[name]
    (line,) = (line for line in done.stderr.splitlines() if line.startswith(f"{place} error {code}: "))
    assert part in line
    assert code != CODE or line.endswith(" Simplify it, or leave it out; KGBUILD_LIMITS raises the limits.")


def test_what_else_is_wrong_is_told(attack: Attack) -> None:
    """The ordinary mistake stands beside them; whatever ran without end is on the list."""
    _, done, _, expected = attack
    lines = done.stderr.splitlines()
    assert 1 == sum("there is no key 'joind' here" in line for line in lines)
    assert sum(told.code == CODE for told in expected.values()) == sum(f" error {CODE}: " in line for line in lines)
    assert (ExitCode.FINDINGS, False) == (done.returncode, "Traceback" in done.stderr)


def test_the_machine_is_unharmed(attack: Attack) -> None:
    """Nobody was asked, nothing was run, shown or left behind, and no process held more than its limits allow."""
    folder, done, listening, _ = attack
    with pytest.raises(BlockingIOError):
        listening.accept()
    assert [] == list(folder.rglob("PWNED"))
    assert SECRET not in done.stderr
    assert set() == descendants(str(folder))
    assert [] == list((folder.parent / f"{folder.name}-temporary").iterdir())
    assert not (folder / "build").exists()
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < MOST
