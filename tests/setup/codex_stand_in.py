"""A stand-in for `codex`: says its version, lists hooks by their place, keeps what is trusted.

Its trust is as strict as that of the real program: by key and by what is at the place. Hashes are
of its own kind, so that nobody can guess them. Run as `codex app-server`; `STAND_IN` makes it fail.
"""

import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

HOME = Path(os.environ["HOME"], ".codex")


def snake(event: str) -> str:
    return re.sub("(?<!^)([A-Z])", r"_\1", event).lower()


def state() -> "dict[str, str]":
    config = HOME / "config.toml"
    text = config.read_text("utf-8") if config.exists() else ""
    found = re.findall(r'\[hooks\.state\."(.+?)"\]\r?\ntrusted_hash = "(.+?)"', text)
    return dict(found)


def hooks(folder: "Path | None" = None) -> "list[dict[str, object]]":
    """Those of the user, and those of the project when the user trusts its folder."""
    if folder and f'[projects."{folder}"]' in (HOME / "config.toml").read_text("utf-8"):
        return in_file(HOME / "hooks.json") + in_file(folder / ".codex" / "hooks.json")
    return in_file(HOME / "hooks.json")


def in_file(file: Path) -> "list[dict[str, object]]":
    content = json.loads(file.read_text("utf-8") or "{}") if file.exists() else {}
    trusted = state()
    listed = []
    for event, groups in content.get("hooks", {}).items():
        for index, group in enumerate(groups):
            for place, hook in enumerate(group["hooks"]):
                key = f"{file}:{snake(event)}:{index}:{place}"
                whole = json.dumps([event, group.get("matcher"), hook])
                digest = "odd:" + hashlib.md5(whole.encode()).hexdigest()
                known = trusted.get(key)
                status = "trusted" if known == digest else "modified" if known else "untrusted"
                listed.append(
                    {
                        "key": key,
                        "currentHash": digest,
                        "trustStatus": status,
                        "command": hook["command"],
                        "eventName": event,
                    }
                )
    return listed


def write(values: "dict[str, dict[str, str]]") -> None:
    config = HOME / "config.toml"
    text = config.read_bytes().decode("utf-8") if config.exists() else ""
    for key, value in values.items():
        header = f'[hooks.state."{key}"]'
        if header in text:
            text = re.sub(re.escape(header) + r'\ntrusted_hash = ".*"\n', "", text)
        if not text.endswith("\n"):
            text += "\n"
        text += f'\n{header}\ntrusted_hash = "{value["trusted_hash"]}"\n'
    config.write_bytes(text.encode())


def servers() -> "list[dict[str, object]]":
    """What stands in the file; one whose command is there counts as reached."""
    config = HOME / "config.toml"
    text = config.read_text("utf-8") if config.exists() else ""
    found = re.findall(r'\[mcp_servers\.(\w+)\]\r?\ncommand = "(.+?)"', text)
    return [
        {
            "name": name,
            "serverInfo": {"name": name} if Path(command).exists() else None,
            "toolsError": None if Path(command).exists() else "No such file or directory",
        }
        for name, command in found
    ]


def answer(method: str, params: Any) -> object:
    how = os.environ.get("STAND_IN", "")
    if how == f"refuses {method}":
        return None
    if how == f"ends at {method}":
        sys.exit(3)
    if how == f"kills at {method}":
        os.kill(os.getppid(), 9)
        sys.exit(3)
    if method == "hooks/list":
        folder = Path(params.get("cwds", [HOME])[0])
        return {"data": [{"hooks": hooks(folder)}]}
    if method == "mcpServerStatus/list":
        return {"data": servers(), "nextCursor": None}
    if method == "thread/start":
        return {"thread": {"id": "1"}}
    if method == "config/batchWrite":
        (edit,) = params["edits"]
        assert edit["keyPath"] == "hooks.state" and edit["mergeStrategy"] == "upsert"
        write(edit["value"])
    return {}


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        print("codex-cli 0.169.0")
        return
    assert sys.argv[1:] == ["app-server"], sys.argv
    print("this line is not JSON", flush=True)
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        print(json.dumps({"method": "a/notification", "params": {}}), flush=True)
        result = answer(message["method"], message["params"])
        reply = {"error": {"message": "no, thanks"}} if result is None else {"result": result}
        print(json.dumps({"id": message["id"], **reply}), flush=True)


main()
