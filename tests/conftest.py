from __future__ import annotations

import gc
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import pytest
from chatting import ANSWER, Chat, chatting
from rings import AT_NIGHT
from serving import EVERY_JOB_ANEW, SPACE, Server, StartServer, served
from speaking_elsewhere import Elsewhere

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported, here and in the servers that are started
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # for Whisper, which starts a thread a core whatever that says
"""Several processes share the cores, and OpenMP's threads wait in loops: with two threads each, all of them crawl."""
os.environ.setdefault("SSL_CERT_DIR", str(Path(__file__).parent))
"""Where no certificates are: nothing here is asked for them, and to read all of the world takes each client of httpx
20 ms, of which gradio_client makes one for every request.
"""
SECONDS = {
    "recordings": 20.0, "space": 20.0, "paced_server": 8.0, "long": 8.0, "endless": 7.0, "with_login": 5.0,
    "start_server": 5.0, "start_witness": 5.0, "open_page": 4.0, "voxdemo": 2.0, "recognizer": 2.0, "fake": 1.5,
    "checkout": 1.5, "listener": 1.3, "run": 1.0, "server": 1.0, "kept": 0.6,
}  # fmt: skip
"""What a test that asks for this fixture takes on two cores, roughly; any other takes none to speak of."""
LONG_S = 5.0
"""What one takes that is left to the long run."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the long tests too, as .ci/run does")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # one of several processes, which does as the one that began says
        config.option.all = config.workerinput["all"]
        Finalize(None, os._exit, (0,), exitpriority=-1_000)  # after all others: to take Python apart takes seconds
        return
    is_named = config.args_source is pytest.Config.ArgsSource.ARGS
    config.option.all = config.option.all or is_named or AT_NIGHT


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["all"] = node.config.option.all


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave the tests and all that they import, which stay to the end, out of the garbage collector's work.

    Else every search for what can go takes half a second, of which there are dozens while tests are collected, and one
    whenever a model is unloaded.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


class SharedBrowser:
    """One for the tests of these files. It is closed before any other file, for its event loop is in others' way."""

    def __init__(self, files: set[Path]) -> None:
        self.files = files
        self._open = ExitStack()
        self._home: Any = None

    def home(self, profile: Path) -> Any:
        """The context of the browser's own profile."""
        from browsing import launched  # here: it skips what needs a browser where there is none

        if not (self._home and self._home.browser.is_connected()):  # or it has crashed
            self.close()
            self._home = self._open.enter_context(contextmanager(launched)(profile))
        return self._home

    def close(self) -> None:
        self._open.close()
        self._home = None


BROWSER = pytest.StashKey[SharedBrowser]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    browser = item.config.stash[BROWSER]
    if item.path not in browser.files:
        browser.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests out, and begin with the files that take longest, so that two processes end together.

    Those that need a browser come before all others, and share it.
    """
    if not config.option.all:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("long")])
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    seconds = Counter[Path]()
    for item in items:
        least = LONG_S if item.get_closest_marker("long") else 0.01
        seconds[item.path] += max(SECONDS.get(name, least) for name in ("", *item.fixturenames))
    browsing = {item.path for item in items if "_home" in item.fixturenames}
    config.stash[BROWSER] = SharedBrowser(browsing)
    items.sort(key=lambda item: (item.path not in browsing, -seconds[item.path]))


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    """PyTorch's OpenMP takes over the number of threads of a Whisper in the same process."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    """A server that is ready, and ended at the end."""
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.end()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real thing: real models, ready."""
    with _running(Server(tmp_path_factory.mktemp("server"))) as running:
        yield running


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers of a test's own."""
    started: list[Server] = []

    def start(script: str = "app.py", **settings: object) -> Server:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Server(folder, script, **settings))
        return started[-1]

    yield start
    for server in started:
        server.end()


@pytest.fixture
def space(start_server: StartServer, tmp_path: Path) -> StartServer:
    """Runs app.py as a Space does, with its variables and none of ours, until it answers; no hub is in reach."""

    def start(script: str = "app.py", until: str = "/ready", **variables: object) -> Server:
        none_of_ours = {"VOXDEMO_CACHE_DIR": None, "VOXDEMO_DRAIN_S": None, "HOME": tmp_path}
        theirs = {**SPACE, "GRADIO_SERVER_NAME": "0.0.0.0"}
        server = start_server(script, port_variable="GRADIO_SERVER_PORT", **{**none_of_ours, **theirs, **variables})
        server.wait_for(until)
        return server

    return start


@pytest.fixture(scope="session")
def _fake_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with _running(Server(tmp_path_factory.mktemp("fake"), "tests/fake_app.py", **EVERY_JOB_ANEW)) as running:
        yield running


@pytest.fixture
def fake_server(_fake_server: Server) -> Iterator[Server]:
    """The page and the endpoints over a fake engine that can clone; `tests/fake_app.py` says how to steer it.

    It takes no step until it is told to, and every test finds it at rest.
    """
    _fake_server.http.post("/stage/reset")
    yield _fake_server
    _fake_server.http.post("/stage/open")
    _wait_for_rest(_fake_server)


@pytest.fixture(scope="session")
def _talking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Chat]]:
    with chatting() as (chat, url):
        talks = Server(tmp_path_factory.mktemp("talking"), "tests/fake_app.py", VOXDEMO_CHAT_URL=url)
        with _running(talks) as running:
            yield running, chat


@pytest.fixture
def chat(_talking: tuple[Server, Chat]) -> Chat:
    """The language model's server behind `talking`, which says what it usually does."""
    _talking[1].says = ANSWER
    return _talking[1]


@pytest.fixture
def talking(_talking: tuple[Server, Chat], chat: Chat) -> Iterator[Server]:
    """As `fake_server`, with a language model to talk to; the fake engine runs through."""
    _talking[0].http.post("/stage/reset")
    _talking[0].http.post("/stage/open")
    yield _talking[0]
    _talking[0].http.post("/stage/open")
    _wait_for_rest(_talking[0])


def _wait_for_rest(server: Server) -> None:
    pause = threading.Event()
    while server.in_line():
        pause.wait(0.02)


@pytest.fixture(scope="session")
def _paced_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with _running(Server(tmp_path_factory.mktemp("paced"), "tests/paced_app.py", **EVERY_JOB_ANEW)) as running:
        yield running


@pytest.fixture
def paced_server(_paced_server: Server) -> Iterator[Server]:
    """The page over a fake engine that takes its time; `tests/paced_app.py` says how to steer it. Found at rest."""
    _paced_server.http.post("/pace/0.5")
    yield _paced_server
    _paced_server.http.post("/pace/0")
    _wait_for_rest(_paced_server)


@pytest.fixture(scope="session")
def _elsewhere() -> Iterator[tuple[Elsewhere, str]]:
    other = Elsewhere()
    with served(other.app) as url:
        yield other, url


@pytest.fixture
def elsewhere(_elsewhere: tuple[Elsewhere, str]) -> Iterator[Elsewhere]:
    """Another server that speaks, well and badly; `elsewhere_url` is where."""
    _elsewhere[0].reset()
    yield _elsewhere[0]
    _elsewhere[0].may_go_on.set()


@pytest.fixture
def elsewhere_url(_elsewhere: tuple[Elsewhere, str]) -> str:
    return _elsewhere[1]


@pytest.fixture(scope="session")
def _profile(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("profile")
    pytestconfig.stash[BROWSER].close()


@pytest.fixture
def _home(pytestconfig: pytest.Config, _profile: Path) -> Any:
    return pytestconfig.stash[BROWSER].home(_profile)


@pytest.fixture
def browser(_home: Any) -> Any:
    return _home.browser


@pytest.fixture
def open_page(_home: Any) -> Iterator[Callable[..., Any]]:
    """Opens a server's page and waits until it says that it is ready; each in a visitor's browser of its own."""
    from browsing import visits

    yield from visits(_home)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Any]:
    import postgres_server  # here: it skips what needs Postgres where there is none

    server = postgres_server.PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    import redis_server  # here, too: it needs Valkey

    server = redis_server.RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    import s3_server  # here, too: it needs a server that speaks S3

    server = s3_server.S3Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.close()
