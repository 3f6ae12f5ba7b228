"""The command that serves."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgbuild.cli.options import BUILD, QUESTIONS, Build, check_choice, say
from kgbuild.core.errors import UsageError

if TYPE_CHECKING:
    from kgbuild.server.exchange.service import SecurityContact


def serve_command(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="RDF files to serve as they are; may be given several times.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="Where another SPARQL 1.1 server answers queries: serve its data.")
    ] = None,
    resolved_graph: Annotated[str, typer.Option(help="The graph there that stands for the default one.")] = "",
    release: Annotated[
        str | None, typer.Option(help="Stay with this release; else the current one is followed.")
    ] = None,
    query_timeout: Annotated[float, typer.Option(help="Seconds that a query may take.", min=0.1)] = 30,
    workers: Annotated[int, typer.Option(help="Processes for quick queries.", min=1)] = os.cpu_count() or 2,
    memory_per_query: Annotated[int, typer.Option(help="MB that a query may take beyond the data.", min=16)] = 1024,
    store: Annotated[
        str, typer.Option(help="Serve from memory, or from a store on disk: auto takes disk above 10 million quads.")
    ] = "auto",
    public_url: Annotated[str, typer.Option(help="Address under which clients reach the server.")] = "",
    access_log: Annotated[
        str, typer.Option(metavar="FILE", help="Write a line for each request there; - is the standard output.")
    ] = "",
    questions: Annotated[
        Path | None, typer.Option(help=f"Folder of the named questions; {QUESTIONS} if it is there.")
    ] = None,
    security_contact: Annotated[
        list[str] | None,
        typer.Option(metavar="URI", help="Whom to tell of faults of security (mailto: or https:): for security.txt."),
    ] = None,
    security_expires: Annotated[
        str, typer.Option(metavar="DAY", help="Until when --security-contact is right: 2027-11-26.")
    ] = "",
    build_dir: Build = BUILD,
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

    check_choice("store", store, MODES)
    for path in data or []:
        if not path.is_file():
            raise UsageError(f"{path}: there is no such file. Give RDF files after --data.")
    if engine and (data or release):
        raise UsageError("--engine serves the data of another server. Leave --data and --release out.")
    if not data and not engine:
        current_release(build_dir)
    known = load_questions(questions or QUESTIONS) if questions or (QUESTIONS.is_dir() and not data) else {}
    remote = read_engine(engine, resolved_graph) if engine else None
    limits = Limits(timeout=query_timeout, memory=memory_per_query << 20, workers=workers)
    security = _security_contact(security_contact or [], security_expires)
    settings = Settings(build_dir, release, tuple(data or ()), limits, public_url, known, remote, store, security)
    serve(settings, host, port, say, access_log)


def _security_contact(contacts: list[str], expires: str) -> SecurityContact | None:
    """Read what security.txt says: it has to say until when (RFC 9116 §2.5.5)."""
    from datetime import date

    from kgbuild.server.exchange.service import SecurityContact

    if bool(contacts) != bool(expires):
        raise UsageError("--security-contact and --security-expires belong together. Give both, or neither.")
    for each in contacts:
        if not re.fullmatch(r"(mailto:|https://)[\x21-\x7e]+", each):
            raise UsageError(f"--security-contact {each}: this is no address. Write mailto:… or https://….")
    try:
        return SecurityContact(tuple(contacts), date.fromisoformat(expires)) if contacts else None
    except ValueError as problem:
        raise UsageError(f"--security-expires {expires}: this is no day. Write it as 2027-11-26.") from problem
