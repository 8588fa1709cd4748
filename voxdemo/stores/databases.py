"""The databases that jobs of many texts may be in: a file of SQLite's, or Postgres, which several machines share.

Statements are written once. What differs is here, as attributes of `Database` that they are put together with: words
of SQL, how a change begins, what it skips because another process has it, and how it is known that a process is gone.
Every method blocks; one thread at a time.
"""

import fcntl
import logging
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from voxdemo.errors import SettingsError, StorageError, UnavailableError
from voxdemo.stores.batch_values import jobs_unreachable

log = logging.getLogger(__name__)

BUSY_S = 30.0
"""How long another process may keep SQLite's file to itself; it takes milliseconds."""
LEASE_S = 15.0
"""How long what a process has taken in Postgres stays its own after it was heard of last, by the database's clock."""
CONNECTING_S = 5
"""How long a connection to Postgres may take, and how long another's change may be waited for."""
ANSWERING_S = 10.0
"""How long Postgres may take for one question before whoever asks is told to come again."""
INSTALL = "run `.venv/bin/pip install -r requirements-cluster.txt`"

_REFUSALS = {
    r"authentication failed|no password supplied|role .* does not exist|not permitted to log in": (
        "Postgres doesn't accept the user or the password in VOXDEMO_DATABASE_URL: correct them."
    ),
    r"database .* does not exist": (
        "Postgres doesn't have the database that VOXDEMO_DATABASE_URL names: make it, or correct the name."
    ),
    r"no pg_hba\.conf entry|pg_hba\.conf rejects": (
        "Postgres doesn't let VOXDEMO_DATABASE_URL in from this machine: add a line for it to pg_hba.conf."
    ),
    r"permission denied for database": (
        "The user in VOXDEMO_DATABASE_URL may not open its database: run GRANT CONNECT ON DATABASE for it."
    ),
}
"""What Postgres says, in English, where it will refuse the next time, too; in other languages it counts as away."""
_BOUNDS = (
    f"SELECT set_config('lock_timeout', '{CONNECTING_S}s', true),"
    f" set_config('idle_in_transaction_session_timeout', '{CONNECTING_S}s', true)"
)
"""Of one change: a process that stands still in one holds the others up no longer than this."""


class Database(Protocol):
    """Statements have ? for their values; rows are dicts."""

    now: str
    """The seconds since 1970."""
    real: str
    """The type of a number of 64 bits with a point, and `integer` that of one without."""
    integer: str
    strict: str
    """Behind a table's columns: each takes values of its type only."""
    by_key: str
    """As `strict`, and the table is kept in order of its key."""

    owner: str
    """What this process is called in what it has taken."""
    skip_taken: str
    """Behind a SELECT of texts that are to be taken: those that another process is taking aren't waited for."""
    patience_s: float | None
    """How long an answer is waited for by whoever asks; None: as long as it takes."""

    def execute(self, statement: str, given: Sequence[Any] = ()) -> Any:
        """The cursor of one statement."""

    def execute_many(self, statement: str, given: Sequence[Sequence[Any]]) -> None: ...

    def change(self, what: str = "") -> AbstractContextManager[None]:
        """All of what happens within, or nothing of it; no other change of the same `what` comes in between."""

    def columns(self, table: str) -> set[str]:
        """None where there is no such table. Postgres knows those of an index, too."""
        ...

    @property
    def id(self) -> str:
        """What this database is called where several keep their files in one folder; empty if that is its own."""

    def open(self, set_up: "Setup") -> None:
        """Have the tables made by `set_up`: now, or when the database is reached first."""

    def renew(self) -> None:
        """Say that this process lives."""

    def gone(self, owners: Sequence[str]) -> list[str]:
        """Those of these that are processes which have ended; this one lives."""

    def close(self) -> None: ...


Setup = Callable[[Database], None]
"""Makes the tables, and what they lack."""


class SQLite:
    """A file below `folder`. Each process holds a lock for as long as it lives, on a file that is called after it."""

    now, real, integer, strict, by_key = "clock()", "REAL", "INTEGER", " STRICT", " STRICT, WITHOUT ROWID"
    skip_taken = ""
    patience_s: float | None = None
    id = ""

    def __init__(self, folder: Path) -> None:
        self.owner = secrets.token_hex(8)
        self._owners = folder / "owners"
        self._owners.mkdir(exist_ok=True)
        self._lock = (self._owners / self.owner).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._db = sqlite3.connect(
            folder / "batches.sqlite3", timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._db.row_factory = lambda cursor, row: dict(zip((each[0] for each in cursor.description), row, strict=True))
        self._db.create_function("clock", 0, time.time)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._db.execute(f"PRAGMA {pragma}")

    def open(self, set_up: Setup) -> None:
        set_up(self)

    def execute(self, statement: str, given: Sequence[Any] = ()) -> sqlite3.Cursor:
        return self._db.execute(statement, given)

    def execute_many(self, statement: str, given: Sequence[Sequence[Any]]) -> None:
        self._db.executemany(statement, given)

    @contextmanager
    def change(self, what: str = "") -> Generator[None, None, None]:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")  # one at a time, whatever it is
            yield

    def columns(self, table: str) -> set[str]:
        return {row["name"] for row in self.execute(f"PRAGMA table_info({table})")}

    def renew(self) -> None:
        """Its lock says it."""

    def gone(self, owners: Sequence[str]) -> list[str]:
        return [owner for owner in owners if owner != self.owner and not self._lives(owner)]

    def has_others(self) -> bool:
        """Whether other processes live that use it."""
        others = {each.name for each in self._owners.iterdir()} - {self.owner}
        return len(self.gone(sorted(others))) < len(others)

    def close(self) -> None:
        """Let go of the file, and of what was taken and isn't finished."""
        self._db.close()
        (self._owners / self.owner).unlink(missing_ok=True)
        self._lock.close()

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


class Postgres:
    """The database at `url`, whose tables are made when it is reached first.

    A process holds a lease there. While the database can't be reached every method raises UnavailableError, and the
    next call tries again. Raises SettingsError without its package, or where the address can't be understood.
    """

    now, real, integer = "extract(epoch FROM clock_timestamp())::float8", "DOUBLE PRECISION", "BIGINT"
    strict = by_key = ""
    skip_taken = " FOR UPDATE OF texts SKIP LOCKED"
    patience_s: float | None = ANSWERING_S

    def __init__(self, url: str) -> None:
        try:
            import psycopg  # here: it isn't needed without Postgres, and isn't installed then
        except ImportError:
            raise SettingsError(f"VOXDEMO_DATABASE_URL needs the package psycopg: {INSTALL}.") from None
        self._psycopg = psycopg
        errors = psycopg.errors
        self._away = (
            psycopg.OperationalError, psycopg.InterfaceError, errors.ReadOnlySqlTransaction,
            errors.IdleInTransactionSessionTimeout, errors.TransactionTimeout,
        )  # fmt: skip
        self._address = self._understood(url)
        self._set_up: Setup = lambda database: None
        self._db: Any = None
        self._id = ""
        self._refusal = ""
        self._is_changing = False
        self._waits_until = 0.0
        self.owner = secrets.token_hex(8)

    @property
    def id(self) -> str:
        if not self._id:
            with self._reached():
                pass
        return self._id

    def open(self, set_up: Setup) -> None:
        """As `Database.open`. Raises SettingsError where the database refuses for good.

        One that is away is reached later; whoever needs it then hears that it's away.
        """
        self._set_up = set_up
        with suppress(*self._away, UnavailableError, StorageError):
            self._connection()

    def execute(self, statement: str, given: Sequence[Any] = ()) -> Any:
        with self._reached() as db:
            return db.execute(_placed(statement), _fit(given))

    def execute_many(self, statement: str, given: Sequence[Sequence[Any]]) -> None:
        with self._reached() as db, db.cursor() as cursor:
            cursor.executemany(_placed(statement), [_fit(each) for each in given])

    @contextmanager
    def change(self, what: str = "") -> Generator[None, None, None]:
        with self._reached() as db, db.transaction():
            self._is_changing = True
            db.execute(_BOUNDS)
            if what:
                db.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [what])
            yield

    def columns(self, table: str) -> set[str]:
        of = "attrelid = to_regclass(quote_ident(current_schema()) || '.' || ?)"
        asked = f"SELECT attname FROM pg_attribute WHERE {of} AND attnum > 0 AND NOT attisdropped"
        return {row["attname"] for row in self.execute(asked, [table])}

    def renew(self) -> None:
        """Renew the lease of this process, or begin one where it has none any more."""
        renewed = self.execute(
            f"UPDATE owners SET until = {self.now} + {LEASE_S} WHERE id = ? AND until > {self.now}", [self.owner]
        )
        if not renewed.rowcount:
            self._come()

    def gone(self, owners: Sequence[str]) -> list[str]:
        """As `Database.gone`; none for as long as a lease after this process has begun its own.

        While the database was away nobody could renew one, and those that live do it now.
        """
        if time.monotonic() < self._waits_until:
            return []
        alive = {row["id"] for row in self.execute(f"SELECT id FROM owners WHERE until > {self.now}")}
        return [owner for owner in owners if owner not in alive]

    def close(self) -> None:
        """Give the lease back: what was taken and isn't finished is free at once, where the database is there."""
        try:
            if self._db:
                self.execute("DELETE FROM owners WHERE id = ?", [self.owner])
        except UnavailableError:
            log.warning("the lease can't be given back; it ends by itself")
        finally:
            self._drop()

    def _come(self) -> None:
        self._waits_until = time.monotonic() + LEASE_S
        self.execute(
            f"INSERT INTO owners (id, until) VALUES (?, {self.now} + {LEASE_S})"
            " ON CONFLICT (id) DO UPDATE SET until = excluded.until",
            [self.owner],
        )
        self.execute(f"DELETE FROM owners WHERE until < {self.now} - {10 * LEASE_S}")

    def _understood(self, url: str) -> str:
        try:
            given = self._psycopg.conninfo.conninfo_to_dict(url)
            if any("@" in str(given.get(part, "")) for part in ("host", "port", "dbname")):
                raise self._psycopg.Error  # part of the password, which would stand in the log
        except self._psycopg.Error:
            sentence = (
                "VOXDEMO_DATABASE_URL can't be understood: write it such as postgresql://user:password@host/name, with"
                " %40 for an @ in the password, and %2F for a /."
            )
            raise SettingsError(sentence) from None  # the cause may contain the password
        usual: dict[str, str | int] = {
            "application_name": "voxdemo",
            "connect_timeout": CONNECTING_S,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": int(ANSWERING_S * 1000),
        }
        return str(self._psycopg.conninfo.make_conninfo(url, **{k: v for k, v in usual.items() if k not in given}))

    @contextmanager
    def _reached(self) -> Generator[Any, None, None]:
        """The connection. Raises UnavailableError where there is none, and StorageError where the database is full."""
        if self._is_changing:
            yield self._db
            return
        try:
            yield self._connection()
        except self._psycopg.errors.DiskFull as error:
            raise StorageError from error
        except SettingsError as error:  # it was away at the start, or refuses since
            if self._refusal != error.sentence:
                self._refusal = error.sentence
                log.error("%s", error.sentence)
            raise jobs_unreachable() from error
        except self._away as error:
            self._drop()
            raise jobs_unreachable() from error
        finally:
            self._is_changing = False

    def _connection(self) -> Any:
        """Raises SettingsError where the database refuses for good."""
        if self._db:
            try:
                self._db.execute("")  # the database may have been away meanwhile
            except self._away:
                self._drop()
        if not self._db:
            self._db = self._connected()
            self._make_tables()
            self._refusal = ""
        return self._db

    def _connected(self) -> Any:
        try:
            return self._psycopg.connect(
                self._address,
                autocommit=True,
                row_factory=self._psycopg.rows.dict_row,
                prepare_threshold=None,  # PgBouncer gives each transaction another session
            )
        except self._psycopg.OperationalError as error:
            for said, sentence in _REFUSALS.items():
                if re.search(said, str(error)):
                    raise SettingsError(sentence) from None
            raise

    def _make_tables(self) -> None:
        user = self._db.info.user
        try:
            with self.change("tables"):
                self.execute(f"CREATE TABLE IF NOT EXISTS owners (id TEXT PRIMARY KEY, until {self.real} NOT NULL)")
                self.execute("CREATE TABLE IF NOT EXISTS stores (id TEXT PRIMARY KEY)")
                new = [secrets.token_hex(8)]
                self.execute("INSERT INTO stores (id) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM stores)", new)
                self._id = self.execute("SELECT id FROM stores").fetchone()["id"]
            self._set_up(self)
        except self._psycopg.Error as error:
            self._drop()
            raise SettingsError(self._why_not_made(error, user)) from None
        except BaseException:
            self._drop()
            raise

    def _why_not_made(self, error: Any, user: str) -> str:
        errors = self._psycopg.errors
        if isinstance(error, (errors.InsufficientPrivilege, errors.InvalidSchemaName)):
            return (
                "The user in VOXDEMO_DATABASE_URL may not make its tables: as the database's owner run"
                f' GRANT USAGE, CREATE ON SCHEMA public TO "{user}", and let it own the tables that are there.'
            )
        return f"The tables of jobs can't be made at VOXDEMO_DATABASE_URL ({error.diag.message_primary}): see to it."

    def _drop(self) -> None:
        if self._db:
            self._db.close()
        self._db = None


def _placed(statement: str) -> str:
    """With places for values as psycopg has them. No statement has a ? or a % of its own."""
    return statement.replace("?", "%s")


def _fit(given: Sequence[Any]) -> list[Any]:
    """Values as Postgres takes them: no NUL in a text, and numbers for what is true or false."""
    return [
        each.replace("\0", "") if isinstance(each, str) else int(each) if isinstance(each, bool) else each
        for each in given
    ]
