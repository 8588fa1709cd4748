"""Who is asking: the client that a request is counted for, whichever door it came through.

Cookies and sessions say nothing, because anybody can have as many as they like. It knows ASGI scopes, and of the server
only how to tell it which proxies to believe.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from typing import Any

KEY = "voxdemo.key"
"""Where in a scope the id of the API key stands that a request came with."""
READER = "voxdemo.reader"
"""The entry of a scope for the only one that may see what the request makes: a key's id, or an account."""
NOBODY = "unknown"
"""Who comes without an address, as through a Unix socket; all are one client."""
NETWORK_BITS = 64
"""Of an IPv6 address: what one customer gets at the least, and can choose addresses from at will."""


def caller_of(scope: Mapping[str, Any]) -> str:
    """The client that a request is counted for: its API key, else the address or IPv6 network it comes from."""
    if key := scope.get(KEY):
        return str(key)
    client = scope.get("client")
    return _network(client[0]) if client else NOBODY


def reader_of(scope: Mapping[str, Any]) -> str | None:
    """The key or account that a request came with; None where it came without."""
    reader: str | None = scope.get(READER)
    return reader


def trust(proxies: Sequence[str]) -> None:
    """Believe X-Forwarded-For and X-Forwarded-Proto from these addresses and networks only; call it before the launch.

    Of a chain of proxies the last that isn't one of these is the client. "*" believes everybody, and then the first:
    for a server that only its proxy can reach, and whose proxy replaces what clients claim.
    """
    believed = "*" if "*" in proxies else ",".join(name for proxy in proxies for name in _spellings(proxy))
    os.environ["FORWARDED_ALLOW_IPS"] = believed  # uvicorn's; unset, it believes whatever runs on this machine


def _network(host: str) -> str:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return NOBODY
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(address), NETWORK_BITS), strict=False))
        address = address.ipv4_mapped
    return str(address)


def _spellings(proxy: str) -> list[str]:
    """As it stands, and as an IPv4 address looks to a server that listens on IPv6."""
    network = ipaddress.ip_network(proxy)
    if network.version == 6:
        return [proxy]
    return [proxy, f"::ffff:{network.network_address}/{96 + network.prefixlen}"]
