"""Makes an index of files, in a process of its own, for the server that waits for it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from kgbuild.core import confinement
from kgbuild.search.index import make_index
from kgbuild.search.names import FiledQuads


def main() -> None:
    """Make an index of files, for the process that waits for it; ends with it, and takes its folder along."""
    parent, path, *files = sys.argv[1:]
    folder = Path(path).parent
    signal.signal(signal.SIGTERM, lambda *_: _abandon(folder))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server decides when to end
    confinement.die_with(int(parent), signal.SIGTERM)
    confinement.leave_network()
    confinement.give_up_privileges()
    os.nice(10)  # it answers queries meanwhile
    make_index(Path(path), FiledQuads(tuple(map(Path, files))))


def _abandon(folder: Path) -> None:
    """Leave nothing behind of a server that was killed: its folder is nobody's now."""
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main()
