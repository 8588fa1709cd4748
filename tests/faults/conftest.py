"""Servers to be ill-treated, one for all tests here where that is possible, each proved to be well after each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from witness import QUEUE_SIZE, StartWitness, Witness


@pytest.fixture(scope="session")
def _fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    witness = Witness(tmp_path_factory.mktemp("faults"), VOXDEMO_QUEUE_SIZE=QUEUE_SIZE)
    try:
        witness.wait_until_ready()
        yield witness
    finally:
        witness.stop()


@pytest.fixture
def fake(_fake: Witness) -> Iterator[Witness]:
    """The demo over the fake engine, at rest; at the end it must be well and hold nothing more than before."""
    _fake.stage("reset")
    yield _fake
    _fake.prove()


@pytest.fixture(scope="module")
def start_witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartWitness]:
    """Starts servers under watch, for the tests of one module."""
    started: list[Witness] = []

    def start(script: str = "tests/fake_app.py", **settings: object) -> Witness:
        folder = settings.pop("folder", None) or tmp_path_factory.mktemp("faults")
        started.append(Witness(Path(str(folder)), script, **settings))
        started[-1].wait_until_ready()
        return started[-1]

    yield start
    for witness in started:
        witness.stop()
