"""launch.sh in small copies of the checkout, with tiny requirements and an app that tells what it was given."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from serving import is_default

from voxdemo.settings import PREFIX, Settings

LAUNCH = Path(__file__).parents[1] / "launch.sh"
CLOSED_INDEX = "http://127.0.0.1:9/simple"
TOOLS = ["bash", "cat", "dirname", "ln", "mkdir", "readlink", "rm", "sed", "sleep", "tail", "tr", "uname"]

APP = """
import importlib.metadata, json, os, sys
try:
    probe = importlib.metadata.version("probe")
except importlib.metadata.PackageNotFoundError:
    probe = None
report = {"pid": os.getpid(), "folder": os.getcwd(), "probe": probe, "environment": dict(os.environ)}
print(json.dumps(report), flush=True)
if os.environ.get("STUB") == "serve":
    import signal
    signal.pause()
sys.exit(int(os.environ.get("STUB", "0")))
"""

BLOCKED_UV = """#!/bin/sh
[ "$1" = pip ] || exit 0
touch "$STUB_FOLDER/installing"
while [ ! -e "$STUB_FOLDER/go-on" ]; do sleep 0.05; done
"""

FAILING_UV = """#!/bin/sh
[ "$1" = pip ] || exit 0
env >"$STUB_FOLDER/uv-environment"
exit 1
"""

COPYING = """#!/bin/sh
[ "$2" = venv ] || exec {python} "$@"
cp -R '{prepared}/.venv/.' .venv && rm .venv/*.stamp
"""
"""A Python that makes a .venv of the one that was made by itself once, which takes seconds."""


class Checkout:
    """A folder with launch.sh, a stub app and tiny requirements; started with no HOME and no index to reach."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder = folder
        self.tools = folder.parent / "tools"
        self.environment = {
            "PATH": os.pathsep.join([str(self.tools), str(wheels), "/usr/bin", "/bin"]),
            "VOXDEMO_PYTHON": sys.executable,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_FIND_LINKS": str(wheels),
            "UV_NO_CACHE": "1",
            "STUB_FOLDER": str(folder.parent),
        }

    def start(self, *arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["/bin/bash", str(self.folder / "launch.sh"), *arguments],
            cwd=cwd or self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, cwd=cwd, **environment)
        out, err = process.communicate(timeout=240)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def served(self, *arguments: str, cwd: Path | None = None, **environment: str) -> dict[str, Any]:
        """What the stub app was given."""
        done = self.run(*arguments, cwd=cwd, **environment)
        assert done.returncode == 0, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def put_on_path(self, name: str, script: str) -> None:
        self.tools.mkdir(exist_ok=True)
        (self.tools / name).write_text(script)
        (self.tools / name).chmod(0o755)

    def require(self, version: str) -> None:
        (self.folder / "requirements.txt").write_text(f"probe=={version}\n")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is installed, and uv, which takes a tenth of pip's time, if it is here."""
    folder = tmp_path_factory.mktemp("wheels")
    for version in ("1.0", "2.0"):
        write_wheel(folder, "probe", version)
    write_wheel(folder, "pytest", "1.0", "import sys; print('pytest was given', sys.argv[1:])")
    write_wheel(folder, "ruff", "1.0", "import sys; sys.exit('--check' in sys.argv)")
    write_wheel(folder, "mypy", "1.0", "print('types were checked')")
    if uv := shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"):
        (folder / "uv").symlink_to(uv)
    return folder


@pytest.fixture
def bare(tmp_path: Path, wheels: Path) -> Checkout:
    """Just cloned."""
    return clone(tmp_path / "a folder", wheels)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Checkout:
    """Set up once for all tests, without uv; they work on copies."""
    checkout = clone(tmp_path_factory.mktemp("prepared") / "a folder", wheels)
    done = checkout.run("setup", PATH="/usr/bin:/bin")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.startswith("Setting up")
    assert not list(checkout.folder.glob(".venv/lib/*/site-packages/probe/__pycache__")), "who imports it compiles it"
    return checkout


@pytest.fixture
def checkout(prepared: Checkout, tmp_path: Path, wheels: Path) -> Checkout:
    """Set up, and moved since."""
    shutil.copytree(prepared.folder, tmp_path / "another folder", symlinks=True, copy_function=_copied)
    return Checkout(tmp_path / "another folder", wheels)


def _copied(source: str, target: str) -> None:
    """Packages are linked to: they are replaced, and never written to."""
    (os.link if "site-packages" in source else shutil.copy2)(source, target)


@pytest.fixture
def setting_up(checkout: Checkout, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A launch whose installer is at work until there is a file `go-on`."""
    checkout.put_on_path("uv", BLOCKED_UV)
    checkout.require("2.0")
    with checkout.start() as process:
        wait_until((tmp_path / "installing").exists)
        yield process
        (tmp_path / "go-on").touch()
        process.kill()


def clone(folder: Path, wheels: Path) -> Checkout:
    folder.mkdir()
    shutil.copy(LAUNCH, folder)
    (folder / "app.py").write_text(APP)
    (folder / "requirements-dev.txt").write_text("pytest\nruff\nmypy\n")
    checkout = Checkout(folder, wheels)
    checkout.require("1.0")
    return checkout


def write_wheel(folder: Path, name: str, version: str, program: str = "") -> None:
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": "",
        f"{name}/__main__.py": program,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{about}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


def wait_until(happened: Callable[[], bool], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def is_one_sentence(text: str) -> bool:
    return text.count("\n") == 1 and text.endswith(".\n")


# --- flags ---


@pytest.mark.long
def test_every_flag_reaches_the_app_as_its_variable(prepared: Checkout) -> None:
    flags = {
        "host": "::1", "port": "1234", "engine": "builtin", "recognizer": "auto", "generators": "2", "queue-size": "5",
        "voxcpm-model": "openbmb/VoxCPM1.5", "sensevoice-model": "me/mine", "device": "cpu", "quantize": "int8",
        "kv-cache": "2048", "job-timeout-s": "9.5", "cache-dir": "/tmp/a b=c", "log-level": "debug",
        "cache-ttl": "12h", "cache-size": "1GB", "keep-hours": "1", "rate-limit": "10/minute;1/2seconds",
        "max-waiting-per-client": "3", "trusted-proxies": "10.0.0.0/8", "redis-url": "redis://localhost",
        "database-url": "postgresql://localhost/voxdemo", "storage-url": "s3://bucket/voxdemo",
        "line-url": "http://10.0.0.5:7870", "line-secret": "a-secret-of-ours", "voices-least": "1", "voices-most": "4",
        "voices-target-s": "5", "voices-idle-s": "60", "live-sessions": "2", "live-silence-s": "30",
        "live-per-client": "1",
        "orpheus-model": "me/orpheus", "snac-model": "me/snac", "remote-engines": "/etc/engines.json",
        "chatterbox-model": "me/chatterbox",
        "chat-url": "http://localhost:11434/v1", "chat-key": "a-key", "chat-model": "parrot",
        "engines": "kokoro", "model-memory": "4GB", "idle-unload-s": "600",
        "auth": "me:secret", "api-keys": "0123456789abcdef", "cors-origins": "https://example.org", "drain-s": "5",
        "examples-ahead": "false", "log-text": "true", "log-format": "json", "sentry-dsn": "https://key@localhost/1",
    }  # fmt: skip
    words = [word for name, value in flags.items() for word in (f"--{name}", value)]
    environment = prepared.served(*words)["environment"]
    assert {f"VOXDEMO_{name.upper().replace('-', '_')}": value for name, value in flags.items()}.items() <= (
        environment.items()
    )
    assert {PREFIX + field.upper() for field in Settings.model_fields} <= environment.keys()


def test_an_equals_sign_may_part_flag_and_value_and_a_flag_wins_over_the_environment(prepared: Checkout) -> None:
    environment = prepared.served("--queue-size=7", "--port", "2", VOXDEMO_PORT="1", VOXDEMO_HOST="h")["environment"]
    assert [environment[f"VOXDEMO_{name}"] for name in ("QUEUE_SIZE", "PORT", "HOST")] == ["7", "2", "h"]


@pytest.mark.parametrize(
    ("flag", "there", "elsewhere"),
    [
        ("cache-dir", "x", "~/x"),
        ("voxcpm-model", "weights", "openbmb/VoxCPM2"),
        ("remote-engines", "there.json", "[]"),
    ],
)
def test_a_path_is_meant_as_seen_by_the_caller_and_what_is_none_stays(
    prepared: Checkout, tmp_path: Path, flag: str, there: str, elsewhere: str
) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "there.json").write_text("[]")
    for given, meant in ((there, str(tmp_path / there)), (elsewhere, elsewhere)):
        environment = prepared.served(f"--{flag}", given, cwd=tmp_path)["environment"]
        assert environment[f"VOXDEMO_{flag.upper().replace('-', '_')}"] == meant


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pot", "1"], "Unknown flag '--pot'"),
        (["--python=3"], "Unknown flag '--python'"),
        (["serve"], "Unknown argument 'serve'"),
        (["setup", "now"], "Unknown argument 'now'"),
        (["--port"], "--port needs a value"),
        (["--port="], "--port needs a value"),
        (["--port", "--host", "h"], "--port needs a value"),
    ],
)
def test_a_mistyped_command_is_one_sentence_and_status_2(bare: Checkout, arguments: list[str], said: str) -> None:
    done = bare.run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert is_one_sentence(done.stderr)
    assert not (bare.folder / ".venv").exists()


EMPTY = ("no limit", "0", "nobody's", "in memory", "everybody", "none is asked for", "none", "false")
"""How the help tells of settings that are off."""


@pytest.mark.parametrize("spelling", ["--help", "-h"])
def test_help_names_every_setting_its_flag_and_its_default_before_anything_is_set_up(
    bare: Checkout, spelling: str
) -> None:
    done = bare.run(spelling)
    assert done.returncode == 0
    assert not (bare.folder / ".venv").exists()
    for name, field in Settings.model_fields.items():
        line = next(line for line in done.stdout.splitlines() if f"--{name.replace('_', '-')} " in line)
        told = line.rpartition("(")[2].removesuffix(")")
        if name != "cache_dir":
            assert is_default(name, told) if field.default else told in EMPTY
        assert PREFIX + name.upper() in done.stdout
    for word in ("VOXDEMO_PYTHON", ".env", "launch.sh test", "launch.sh check", "launch.sh setup"):
        assert word in done.stdout


# --- setting up ---


def test_a_second_start_says_nothing_and_reaches_for_nothing(checkout: Checkout) -> None:
    log = (checkout.folder / ".venv/install.log").read_bytes()
    checkout.put_on_path("uv", FAILING_UV)
    done = checkout.run(PIP_NO_INDEX="0", PIP_FIND_LINKS="", PIP_INDEX_URL=CLOSED_INDEX, UV_DEFAULT_INDEX=CLOSED_INDEX)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["probe"] == "1.0"
    assert (checkout.folder / ".venv/install.log").read_bytes() == log


def test_changed_requirements_are_installed(checkout: Checkout) -> None:
    checkout.require("2.0")
    assert checkout.served()["probe"] == "2.0"
    assert checkout.run().stderr == ""


@pytest.mark.long
def test_the_packages_of_an_engine_are_installed_where_it_is_named(checkout: Checkout) -> None:
    (checkout.folder / "requirements-orpheus.txt").write_text("probe==2.0\n")
    assert checkout.served("--engine", "kokoro")["probe"] == "1.0"
    assert checkout.served("--engines", "kokoro,Orpheus")["probe"] == "2.0"
    assert checkout.run(VOXDEMO_ENGINE="orpheus", PIP_NO_INDEX="", PIP_INDEX_URL=CLOSED_INDEX).stderr == ""


@pytest.mark.long
def test_the_packages_for_several_servers_are_installed_where_they_share_a_database(checkout: Checkout) -> None:
    (checkout.folder / "requirements-cluster.txt").write_text("probe==2.0\n")
    assert checkout.served()["probe"] == "1.0"
    assert checkout.served("--database-url", "postgresql://localhost/voxdemo")["probe"] == "2.0"


@pytest.mark.long
@pytest.mark.parametrize(
    ("written", "installed"),
    [
        (
            "VOXDEMO_PORT=7860\n# VOXDEMO_DATABASE_URL=postgresql://u:p@h/x\nVOXDEMO_DATABASE_URL='' # later\n"
            "VOXDEMO_STORAGE_URL=\nMY_VOXDEMO_STORAGE_URL=s3://b\nVOXDEMO_ENGINES=kokoro # orpheus\n",
            set(),
        ),
        (
            "  export VOXDEMO_DATABASE_URL = 'postgresql://u:p@h/x'\r\nVOXDEMO_PORT=1\r\n"
            'VOXDEMO_ENGINES="kokoro, Orpheus" # both',
            {"cluster", "orpheus"},
        ),
    ],
)
def test_what_a_file_env_names_is_installed_too(checkout: Checkout, written: str, installed: set[str]) -> None:
    for name in ("cluster", "orpheus"):
        (checkout.folder / f"requirements-{name}.txt").write_text("probe==1.0\n")
    (checkout.folder / ".env").write_bytes(written.encode())
    done = checkout.run()
    assert (done.returncode, done.stderr.count("Installing ")) == (0, bool(installed)), "in one go"
    stamps = {path.name for path in (checkout.folder / ".venv").glob("requirements-*.stamp")}
    assert stamps == {f"requirements-{name}.txt.stamp" for name in installed}


@pytest.mark.long
def test_a_failed_install_shows_its_log_and_says_what_to_do(checkout: Checkout) -> None:
    checkout.require("3.0")
    done = checkout.run()
    assert done.returncode == 1
    assert "No matching distribution found for probe==3.0" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Setting up failed: see")


@pytest.mark.long
def test_a_launch_killed_half_way_is_repaired_by_the_next(
    checkout: Checkout, prepared: Checkout, setting_up: subprocess.Popen[str]
) -> None:
    installers = psutil.Process(setting_up.pid).children(recursive=True)
    for process in (psutil.Process(setting_up.pid), *installers):
        process.kill()
    setting_up.wait()
    (checkout.tools / "uv").unlink()
    checkout.put_on_path("copying", COPYING.format(python=sys.executable, prepared=prepared.folder))
    done = checkout.run(VOXDEMO_PYTHON="copying")
    assert json.loads(done.stdout)["probe"] == "2.0"
    assert "Setting up" in done.stderr


@pytest.mark.long
def test_a_venv_whose_python_is_gone_would_be_made_anew(checkout: Checkout) -> None:
    python = checkout.folder / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    checkout.put_on_path("venvless", f'#!/bin/sh\n[ "$2" != venv ] || exit 1\nexec {sys.executable} "$@"\n')
    done = checkout.run(VOXDEMO_PYTHON="venvless")  # how it is made, `prepared` shows
    assert (done.returncode, done.stderr.splitlines()[0][:10]) == (1, "Setting up")
    assert not python.is_symlink()


@pytest.mark.long
def test_a_broken_venv_is_made_anew_though_it_is_the_active_one(checkout: Checkout, prepared: Checkout) -> None:
    (checkout.folder / ".venv/pyvenv.cfg").unlink()
    name = f"python3.{sys.version_info.minor}"  # it has one by this name, too
    checkout.put_on_path(name, COPYING.format(python=sys.executable, prepared=prepared.folder))
    path = f"{checkout.folder / '.venv/bin'}{os.pathsep}{checkout.environment['PATH']}"
    assert checkout.served(VOXDEMO_PYTHON="", PATH=path)["probe"] == "1.0"


@pytest.mark.long
def test_a_launch_that_is_told_to_stop_takes_its_installer_along(
    checkout: Checkout, setting_up: subprocess.Popen[str]
) -> None:
    installers = psutil.Process(setting_up.pid).children(recursive=True)
    setting_up.terminate()
    assert setting_up.wait(timeout=10) == 128 + signal.SIGTERM
    assert psutil.wait_procs(installers, timeout=10)[1] == []
    assert not (checkout.folder / ".venv.lock").is_symlink()


@pytest.mark.long
def test_a_second_launch_waits_for_the_first(
    checkout: Checkout, setting_up: subprocess.Popen[str], tmp_path: Path
) -> None:
    with checkout.start() as second:
        assert second.stderr is not None
        assert f"Waiting for the launch that is setting up (process {setting_up.pid};" in second.stderr.readline()
        (tmp_path / "go-on").touch()
        assert (setting_up.wait(timeout=30), second.wait(timeout=30)) == (0, 0)


@pytest.mark.long
def test_the_lock_of_a_launch_that_is_gone_is_taken_over(checkout: Checkout) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    (checkout.folder / ".venv.lock").symlink_to(str(gone.pid))
    checkout.require("2.0")
    assert checkout.served()["probe"] == "2.0"
    assert not (checkout.folder / ".venv.lock").is_symlink()


# --- uv and pip ---


@pytest.mark.long
def test_uv_is_given_the_sources_of_pip_and_pip_steps_in_where_it_fails(checkout: Checkout, tmp_path: Path) -> None:
    checkout.put_on_path("uv", FAILING_UV)
    checkout.require("2.0")
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://pip/simple\n[install]\ntrusted-host = pip\n")
    links = f"{checkout.environment['PIP_FIND_LINKS']}  {tmp_path}"
    report = checkout.served(PIP_CONFIG_FILE=str(config), PIP_FIND_LINKS=links, PIP_CERT="/etc/certificates.pem")
    handed = dict(line.split("=", 1) for line in (tmp_path / "uv-environment").read_text().splitlines() if "=" in line)
    expected = {
        "UV_INDEX_URL": "https://pip/simple",
        "UV_FIND_LINKS": links.replace("  ", ","),
        "UV_INSECURE_HOST": "pip",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "SSL_CERT_FILE": "/etc/certificates.pem",
    }
    assert expected.items() <= handed.items()
    assert report["probe"] == "2.0"
    assert not expected.keys() & report["environment"].keys()


@pytest.mark.long
def test_pip_installs_where_it_has_several_indexes(checkout: Checkout, tmp_path: Path) -> None:
    # Where two indexes have the same version, uv takes the first one's file even if the second's is made for this
    # machine: soundfile without its library, for one.
    checkout.put_on_path("uv", FAILING_UV)
    checkout.require("2.0")
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nextra-index-url =\n  https://a/simple\n  https://b/simple\n")
    assert checkout.served(PIP_CONFIG_FILE=str(config), PIP_NO_INDEX="1")["probe"] == "2.0"
    assert not (tmp_path / "uv-environment").exists()


@pytest.mark.long
def test_a_setting_of_uv_itself_stays(checkout: Checkout, tmp_path: Path) -> None:
    checkout.put_on_path("uv", FAILING_UV)
    checkout.require("2.0")
    checkout.served(UV_DEFAULT_INDEX="https://uv/simple", PIP_INDEX_URL="https://pip/simple", UV_FIND_LINKS="/uv")
    handed = (tmp_path / "uv-environment").read_text().splitlines()
    assert {"UV_DEFAULT_INDEX=https://uv/simple", "UV_FIND_LINKS=/uv"} <= set(handed)
    assert not any(line.startswith("UV_INDEX_URL=") for line in handed)


# --- Python ---


def test_without_a_python_one_sentence_says_what_to_install(bare: Checkout, tmp_path: Path) -> None:
    path = only_these_tools(tmp_path)
    bare.put_on_path("python3.12", "#!/bin/sh\nexit 127\n")  # a pyenv shim without that version
    bare.put_on_path("python3", "#!/bin/sh\necho 3.9\n")
    done = bare.run(PATH=f"{bare.tools}{os.pathsep}{path}", VOXDEMO_PYTHON="")
    assert done.returncode == 1
    assert is_one_sentence(done.stderr)
    assert "no Python 3.10 to 3.13 was found" in done.stderr
    assert ("brew install" if sys.platform == "darwin" else "apt install") in done.stderr


def test_a_python_named_in_vain_is_named_in_the_sentence(bare: Checkout) -> None:
    done = bare.run(VOXDEMO_PYTHON="python9")
    assert done.returncode == 1
    assert is_one_sentence(done.stderr)
    assert "VOXDEMO_PYTHON (python9) isn't a Python 3.10 to 3.13" in done.stderr


def test_a_python_without_venv_says_which_package_brings_it(bare: Checkout) -> None:
    bare.put_on_path("debian", '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\necho 3.11\n')
    done = bare.run(VOXDEMO_PYTHON="debian")
    assert done.returncode == 1
    assert is_one_sentence(done.stderr)
    assert "`sudo apt install python3-venv`" in done.stderr


def only_these_tools(tmp_path: Path) -> Path:
    folder = tmp_path / "no python"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return folder


# --- serving ---


def test_it_starts_from_another_folder_and_through_a_symbolic_link(checkout: Checkout, tmp_path: Path) -> None:
    assert checkout.served(cwd=Path("/"))["folder"] == str(checkout.folder.resolve())
    link = tmp_path / "links" / "launch.sh"
    link.parent.mkdir()
    link.symlink_to(Path("..", checkout.folder.name, "launch.sh"))
    checkout.folder = link.parent
    assert checkout.served(cwd=Path("/"), CDPATH="/tmp")["probe"] == "1.0"


def test_the_app_takes_the_place_of_the_script_and_hears_its_signals(prepared: Checkout) -> None:
    with prepared.start(STUB="serve") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["pid"] == process.pid
        assert psutil.Process(process.pid).children() == []
        process.terminate()
        assert process.wait(timeout=10) == -signal.SIGTERM


def test_the_apps_exit_status_is_the_scripts(prepared: Checkout) -> None:
    assert prepared.run(STUB="3").returncode == 3


# --- subcommands ---


def test_the_tests_get_their_packages_and_their_arguments(checkout: Checkout) -> None:
    first = checkout.run("test", "-k", "a b")
    assert first.stdout == "pytest was given ['-k', 'a b']\n"
    both = checkout.run("test")
    assert both.stderr == ""
    assert "'--numprocesses', '2'" in both.stdout
    assert checkout.run("test", "--all").stdout == both.stdout.replace("]", ", '--all']")


@pytest.mark.long
def test_a_failed_check_fails_them_all_after_the_last(checkout: Checkout) -> None:
    checkout.put_on_path("shellcheck", "#!/bin/sh\necho shell scripts were checked\n")
    linter = checkout.folder / ".venv/bin/oxlint"
    linter.write_text('#!/bin/sh\necho "the page\'s scripts in $1 were checked"\n')
    linter.chmod(0o755)
    done = checkout.run("check")
    assert done.returncode == 1
    assert done.stdout == "types were checked\nthe page's scripts in assets were checked\nshell scripts were checked\n"


@pytest.mark.long
def test_tools_that_cannot_be_had_leave_the_server_as_it_was(checkout: Checkout) -> None:
    assert checkout.run("test", PIP_FIND_LINKS="").returncode == 1
    done = checkout.run(PIP_FIND_LINKS="")
    assert (done.returncode, done.stderr) == (0, "")
