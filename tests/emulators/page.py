"""The report's page in headless Chromium: on a phone, on a desk, and on paper."""

import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.emulators.machines import PROGRAM, ROOT

WORLD = ROOT / "events/ledger.world.json"
# What the browser made of the page, put where `--dump-dom` shows it. The page itself has no script.
MEASURE = """<script>
const box = element => element.getBoundingClientRect();
const all = selector => [...document.querySelectorAll(selector)];
document.body.dataset.measured = JSON.stringify({
    inner: innerWidth,
    wide: document.documentElement.scrollWidth,
    charts: all("svg").map(svg => [box(svg).width, box(svg).height]),
    texts: all("svg text").map(text => text.textContent),
    lines: all("svg polyline, svg polygon").length,
    incidents: all("article").length,
    headings: all("h2").map(heading => heading.textContent),
    small: all("p, li, td, dd").filter(e => parseFloat(getComputedStyle(e).fontSize) < 13).length,
    loads: performance.getEntriesByType("resource").length,
});
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
        page.write_text(self.page.read_text().replace("</body>", MEASURE))
        dom = self.chromium(f"--window-size={width},900", "--dump-dom", page.as_uri())
        found = re.search(r'data-measured="([^"]*)"', dom)
        return json.loads(found[1].replace("&quot;", '"'))

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
