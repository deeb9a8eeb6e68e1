#!/usr/bin/env python3
"""How much memory the largest deliveries need: `benches/memory.py PROGRAM`.

Writes payloads that are small on the way and large inside, has `PROGRAM explain --json` handle each, and prints the peak
of its resident memory beside the size of the payload. Ends with status 1 if one needs more than LIMIT MiB. Linux only.
"""

import base64
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time

LIMIT = 120
MIB = 1 << 20
TRACEBACK = """Traceback (most recent call last):
  File "/app/worker.py", line {line}, in handle
    answer = client.converse(modelId="us.anthropic.claude-sonnet-4-5-20250929-v1:0", messages=messages)
{frames}botocore.errorfactory.ThrottlingException: An error occurred (ThrottlingException) when calling the Converse \
operation (reached max retries: 4): Too many tokens, please wait before trying again."""
FRAME = '  File "/usr/lib/python3.13/site-packages/botocore/client.py", line {line}, in _make_api_call\n    raise error\n'
THROTTLE = "Bedrock ThrottlingException: Rate exceeded"


def traceback(number, frames=12):
    frames = "".join(FRAME.format(line=number + frame) for frame in range(frames))
    return TRACEBACK.format(line=number, frames=frames)


def packed(lines):
    events = [{"id": str(n), "timestamp": 1795184000000 + n, "message": line} for n, line in enumerate(lines)]
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": "/app/worker",
        "logStream": "one",
        "subscriptionFilters": ["errors"],
        "logEvents": events,
    }
    return base64.b64encode(gzip.compress(json.dumps(data).encode())).decode()


def kinesis(all_lines):
    record = lambda n, lines: {
        "eventID": f"shard:{n}",
        "eventSource": "aws:kinesis",
        "kinesis": {"sequenceNumber": str(n), "data": packed(lines)},
    }
    return json.dumps({"Records": [record(n, lines) for n, lines in enumerate(all_lines)]})


def fill(line, size):
    """So many of `line` that they are nearly `size` bytes of log data."""
    return [line] * (size // (len(json.dumps(line)) + 70))


def log(lines):
    return json.dumps({"awslogs": {"data": packed(lines)}})


PAYLOADS = {
    "5 Kinesis records of 31 MB": lambda: kinesis([fill(traceback(7), 31_000_000)] * 5),
    "100 Kinesis records of 200 tracebacks": lambda: kinesis(
        [[traceback(1000 * record + n) for n in range(200)] for record in range(100)]
    ),
    "200,000 short equal lines": lambda: log([THROTTLE] * 200_000),
    "250,000 lines, each of a model of its own": lambda: log(
        [f"bedrock ThrottlingException: Rate exceeded amazon.nova-lite-v1:{n}" for n in range(250_000)]
    ),
    "one line of 30 MB": lambda: log([traceback(7) + "x" * 30_000_000]),
    "1,000,000 records without anything": lambda: json.dumps({"Records": [{}] * 1_000_000}, separators=(",", ":")),
    "20,000 queue messages, cut short": lambda: json.dumps(
        {"Records": [{"messageId": f"m-{n}", "body": '{"detail-type": "' + "x" * 200} for n in range(20_000)]}
    ),
}


def write_apart(write, path):
    """Writes a payload in a process of its own: a child that is measured begins with the memory of its parent."""
    child = os.fork()
    if child == 0:
        with open(path, "w") as file:
            file.write(write())
        os._exit(0)
    os.waitpid(child, 0)


def peak_of(program, write):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file, tempfile.TemporaryFile("w+") as out:
        write_apart(write, file.name)
        size = os.path.getsize(file.name) // 1000
        began = time.monotonic()
        child = subprocess.Popen([program, "explain", "--json", file.name], stdout=out)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        took = time.monotonic() - began
        length = out.seek(0, os.SEEK_END)
        return size, usage.ru_maxrss / 1024, took, child.returncode, length / MIB


def main():
    program = sys.argv[1]
    too_much = False
    print("| delivery | payload, KB | peak memory, MiB | seconds | status | answer, MiB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, write in PAYLOADS.items():
        size, peak, took, status, answer = peak_of(program, write)
        too_much |= peak > LIMIT or status not in (0, 1)
        print(f"| {name} | {size:,} | {peak:.0f} | {took:.1f} | {status} | {answer:.1f} |", flush=True)
    sys.exit(too_much)


if __name__ == "__main__":
    main()
