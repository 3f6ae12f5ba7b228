# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The house itself: nothing in src/ is dead or defined twice, and what is registered once agrees with the ontology."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import vulture

from kgbuild.namespaces import ENTITY_KINDS, ONTOLOGY, SITUATION_KINDS
from kgbuild.ontology import read_ontology
from mini import ROOT

SRC = ROOT / "src" / "kgbuild"
SERVER = SRC / "server"
MODULES = sorted(SRC.rglob("*.py"))
TEMPLATES = sorted(SERVER.rglob("*.html"))
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


# --- dead definitions -------------------------------------------------------------------------------------------------

CALLED_BY_OTHERS = {
    "WELL": "the exit code of a command that ends without an exception",
    "model_config": "pydantic",
    "DEBUG": "rdflib calls what stands in for SPARQLProcessor.query with it",
    "writable": "io.RawIOBase",
    "connection_made": "asyncio.Protocol",
    "data_received": "asyncio.Protocol",
    "connection_lost": "asyncio.Protocol",
    "exc": "asyncio.Protocol",
    "handleError": "logging.Handler",
    "queryType": "SPARQLWrapper",
    "queryString": "SPARQLWrapper",
    "auth": "requests.Session",
    "compile_graph": "tests of the stages",
    "parse_document": "tests, on records that are no files",
    "RESOLVED_GRAPH": "who loads a release elsewhere",
}
"""Name -> who uses it, where no line of src/ does."""


def _words_of(path: Path) -> set[str]:
    return set(WORD.findall(path.read_text(encoding="utf-8")))


def _strings_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_no_definition_is_dead() -> None:
    """Whatever src/ defines is used there, if only in a template or, as a claim's field, by its key; or is on the list.

    No entry of the list is needless.
    """
    search = vulture.Vulture(ignore_decorators=["@*.command", "@*.register"])  # found by Typer, by singledispatch
    search.scavenge([str(SRC)])
    used = set[str]().union(*map(_words_of, TEMPLATES), *map(_strings_of, (SRC / "build").glob("*.py")))
    unused = [item for item in search.get_unused_code() if item.name not in used and item.name.rstrip("_") not in used]
    found = {item.name: f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: {item.name}" for item in unused}
    assert [] == sorted(found[name] for name in found.keys() - CALLED_BY_OTHERS.keys())
    assert set() == CALLED_BY_OTHERS.keys() - found.keys(), "these are used, or gone"


# --- defined once -----------------------------------------------------------------------------------------------------


def test_no_class_is_defined_twice() -> None:
    """One word names one thing: a class of that name stands in one module only."""
    places = defaultdict(list)
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path.relative_to(SRC)}:{node.lineno}")
    assert {} == {name: found for name, found in places.items() if len(found) > 1}


def test_kinds_are_those_of_the_ontology() -> None:
    """Each class of situation in core.ttl has its kind, or is above or below one that has; each class of entity too."""
    above = {
        class_.value.removeprefix(ONTOLOGY): {each.value.removeprefix(ONTOLOGY) for each in classes}
        for class_, classes in read_ontology(ROOT / "ontology", ROOT).superclasses.items()
    }
    registered = set(SITUATION_KINDS.values())
    situations = {name for name, classes in above.items() if "Situation" in classes and name != "Situation"}
    related = {
        name for name in situations if above[name] & registered or any(name in above[each] for each in registered)
    }
    assert situations == related
    assert registered <= situations
    assert {class_ for classes in ENTITY_KINDS.values() for class_ in classes} <= above.keys() - situations
