"""Releases to download: a list, and files streamed from the disk, in parts; they change in one way, by withdrawal."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send
from werkzeug.http import parse_range_header

from kgbuild.build.catalogue.descriptions import Releases, media_type_of
from kgbuild.build.release import MANIFEST, find_release
from kgbuild.core.errors import KgError
from kgbuild.server.exchange.answers import CutOffError
from kgbuild.server.exchange.kept_documents import alternates
from kgbuild.server.exchange.service import Service, gone
from kgbuild.server.http.languages import Reader
from kgbuild.server.http.problems import Problem, from_query_error, problem
from kgbuild.server.http.responses import ALWAYS, Headers, Response, header, header_lines, matches
from kgbuild.server.pages.rendering import page
from kgbuild.server.routes.dataset import files_shown, releases_of, send_description
from kgbuild.workers.spool import SLOW_READER

CACHING: Final = "public, max-age=3600, must-revalidate"
"""An hour, then the checksum decides: what is withdrawn must not live on in caches, nor whole files be sent again."""
_ID: Final = re.compile(r"[0-9a-f]{16}")


async def release_list(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Answer /releases/: the releases that are kept, newest first, as a page or in DCAT."""
    _need_releases(scope["service"])
    await send_description(scope, send, "/releases/", _list)


def _list(service: Service, releases: Releases, reader: Reader, public: str) -> Response:  # noqa: ARG001 - as a View
    shown = [
        {"release": release, "files": files_shown(release, reader), "current": release == releases.served}
        for release in reversed(releases.kept)
    ]
    links = {"Link": alternates("/releases/")}
    return page("releases.html", reader, headers=links, releases=shown, withdrawn=releases.withdrawn[::-1])


async def release_itself(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what ASGI gives
    """Answer /releases/<id>: a browser is led to its place in the list, others get DCAT."""
    service: Service = scope["service"]
    _need_releases(service)
    name = scope["path_params"]["id"]
    releases = await releases_of(service)
    for each in releases.withdrawn:
        if each.id == name and each.withdrawal:
            raise from_query_error(gone(each.withdrawal))
    if name not in releases.ids:
        raise problem("not-found", f"There is no release '{name[:100]}'. /releases/ lists those that are kept.")
    await send_description(scope, send, f"/releases/{name}", f"/releases/#{name}")


async def release_file(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer /releases/<id>/<file>: the bytes of a file that the release's manifest names, or the manifest."""
    service: Service = scope["service"]
    _need_releases(service)
    name, file = scope["path_params"]["id"], scope["path_params"]["file"]
    found = await asyncio.to_thread(_find, service.settings.build, name, file)
    if found is None:
        detail = f"There is no file '{file[:100]}' of a release '{name[:100]}'. /releases/ lists those that are kept."
        raise problem("not-found", detail)
    tag = header(scope, b"if-none-match")
    if tag is not None and matches(tag.encode("latin-1"), found.etag.encode()):
        await send({"type": "http.response.start", "status": 304, "headers": [*found.headers(), *ALWAYS]})
        await send({"type": "http.response.body", "body": b""})
        return
    await _stream(found, scope, receive, send)


@dataclass(frozen=True)
class _File:
    path: Path
    size: int
    etag: str

    def headers(self) -> Headers:
        return header_lines(
            {
                "Content-Type": media_type_of(self.path.name),
                "ETag": self.etag,
                "Cache-Control": CACHING,
                "Link": '<https://creativecommons.org/licenses/by/4.0/>; rel="license"',
            }
        )


def _need_releases(service: Service) -> None:
    if not service.settings.has_releases:
        raise problem("not-found", "Files are served here, not a release: there is nothing to download.")


def _find(build: Path, name: str, file: str) -> _File | None:
    """Find a file by names alone: what the manifest does not name is not there, whatever lies in the folder."""
    if not _ID.fullmatch(name):
        return None
    try:
        release = find_release(build, name)
    except KgError:
        return None
    path = release.path / file
    if release.withdrawal and file != MANIFEST:
        raise from_query_error(gone(release.withdrawal))
    if file == MANIFEST:
        content = path.read_bytes()
        return _File(path, len(content), f'"{sha256(content).hexdigest()}"')
    described = release.manifest["files"].get(file)
    if described is None or Path(file).name != file:
        return None
    with suppress(OSError):
        # Reading all of it would find more, and cost more than sending it.
        if path.stat().st_size == described["bytes"]:
            return _File(path, described["bytes"], f'"{described["sha256"]}"')
    raise Problem("internal", 500, f"The file {file} of this release is damaged or missing. Please report it.")


async def _stream(found: _File, scope: Scope, receive: Receive, send: Send) -> None:
    response = FileResponse(found.path, media_type=media_type_of(found.path.name))
    own = {name for name, _ in found.headers()}
    response.raw_headers[:] = [(name, value) for name, value in response.raw_headers if name not in own]
    response.raw_headers.extend([*found.headers(), *ALWAYS])

    async def patient(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 416:
            detail = f"The file has {found.size:,} bytes; the range asked for is not among them."
            raise problem("range-not-satisfiable", detail, {"Content-Range": f"bytes */{found.size}"})
        # A reader who takes nothing would keep the file open for ever.
        async with asyncio.timeout(SLOW_READER):
            await send(message)

    try:
        await response(_with_sound_range(scope), receive, patient)
    except (TimeoutError, OSError, RuntimeError) as fault:
        raise CutOffError from fault


def _with_sound_range(scope: Scope) -> Scope:
    """Leave a Range header out that is none, or asks for no part that can be: RFC 9110 §14.2 has it ignored."""
    read = parse_range_header(header(scope, b"range") or "")
    if read is not None and read.units == "bytes":
        return scope
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
