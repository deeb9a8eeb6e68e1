#!/usr/bin/env python3
"""What a release contains beside the compiled programs: the same input gives the same bytes.

`build` beside this calls it. It needs nothing but Python.
"""

import argparse
import gzip
import hashlib
import io
import json
import re
import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAME = "bedrock-remediator"
# The architecture as AWS Lambda names it, and the target as Rust does.
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
SUMS = "SHA256SUMS"
# ZIP knows no time before this one, and no time zone.
EPOCH = (1980, 1, 1, 0, 0, 0)


def version():
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]


def code_key(release, architecture):
    """The name of the function's zip, which is also its key in the bucket if nobody chooses another."""
    return f"{NAME}-{release}-lambda-{architecture}.zip"


def archive_name(release, target):
    return f"{NAME}-{release}-{target}.tar.gz"


# What CloudFormation needs to deploy the function without a compiler: a text of template.yaml, and what stands there
# in the release.
CHANGES = (
    (
        "missing\n  access step, and tells people until it is over.\n",
        "missing\n  access step, and tells people until it is over. Version {release}.\n",
    ),
    (
        "    ParameterGroups:\n",
        "    ParameterGroups:\n"
        "      - Label: {{ default: Its code }}\n"
        "        Parameters: [CodeBucket, CodeKey]\n",
    ),
    (
        "\nParameters:\n",
        "\nParameters:\n"
        "  CodeBucket:\n"
        "    Type: String\n"
        '    AllowedPattern: "[a-z0-9.-]{{3,63}}"\n'
        "    Description: The bucket of this Region that has the function's zip.\n"
        "  CodeKey:\n"
        "    Type: String\n"
        '    Default: ""\n'
        "    Description: The key of the zip in the bucket; empty for the zip's own name in this release.\n",
    ),
    (
        '    Description: "`sam build` and `sam deploy` need the same value: give it to both."\n',
        "    Description: The processors that run the function. A zip that CodeKey names has to be of the same architecture.\n",
    ),
    (
        "\nConditions:\n",
        '\nConditions:\n  HasCodeKey: !Not [!Equals [!Ref CodeKey, ""]]\n',
    ),
    (
        "    Metadata:\n      BuildMethod: rust-cargolambda\n      BuildProperties:\n        Binary: bootstrap\n",
        "",
    ),
    (
        "      CodeUri: .\n",
        "      CodeUri:\n"
        "        Bucket: !Ref CodeBucket\n"
        '        Key: !If [HasCodeKey, !Ref CodeKey, !Sub "{key}"]\n',
    ),
)


def packaged(template, release):
    """The template of a release: that of the repository, with the function's code in a bucket."""
    key = code_key(release, "${Architecture}")
    for old, new in CHANGES:
        found = template.count(old)
        if found != 1:
            raise ValueError(f"the template has {old!r} {found} times, and once is expected")
        template = template.replace(old, new.format(release=release, key=key))
    return template


def notes(changelog, release):
    """What the changelog says about a release."""
    heading = re.compile(rf"^## \[?{re.escape(release)}\]?( .*)?$\n", re.M)
    start = heading.search(changelog)
    if not start:
        raise ValueError(f"the changelog has no section about {release}")
    section = re.split(r"^## |^\[.+\]: ", changelog[start.end():], maxsplit=1, flags=re.M)[0].strip()
    if not section:
        raise ValueError(f"the changelog says nothing about {release}")
    return section + "\n"


def write_zip(path, bootstrap):
    entry = zipfile.ZipInfo("bootstrap", EPOCH)
    # Lambda runs what is executable for everybody.
    entry.external_attr = 0o100755 << 16
    entry.create_system = 3
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, bootstrap, zipfile.ZIP_DEFLATED, 9)


def write_archive(path, files):
    """A `.tar.gz` with one folder; `files` has the content and the mode by name."""
    folder = path.name.removesuffix(".tar.gz")
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, (content, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    path.write_bytes(gzip.compress(tar.getvalue(), 9, mtime=0))


def pack_programs(out, built, architecture):
    """The function's zip and the program's archive, of what cargo has built in `built`."""
    release = version()
    write_zip(out / code_key(release, architecture), (built / "bootstrap").read_bytes())
    papers = ("LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md")
    files = {name: ((ROOT / name).read_bytes(), 0o644) for name in papers}
    files["THIRD-PARTY.txt"] = ((out / "THIRD-PARTY.txt").read_bytes(), 0o644)
    files[NAME] = ((built / NAME).read_bytes(), 0o755)
    write_archive(out / archive_name(release, TARGETS[architecture]), files)


def pack_templates(out):
    release = version()
    (out / "template.yaml").write_text(packaged((ROOT / "template.yaml").read_text(), release))
    (out / "member.yaml").write_bytes((ROOT / "member.yaml").read_bytes())


def pack_bill(out, written):
    """The bill of materials without what differs from build to build: its number, the time, and the folder."""
    bill = json.loads(written.read_text().replace(ROOT.as_uri(), f"file:///{NAME}"))
    bill.pop("serialNumber", None)
    bill["metadata"].pop("timestamp", None)
    (out / f"{NAME}-{version()}.cdx.json").write_text(json.dumps(bill, indent=1) + "\n")


def contained():
    """The crates that are in the programs, from cargo: neither tests nor what only a build runs."""
    command = ["cargo", "metadata", "--locked", "--format-version=1", "--all-features"]
    command += [f"--filter-platform={target}" for target in TARGETS.values()]
    found = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    runs_in_the_compiler = {
        id for id, package in packages.items() if any("proc-macro" in target["kind"] for target in package["targets"])
    }
    root = found["resolve"]["root"]
    seen, left = {root}, [root]
    while left:
        for dependency in nodes[left.pop()]["deps"]:
            id = dependency["pkg"]
            is_linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if is_linked and id not in seen and id not in runs_in_the_compiler:
                seen.add(id)
                left.append(id)
    return sorted((packages[id] for id in seen - {root}), key=lambda package: (package["name"], package["version"]))


LICENCE_FILE = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.I)


def licences(crates):
    """A list of the crates, and the text of every licence file of theirs, once."""
    lines = ["What the programs of this release contain, and its licences.", ""]
    texts = {}
    for crate in crates:
        name = f"{crate['name']} {crate['version']}"
        lines.append(f"{name}: {crate['license']}, {crate['repository'] or 'no repository named'}")
        folder = Path(crate["manifest_path"]).parent
        for path in sorted(path for path in folder.iterdir() if LICENCE_FILE.match(path.name) and path.is_file()):
            text = path.read_text(errors="replace").replace("\r\n", "\n").strip()
            texts.setdefault(text, []).append(name)
    for text, names in texts.items():
        lines += ["", "=" * 80, *names, "-" * 80, text]
    # A crate without a file of its own is under one of these texts, by what it declares.
    for path in ("LICENSE-APACHE", "LICENSE-MIT"):
        lines += ["", "=" * 80, (ROOT / path).read_text().strip()]
    return "\n".join(lines) + "\n"


def pack_licences(out):
    (out / "THIRD-PARTY.txt").write_text(licences(contained()))


def pack_sums(out):
    files = sorted(path for path in out.iterdir() if path.name != SUMS)
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (out / SUMS).write_text("".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    steps = parser.add_subparsers(required=True, dest="step")
    steps.add_parser("version", help="prints the version of Cargo.toml")
    steps.add_parser("notes", help="prints what the changelog says about this version")
    for step in ("templates", "licences", "sums"):
        steps.add_parser(step).add_argument("out", type=Path)
    programs = steps.add_parser("programs")
    programs.add_argument("out", type=Path)
    programs.add_argument("built", type=Path)
    programs.add_argument("architecture", choices=TARGETS)
    bill = steps.add_parser("bill")
    bill.add_argument("out", type=Path)
    bill.add_argument("written", type=Path)
    asked = parser.parse_args()
    match asked.step:
        case "version":
            print(version())
        case "notes":
            print(notes((ROOT / "CHANGELOG.md").read_text(), version()), end="")
        case "templates":
            pack_templates(asked.out)
        case "licences":
            pack_licences(asked.out)
        case "programs":
            pack_programs(asked.out, asked.built, asked.architecture)
        case "bill":
            pack_bill(asked.out, asked.written)
        case "sums":
            pack_sums(asked.out)


if __name__ == "__main__":
    main()
