"""Whose a request is: the address of a client, told by the connection, or by a proxy of ours in a header."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from starlette.types import Scope

from kgbuild.core.errors import UsageError

_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_WITH_PORT: Final = re.compile(r"\[([^]]*)\](?::[0-9]+)?|([0-9.]+):[0-9]+")
_LONGEST: Final = 100
"""Characters of an address."""


def read_client_header(text: str) -> str:
    """Read the value of `--client-header`: the name of a header with one address, or a list of them; "" for none."""
    if text and (not _NAME.fullmatch(text) or text.lower() == "forwarded"):
        remedy = "Give the name of one that holds addresses alone, such as X-Forwarded-For or X-Real-IP."
        raise UsageError(f"--client-header {text}: this is no header that is read here. {remedy}")
    return text.lower()


def client_of(scope: Scope, name: str = "") -> str | None:
    """Name the client of a request: an IPv4 address, or the /64 of an IPv6 address, which one client has to itself.

    `name` is the header in which a proxy names its client.  It is believed where the peer is on this machine or in a
    private network, since anybody may send it; its last address is the one that our own proxy wrote.  None stands for
    the operator: a peer on this machine for whom no header speaks.
    """
    peer = scope["client"][0] if scope.get("client") else ""
    itself, is_near = _peer(peer)
    if name and is_near and (given := _last(scope, name.encode())) is not None:
        found = _read(given) or _read(peer)
        return _written(found) if found else "unknown"
    return itself


@lru_cache(maxsize=1024)
def _peer(text: str) -> tuple[str | None, bool]:
    """Name a peer, unless it is on this machine, and tell whether it is on it or in a private network."""
    peer = _read(text)
    if peer is None or peer.is_loopback:
        return None, True
    return _written(peer), peer.is_private


def _last(scope: Scope, name: bytes) -> str | None:
    lines = [value for key, value in scope["headers"] if key == name]
    return lines[-1].rpartition(b",")[2].strip().decode("latin-1") if lines else None


@lru_cache(maxsize=1024)
def _read(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, with or without a port; IPv4 within IPv6 is IPv4."""
    if len(text) > _LONGEST:
        return None
    if ported := _WITH_PORT.fullmatch(text):
        text = ported[1] or ported[2] or ""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _written(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"
