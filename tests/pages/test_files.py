"""What the pages are made of, without a browser: files, headers, words, media."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.pages.conftest import ROOT, WORDS
from tests.pages.samples import HOSTILE, png, wav
from weilink.web import Files, StrictHeaders, media_answer, safe_type

PAGES = [path.parent for path in (ROOT / "weilink").rglob("*.html") if path.parent.name == "page"]
SHARED = ROOT / "weilink/web/static"
SCRIPTS = [
    path
    for folder in (SHARED, *PAGES)
    for path in folder.rglob("*.js")
    if path.parent.name != "vendor"
]
SAID = re.compile(r'\b(?:t|say)\(\s*"((?:[^"\\]|\\.)*)"')


def test_there_are_pages() -> None:
    assert len(PAGES) >= 1
    assert len(SCRIPTS) > 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_every_text_of_a_page_has_its_chinese(page: Path) -> None:
    words = json.loads((SHARED / "words/zh.json").read_text("utf-8"))
    words |= json.loads((page / "words/zh.json").read_text("utf-8"))
    said = {
        text
        for script in (*SHARED.glob("*.js"), *page.glob("*.js"))
        for text in SAID.findall(script.read_text("utf-8"))
    }
    assert sorted(said - words.keys()) == []
    for text in said:
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", words[text])), text


def test_no_chinese_is_left_over() -> None:
    said = {text for script in SCRIPTS for text in SAID.findall(script.read_text("utf-8"))}
    for path in WORDS:
        assert sorted(json.loads(path.read_text("utf-8")).keys() - said) == [], path


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parents[1].name}-{path.name}")
def test_no_script_of_ours_makes_html_of_text(script: Path) -> None:
    ways = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
    assert re.findall(ways, script.read_text("utf-8")) == []
    assert "dangerouslySet" not in script.read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_no_page_names_another_place(page: Path) -> None:
    for path in page.rglob("*"):
        if path.is_file() and path.suffix in (".html", ".css", ".js"):
            found = re.findall(
                r"""(?:src|href|url|from|import)\W+https?://\S+""", path.read_text("utf-8")
            )
            assert found == [], path
            assert not re.search(
                r"<script(?![^>]*src=)|<style|\son\w+=|style=\"", path.read_text("utf-8")
            ) or (path.suffix == ".js")


async def _media(request: Request) -> Response:
    data = {"png": png(), "html": HOSTILE.encode(), "svg": b"<svg onload='x'/>", "empty": b""}
    found = data[request.path_params["what"]]
    return media_answer(request, found, request.query_params.get("name", ""))


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    files = Files(ROOT / "weilink/sandbox/page")
    app = Starlette(routes=[*files.routes(), Route("/media/{what}", _media)])
    yield TestClient(StrictHeaders(app))


def test_files_are_served_with_types_and_tags_and_nothing_else_is(client: TestClient) -> None:
    script = client.get("/assets/web/ui.js")
    assert script.headers["content-type"].startswith("text/javascript")
    tag = script.headers["etag"]
    again = client.get("/assets/web/ui.js", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    for path in ("web/../__init__.py", "web/%2e%2e/__init__.py", "page/", "x", "web//ui.js"):
        assert client.get(f"/assets/{path}").status_code == 404


def test_headers_are_strict(client: TestClient) -> None:
    headers = client.get("/assets/web/ui.js").headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_media_is_never_a_page(client: TestClient) -> None:
    assert client.get("/media/png").headers["content-type"] == "image/png"
    for what in ("html", "svg", "empty"):
        answer = client.get(f"/media/{what}")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in answer.headers["content-security-policy"]
    named = client.get("/media/png", params={"name": '报告 "\r\nX: y.png'})
    assert named.headers["content-disposition"].isascii()
    assert "x" not in named.headers


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=0-999999999", 206, slice(0, None)),
        ("bytes=999999999-", 416, slice(0, 0)),
        ("bytes=5-2", 416, slice(0, 0)),
        ("bytes=-", 200, slice(0, None)),
        ("lines=1-2", 200, slice(0, None)),
    ],
)
def test_a_player_gets_the_part_it_asks_for(
    client: TestClient, asked: str, status: int, part: slice
) -> None:
    answer = client.get("/media/png", headers={"Range": asked})
    assert answer.status_code == status
    assert answer.content == png()[part]


def test_types_are_found_from_what_is_in_a_file() -> None:
    assert safe_type(wav()[:16]) == "audio/wav"
    assert safe_type(b"\0\0\0\x18ftypmp42") == "video/mp4"
    assert safe_type(b"\0\0\0\x18ftypM4A ") == "audio/mp4"
    assert safe_type(b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp"
    assert safe_type(b"\x02#!SILK_V3") == "audio/silk"
    assert (
        safe_type(b"<html>")
        == safe_type(b"%PDF-1.7")
        == safe_type(b"")
        == "application/octet-stream"
    )
