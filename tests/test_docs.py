"""What the documents promise who copies from them: every block of code is run, or checked as far as it can be."""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import shlex
import statistics
import subprocess
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import ADDRESS, DOCUMENTS, ELSEWHERE, ToldCheckout, anchors, prose, runs, unrun
from dotenv import dotenv_values
from proxying import PATH, needed
from serving import ROOT, Server, environment, eventually, free_port, is_default
from typer.main import get_command
from typer.testing import CliRunner

from voxdemo import cli
from voxdemo.engines.kokoro.voices import VOICES as KOKORO
from voxdemo.engines.registry import ENGINES, addresses_in
from voxdemo.engines.voxcpm.choice import PUBLISHED
from voxdemo.intake.languages import accent_of, title_of
from voxdemo.loadtest import __main__ as loadtest
from voxdemo.planning import theory
from voxdemo.planning.prices import EXAMPLES
from voxdemo.planning.prices import read as read_prices
from voxdemo.planning.stages import Demand, Planner
from voxdemo.planning.work import VOICES as MEASURED
from voxdemo.planning.work import Work, as_measured
from voxdemo.settings import PREFIX, Settings, load
from voxdemo.speech import Voice

README = DOCUMENTS["README.md"]
MOST_LINES = 102
"""Of the README: a page."""
ENDING_S = 25
"""What an orchestrator gives a server beside VOXDEMO_DRAIN_S."""
PYTHON = ".venv/bin/python"
JOINING = (
    "studio", "fast", "piper", "qwen", "nano", "koko", "chatterbox-there", "orpheus-there", "localai", "speaches",
    "upstairs",
)  # fmt: skip


@pytest.fixture
def told(tmp_path: Path) -> ToldCheckout:
    return ToldCheckout(tmp_path / "checkout")


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder to be in, without anybody's settings."""
    for name in [name for name in os.environ if name.startswith(("VOXDEMO_", "GRADIO_", "SPACE"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bash(script: str, folder: Path, **variables: str) -> str:
    """What a script prints that ends well, with this Python in the place of the one in .venv."""
    ended = subprocess.run(
        ["bash", "-euc", script.replace(PYTHON, shlex.quote(sys.executable))],
        cwd=folder,
        env={**environment(folder, PYTHONPATH=ROOT), **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


# --- the documents as such ---


def test_every_block_is_run() -> None:
    assert unrun() == set()


def test_the_readme_stays_one_page() -> None:
    assert README.count("\n") <= MOST_LINES


def test_the_table_of_voices_is_that_of_the_data() -> None:
    rows = DOCUMENTS["docs/models.md"].partition("| female voices |")[2].partition("\n\n")[0].splitlines()[2:]
    told = {
        (language, sex, *each.replace("`", "").split())
        for language, *by_sex in (row.strip("| ").split(" | ") for row in rows)
        for sex, voices in zip(("female", "male"), by_sex, strict=True)
        for each in voices.split(", ")
        if each != "–"
    }
    assert told == {(_language(voice), voice.gender, voice.name, *voice.character.split()[1:]) for voice in KOKORO}


def _language(voice: Voice) -> str:
    return ", ".join(filter(None, (title_of(voice.language[:2]), accent_of(voice.language))))


def test_no_sentence_stands_twice() -> None:
    sentences: Counter[str] = Counter()
    for document in DOCUMENTS.values():
        for paragraph in re.split(r"\n\n+|\n(?=- )|\n(?=\|)", prose(document)):
            parts = re.split(r"(?<=[.:;])\s+", " ".join(paragraph.removeprefix("- ").split()))
            sentences.update(part for part in parts if len(part) > 60)
    assert [sentence for sentence, count in sentences.items() if count > 1] == []


@runs("docs/engines.md", *(f'[{{"name": "{name}"' for name in JOINING))
def test_the_servers_that_join_are_understood(monkeypatch: pytest.MonkeyPatch, block: str) -> None:
    monkeypatch.setenv("UPSTAIRS_KEY", "a-key-of-16-or-more")
    (address,) = addresses_in(Settings(remote_engines=block))
    assert address.info.title


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_it_links_to_is_there(name: str) -> None:
    assert Counter(anchors(DOCUMENTS[name])).most_common(1)[0][1] == 1, "two headings have one name"
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", prose(DOCUMENTS[name])):
        path, _, anchor = target.partition("#")
        found = (ROOT / name).parent / path if path else ROOT / name
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found.read_text()), target


def test_every_document_is_linked_to_from_the_readme() -> None:
    assert all(f"]({name})" in README for name in DOCUMENTS if name != "README.md")


def test_the_front_matter_names_the_gradio_that_is_installed() -> None:
    pinned = re.search(r"^gradio==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    named = re.search(r"^sdk_version: (\S+)$", README, re.MULTILINE)
    assert pinned
    assert named
    assert pinned[1] == named[1]


def test_the_table_of_settings_is_whole_and_its_defaults_are_true() -> None:
    rows = dict(re.findall(r"^\| `(VOXDEMO_\w+)` \| (?:`([^`]*)`)? ?\|", DOCUMENTS["docs/settings.md"], re.MULTILINE))
    assert rows.keys() == {PREFIX + name.upper() for name in Settings.model_fields}
    for name in Settings.model_fields:
        if name != "cache_dir":
            assert is_default(name, rows[PREFIX + name.upper()])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_settings_that_it_names_are_there(name: str) -> None:
    there = {PREFIX + field.upper() for field in Settings.model_fields} | {"VOXDEMO_PYTHON", "VOXDEMO_CLIENT_KEY"}
    of_an_example = {"VOXDEMO_URL"} if name == ELSEWHERE else set()
    assert set(re.findall(r"\bVOXDEMO_[A-Z_]+\b", DOCUMENTS[name])) <= there | of_an_example


def test_the_table_of_the_disk_names_what_a_server_keeps(server: Server) -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", DOCUMENTS["docs/operating.md"], re.MULTILINE)
    table = re.findall("`([^`]+)`", " ".join(rows))
    kept = {path.name for path in Path(server.folder, "cache").iterdir()}
    assert kept <= {name.rstrip("/") for name in table}


# --- launch.sh: its flags, and what it would run; that it installs and serves is tests/test_launch.py's business ---

SERVES = ["app.py"]


@runs("README.md", "./launch.sh test")
def test_the_tests_are_run_and_a_cluster(told: ToldCheckout, block: str) -> None:
    """What the cluster does is seen in tests/cluster/."""
    tests, cluster = told.type(block)
    assert (tests.arguments[:2], cluster.arguments) == (["-m", "pytest"], ["-m", "voxdemo", "cluster"])


@runs("docs/contributing.md", "./launch.sh check")
def test_who_changes_it_checks_and_tests(told: ToldCheckout, block: str) -> None:
    *checks, short, long, nightly = told.type(block)
    assert [check.arguments[:2] for check in checks] == [["-m", "ruff"], ["-m", "ruff"], ["-m", "mypy"], ["assets"]]
    assert [tests.arguments[1] for tests in (short, long, nightly)] == ["pytest"] * 3
    assert ["--all" in tests.arguments for tests in (short, long, nightly)] == [False, True, True]
    assert nightly.environment["LONG_TESTS"] == "1"


@runs("docs/models.md", "./launch.sh fetch-models")
def test_models_are_fetched(told: ToldCheckout, block: str) -> None:
    """Up to the hub, which tests can't reach; tests/model_support/test_hub.py downloads from one of its own."""
    assert [typed.arguments for typed in told.type(block)] == [["-m", "voxdemo.cli.fetch"]]


@runs("README.md", "./launch.sh\n")
def test_a_server_is_started(told: ToldCheckout, block: str) -> None:
    """What app.py then does is seen by every test that has a `server`."""
    assert [typed.arguments for typed in told.type(block)] == [SERVES]


def check_extra(told: ToldCheckout, block: str, name: str) -> None:
    """As in the next one; that its packages are installed is seen in tests/test_launch.py."""
    alone, beside = (read(typed.settings) for typed in told.type(block))
    assert (alone.engine, beside.engines) == (name, ("kokoro", name))


@runs("docs/models.md", "./launch.sh --engine orpheus")
def test_orpheus_is_named(told: ToldCheckout, block: str) -> None:
    check_extra(told, block, "orpheus")


@runs("docs/models.md", "./launch.sh --engine chatterbox")
def test_chatterbox_is_named(told: ToldCheckout, block: str) -> None:
    check_extra(told, block, "chatterbox")


@runs("docs/models.md", "./launch.sh --engine voxcpm")
def test_models_are_chosen(told: ToldCheckout, block: str) -> None:
    """As far as the settings: real weights need a hub, and tests/engines/voxcpm/test_loading.py has small ones."""
    commands = told.type(block)
    assert [typed.arguments for typed in commands] == [SERVES] * 4
    a_hub_id, a_folder, on_a_cpu, kokoro = (read(typed.settings) for typed in commands)
    assert (a_hub_id.engine, a_hub_id.voxcpm_model) == ("voxcpm", next(name for name in PUBLISHED if "1.5" in name))
    assert (a_folder.engine, a_folder.voxcpm_model) == ("voxcpm", "/home/somebody/models/VoxCPM-0.5B")
    assert (on_a_cpu.engine, on_a_cpu.device, on_a_cpu.quantize) == ("voxcpm", "cpu", "int8")
    assert ENGINES.wanted(kokoro)[0].title == "Kokoro-82M"


@runs("docs/settings.md", "./launch.sh --queue-size")
def test_flags_become_settings(told: ToldCheckout, block: str) -> None:
    (typed,) = told.type(block)
    assert typed.arguments == SERVES
    assert (read(typed.settings).queue_size, read(typed.settings).port) == (50, 8080)


@runs("docs/scaling.md", "proxy_location")
def test_ray_serve_understands_the_applications(block: str) -> None:
    """That they serve is seen in tests/cluster/."""
    schema = pytest.importorskip("ray.serve.schema", reason="needs Ray; ./launch.sh test --all installs it")
    applications = schema.ServeDeploySchema.model_validate(yaml.safe_load(block)).applications
    named = [each.import_path.split(":") for each in applications]
    assert [callable(getattr(importlib.import_module(module), name)) for module, name in named] == [True, True]


def read(settings: Mapping[str, str]) -> Settings:
    """As the server does; raises for what isn't allowed."""
    fields = {name.removeprefix(PREFIX).lower(): value for name, value in settings.items()}
    aliased = {name: value for name, value in settings.items() if name in ("VOXDEMO_HOST", "VOXDEMO_PORT")}
    return Settings(_env_file=None, **{**fields, **aliased})  # type: ignore[call-arg]


# --- commands in prose ---


def test_the_commands_within_sentences_are_there(told: ToldCheckout) -> None:
    """That each benchmark begins is tests/test_benchmarks.py's business; what they measure takes minutes."""
    typed = [command for document in DOCUMENTS.values() for command in re.findall(r"`([^`\n]+)`", prose(document))]
    for command in typed:
        match shlex.split(command.replace("'", "")):
            case ["./launch.sh", "--help"]:
                assert bash(command, ROOT).startswith("Usage: ./launch.sh")
            case ["./launch.sh", *_]:
                assert told.type(command)
            case [".venv/bin/python", "-m", "voxdemo", *words]:
                parse(*words)
            case [".venv/bin/python", script, *words]:
                assert flags(words) <= flags_of(ROOT / script)
            case [".venv/bin/pip", "install", "-r", requirements]:
                assert (ROOT / requirements).is_file()
            case [".venv/bin/pip", *words]:
                assert words == ["install", "sentry-sdk"]  # tests/logs/test_sentry.py has it


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_flags_within_sentences_are_there(name: str) -> None:
    there = {"--help", "--env-file"}  # the latter is docker's
    if name == "benchmarks/README.md":
        there |= {flag for option in get_command(cli.app).commands["plan"].params for flag in option.opts}  # type: ignore[attr-defined]
        there |= {flag for script in (ROOT / "benchmarks").glob("*.py") for flag in flags_of(script)}
    else:
        ours = get_command(cli.app).commands.values()  # type: ignore[attr-defined]
        within = [each for command in ours for each in getattr(command, "commands", {}).values()]
        commands = (*ours, *within, get_command(loadtest.app))
        there |= {flag for command in commands for option in command.params for flag in option.opts}
        there |= {"--" + name.replace("_", "-") for name in Settings.model_fields}
    named = [flags(code.split()) for code in re.findall(r"`([^`\n]+)`", prose(DOCUMENTS[name]))]
    assert set().union(*named) <= there


def flags(words: Sequence[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if word.startswith("--")}


def flags_of(script: Path) -> set[str]:
    """Of a script that reads its arguments with argparse."""
    return set(re.findall(r'"(--[a-z-]+)"', script.read_text()))


def parse(name: str, *words: str) -> None:
    """See that voxdemo has this command, and takes this; raises for what it doesn't. Runs nothing."""
    get_command(cli.app).commands[name].make_context(name, list(words))  # type: ignore[attr-defined]


# --- programs ---


@runs("docs/api.md", "import base64")
def test_what_is_said_becomes_text_while_it_is_sent(server: Server, tmp_path: Path, block: str) -> None:
    assert ADDRESS in block
    (tmp_path / "example.py").write_text(block.replace(ADDRESS, server.url))
    assert "good morning" in bash(f"{PYTHON} example.py", tmp_path).lower()


@runs("README.md", "from gradio_client", "from openai")
def test_the_script_examples_run_as_they_stand(server: Server, tmp_path: Path, block: str) -> None:
    assert ADDRESS in block
    said = re.search(r'"(Good \w+)', block)
    assert said
    script = tmp_path / "example.py"
    script.write_text(block.replace(ADDRESS, server.url))
    assert said[1].lower() in bash(f"{PYTHON} example.py", tmp_path).lower()


@runs("docs/api.md", "curl")
def test_texts_are_left_and_fetched(server: Server, tmp_path: Path, block: str) -> None:
    job = json.loads(bash(block.replace(ADDRESS, server.url).replace("curl ", "curl -sS --fail-with-body "), tmp_path))

    def ended() -> Any:
        told = server.http.get(job["url"]).json()
        return told["status"] not in ("queued", "running") and told

    told = eventually(ended)
    assert told["status"] == "done"
    assert server.http.get(told["zip_url"]).content[:2] == b"PK"
    assert server.http.get(told["joined_url"]).headers["content-type"] == "audio/mpeg"
    assert len(server.http.get(f"{job['url']}?first=2&most=50").json()["items"]) == 1
    assert server.http.delete(f"{job['url']}?keep=true").json()["status"] == "done"
    assert server.http.delete(job["url"]).json()["deleted"]


@runs("docs/api.md", ".venv/bin/python")
def test_the_command_line_speaks_and_hears(server: Server, tmp_path: Path, block: str) -> None:
    """By a server, as the text below says: tests/cli/test_cli.py loads the models anew, and has the doctor look."""
    say, hear, doctor = (line.partition(" #")[0].rstrip() for line in block.splitlines())
    assert "good morning" in bash(f"{say} --server {server.url}\n{hear} --server {server.url}", tmp_path).lower()
    parse(*shlex.split(doctor.removeprefix(f"{PYTHON} -m voxdemo")))


@runs("docs/operating.md", ".venv/bin/python")
def test_a_load_test_is_run(server: Server, tmp_path: Path, block: str) -> None:
    """With one text, which the cache has after the first request; tests/loadtest/test_loadtest.py speaks."""
    (tmp_path / "texts.txt").write_text("Good morning.\n")
    line = block.strip().replace(ADDRESS, server.url) + " --text-file texts.txt --output report"
    report = bash(line.replace("--requests 20", "--requests 2"), tmp_path)
    assert [f"## {users} user" in report for users in (1, 2, 5, 10)] == [True] * 4


@runs("docs/operating.md", "VOXDEMO_PORT=7870")
def test_the_processes_of_a_line_are_commands_and_settings(block: str) -> None:
    """tests/lanes/elsewhere/test_deaths.py runs a line and voices."""
    for command in block.splitlines():
        settings, _, words = command.partition(f" {PYTHON} -m voxdemo ")
        assert read(dict(each.split("=", 1) for each in settings.split())).port in (7870, 7871, 7860)
        parse(words)


@runs(
    "docs/scaling.md",
    ".venv/bin/python -m voxdemo plan --users 5000",
    ".venv/bin/python -m voxdemo plan --voice kokoro\n",
    ".venv/bin/python -m voxdemo plan --voice kokoro --users 400 --simulate",
)
def test_a_plan_prints_what_stands_below_it(block: str) -> None:
    if "--simulate" in block:
        pytest.importorskip("simpy", reason="needs SimPy, from requirements-plan.txt")
    shown = DOCUMENTS["docs/scaling.md"].partition(block)[2].partition("```text\n")[2].partition("```")[0]
    ended = CliRunner().invoke(cli.app, shlex.split(block)[3:])
    assert (ended.exit_code, shown.count("\n|") > 4, shown in ended.stdout) == (0, True, True), ended.stdout


def test_the_rules_of_thumb_are_calculated_as_they_stand() -> None:
    prices = read_prices(EXAMPLES)
    usual, rare = Demand(0.1, 1.0, 0.2, 10.0), Demand(0.02, 0.5, 0.5, 10.0)
    kokoro, builtin = (as_measured(MEASURED[name], 300, 0.1) for name in ("kokoro", "builtin"))

    def planner(demand: Demand, work: Work) -> Planner:
        return Planner(demand, work, prices["cpu"], prices)

    alone = planner(usual, kokoro)
    together = bisect_left(range(600), 7, key=lambda users: alone.stage(users + 1).in_one_line)
    per_s = 0.7 / statistics.fmean(kokoro.services)
    waits = [round(theory.open_wait(kokoro.services, per_s * count, count, 0.95)) for count in (1, 3, 5)]
    machines = [planner(demand, work).stage(10_000).machines for demand in (usual, rare) for work in (builtin, kokoro)]
    said = DOCUMENTS["docs/scaling.md"].partition("## Rules of thumb")[2]
    assert f"{3 * alone.users_of_one()} users with Kokoro-82M, where one serves {alone.users_of_one()}" in said
    assert f"they would serve {together} with" in said
    assert "{} s with one generator, {} s with three and {} s with five".format(*waits) in said
    assert "{} machines with the built-in voice, {} with Kokoro-82M; {} and {} if".format(*machines) in said


# --- settings ---


@runs("docs/settings.md", "VOXDEMO_HOST")
def test_settings_for_the_public_are_allowed(unset: Path, block: str) -> None:
    (unset / ".env").write_text(block)
    settings = load()
    assert (settings.host, settings.rate_limit) == ("0.0.0.0", "10/minute;1/2seconds")
    assert (settings.max_waiting_per_client, settings.trusted_proxies) == (3, ("10.0.0.0/8",))


@runs("deploy/README.md", "GRADIO_ROOT_PATH")
def test_settings_behind_a_proxy_are_allowed(unset: Path, monkeypatch: pytest.MonkeyPatch, block: str) -> None:
    """What comes of them behind nginx is seen by tests/server/test_hosting.py, at the very path."""
    named = dotenv_values(stream=io.StringIO(block))
    assert named.pop("GRADIO_ROOT_PATH") == PATH
    for name, value in named.items():
        monkeypatch.setenv(name, str(value))
    assert load().trusted_proxies == ("127.0.0.1",)


# --- hosting ---


@runs("deploy/README.md", "docker")
def test_the_image_is_built_and_run_from_what_is_there(block: str) -> None:
    """Building it takes a Docker that may download gigabytes; so what the commands name is looked for in the files."""
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    commands = [shlex.split(line) for line in block.splitlines()]
    assert [command[:2] for command in commands] == [["docker", "build"]] * 3 + [["docker", "run"]]
    for command in commands[:3]:
        assert (ROOT / after("-f", command)).is_file()
        assert command[-1] == "."
    name, _, device = after("--build-arg", commands[1]).partition("=")
    assert f"ARG {name}=" in dockerfile
    assert re.search(rf"^ +{device}\) index=", dockerfile, re.MULTILINE)
    ray, _, value = after("--build-arg", commands[2]).partition("=")
    assert f'if [ -n "${ray}" ]' in dockerfile
    assert value
    run = commands[3]
    assert run[-1] == after("-t", commands[0])
    assert f"EXPOSE {after('-p', run).rpartition(':')[2]}\n" in dockerfile
    mounted = [volume.partition(":")[2] for flag, volume in pairwise(run) if flag == "-v"]
    assert f"VOLUME {json.dumps(mounted)}\n" in dockerfile
    assert int(after("--stop-timeout", run)) == Settings.model_fields["drain_s"].default + ENDING_S


@runs("deploy/README.md", "SITE_ADDRESS", "POSTGRES_PASSWORD")
def test_the_composition_is_started_with_what_it_asks_for(block: str) -> None:
    """Docker Compose itself has no place in the tests; tests/test_deploy.py sees that the file holds together."""
    words = shlex.split(block)
    given = {word.partition("=")[0] for word in words[: words.index("docker")]}
    composed = (ROOT / after("-f", words)).read_text()
    asked = re.findall(r"\$\{(\w+)", composed)
    needed_ones = re.findall(r"\$\{(\w+):\?", composed)
    assert set(needed_ones) <= given <= set(asked)


@runs("deploy/README.md", "kubectl")
def test_the_chart_is_installed_with_what_it_asks_for(block: str) -> None:
    """tests/test_deploy.py sees what Helm makes of it."""
    secret, install = (shlex.split(line) for line in block.splitlines())
    values = yaml.safe_load((ROOT / "deploy/chart/values.yaml").read_text())
    assert secret[:5] == ["kubectl", "create", "secret", "generic", values["secret"]]
    entries = {word.removeprefix("--from-literal=").partition("=")[0] for word in secret[5:]}
    assert entries <= {PREFIX + name.upper() for name in Settings.model_fields}
    assert (ROOT / install[3] / "Chart.yaml").is_file()
    assert (ROOT / after("--values", install)).is_file()
    assert after("--set", install).partition("=")[0] in values


@runs("deploy/README.md", "useradd")
def test_the_unit_is_set_up_as_it_expects(told: ToldCheckout, block: str) -> None:
    """It takes root and systemd; so paths and names are compared, and launch.sh is what is run."""
    unit = (ROOT / "deploy/voxdemo.service").read_text()
    useradd, setup, install, copy, enable = (shlex.split(line, comments=True) for line in block.splitlines())
    assert f"User={useradd[-1]}\n" in unit
    assert after("--home-dir", useradd) == f"/var/lib/{useradd[-1]}"  # which StateDirectory makes
    assert f"StateDirectory={useradd[-1]}\n" in unit
    folder = setup[0].removesuffix("/launch.sh")
    assert f"WorkingDirectory={folder}\n" in unit
    assert told.type(f"./launch.sh {shlex.join(setup[1:])}") == []
    assert f"EnvironmentFile=-{install[-1]}\n" in unit
    assert (ROOT / copy[1].removeprefix(f"{folder}/")).is_file()
    assert Path(copy[1]).stem == enable[-1]


@runs("deploy/README.md", "prometheus")
def test_prometheus_starts(tmp_path: Path, block: str) -> None:
    program, port = needed("prometheus", "Debian's package prometheus"), free_port()
    ours = [f"--web.listen-address=127.0.0.1:{port}", f"--storage.tsdb.path={tmp_path}"]
    command = [program, *shlex.split(block)[1:], *ours]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        said = []
        for line in process.stderr:
            said.append(line)
            if "ready to receive web requests" in line:
                process.terminate()
        assert (process.wait(timeout=60), "ready to receive" in "".join(said)) == (0, True), "".join(said)


@runs("deploy/README.md", "promtool")
def test_promtool_takes_what_is_shipped(block: str) -> None:
    needed("promtool", "Debian's package prometheus")
    assert "SUCCESS" in bash(block, ROOT)


def after(flag: str, words: Sequence[str]) -> str:
    return words[words.index(flag) + 1]
