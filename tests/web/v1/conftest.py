"""What the tests of OpenAI's API share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from programs import OWNERS
from serving import Server


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With two keys and two accounts."""
    keys, people = ",".join(OWNERS[:2]), ",".join(f"{name}:pw" for name in OWNERS[2:])
    folder = tmp_path_factory.mktemp("shared")
    server = Server(folder, "tests/guarded_app.py", VOXDEMO_API_KEYS=keys, VOXDEMO_AUTH=people)
    server.wait_until_ready()
    yield server
    server.end()
