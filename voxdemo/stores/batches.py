"""Batches in a database: what was accepted is there after a restart, and no text is two servers' to speak.

Several processes may share the database and the folder, and several databases the folder. Each process writes its name
on what it has taken; what bears the name of one that is gone is free again. Every method blocks: call them from one
thread.
"""

import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from voxdemo import files
from voxdemo.errors import UnavailableError
from voxdemo.speech import SpeakOptions, TaggedVoice
from voxdemo.stores import batch_tables
from voxdemo.stores.batch_tables import columns_of, error_columns, fate, manner_of, text_of
from voxdemo.stores.batch_values import (
    MOST_TEXTS,
    Batch,
    KeyReused,
    Load,
    Order,
    State,
    Tally,
    Text,
    TooMuch,
    new_id,
)
from voxdemo.stores.databases import Database, SQLite
from voxdemo.stores.objects import Objects

MOST_UNFINISHED = 10_000
"""Texts that may wait to be spoken, of all batches together."""
MOST_UNFINISHED_EACH = 2_000
"""And of one client."""
_OWNERS = "owners"
"""What isn't a batch's folder."""

_TOLD = (
    "batch, number, units, state, error, error_code, error_values, duration_s, seed, cached, warnings, start_s, name"
)
"""All of a text but the words, which may be long."""


class BatchStore:
    """The batches in `database`, by default a file of SQLite's in `folder`, and their files below `folder`.

    With servers that share `objects` these are each other's. Where the database or those can't be reached, all methods
    that need them raise UnavailableError. Raises SettingsError where the database refuses for good.
    """

    def __init__(self, folder: Path, database: Database | None = None, objects: Objects | None = None) -> None:
        self._folder = folder
        self._objects = objects or Objects()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # what people wrote is in it
        self._db = database or SQLite(folder)
        self._db.open(batch_tables.set_up)
        self._taken: set[tuple[str, int]] = set()
        """What this process has taken and hasn't finished or put back."""

    @property
    def patience_s(self) -> float | None:
        """How long an answer is waited for by whoever asks; None: as long as it takes."""
        return self._db.patience_s

    def close(self) -> None:
        """Let go of the database, and of what was taken and isn't finished."""
        self._db.close()

    def accept(self, order: Order) -> str:
        """Keep a batch; its id. The same request again, by its idempotency key, is the same batch.

        Raises TooMuch, KeyReused, and OSError or sqlite3.Error where it can't be kept; then nothing is.
        """
        id = order.id or new_id()
        self._make_folder(id, order)  # before the change, as writing and sending a recording takes time
        try:
            with self._db.change("accept"):
                known = self.known(order.caller, order.idempotency_key, order.digest)
                if known is None:
                    self.check_room(order.caller, len(order.texts))
                    self._add(id, order)
        except UnavailableError:  # it may have been accepted; if not, its folder is swept
            raise
        except BaseException:
            self._delete_files(id)
            raise
        if known:
            self._delete_files(id)
        return known or id

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
        older, given = "", [reader]
        if after is not None:
            last = self._db.execute(
                "SELECT created_at, id FROM batches WHERE id = ? AND reader = ?", [after, reader]
            ).fetchone()
            if last is None:
                return None
            older, given = " AND (created_at, id) < (?, ?)", [reader, *last.values()]
        rows = self._db.execute(
            f"SELECT * FROM batches WHERE reader = ?{older} ORDER BY created_at DESC, id DESC LIMIT ?", [*given, most]
        ).fetchall()
        return [self._batch(row, 1, 0, False) for row in rows]

    def _batch(self, row: Any, first: int, most: int, words: bool) -> Batch:
        id = row["id"]
        tallies = self._db.execute(
            "SELECT state, count(*) AS texts, sum(units) AS units FROM texts WHERE batch = ? GROUP BY state", [id]
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
            {row["state"]: Tally(row["texts"], row["units"]) for row in tallies},
            [text_of(each) for each in texts],
            tuple(json.loads(row["warnings"])),
        )

    def loads(self) -> Sequence[Load]:
        """What is still to be spoken, batch by batch."""
        rows = self._db.execute(
            "SELECT batch, count(*) AS texts, sum(units) AS units FROM texts WHERE state IN ('queued', 'running')"
            " GROUP BY batch"
        )
        return [Load(**row) for row in rows]

    def take(self, without: Sequence[str] = ()) -> tuple[Text, SpeakOptions] | None:
        """The next text, which from here on is this process's to speak; the batches take turns. None: there is none.

        Texts of the batches named in `without` are passed over.
        """
        passed = ["", *without]
        with self._db.change():
            row = self._db.execute(
                "SELECT texts.*, manner FROM texts JOIN batches ON batches.id = batch WHERE state = 'queued'"
                f" AND batch NOT IN ({', '.join('?' * len(passed))})"
                f" ORDER BY served_at, created_at, number LIMIT 1{self._db.skip_taken}",
                passed,
            ).fetchone()
            if row is None:
                return None
            self._db.execute(
                "UPDATE texts SET state = 'running', owner = ? WHERE batch = ? AND number = ?",
                [self._db.owner, row["batch"], row["number"]],
            )
            self._db.execute(f"UPDATE batches SET served_at = {self._db.now} WHERE id = ?", [row["batch"]])
        self._open_folder(row["batch"])  # it may have been accepted by a server with another one
        self._taken.add((row["batch"], row["number"]))
        return text_of(row), self._options(row["manner"], row["batch"])

    def put_back(self, text: Text) -> None:
        """It couldn't be spoken now: it is taken again later."""
        self._settle(text, "queued")

    def finish(self, text: Text) -> bool:
        """It has been spoken, or has failed, as `text` says; False where it was cancelled meanwhile."""
        return self._settle(text, text.state)

    def reclaim(self) -> int:
        """Free what was taken by processes that are gone, or by this one without its knowledge; how many texts."""
        self._db.renew()
        rows = self._db.execute("SELECT batch, number, owner FROM texts WHERE state = 'running'").fetchall()
        gone = self._db.gone(sorted({row["owner"] for row in rows}))
        unknown = {self._key(row) for row in rows if row["owner"] == self._db.owner} - self._taken
        free = [row for row in rows if row["owner"] in gone or self._key(row) in unknown]
        return sum(map(self._free, free))

    def _free(self, row: Mapping[str, Any]) -> int:
        with self._db.change(row["batch"]):
            freed = self._db.execute(
                "UPDATE texts SET state = 'queued', owner = NULL"
                " WHERE state = 'running' AND batch = ? AND number = ? AND owner = ?",
                [*row.values()],
            )
        return int(freed.rowcount)

    def lost(self) -> Collection[tuple[str, int]]:
        """What this process has taken and isn't its own any more, by batch and number, told once.

        It was cancelled elsewhere, or this process was away for so long that another one has it.
        """
        rows = self._db.execute(
            "SELECT batch, number FROM texts WHERE state = 'running' AND owner = ?", [self._db.owner]
        )
        lost = self._taken - {self._key(row) for row in rows}
        self._taken -= lost
        return lost

    @staticmethod
    def _key(row: Mapping[str, Any]) -> tuple[str, int]:
        return row["batch"], row["number"]

    def cancel(self, id: str) -> None:
        """Speak no more of a batch; what has been spoken is kept."""
        with self._db.change(id):
            self._db.execute(
                "UPDATE texts SET state = 'cancelled', owner = NULL WHERE batch = ? AND state IN ('queued', 'running')",
                [id],
            )
            self._note_end(id)

    def delete(self, id: str) -> None:
        self._objects.drop(self.folder(id))  # first, so that nothing of it is left where this fails
        with self._db.change(id):
            self._db.execute("DELETE FROM texts WHERE batch = ?", [id])  # first, as others lock them in this order
            self._db.execute("DELETE FROM batches WHERE id = ?", [id])
        shutil.rmtree(self.folder(id), ignore_errors=True)

    def delete_old(self, older_than_s: float) -> None:
        """Delete the batches that ended longer ago than this."""
        ended = f"SELECT id FROM batches WHERE finished_at < {self._db.now} - ?"
        rows = self._db.execute(ended, [older_than_s]).fetchall()
        for row in rows:
            self.delete(row["id"])
        self._sweep()

    def folder(self, id: str) -> Path:
        return self._root / id

    @property
    def _root(self) -> Path:
        """Where this database's folders are. Raises UnavailableError."""
        return self._folder / self._db.id

    def prompt(self, id: str) -> Path:
        """The recording that it is to be spoken like, where there is one."""
        return self.folder(id) / "prompt"

    def _own(self, id: str, number: int) -> Path:
        """The recording of one of the voices that tags in it call."""
        return self.folder(id) / f"own-{number}"

    def _options(self, written: str, id: str) -> SpeakOptions:
        options = json.loads(written)
        prompt = self.prompt(id) if options.pop("has_prompt", False) else None
        named = enumerate(options.pop("own", ()))
        own = tuple(TaggedVoice(name, self._own(id, number), said) for number, (name, said) in named)
        return SpeakOptions(prompt_audio=prompt, own=own, **options)

    def file(self, text: Text, format: str) -> Path:
        """Where the sound of a text is, once it is done."""
        return self.folder(text.batch) / f"{text.number:04}.{format}"

    def publish(self, file: Path) -> None:
        """Have other servers find a file of a batch. Any thread. Raises UnavailableError."""
        self._objects.push(file)

    def fetched(self, file: Path) -> bool:
        """Whether there is such a file of a batch; then it is here. Any thread. Raises UnavailableError."""
        return self._objects.pull(file)

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
        unfinished = (
            "SELECT count(*) AS texts FROM texts JOIN batches ON id = batch WHERE state IN ('queued', 'running')"
        )
        everybody = self._db.execute(unfinished).fetchone()["texts"]
        theirs = self._db.execute(f"{unfinished} AND caller = ?", [caller]).fetchone()["texts"]
        if theirs + count > MOST_UNFINISHED_EACH or everybody + count > MOST_UNFINISHED:
            raise TooMuch(theirs + count > MOST_UNFINISHED_EACH)

    def ids(self) -> Sequence[str]:
        """Those of all batches, the oldest first."""
        return [row["id"] for row in self._db.execute("SELECT id FROM batches ORDER BY created_at, id").fetchall()]

    def adopt(self, other: "BatchStore", id: str) -> bool:
        """Have a batch of another store as it is there, with its files; what isn't spoken yet waits to be spoken here.

        False where it is here already. The files come first: one that is cut off is adopted the next time.
        """
        if self._db.execute("SELECT 1 FROM batches WHERE id = ?", [id]).fetchone():
            return False
        self._open_folder(id)
        for file in sorted(other.folder(id).iterdir()) if other.folder(id).is_dir() else ():
            if not file.name.startswith((files.HIDDEN, "all.")):  # what is made of all texts is made again
                mine = self.folder(id) / file.name
                mine.unlink(missing_ok=True)
                files.link_or_copy(file, mine)
                self.publish(mine)
        batch = dict(other._db.execute("SELECT * FROM batches WHERE id = ?", [id]).fetchone())
        texts = other._db.execute("SELECT * FROM texts WHERE batch = ? ORDER BY number", [id]).fetchall()
        with self._db.change("accept"):
            asked = [batch["caller"], batch["idempotency_key"]]
            if self._db.execute("SELECT 1 FROM batches WHERE caller = ? AND idempotency_key = ?", asked).fetchone():
                batch["idempotency_key"] = None  # it means another batch here
            self._insert("batches", [batch])
            waits = {"state": "queued", "owner": None}
            self._insert("texts", [{**text, **(waits if text["state"] == "running" else {})} for text in texts])
        return True

    def _insert(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        names = sorted(self._db.columns(table) & {*rows[0]})
        places = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"
        self._db.execute_many(statement, [[row[name] for name in names] for row in rows])

    def _make_folder(self, id: str, order: Order) -> None:
        self._open_folder(id)
        recordings = {self._own(id, number): recording for number, recording in enumerate(order.own)}
        if order.prompt is not None:
            recordings[self.prompt(id)] = order.prompt
        try:
            for file, recording in recordings.items():
                file.write_bytes(recording)
                self.publish(file)
        except BaseException:
            shutil.rmtree(self.folder(id), ignore_errors=True)
            raise

    def _open_folder(self, id: str) -> None:
        for folder in (self._root, self.folder(id)):
            folder.mkdir(exist_ok=True)

    def _delete_files(self, id: str) -> None:
        self._objects.drop(self.folder(id))
        shutil.rmtree(self.folder(id), ignore_errors=True)

    def _add(self, id: str, order: Order) -> None:
        self._db.execute(
            "INSERT INTO batches (id, caller, idempotency_key, digest, manner, created_at, served_at, reader, warnings)"
            f" VALUES (?, ?, ?, ?, ?, {self._db.now}, 0, ?, ?)",
            [
                id, order.caller, order.idempotency_key, order.digest, manner_of(order),
                order.reader, json.dumps(order.warnings),
            ],
        )  # fmt: skip
        self._db.execute_many(
            "INSERT INTO texts (batch, number, text, units, start_s, name, warnings, state, error, error_code,"
            " error_values) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(id, number, *each, *fate(order, number)) for number, each in enumerate(columns_of(order), 1)],
        )

    def _settle(self, text: Text, state: State) -> bool:
        with self._db.change(text.batch):
            done = self._db.execute(
                "UPDATE texts SET state = ?, owner = NULL, error = ?, error_code = ?, error_values = ?,"
                " duration_s = ?, seed = ?, cached = ?, warnings = ?"
                " WHERE batch = ? AND number = ? AND state = 'running' AND owner = ?",
                [
                    state, *error_columns(text.error), text.duration_s, text.seed, text.cached,
                    json.dumps(text.warnings), text.batch, text.number, self._db.owner,
                ],
            )  # fmt: skip
            self._note_end(text.batch)
        self._taken.discard((text.batch, text.number))
        return bool(done.rowcount == 1)

    def _note_end(self, id: str) -> None:
        self._db.execute(
            f"UPDATE batches SET finished_at = {self._db.now} WHERE id = ? AND finished_at IS NULL AND NOT EXISTS"
            " (SELECT 1 FROM texts WHERE batch = id AND state IN ('queued', 'running'))",
            [id],
        )

    def _sweep(self) -> None:
        """Delete the folders of batches that were never accepted: their server was killed on the way."""
        known = {row["id"] for row in self._db.execute("SELECT id FROM batches")}
        files.sweep(self._root, lambda folder: folder.name != _OWNERS and folder.name not in known)
