# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The redirects for w3id.org, and the mapping that docs/things.md gives for a server at another address."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest
import requests

from kgbuild.core.namespaces import BASE, ID
from serving import PATIENCE, ROOT, Served, mini_file, serving
from test_things import KINDS, SINO

RULES = ROOT / "deploy" / "w3id" / ".htaccess"
SERVER = "https://icn.example.org"
OTHERS = ["", "ontology", "ontology/0.2.0", "ontology.ttl", "icon.svg", "context.jsonld", "context/0.2.0.jsonld",
          "dataset", ".well-known/void"]  # fmt: skip


def redirect(path: str) -> tuple[int, str] | None:
    """Read the rules as mod_rewrite does: on the decoded path below the folder; what is matched is escaped again."""
    decoded = unquote(path)
    rules = re.findall(r"^RewriteRule (\S+) (\S+) \[([^\]]*)\]$", RULES.read_text(), re.MULTILINE)
    for pattern, target, flags in rules:
        if match := re.search(pattern, decoded):
            assert "L" in flags.split(",")
            location = re.sub(r"\$(\d)", lambda number: quote(match[int(number[1])], safe="/:@!$&'()*+,;="), target)
            return int(re.findall(r"R=(\d+)", flags)[0]), location
    return None


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve the mini fixture and a thing with a name in Cyrillic."""
    folder = tmp_path_factory.mktemp("w3id")
    extra = folder / "extra.nt"
    extra.write_text(f'<{ID}{SINO}> <http://purl.org/dc/terms/identifier> "x" .\n', encoding="utf-8")
    with serving(folder, mini_file(folder), extra) as running:
        yield running


@pytest.mark.parametrize("path", [*(iri.removeprefix(BASE) for iri in KINDS.values()), f"id/{SINO}", *OTHERS])
def test_each_kind_of_identifier_is_led_to_its_document(served: Served, path: str) -> None:
    """303 for what cannot be sent, 302 for documents; what the server then answers is a document."""
    found = redirect(quote(path))
    assert found is not None
    status, location = found
    assert (303 if path.startswith("id/") else 302) == status
    assert f"{SERVER}/{quote(path)}" == location
    answer = requests.get(location.replace(SERVER, served.address), headers={"Accept": "text/turtle, */*;q=0.1"},
                          timeout=PATIENCE)  # fmt: skip
    assert 200 == answer.status_code, answer.text
    assert [303] * (path.startswith("id/")) == [each.status_code for each in answer.history]


def test_what_is_no_identifier_is_led_nowhere() -> None:
    """The endpoint and the search are the server's own, at its own address."""
    assert [None] * 4 == [redirect(path) for path in ("sparql", "search", "ontologyx", "id/")]


def blocks(language: str) -> list[str]:
    """List the code in the section on servers elsewhere."""
    text = (ROOT / "docs" / "things.md").read_text(encoding="utf-8")
    section = text.partition("## A server at another address")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


@pytest.mark.parametrize("language", ["python", "sh"])
def test_the_documented_mapping_works(served: Served, tmp_path: Path, language: str) -> None:
    """As it stands in the documents, with the address of this server in place of the one there."""
    (code,) = blocks(language)
    assert "http://127.0.0.1:8000" in code
    code = code.replace("http://127.0.0.1:8000", served.address)
    code = code.replace("china-central-asia-academies", "lakes-academies")
    command = [sys.executable, "-c", code] if language == "python" else ["bash", "-euc", code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE, cwd=tmp_path)
    assert 0 == done.returncode, done.stderr
    assert "lakes-academies" in done.stdout


def test_the_address_is_one_placeholder() -> None:
    """Whoever hands the rules in changes one word."""
    targets = {urlsplit(target).netloc for target in re.findall(r"^RewriteRule \S+ (\S+)", RULES.read_text(), re.M)}
    assert {"icn.example.org"} == targets
