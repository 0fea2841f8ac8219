"""compose.yaml as Compose understands it: a policy that can be read without an engine."""

import json

import pytest

from engine import ROOT, Json, compose


@pytest.fixture(scope="module")
def config(compose_plugin: None) -> Json:
    """compose.yaml as Compose understands it."""
    return json.loads(compose(f"--file={ROOT / 'compose.yaml'}", "config", "--format", "json"))


def test_only_the_desk_has_published_ports_and_on_this_host_alone(config: Json) -> None:
    ports = {name: service.get("ports", []) for name, service in config["services"].items()}
    here = {"mode": "ingress", "host_ip": "127.0.0.1", "protocol": "tcp"}
    desks = [{**here, "published": str(port), "target": port} for port in (10000, 8080)]
    assert ports == {"backend": [], "frontend": desks}


def test_the_services_meet_on_an_internal_network_alone(config: Json) -> None:
    networks = {name: set(service["networks"]) for name, service in config["services"].items()}
    internal = {name for name, net in config["networks"].items() if net.get("internal")}
    assert networks == {"backend": {"inside", "egress"}, "frontend": {"inside", "edge"}}
    assert internal == {"inside"}


@pytest.mark.parametrize("service", ["backend", "frontend"])
def test_a_service_is_kept_within_bounds(config: Json, service: str) -> None:
    settings = config["services"][service]
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert settings["read_only"] is True
    assert settings["user"] == "10001:10001"
    assert settings["mem_limit"] == settings["memswap_limit"] == str(256 * 1024 * 1024)
    assert settings["pids_limit"] == 64
    assert "privileged" not in settings


def test_the_desk_starts_when_the_back_end_is_healthy(config: Json) -> None:
    assert config["services"]["frontend"]["depends_on"] == {
        "backend": {"condition": "service_healthy", "required": True}
    }


def test_what_the_back_end_keeps_is_in_a_volume_with_a_name(config: Json) -> None:
    assert config["services"]["backend"]["volumes"] == [
        {"type": "volume", "source": "data", "target": "/data", "volume": {}}
    ]
    assert "volumes" not in config["services"]["frontend"]
