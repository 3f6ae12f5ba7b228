"""The command line: arguments in, one call of the pipeline or of a question, exit code out.

A command imports what it needs when it runs: `--help` and `--version` are answered at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from kgbuild import __version__
from kgbuild.cli import asking, building, serving
from kgbuild.cli.options import reconfigure, say
from kgbuild.core.errors import ExitCode, KgError

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

_INTERRUPTED = 130
"""What typer returns after an interrupt."""


def main() -> None:
    """Run the command; an error is one message and an exit code, never a traceback."""
    reconfigure(errors="backslashreplace")  # a terminal may have no sign for a letter
    try:
        finished = app(standalone_mode=False, prog_name="kgbuild")
    except KgError as problem:
        say(str(problem))
        sys.exit(problem.exit_code)
    except ModuleNotFoundError as problem:
        if (problem.name or "").startswith("kgbuild"):
            raise
        say(f"This command needs {problem.name}, which a server does without. Install kgbuild[curate].")
        sys.exit(ExitCode.USAGE)
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
        say(f"{problem.filename or 'standard output'}: {problem.strerror}. Make room, or mend the permissions.")
        _drop_output()
        sys.exit(ExitCode.FAILURE)
    except Exception as problem:
        if type(problem).__module__.startswith(("click", "typer")) and hasattr(problem, "format_message"):
            said = problem.format_message()
            if said.startswith("Usage:"):  # nothing was asked for: this is the help
                print(said)
            else:
                say(f"{said} See `kgbuild --help`.")
            sys.exit(ExitCode.USAGE)
        raise
    # Typer returns the code of a command that it ended itself, and does not raise it.
    if finished == _INTERRUPTED:
        say("Interrupted; the current release is untouched.")
        sys.exit(ExitCode.FAILURE)
    if finished:
        sys.exit(finished)


def _drop_output() -> None:
    """Send what is still to be written nowhere: Python would try again at its end, and fail aloud."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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


app.command("build")(building.build_command)
app.command("load")(building.load_command)
app.command("validate")(building.validate_command)
app.command("shapes")(building.shapes_command)
app.command("schemas")(building.schemas_command)
app.command(
    "ask", context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)(asking.ask_command)
app.command("questions")(asking.questions_command)
app.command("query")(asking.query_command)
app.command("search")(asking.search_command)
app.command("explain")(asking.explain_command)
app.command("serve")(serving.serve_command)
releases.command("list")(building.release_list)
releases.command("show")(building.release_show)
releases.command("use")(building.release_use)
releases.command("withdraw")(building.release_withdraw)
releases.command("gc")(building.release_gc)
