"""The command that serves."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
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
    client_budget: Annotated[
        float, typer.Option(help="Seconds of query processing a minute for each client address; 0: no limit.", min=0)
    ] = 60,
    client_errors: Annotated[
        int, typer.Option(help="Failed requests a minute for each client address; 0: no limit.", min=0)
    ] = 30,
    client_header: Annotated[
        str, typer.Option(metavar="NAME", help="Header in which the proxy names its client, as X-Forwarded-For.")
    ] = "",
    no_free_sparql: Annotated[
        bool, typer.Option("--no-free-sparql", help="Answer the named questions, and no queries of clients' own.")
    ] = False,
    metrics_port: Annotated[
        int | None, typer.Option(help="Give /metrics on this port of the host, and nothing else.", min=1, max=65535)
    ] = None,
    metrics_token_file: Annotated[
        Path | None, typer.Option(help="Give /metrics to who sends the token in this file; or KGBUILD_METRICS_TOKEN.")
    ] = None,
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
    from kgbuild.core.files import read_text
    from kgbuild.questions.named import load_questions
    from kgbuild.server.exchange.service import Settings
    from kgbuild.server.http.clients import read_client_header
    from kgbuild.server.routes.metrics import read_token
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
    remote = None
    if engine:
        from kgbuild.server.data.remote import read_engine  # half of what a server imports, which no other needs

        remote = read_engine(engine, resolved_graph)
    # Taken out: what we start, and what looks at it, has no use for it.
    token = os.environ.pop("KGBUILD_METRICS_TOKEN", "")
    if metrics_token_file:
        token = read_token(read_text(metrics_token_file, str(metrics_token_file), 4096), str(metrics_token_file))
    elif token:
        token = read_token(token, "KGBUILD_METRICS_TOKEN")
    limits = Limits(timeout=query_timeout, memory=memory_per_query << 20, workers=workers)
    settings = Settings(build_dir, release, tuple(data or ()), limits, public_url, known, remote, store)
    settings = replace(
        settings,
        client_budget=client_budget,
        client_errors=client_errors,
        client_header=read_client_header(client_header),
        free_sparql=not no_free_sparql,
        metrics_port=metrics_port,
        metrics_token=token,
        security=_security_contact(security_contact or [], security_expires),
    )
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
