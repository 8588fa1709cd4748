"""The tables of batches, and how values stand in them. Knows nothing of what is done with them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from voxdemo.speech import RARE_DIALS
from voxdemo.stores.batch_values import Order, State, Text, numbered
from voxdemo.stores.databases import Database

_UNWRITTEN = ("prompt_audio", "language", "own")
"""Options that aren't written as they are: older releases, which may share the folder, can't read them.

No batch has a language; recordings are files.
"""
_OF_KEYS = "UPDATE batches SET reader = caller WHERE reader IS NULL AND substr(caller, 1, 4) = 'key-'"
_INDEXES = {
    "texts_by_state": "texts (state, batch, number)",
    "texts_by_batch": "texts (batch, state, units)",
    "batches_by_reader": "batches (reader, created_at, id)",
}


def set_up(database: Database) -> None:
    """Make the tables, or what they lack.

    They are looked at instead of counted in versions: servers of several releases may share them, so that columns are
    added and never changed.
    """
    with database.change("tables"):
        for statement in _tables(database):
            database.execute(statement)
        for (table, column), kind in _later_columns(database).items():
            if column not in database.columns(table):
                database.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
        database.execute(_OF_KEYS)
        for index, columns in _INDEXES.items():
            if not database.columns(index):  # else Postgres waits for the changes of others, and they for this one
                database.execute(f"CREATE INDEX IF NOT EXISTS {index} ON {columns}")


def _tables(to: Database) -> tuple[str, ...]:
    return (
        f"""CREATE TABLE IF NOT EXISTS batches (
            id TEXT PRIMARY KEY, caller TEXT NOT NULL, idempotency_key TEXT, digest TEXT NOT NULL, manner TEXT NOT NULL,
            created_at {to.real} NOT NULL, served_at {to.real} NOT NULL, finished_at {to.real},
            reader TEXT, warnings TEXT NOT NULL DEFAULT '[]',
            UNIQUE (caller, idempotency_key)
        ){to.strict}""",
        f"""CREATE TABLE IF NOT EXISTS texts (
            batch TEXT NOT NULL REFERENCES batches ON DELETE CASCADE, number {to.integer} NOT NULL, text TEXT NOT NULL,
            units {to.real} NOT NULL, state TEXT NOT NULL DEFAULT 'queued', owner TEXT, error TEXT,
            duration_s {to.real}, seed {to.integer}, cached {to.integer}, warnings TEXT NOT NULL DEFAULT '[]',
            PRIMARY KEY (batch, number)
        ){to.by_key}""",
    )


def _later_columns(to: Database) -> Mapping[tuple[str, str], str]:
    """Columns that databases from before lack, by table and name, and what is in them."""
    return {
        ("texts", "start_s"): to.real,
        ("texts", "name"): "TEXT",
        ("texts", "error_code"): "TEXT",
        ("texts", "error_values"): "TEXT NOT NULL DEFAULT '{}'",
        ("batches", "reader"): "TEXT",
        ("batches", "warnings"): "TEXT NOT NULL DEFAULT '[]'",
    }


def manner_of(order: Order) -> str:
    """How all of its texts are to be spoken, for the column `manner`."""
    usual = {dial.name: dial.default for dial in RARE_DIALS}  # which earlier releases don't know
    told = {name: value for name, value in asdict(order.options).items() if name not in _UNWRITTEN}
    options = {name: value for name, value in told.items() if name not in usual or value != usual[name]}
    own = {"own": [[each.name, each.text] for each in order.options.own]} if order.own else {}
    return json.dumps(options | own | {"has_prompt": order.prompt is not None})


def columns_of(order: Order) -> Iterator[tuple[str, float, float | None, str | None, str]]:
    """Of every text what it is, how much, when it begins, its name and what is left out of it."""
    nothing = [None] * len(order.texts)
    left_out = [json.dumps(order.left_out.get(number, ())) for number, _ in enumerate(order.texts, 1)]
    return zip(order.texts, order.units, order.starts or nothing, order.names or nothing, left_out, strict=True)


def fate(order: Order, number: int) -> tuple[State, str | None, str | None, str]:
    """The state of a text that has just come, and the columns of why it can't be spoken."""
    error = order.refused.get(number)
    return "failed" if error else "queued", *error_columns(error.described if error else None)


def error_columns(error: Mapping[str, Any] | None) -> tuple[str | None, str | None, str]:
    """An error, as `VoxdemoError.described`, for the columns `error`, `error_code` and `error_values`."""
    return (error["message"], error["code"], json.dumps(error["values"])) if error else (None, None, "{}")


def _error(row: Any) -> Mapping[str, Any] | None:
    if row["error"] is None:
        return None
    return {"message": row["error"], "code": row["error_code"], "values": json.loads(row["error_values"])}


def text_of(row: Any) -> Text:
    """What is in a row of `texts`."""
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
