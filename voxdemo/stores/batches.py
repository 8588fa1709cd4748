"""Batches on disk, in SQLite: what was accepted is there after a restart, and no text is two servers' to speak.

Several processes may share the folder. Each holds a lock for as long as it lives, by the name that it writes on what it
has taken; what bears the name of one that is gone is free again. Every method blocks: call them from one thread.
"""

import fcntl
import json
import secrets
import shutil
import sqlite3
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from voxdemo import files
from voxdemo.speech import SpeakOptions
from voxdemo.stores.batch_values import MOST_TEXTS, Batch, KeyReused, Load, Order, State, Tally, Text, TooMuch, numbered

MOST_UNFINISHED = 10_000
"""Texts that may wait to be spoken, of all batches together."""
MOST_UNFINISHED_EACH = 2_000
"""And of one client."""
_UNWRITTEN = ("prompt_audio", "language")
"""Options that older releases, which may share the folder, can't read; no batch has a language."""
BUSY_S = 30.0
"""How long another process may keep the file to itself; it takes milliseconds."""

_TABLES = """
CREATE TABLE IF NOT EXISTS batches (
    id TEXT PRIMARY KEY, caller TEXT NOT NULL, idempotency_key TEXT, digest TEXT NOT NULL, manner TEXT NOT NULL,
    created_at REAL NOT NULL, served_at REAL NOT NULL, finished_at REAL,
    reader TEXT, warnings TEXT NOT NULL DEFAULT '[]',
    UNIQUE (caller, idempotency_key)
) STRICT;
CREATE TABLE IF NOT EXISTS texts (
    batch TEXT NOT NULL REFERENCES batches ON DELETE CASCADE, number INTEGER NOT NULL, text TEXT NOT NULL,
    units REAL NOT NULL, state TEXT NOT NULL DEFAULT 'queued', owner TEXT, error TEXT,
    duration_s REAL, seed INTEGER, cached INTEGER, warnings TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (batch, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS texts_by_state ON texts (state, batch, number);
CREATE INDEX IF NOT EXISTS texts_by_batch ON texts (batch, state, units);
"""
_LATER_COLUMNS = {
    ("texts", "start_s"): "REAL",
    ("texts", "name"): "TEXT",
    ("texts", "error_code"): "TEXT",
    ("texts", "error_values"): "TEXT NOT NULL DEFAULT '{}'",
    ("batches", "reader"): "TEXT",
    ("batches", "warnings"): "TEXT NOT NULL DEFAULT '[]'",
}
"""That files from before lack, and what is in them."""
_AFTERWARDS = """
UPDATE batches SET reader = caller WHERE reader IS NULL AND caller LIKE 'key-%';
CREATE INDEX IF NOT EXISTS batches_by_reader ON batches (reader, created_at, id);
"""
_TOLD = (
    "batch, number, units, state, error, error_code, error_values, duration_s, seed, cached, warnings, start_s, name"
)
"""All of a text but the words, which may be long."""


class Store:
    """The batches below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owner = secrets.token_hex(8)
        self._owners = folder / "owners"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # what people wrote is in it
        self._owners.mkdir(exist_ok=True)
        self._lock = (self._owners / self._owner).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._db = sqlite3.connect(
            folder / "batches.sqlite3", timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._db.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_TABLES)
        self._add_columns()

    def close(self) -> None:
        """Let go of the file, and of what was taken and isn't finished."""
        self._db.close()
        (self._owners / self._owner).unlink(missing_ok=True)
        self._lock.close()

    def accept(self, order: Order) -> str:
        """Keep a batch; its id. The same request again, by its idempotency key, is the same batch.

        Raises TooMuch, KeyReused, and OSError or sqlite3.Error where it can't be kept; then nothing is.
        """
        with self._change():
            if known := self.known(order.caller, order.idempotency_key, order.digest):
                return known
            self.check_room(order.caller, len(order.texts))
            return self._add(order)

    def batch(
        self, id: str, reader: str | None = None, first: int = 1, most: int = MOST_TEXTS, words: bool = False
    ) -> Batch | None:
        """A batch and how far it is, with at most so many of its texts from the `first` on.

        None: there is no such one, or none that this `reader` may see. What is to be said stands in the texts where
        `words` are asked for.
        """
        row = self._db.execute(
            "SELECT * FROM batches WHERE id = ? AND (reader IS NULL OR reader = ?)", [id, reader]
        ).fetchone()
        return None if row is None else self._batch(row, first, most, words)

    def batches(self, reader: str, most: int, after: str | None = None) -> Sequence[Batch] | None:
        """The batches of this reader without their texts, the newest first, from behind the one `after` on.

        None where `after` isn't one of them.
        """
        last = self._db.execute(
            "SELECT created_at, id FROM batches WHERE id = ? AND reader = ?", [after, reader]
        ).fetchone()
        if after is not None and last is None:
            return None
        rows = self._db.execute(
            "SELECT * FROM batches WHERE reader = ? AND (? IS NULL OR (created_at, id) < (?, ?))"
            " ORDER BY created_at DESC, id DESC LIMIT ?",
            [reader, after, *(last or (None, None)), most],
        ).fetchall()
        return [self._batch(row, 1, 0, False) for row in rows]

    def _batch(self, row: Any, first: int, most: int, words: bool) -> Batch:
        id = row["id"]
        tallies = self._db.execute(
            "SELECT state, count(*), sum(units) FROM texts WHERE batch = ? GROUP BY state", [id]
        ).fetchall()
        texts = self._db.execute(
            f"SELECT {_TOLD}, {'text' if words else repr('')} AS text FROM texts WHERE batch = ? AND number >= ?"
            " ORDER BY number LIMIT ?",
            [id, first, most],
        ).fetchall()
        return Batch(
            id,
            self._options(row["manner"], id),
            row["created_at"],
            row["finished_at"],
            {state: Tally(count, units) for state, count, units in tallies},
            [_text(each) for each in texts],
            tuple(json.loads(row["warnings"])),
        )

    def loads(self) -> Sequence[Load]:
        """What is still to be spoken, batch by batch."""
        rows = self._db.execute(
            "SELECT batch, count(*), sum(units) FROM texts WHERE state IN ('queued', 'running') GROUP BY batch"
        )
        return [Load(*row) for row in rows]

    def take(self, without: Sequence[str] = ()) -> tuple[Text, SpeakOptions] | None:
        """The next text, which from here on is this process's to speak; the batches take turns. None: there is none.

        Texts of the batches named in `without` are passed over.
        """
        with self._change():
            row = self._db.execute(
                "SELECT texts.*, manner FROM texts JOIN batches ON batches.id = batch WHERE state = 'queued'"
                f" AND batch NOT IN ({', '.join('?' * len(without))})"
                " ORDER BY served_at, created_at, number LIMIT 1",
                without,
            ).fetchone()
            if row is None:
                return None
            self._db.execute(
                "UPDATE texts SET state = 'running', owner = ? WHERE batch = ? AND number = ?",
                [self._owner, row["batch"], row["number"]],
            )
            self._db.execute("UPDATE batches SET served_at = ? WHERE id = ?", [time.time(), row["batch"]])
        return _text(row), self._options(row["manner"], row["batch"])

    def put_back(self, text: Text) -> None:
        """It couldn't be spoken now: it is taken again later."""
        self._settle(text, "queued")

    def finish(self, text: Text) -> bool:
        """It has been spoken, or has failed, as `text` says; False where it was cancelled meanwhile."""
        return self._settle(text, text.state)

    def reclaim(self) -> int:
        """Free what was taken by processes that are gone; how many texts."""
        owners = [row[0] for row in self._db.execute("SELECT DISTINCT owner FROM texts WHERE state = 'running'")]
        gone = [owner for owner in owners if owner != self._owner and not self._lives(owner)]
        freed = 0
        with self._change():
            for owner in gone:
                freed += self._db.execute(
                    "UPDATE texts SET state = 'queued', owner = NULL WHERE state = 'running' AND owner = ?", [owner]
                ).rowcount
        return freed

    def cancel(self, id: str) -> None:
        """Speak no more of a batch; what has been spoken is kept."""
        with self._change():
            self._db.execute(
                "UPDATE texts SET state = 'cancelled', owner = NULL WHERE batch = ? AND state IN ('queued', 'running')",
                [id],
            )
            self._note_end(id)

    def delete(self, id: str) -> None:
        with self._change():
            self._db.execute("DELETE FROM batches WHERE id = ?", [id])
        shutil.rmtree(self.folder(id), ignore_errors=True)

    def delete_old(self, older_than_s: float) -> None:
        """Delete the batches that ended longer ago than this."""
        rows = self._db.execute("SELECT id FROM batches WHERE finished_at < ?", [time.time() - older_than_s]).fetchall()
        for row in rows:
            self.delete(row["id"])
        self._sweep()

    def folder(self, id: str) -> Path:
        return self._folder / id

    def prompt(self, id: str) -> Path:
        """The recording that it is to be spoken like, where there is one."""
        return self.folder(id) / "prompt"

    def _options(self, written: str, id: str) -> SpeakOptions:
        options = json.loads(written)
        return SpeakOptions(prompt_audio=self.prompt(id) if options.pop("has_prompt", False) else None, **options)

    def file(self, text: Text, format: str) -> Path:
        """Where the sound of a text is, once it is done."""
        return self.folder(text.batch) / f"{text.number:04}.{format}"

    def known(self, caller: str, idempotency_key: str | None, digest: str) -> str | None:
        """The id of the batch that this request was accepted as before; raises KeyReused where it was another one."""
        if idempotency_key is None:
            return None
        row = self._db.execute(
            "SELECT id, digest FROM batches WHERE caller = ? AND idempotency_key = ?", [caller, idempotency_key]
        ).fetchone()
        if row is None:
            return None
        if row["digest"] != digest:
            raise KeyReused
        return str(row["id"])

    def check_room(self, caller: str, count: int) -> None:
        """Raises TooMuch where so many texts more of this client are too many."""
        unfinished = "SELECT count(*) FROM texts JOIN batches ON id = batch WHERE state IN ('queued', 'running')"
        everybody = self._db.execute(unfinished).fetchone()[0]
        theirs = self._db.execute(f"{unfinished} AND caller = ?", [caller]).fetchone()[0]
        if theirs + count > MOST_UNFINISHED_EACH or everybody + count > MOST_UNFINISHED:
            raise TooMuch(theirs + count > MOST_UNFINISHED_EACH)

    def _add(self, order: Order) -> str:
        id, now = secrets.token_urlsafe(16), time.time()
        self.folder(id).mkdir()
        if order.prompt is not None:
            self.prompt(id).write_bytes(order.prompt)
        self._db.execute(
            "INSERT INTO batches (id, caller, idempotency_key, digest, manner, created_at, served_at, reader, warnings)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)",
            [
                id, order.caller, order.idempotency_key, order.digest, _written(order), now,
                order.reader, json.dumps(order.warnings),
            ],
        )  # fmt: skip
        self._db.executemany(
            "INSERT INTO texts (batch, number, text, units, start_s, name, warnings, state, error, error_code,"
            " error_values) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(id, number, *each, *_fate(order, number)) for number, each in enumerate(_columns(order), 1)],
        )
        return id

    def _add_columns(self) -> None:
        with self._change():
            for (table, column), kind in _LATER_COLUMNS.items():
                present = {row["name"] for row in self._db.execute(f"PRAGMA table_info({table})")}
                if column not in present:
                    self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
            for statement in _AFTERWARDS.strip().split("\n"):
                self._db.execute(statement)

    def _settle(self, text: Text, state: State) -> bool:
        with self._change():
            done = self._db.execute(
                "UPDATE texts SET state = ?, owner = NULL, error = ?, error_code = ?, error_values = ?,"
                " duration_s = ?, seed = ?, cached = ?, warnings = ?"
                " WHERE batch = ? AND number = ? AND state = 'running' AND owner = ?",
                [
                    state, *_error_columns(text.error), text.duration_s, text.seed, text.cached,
                    json.dumps(text.warnings), text.batch, text.number, self._owner,
                ],
            )  # fmt: skip
            self._note_end(text.batch)
        return done.rowcount == 1

    def _note_end(self, id: str) -> None:
        self._db.execute(
            "UPDATE batches SET finished_at = ? WHERE id = ? AND finished_at IS NULL AND NOT EXISTS"
            " (SELECT 1 FROM texts WHERE batch = id AND state IN ('queued', 'running'))",
            [time.time(), id],
        )

    def _sweep(self) -> None:
        """Delete the folders of batches that were never accepted: their server was killed on the way."""
        known = {row["id"] for row in self._db.execute("SELECT id FROM batches")}
        files.sweep(self._folder, lambda folder: folder != self._owners and folder.name not in known)

    def _lives(self, owner: str) -> bool:
        try:
            with (self._owners / owner).open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        (self._owners / owner).unlink(missing_ok=True)
        return False

    @contextmanager
    def _change(self) -> Generator[None, None, None]:
        """All of what happens within, or nothing of it; no other process's change comes in between."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield


def _written(order: Order) -> str:
    options = {name: value for name, value in asdict(order.options).items() if name not in _UNWRITTEN}
    return json.dumps(options | {"has_prompt": order.prompt is not None})


def _columns(order: Order) -> Iterator[tuple[str, float, float | None, str | None, str]]:
    nothing = [None] * len(order.texts)
    left_out = [json.dumps(order.left_out.get(number, ())) for number, _ in enumerate(order.texts, 1)]
    return zip(order.texts, order.units, order.starts or nothing, order.names or nothing, left_out, strict=True)


def _fate(order: Order, number: int) -> tuple[State, str | None, str | None, str]:
    error = order.refused.get(number)
    return "failed" if error else "queued", *_error_columns(error.described if error else None)


def _error_columns(error: Mapping[str, Any] | None) -> tuple[str | None, str | None, str]:
    return (error["message"], error["code"], json.dumps(error["values"])) if error else (None, None, "{}")


def _error(row: Any) -> Mapping[str, Any] | None:
    if row["error"] is None:
        return None
    return {"message": row["error"], "code": row["error_code"], "values": json.loads(row["error_values"])}


def _text(row: Any) -> Text:
    return Text(
        batch=row["batch"],
        number=row["number"],
        text=row["text"],
        units=row["units"],
        state=row["state"],
        error=_error(row),
        duration_s=row["duration_s"],
        seed=row["seed"],
        cached=None if row["cached"] is None else bool(row["cached"]),
        warnings=tuple(json.loads(row["warnings"])),
        start_s=row["start_s"],
        name=row["name"] or numbered(row["number"]),
    )
