"""The command line: arguments in, one call of the pipeline or of a question, exit code out.

A command imports what it needs when it runs: `--help` and `--version` are answered at once.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgbuild import __version__
from kgbuild.core.errors import ExitCode, Issue, KgError, UsageError
from kgbuild.search import KINDS

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from kgbuild.build.compilation import Sources
    from kgbuild.core.progress import Reporter
    from kgbuild.core.terms import Answer, Engine
    from kgbuild.questions.named import Question

app = typer.Typer(
    name="kgbuild",
    help="ICN: from curated articles to a knowledge graph in which every answer leads back to its source.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Rich would double the time that --help takes
    context_settings={"help_option_names": ["-h", "--help"]},
)
releases = typer.Typer(
    help="Look at the releases, and choose the current one.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(releases, name="release")

Build = Annotated[Path, typer.Option("--build-dir", help="Folder of what is generated.")]
Records = Annotated[Path, typer.Option("--records", help="Folder of the records.")]
Texts = Annotated[
    Path | None, typer.Option("--texts", help="Folder with texts of articles, to check and cut passages.")
]
Format = Annotated[str, typer.Option("--format", help="One of table, csv, json, markdown.")]
DefaultGraph = Annotated[
    str, typer.Option("--default-graph", help="The graph there that holds what holds, where it is a named one.")
]
Endpoint = Annotated[
    str | None, typer.Option("--endpoint", help="A SPARQL 1.1 endpoint to ask instead of the release.")
]
Timeout = Annotated[float, typer.Option(help="Seconds to wait for the answer; 0 for as long as it takes.", min=0)]
Questions = Annotated[Path, typer.Option("--questions", help="Folder of the named questions (*.rq).")]

_RECORDS = Path("data")
_BUILD = Path("build")
_INTERRUPTED = 130
"""What typer returns after an interrupt."""
_QUESTIONS = Path("queries/questions")


def main() -> None:
    """Run the command; an error is one message and an exit code, never a traceback."""
    _reconfigure(errors="backslashreplace")  # a terminal may have no sign for a letter
    try:
        finished = app(standalone_mode=False, prog_name="kgbuild")
    except KgError as problem:
        _say(str(problem))
        sys.exit(problem.exit_code)
    except typer.Abort:
        sys.exit(ExitCode.USAGE)
    except KeyboardInterrupt:
        finished = _INTERRUPTED
    except SystemExit as ended:
        if not isinstance(ended.__context__, BrokenPipeError):
            raise
        _drop_output()  # the reader of our output has gone, as `head` does: typer would exit with 1, a finding
        return
    except OSError as problem:
        _say(f"{problem.filename or 'standard output'}: {problem.strerror}. Make room, or mend the permissions.")
        _drop_output()
        sys.exit(ExitCode.FAILURE)
    except Exception as problem:
        if type(problem).__module__.startswith(("click", "typer")) and hasattr(problem, "format_message"):
            said = problem.format_message()
            if said.startswith("Usage:"):  # nothing was asked for: this is the help
                print(said)
            else:
                _say(f"{said} See `kgbuild --help`.")
            sys.exit(ExitCode.USAGE)
        raise
    # Typer returns the code of a command that it ended itself, and does not raise it.
    if finished == _INTERRUPTED:
        _say("Interrupted; the current release is untouched.")
        sys.exit(ExitCode.FAILURE)
    if finished:
        sys.exit(finished)


def _drop_output() -> None:
    """Send what is still to be written nowhere: Python would try again at its end, and fail aloud."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reconfigure(**how: str) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(**how)  # type: ignore[arg-type]


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _reporting() -> AbstractContextManager[Reporter]:
    from rich.console import Console

    from kgbuild.core.progress import reporting

    return reporting(Console(stderr=True))


def _warn(issues: list[Issue]) -> None:
    for issue in issues:
        _say(str(issue))


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


# --- building -----------------------------------------------------------------------------------------------------


def _sources(records: Path, texts: Path | None) -> Sources:
    from kgbuild.build.compilation import Sources

    if not records.is_dir():
        raise UsageError(f"{records}: there is no such folder. Run kgbuild in the project's folder, or give --records.")
    if not Path("ontology/core.ttl").is_file():
        raise UsageError("ontology/core.ttl: there is no such file. Run kgbuild in the project's folder.")
    if texts is not None and not texts.is_dir():
        raise UsageError(
            f"{texts}: there is no such folder of texts. Give the folder that holds them, or leave --texts out."
        )
    return Sources(data=records, texts=texts)


@app.command("build")
def build_command(records: Records = _RECORDS, texts: Texts = None, build_dir: Build = _BUILD) -> None:
    """Build, validate and publish a release from the records."""
    from kgbuild.build.pipeline import build

    with _reporting() as report:
        release, warnings = build(_sources(records, texts), build_dir, report)
    _warn(warnings)
    facts = release.manifest["facts"]
    counts = ", ".join(f"{facts[name]:,} {name}" for name in ("articles", "claims", "entities", "quads"))
    _say(f"Release {release.id}: {counts}.")


@app.command("load")
def load_command(
    records: Records = _RECORDS,
    texts: Texts = None,
    build_dir: Build = _BUILD,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", help="Where a SPARQL 1.1 server answers queries: load the release there."),
    ] = None,
    graph_store: Annotated[
        str | None, typer.Option("--graph-store", help="Where that server takes graphs, if its address does not tell.")
    ] = None,
    resolved_graph: Annotated[
        str | None,
        typer.Option("--resolved-graph", help="Name of the resolved graph there; its default graph if not given."),
    ] = None,
) -> None:
    """Make a release, and load it into a SPARQL server (--endpoint).

    Who may write there is read from KGBUILD_USER, KGBUILD_PASSWORD and KGBUILD_AUTH (digest or basic).
    """
    from kgbuild.build.loading import find_target, load_release
    from kgbuild.build.release import current_release

    target = find_target(endpoint, graph_store, resolved_graph, os.environ) if endpoint else None
    build_command(records, texts, build_dir)
    if target is None:
        return
    with _reporting() as report:
        done = load_release(current_release(build_dir).path, target, report)
    _say(
        f"{target.endpoint}: {done.triples:,} triples stand there as in the release; "
        f"{done.sent} graphs sent, {done.kept} there already, {done.removed} removed."
    )


@app.command("validate")
def validate_command(records: Records = _RECORDS, texts: Texts = None) -> None:
    """Check the records, and publish nothing.

    Each finding is told with its file, its line, and what would mend it.
    """
    from kgbuild.build.pipeline import validate

    with _reporting() as report:
        warnings = validate(_sources(records, texts), report)
    _warn(warnings)
    _say(f"No errors, {len(warnings)} warnings.")


@app.command("schemas")
def schemas_command(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")] = _RECORDS / "schema",
) -> None:
    """Write the JSON Schemas of records, for editors."""
    from kgbuild.records.schemas import write_schemas

    if not folder.parent.is_dir():
        raise UsageError(f"{folder.parent}: there is no such folder. Run kgbuild in the project's folder, or name one.")
    write_schemas(folder)


# --- asking -------------------------------------------------------------------------------------------------------


def _engine(endpoint: str | None, build_dir: Path, default_graph: str = "", timeout: float = 0) -> Engine:
    from kgbuild.sparql.interruptible import InterruptibleEngine

    if endpoint:
        from kgbuild.sparql.remote import RemoteEngine

        return InterruptibleEngine(RemoteEngine(endpoint, default_graph=default_graph), timeout)
    from kgbuild.build.release import current_release
    from kgbuild.sparql.embedded import open_release

    return InterruptibleEngine(open_release(current_release(build_dir).path), timeout)


def _print(answer: Answer, format_: str) -> None:
    from kgbuild.questions.tables import format_answer

    if format_ != "table":
        _reconfigure(encoding="utf-8", newline="")  # as their standards have it, whatever the terminal has
    print(format_answer(answer, format_, _width()), end="")


def _width() -> int:
    """Count the columns of the terminal; 0 if the output is a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def _check_format(format_: str) -> None:
    from kgbuild.questions.tables import FORMATS

    if format_ not in FORMATS:
        raise UsageError(f"--format {format_}: there is no such format. Use one of {', '.join(FORMATS)}.")


@app.command(
    "ask",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def ask_command(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="Name of a question; `kgbuild questions` lists them.")],
    format_: Format = "table",
    endpoint: Endpoint = None,
    default_graph: DefaultGraph = "",
    timeout: Timeout = 0,
    questions: Questions = _QUESTIONS,
    build_dir: Build = _BUILD,
) -> None:
    """Ask a named question, with its parameters."""
    from kgbuild.questions.named import ask, empty_sentence, find_question, load_questions
    from kgbuild.sparql.lookups import run

    _check_format(format_)
    if question in ("--help", "-h"):
        usage = "kgbuild ask QUESTION --parameter value … [--format F] [--endpoint URL] [--timeout SECONDS]"
        print(f"{usage}\n\n{_listing(questions)}", end="")
        return
    known = load_questions(questions)
    if {"--help", "-h"} & set(context.args) and question in known:
        print(_describe(known[question]), end="")
        return
    asked, values = find_question(known, question), _pairs(context.args)
    engine = _engine(endpoint, build_dir, default_graph, timeout)
    table = ask(engine, asked, values)
    if table.rows or format_ != "table":
        _print(table, format_)
    if not table.rows:
        _say(run(engine, empty_sentence(asked, values)))


def _pairs(arguments: list[str]) -> dict[str, str]:
    """Read `--name value` and `--name=value`."""
    values: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise UsageError(f"'{word}' stands alone. Write --parameter value; quote a value with spaces.")
        name, equals, value = word.removeprefix("--").partition("=")
        if not equals:
            if not rest:
                raise UsageError(f"--{name} has no value. Write --{name} value.")
            value = rest.pop(0)
        if name in values:
            raise UsageError(f"--{name} is given twice. Give it once.")
        values[name] = value
    return values


def _listing(questions: Path) -> str:
    from kgbuild.questions.named import load_questions

    known = load_questions(questions)
    width = max(map(len, known), default=0)
    return "".join(f"{name:{width}}  {question.title['en']}\n" for name, question in sorted(known.items()))


def _describe(question: Question) -> str:
    lines = [question.question, ""]
    for name, parameter in question.parameters.items():
        optional = " (optional)" if parameter.optional else ""
        lines.append(f"  --{name} {parameter.type.upper()}{optional}  {parameter.about}")
    width = max(map(len, question.columns))
    lines += ["", "Columns:", *(f"  {name:{width}}  {about}" for name, about in question.columns.items())]
    return "\n".join(lines) + "\n"


@app.command("questions")
def questions_command(questions: Questions = _QUESTIONS) -> None:
    """List the named questions."""
    print(_listing(questions), end="")


@app.command("query")
def query_command(
    file: Annotated[str, typer.Argument(help="A file with a SPARQL query, or - for standard input.")],
    format_: Format = "table",
    endpoint: Endpoint = None,
    default_graph: DefaultGraph = "",
    timeout: Timeout = 0,
    build_dir: Build = _BUILD,
) -> None:
    """Ask a SPARQL query of your own."""
    _check_format(format_)
    name = "standard input" if file == "-" else file
    _print(_engine(endpoint, build_dir, default_graph, timeout).query(_read_query(file, name), name), format_)


def _read_query(file: str, name: str) -> str:
    try:
        # Standard input as well: whatever the locale may be, a query is UTF-8, with the mark of an editor or without.
        return (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).decode("utf-8-sig")
    except OSError as problem:
        raise UsageError(
            f"{file}: cannot be read: {problem.strerror}. Give a file, or - for standard input."
        ) from problem
    except UnicodeDecodeError as problem:
        raise UsageError(f"{name}: is not UTF-8. Save it as UTF-8.") from problem


@app.command("search")
def search_command(
    words: Annotated[list[str], typer.Argument(help="Words of a name, in any script; an IRI or an identifier.")],
    kind: Annotated[str, typer.Option(help=f"Only things of this kind: one of {', '.join(KINDS)}.")] = "",
    build_dir: Build = _BUILD,
) -> None:
    """Find things by any of their names.

    A line for each: kind, name found, and IRI, with tabs between.
    """
    from kgbuild.build.release import current_release
    from kgbuild.search import FILE
    from kgbuild.search.query import Index

    if kind and kind not in KINDS:
        raise UsageError(f"--kind {kind}: there is no such kind. Use one of {', '.join(KINDS)}.")
    path = current_release(build_dir).path / FILE
    if not path.is_file():
        raise UsageError(f"{path}: the release has no search index. Build again.")
    found = Index(path).find(" ".join(words), kind)
    if found.instead:
        _say(f"Nothing bears this name. Did you mean: {found.instead}")
    if not found.hits:
        _say("Nothing was found. Try fewer words, or the beginning of a word.")
    for hit in found.hits:
        print(f"{hit.kind}\t{hit.text}\t{hit.iri}")


@app.command("explain")
def explain_command(
    thing: Annotated[
        str, typer.Argument(help="An id, a name, an IRI, or a prefixed name such as membership:acsh--some-network.")
    ],
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    endpoint: Endpoint = None,
    default_graph: DefaultGraph = "",
    texts: Texts = None,
    timeout: Timeout = 0,
    build_dir: Build = _BUILD,
) -> None:
    """Show every article, passage and inference behind a thing."""
    from kgbuild.sparql.lookups import run
    from kgbuild.support.explain import explain
    from kgbuild.support.explanation import format_explanation, format_json

    if format_ not in ("text", "json"):
        raise UsageError(f"--format {format_}: there is no such format. Use text or json.")
    explanation = run(_engine(endpoint, build_dir, default_graph, timeout), explain(thing, texts))
    if format_ == "json":
        _reconfigure(encoding="utf-8", newline="")
    print(format_explanation(explanation) if format_ == "text" else format_json(explanation), end="")


# --- serving ------------------------------------------------------------------------------------------------------


@app.command("serve")
def serve_command(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="RDF files to serve as they are; may be given several times.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option("--engine", help="Where another SPARQL 1.1 server answers queries: serve its data.")
    ] = None,
    resolved_graph: Annotated[
        str,
        typer.Option("--resolved-graph", help="The graph there that stands for the default one."),
    ] = "",
    release: Annotated[
        str | None, typer.Option(help="Stay with this release; else the current one is followed.")
    ] = None,
    query_timeout: Annotated[float, typer.Option(help="Seconds that a query may take.", min=0.1)] = 30,
    workers: Annotated[int, typer.Option(help="Processes for quick queries.", min=1)] = os.cpu_count() or 2,
    memory_per_query: Annotated[int, typer.Option(help="MB that a query may take beyond the data.", min=16)] = 1024,
    store: Annotated[
        str,
        typer.Option(help="Serve from memory, or from a store on disk: auto takes disk above 10 million quads."),
    ] = "auto",
    public_url: Annotated[str, typer.Option(help="Address under which clients reach the server.")] = "",
    access_log: Annotated[
        str, typer.Option(metavar="FILE", help="Write a line for each request there; - is the standard output.")
    ] = "",
    questions: Annotated[
        Path | None, typer.Option("--questions", help=f"Folder of the named questions; {_QUESTIONS} if it is there.")
    ] = None,
    build_dir: Build = _BUILD,
) -> None:
    """Serve pages, search and SPARQL over HTTP; needs Linux.

    What is served is the current release, or RDF files.
    """
    if sys.platform != "linux":
        raise UsageError("kgbuild serve needs Linux, whose processes and pipes its workers are. Run it there.")
    from kgbuild.build.release import current_release
    from kgbuild.questions.named import load_questions
    from kgbuild.server.data.remote import read_engine
    from kgbuild.server.exchange.service import Settings
    from kgbuild.server.run import serve
    from kgbuild.workers.disk import MODES
    from kgbuild.workers.lanes import Limits

    if store not in MODES:
        raise UsageError(f"--store {store}: there is no such store. Use one of {', '.join(MODES)}.")
    for path in data or []:
        if not path.is_file():
            raise UsageError(f"{path}: there is no such file. Give RDF files after --data.")
    if engine and (data or release):
        raise UsageError("--engine serves the data of another server. Leave --data and --release out.")
    if not data and not engine:
        current_release(build_dir)
    known = load_questions(questions or _QUESTIONS) if questions or (_QUESTIONS.is_dir() and not data) else {}
    remote = read_engine(engine, resolved_graph) if engine else None
    limits = Limits(timeout=query_timeout, memory=memory_per_query << 20, workers=workers)
    settings = Settings(build_dir, release, tuple(data or ()), limits, public_url, known, remote, store)
    serve(settings, host, port, _say, access_log)


# --- releases -----------------------------------------------------------------------------------------------------


@releases.command("list")
def release_list(build_dir: Build = _BUILD) -> None:
    """List the releases; a star marks the current one."""
    from kgbuild.build.release import current_release, list_releases

    known = list_releases(build_dir)
    current = current_release(build_dir).id if known else ""
    for release in known:
        facts, mark = release.manifest["facts"], "*" if release.id == current else " "
        print(f"{mark} {release.id}  {facts['articles']} articles  {facts['quads']} quads")


@releases.command("show")
def release_show(
    release_id: Annotated[str | None, typer.Argument(metavar="[ID]")] = None, build_dir: Build = _BUILD
) -> None:
    """Show the manifest of a release; the current one if none is named."""
    import json

    from kgbuild.build.release import current_release, find_release

    release = find_release(build_dir, release_id) if release_id else current_release(build_dir)
    print(json.dumps(release.manifest, indent=2, ensure_ascii=False, sort_keys=True))


@releases.command("use")
def release_use(release_id: str, build_dir: Build = _BUILD) -> None:
    """Make a release the current one, after checking that it is whole."""
    from kgbuild.build.release import use_release

    _say(f"Current release: {use_release(build_dir, release_id).id}")


@releases.command("gc")
def release_gc(
    keep: Annotated[int, typer.Option(help="How many to keep.", min=1)] = 5, build_dir: Build = _BUILD
) -> None:
    """Remove old releases, but never the current one."""
    from kgbuild.build.release import collect_garbage

    for name in collect_garbage(build_dir, keep):
        _say(f"Removed {name}")
