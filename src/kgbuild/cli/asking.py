"""Commands that ask: questions, queries, names, and why something is in the graph."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgbuild.cli import options
from kgbuild.core.errors import UsageError, inert
from kgbuild.search import KINDS

if TYPE_CHECKING:
    from kgbuild.core.terms import Answer, Engine
    from kgbuild.questions.named import Question


def _engine(endpoint: str | None, build_dir: Path, default_graph: str, timeout: float) -> Engine:
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
        options.reconfigure(encoding="utf-8", newline="")  # as their standards have it, whatever the terminal has
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    print(format_answer(answer, format_, width), end="")


def _check_format(format_: str) -> None:
    from kgbuild.questions.tables import FORMATS

    options.check_choice("format", format_, FORMATS)


def ask_command(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="Name of a question; `kgbuild questions` lists them.")],
    format_: options.Format = "table",
    endpoint: options.Endpoint = None,
    default_graph: options.DefaultGraph = "",
    timeout: options.Timeout = 0,
    questions: options.Questions = options.QUESTIONS,
    build_dir: options.Build = options.BUILD,
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
        options.say(run(engine, empty_sentence(asked, values)))


def _pairs(arguments: list[str]) -> dict[str, str]:
    """Read `--name value` and `--name=value`."""
    values: dict[str, str] = {}
    rest = iter(arguments)
    for word in rest:
        if not word.startswith("--"):
            raise UsageError(f"'{word}' stands alone. Write --parameter value; quote a value with spaces.")
        name, equals, given = word.removeprefix("--").partition("=")
        value = given if equals else next(rest, None)
        if value is None:
            raise UsageError(f"--{name} has no value. Write --{name} value.")
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


def questions_command(questions: options.Questions = options.QUESTIONS) -> None:
    """List the named questions."""
    print(_listing(questions), end="")


def query_command(
    file: Annotated[str, typer.Argument(help="A file with a SPARQL query, or - for standard input.")],
    format_: options.Format = "table",
    endpoint: options.Endpoint = None,
    default_graph: options.DefaultGraph = "",
    timeout: options.Timeout = 0,
    build_dir: options.Build = options.BUILD,
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


def search_command(
    words: Annotated[list[str], typer.Argument(help="Words of a name, in any script; an IRI or an identifier.")],
    kind: Annotated[str, typer.Option(help=f"Only things of this kind: one of {', '.join(KINDS)}.")] = "",
    build_dir: options.Build = options.BUILD,
) -> None:
    """Find things by any of their names.

    A line for each: kind, name found, and IRI, with tabs between.
    """
    from kgbuild.build.release import current_release
    from kgbuild.search import FILE
    from kgbuild.search.query import Index

    if kind:
        options.check_choice("kind", kind, KINDS)
    path = current_release(build_dir).path / FILE
    if not path.is_file():
        raise UsageError(f"{path}: the release has no search index. options.Build again.")
    found = Index(path).find(" ".join(words), kind)
    if found.instead:
        options.say(f"Nothing bears this name. Did you mean: {found.instead}")
    if not found.hits:
        options.say("Nothing was found. Try fewer words, or the beginning of a word.")
    for hit in found.hits:
        print(f"{hit.kind}\t{inert(hit.text)}\t{hit.iri}")


def explain_command(
    thing: Annotated[
        str, typer.Argument(help="An id, a name, an IRI, or a prefixed name such as membership:acsh--some-network.")
    ],
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    endpoint: options.Endpoint = None,
    default_graph: options.DefaultGraph = "",
    texts: options.Texts = None,
    timeout: options.Timeout = 0,
    build_dir: options.Build = options.BUILD,
) -> None:
    """Show every article, passage and inference behind a thing."""
    from kgbuild.sparql.lookups import run
    from kgbuild.support.explain import explain
    from kgbuild.support.explanation import format_explanation, format_json

    if format_ not in ("text", "json"):
        raise UsageError(f"--format {format_}: there is no such format. Use text or json.")
    explanation = run(_engine(endpoint, build_dir, default_graph, timeout), explain(thing, texts))
    if format_ == "json":
        options.reconfigure(encoding="utf-8", newline="")
    print(format_explanation(explanation) if format_ == "text" else format_json(explanation), end="")
