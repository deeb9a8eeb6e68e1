"""A storm against real software: a queue, a table and a topic, and eight functions that are killed in the middle.

moto locks nothing, so it serves one call after the other here; its DynamoDB is then as atomic as the real one. It never
counts the confirmed subscriptions of a topic, so they are counted here. ministack is CloudWatch. Service Quotas has no emulator: what stands in for it keeps the one rule that matters, that a quota has
one open request.
"""

import collections
import datetime
import http.server
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest
import uuid

from tests.emulators.machines import (
    ACCOUNT,
    BOOTSTRAP,
    REGION,
    ROOT,
    client,
    create_table,
    free_port,
    is_open,
    sample,
    start,
    start_ministack,
    stop_all,
    wait_until,
)

EVENTS, INCIDENTS, PROCESSES, KILLS = 1200, 20, 8, 12
# Lambda ends a function after this long. What was received is visible again soon after.
SECONDS, HIDDEN = 20, 22
DEPTH = 100
ONE_BY_ONE = """
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sns.models import Topic
from werkzeug.serving import run_simple

def confirmed(topic):
    return len(topic.sns_backend.list_subscriptions_by_topic(topic_arn=topic.arn)[0])

Topic.subscriptions_confimed = property(confirmed, lambda topic, number: None)
run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=False)
"""
THROTTLED = {
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0": "L-F4DDD3EB",
    "us.amazon.nova-pro-v1:0": "L-C0326783",
}


def serve(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, body, headers=()):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        try:
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            # Whoever asked was killed.
            self.close_connection = True

    def log_message(self, *_):
        pass


def service_quotas():
    """Service Quotas with two quotas of 5,000,000, and the requests that were filed; and a CloudTrail with no events."""
    filed, lock = [], threading.Lock()

    class Handler(Quiet):
        def do_POST(self):
            asked, operation = json.loads(self.body()), self.headers["X-Amz-Target"].rsplit(".", 1)[-1]
            if operation == "LookupEvents":
                return self.answer(200, {"Events": []})
            if operation in ("ListServiceQuotas", "ListAWSDefaultServiceQuotas"):
                return self.answer(200, {"Quotas": []})
            code = asked["QuotaCode"]
            with lock:
                if operation == "RequestServiceQuotaIncrease":
                    if any(f["QuotaCode"] == code for f in filed):
                        return self.answer(400, {"__type": "ResourceAlreadyExistsException", "message": "one is open"})
                    request = {
                        "Id": uuid.uuid4().hex, "QuotaCode": code, "DesiredValue": asked["DesiredValue"],
                        "Status": "PENDING", "Created": time.time(),
                    }
                    filed.append(request)
                    return self.answer(200, {"RequestedQuota": request})
                if operation.startswith("ListRequested"):
                    return self.answer(200, {"RequestedQuotas": [f for f in filed if f["QuotaCode"] == code]})
            quota = {"QuotaCode": code, "QuotaName": code, "Value": 5e6, "Adjustable": True}
            return self.answer(200, {"Quota": quota})

    return serve(Handler), filed


class Environment:
    """One execution environment: a function, and the Runtime API that feeds it from the queue."""

    def __init__(self, storm):
        self.storm, self.lock = storm, threading.Lock()
        self.generation, self.received = 0, {}
        environment = self

        class RuntimeApi(Quiet):
            def do_GET(self):
                environment.next(self)

            def do_POST(self):
                *_, invocation, kind = self.path.split("/")
                environment.answered(invocation, kind, json.loads(self.body() or b"null"))
                self.answer(202, {"status": "OK"})

        self.server = serve(RuntimeApi)
        self.start()

    def start(self):
        self.generation += 1
        variables = {
            **os.environ,
            **self.storm.variables,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"2026/11/20/[$LATEST]{uuid.uuid4().hex}",
        }
        log = open(ROOT / "target/emulators/storm.log", "ab")
        self.process = subprocess.Popen([str(BOOTSTRAP)], env=variables, stdout=log, stderr=log)
        log.close()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        # Whatever it had comes again when the queue shows it again.
        self.received.clear()

    def next(self, request):
        generation = self.generation
        while not (messages := self.storm.receive()):
            if self.storm.is_over.is_set() or generation != self.generation:
                return
            time.sleep(0.5)
        invocation = str(uuid.uuid4())
        self.received[invocation] = messages
        records = [
            {"messageId": m["MessageId"], "eventSource": "aws:sqs", "body": m["Body"]} for m in messages
        ]
        headers = [
            ("Lambda-Runtime-Aws-Request-Id", invocation),
            ("Lambda-Runtime-Deadline-Ms", str(int((time.time() + SECONDS) * 1000))),
            ("Lambda-Runtime-Invoked-Function-Arn", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:remediator"),
        ]
        request.answer(200, {"Records": records}, headers)

    def answered(self, invocation, kind, answer):
        messages = self.received.pop(invocation, [])
        if kind == "response":
            failed = {f["itemIdentifier"] for f in answer["batchItemFailures"]}
            self.storm.delete([m for m in messages if m["MessageId"] not in failed])


class Storm(unittest.TestCase):
    def setUp(self):
        moto, queues, ministack = free_port(), free_port(), free_port()
        for name, port in (("moto-ledger", moto), ("moto-queue", queues)):
            start(name, [sys.executable, "-c", ONE_BY_ONE, str(port)], {})
        start_ministack(ministack)
        self.addCleanup(stop_all)
        for port in (moto, queues, ministack):
            wait_until(f"port {port} answers", lambda: is_open(port))
        self.dynamodb = create_table("storm", moto)
        self.sqs, sns, mail = client("sqs", queues), client("sns", moto), client("sqs", moto)
        hidden = {"VisibilityTimeout": str(HIDDEN)}
        self.queue = self.sqs.create_queue(QueueName="events", Attributes=hidden)["QueueUrl"]
        self.mail, self.people = mail, mail.create_queue(QueueName="people")["QueueUrl"]
        arn = mail.get_queue_attributes(QueueUrl=self.people, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = sns.create_topic(Name="people")["TopicArn"]
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
        quotas, self.filed = service_quotas()
        self.addCleanup(quotas.shutdown)
        self.measure(client("cloudwatch", ministack))
        url = "http://127.0.0.1:{}".format
        self.variables = {
            "AWS_LAMBDA_FUNCTION_NAME": "remediator",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/remediator",
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_DYNAMODB": url(moto),
            "AWS_ENDPOINT_URL_SNS": url(moto),
            "AWS_ENDPOINT_URL_CLOUDWATCH": url(ministack),
            "AWS_ENDPOINT_URL_BEDROCK": url(ministack),
            "AWS_ENDPOINT_URL_IAM": url(ministack),
            "AWS_ENDPOINT_URL_SERVICE_QUOTAS": url(quotas.server_port),
            "AWS_ENDPOINT_URL_CLOUDTRAIL": url(quotas.server_port),
            "TOPIC_ARN": topic,
            "TABLE_NAME": "storm",
            "REQUIRE_HISTORY_DAYS": "0",
        }
        self.is_over = threading.Event()
        self.delivered, self.gone, self.counting = collections.Counter(), 0, threading.Lock()

    @staticmethod
    def measure(cloudwatch):
        """The last minutes of both throttled models, near their quotas."""
        now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
        used = {"Invocations": 400, "InputTokenCount": 4.8e6}
        # Use that begins today could be anybody's: the two weeks before were as busy.
        before = [
            (now - datetime.timedelta(days=day, minutes=minutes), used) for day in range(1, 14) for minutes in range(0, 600, 5)
        ]
        last = [(now - datetime.timedelta(minutes=n), used | {"InvocationThrottles": 60}) for n in (2, 3, 4)]
        for model in THROTTLED:
            dimensions = [{"Name": "ModelId", "Value": model}]
            data = [
                {"MetricName": name, "Value": value, "Timestamp": at, "Dimensions": dimensions}
                for at, figures in last + before
                for name, value in figures.items()
            ]
            for begin in range(0, len(data), 500):
                cloudwatch.put_metric_data(Namespace="AWS/Bedrock", MetricData=data[begin : begin + 500])

    def receive(self):
        """A batch, as an event source mapping collects it."""
        batch = []
        while len(batch) < 100:
            some = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            batch += some
            if len(some) < 10:
                break
        with self.counting:
            self.delivered.update(incident_of(m["Body"]) for m in batch)
        return batch

    def delete(self, messages):
        for some in in_tens(messages):
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(some)]
            self.sqs.delete_message_batch(QueueUrl=self.queue, Entries=entries)
        with self.counting:
            self.gone += len(messages)

    def send(self, bodies):
        for some in in_tens(bodies):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(some)]
            self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)

    def waiting(self):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(value) for value in attributes.values())

    def incidents(self):
        pages = self.dynamodb.get_paginator("scan").paginate(TableName="storm")
        items = [item for page in pages for item in page["Items"]]
        return [item for item in items if item["pk"]["S"].startswith("INCIDENT#")]

    def is_quiet(self):
        states = [item["state"]["S"] for item in self.incidents()]
        told = [state for state in states if state in ("told", "watching")]
        return len(told) == INCIDENTS == len(states) and self.waiting() == 0

    def told(self):
        """The notice ids by incident, lines of digests among them, the kinds of the messages, and what was withheld."""
        ids, kinds, withheld = collections.defaultdict(list), [], []
        while messages := self.mail.receive_message(QueueUrl=self.people, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                notice = json.loads(message["Body"])
                kinds.append(notice["kind"])
                for one in notice.get("incidents", [notice]):
                    ids[one["incident_id"]].append(one["notice_id"])
                    withheld += one.get("withheld", [])
                self.mail.delete_message(QueueUrl=self.people, ReceiptHandle=message["ReceiptHandle"])
        return ids, kinds, withheld

    @staticmethod
    def kill_some(environments, chance):
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.1, 3))
            environment = chance.choice(environments)
            environment.kill()
            environment.start()

    def test_thousands_of_errors_to_functions_that_die_are_told_and_asked_for_once(self):
        chance = random.Random(6)
        events = [n % INCIDENTS for n in range(EVENTS)]
        chance.shuffle(events)
        environments = [Environment(self) for _ in range(PROCESSES)]
        self.addCleanup(lambda: [e.kill() for e in environments])
        self.addCleanup(self.is_over.set)
        # From the beginning, when most is told, and on.
        killer = threading.Thread(target=self.kill_some, args=(environments, chance))
        killer.start()
        for sent in range(0, EVENTS, 50):
            # moto looks at every message it has, each time.
            wait_until("messages are gone", lambda: sent - self.gone < DEPTH, 120)
            self.send([error(n) for n in events[sent : sent + 50]])
        killer.join()
        # What the dead had leased is due when their leases end.
        end = time.monotonic() + 180
        while not self.is_quiet():
            self.assertLess(time.monotonic(), end, "it does not come to rest")
            self.send([sample("tick")])
            time.sleep(3)
        ids, kinds, withheld = self.told()
        every = [one for of_it in ids.values() for one in of_it]
        repeats = len(every) - len(set(every))
        print(f"\n{KILLS} kills, {self.delivered.total()} deliveries, {repeats} repeats, told as {collections.Counter(kinds)}")
        self.assertEqual((len(ids), len(set(every))), (INCIDENTS, INCIDENTS))
        self.assertLessEqual(repeats, KILLS)
        codes = collections.Counter(f["QuotaCode"] for f in self.filed)
        self.assertEqual(set(codes.values()), {1}, "a request is filed once")
        # A function that dies between its note of the request and the call leaves it unknown whether AWS has the request.
        # For 20 minutes the others only look for it.
        unknown = {item["intent"]["M"]["code"]["S"] for item in self.incidents() if "intent" in item} - set(codes)
        self.assertEqual(sorted(set(codes) | unknown), sorted(THROTTLED.values()), withheld)
        for item in self.incidents():
            n, errors = which(item), int(item["errors"]["N"])
            self.assertTrue(EVENTS // INCIDENTS <= errors <= self.delivered[n], (n, errors, self.delivered[n]))
        self.assertEqual(self.waiting(), 0)


def in_tens(all):
    return [all[n : n + 10] for n in range(0, len(all), 10)]


def error(n):
    """An error of the nth incident, of now: two throttled models, and roles that lack a permission."""
    event = json.loads(sample("throttle-tokens" if n < len(THROTTLED) else "permission-identity-policy"))
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    event["id"], event["time"], event["detail"]["eventTime"] = str(uuid.uuid4()), now, now
    if n < len(THROTTLED):
        event["detail"]["requestParameters"]["modelId"] = list(THROTTLED)[n]
    else:
        role = event["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"]
        event = json.loads(json.dumps(event).replace(role, f"service-{n:02}"))
    return json.dumps(event)


def incident_of(body):
    """Which incident a message is of; `None` for a tick."""
    event = json.loads(body)
    if event["detail-type"] == "Scheduled Event":
        return None
    model = event["detail"]["requestParameters"]["modelId"]
    if model in THROTTLED:
        return list(THROTTLED).index(model)
    return int(event["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"].rsplit("-", 1)[1])


def which(item):
    """The same of an item of the table."""
    if "caller" in item:
        return int(item["caller"]["S"].rsplit("-", 1)[1])
    return list(THROTTLED).index(item["model"]["S"])


if __name__ == "__main__":
    unittest.main()
