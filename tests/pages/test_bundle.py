"""The modules of a page, put together to one script."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.pages.conftest import ROOT
from weilink.web import Files
from weilink.web.bundle import bundle

SHARED = "export const a = 1;\nexport function f() {}\nfunction g() {}\nexport { g as h, a as b };"


def test_imports_and_exports_become_functions_and_their_results() -> None:
    kit = 'import { a } from "../web/x.js";\nexport * from "/assets/web/x.js";\n'
    kit += "export const { c } = a;"
    main = 'import { a as one, c } from "./kit.js";\nawait one(c);'
    made = bundle(
        "page/main.js", {"web/x.js": SHARED, "page/kit.js": kit, "page/main.js": main}, {}
    )
    assert "return { h: g, b: a, a, f };" in made
    assert "return { ...$web_x_js, c };" in made
    assert "const { a: one, c } = $page_kit_js;" in made
    assert made.index("$web_x_js =") < made.index("$page_kit_js =") < made.index("await one(c)")
    assert not re.search(r"^\s*(import|export)\b", made, re.M)


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ({"m.js": 'import x from "./x.js";'}, "cannot be put together"),
        ({"m.js": "const x = await import(y);"}, "cannot be put together"),
        ({"m.js": "export default 1;"}, "cannot be put together"),
        ({"m.js": "export let x = 1;"}, "cannot be put together"),
        ({"m.js": 'import { x } from "./gone.js";'}, "not there"),
        (
            {
                "m.js": 'import { x } from "./n.js";\nexport const y = 1;',
                "n.js": 'import { y } from "./m.js";\nexport const x = 1;',
            },
            "import each other",
        ),
    ],
)
def test_what_cannot_be_put_together_is_refused(sources: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        bundle("m.js", sources, {})


def test_the_panel_is_one_script_and_one_style_sheet_that_a_browser_keeps() -> None:
    files = Files(ROOT / "weilink/server/admin/page")
    files.join("admin.html", "main.js", ["web/look.css", "page/admin.css"])
    html = bytes(files.page("admin.html").body).decode()
    with TestClient(Starlette(routes=list(files.routes()))) as client:
        addresses = re.findall(r'(?:src|href)="(/assets/joined/[^"]+)"', html)
        assert len(addresses) == 2
        for address in addresses:
            answer = client.get(address)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
        # A file that can change under its name is asked for again.
        assert client.get("/assets/web/ui.js").headers["cache-control"] == "no-cache"
