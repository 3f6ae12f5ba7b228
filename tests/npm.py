"""What tests take from npm, installed into build/ as a lock file pins it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def installed(name: str) -> Path:
    """Install tests/NAME's packages into build/NAME, once; skip where that cannot be done."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip(f"{name} needs Node.js and npm, which are not installed: on Debian, apt-get install nodejs npm")
    folder = ROOT / "build" / name
    done = subprocess.run(
        ["bash", str(ROOT / "tests" / "install_npm.sh"), str(ROOT / "tests" / name), str(folder)],
        check=False, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"{name} could not be installed by npm: {done.stderr.strip()[-300:]}")
    return folder
