"""What the suites share: emulators on loopback, their clients, and the template's table."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import boto3
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).parents[2]
BOOTSTRAP = ROOT / "target/emulators/bootstrap"
PROGRAM = ROOT / "target/debug/bedrock-remediator"
ACCOUNT = "111122223333"
REGION = "us-east-1"
PROCESSES = []


def start_ministack(port):
    # Its own command listens on every interface, and so does its IoT broker.
    settings = {
        "GATEWAY_PORT": str(port),
        "MINISTACK_TEST_NO_AUTOSTART": "1",
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
    }
    start("ministack", [tool("hypercorn"), "-b", f"127.0.0.1:{port}", "ministack.app:app"], settings)


def stop_all():
    for process in PROCESSES:
        stop(process)
    PROCESSES.clear()


def tool(name):
    return str(pathlib.Path(sys.executable).parent / name)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(name, command, variables):
    log = open(ROOT / f"target/emulators/{name}.log", "wb")
    # A group of its own: an emulator's children end with it.
    process = subprocess.Popen(
        command, env={**os.environ, **variables}, stdout=log, stderr=log, start_new_session=True
    )
    log.close()
    PROCESSES.append(process)
    return process


def stop(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def wait_until(what, holds, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


def client(service, port, account=ACCOUNT):
    """A client of `account`: the emulators take a key id of twelve digits for the account."""
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=REGION,
        aws_access_key_id=account,
        aws_secret_access_key="example",
    )


def sample(name):
    return (ROOT / "events" / f"{name}.json").read_text()


def create_table(name, port):
    table = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]["Table"]["Properties"]
    keys = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    dynamodb = client("dynamodb", port)
    dynamodb.create_table(TableName=name, **{key: table[key] for key in keys})
    return dynamodb
