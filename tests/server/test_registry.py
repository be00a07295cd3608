"""server.json (MCP registry) and smithery.yaml start the server that is really there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import weilink
from tests.server import npm
from tests.server.clients import Stdio, environment

ROOT = Path(__file__).parents[2]
SERVER: dict[str, Any] = json.loads((ROOT / "server.json").read_text("utf-8"))
SMITHERY: dict[str, Any] = yaml.safe_load((ROOT / "smithery.yaml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")

# What the registry's schema of 2025-12-11 demands of the parts that our server.json has, in our
# own words. Nothing else is allowed here, so that nothing slips in that was never checked.
TEXT = {"type": "string", "minLength": 1}
RULES = {
    "type": "object",
    "additionalProperties": False,
    "required": ["$schema", "name", "description", "version", "packages"],
    "properties": {
        "$schema": {
            "const": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
        },
        "name": {"type": "string", "maxLength": 200, "pattern": r"^[\w.-]+/[\w.-]+$"},
        "title": {**TEXT, "maxLength": 100},
        "description": {**TEXT, "maxLength": 100},
        "version": {**TEXT, "maxLength": 255, "pattern": r"^\d+\.\d+\.\d+$"},
        "packages": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["registryType", "identifier", "transport"],
                "properties": {
                    # On the public package index the name weilink is another project's.
                    "registryType": {"const": "oci"},
                    "identifier": TEXT,
                    "runtimeHint": {"enum": ["docker"]},
                    "transport": {"const": {"type": "stdio"}},
                    "runtimeArguments": {"type": "array", "items": {"$ref": "#/$defs/argument"}},
                    "packageArguments": {"type": "array", "items": {"$ref": "#/$defs/argument"}},
                    "environmentVariables": {
                        "type": "array",
                        "items": {"$ref": "#/$defs/input", "required": ["name"]},
                    },
                },
            },
        },
    },
    "$defs": {
        "input": {
            "type": "object",
            "properties": {
                "name": TEXT,
                "value": {"type": "string"},
                "description": {"type": "string"},
                "default": {"type": "string"},
                "choices": {"type": "array", "items": {"type": "string"}},
            },
        },
        "argument": {
            "allOf": [{"$ref": "#/$defs/input"}],
            "oneOf": [
                {"properties": {"type": {"const": "named"}}, "required": ["type", "name"]},
                {"properties": {"type": {"const": "positional"}}, "required": ["type", "value"]},
            ],
        },
    },
}


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


def test_server_json(tmp_path: Path) -> None:
    jsonschema.validate(SERVER, RULES)
    assert SERVER["version"] == weilink.__version__
    (package,) = SERVER["packages"]
    assert package["identifier"] == f"weilink:{weilink.__version__}"
    assert f"docker build -t {package['identifier']} ." in DOCKERFILE
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
