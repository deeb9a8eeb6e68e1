"""The files of a release as their users use them: a folder that holds only these, and neither Rust nor SAM.

What the emulator cannot make is taken out of the template; `tests/emulators/stack.py` lists it.
"""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import time
import unittest
import urllib.request
import zipfile
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

from release import pack
from tests.emulators.machines import (
    ACCOUNT,
    REGION,
    ROOT,
    client,
    free_port,
    is_open,
    sample,
    start,
    start_ministack,
    stop,
    stop_all,
    wait_until,
)
from tests.emulators.stack import deployable
from tests.emulators.wire import SERVICES

RELEASE = pack.version()
# How a program of an architecture runs here.
RUNS = {"x86_64": [], "arm64": ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"]}
# The newest glibc whose functions a program may need.
GLIBC = (2, 28)
STACK = "bedrock-remediator"


def setUpModule():
    global FOLDER
    for tool in ("cargo", "rustc", "sam", "zig"):
        assert shutil.which(tool) is None, f"{tool} is on the path"
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    unittest.addModuleCleanup(stop_all)
    FOLDER = Path(folder.name)
    for path in Path(os.environ["RELEASE_FILES"]).iterdir():
        shutil.copy(path, FOLDER)


def timed(what, command, **options):
    """The standard output of `command`, run in the folder of the files."""
    begun = time.monotonic()
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    print(f"{what}: {time.monotonic() - begun:.2f} s", flush=True)
    return done.stdout


def commands_of_the_readme():
    """The commands with which the README deploys the files, as words."""
    readme = (ROOT / "README.md").read_text()
    [block] = [block for block in re.findall(r"```sh\n(.*?)```", readme, re.S) if "aws s3 cp" in block]
    lines = block.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines]


class Files(unittest.TestCase):
    def test_every_file_has_its_checksum_and_no_other_is_there(self):
        timed("checksums", ["sha256sum", "--check", "--strict", pack.SUMS])
        summed = {line.split()[1] for line in (FOLDER / pack.SUMS).read_text().splitlines()}
        self.assertEqual(summed, {path.name for path in FOLDER.iterdir()} - {pack.SUMS})
        expected = {"NOTES.md", "THIRD-PARTY.txt", "member.yaml", "template.yaml", f"{pack.NAME}-{RELEASE}.cdx.json"}
        for architecture, target in pack.TARGETS.items():
            expected |= {pack.code_key(RELEASE, architecture), pack.archive_name(RELEASE, target)}
        self.assertEqual(summed, expected)

    def test_no_path_of_the_building_machine_is_in_a_program(self):
        for architecture in pack.TARGETS:
            for program in (self.bootstrap(architecture), self.program(architecture)):
                for path in (str(ROOT), str(Path.home() / ".cargo"), "/rustup/"):
                    self.assertNotIn(path.encode(), program)

    def test_the_programs_need_no_newer_glibc(self):
        for architecture in pack.TARGETS:
            for program in (self.bootstrap(architecture), self.program(architecture)):
                needed = {tuple(map(int, v.split(b"."))) for v in re.findall(rb"GLIBC_(\d+\.\d+)", program)}
                self.assertTrue(needed)
                self.assertLessEqual(max(needed), GLIBC)

    def test_the_bill_names_what_the_lock_file_does(self):
        bill = json.loads((FOLDER / f"{pack.NAME}-{RELEASE}.cdx.json").read_text())
        names = {component["name"] for component in bill["components"]}
        licences = (FOLDER / "THIRD-PARTY.txt").read_text()
        for crate in ("aws-sdk-bedrock", "lambda_runtime", "rustls", "serde"):
            self.assertIn(crate, names)
            self.assertRegex(licences, rf"(?m)^{crate} [0-9.]+: ")

    @staticmethod
    def bootstrap(architecture):
        return zipfile.ZipFile(FOLDER / pack.code_key(RELEASE, architecture)).read("bootstrap")

    @staticmethod
    def program(architecture):
        name = pack.archive_name(RELEASE, pack.TARGETS[architecture])
        with tarfile.open(FOLDER / name) as archive:
            return archive.extractfile(f"{name.removesuffix('.tar.gz')}/{pack.NAME}").read()


class Program(unittest.TestCase):
    def test_it_explains_an_event_on_both_architectures(self):
        shutil.copy(ROOT / "events/throttle-tokens.json", FOLDER / "my-event.json")
        self.addCleanup((FOLDER / "my-event.json").unlink)
        for architecture, target in pack.TARGETS.items():
            with self.subTest(architecture), tempfile.TemporaryDirectory() as unpacked:
                archive = pack.archive_name(RELEASE, target)
                timed(f"unpack, {architecture}", ["tar", "-xzf", archive, "-C", unpacked])
                program = f"{unpacked}/{archive.removesuffix('.tar.gz')}/{pack.NAME}"
                run = [*RUNS[architecture], program]
                self.assertEqual(timed(f"--version, {architecture}", [*run, "--version"]), f"{pack.NAME} {RELEASE}\n")
                mail = timed(f"explain, {architecture}", [*run, "explain", "my-event.json"])
                self.assertIn("us.anthropic.claude-sonnet-4-5-20250929-v1:0 in us-east-1", mail)


class Cdk(unittest.TestCase):
    def test_the_example_makes_a_stack_of_the_files(self):
        with tempfile.TemporaryDirectory() as folder:
            app = Path(folder) / "cdk"
            shutil.copytree(ROOT / "examples/cdk", app, ignore=shutil.ignore_patterns("node_modules", "cdk.out"))
            subprocess.run(["npm", "ci", "--omit=dev", "--silent"], cwd=app, check=True)
            variables = {**os.environ, "RELEASE_FILES": str(FOLDER), "CDK_OUTDIR": f"{folder}/out"}
            timed("synthesis by the CDK", ["node", str(app / "app.js")], env=variables)
            made = json.loads((Path(folder) / "out/BedrockRemediator.template.json").read_text())
        given = set(made["Resources"]["Remediator"]["Properties"]["Parameters"])
        known = yaml_parse((FOLDER / "template.yaml").read_text())["Parameters"]
        self.assertLessEqual(given, set(known))
        self.assertGreaterEqual(given, {name for name, parameter in known.items() if "Default" not in parameter})


class Function(unittest.TestCase):
    """The zips under AWS's Runtime Interface Emulator."""

    def test_the_zip_boots_on_both_architectures(self):
        for architecture in pack.TARGETS:
            with self.subTest(architecture), tempfile.TemporaryDirectory() as unpacked:
                answer, seconds = self.invoked(architecture, Path(unpacked))
                self.assertEqual(answer, {"outcome": "ignored", "incidents": []})
                print(f"start and first answer, {architecture}: {seconds:.2f} s", flush=True)

    def invoked(self, architecture, folder):
        with zipfile.ZipFile(FOLDER / pack.code_key(RELEASE, architecture)) as archive:
            code = archive.read("bootstrap")
            mode = archive.getinfo("bootstrap").external_attr >> 16
        (folder / "code").write_bytes(code)
        (folder / "code").chmod(mode)
        # Lambda starts a file without arguments; what runs it here stands before it.
        start_of_code = folder / "bootstrap"
        start_of_code.write_text(f"#!/bin/sh\nexec {shlex.join([*RUNS[architecture], str(folder / 'code')])}\n")
        start_of_code.chmod(0o755)
        emulator = Path(importlib.util.find_spec("samcli").origin).parent / "local/rapid/aws-lambda-rie-x86_64"
        emulator.chmod(0o755)
        port, runtime = free_port(), free_port()
        addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
        addresses += ["--runtime-api-address", f"127.0.0.1:{runtime}"]
        variables = {
            "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "example", "AWS_REGION": REGION,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "60", "TABLE_NAME": "table", "TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:t",
        }
        begun = time.monotonic()
        process = start(f"function-{architecture}", [str(emulator), *addresses, str(start_of_code)], variables)
        self.addCleanup(stop, process)
        wait_until("the function's emulator answers", lambda: is_open(port))
        url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        request = urllib.request.Request(url, data=sample("ignored-success").encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer), time.monotonic() - begun


class Deployment(unittest.TestCase):
    def test_the_commands_of_the_readme_make_a_stack_whose_function_answers(self):
        port = free_port()
        start_ministack(port)
        wait_until("ministack answers", lambda: is_open(port))
        address = f"http://127.0.0.1:{port}"
        endpoints = {f"AWS_ENDPOINT_URL_{service}": address for service in SERVICES}
        template = FOLDER / "template.yaml"
        of_the_release = template.read_text()
        self.addCleanup(template.write_text, of_the_release)
        template.write_text(json.dumps(deployable(of_the_release, endpoints)))
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        client("s3", port).create_bucket(Bucket="my-bucket")
        variables = {
            "PATH": f"{ROOT / 'target/aws-cli/bin'}:/usr/bin:/bin", "HOME": home.name, "AWS_ENDPOINT_URL": address,
            "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "example",
        }
        commands = [[self.here(word) for word in command] for command in commands_of_the_readme()]
        self.assertEqual([command[:3] for command in commands], [["aws", "s3", "cp"], ["aws", "cloudformation", "deploy"]])
        # The emulator runs the code of this machine's architecture only.
        commands[1].append("Architecture=x86_64")
        for command in commands:
            timed(shlex.join(command[:3]), command, env=variables)
        [stack] = client("cloudformation", port).describe_stacks(StackName=STACK)["Stacks"]
        self.assertIn(stack["StackStatus"], ("CREATE_COMPLETE", "UPDATE_COMPLETE"))
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        function = client("lambda", port)
        answers = {}
        for name in ("ignored-success", "access-use-case-form"):
            answer = function.invoke(FunctionName=outputs["FunctionArn"], Payload=sample(name).encode())
            answers[name] = json.load(answer["Payload"])["outcome"]
        self.assertEqual(answers, {"ignored-success": "ignored", "access-use-case-form": "incident"})

    @staticmethod
    def here(word):
        return word.replace("MY-BUCKET", "my-bucket").replace("-lambda-arm64", "-lambda-x86_64")


if __name__ == "__main__":
    unittest.main()
