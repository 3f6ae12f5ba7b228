# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The house itself: nothing in src/ is dead or defined twice, and the server knows no kind of claim."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import vulture

from kgbuild.build.ontology import read_ontology
from kgbuild.core.namespaces import ENTITY_KINDS, ONTOLOGY, SITUATION_KINDS
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
    "connection_lost": "asyncio.Protocol",
    "exc": "asyncio.Protocol",
    "handleError": "logging.Handler",
    "queryString": "SPARQLWrapper",
    "auth": "requests.Session",
    "compile_graph": "tests of the stages",
    "send_400_response": "uvicorn",
    "on_headers_complete": "httptools",
    "waiting_for_100_continue": "uvicorn",
    "chunked_encoding": "uvicorn",
    "capture_signals": "uvicorn",
    "validate_articles": "tests, as the reference of what is asked of all articles at once",
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
    named = {text.partition(":")[2] for path in MODULES for text in _strings_of(path)}  # "module:function"
    used = named.union(*map(_words_of, TEMPLATES), *map(_strings_of, (SRC / "build").glob("*.py")))
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
    entities = {class_ for classes in ENTITY_KINDS.values() for class_ in classes}
    declared = re.findall(r"^icn:(\w+) a owl:Class", (ROOT / "ontology" / "core.ttl").read_text("utf-8"), re.MULTILINE)
    assert entities <= set(declared) - situations


# --- the server knows no kind of claim --------------------------------------------------------------------------------

CLASSES = {*SITUATION_KINDS.values(), "Founding", "Succession"}
WORDS_OF_ENGLISH = {"change", "count", "statement", "status"}
"""Kinds whose word has other uses, as the status of an answer: counted where a prefix or a path shows what is meant."""
PREFIXED = re.compile(
    rf"icn:({'|'.join(CLASSES)})\b|\bid/({'|'.join(SITUATION_KINDS)})\b|\b({'|'.join(SITUATION_KINDS)}):[a-z0-9{{]"
)
CODE_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def _is_kind(word: str) -> bool:
    return word in CLASSES or word.lower() in SITUATION_KINDS.keys() - WORDS_OF_ENGLISH


def _texts_and_names(tree: ast.Module) -> Iterator[tuple[int, str, bool]]:
    """Go through the strings of a module, but its docstrings, and its names: line, text, whether it is a name."""
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield line, node.value, False
        for part in ("id", "attr", "name", "arg", "module"):
            if isinstance(name := getattr(node, part, None), str):
                yield line, name, True


def _kinds_in(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        found = list(_texts_and_names(ast.parse(text)))
    else:
        lines = re.sub(r"\{#.*?#\}", lambda comment: "\n" * comment[0].count("\n"), text, flags=re.DOTALL).split("\n")
        found = [(number, line, False) for number, line in enumerate(lines, 1)]
    for number, said, is_name in found:
        words = said.split("_") if is_name else [said, *WORD.findall(said)]
        told = {word for word in words if _is_kind(word)} | {match[0] for match in PREFIXED.finditer(said)}
        yield from (f"{path.relative_to(SERVER)}:{number}: {word}" for word in sorted(told))


def test_the_server_knows_no_kind_of_claim() -> None:
    """No line of server/ names a kind of claim or its class: pages are driven by the ontology, for new kinds too."""
    assert [] == [found for path in (*sorted(SERVER.rglob("*.py")), *TEMPLATES) for found in _kinds_in(path)]
