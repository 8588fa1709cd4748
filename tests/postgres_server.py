"""Starts a real Postgres on a port of its own, and lets it stop and come back."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from serving import free_port

psycopg = pytest.importorskip("psycopg", reason="needs psycopg, from requirements-cluster.txt")
FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
if not FOUND:
    pytest.skip("needs Postgres: apt-get install postgresql", allow_module_level=True)

PASSWORD = "open-sesame-4321"
USER = next((each for each in ("postgres", "nobody") if os.geteuid() == 0), None)
"""Whom it runs as: it refuses to be root's."""


FINISHED_TWICE = "SELECT count(*) - count(DISTINCT (batch, number)) FROM finishes"
"""How many texts have become done once more, where finishes are counted."""


def count_finishes(db: psycopg.Connection[Any]) -> None:
    """Have the database itself write down each time that a text becomes done."""
    db.execute("CREATE TABLE finishes (batch TEXT, number BIGINT)")
    db.execute(
        "CREATE FUNCTION counted() RETURNS trigger AS $$ BEGIN INSERT INTO finishes VALUES (NEW.batch, NEW.number);"
        " RETURN NEW; END $$ LANGUAGE plpgsql"
    )
    db.execute(
        "CREATE TRIGGER counting AFTER UPDATE ON texts FOR EACH ROW WHEN (NEW.state = 'done' AND OLD.state <> 'done')"
        " EXECUTE FUNCTION counted()"
    )


class PostgresServer:
    """A running server; what it has kept is there when it comes back."""

    def __init__(self) -> None:
        self._port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="voxdemo-postgres-"))
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        if USER:
            for path in (self._folder, secret):
                shutil.chown(path, USER)
        self._run(
            *("initdb", "--pgdata", str(self._folder / "data"), "--username", "voxdemo", "--pwfile", str(secret)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync", "--no-instructions"),
        )
        self.start()

    def url(self, schema: str = "public") -> str:
        """With a schema that is made where it is missing: tables of their own for each test."""
        with self.connected() as db:
            db.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        return f"{self._address}?options=-csearch_path%3D{schema}"

    def connected(self) -> psycopg.Connection[Any]:
        """As its superuser; each statement is a change of its own."""
        return psycopg.connect(self._address, autocommit=True)

    @property
    def _address(self) -> str:
        return f"postgresql://voxdemo:{PASSWORD}@127.0.0.1:{self._port}/postgres"

    def new_url(self) -> str:
        return self.url(f"s{secrets.token_hex(6)}")

    def start(self) -> None:
        """On the same port as before; returns when it answers."""
        listening = f"-p {self._port} -h 127.0.0.1 -k {self._folder} -c fsync=off"
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-l", str(self._folder / "log"), "-o", listening, "start")

    def stop(self) -> None:
        """At once: connections end, as when it is killed."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(FOUND[-1].with_name(program)), *arguments],
            user=USER, cwd=self._folder, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
