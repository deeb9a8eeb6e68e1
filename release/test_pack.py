"""What `pack` makes: the same bytes from the same input, and a refusal where the input is not what it expects."""

import io
import os
import re
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

import pack

TEMPLATE = (pack.ROOT / "template.yaml").read_text()


class Template(unittest.TestCase):
    def test_a_template_that_has_changed_too_much_is_refused(self):
        for old, _ in pack.CHANGES:
            for changed in (TEMPLATE.replace(old, ""), TEMPLATE + old):
                with self.assertRaises(ValueError):
                    pack.packaged(changed, "1.2.3")

    def test_nothing_of_a_compiler_is_left_and_everything_else_is(self):
        made = pack.packaged(TEMPLATE, "1.2.3")
        self.assertNotIn("BuildMethod", made)
        self.assertNotIn("sam build", made)
        gone = set(TEMPLATE.splitlines()) - set(made.splitlines())
        self.assertLessEqual(len(gone), 7, gone)
        self.assertIn("bedrock-remediator-1.2.3-lambda-${Architecture}.zip", made)


class Archives(unittest.TestCase):
    def test_neither_time_nor_folder_is_in_an_archive(self):
        def made(at):
            with tempfile.TemporaryDirectory() as folder:
                os.utime(folder, (at, at))
                path = Path(folder) / "program-1.2.3.tar.gz"
                pack.write_archive(path, {"b": (b"two", 0o755), "a": (b"one", 0o644)})
                zipped = io.BytesIO()
                pack.write_zip(zipped, b"code")
                return path.read_bytes(), zipped.getvalue()

        first = made(0)
        self.assertEqual(made(1_000_000_000), first)
        with tarfile.open(fileobj=io.BytesIO(first[0])) as archive:
            found = [(entry.name, entry.mode, entry.mtime) for entry in archive]
        self.assertEqual(found, [("program-1.2.3/a", 0o644, 0), ("program-1.2.3/b", 0o755, 0)])
        [entry] = zipfile.ZipFile(io.BytesIO(first[1])).infolist()
        found = (entry.filename, entry.external_attr >> 16, entry.date_time)
        self.assertEqual(found, ("bootstrap", 0o100755, pack.EPOCH))


class Notes(unittest.TestCase):
    def test_a_release_has_its_section_and_no_other(self):
        changelog = "# Changelog\n\n## Unreleased\n\n- a\n\n## 1.2.3 - 2026-01-02\n\n- b\n\n## 1.2.2\n\n- c\n"
        self.assertEqual(pack.notes(changelog, "1.2.3"), "- b\n")
        self.assertEqual(pack.notes(changelog, "1.2.2"), "- c\n")
        for missing in ("1.2.4", "1.2"):
            with self.assertRaises(ValueError):
                pack.notes(changelog, missing)

    def test_this_version_has_a_section_with_a_date(self):
        changelog = (pack.ROOT / "CHANGELOG.md").read_text()
        self.assertTrue(pack.notes(changelog, pack.version()))
        headings = re.findall(r"^## (.*)$", changelog, re.M)
        self.assertEqual(headings[0], "Unreleased")
        for heading in headings[1:]:
            self.assertRegex(heading, r"^\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d$")
        parts = set(re.findall(r"^### (.*)$", changelog, re.M))
        self.assertLessEqual(parts, {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"})


class Licences(unittest.TestCase):
    def test_each_text_is_there_once_with_all_that_are_under_it(self):
        with tempfile.TemporaryDirectory() as folder:
            crates = []
            for name, text in (("one", "same"), ("two", "same\r\n"), ("three", "other")):
                (Path(folder) / name).mkdir()
                (Path(folder) / name / "LICENSE").write_text(text)
                manifest = f"{folder}/{name}/Cargo.toml"
                crates.append({"name": name, "version": "1.0.0", "license": "MIT", "repository": None, "manifest_path": manifest})
            made = pack.licences(crates)
        self.assertIn("one 1.0.0\ntwo 1.0.0\n" + "-" * 80 + "\nsame\n", made)
        self.assertEqual(made.count("\nsame\n"), 1)
        self.assertIn("\nother\n", made)


if __name__ == "__main__":
    unittest.main()
