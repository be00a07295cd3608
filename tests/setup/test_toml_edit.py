"""Edits of a TOML text say what was asked for, touch nothing else, and can be taken out again."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weilink.setup.engine.document import DocumentError
from weilink.setup.engine.edits import Edit, GroupItem, Member, NotOursError, install, strip
from weilink.setup.engine.tomlscan import statements
from weilink.setup.engine.tomltext import TomlText

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SERVER = {"command": "run", "args": ["-m", "it"], "env": {"A b": 'x"\\\n'}}
MEMBER = Member(("servers", "mine"), SERVER, ("mine-old",), ("command", "args", "env", "url"))
GROUP = GroupItem(
    ("hooks", "Start"),
    {"hooks": [{"type": "command", "command": "run it", "timeout": 5}]},
    inner="hooks",
    own="run it",
    marks=("it",),
)


def plain(text: str) -> Any:
    return tomllib.loads(text)


def there_and_back(text: str, *edits: Edit) -> str:
    """Install the edits and take them out in the same order; return the text in between."""
    document, created = TomlText(text), []
    for edit in edits:
        document, more = install(document, edit)
        created += more
    installed = document.text
    for edit in edits:
        document = strip(document, edit, created)
    assert document.text == text
    return installed


TEXTS = {
    "nothing": "",
    "a line break": "\n",
    "white space without end": "  \t",
    "only a comment": "# mine",
    "a pair": "a = 1\n",
    "no line break at the end": "a = 1",
    "CRLF": "a = 1\r\n[t]\r\nb = 2\r\n",
    "CRLF without end": "a = 1\r\nb = 2",
    "comments everywhere": "# top\n\na = 1 # one\n# mid\n[t] # t\n# in t\nb = 2\n\n# end\n",
    "other servers": "[servers.other]\ncommand = 'x'\n\n[servers.other.env]\nK = 'v'\n",
    "indented": "  [servers]\n    [servers.other]\n      command = 'x'\n",
    "super table last": "[servers.other]\ncommand = 'x'\n\n[servers]\n",
    "inline": "servers = { other = { command = 'x' } }\n",
    "inline, empty": "servers = {}\nhooks = { }\n",
    "inline arrays": "hooks = { Start = [ { hooks = [ { command = 'x' } ] } ] }\n",
    "array over lines": "[hooks]\nStart = [\n  # first\n  { hooks = [] }, # x\n  # last\n]\n",
    "empty array": "[hooks]\nStart = []",
    "dotted keys": "servers.other.command = 'x'\nservers . 'an other' . args = []\n",
    "dotted in a table": "[servers]\nother.command = 'x'\n[t]\n",
    "quoted keys": "[\"servers\".'oth.er']\n\"comm\\u0061nd\" = 1\n['a b'.\"\"]\n'' = 1\n",
    "arrays of tables": "[[hooks.Start]]\n[[hooks.Start.hooks]]\ncommand = 'a'\n[[hooks.Start]]\n",
    "between": "[[hooks.Start]]\nmatcher = '*'\n\n[z]\n\n[[hooks.Start.hooks]]\ncommand = 'a'\n",
    "texts with brackets": 'a = \'\'\'\n[servers.mine]\n\'\'\'\nb = """\\""" [x] # """""\n',
    "odd values": "a = [1, [2, {b = 3}], ] # ]\nd = 1979-05-27 07:32:00Z\nf = [nan, -inf, 0x1F]\n",
    "no space": "a=1\n[t]\nb=[{c=1}]",
    "unicode": '"名" = \'微信 🐼\'\n["servers"."名"]\ncommand = \'\'\n',
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("edits", [(MEMBER,), (GROUP,), (MEMBER, GROUP), (GROUP, MEMBER)])
def test_what_goes_in_comes_out_again(name: str, edits: tuple[Edit, ...]) -> None:
    text = TEXTS[name]
    before = plain(text)

    after = plain(there_and_back(text, *edits))

    if MEMBER in edits:
        assert after["servers"].pop("mine") == SERVER
    if GROUP in edits:
        assert after["hooks"]["Start"].pop() == GROUP.value
    for table, key in (("hooks", "Start"), ("servers", None)):
        if key and key not in before.get(table, {}):
            after.get(table, {}).pop(key, None)
        if table not in before:
            after.pop(table, None)
    assert repr(after) == repr(before)


def test_a_new_server_is_a_table_at_the_end() -> None:
    document, _ = install(TomlText("# mine\na = 1\n"), MEMBER)

    assert document.text == (
        '# mine\na = 1\n\n[servers.mine]\ncommand = "run"\nargs = ["-m", "it"]\n'
        '\n[servers.mine.env]\n"A b" = "x\\"\\\\\\n"\n'
    )


def test_what_the_user_added_to_our_table_stays() -> None:
    text = (
        "[servers.mine] # ours\n# slow machine\ntimeout = 9\ncommand = 'mine-old' # old\n"
        "url = 'http://x'\n\n[servers.mine.tools.send]\napproved = true\n"
    )

    document, _ = install(TomlText(text), MEMBER)

    assert plain(document.text)["servers"]["mine"] == {
        "timeout": 9,
        "tools": {"send": {"approved": True}},
        **SERVER,
    }
    for kept in ("# ours\n# slow machine\ntimeout = 9\n", "# old\n", "[servers.mine.tools.send]\n"):
        assert kept in document.text
    assert install(document, MEMBER)[0].text == document.text


def test_a_changed_hook_is_changed_where_it_stands() -> None:
    text = (
        "[[hooks.Start]]\n[[hooks.Start.hooks]]\ncommand = 'old it'\n"
        "[[hooks.Start]]\n[[hooks.Start.hooks]]\ncommand = 'theirs'\n"
    )

    document, _ = install(TomlText(text), GROUP)

    groups = plain(document.text)["hooks"]["Start"]
    assert groups == [GROUP.value, {"hooks": [{"command": "theirs"}]}]


def test_a_foreign_one_of_our_name_is_refused() -> None:
    with pytest.raises(NotOursError) as raised:
        install(TomlText("a = 1\n[servers.mine]\ncommand = 'other'\n"), MEMBER)

    assert raised.value.line == 2


INVALID = {
    "no value": ("a = 1\nb =\n", 2),
    "table twice": ("[servers.mine]\n[t]\n[servers.mine]\n", 3),
    "key twice": ("a = 1\na = 2\n", 2),
    "open text": ('a = 1\nb = "x\n', 2),
    "open array": ("a = [1,\n", 2),
    "JSON": ('{"a": 1}\n', 1),
    "no quotes": ("a = 1\ncommand = run\n", 2),
    "dotted into a value": ("a = 1\na.b = 2\n", 2),
    "open header": ("a = 1\n[t\n", 2),
    "control character": ("a = 1\nb = '\x01'\n", 2),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_not_valid_is_refused_with_its_place(name: str) -> None:
    text, line = INVALID[name]
    with pytest.raises(DocumentError) as raised:
        TomlText(text)

    # The parsers point to the end of what they read, which may be the next line.
    assert raised.value.line in (line, line + 1)
    assert raised.value.column >= 1


@pytest.mark.parametrize(
    "text", ["servers = 1\n", "servers = []\n", "[[servers]]\n", "[hooks.Start]\n", "hooks.Start=1"]
)
def test_another_shape_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        document, _ = install(TomlText(text), MEMBER)
        install(document, GROUP)


keys = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=4)
values: st.SearchStrategy[Any] = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=8)
    | st.datetimes()
    | st.dates()
    | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=10,
)
documents = st.dictionaries(
    keys | st.sampled_from(["servers", "hooks"]), values, max_size=4
).filter(
    lambda d: (
        isinstance(d.get("servers", {}), dict)
        and isinstance(d.get("hooks", {}), dict)
        and "mine" not in d.get("servers", {})
        and isinstance(d.get("hooks", {}).get("Start", []), list)
    )
)
gaps = st.sampled_from(["", "\n", "# c\n", "  # ]'\"\n\n"])


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents, st.data(), st.booleans(), st.sampled_from(["", "\n", " ", "\n\n", "# end"]))
def test_any_document_survives(
    content: dict[str, Any], data: st.DataObject, crlf: bool, end: str
) -> None:
    text = tomlkit.dumps(content)
    try:
        starts = [statement.start for statement in statements(TomlText(text).text)]
    except DocumentError:
        return  # tomlkit wrote what is not TOML
    for start in reversed(starts):
        line = text.rfind("\n", 0, start) + 1
        text = text[:line] + data.draw(gaps) + text[line:]
    text = text.rstrip("\n") + end
    if crlf:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    try:
        TomlText(text)
    except DocumentError:
        return
    there_and_back(text, MEMBER, GROUP)
