"""The report's page in headless Chromium: on a phone, on a desk, and on paper."""

import html
import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.emulators.machines import PROGRAM, ROOT

WORLD = ROOT / "events/ledger.world.json"
# The page in a frame as wide as a phone or a desk, and what the browser made of it where `--dump-dom` shows it: a
# window of its own is never narrower than 500 pixels. The page itself has no script.
FRAME = """<!DOCTYPE html><body><iframe style="width: {width}px; height: 900px; border: 0" srcdoc="{page}"></iframe><script>
const frame = document.querySelector("iframe");
frame.addEventListener("load", () => {{
    const page = frame.contentDocument, window = frame.contentWindow;
    const all = selector => [...page.querySelectorAll(selector)];
    const box = element => element.getBoundingClientRect();
    document.body.dataset.measured = JSON.stringify({{
        inner: window.innerWidth,
        wide: page.documentElement.scrollWidth,
        charts: all("svg").map(svg => [box(svg).width, box(svg).height]),
        texts: all("svg text").map(text => text.textContent.trim()),
        lines: all("svg polyline, svg polygon").length,
        incidents: all("article").length,
        headings: all("h2").map(heading => heading.textContent),
        small: all("p, li, td, dd").filter(e => parseFloat(window.getComputedStyle(e).fontSize) < 13).length,
        loads: window.performance.getEntriesByType("resource").length,
    }});
}});
</script></body>"""


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.page = cls.folder / "report.html"
        command = [PROGRAM, "report", "--world", WORLD, "--html", cls.page]
        subprocess.run(command, check=True, cwd=ROOT)

    def chromium(self, *arguments):
        command = [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            f"--user-data-dir={self.folder}/profile", *arguments,
        ]
        done = subprocess.run(command, capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def measured(self, width):
        page = self.folder / f"measured-{width}.html"
        page.write_text(FRAME.format(width=width, page=html.escape(self.page.read_text())))
        dom = self.chromium("--window-size=1400,1000", "--dump-dom", page.as_uri())
        found = re.search(r'data-measured="([^"]*)"', dom)
        return json.loads(html.unescape(found[1]))

    def test_fits_a_phone_and_a_desk(self):
        for width in (390, 1280):
            with self.subTest(width=width):
                seen = self.measured(width)
                self.assertEqual(seen["inner"], width)
                self.assertLessEqual(seen["wide"], width, "nothing is pushed out of sight")
                self.assertEqual(seen["headings"], ["Open incidents", "Use against quota, two weeks", "Past incidents"])
                self.assertEqual(seen["incidents"], 3)
                self.assertGreaterEqual(len(seen["charts"]), 4)
                for chart in seen["charts"]:
                    self.assertGreater(chart[0], 280)
                    self.assertGreater(chart[1], 110)
                self.assertIn("quota 5,000,000", seen["texts"])
                self.assertGreaterEqual(seen["lines"], 2 * len(seen["charts"]))
                self.assertEqual((seen["small"], seen["loads"]), (0, 0))

    def test_prints(self):
        paper = self.folder / "report.pdf"
        self.chromium(f"--print-to-pdf={paper}", self.page.as_uri())
        pages = re.findall(rb"/Type\s*/Page\b", paper.read_bytes())
        self.assertIn(len(pages), range(2, 9))

    def test_needs_nothing_from_anywhere(self):
        page = self.page.read_text()
        for tag in ("<script", "<link", "<img", "<iframe", "@import", "url("):
            self.assertNotIn(tag, page)
