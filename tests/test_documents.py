# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""YAML with positions: what is read where, and what is refused at its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kgbuild.core.errors import Findings, Issue, Place
from kgbuild.core.files import LARGEST
from kgbuild.records.documents import MAX_DEPTH, Document, KeyPath, parse_document, read_document

NAME = "data/articles/2024/x.yaml"
RECORD = """\
source: {title: 'Хаб: итоги', язык: ru}
claims:
  - membership: {of: [хаб, 😀], in: no}
    says: >-
      Two lines
      make one.
"""


def document_of(text: str) -> Document:
    findings = Findings()
    found = parse_document(text, NAME, findings)
    assert isinstance(found, Document), list(findings)
    return found


def issue_of(text: str) -> Issue:
    findings = Findings()
    assert parse_document(text, NAME, findings) is None
    (issue,) = findings
    return issue


def read(folder: Path, content: bytes) -> Document | Issue:
    (folder / "x.yaml").write_bytes(content)
    return read_file(folder / "x.yaml")


def read_file(path: Path) -> Document | Issue:
    """Read a file: it gives a document, or one issue."""
    findings = Findings()
    document = read_document(path, NAME, findings)
    if document is not None:
        assert [] == list(findings)
        return document
    (issue,) = findings
    return issue


def position(place: Place) -> tuple[int, int]:
    assert NAME == place.path
    return place.line, place.column


# --- what is read -----------------------------------------------------------------------------------------------------


def test_every_value_stays_text() -> None:
    """Nothing is typed: `no` is Norway, 2023 is what is written, `<<` is a key like any other."""
    text = 'a: no\nb: 2023\nc: 0x1\nd: ~\ne: 1_000\nf: {<<: x}\ng: ""\nh: 2024-02-21\n'
    expected = {
        "a": "no", "b": "2023", "c": "0x1", "d": "~", "e": "1_000", "f": {"<<": "x"}, "g": "", "h": "2024-02-21",
    }  # fmt: skip
    assert expected == document_of(text).content


def test_structure_is_as_written() -> None:
    """Block and flow style give the same dicts, lists and texts."""
    expected = {
        "source": {"title": "Хаб: итоги", "язык": "ru"},
        "claims": [{"membership": {"of": ["хаб", "😀"], "in": "no"}, "says": "Two lines make one."}],
    }
    assert expected == document_of(RECORD).content


@pytest.mark.parametrize(
    ("way", "key", "value"),
    [
        (("source",), (1, 1), (1, 9)),
        (("source", "title"), (1, 10), (1, 17)),
        (("source", "язык"), (1, 31), (1, 37)),
        (("claims",), (2, 1), (3, 3)),
        (("claims", 0), (3, 5), (3, 5)),
        (("claims", 0, "membership"), (3, 5), (3, 17)),
        (("claims", 0, "membership", "of"), (3, 18), (3, 22)),
        (("claims", 0, "membership", "of", 0), (3, 23), (3, 23)),
        (("claims", 0, "membership", "of", 1), (3, 28), (3, 28)),
        (("claims", 0, "membership", "in"), (3, 32), (3, 36)),
        (("claims", 0, "says"), (4, 5), (4, 11)),
    ],
)
def test_place_of_key_and_value(way: KeyPath, key: tuple[int, int], value: tuple[int, int]) -> None:
    """Columns count characters, not bytes: Cyrillic letters and an emoji are one each, inside flow mappings too."""
    document = document_of(RECORD)
    assert (key, value) == (position(document.key_place(way)), position(document.place(way)))


def test_what_is_not_written_is_placed_at_what_encloses_it() -> None:
    """A missing key has the place of its mapping, whatever else is asked for below it."""
    document = document_of(RECORD)
    assert (3, 17) == position(document.place(("claims", 0, "membership", "joined", 3)))
    assert (3, 5) == position(document.key_place(("claims", 0, "because")))
    assert (1, 1) == position(document.place(("nothing", "at", "all")))


def test_text_is_normalised() -> None:
    """A letter of two code points is the letter of one, in keys and values: both spell one name."""
    assert {"й": "й"} == document_of("и\u0306: и\u0306\n").content


def test_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    """A file that begins with a byte order mark begins with its first key."""
    found = read(tmp_path, "\ufeffключ: x\n".encode())
    assert isinstance(found, Document)
    assert ({"ключ": "x"}, (1, 1)) == (found.content, position(found.key_place(("ключ",))))


# --- what is refused --------------------------------------------------------------------------------------------------

BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi"))  # noqa: B905
REFUSED = {
    "colon in a text": ("source:\n  title: a: b\n", (2, 11), "syntax", "mapping values are not allowed"),
    "list left open": ("claims: [a, b\nдалее: 1\n", (2, 6), "syntax", "did not find expected ',' or ']'"),
    "file ends in a bracket": ("a: b\r\nc: [\r\n", (3, 1), "syntax", "did not find expected node content"),
    "tab": ("source:\n\ttitle: x\n", (2, 1), "syntax", "character that cannot start any token"),
    "NUL": ("a: b\nключ: d\0e\n", (2, 8), "syntax", "#x0000"),
    "control character": ('a: "ж\x07"\n', (1, 6), "syntax", "#x0007"),
    "half a surrogate": ('a: "\\ud800"\n', (1, 7), "syntax", "invalid Unicode character"),
    "key without a word": ("a: b\n: c\n", (2, 1), "syntax", "did not find expected key"),
    "duplicate key": ("source:\n  язык: ru\n  язык: en\n", (3, 3), "duplicate-key", "'язык'"),
    "duplicate key in flow": ("a: {Имя: x, Имя: y}\n", (1, 13), "duplicate-key", "'Имя'"),
    "duplicate key, spelled in two ways": ("й: 1\nи\u0306: 2\n", (2, 1), "duplicate-key", "'й'"),
    "alias": ("a: b\nc: *x\n", (2, 4), "alias", "an alias"),
    "anchor": ("a: b\nc: &x d\n", (2, 4), "anchor", "an anchor"),
    "anchor of a key": ("a: b\n&x c: d\n", (2, 1), "anchor", "an anchor"),
    "billion laughs": (BOMB, (1, 4), "anchor", "an anchor"),
    "type tag": ('a: b\nyear: !!int "5"\n', (2, 7), "tag", "tag:yaml.org,2002:int"),
    "tag that runs code": ("a: !!python/object/apply:os.abort []\n", (1, 4), "tag", "python/object/apply"),
    "two documents": ("a: b\n---\nc: d\n", (2, 1), "two-documents", "a second document"),
    "list as a key": ("a: b\n? [x, y]\n: z\n", (2, 3), "complex-key", "a key must be a word"),
    "mapping as a key": ("{{a: b}: c}\n", (1, 2), "complex-key", "a key must be a word"),
    "empty value": ("source:\n  title:\n  language: ru\n", (2, 9), "empty-value", "a value is missing"),
    "comma in a flow text": ("a: {text: one, two}\n", (1, 19), "empty-value", "a value is missing"),
    "empty item": ("a:\n  - x\n  -\n", (3, 4), "empty-value", "a value is missing"),
    "empty file": ("", (1, 1), "empty-file", "the file says nothing"),
    "comments only": ("# ничего\n# more\n", (1, 1), "empty-file", "the file says nothing"),
    "empty document": ("---\n...\n", (1, 1), "empty-file", "the file says nothing"),
    "one word": ("\nслово\n", (2, 1), "not-a-mapping", "not a mapping"),
    "list": ("# list\n- a\n", (2, 1), "not-a-mapping", "not a mapping"),
    "brackets": ("[" * 100_000, (1, MAX_DEPTH + 1), "too-deep", "more than 32 levels"),
    "braces": ("a:\n  " + "{b: " * 100_000, (2, 3 + 4 * (MAX_DEPTH - 1)), "too-deep", "more than 32 levels"),
    "items in items": ("- " * 20_000, (1, 2 * MAX_DEPTH + 1), "too-deep", "more than 32 levels"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "where", "code", "finding"), REFUSED.values(), ids=REFUSED)
def test_refused_at_its_place(text: str, where: tuple[int, int], code: str, finding: str) -> None:
    """What no record needs is one error at line and column, with a finding and a remedy."""
    issue = issue_of(text)
    assert (where, "error", code) == (position(issue.place), issue.severity, issue.code)
    assert finding in issue.finding
    assert issue.remedy


def test_depth_allowed_is_read() -> None:
    """The limit refuses nothing below it."""
    text = "a: " + "[" * (MAX_DEPTH - 1) + "x" + "]" * (MAX_DEPTH - 1)
    assert "x" in str(document_of(text).content)


def test_brackets_do_not_crash_the_process(tmp_path: Path) -> None:
    """100,000 brackets, which overflow the stack of whoever composes them, are an issue in a process that lives on."""
    (tmp_path / "x.yaml").write_text("[" * 100_000)
    program = (
        "import sys; from pathlib import Path; from kgbuild.core.errors import Findings; "
        "from kgbuild.records.documents import read_document; "
        "found = Findings(); read_document(Path(sys.argv[1]), 'x.yaml', found); print(*[i.code for i in found])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "x.yaml"], capture_output=True, text=True, timeout=60
    )
    assert (0, "too-deep\n", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("content", "where", "byte"),
    [
        (b"\xff", (1, 1), "0xff"),
        ("ключ: б\nг: ".encode() + b"\xd0", (2, 4), "0xd0"),
        ("\ufeffа: ".encode() + b"\xfe: b\n", (1, 4), "0xfe"),
        ("заголовок: Хаб\n".encode("cp1251"), (1, 1), "0xe7"),
        ("a: b\n".encode("utf-16"), (1, 1), "0xff"),
    ],
    ids=["alone", "cut character", "after a byte order mark", "Windows", "UTF-16"],
)
def test_not_utf_8(tmp_path: Path, content: bytes, where: tuple[int, int], byte: str) -> None:
    """The first byte that is no UTF-8 is named at its line and column, counted in characters."""
    issue = read(tmp_path, content)
    assert isinstance(issue, Issue)
    assert (where, "not-utf-8") == (position(issue.place), issue.code)
    assert (f"byte {byte} is not UTF-8", "Save the file as UTF-8.") == (issue.finding, issue.remedy)


def test_too_large_is_refused_unread(tmp_path: Path) -> None:
    """A file of more than a megabyte is refused as a whole; one of exactly that size is read."""
    filler = b"a: b\n#"
    largest = filler + b"x" * (LARGEST - len(filler))
    assert isinstance(read(tmp_path, largest), Document)
    issue = read(tmp_path, largest + b"x")
    assert isinstance(issue, Issue)
    assert (Place(NAME), "too-large") == (issue.place, issue.code)
    assert "1,000,001 bytes" in issue.finding
    assert issue.remedy


def test_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """A file that is gone, or is a folder, is an issue that gives the reason."""
    gone, folder = (tmp_path / "gone.yaml", "unreadable", "No such file"), (tmp_path, "not-a-file", "a folder stands")
    for path, code, reason in (gone, folder):
        issue = read_file(path)
        assert isinstance(issue, Issue)
        assert (Place(NAME), code) == (issue.place, issue.code)
        assert reason in issue.finding
        assert issue.remedy


# --- whatever comes ---------------------------------------------------------------------------------------------------

YAMLISH = st.text(st.sampled_from(list("ab:-?,[]{}#&*!|>'\"%@ \n\t\r~<=йЖ😀\x00\x85\u2028\ufeff\\.0")), max_size=60)


def check_document(content: bytes, folder: Path) -> None:
    found = read(folder, content)
    if isinstance(found, Issue):
        assert found.finding
        assert found.remedy
    else:
        assert isinstance(found.content, dict)
        lines = content.count(b"\n") + content.count(b"\r") + content.count(b"\x85") + content.count(b"\xe2\x80") + 1
        assert all(1 <= place.line <= lines for place in (*found.keys.values(), *found.values.values()))


@settings(max_examples=500, deadline=None)
@given(content=st.binary(max_size=200))
@example(content=b"\xef\xbb\xbf\xff")
def test_any_bytes_give_a_document_or_an_issue(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No bytes raise anything."""
    check_document(content, tmp_path_factory.getbasetemp())


@settings(max_examples=1000, deadline=None)
@given(text=YAMLISH)
def test_anything_like_yaml_gives_a_document_or_an_issue(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No text made of YAML's own characters raises anything."""
    check_document(text.encode(), tmp_path_factory.getbasetemp())
