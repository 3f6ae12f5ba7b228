# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""`kgbuild shapes`: anybody's RDF checked, in any format, with nothing of ours at hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pyoxigraph
import pytest
import rdflib
from pyoxigraph import RdfFormat
from rdflib.namespace import RDF, SH

from kgbuild.build.conformance import LARGEST
from kgbuild.build.positions import Positions
from kgbuild.core.errors import ExitCode, Place
from kgbuild.core.namespaces import PREFIXES
from kgbuild.sparql.formats import EXTENSIONS
from mini import ROOT, kgbuild_here
from nonempty import nonempty

DATA = """\
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix ex: <http://example.org/> .
@prefix icn: <https://w3id.org/icn/ontology#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix standing: <https://w3id.org/icn/vocabulary/standing/> .

ex:academy a icn:Academy ; rdfs:label "Academy"@en ; dcterms:identifier "academy" .
ex:network a icn:Network ; rdfs:label "Network"@en ; dcterms:identifier "network" .

ex:right a icn:Membership ;
    icn:member ex:academy ;
    icn:organization ex:network ;
    icn:standing standing:member .

# A member without a class, and "no date" where one is meant.
ex:wrong a icn:Membership ;
    icn:member ex:academy, ex:nobody ;
    icn:organization ex:network ;
    icn:joined "2023" .
"""
FOUND = {
    ("membership-member", "icn:member", "http://example.org/nobody"),
    ("membership-member-single", "icn:member", ""),
    ("membership-joined", "icn:joined", '"2023"'),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data.ttl").write_text(DATA, encoding="utf-8")
    return tmp_path


def one_line(folder: Path, code: ExitCode, *arguments: str) -> str:
    done = kgbuild_here(folder, "shapes", *arguments)
    assert (code, "") == (done.returncode, done.stdout)
    (line,) = done.stderr.splitlines()
    return line


def test_text_says_place_finding_and_remedy(folder: Path) -> None:
    """One line a finding: the file with line and column, what is wrong about what, and what would mend it."""
    done = kgbuild_here(folder, "shapes", "--profile", "data.ttl")
    assert ExitCode.FINDINGS == done.returncode
    assert [
        "data.ttl:17:5 error membership-member-single: There are several values of 'member', where one is meant "
        "(http://example.org/wrong icn:member). Keep one value of icn:member.",
        "data.ttl:17:28 error membership-member: The member is missing, or is no actor "
        "(http://example.org/wrong icn:member http://example.org/nobody). "
        "State icn:member. Give icn:member a thing of class icn:Actor, and state its class in the same data.",
        "data.ttl:19:16 error membership-joined: The date of joining is not a described date "
        '(http://example.org/wrong icn:joined "2023"). '
        "Give icn:joined a node of class icn:Date, with icn:earliest and icn:latest.",
    ] == done.stdout.splitlines()
    assert "Does not conform. Findings: 3.\n" == done.stderr


@pytest.mark.parametrize("suffix", sorted(EXTENSIONS))
def test_every_format_is_checked(tmp_path: Path, suffix: str) -> None:
    """Turtle, N-Triples, N-Quads, TriG, RDF/XML, JSON-LD: the same findings, of the wrong one of two memberships."""
    triples = (quad.triple for quad in pyoxigraph.parse(DATA, format=RdfFormat.TURTLE))
    (tmp_path / f"data{suffix}").write_bytes(pyoxigraph.serialize(triples, format=EXTENSIONS[suffix]) or b"")
    done = kgbuild_here(tmp_path, "shapes", "--format", "json", f"data{suffix}")
    said = json.loads(done.stdout)
    assert (ExitCode.FINDINGS, False) == (done.returncode, said["conforms"])
    assert FOUND == {(each["shape"], each["property"], each["value"]) for each in said["findings"]}
    assert {f"data{suffix}"} == {each["path"] for each in said["findings"]}
    assert {"http://example.org/wrong"} == {each["focus"] for each in said["findings"]}
    assert all(each["line"] for each in nonempty(said["findings"]))


def test_turtle_is_the_report_of_shacl(folder: Path) -> None:
    """Other programs read the findings as the standard has them, the same bytes each time."""
    done, again = (kgbuild_here(folder, "shapes", "--format", "turtle", "data.ttl") for _ in range(2))
    report = rdflib.Graph().parse(data=done.stdout)
    (node,) = report.subjects(RDF.type, SH.ValidationReport)
    assert rdflib.Literal(False) == report.value(node, SH.conforms)
    assert 3 == len(list(report.objects(node, SH.result)))
    assert done.stdout == again.stdout


def test_several_files_are_checked_together(folder: Path) -> None:
    """What one file names and another describes is known; each finding is told in its own file."""
    (folder / "more.ttl").write_text(
        "<http://example.org/nobody> a <https://w3id.org/icn/ontology#Person> .\n", "utf-8"
    )
    done = kgbuild_here(folder, "shapes", "--format", "json", "data.ttl", "more.ttl")
    found = {(each["path"], each["shape"]) for each in json.loads(done.stdout)["findings"]}
    assert ("data.ttl", "membership-member") not in found
    assert {("data.ttl", "membership-joined"), ("more.ttl", "entity-identifier")} <= found


def test_what_conforms_is_said_to(folder: Path) -> None:
    """A right file ends well, with an empty answer."""
    (folder / "data.ttl").write_text(DATA.partition("# A member")[0], encoding="utf-8")
    done = kgbuild_here(folder, "shapes", "data.ttl")
    assert (ExitCode.WELL, "", "Conforms. Findings: 0.\n") == (done.returncode, done.stdout, done.stderr)


def test_terms_of_others_are_refused_by_the_strict_one_alone(folder: Path) -> None:
    """Whoever extends the ontology conforms to the profile; a misspelling is found by the strict one."""
    text = DATA.partition("# A member")[0] + "ex:right ex:since 2023 ; icn:joind 2023 .\n"
    (folder / "data.ttl").write_text(text, encoding="utf-8")
    assert ExitCode.WELL == kgbuild_here(folder, "shapes", "data.ttl").returncode
    done = kgbuild_here(folder, "shapes", "--strict", "data.ttl")
    assert ExitCode.FINDINGS == done.returncode
    assert ["data.ttl:15:19", "data.ttl:15:36"] == [line.split()[0] for line in done.stdout.splitlines()]


# --- files that cannot be checked -------------------------------------------------------------------------------------


def test_bad_syntax_is_one_finding_at_its_line(folder: Path) -> None:
    """The line where reading ended, and what the format is."""
    (folder / "data.ttl").write_text(DATA + "ex:wrong icn:left\n", encoding="utf-8")
    line = one_line(folder, ExitCode.FINDINGS, "data.ttl")
    assert line.startswith(f"data.ttl:{DATA.count(chr(10)) + 2}:1 error syntax: this is not Turtle")


@pytest.mark.parametrize("text", ["", "<http://example.org/a> a <http://example.org/B> .\n"])
def test_a_file_without_anything_of_ours_does_not_pass(folder: Path, text: str) -> None:
    """That nothing was checked is no success: the namespace may be misspelt."""
    (folder / "data.ttl").write_text(text, encoding="utf-8")
    line = one_line(folder, ExitCode.FINDINGS, "data.ttl")
    assert line.startswith(
        "data.ttl error nothing-to-check: nothing here is of a class of https://w3id.org/icn/ontology#"
    )


def test_a_huge_file_is_refused_unread(folder: Path) -> None:
    """The limit is told with the size."""
    with (folder / "data.ttl").open("r+b") as file:
        file.truncate(LARGEST + 1)
    line = one_line(folder, ExitCode.FINDINGS, "data.ttl")
    assert line.startswith(f"data.ttl error too-large: the file has {LARGEST + 1:,} bytes, more than {LARGEST:,}")


def test_a_check_that_does_not_end_is_ended(folder: Path) -> None:
    """The limits are those of everything that others write; what passes them is a finding with the shape's name."""
    shared = "".join(
        f"ex:m{n} a icn:Membership ; icn:member ex:academy ; icn:organization ex:network .\n" for n in range(3000)
    )
    (folder / "data.ttl").write_text(DATA + shared, encoding="utf-8")
    environment = {**os.environ, "KGBUILD_LIMITS": "task=1,stage=2", "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", "from kgbuild.cli import main; main()", "shapes", "data.ttl"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert (ExitCode.FINDINGS, "") == (done.returncode, done.stdout)
    assert " error unfinished: " in done.stderr
    assert "over data.ttl. Check fewer data at once" in done.stderr


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("absent.ttl", ExitCode.FINDINGS, "absent.ttl error unreadable: "),
        ("link.ttl", ExitCode.FINDINGS, "link.ttl error not-a-file: a symbolic link stands here"),
        ("data.txt", ExitCode.USAGE, "data.txt: the end of its name tells no format. "),
    ],
)
def test_other_things_than_files_of_rdf(folder: Path, name: str, code: ExitCode, expected: str) -> None:
    """They are told by name, and never followed."""
    (folder / "link.ttl").symlink_to("data.ttl")
    (folder / "data.txt").write_text(DATA, encoding="utf-8")
    assert one_line(folder, code, name).startswith(expected)


def test_nothing_is_fetched(folder: Path) -> None:
    """A context elsewhere is not asked for: it is told that it is missing."""
    (folder / "data.jsonld").write_text('{"@context": "http://127.0.0.1:9/c", "@type": "icn:Membership"}', "utf-8")
    line = one_line(folder, ExitCode.FINDINGS, "data.jsonld")
    assert "error syntax: this is not JSON-LD" in line
    assert line.endswith("Mend the file; what it refers to elsewhere is not fetched.")


def test_an_unknown_format_of_the_answer_is_refused(folder: Path) -> None:
    """The choices are named."""
    assert "text, json, turtle" in one_line(folder, ExitCode.USAGE, "--format", "html", "data.ttl")


# --- nothing of ours at hand ------------------------------------------------------------------------------------------


def test_the_package_alone_checks(folder: Path) -> None:
    """An installed package carries shapes and vocabularies: no checkout is near."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "wheel")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = (folder / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "package")
    environment = {**os.environ, "PYTHONPATH": str(folder / "package")}
    command = [sys.executable, "-c", "import kgbuild; print(kgbuild.__file__); from kgbuild.cli import main; main()"]
    done = subprocess.run(
        [*command, "shapes", "data.ttl"], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    where, *lines = done.stdout.splitlines()
    assert where.startswith(str(folder / "package"))
    assert (ExitCode.FINDINGS, 3) == (done.returncode, len(lines)), done.stderr


# --- lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<s>\n <p>\n  <o> .", (3, 3)),
        ("<s> <p> <x> .\n<s> <q> <o> ; <p> <o> .", (2, 19)),
        ('@prefix x: <> .\nx:s x:p "a. b" . # <s> <p> <o>\n<s> <p> <o>.', (3, 9)),
        ("<g> { <a> <p> <o> .\n <s> <q> <x> }", (2, 2)),
        ("<a> <b> <c> .", None),
    ],
)
def test_lines_of_terms(text: str, expected: tuple[int, int] | None) -> None:
    """The value's place, else the property's or the subject's; of what is not there none."""
    found = Positions("data.trig", text).locate("s", "p", "o")
    assert (Place("data.trig", *expected) if expected else None) == found


def test_a_use_has_a_line() -> None:
    """What is not described is found where it is used: in a text of any format."""
    assert Place("a.ttl", 1, 15) == Positions("a.ttl", "<a> <p> [ <q> <s> ] .").locate_use("s")
    assert Place("a.rdf", 2, 18) == Positions("a.rdf", '<x>\n<y rdf:resource="urn:s"/>').locate_use("urn:s")
    assert Positions("a.ttl", "<a> <p> <o> .").locate_use("urn:s") is None


def test_prefixed_names_and_strings_have_lines() -> None:
    """Terms are found however they are written."""
    text = (
        'PREFIX icn: <https://w3id.org/icn/ontology#>\n@prefix x: <urn:> .\nx:a.b a icn:Date ;\n icn:edtf """2023""" .'
    )
    located = Positions("data.ttl", text).locate("urn:a.b", f"{PREFIXES['icn']}edtf", "2023")
    assert Place("data.ttl", 4, 11) == located
