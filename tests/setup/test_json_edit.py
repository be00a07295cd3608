"""Edits of a JSON text look as if the user had made them, and can be taken out again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weilink.setup.engine.document import DocumentError
from weilink.setup.engine.edits import GroupItem, Member, NotOursError, install, strip
from weilink.setup.engine.jsontext import JsonText

MEMBER = Member(("servers", "mine"), {"command": "run", "args": ["a"]}, ("mine-old",))
GROUP = GroupItem(
    ("hooks", "Start"),
    {"hooks": [{"command": "run it"}]},
    inner="hooks",
    own="run it",
    marks=("it",),
)


def installed(text: str, *edits: Member | GroupItem, comments: bool = False) -> str:
    document = JsonText(text, comments)
    for edit in edits:
        document, _ = install(document, edit)
    return document.text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", '{\n  "k": [\n    1\n  ]\n}'),
        ("{}\n", '{\n  "k": [\n    1\n  ]\n}\n'),
        ('{"a":1}', '{"a":1,"k":[1]}'),
        ('{"a": 1}', '{"a": 1, "k": [1]}'),
        ('{\n\t"a": 1\n}', '{\n\t"a": 1,\n\t"k": [\n\t\t1\n\t]\n}'),
        (
            '{\r\n    "a": 1\r\n}\r\n',
            '{\r\n    "a": 1,\r\n    "k": [\r\n        1\r\n    ]\r\n}\r\n',
        ),
        ('{ "a": 1,\n  "b": 2 }', '{ "a": 1,\n  "b": 2,\n  "k": [\n    1\n  ] }'),
    ],
)
def test_a_new_member_follows_the_style_of_the_file(before: str, after: str) -> None:
    document = JsonText(before).set(("k",), [1])

    assert document.text == after
    assert document.delete(("k",)).text == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{\n  "a": 1 // one\n}', '{\n  "a": 1, // one\n  "k": 2\n}'),
        ('{\n  "a": 1, // one\n}', '{\n  "a": 1, // one\n  "k": 2,\n}'),
        (
            '{\n  "a": 1 /* x */ // y\n  // end\n}',
            '{\n  "a": 1, /* x */ // y\n  "k": 2\n  // end\n}',
        ),
        ("{\n  // none yet\n}", '{\n  // none yet\n  "k": 2\n}'),
        ('{"a": 1, /* last */}', '{"a": 1, /* last */ "k": 2,}'),
        ('{"a": 1 // one\n}', '{"a": 1, // one\n"k": 2\n}'),
    ],
)
def test_comments_stay_where_they_are(before: str, after: str) -> None:
    document = JsonText(before, comments=True).set(("k",), 2)

    assert document.text == after
    assert document.delete(("k",)).text == before


def test_a_comment_is_an_error_where_the_program_takes_none() -> None:
    with pytest.raises(DocumentError) as raised:
        JsonText('{\n  "a": 1 // one\n}')

    assert (raised.value.line, raised.value.column) == (2, 10)


def test_taking_out_the_first_or_middle_one_keeps_the_rest() -> None:
    text = '{\n  "a": 1,\n  "k": 2,\n  "z": 3\n}'

    assert JsonText(text).delete(("a",)).text == '{\n  "k": 2,\n  "z": 3\n}'
    assert JsonText(text).delete(("k",)).text == '{\n  "a": 1,\n  "z": 3\n}'
    assert JsonText('{"a": 1, "k": 2}').delete(("a",)).text == '{"k": 2}'
    assert JsonText("[1,2,3]").delete((1,)).text == "[1,3]"


def test_an_older_one_of_ours_is_replaced_where_it_stands() -> None:
    text = '{"servers": {"mine": {"command": "mine-old"}, "z": 1}}'

    assert json.loads(installed(text, MEMBER)) == {"servers": {"mine": MEMBER.value, "z": 1}}
    assert list(json.loads(installed(text, MEMBER))["servers"]) == ["mine", "z"]


def test_a_foreign_one_of_our_name_is_refused() -> None:
    with pytest.raises(NotOursError) as raised:
        installed('{"servers": {\n "mine": {"command": "other"}}}', MEMBER)

    assert raised.value.line == 2


def test_an_item_in_a_group_of_others_is_replaced_alone() -> None:
    text = '{"hooks":{"Start":[{"m":"x","hooks":[{"command":"theirs"},{"command":"old it"}]}]}}'

    assert installed(text, GROUP) == text.replace("old it", "run it")


def test_duplicates_of_older_installs_go() -> None:
    old = '{"hooks": [{"command": "old it"}]}'
    text = f'{{"hooks": {{"Start": [{old}, {{"hooks": [{{"command": "theirs"}}]}}, {old}]}}}}'

    groups = json.loads(installed(text, GROUP))["hooks"]["Start"]

    assert groups == [GROUP.value, {"hooks": [{"command": "theirs"}]}]


keys = st.text(max_size=4)
values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
documents: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    keys | st.sampled_from(["servers", "hooks"]), values, max_size=4
).filter(
    lambda d: (
        isinstance(d.get("servers", {}), dict)
        and isinstance(d.get("hooks", {}), dict)
        and "mine" not in d.get("servers", {})
        and isinstance(d.get("hooks", {}).get("Start", []), list)
    )
)
layouts = st.sampled_from(
    [
        {"indent": None, "separators": (",", ":")},
        {"indent": None},
        {"indent": 2},
        {"indent": "\t"},
        {"indent": 4, "ensure_ascii": False},
    ]
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(documents, layouts, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\n", "  "]))
def test_what_goes_in_comes_out_again(
    content: dict[str, object], layout: dict[str, object], newline: str, end: str
) -> None:
    text = (json.dumps(content, **layout) + end).replace("\n", newline)  # type: ignore[arg-type]
    document, created = install(JsonText(text), MEMBER)
    document, created_too = install(document, GROUP)

    value = json.loads(document.text)
    assert value["servers"]["mine"] == MEMBER.value
    assert value["hooks"]["Start"][-1] == GROUP.value
    if newline in text:
        assert document.text.count("\n") == document.text.count(newline)
    out = strip(strip(document, MEMBER, created), GROUP, created_too)
    assert out.text == text


# Between any two signs of a document: blanks, and comments that look like something else.
_says = st.sampled_from(["", "x", "}", "]", ",", '"', '": [', "/* ", "//", "名 🐼", "\\", "{", "*"])
_comments = st.one_of(
    st.builds("/*{} */".format, _says),
    st.builds("/*{}\n{} */".format, _says, _says),
    st.builds("//{}\n".format, _says),
)
_gaps = st.lists(st.sampled_from([" ", "\n", "\t", "\n  "]) | _comments, max_size=2).map("".join)
_switches = st.booleans()
_remarks = st.builds("{}{}{}".format, _gaps, _comments, _gaps)


@st.composite
def commented(draw: st.DrawFn, value: Any) -> str:
    """A text of `value` with comments anywhere and a comma behind the last ones."""
    if not isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=draw(_switches))
    parts: list[str] = []
    for item in value.items() if isinstance(value, dict) else value:
        key = ""
        if isinstance(value, dict):
            name, item = item
            key = json.dumps(name) + draw(_gaps) + ":" + draw(_gaps)
        parts.append(draw(_gaps) + key + draw(commented(item)) + draw(_gaps))
    inside = ",".join(parts)
    if len(parts) > 0 and draw(_switches):
        inside += "," + draw(_gaps)
    first, last = "{}" if isinstance(value, dict) else "[]"
    # What blanks an empty one had, nobody can tell afterwards; only undo from the notes can.
    return first + (inside or draw(st.just("") | _remarks)) + last


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents.flatmap(commented), _gaps, _gaps, st.sampled_from(["\n", "\r\n"]))
def test_what_goes_into_commented_text_comes_out_again(
    inner: str, before: str, after: str, newline: str
) -> None:
    text = (before + inner + after).replace("\n", newline)
    whole = JsonText(text, comments=True).value
    document, created = install(JsonText(text, comments=True), MEMBER)
    document, created_too = install(document, GROUP)

    value: Any = JsonText(document.text, comments=True).value
    assert value["servers"]["mine"] == MEMBER.value
    assert value["hooks"]["Start"][-1] == GROUP.value
    out = strip(strip(document, MEMBER, created), GROUP, created_too)
    assert out.text == text
    assert out.value == whole
