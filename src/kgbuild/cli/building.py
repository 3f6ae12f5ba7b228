"""Commands that make releases and look at them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgbuild.cli.options import BUILD, QUERIES, RECORDS, Build, Records, Texts, check_choice, reconfigure, say
from kgbuild.core.errors import ExitCode, Issue, UsageError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from kgbuild.build.compilation import Sources
    from kgbuild.core.progress import Reporter


def _reporting() -> AbstractContextManager[Reporter]:
    from rich.console import Console

    from kgbuild.core.progress import reporting

    return reporting(Console(stderr=True))


def _warn(issues: list[Issue]) -> None:
    for issue in issues:
        say(str(issue))


Untrusted = Annotated[
    bool, typer.Option("--untrusted", help="Take the records for a stranger's: no network, and tight limits.")
]


def _sources(records: Path, texts: Path | None, untrusted: bool) -> Sources:
    from kgbuild.build.compilation import Sources
    from kgbuild.build.stages import TRUSTED, UNTRUSTED, leave_network, read_limits

    limits = read_limits(UNTRUSTED if untrusted else TRUSTED, os.environ)
    if not records.is_dir():
        raise UsageError(f"{records}: there is no such folder. Run kgbuild in the project's folder, or give --records.")
    if not Path("ontology/core.ttl").is_file():
        raise UsageError("ontology/core.ttl: there is no such file. Run kgbuild in the project's folder.")
    if texts is not None and not texts.is_dir():
        raise UsageError(
            f"{texts}: there is no such folder of texts. Give the folder that holds them, or leave --texts out."
        )
    if untrusted:
        leave_network()
    return Sources(data=records, texts=texts, limits=limits, is_untrusted=untrusted)


def build_command(
    records: Records = RECORDS,
    texts: Texts = None,
    build_dir: Build = BUILD,
    untrusted: Untrusted = False,
    if_changed: Annotated[
        bool, typer.Option("--if-changed", help="Do nothing if nothing has changed since the last build.")
    ] = False,
) -> None:
    """Build, validate and publish a release from the records."""
    from kgbuild.build.freshness import describe_inputs, is_built_from, note_inputs

    # Before it is read: what changes meanwhile is built the next time.
    code = Path(__file__).parent.parent
    inputs = describe_inputs([records, Path("ontology"), QUERIES, code, *([texts] if texts else [])])
    if if_changed and is_built_from(build_dir, inputs):
        say("Nothing to rebuild: no record, ontology, query or code has changed since the last build.")
        return
    from kgbuild.build.pipeline import build

    with _reporting() as report:
        release, warnings = build(_sources(records, texts, untrusted), build_dir, report)
    note_inputs(build_dir, inputs)
    _warn(warnings)
    facts = release.manifest["facts"]
    counts = ", ".join(f"{facts[name]:,} {name}" for name in ("articles", "claims", "entities", "quads"))
    say(f"Release {release.id}: {counts}.")


def load_command(
    records: Records = RECORDS,
    texts: Texts = None,
    build_dir: Build = BUILD,
    endpoint: Annotated[
        str | None, typer.Option(help="Where a SPARQL 1.1 server answers queries: load the release there.")
    ] = None,
    graph_store: Annotated[
        str | None, typer.Option(help="Where that server takes graphs, if its address does not tell.")
    ] = None,
    resolved_graph: Annotated[
        str | None, typer.Option(help="Name of the resolved graph there; its default graph if not given.")
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
    say(
        f"{target.endpoint}: {done.triples:,} triples stand there as in the release; "
        f"{done.sent} graphs sent, {done.kept} there already, {done.removed} removed."
    )


def validate_command(records: Records = RECORDS, texts: Texts = None, untrusted: Untrusted = False) -> None:
    """Check the records, and publish nothing.

    Each finding is told with its file, its line, and what would mend it.
    """
    from kgbuild.build.pipeline import validate

    with _reporting() as report:
        warnings = validate(_sources(records, texts, untrusted), report)
    _warn(warnings)
    say(f"No errors, {len(warnings)} warnings.")


def schemas_command(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")] = RECORDS / "schema",
) -> None:
    """Write the JSON Schemas of records, for editors."""
    from kgbuild.records.schemas import write_schemas

    if not folder.parent.is_dir():
        raise UsageError(f"{folder.parent}: there is no such folder. Run kgbuild in the project's folder, or name one.")
    write_schemas(folder)


def shapes_command(
    files: Annotated[list[Path], typer.Argument(help="RDF files, which are checked together.")],
    strict: Annotated[
        bool, typer.Option("--strict/--profile", help="Also refuse classes and properties that the ontology lacks.")
    ] = False,
    format_: Annotated[str, typer.Option("--format", help="text, json, or turtle: the report of SHACL.")] = "text",
) -> None:
    """Check anybody's RDF against the SHACL profile of the ontology.

    Each finding is told with its file, its line, and what would mend it.  Nothing is fetched, and no other file needed.
    """
    import json
    from dataclasses import asdict

    from kgbuild.build.conformance import LIMITS, check_files, write_report
    from kgbuild.build.stages import read_limits

    check_choice("format", format_, ("text", "json", "turtle"))
    found = check_files(files, read_limits(LIMITS, os.environ), is_strict=strict)
    if format_ != "text":
        reconfigure(encoding="utf-8", newline="")
    if format_ == "json":
        said = {"conforms": found.conforms, "findings": [asdict(finding) for finding in found.findings]}
        print(json.dumps(said, indent=2, ensure_ascii=False))
    elif format_ == "turtle":
        print(write_report(found.report), end="")
    else:
        for finding in found.findings:
            print(finding)
        say(f"{'Conforms' if found.conforms else 'Does not conform'}. Findings: {len(found.findings)}.")
    if not found.conforms:
        raise typer.Exit(ExitCode.FINDINGS)


def release_list(build_dir: Build = BUILD) -> None:
    """List the releases; a star marks the current one."""
    from kgbuild.build.release import current_release, list_releases

    known = list_releases(build_dir)
    current = current_release(build_dir).id if known else ""
    for release in known:
        facts, mark = release.manifest["facts"], "*" if release.id == current else " "
        gone = f"  withdrawn on {release.withdrawal.on}: {release.withdrawal.reason}" if release.withdrawal else ""
        print(f"{mark} {release.id}  {facts['articles']} articles  {facts['quads']} quads{gone}")


def release_show(
    release_id: Annotated[str | None, typer.Argument(metavar="[ID]")] = None, build_dir: Build = BUILD
) -> None:
    """Show the manifest of a release; the current one if none is named."""
    import json

    from kgbuild.build.release import current_release, find_release

    release = find_release(build_dir, release_id) if release_id else current_release(build_dir)
    print(json.dumps(release.manifest, indent=2, ensure_ascii=False, sort_keys=True))


def release_use(release_id: str, build_dir: Build = BUILD) -> None:
    """Make a release the current one, after checking that it is whole."""
    from kgbuild.build.release import use_release

    say(f"Current release: {use_release(build_dir, release_id).id}")


def release_withdraw(
    release_id: str,
    reason: Annotated[str, typer.Option(help="Why; it is published, so without any name.")],
    build_dir: Build = BUILD,
) -> None:
    """Remove the files of a release for good; its manifest stays, and says when and why."""
    from datetime import UTC, datetime

    from kgbuild.build.release import find_release, withdraw_release

    if not reason.strip():
        raise UsageError("--reason is empty. Say why the release is withdrawn: it is all that readers will find.")
    held = withdraw_release(build_dir, release_id, reason.strip(), datetime.now(UTC).date())
    say(str(find_release(build_dir, release_id).withdrawal))
    for store in held:
        say(f"{store}: a server still holds this store. Run `kgbuild release gc` once it serves another release.")


def release_gc(
    keep: Annotated[int, typer.Option(help="How many to keep.", min=1)] = 5, build_dir: Build = BUILD
) -> None:
    """Remove old releases, but never the current one."""
    from kgbuild.build.release import collect_garbage

    for name in collect_garbage(build_dir, keep):
        say(f"Removed {name}")
