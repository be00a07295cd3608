"""server.json (MCP registry) and smithery.yaml start the server that is really there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomlkit
import yaml

import weilink
from tests.server import npm
from tests.server.clients import Stdio, environment

ROOT = Path(__file__).parents[2]
SERVER: dict[str, Any] = json.loads((ROOT / "server.json").read_text("utf-8"))
SMITHERY: dict[str, Any] = yaml.safe_load((ROOT / "smithery.yaml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")

PUBLISHED = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
SHA256 = "3fba09590c99f61735d234822279f4223fab9e300c0a81e81c91ab62a4114de0"
"""Of the file at that address, which skillsaw brings along byte for byte."""
SCHEMA_FILE = resources.files("skillsaw.schemas.mcp_registry.v2025_12_11") / "server.schema.json"


def names_in(schema: Any) -> set[str]:
    """The names of all properties that a schema knows."""
    if isinstance(schema, list):
        return set().union(*map(names_in, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})).union(*map(names_in, schema.values()))


def keys_of(data: Any) -> set[str]:
    if isinstance(data, list):
        return set().union(*map(keys_of, data))
    return set(data).union(*map(keys_of, data.values())) if isinstance(data, dict) else set()


def start(command: list[str], env: dict[str, str], tmp_path: Path) -> dict[str, Any]:
    """Start a server by `weilink ...` from this checkout, and return what it says it is."""
    assert command[:2] == ["weilink", "mcp"]
    given = environment(tmp_path / "base", env)
    client = Stdio(given, *command[2:], log=tmp_path / "log")
    try:
        said = client.handshake()
        client.call("sessions")
        return said
    finally:
        client.close()


def test_server_json_follows_the_published_schema() -> None:
    assert SERVER["$schema"] == PUBLISHED
    assert hashlib.sha256(SCHEMA_FILE.read_bytes()).hexdigest() == SHA256
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(SERVER)
    # The schema lets unknown names pass, and so misspelt ones.
    assert keys_of(SERVER) <= names_in(schema)
    mistakes: list[dict[str, Any]] = [
        {"name": "weilink"},
        {"description": "x" * 101},
        {"packages": [{}]},
    ]
    for wrong in mistakes:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft7Validator(schema).validate({**SERVER, **wrong})


@pytest.mark.slow
def test_server_json_follows_the_rules_of_the_registry(tmp_path: Path) -> None:
    """Those that the schema does not hold: namespaces, exact versions."""
    for change, errors in (({}, 0), ({"version": "^0.1"}, 1)):
        (tmp_path / "server.json").write_text(json.dumps({**SERVER, **change}))
        done = subprocess.run(
            [sys.executable, "-m", "skillsaw", "lint", "--strict", "--format", "json", "."],
            cwd=tmp_path,
            env=environment(tmp_path / "base"),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == errors, done.stdout + done.stderr
        assert "mcp-registry" in done.stdout


def test_server_json_starts_this_server(tmp_path: Path) -> None:
    assert SERVER["version"] == weilink.__version__
    (package,) = SERVER["packages"]
    assert package["identifier"] == f"weilink:{weilink.__version__}"
    assert f"docker build -t {package['identifier']} ." in DOCKERFILE
    # How the registry knows that the image is from whoever publishes under this name.
    assert f'LABEL io.modelcontextprotocol.server.name="{SERVER["name"]}"' in DOCKERFILE
    entry = re.search(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)
    assert entry
    command = [*json.loads(entry[1]), *[a["value"] for a in package["packageArguments"]]]
    variables = {v["name"]: v["default"] for v in package["environmentVariables"]}
    said = start(command, variables, tmp_path)
    assert said["serverInfo"]["name"] == "weilink"
    assert said["serverInfo"]["version"] == SERVER["version"]


@pytest.mark.slow
def test_dockerfile(tmp_path: Path) -> None:
    entry = re.search(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)
    default = re.search(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)
    assert entry and default
    command = [*json.loads(entry[1]), *json.loads(default[1])]
    assert start(command, {}, tmp_path)["serverInfo"]["name"] == "weilink"
    # The name is that of the command which the package installs.
    assert Path(sys.executable).with_name(command[0]).exists()
    (volume,) = SERVER["packages"][0]["runtimeArguments"]
    folder = volume["value"].partition(":")[2]
    assert f"WEILINK_BASE_PATH={folder}" in DOCKERFILE
    assert f"VOLUME {folder}" in DOCKERFILE


@pytest.mark.slow
def test_the_container_is_built_from_the_package_alone() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in lines
    taken = {line[1:] for line in lines if line.startswith("!")}
    build = tomlkit.parse((ROOT / "pyproject.toml").read_text("utf-8")).unwrap()
    wheel = build["tool"]["hatch"]["build"]["targets"]["wheel"]
    project = build["project"]
    needed = {*wheel["packages"], *wheel["force-include"], *project["license-files"]}
    assert taken == {"pyproject.toml", project["readme"], *needed}


@pytest.mark.agents
def test_smithery(tmp_path: Path) -> None:
    started = SMITHERY["startCommand"]
    jsonschema.Draft7Validator.check_schema(started["configSchema"])
    jsonschema.validate(started["exampleConfig"], started["configSchema"])
    assert (ROOT / SMITHERY["build"]["dockerfile"]).exists()
    configs: list[dict[str, str]] = [started["exampleConfig"], {}]
    for config in configs:
        script = (
            f"console.log(JSON.stringify(({started['commandFunction']})({json.dumps(config)})))"
        )
        done = subprocess.run(
            [str(npm.node()), "-e", script],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=True,
        )
        made = json.loads(done.stdout)
        said = start([made["command"], *made["args"]], made["env"], tmp_path)
        assert said["serverInfo"]["name"] == "weilink"
