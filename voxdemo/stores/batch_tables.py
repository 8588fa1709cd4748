"""The tables of batches. Knows nothing of what is done with them."""

from collections.abc import Mapping

from voxdemo.stores.databases import Database

_AFTERWARDS = (
    "UPDATE batches SET reader = caller WHERE reader IS NULL AND substr(caller, 1, 4) = 'key-'",
    "CREATE INDEX IF NOT EXISTS batches_by_reader ON batches (reader, created_at, id)",
)
"""Once all columns are there."""


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
        for statement in _AFTERWARDS:
            database.execute(statement)


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
        "CREATE INDEX IF NOT EXISTS texts_by_state ON texts (state, batch, number)",
        "CREATE INDEX IF NOT EXISTS texts_by_batch ON texts (batch, state, units)",
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
