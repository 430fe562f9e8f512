"""Dockerfile, compose, manifests, systemd units and docs/deploy.md fit each other and the settings.

Nothing is built or started here.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.cli import register
from bot.providers.registry import settings_class
from tests.repository.architecture import ROOT
from tests.repository.test_operations import commands
from tests.service import serving

SETTINGS = {name.upper() for name in settings_class().model_fields}
OF_OTHERS = {"SOKO_DOMAIN", "SOKO_SERVERS", "POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "SOKO_ENV"}
"""The variables of the proxy, of PostgreSQL and of `soko-run`."""
PORT = 8000
UNITS = sorted((ROOT / "deploy/systemd").iterdir())
MANIFESTS = [
    document
    for file in sorted((ROOT / "deploy/kubernetes").glob("*.yml"))
    for document in yaml.safe_load_all(file.read_text())
]
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PAGE = (ROOT / "docs/deploy.md").read_text()


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the specification of each pod."""
    for document in MANIFESTS:
        spec = document.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            yield document["metadata"]["name"], spec["template"]["spec"]


def containers() -> list[dict[str, Any]]:
    return [container for _, pod in pods() for container in pod["containers"]]


# -- settings


def test_every_variable_is_a_setting() -> None:
    config = next(document for document in MANIFESTS if document["kind"] == "ConfigMap")
    in_compose = {name for service in COMPOSE["services"].values() for name in service.get("environment", {})}
    on_the_page = set(re.findall(r"^([A-Z_]+)=", PAGE, re.MULTILINE))
    in_the_image = set(re.findall(r"([A-Z_]+)=", re.findall(r"^ENV (.+)$", DOCKERFILE, re.MULTILINE)[0]))

    assert set(config["data"]) | in_compose | on_the_page | in_the_image <= SETTINGS | OF_OTHERS
    assert all(isinstance(value, str) for value in config["data"].values())


def test_the_page_names_every_setting_that_it_tells_about() -> None:
    told = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", PAGE))

    assert told <= SETTINGS | OF_OTHERS


# -- images, ports, users


def test_images_are_pinned_and_are_those_of_the_compose_file() -> None:
    images = [container["image"] for container in containers()]
    images += [service["image"] for service in COMPOSE["services"].values() if "build" not in service]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)

    assert [image for image in images if not re.search(r":\d+\.\d+", image)] == []
    redis = {image for image in images if image.startswith("redis:")}
    assert len(redis) == 1


def test_nothing_of_ours_runs_as_root() -> None:
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    (uid,) = re.findall(r"useradd .*--uid (\d+)", DOCKERFILE)

    assert users == [uid]
    for name, pod in pods():
        context = pod["securityContext"]
        assert context["runAsNonRoot"], name
        assert context["runAsUser"] == (999 if name == "redis" else int(uid))
        assert all(not each["securityContext"]["allowPrivilegeEscalation"] for each in pod["containers"])
    for unit in UNITS:
        if unit.suffix == ".service":
            assert _unit(unit)["Service"]["User"] == "soko"


def test_ports_lead_to_soko() -> None:
    services = {each["metadata"]["name"]: each["spec"] for each in MANIFESTS if each["kind"] == "Service"}
    ports = {port["name"]: port["containerPort"] for container in containers() for port in container.get("ports", ())}
    (web,) = [container for container in containers() if container["name"] == "web"]

    assert ports["http"] == PORT == settings_class().model_fields["port"].default
    assert all(port["targetPort"] in ports for spec in services.values() for port in spec["ports"])
    assert {probe: web[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")} == {
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert f"EXPOSE {PORT}\n" in DOCKERFILE
    assert f":{PORT}/healthz" in DOCKERFILE
    proxied = COMPOSE["services"]["proxy"]["environment"]["SOKO_SERVERS"].split()
    assert [server.rpartition(":") for server in proxied] == [(name, ":", str(PORT)) for name in ("web-1", "web-2")]


def test_names_in_manifests_lead_to_other_manifests() -> None:
    names = {(document["kind"], document["metadata"]["name"]) for document in MANIFESTS}
    for _, pod in pods():
        volumes = {volume["name"]: volume["persistentVolumeClaim"]["claimName"] for volume in pod.get("volumes", ())}
        assert {("PersistentVolumeClaim", claim) for claim in volumes.values()} <= names
        for container in pod["containers"]:
            assert {mount["name"] for mount in container.get("volumeMounts", ())} <= set(volumes)
            maps = [
                source["configMapRef"]["name"] for source in container.get("envFrom", ()) if "configMapRef" in source
            ]
            assert {("ConfigMap", name) for name in maps} <= names
    (ingress,) = [document["spec"] for document in MANIFESTS if document["kind"] == "Ingress"]
    assert ("Service", ingress["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"]) in names


def test_the_compose_file_has_two_web_servers_and_two_workers() -> None:
    services = COMPOSE["services"]

    assert set(services) == {"proxy", "web-1", "web-2", "worker", "postgresql", "redis"}
    assert services["worker"]["deploy"]["replicas"] == 2
    used = {volume.partition(":")[0] for service in services.values() for volume in service.get("volumes", ())}
    assert {name for name in used if not name.startswith(".")} == set(COMPOSE["volumes"])


def test_a_stop_leaves_time_to_drain_and_to_finish() -> None:
    """DRAIN_SECONDS and the 18 s of `bot.server`."""
    needed = 10 + 18

    assert int(COMPOSE["services"]["web-1"]["stop_grace_period"].removesuffix("s")) > needed
    assert dict(pods())["web"]["terminationGracePeriodSeconds"] > needed
    assert int(_unit(ROOT / "deploy/systemd/soko.service")["Service"]["TimeoutStopSec"]) > needed


# -- units, scripts, commands


def _unit(path: Path) -> RawConfigParser:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign] - names of systemd have capitals
    parser.read(path)
    return parser


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_what_is_there(unit: Path) -> None:
    parsed = _unit(unit)
    if unit.suffix == ".timer":
        assert unit.with_suffix(".service").exists()
        return
    scripts = re.findall(r"script/\w+", parsed["Service"]["ExecStart"])

    assert parsed["Service"]["WorkingDirectory"] == "/opt/soko"
    assert scripts
    assert all((ROOT / script).exists() for script in scripts)


def test_what_the_page_runs_is_bash_and_names_what_exists(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for block in blocks:
        checked = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True, check=False)
        assert checked.returncode == 0, checked.stderr
    with serving(tmp_path) as service:
        register.commands(service.app)
        known = set(commands(service.app.cli))
    typed = re.findall(r"(?:soko-run|script/soko) ([a-z][a-z -]*[a-z])", PAGE)
    wrong = [words for words in typed if not any(words == name or words.startswith(f"{name} ") for name in known)]

    assert len(typed) > 8
    assert wrong == []
    assert all((ROOT / path).exists() for path in re.findall(r"/opt/soko/((?:deploy|script)/[\w/]+\w)", PAGE))
