"""The panel's first view: from the start of the navigation until its list is painted.

In a browser that has nothing of it, beside a text file of the same server: what the browser and
the machine need for any page at all.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, sync_playwright

from tests.pages.chromium import FLAGS, chromium
from tests.pages.faces import log_in, running
from weilink.sandbox.process import running_sandbox

RUNS = 20
BOTS = 3
LIMIT = 3.0
# The list is in the page, and the frame that shows it is done.
PAINTED = """new MutationObserver(() => {
    if (window.painted !== undefined || !document.querySelector("article")) return;
    window.painted = 0;
    requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); }));
}).observe(document, {subtree: true, childList: true});"""
FIRST = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


def opened(browser: Browser, url: str, script: str, told: str) -> float:
    """Open `url` in a fresh profile and return what `told` says, in milliseconds."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    try:
        page = context.new_page()
        if script:
            page.add_init_script(script)
        page.goto(url)
        # Asked by the debugger: a strict page evaluates nothing for itself.
        return float(
            page.evaluate(
                "new Promise((done) => { const look = () => {"
                f"const found = {told}; if (found) done(found); else setTimeout(look, 10); }};"
                " look(); })"
            )
        )
    finally:
        context.close()


def main() -> int:
    """Measure in turn; 1 when the panel is over its limit beside the empty page."""
    panels: list[float] = []
    empties: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_sandbox(longpoll_seconds=5) as phone,
        sync_playwright() as playwright,
    ):
        base = Path(folder) / "base"
        for number in range(BOTS):
            log_in(base, phone, f"bot{number}")
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        with running(base, phone, "admin", "-p", "0") as link:
            parts = urlsplit(link)
            empty = f"{parts.scheme}://{parts.netloc}/assets/web/vendor/LICENSE.txt"
            for run in range(RUNS + 1):
                panel = opened(browser, link, PAINTED, "window.painted")
                other = opened(browser, empty, "", FIRST)
                if run:  # the first run fills caches
                    panels.append(panel)
                    empties.append(other)
        browser.close()
    ratio = statistics.median(panels) / statistics.median(empties)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"{'panel, first view painted':<44} {statistics.median(panels):7.1f} ms"
        f"  beside {statistics.median(empties):6.1f} ms  ratio {ratio:4.2f}  (limit {LIMIT})"
        f"  {'ok' if ratio <= LIMIT else 'TOO SLOW'}",
        flush=True,
    )
    print(
        f"{'  fastest of each; load of the machine':<44} {min(panels):7.1f} ms"
        f"  beside {min(empties):6.1f} ms  load {load:4.2f}",
        flush=True,
    )
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
