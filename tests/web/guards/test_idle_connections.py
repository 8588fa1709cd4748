"""Connections that clients keep in a pool are there when they are used again."""

from __future__ import annotations

import socket

import pytest
from serving import Server

UVICORNS_S = 5.0
"""After how long uvicorn hangs up by itself."""


@pytest.mark.long
def test_an_idle_connection_stays_open(fake_server: Server) -> None:
    request = b"GET /health HTTP/1.1\r\nHost: voxdemo\r\n\r\n"
    with socket.create_connection(("127.0.0.1", fake_server.port)) as connection:
        connection.sendall(request)
        answer = connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 200")
        while not answer.endswith(b"}"):
            answer += connection.recv(65_536)
        connection.settimeout(UVICORNS_S + 1.5)
        with pytest.raises(TimeoutError):  # nothing comes, not even an end
            connection.recv(1)
