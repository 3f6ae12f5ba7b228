# ruff: noqa: SIM300 - the expected value comes first, as everywhere in these tests
"""The command line: arguments in, an answer or one message out, and the exit code that says which."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from kgbuild import __version__
from kgbuild.build import pipeline
from kgbuild.build.release import QUADS, current_release
from kgbuild.cli import app
from kgbuild.core.errors import ExitCode
from kgbuild.core.namespaces import expand
from kgbuild.questions.tables import FORMATS
from mini import COMMAND, Done, copy_project, edit, is_whole, kgbuild, kgbuild_here
from serving import until

MEMBERS = """\
PREFIX icn: <https://w3id.org/icn/ontology#>
SELECT ?who ?edtf { ?m icn:member ?who ; icn:joined/icn:edtf ?edtf . ?who a icn:Academy } ORDER BY ?who ?edtf
"""
JOINED = [
    ("institution:highmoor-school", "2021-03-01"),
    ("institution:highmoor-school", "2024-01"),
    ("institution:lakeland-academy", "2019-05-14"),
    ("institution:rivermark-academy", "2019-05-14"),
]


def message(done: Done, code: ExitCode) -> str:
    """Give the one line that a command says which answers nothing."""
    assert (code, "") == (done.returncode, done.stdout), done.stderr
    (line,) = done.stderr.splitlines()
    assert "Traceback" not in line
    return line


# --- help -------------------------------------------------------------------------------------------------------------


def commands() -> list[str]:
    return sorted(command.name for command in app.registered_commands if command.name)


def test_help_names_every_command(tmp_path: Path) -> None:
    """`--help` lists all commands, needs no project around it, and ends well."""
    done = kgbuild_here(tmp_path, "--help")
    assert (0, "") == (done.returncode, done.stderr)
    assert {"build", "validate", "ask", "query", "explain", "questions"} <= set(commands())
    assert [] == [name for name in (*commands(), "release") if f" {name} " not in done.stdout]


@pytest.mark.parametrize("command", [*(name for name in commands() if name != "ask"), "release"])
def test_every_command_has_help(tmp_path: Path, command: str) -> None:
    """Each command says what it does, without a project around it."""
    done = kgbuild_here(tmp_path, command, "--help")
    assert (0, "") == (done.returncode, done.stderr)
    assert f"Usage: kgbuild {command}" in done.stdout


def test_version(tmp_path: Path) -> None:
    """The installed command prints its version: nothing else is needed to start."""
    done = kgbuild(tmp_path, "--version")
    assert (0, f"{__version__}\n", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("command", [[], ["query"], ["release"], ["release", "gc"]])
def test_help_has_a_short_name(tmp_path: Path, command: list[str]) -> None:
    """`-h` gives the same help as `--help`."""
    assert kgbuild_here(tmp_path, *command, "--help").stdout == kgbuild_here(tmp_path, *command, "-h").stdout


def test_help_says_all_of_each_summary(tmp_path: Path) -> None:
    """No command's summary is cut off where eighty columns end."""
    assert "..." not in kgbuild_here(tmp_path, "--help").stdout.partition("Commands:")[2]


def test_help_names_every_format(tmp_path: Path) -> None:
    """The help of what prints a table lists the formats that there are."""
    assert f"One of {', '.join(FORMATS)}." in " ".join(kgbuild_here(tmp_path, "query", "--help").stdout.split())


@pytest.mark.parametrize("arguments", [[], ["release"]])
def test_nothing_asked_is_answered_with_help(tmp_path: Path, arguments: list[str]) -> None:
    """Without a command there is help, and an exit code that says that nothing was done."""
    done = kgbuild_here(tmp_path, *arguments)
    assert (2, True) == (done.returncode, "Usage: kgbuild" in done.stdout)


# --- asking -----------------------------------------------------------------------------------------------------------


def test_query_in_json(project: Path) -> None:
    """A query on standard input gives its rows, as JSON in SPARQL's own form."""
    done = kgbuild_here(project, "query", "-", "--format", "json", stdin=MEMBERS)
    assert (0, "") == (done.returncode, done.stderr)
    rows = json.loads(done.stdout)["results"]["bindings"]
    assert [(expand(who), edtf) for who, edtf in JOINED] == [(r["who"]["value"], r["edtf"]["value"]) for r in rows]


def test_query_of_a_file_in_csv(project: Path, tmp_path: Path) -> None:
    """The same query in a file, and its answer as CSV: a line of names, a line a row."""
    (tmp_path / "members.rq").write_text(MEMBERS)
    done = kgbuild_here(project, "query", str(tmp_path / "members.rq"), "--format", "csv")
    lines = done.stdout.splitlines()
    assert (0, "", 5, "who,edtf") == (done.returncode, done.stderr, len(lines), lines[0])


def test_query_through_the_installed_command(project: Path) -> None:
    """The command as installed answers what its function answers here."""
    here = kgbuild_here(project, "query", "-", "--format", "csv", stdin=MEMBERS)
    done = kgbuild(project, "query", "-", "--format", "csv", stdin=MEMBERS)
    assert (0, here.stdout.splitlines(), "") == (done.returncode, done.stdout.splitlines(), done.stderr)


def test_ask_and_construct(project: Path) -> None:
    """ASK is answered by a word, CONSTRUCT by triples."""
    assert "true" in kgbuild_here(project, "query", "-", stdin="ASK { ?s ?p ?o }").stdout
    built = "CONSTRUCT { ?m a <urn:Met> } WHERE { ?m <https://w3id.org/icn/ontology#held> ?d }"
    lines = kgbuild_here(project, "query", "-", "--format", "csv", stdin=built).stdout.splitlines()
    assert ["meeting:lakes-forum-2019", "meeting:lakes-summit-2020"] == sorted(
        line.partition(",")[0].replace(expand("meeting:"), "meeting:") for line in lines[1:]
    )


def test_answer_that_nobody_reads(project: Path) -> None:
    """A reader that goes away, as `head` does, is no error worth a word."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(
        [COMMAND, "query", "-", "--format", "csv"],
        cwd=project,
        env=buffered,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(b"SELECT * { GRAPH ?g { ?s ?p ?o } }")
    process.stdin.close()
    process.stdout.read(10)
    process.stdout.close()
    assert (b"", 0) == (process.stderr.read(), process.wait(timeout=60))


def test_output_that_cannot_be_written(project: Path) -> None:
    """A full disk under standard output is said, and is a failure."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, "query", "-"], cwd=project, input="ASK {}", stdout=full, stderr=subprocess.PIPE, text=True
        )
    expected = "standard output: No space left on device. Make room, or mend the permissions.\n"
    assert (ExitCode.FAILURE, expected) == (done.returncode, done.stderr)


def test_a_file_is_never_wrapped(project: Path) -> None:
    """What does not go to a terminal has one line a row, however narrow the terminal may be."""
    done = kgbuild(project, "query", "-", stdin=MEMBERS, env={"COLUMNS": "10"})
    assert 2 + len(JOINED) == len(done.stdout.splitlines())


NOTE = 'SELECT ("Сеть – 网络" AS ?x) {}'


@pytest.mark.parametrize(
    ("format_", "expected"),
    [("csv", "x\r\nСеть – 网络\r\n".encode()), ("table", rb"\u0421\u0435\u0442\u044c \u2013 \u7f51\u7edc")],
)
@pytest.mark.parametrize("encoding", ["ascii", "latin-1:strict"])
def test_output_for_a_terminal_of_few_letters(project: Path, format_: str, expected: bytes, encoding: str) -> None:
    """A letter that the terminal has no sign for is written by its number; data are UTF-8, as their standards say."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [str(COMMAND), "query", "-", "--format", format_]
    done = subprocess.run(command, cwd=project, env=environment, input=NOTE.encode(), capture_output=True)
    assert (0, b"") == (done.returncode, done.stderr)
    assert expected in done.stdout


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_query_is_read_as_utf_8(project: Path, tmp_path: Path, mark: str) -> None:
    """Whatever the locale is, and with the mark that some editors write: from standard input and from a file."""
    (tmp_path / "x.rq").write_text(mark + NOTE, encoding="utf-8")
    for name, stdin in (("-", mark + NOTE), (str(tmp_path / "x.rq"), "")):
        done = kgbuild(project, "query", name, "--format", "csv", stdin=stdin, env={"PYTHONIOENCODING": "latin-1"})
        assert (0, ["x", "Сеть – 网络"], "") == (done.returncode, done.stdout.splitlines(), done.stderr)


ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"


def test_a_query_without_end_is_left_at_its_timeout(project: Path) -> None:
    """`--timeout` ends a count of all combinations, with one line and a failure's exit code."""
    line = message(kgbuild(project, "query", "-", "--timeout", "0.5", stdin=ENDLESS), ExitCode.FAILURE)
    assert "standard input: no answer within 0.5 s. Ask for less, or give it more time." == line


def test_a_query_without_end_is_left_on_ctrl_c(project: Path) -> None:
    """Ctrl-C ends the same count."""
    process = subprocess.Popen(
        [COMMAND, "query", "-"],
        cwd=project,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(ENDLESS)
    process.stdin.close()
    until(lambda: seconds_of(process.pid) > 2, "the query does not run")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "Interrupted; the current release is untouched.\n" == process.stderr.read()
    assert ExitCode.FAILURE == process.wait(timeout=60)


def seconds_of(process: int) -> float:
    """Read how long a process has computed."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("name", ["Lakeland Academy", "lakeland academy", "lakeland-academy"])
def test_explain_takes_a_name(project: Path, name: str) -> None:
    """A thing is explained by its id or by a name that it alone has, in whatever case, as `ask` takes them."""
    done = kgbuild_here(project, "explain", name)
    assert (0, "") == (done.returncode, done.stderr)
    assert "institution:lakeland-academy" in done.stdout.splitlines()[1]


def test_questions_may_lie_elsewhere(project: Path, tmp_path: Path) -> None:
    """`--questions` names their folder, for the list and for asking; a wrong one is told of with this option."""
    shutil.copytree(project / "queries" / "questions", tmp_path / "mine")
    option = ("--questions", str(tmp_path / "mine"))
    (project_here := tmp_path / "elsewhere").mkdir()
    (project_here / "build").symlink_to(project / "build")
    assert 0 == kgbuild_here(project_here, "questions", *option).returncode
    assert 0 == kgbuild_here(project_here, "ask", "disagreements", *option).returncode
    line = message(kgbuild_here(project_here, "questions"), ExitCode.USAGE)
    assert line.endswith("Give the one that holds the questions (*.rq) with --questions.")


def test_schemas_are_written_where_told(tmp_path: Path) -> None:
    """Schemas are written into the records' folder or one that is named, and never beside a project."""
    line = message(kgbuild_here(tmp_path, "schemas"), ExitCode.USAGE)
    assert "data: there is no such folder. Run kgbuild in the project's folder, or name one." == line
    assert 0 == kgbuild_here(tmp_path, "schemas", "mine").returncode
    assert {"article.schema.json", "entity.schema.json"} <= {path.name for path in (tmp_path / "mine").iterdir()}


# --- exit code 2: wrong usage or set-up -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["nonsense"], "", "No such command 'nonsense'. See `kgbuild --help`."),
        (["release", "nonsense"], "", "No such command 'nonsense'. See `kgbuild --help`."),
        (["build", "--nonsense"], "", "No such option: --nonsense See `kgbuild --help`."),
        (["release", "gc", "--keep", "0"], "", "Invalid value for '--keep'"),
        (["query"], "", "Missing argument 'file'. See `kgbuild --help`."),
        (["query", "-", "--format", "xml"], "ASK {}", "--format xml: there is no such format. Use one of table, csv"),
        (["explain", "x", "--format", "csv"], "", "--format csv: there is no such format. Use text or json."),
        (["query", "gone.rq"], "", "gone.rq: cannot be read: No such file or directory. Give a file, or - for stand"),
        (["query", "data"], "", "data: cannot be read: Is a directory. Give a file, or - for standard input."),
        (["query", "-"], "SELECT * {\n", "standard input:1:11: the query cannot be read: expected "),
        (
            ["query", "-"],
            "ASK { ?x icn:member ?y }",
            "standard input:1:10: the query cannot be read: the prefix icn",
        ),
        (["query", "-"], "DELETE WHERE { ?s ?p ?o }", "standard input:1:1: the query cannot be read: expected "),
        (["query", "-", "--endpoint", "ftp://x/"], "ASK {}", "ftp://x/: this is no address of a SPARQL server. Give "),
        (
            ["build", "--records", "nowhere"],
            "",
            "nowhere: there is no such folder. Run kgbuild in the project's",
        ),
        (["build", "--texts", "nowhere"], "", "nowhere: there is no such folder of texts. Give the folder that holds"),
        (["release", "use", "zzz"], "", "zzz: no release with an id that begins so. `kgbuild release list` shows the"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_usage(project: Path, arguments: list[str], stdin: str, said: str) -> None:
    """What was called wrongly is told in one line: what is wrong, and what to write instead."""
    line = message(kgbuild_here(project, *arguments, stdin=stdin), ExitCode.USAGE)
    assert line.startswith(said)


def test_query_that_is_not_text(project: Path, tmp_path: Path) -> None:
    """A file that is not UTF-8 is no query."""
    (tmp_path / "x.rq").write_bytes(b"ASK { \xff }")
    line = message(kgbuild_here(project, "query", str(tmp_path / "x.rq")), ExitCode.USAGE)
    assert f"{tmp_path / 'x.rq'}: is not UTF-8. Save it as UTF-8." == line


@pytest.mark.parametrize("command", ["build", "validate"])
def test_wrong_folder(tmp_path: Path, command: str) -> None:
    """Outside the project, the folder is said to be the wrong one: neither records nor ontology are there."""
    said = message(kgbuild_here(tmp_path, command), ExitCode.USAGE)
    assert "data: there is no such folder. Run kgbuild in the project's folder, or give --records." == said
    (tmp_path / "data").mkdir()
    said = message(kgbuild_here(tmp_path, command), ExitCode.USAGE)
    assert "ontology/core.ttl: there is no such file. Run kgbuild in the project's folder." == said


def test_question_that_nobody_knows(project: Path) -> None:
    """An unknown question leads to the list of questions."""
    line = message(kgbuild_here(project, "ask", "who-did-it"), ExitCode.USAGE)
    assert line.startswith("There is no question 'who-did-it'.")
    assert "kgbuild questions" in line


def test_no_release_yet(tmp_path: Path) -> None:
    """Before the first build there is nothing to ask."""
    line = message(kgbuild_here(tmp_path, "query", "-", stdin="ASK {}"), ExitCode.USAGE)
    assert "build/current: there is no release yet. Run `make`." == line


# --- exit code 1: findings in the data --------------------------------------------------------------------------------


def test_findings_end_the_validation(tmp_path: Path) -> None:
    """`validate` prints each finding at its line and ends with 1; it publishes nothing, well or not."""
    project = copy_project(tmp_path)
    edit(project / "data/articles/2020/2020-10-10-summit-wire.yaml", "held: 2020-09", "held: 2020-13")
    done = kgbuild_here(project, "validate")
    assert (ExitCode.FINDINGS, "") == (done.returncode, done.stdout)
    place = "data/articles/2020/2020-10-10-summit-wire.yaml:8:76"
    assert f"{place} error date: '2020-13' is no date" in done.stderr
    assert not (project / "build").exists()


def test_warnings_are_said_and_are_no_failure(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning is printed like an error, and what has only warnings is well."""
    monkeypatch.setattr(pipeline, "reason_apart", lambda *_, **__: None)  # HermiT has its own tests
    done = kgbuild_here(project, "validate")
    (warning,) = [line for line in done.stderr.splitlines() if " warning " in line]
    assert warning.startswith("data/articles/2022/2022-01-hub-page.yaml:8:72 warning asserted-and-denied: ")
    assert (0, True) == (done.returncode, done.stderr.endswith("No errors, 1 warnings.\n"))


# --- exit code 3: something failed ------------------------------------------------------------------------------------


def test_damaged_release_does_not_answer(project: Path, tmp_path: Path) -> None:
    """A release whose quads cannot be read is a failure that names the file."""
    folder = tmp_path / "build" / "current"
    folder.mkdir(parents=True)
    for path in current_release(project / "build").path.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / QUADS).write_bytes((folder / QUADS).read_bytes()[:-20])
    line = message(kgbuild_here(tmp_path, "query", "-", stdin="ASK {}"), ExitCode.FAILURE)
    assert line.startswith(f"{folder / QUADS}: the graph cannot be read")
    assert line.endswith("The release is damaged: make it again with 'kgbuild build'.")


def test_build_that_is_interrupted(project: Path, tmp_path: Path) -> None:
    """Ctrl-C ends a build with one line and a failure's exit code, not with 0; the current release is untouched."""
    process = subprocess.Popen(
        [COMMAND, "build", "--build-dir", str(tmp_path)], cwd=project, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "Reading the ontology and the vocabularies\n" == process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert ExitCode.FAILURE == process.returncode
    assert "Interrupted; the current release is untouched." == said.splitlines()[-1]
    assert "Traceback" not in said
    assert [] == [path for path in tmp_path.glob("*") if path.name != ".lock"]
    assert is_whole(project / "build")
