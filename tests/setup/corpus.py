"""Configuration files shaped like those of real users, by the agent that reads them.

Each is the content of the file that setup edits; `VALID` ones can be edited, `INVALID` ones have
the line of their mistake.
"""

from __future__ import annotations

import json

# ruff: noqa: E501  (a file is easier to compare with its name on one line)

OLD_HOOK = "python3 /home/me/.weilink/hooks/weilink_hook.py"


def _hooks(*commands: str, event: str = "UserPromptSubmit") -> bytes:
    groups = [{"hooks": [{"type": "command", "command": command}]} for command in commands]
    return json.dumps({"hooks": {event: groups}}, indent=2).encode()


CLAUDE: dict[str, bytes] = {
    "others before and after an older one of ours": _hooks("first", OLD_HOOK, "last"),
    "two older ones of ours": _hooks(OLD_HOOK, "theirs", OLD_HOOK),
    "an older one in somebody's group": json.dumps(
        {"hooks": {"Stop": [{"hooks": [{"command": "a"}, {"command": OLD_HOOK}]}]}}, indent="\t"
    ).encode(),
    "permissions and status line": json.dumps(
        {
            "$schema": "https://json.schemastore.org/claude-code-settings.json",
            "permissions": {"allow": ["Bash(git:*)", "mcp__x__*"], "deny": ["Read(./.env)"]},
            "statusLine": {"type": "command", "command": "~/bin/line"},
            "enabledPlugins": {"x@y": True},
        },
        indent=4,
    ).encode(),
    "matchers of others": b"""{
  "hooks": {
    "PostToolUse": [{"matcher": "Edit|Write", "hooks": [{"type": "command", "command": "fmt"}]}],
    "Stop": [
      { "hooks": [ { "type": "command", "command": "say \\"done\\"" } ] }
    ]
  }
}
""",
    "5 MB": json.dumps({f"key {n}": "x" * 50 for n in range(80_000)}, indent=2).encode(),
}

CODEX: dict[str, bytes] = {
    "nothing": b"",
    "white space": b" \n\t\n",
    "only a BOM": b"\xef\xbb\xbf",
    "only comments": b"# Codex\n\n# model = 'x'\n",
    "BOM and CRLF": b'\xef\xbb\xbfmodel = "x"\r\n\r\n[tui]\r\ntheme = "dark"\r\n',
    "no newline at the end": b'model = "x"\n[tui]\ntheme = "dark"',
    "tabs": b"[mcp_servers]\n\t[mcp_servers.other]\n\t\tcommand = 'x'\n\t\targs = [\n\t\t\t'a',\n\t\t]\n",
    "comments everywhere": b"# a\nmodel = 'x' # b\n\n# c\n[tui] # d\n# e\ntheme = 'y' # f\n# g\n",
    "inline tables": b"mcp_servers = { a = { command = 'x' }, b = { url = 'http://y' } }\n",
    "dotted keys": b"mcp_servers.a.command = 'x'\nmcp_servers.a.env.K = 'v'\ntui.theme = 'y'\n",
    "quoted keys": b"[mcp_servers.\"my server\"]\n\"command\" = 'x'\n[projects.'/home/me/a b']\n",
    "arrays of tables": b"[[profiles]]\nname = 'a'\n[[profiles]]\nname = 'b'\n[[profiles.x]]\ny = 1\n",
    "an older one of ours": b'[mcp_servers.weilink]\ncommand = "weilink"\nargs = ["mcp"]\n\n[z]\na = 1\n',
    "an older one, inline": b'mcp_servers = {weilink = {command = "weilink", args = ["mcp"]}}\n',
    "an older one, dotted": b'mcp_servers.weilink.command = "weilink"\nmcp_servers.weilink.args=[]\n',
    "an older one with approvals": b'[mcp_servers.weilink]\ncommand = "weilink"\n'
    b'[mcp_servers.weilink.tools.send]\napproval_mode = "approve"\n',
    "trust of others": b'[hooks.state]\n\n[hooks.state."/x/hooks.json:stop:0:0"]\n'
    b'trusted_hash = "sha256:00"\n',
    "hooks of others": b"[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ntype = 'command'\ncommand = 'x'\n",
    "hooks of others, inline": b"[hooks]\nStop = [ { hooks = [ { command = 'x' } ] } ] # y\n",
    "hooks of ours and others": b"[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ncommand = 'a'\n\n"
    b"[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ncommand = '" + OLD_HOOK.encode() + b"'\n"
    b"[[hooks.Stop]]\n[[hooks.Stop.hooks]]\ncommand = 'b'\n",
    "texts over lines": b'instructions = """\n[mcp_servers.weilink]\n\\"""\n"""\nb = \'\'\'\n# c\n\'\'\'\n',
    "values of every kind": b"a = [1_000, 0xff, 1e3, inf, nan]\nb = 2024-01-01T00:00:00Z\nc = [[], {}]\n",
    "unicode": "model = '模型 🐼'\n[projects.\"/home/我\"]\ntrust_level = 'trusted'\n".encode(),
    "tables out of order": b"[a.b]\nx = 1\n[c]\n[a]\ny = 2\n[a.d]\n",
    "5 MB": b"".join(b'[projects."/p/%d"]\ntrust_level = "trusted"\n' % n for n in range(120_000)),
}
CODEX_INVALID: dict[str, tuple[bytes, int]] = {
    "table twice": (b"[mcp_servers.weilink]\n[a]\n[mcp_servers.weilink]\n", 3),
    "key twice": (b"a = 1\na = 2\n", 2),
    "no value": (b"a = 1\nb =\n", 2),
    "JSON": (b'{"a": 1}\n', 1),
    "open text": (b'a = 1\nb = "x\n', 2),
    "open header": (b"[a]\n[b\n", 2),
    "no quotes": (b"a = 1\nb = /usr/bin\n", 2),
    "cut off": (b"a = 1\nb = [1,", 2),
    "Latin-1": (b"a = 1\nb = '\xe4'\n", 2),
    "UTF-16": ("a = 1\n".encode("utf-16"), 1),
    "NUL": (b"a = 1\nb = '\x00'\n", 2),
    "servers are a list": (b"a = 1\n[[mcp_servers]]\nb = 1\n", 2),
    "servers are a text": (b"a = 1\nmcp_servers = 'x'\n", 2),
}

VSCODE: dict[str, bytes] = {
    "nothing": b"",
    "only a comment": b"// mine\n",
    "empty object": b"{}",
    "as the editor writes it": b'{\n\t"servers": {},\n\t"inputs": []\n}',
    "comments everywhere": b"""// top
{
  // before
  "inputs": [], /* between */ // behind
  /* a
     block */
  "servers": { // opens
    "other": { "command": "x" } // last, without a comma
    // end
  }
  // the very end
}
// after
""",
    "trailing commas": b'{\n  "servers": {\n    "other": {"command": "x",},\n  },\n}\n',
    "comment that looks like an end": b'{\n  "servers": {\n    // }\n    "a": {} /* } */\n  }\n}\n',
    "text that looks like a comment": b'{"a": "// no", "b": "/* no */", "servers": {"u": {}}}',
    "an older one of ours": b'{\n  "servers": {\n    // mine\n    "weilink": {"command": "weilink"},'
    b' // old\n    "z": {}\n  }\n}\n',
    "an older one with more keys": b'{"servers": {"weilink": {"command": "weilink", "dev": {}}}}',
    "CRLF, BOM, tabs": b'\xef\xbb\xbf{\r\n\t// x\r\n\t"servers": {\r\n\t\t"a": {}\r\n\t}\r\n}\r\n',
    "everything on one line": b'{"servers":{"a":{},/* x */}}',
    "5 MB": b'{\n  "inputs": [\n'
    + b"".join(b'    {"id": "key %d"}, // %d\n' % (n, n) for n in range(150_000))
    + b"  ]\n}\n",
}
VSCODE_INVALID: dict[str, tuple[bytes, int]] = {
    "open comment": (b'{\n/* "servers": {} }', 2),
    "two commas": (b'{\n"a": 1,,\n"b": 2}', 2),
    "cut off": (b'{\n"servers": {', 2),
    "a list": (b"\n[]", 2),
    "servers are a list": (b'{\n"servers": []}', 2),
}
