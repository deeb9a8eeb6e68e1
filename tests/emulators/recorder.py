"""Exchanges with AWS: what proxies before the emulators hand on and keep, and what the Rust tests record."""

import functools
import http.client
import http.server
import json
import os
import subprocess
import threading

from tests.emulators.machines import ROOT
from tests.emulators.wire import Exchange, Judge

# What the real binary sent to the emulators.
EXCHANGES = []
# The modules of Rust tests that talk to the stand-ins of AWS. In `function` it is the real binaries that do.
TESTS = ("function", "adapters", "ledger")


@functools.cache
def of_rust_tests():
    """Runs the tests. The actions that the function is made for, and the exchanges."""
    record = ROOT / "target/emulators/exchanges.jsonl"
    record.unlink(missing_ok=True)
    command = ["cargo", "test", "--quiet", "--locked", "--test=all", "--", *(f"{name}::" for name in TESTS)]
    variables = {**os.environ, "RECORDED_EXCHANGES": str(record)}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    actions, exchanges = set(), []
    for line in record.read_text().splitlines():
        if line.startswith('{"actions"'):
            actions.update(json.loads(line)["actions"])
        else:
            exchanges.append(Exchange.read(line))
    return actions, exchanges


@functools.cache
def judged():
    """Every exchange of this run with its verdict."""
    judge = Judge.with_documented_metrics()
    _, exchanges = of_rust_tests()
    return [(exchange, judge.judge(exchange)) for exchange in (*exchanges, *EXCHANGES)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        proxy = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", proxy.emulator, timeout=60)
        try:
            connection.request(self.command, self.path, body, {**headers, "host": f"127.0.0.1:{proxy.emulator}"})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        answered = {name.lower(): value for name, value in answer.getheaders()}
        EXCHANGES.append(Exchange(
            proxy.service, self.command, self.path, headers, body, answer.status, answered, content, by=proxy.by,
        ))
        try:
            self.send_response(answer.status)
            for name, value in answered.items():
                if name not in ("connection", "content-length", "date", "server", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            # Whoever asked has gone.
            self.close_connection = True

    do_DELETE = do_GET = do_POST = do_PUT = pass_on

    def log_message(self, *_):
        pass


def endpoints(by, port, services):
    """The variables that send each of `services` through a proxy of its own to the emulator `by` at `port`."""
    variables = {}
    for service in services:
        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        proxy.by, proxy.emulator, proxy.service = by, port, service
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        variables[f"AWS_ENDPOINT_URL_{service}"] = f"http://127.0.0.1:{proxy.server_port}"
    return variables
