"""What a store of batches promises, in a file and in Postgres; and what several processes make of one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fakes import until
from pydantic import SecretStr
from rings import first_of
from serving import ROOT, free_port

from voxdemo.batches.runner import Batches
from voxdemo.errors import InputError, SettingsError, UnavailableError
from voxdemo.settings import Settings
from voxdemo.speech import SpeakOptions, SpeechEvent, Utterance, Waiting
from voxdemo.stores import databases
from voxdemo.stores.batch_values import KeyReused, Load, Order, Text, TooMuch
from voxdemo.stores.batches import MOST_UNFINISHED_EACH, BatchStore
from voxdemo.stores.objects import Objects
from voxdemo.stores.opening import Stores

OpenStore = Callable[[], BatchStore]


@pytest.fixture
def new_url(postgres: Any) -> str:
    return str(postgres.new_url())


@pytest.fixture(params=first_of("sqlite", "postgres"))
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Opens the store again and again, as processes that share it do."""
    url = request.getfixturevalue("new_url") if request.param == "postgres" else ""
    opened: list[BatchStore] = []

    def open_it() -> BatchStore:
        opened.append(BatchStore(tmp_path / "batches", databases.Postgres(url) if url else None))
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


def order(*texts: str, caller: str = "somebody", **more: Any) -> Order:
    return Order(caller, SpeakOptions(format="mp3"), texts, [4.0] * len(texts), "digest", **more)


def taken(store: BatchStore) -> Text | None:
    found = store.take()
    return found and found[0]


def let_go(store: BatchStore) -> None:
    """What becomes of a process that is killed: its lease runs out, or its lock is gone."""
    database: Any = store._db
    if isinstance(database, databases.SQLite):
        database._lock.close()
    else:
        database.execute(f"UPDATE owners SET until = {database.now} - 1 WHERE id = ?", [database.owner])


def settled(store: BatchStore) -> None:
    """As if it had been there for as long as a lease."""
    store.reclaim()
    if isinstance(store._db, databases.Postgres):
        store._db._waits_until = 0.0


def test_what_was_accepted_is_told_as_it_was_asked_for(open_store: OpenStore) -> None:
    store = open_store()
    error = InputError.unsayable("English", "世界")
    id = store.accept(
        order(
            "One.", "世界", "Drei \0 äöü 🎈", starts=[0, 2.5, 7], names=["a", "b", "c"], refused={2: error},
            reader="key-1", warnings=["Something."], left_out={3: ["A sign."]},
        )
    )  # fmt: skip
    batch = store.batch(id, "key-1", words=True)
    assert batch
    assert [text.name for text in batch.texts] == ["a", "b", "c"]
    assert [text.start_s for text in batch.texts] == [0.0, 2.5, 7.0]
    assert [text.error for text in batch.texts] == [None, error.described, None]
    assert [text.text.replace("\0", "") for text in batch.texts] == ["One.", "世界", "Drei  äöü 🎈"]
    assert (batch.warnings, batch.texts[2].warnings) == (("Something.",), ("A sign.",))
    assert (batch.tally("queued").texts, batch.tally("queued").units, batch.tally("failed").texts) == (2, 8.0, 1)
    assert store.batch(id, "key-2") is store.batch(id) is store.batch("nothing") is None
    assert store.loads() == [Load(id, 2, 8.0)]
    assert [len(store.batch(id, "key-1", 2, 1).texts), store.batch(id, "key-1", 2, 1).texts[0].number] == [1, 2]  # type: ignore[union-attr]


def test_the_same_request_again_is_the_same_batch_and_too_much_is_refused(open_store: OpenStore) -> None:
    store, other = open_store(), open_store()
    id = store.accept(order("One.", idempotency_key="k"))
    assert other.accept(order("One.", idempotency_key="k")) == id
    with pytest.raises(KeyReused):
        other.accept(replace(order("Two.", idempotency_key="k"), digest="another"))
    assert store.accept(order("One.", idempotency_key="k", caller="else")) != id
    many = ["Many."] * MOST_UNFINISHED_EACH
    with pytest.raises(TooMuch) as refused:
        store.accept(order(*many))
    assert refused.value.is_theirs
    assert len(store.loads()) == 2


def test_batches_are_listed_the_newest_first_and_take_turns(open_store: OpenStore) -> None:
    store = open_store()
    ids = [store.accept(order("One.", "Two.", reader="r", caller=str(number))) for number in range(4)]
    listed = store.batches("r", 2)
    assert listed
    assert [batch.id for batch in listed] == ids[:1:-1]
    rest = store.batches("r", 9, ids[2])
    assert [batch.id for batch in rest or ()] == ids[1::-1]
    assert store.batches("r", 9, "nothing") is None
    assert store.batches("other", 9) == []
    turns = [taken(store) for _ in range(9)]
    assert [text and (text.batch, text.number) for text in turns] == [
        *((id, number) for number in (1, 2) for id in ids), None,
    ]  # fmt: skip


def test_a_text_is_one_process_s_to_speak_and_to_finish(open_store: OpenStore) -> None:
    first, second = open_store(), open_store()
    id = first.accept(order("One.", "Two.", "Three."))
    one, two = taken(first), taken(second)
    assert one
    assert two
    assert [one.text, two.text] == ["One.", "Two."]
    assert not second.finish(replace(one, state="done"))
    assert first.finish(replace(one, state="done", duration_s=1.5, seed=2**40, cached=True, warnings=("Something.",)))
    assert not first.finish(replace(one, state="failed"))
    second.put_back(two)
    assert second.reclaim() == first.reclaim() == 0
    again, three = taken(first), taken(second)
    assert again
    assert three
    assert [again.text, three.text] == ["Two.", "Three."]
    assert second.finish(replace(three, state="failed", error=InputError.nothing_to_say().described))
    assert first.finish(replace(again, state="done"))
    batch = second.batch(id)
    assert batch
    assert batch.finished_at
    assert [text.state for text in batch.texts] == ["done", "done", "failed"]
    done = batch.texts[0]
    assert (done.duration_s, done.seed, done.cached, done.warnings) == (1.5, 2**40, True, ("Something.",))


def test_what_a_dead_process_had_is_free_again_and_it_learns_of_it(open_store: OpenStore) -> None:
    first, second = open_store(), open_store()
    settled(first)
    settled(second)
    first.accept(order("One.", "Two."))
    one = taken(first)
    assert one
    assert second.reclaim() == 0
    assert not first.lost()
    let_go(first)
    assert second.reclaim() == 1
    again = taken(second)
    assert again
    assert again.text == "One."
    assert set(first.lost()) == {(one.batch, 1)}
    assert not first.lost()
    assert not first.finish(replace(one, state="done"))
    assert second.finish(replace(again, state="done"))


def test_what_it_took_without_hearing_of_it_is_free_again(open_store: OpenStore) -> None:
    store = open_store()
    store.accept(order("One."))
    assert taken(store)
    assert store.reclaim() == 0
    store._taken.clear()  # as where the answer was lost on the way
    assert store.reclaim() == 1
    assert taken(store)


def test_a_batch_that_is_cancelled_elsewhere_is_lost_to_those_who_speak_it(open_store: OpenStore) -> None:
    first, second = open_store(), open_store()
    id = first.accept(order("One.", "Two."))
    one = taken(first)
    assert one
    second.cancel(id)
    assert set(first.lost()) == {(id, 1)}
    assert not first.finish(replace(one, state="done"))
    batch = first.batch(id)
    assert batch
    assert batch.finished_at
    assert batch.tally("cancelled").texts == 2
    second.folder(id).mkdir(exist_ok=True)
    second.delete(id)
    assert first.batch(id) is None
    assert not first.folder(id).exists()


def test_two_processes_that_finish_the_last_two_texts_end_the_batch(open_store: OpenStore) -> None:
    stores = open_store(), open_store()
    for _ in range(20):
        id = stores[0].accept(order("One.", "Two."))
        texts = [taken(store) for store in stores]
        with ThreadPoolExecutor(2) as both:
            done = both.map(lambda store, text: store.finish(replace(text, state="done")), stores, texts)
            assert list(done) == [True, True]
        batch = stores[0].batch(id)
        assert batch
        assert batch.finished_at


def test_several_processes_at_once_finish_each_text_once(open_store: OpenStore) -> None:
    stores = [open_store() for _ in range(4)]
    ids = [stores[0].accept(order(*["Text."] * 25, caller=str(number))) for number in range(4)]

    def work(store: BatchStore) -> list[tuple[str, int]]:
        finished = []
        while text := taken(store):
            assert store.finish(replace(text, state="done"))
            finished.append((text.batch, text.number))
            store.reclaim()
        return finished

    with ThreadPoolExecutor(len(stores)) as pool:
        finished = [key for done in pool.map(work, stores) for key in done]
    assert Counter(finished) == Counter((id, number) for id in ids for number in range(1, 26))
    assert [batch and bool(batch.finished_at) for batch in map(stores[1].batch, ids)] == [True] * 4


WORKER = """
import sys
from dataclasses import replace
from pathlib import Path
from voxdemo.stores.batches import BatchStore
from voxdemo.stores.databases import Postgres
store = BatchStore(Path(sys.argv[1]), Postgres(sys.argv[2]))
store.reclaim()
while found := store.take():
    print(found[0].number, flush=True)
    if sys.argv[3] == "die":
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
    assert store.finish(replace(found[0], state="done"))
"""


@pytest.mark.long
def test_of_1000_texts_for_two_processes_and_one_that_is_killed_each_has_one_result(
    new_url: str, tmp_path: Path
) -> None:
    store = BatchStore(tmp_path / "batches", databases.Postgres(new_url))
    id = store.accept(order(*(f"Text {number}." for number in range(1000))))

    def worker(how: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path / "batches"), new_url, how],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    killed = worker("die")
    spoken = Counter(killed.communicate()[0].split())
    assert len(spoken) == 1
    workers = [worker("live"), worker("live")]
    done = [Counter(each.communicate()[0].split()) for each in workers]
    assert all(done)
    assert [each.returncode for each in workers] == [0, 0]
    assert max((done[0] + done[1]).values()) == 1
    assert len(done[0] + done[1]) == 999
    settled(store)
    assert store.reclaim() == 0  # its lease goes on
    store._db.execute("UPDATE owners SET until = until - ? WHERE id <> ?", [databases.LEASE_S, store._db.owner])
    assert store.reclaim() == 1
    left = taken(store)
    assert left
    assert str(left.number) in spoken
    assert store.finish(replace(left, state="done"))
    batch = store.batch(id)
    assert batch
    assert batch.tally("done").texts == 1000
    assert batch.finished_at
    store.close()


@pytest.mark.long
def test_a_database_that_was_away_is_found_again_and_frees_nothing_of_those_that_live(
    postgres: Any, tmp_path: Path
) -> None:
    url = postgres.new_url()
    first, second = (BatchStore(tmp_path / "batches", databases.Postgres(url)) for _ in range(2))
    settled(first)
    settled(second)
    id = first.accept(order("One.", "Two."))
    one = taken(first)
    assert one
    postgres.stop()
    third = BatchStore(tmp_path / "batches", databases.Postgres(url))  # started meanwhile
    for ask in (first.take, first.loads, lambda: first.accept(order("Three.")), lambda: third.accept(order("Four."))):
        with pytest.raises(UnavailableError, match=r"^Jobs can't be reached just now"):
            ask()
    postgres.start()
    for store in (first, second):  # whose leases ended meanwhile
        let_go(store)
    assert [second.reclaim(), first.reclaim(), second.reclaim()] == [0, 0, 0]
    assert not first.lost()
    assert first.finish(replace(one, state="done"))
    assert [load.batch for load in second.loads()] == [load.batch for load in third.loads()] == [id]
    for store in (first, second, third):
        store.close()


def test_a_server_starts_while_others_accept_jobs_and_holds_none_of_them_up(
    postgres: Any, new_url: str, tmp_path: Path
) -> None:
    first = BatchStore(tmp_path / "batches", databases.Postgres(new_url))
    with first._db.change():
        first._db.execute("LOCK TABLE batches, texts IN ROW EXCLUSIVE MODE")  # as whoever keeps a job, until it is kept
        second = BatchStore(tmp_path / "batches", databases.Postgres(new_url))
        assert second.loads() == []
    for store in (first, second):
        store.close()


@pytest.mark.long
def test_a_change_that_stood_still_for_too_long_is_over_and_the_next_one_works(postgres: Any, new_url: str) -> None:
    database = databases.Postgres(new_url)
    database.open(lambda database: None)

    def stand_still() -> None:
        with database.change(), postgres.connected() as other:
            backend = database._db.info.backend_pid
            database.execute("SELECT set_config('idle_in_transaction_session_timeout', '1ms', true)")
            while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [backend]).fetchone():
                pass
            database.renew()

    with pytest.raises(UnavailableError, match=r"^Jobs can't be reached just now"):
        stand_still()
    database.renew()
    database.close()


@pytest.mark.long
def test_databases_that_share_a_folder_leave_each_other_s_sounds_and_delete_their_own(
    postgres: Any, tmp_path: Path
) -> None:
    one, other = (BatchStore(tmp_path / "batches", databases.Postgres(postgres.new_url())) for _ in range(2))
    ids = [one.accept(order("One.")) for _ in range(2)]
    other.accept(order("Two."))
    text = taken(one)
    assert text
    one.file(text, "mp3").write_bytes(b"sound")
    one.finish(replace(text, state="done"))
    with one._db.change():  # as one that was deleted at a server with another folder
        one._db.execute("DELETE FROM batches WHERE id = ?", [ids[1]])
    for id in ids:
        os.utime(one.folder(id), (0, 0))
    other.delete_old(86_400)
    assert [one.file(text, "mp3").read_bytes(), one.folder(ids[1]).exists()] == [b"sound", True]
    one.delete_old(86_400)
    assert [one.file(text, "mp3").read_bytes(), one.folder(ids[1]).exists()] == [b"sound", False]
    for store in (one, other):
        store.close()


@pytest.mark.long
def test_a_text_that_another_server_accepted_has_a_folder_for_its_sound(new_url: str, tmp_path: Path) -> None:
    accepts, speaks = (BatchStore(tmp_path / name, databases.Postgres(new_url)) for name in ("first", "second"))
    accepts.accept(order("One."))
    text = taken(speaks)
    assert text
    speaks.file(text, "mp3").write_bytes(b"sound")
    for store in (accepts, speaks):
        store.close()


class Away(Objects):
    def push(self, *files: Path) -> None:
        raise UnavailableError("Come again.", 1.0)


def test_what_cannot_be_accepted_leaves_nothing(tmp_path: Path) -> None:
    store = BatchStore(tmp_path)
    with pytest.raises(UnicodeEncodeError):
        store.accept(order("\ud800", prompt=b"sound"))
    store.close()
    away = BatchStore(tmp_path, objects=Away())
    with pytest.raises(UnavailableError):
        away.accept(order("One.", prompt=b"sound"))
    away.close()
    assert not [folder for folder in tmp_path.iterdir() if folder.is_dir() and folder.name != "owners"]


REFUSED = [
    ("voxdemo", "wrong", "postgres", "doesn't accept the user or the password"),
    ("nobody", "secret-7", "postgres", "doesn't accept the user or the password"),
    ("shut_out", "secret-7", "postgres", "doesn't accept the user or the password"),
    ("poor", "secret-7", "nothere", "doesn't have the database"),
    ("poor", "secret-7", "shut", "run GRANT CONNECT"),
    ("poor", "secret-7", "postgres", 'run GRANT USAGE, CREATE ON SCHEMA public TO "poor"'),
]


@pytest.mark.long
def test_a_database_that_refuses_for_good_ends_the_start_with_what_to_do(postgres: Any, tmp_path: Path) -> None:
    with postgres.connected() as db:
        for statement in (
            "CREATE ROLE poor LOGIN PASSWORD 'secret-7'",
            "CREATE ROLE shut_out NOLOGIN PASSWORD 'secret-7'",
            "CREATE DATABASE shut",
            "REVOKE CONNECT ON DATABASE shut FROM PUBLIC",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",  # as from Postgres 15 on
        ):
            db.execute(statement)
    address = urlsplit(postgres.url())
    for user, password, name, sentence in REFUSED:
        url = f"postgresql://{user}:{password}@{address.hostname}:{address.port}/{name}"
        settings = Settings(_env_file=None, cache_dir=tmp_path, database_url=SecretStr(url))
        with pytest.raises(SettingsError) as refused:
            Stores(settings).check()
        assert sentence in refused.value.sentence
        assert refused.value.sentence.endswith(".")
        assert password not in refused.value.sentence
    with postgres.connected() as db:
        db.execute("GRANT USAGE, CREATE ON SCHEMA public TO poor")
    stores = Stores(settings)
    stores.check()
    stores.batches.close()


@pytest.mark.long
def test_a_database_of_before_learns_what_its_tables_lack(new_url: str, tmp_path: Path) -> None:
    store = BatchStore(tmp_path / "batches", databases.Postgres(new_url))
    id = store.accept(order("One.", caller="key-1"))
    for column in ("start_s", "name", "error_code", "error_values"):
        store._db.execute(f"ALTER TABLE texts DROP COLUMN {column}")
    store._db.execute("ALTER TABLE batches DROP COLUMN reader")
    store.close()
    again = BatchStore(tmp_path / "batches", databases.Postgres(new_url))
    batch = again.batch(id, "key-1")
    assert batch
    assert [text.name for text in batch.texts] == ["0001"]
    assert again.batch(id) is None
    again.close()


async def test_the_log_says_why_a_database_cannot_be_reached_and_not_its_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("psycopg", reason="needs psycopg, from requirements-cluster.txt")

    async def never(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        yield Waiting(0)

    database = databases.Postgres(f"postgresql://somebody:open-sesame-7@127.0.0.1:{free_port()}/jobs")
    batches = Batches(lambda: BatchStore(tmp_path, database), never, lambda options: "", lambda engine: False, 1, 1.0)
    working = asyncio.create_task(batches.run())
    await until(lambda: bool(batches.notice))
    working.cancel()
    await asyncio.wait({working})
    assert "look at its address and its password" in batches.notice
    told = [record.getMessage() for record in caplog.records if record.name == "voxdemo.batches.runner"]
    assert len(told) == 1
    assert "(OperationalError: " in told[0]
    assert "Connection refused" in told[0]
    assert "sesame" not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:secret-7@h/x?wrong=1",
        "postgresql://u:secret-7@h:port/x y",
        "postgresql://u:p@secret-7@h/x",
        "postgresql://u:p/secret-7@h/x",
        "postgresql://u:12/p@secret-7@h/x",
    ],
)
def test_an_address_that_is_wrong_is_refused_without_its_password(url: str) -> None:
    pytest.importorskip("psycopg", reason="needs psycopg, from requirements-cluster.txt")
    with pytest.raises(SettingsError, match=r"^VOXDEMO_DATABASE_URL can't be understood") as refused:
        databases.Postgres(url)
    assert "secret-7" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_missing_package_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match=r"pip install -r requirements-cluster\.txt"):
        databases.Postgres("postgresql://somebody@localhost/voxdemo")
