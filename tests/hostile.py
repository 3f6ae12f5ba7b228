"""What a stranger may put into records, ontology and queries: each function writes one such file into a project.

`root` is a project as `mini.copy_project` makes it.  What is given back says how the build tells of it; a secret that
lies outside of the project is `SECRET`, a command that ran has left a file `PWNED` somewhere.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SECRET = "token-4711-of-the-runner"  # noqa: S105 - found nowhere, that is the test
NOWHERE = "http://nowhere.invalid/"
address = NOWHERE
"""What stands in the place of `NOWHERE` in the files: a test may listen there."""
RECORD = "data/articles/2021/2021-03-02-academy-page.yaml"
PREFIXES = "PREFIX icn: <https://w3id.org/icn/ontology#>\nPREFIX graph: <https://w3id.org/icn/graph/>\n"
"""Two lines: what follows stands in line 3."""
CHECK = "# title: {en: X, ru: X}\n# severity: error\n# remedy: X\n# since: 0.1.0\n"
"""Four lines."""
QUESTION = "# title: {en: X, ru: X}\n# question: X\n# columns: {s: X}\n# empty: X\n# theme: names\n# since: 0.1.0\n"
"""Six lines."""
SHAPE = (
    "@prefix sh: <http://www.w3.org/ns/shacl#> .\n@prefix shape: <https://w3id.org/icn/shape/> .\n"
    "@prefix icn: <https://w3id.org/icn/ontology#> .\n@prefix owl: <http://www.w3.org/2002/07/owl#> .\n"
)
"""Four lines."""


class Told(NamedTuple):
    """How the build tells of a hostile file: its place and code exactly, and a part of the finding."""

    place: str
    code: str
    part: str


Writer = Callable[[Path], Told]


def _write(root: Path, name: str, text: str) -> str:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace(NOWHERE, address), encoding="utf-8")
    return name


def _outside(root: Path) -> Path:
    """Make a folder beside the project with a secret in files of every name that is read."""
    folder = root.parent / f"{root.name}-outside"
    folder.mkdir(exist_ok=True)
    for name in ("secret.yaml", "secret.ttl", "secret.rq", "secret.ru", "secret.txt"):
        (folder / name).write_text(f"{SECRET}: {SECRET}\n", encoding="utf-8")
    return folder


# --- names ------------------------------------------------------------------------------------------------------------

NAMES: dict[str, tuple[str, str]] = {
    "command in a record's name": ("data/articles/;id >PWNED #.yaml",) * 2,
    "command in a folder's name": ("data/articles/$(touch PWNED)/2021-01-01-x.yaml", "data/articles/$(touch PWNED)"),
    "command in an entity's name": ("data/entities/person/`touch PWNED`.yaml",) * 2,
    "command in the ontology": ("ontology/$(shell touch PWNED)/x.ttl", "ontology/$(shell touch PWNED)"),
    "command in a check's name": ("queries/checks/x';touch PWNED;'.rq",) * 2,
    "blank in a name": ("data/entities/person/a copy.yaml",) * 2,
    "command of a log in a name": (
        "data/entities/polity/::add-mask::x.yaml",
        r"data/entities/polity/:\u{3a}add-mask:\u{3a}x.yaml",
    ),
    "two lines in a name": (
        "data/entities/polity/x\n::error::y.yaml",
        r"data/entities/polity/x\u{a}:\u{3a}error:\u{3a}y.yaml",
    ),
    "direction in a name": ("data/entities/polity/x\u202elmay.yaml", r"data/entities/polity/x\u{202e}lmay.yaml"),
    "no UTF-8 in a name": ("data/entities/polity/x\udcff.yaml", r"data/entities/polity/x\u{dcff}.yaml"),
    "Cyrillic letter in a name": ("data/entities/polity/kаzakhstan.yaml",) * 2,
    "hidden, with a command": ("data/entities/polity/.;touch PWNED;.yaml",) * 2,
}
"""What is wrong -> the file, and how its place is told."""


def _named(file: str, place: str) -> Writer:
    def write_name(root: Path) -> Told:
        _write(root, file, "names: {en: X}\n")
        return Told(place, "file-name", "is no name that a file or folder here may have")

    return write_name


# --- no files ---------------------------------------------------------------------------------------------------------

LINKS = {
    "record": "data/articles/2021/leak.yaml",
    "entity": "data/entities/person/leak.yaml",
    "vocabulary": "ontology/vocabularies/leak.ttl",
    "shape": "ontology/shapes/leak.ttl",
    "rule": "ontology/rules/99-leak.ru",
    "example": "ontology/examples/leak.valid.ttl",
    "check": "queries/checks/leak.rq",
    "question": "queries/questions/leak.rq",
}


def _linked(name: str) -> Writer:
    def write_link(root: Path) -> Told:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).symlink_to(_outside(root) / f"secret{Path(name).suffix}")
        return Told(name, "not-a-file", "a symbolic link stands here")

    return write_link


def write_link_without_end(root: Path) -> Told:
    (root / "data/entities/person/zero.yaml").symlink_to("/dev/zero")
    return Told("data/entities/person/zero.yaml", "not-a-file", "a symbolic link stands here")


def write_linked_folder(root: Path) -> Told:
    (root / "data/articles/1999").symlink_to(_outside(root))
    return Told("data/articles/1999", "not-a-file", "a symbolic link stands here")


def write_pipe(root: Path) -> Told:
    os.mkfifo(root / "data/articles/2021/pipe.yaml")
    return Told("data/articles/2021/pipe.yaml", "not-a-file", "a pipe stands here")


def write_socket(root: Path) -> Told:
    with contextlib.chdir(root / "queries/checks"), socket.socket(socket.AF_UNIX) as made:
        made.bind("socket.rq")
    return Told("queries/checks/socket.rq", "not-a-file", "a socket stands here")


def write_folder_for_a_file(root: Path) -> Told:
    _write(root, "ontology/shapes/folder.ttl/x.ttl", "")
    return Told("ontology/shapes/folder.ttl", "not-a-file", "a folder stands here")


def write_large_file(root: Path) -> Told:
    with (root / "ontology/vocabularies/large.ttl").open("wb") as file:
        file.truncate(1 << 40)  # a hole: it takes no room
    return Told("ontology/vocabularies/large.ttl", "too-large", "the file has 1,099,511,627,776 bytes")


# --- queries that leave the graph -------------------------------------------------------------------------------------

RULES = {
    "LOAD": (f"LOAD <{NOWHERE}>", "3:1", "a rule may not say LOAD"),
    "LOAD of a file": ("LOAD SILENT <file:///etc/passwd> INTO GRAPH graph:inferred", "3:1", "a rule may not say LOAD"),
    "LOAD behind a comment": (f"# quiet\rload <{NOWHERE}>", "3:9", "a rule may not say LOAD"),
    "LOAD behind what looks like an IRI": (
        f'INSERT {{}} WHERE {{ FILTER (1<2#>"""\n) }} ;\nLOADSILENT<{NOWHERE}> #"""',
        "5:1",
        "a rule may not say LOAD",
    ),
    "SERVICE": (
        f"INSERT {{ ?s ?p ?o }} WHERE {{ SERVICE SILENT <{NOWHERE}> {{ ?s ?p ?o }} }}",
        "3:29",
        "asks another server",
    ),
    "CLEAR": ("INSERT { ?s ?p ?o } WHERE { ?s ?p ?o } ; CLEAR SILENT ALL", "3:42", "a rule may not say CLEAR"),
    "DROP": ("DROP DEFAULT", "3:1", "a rule may not say DROP"),
    "CREATE": ("CREATE GRAPH <urn:x>", "3:1", "a rule may not say CREATE"),
    "COPY": ("COPY <urn:x> TO DEFAULT", "3:1", "a rule may not say COPY"),
    "INSERT DATA": ("INSERTDATA { <urn:a> <urn:b> <urn:c> }", "3:7", "a rule may not say DATA"),
    "another graph": (
        "INSERT { GRAPH graph:names { ?s ?p ?o } } WHERE { ?s ?p ?o }",
        "3:10",
        "no graph but graph:inferred",
    ),
    "graphs of articles": ("DELETE WHERE { GRAPH ?article { ?s ?p ?o } }", "3:16", "no graph but graph:inferred"),
}


def _rule(number: int, text: str, at: str, part: str) -> Writer:
    def write_rule(root: Path) -> Told:
        name = _write(root, f"ontology/rules/90-hostile-{number}.ru", PREFIXES + text)
        return Told(f"{name}:{at}", "rule", part)

    return write_rule


def write_check(root: Path) -> Told:
    query = f"SELECT ?subject ?finding {{ BIND (1 AS ?finding) SERVICE <{NOWHERE}> {{ ?subject ?p ?o }} }}"
    return Told(f"{_write(root, 'queries/checks/asks.rq', CHECK + query)}:5:49", "query", "asks another server")


def write_question(root: Path) -> Told:
    query = f"SELECT ?s {{ ?s a trueSERVICE <{NOWHERE}> {{ ?s ?p ?o }} }}"
    name = _write(root, "queries/questions/asks.rq", QUESTION + query)
    return Told(f"{name}:7:22", "question", "asks another server")


CONSTRAINTS = {
    "SERVICE": (f"SELECT $this {{ SERVICE <{NOWHERE}> {{ $this ?p ?o }} }}", "7:31", "SERVICE asks another server"),
    "FROM": (f"SELECT $this FROM NAMED <{NOWHERE}> {{ $this ?p ?o }}", "7:29", "FROM names a graph"),  # noqa: S608
    "escaped": (
        f"SELECT $this {{ \\\\u0053ERVICE <{NOWHERE}> {{ $this ?p ?o }} }}",
        "7:32",
        "which may hide a keyword",
    ),
}


def _constraint(number: int, query: str, at: str, part: str) -> Writer:
    def write_constraint(root: Path) -> Told:
        lines = f"shape:hostile{number} a sh:NodeShape ; sh:targetClass icn:Person ;\n  sh:sparql [\n"
        lines += f'    sh:select "{query}" ] .\n'
        name = _write(root, f"ontology/shapes/hostile-{number}.ttl", SHAPE + lines)
        return Told(f"{name}:{at}", "constraint", part)

    return write_constraint


def write_namespace(root: Path) -> Told:
    """Pretend to be a namespace: pyshacl writes it before the query as it is."""
    line = f'<urn:x> sh:declare [ sh:prefix "x" ; sh:namespace "urn:x> ASK {{ SERVICE <{NOWHERE}> {{}} }} #" ] .\n'
    name = _write(root, "ontology/shapes/namespace.ttl", SHAPE + line)
    return Told(f"{name}:5:51", "constraint", "is neither a prefix nor an IRI")


# --- records ----------------------------------------------------------------------------------------------------------


def write_marks(root: Path) -> Told:
    """Write a title that takes minutes to normalise."""
    text = (root / RECORD).read_text(encoding="utf-8")
    (root / RECORD).write_text(re.sub("title: .*", "title: a" + "\u0301\u0316" * 200_000, text, count=1), "utf-8")
    return Told(f"{RECORD}:2:10", "too-long", "a text of 400,001 characters")


def write_marks_below_the_length(root: Path) -> Told:
    name = _write(root, "data/entities/person/marks.yaml", "names: {en: a" + "\u0f73" * 9_000 + "}\n")
    return Told(f"{name}:1:13", "too-many-marks", "more than 30 marks follow one letter")


def write_commands_of_logs(root: Path) -> Told:
    """Name keys as what terminals and readers of logs obey."""
    key = r'"\e[2J::add-mask::x\u202e\u2028##[error]y"'
    name = _write(root, "data/entities/person/keys.yaml", f"names: {{en: X}}\n{key}: z\n")
    shown = r"'\u{1b}[2J:\u{3a}add-mask:\u{3a}x\u{202e}\u{2028}#\u{23}[error]y'"
    return Told(f"{name}:2:1", "unknown-key", f"there is no key {shown} here")


def write_text_elsewhere(root: Path) -> Told:
    """Name a file outside of the folder of texts as an article's text."""
    record = "data/articles/2021/2021-11-09-hub-anniversary.yaml"
    text = (root / record).read_text(encoding="utf-8")
    file = os.path.relpath(_outside(root) / "secret.txt", root)
    line = f"source:\n  text: {{file: {file}, sha256: '{'0' * 64}', characters: 5}}"
    (root / record).write_text(text.replace("source:", line, 1), encoding="utf-8")
    return Told(f"{record}:2:16", "file-name", "is no file's name")


HOSTILE: dict[str, Writer] = {
    **{name: _named(*which) for name, which in NAMES.items()},
    **{f"link: {what}": _linked(name) for what, name in LINKS.items()},
    "link: without end": write_link_without_end,
    "link: folder": write_linked_folder,
    "pipe": write_pipe,
    "socket": write_socket,
    "folder for a file": write_folder_for_a_file,
    "large file": write_large_file,
    **{f"rule: {what}": _rule(number, *rule) for number, (what, rule) in enumerate(RULES.items())},
    "check: SERVICE": write_check,
    "question: SERVICE": write_question,
    **{f"constraint: {what}": _constraint(number, *each) for number, (what, each) in enumerate(CONSTRAINTS.items())},
    "constraint: namespace": write_namespace,
    "a million marks": write_marks,
    "marks below the length": write_marks_below_the_length,
    "commands of logs": write_commands_of_logs,
    "text elsewhere": write_text_elsewhere,
}
"""What is wrong -> what writes it; they can all stand in one project."""
