"""The function and its template against moto, ministack and AWS's Runtime Interface Emulator.

What each emulator cannot do is listed where it is left out.
"""

import datetime
import functools
import http.server
import importlib.util
import io
import json
import os
import subprocess
import threading
import time
import unittest
import urllib.parse
import urllib.request
from pathlib import Path
from typing import NamedTuple

import jsonschema
from samtranslator.yaml_helper import yaml_parse

from release import pack
from tests.emulators import recorder, wire
from tests.emulators.machines import (
    ACCOUNT,
    BOOTSTRAP,
    PROGRAM,
    REGION,
    ROOT,
    client,
    create_table,
    free_port,
    is_open,
    sample,
    start,
    start_ministack,
    stop,
    stop_all,
    tool,
    wait_until,
)
from tests.emulators.stack import BUS_POLICY, SKIPPED, deployable


ORGANIZATION = "o-a1b2c3d4e5"


def setUpModule():
    global MOTO, MINISTACK
    MOTO, MINISTACK = free_port(), free_port()
    start("moto", [tool("moto_server"), "-H", "127.0.0.1", "-p", str(MOTO)], {})
    start_ministack(MINISTACK)
    for port in (MOTO, MINISTACK):
        wait_until(f"port {port} answers", lambda: is_open(port))


def tearDownModule():
    stop_all()


class Ledger(unittest.TestCase):
    """The contract that the sandbox's ledger keeps, on moto's DynamoDB."""

    def test_keeps_the_contract(self):
        create_table("ledger", MOTO)
        test = "the_tables_ledger_keeps_the_contract_on_an_emulator"
        command = ["cargo", "test", "--quiet", "--locked", "--test", "all", "--", "--ignored", "--exact", f"ledger::{test}"]
        endpoint = {"DYNAMODB_ENDPOINT": f"http://127.0.0.1:{MOTO}"}
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **endpoint}, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 passed", done.stdout)


class Subscriber(http.server.BaseHTTPRequestHandler):
    """Somebody who subscribed by HTTP; keeps what is posted."""

    received = []

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.received.append(json.loads(self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Function(unittest.TestCase):
    """The real binary under AWS's Runtime Interface Emulator.

    moto is its table and topic, ministack its CloudWatch, CloudTrail, logs, IAM and Bedrock. Neither has Service Quotas for Bedrock: its
    calls fail, and the notice has to say so.
    """

    @classmethod
    def setUpClass(cls):
        cls.dynamodb = create_table("people", MOTO)
        sns, sqs = client("sns", MOTO), client("sqs", MOTO)
        topic = sns.create_topic(Name="people")["TopicArn"]
        cls.sqs = sqs
        cls.everything = cls.subscribe(sns, sqs, topic, "everything", {})
        cls.critical = cls.subscribe(sns, sqs, topic, "critical", {"severity": ["critical"]})
        subscriber = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Subscriber)
        threading.Thread(target=subscriber.serve_forever, daemon=True).start()
        cls.addClassCleanup(subscriber.server_close)
        cls.addClassCleanup(subscriber.shutdown)
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{subscriber.server_port}/")

        folder = Path(importlib.util.find_spec("samcli").origin).parent
        emulator = folder / "local/rapid/aws-lambda-rie-x86_64"
        emulator.chmod(0o755)
        cls.port, runtime = free_port(), free_port()
        # moto's CloudWatch does not speak CBOR, which is what the SDK speaks.
        services = ("BEDROCK", "CLOUDTRAIL", "CLOUDWATCH", "CLOUDWATCH_LOGS", "IAM", "SERVICE_QUOTAS")
        variables = {
            **recorder.endpoints("moto", MOTO, ("DYNAMODB", "SNS")),
            **recorder.endpoints("ministack", MINISTACK, services),
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_REGION": REGION,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
            "INVOCATION_LOG_GROUP": "/bedrock/invocations",
            "TOPIC_ARN": topic,
            "TABLE_NAME": "people",
        }
        addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{cls.port}"]
        addresses += ["--runtime-api-address", f"127.0.0.1:{runtime}"]
        process = start("function", [str(emulator), *addresses, str(BOOTSTRAP)], variables)
        cls.addClassCleanup(stop, process)
        wait_until("the function's emulator answers", lambda: is_open(cls.port))

    @staticmethod
    def subscribe(sns, sqs, topic, name, wanted):
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        attributes = {"RawMessageDelivery": "true"}
        if wanted:
            attributes["FilterPolicy"] = json.dumps(wanted)
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
        return url

    def invoke(self, payload):
        url = f"http://127.0.0.1:{self.port}/2015-03-31/functions/function/invocations"
        request = urllib.request.Request(url, data=payload.encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def told(self, url):
        """What waits in a queue, in the notice's machine form."""
        found = []
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def event(self, name):
        """A sample of now, in the account that the emulator makes up for the function."""
        event = json.loads(sample(name).replace(ACCOUNT, ACCOUNT_OF_RIE))
        now = datetime.datetime.now(datetime.timezone.utc)
        event["time"] = event["detail"]["eventTime"] = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        return event

    def test_a_missing_form_reaches_every_subscriber_in_its_form(self):
        Subscriber.received.clear()
        self.told(self.everything), self.told(self.critical)
        # A model that ministack knows.
        event = self.event("access-use-case-form")
        event["detail"]["requestParameters"]["modelId"] = "anthropic.claude-3-haiku-20240307-v1:0"
        event = json.dumps(event)
        answer = self.invoke(event)
        self.assertEqual(answer["outcome"], "incident")
        [notice] = self.told(self.everything)
        self.assertEqual((notice["version"], notice["cause"]), ("1", "use-case-form"))
        # ministack described the model.
        self.assertTrue(any("Bedrock reports for this model" in line for line in notice["because"]), notice["because"])
        self.assertEqual(self.told(self.critical), [notice], "critical passes the filter")
        posted = [p for p in Subscriber.received if p["Type"] == "Notification"]
        self.assertEqual(len(posted), 1)
        self.assertEqual(posted[0]["Subject"], f"[bedrock] {notice['title']}"[:99])
        # moto leaves the attributes out of what it posts; the filter above shows that it has them.
        self.assertIn("To do:", posted[0]["Message"])
        item = self.dynamodb.get_item(TableName="people", Key={"pk": {"S": f"INCIDENT#{notice['incident_id']}"}})
        self.assertEqual(item["Item"]["state"]["S"], "told")
        self.assertEqual(self.invoke(event)["outcome"], "incident")
        self.assertEqual(self.told(self.everything), [], "a duplicate tells nobody")

    def test_measured_throttles_without_service_quotas_withhold_and_say_why(self):
        self.told(self.everything), self.told(self.critical)
        event = self.event("throttle-tokens")
        now = datetime.datetime.now(datetime.timezone.utc)
        model = event["detail"]["requestParameters"]["modelId"]
        minute = now.replace(second=0, microsecond=0) - datetime.timedelta(minutes=2)
        dimensions = [{"Name": "ModelId", "Value": model}]

        def measured(at, **metrics):
            return [
                {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, "Value": value}
                for name, value in metrics.items()
            ]

        data = measured(minute, Invocations=400, InvocationThrottles=37, InputTokenCount=4e6)
        # Use that begins today could be anybody's: the two weeks before were as busy.
        for day in range(1, 14):
            for minutes in range(0, 600, 5):
                at = minute - datetime.timedelta(days=day, minutes=minutes)
                data += measured(at, Invocations=400, InputTokenCount=4e6)
        for begin in range(0, len(data), 500):
            client("cloudwatch", MINISTACK).put_metric_data(Namespace="AWS/Bedrock", MetricData=data[begin : begin + 500])
        self.invoke(json.dumps(event))
        [notice] = self.told(self.everything)
        measured = [line for line in notice["because"] if line.startswith("CloudWatch measured")]
        self.assertIn("400 requests and 4,000,000 tokens", measured[0])
        self.assertIn("37 throttled calls", measured[0])
        self.assertEqual([w["type"] for w in notice["withheld"]], ["no-evidence"])
        self.assertEqual(notice["actions"], [])
        self.assertEqual(self.told(self.critical), [], "a warning does not pass the filter")

    def test_iams_simulator_and_bedrocks_profile_say_what_is_missing(self):
        self.told(self.everything), self.told(self.critical)
        profile = "us.anthropic.claude-3-haiku-20240307-v1:0"
        bedrock, iam = client("bedrock", MINISTACK), client("iam", MINISTACK)
        routes = [m["modelArn"] for m in bedrock.get_inference_profile(inferenceProfileIdentifier=profile)["models"]]
        own = f"arn:aws:bedrock:{REGION}:{ACCOUNT_OF_RIE}:inference-profile/{profile}"
        allowed, lacking = [own, *routes[1:]], routes[0]
        trust = {"Version": "2012-10-17", "Statement": []}
        # ministack's simulator does not find a role that has a path.
        iam.create_role(RoleName="doc-search", AssumeRolePolicyDocument=json.dumps(trust))
        statement = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": allowed}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_role_policy(RoleName="doc-search", PolicyName="call", PolicyDocument=json.dumps(policy))

        event = self.event("permission-one-region-missing")
        session = f"arn:aws:sts::{ACCOUNT_OF_RIE}:assumed-role/doc-search/i-0"
        detail = event["detail"]
        detail["userIdentity"]["arn"] = session
        detail["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = f"arn:aws:iam::{ACCOUNT_OF_RIE}:role/services/doc-search"
        detail["requestParameters"]["modelId"] = profile
        detail["errorMessage"] = f"User: {session} is not authorized to perform: bedrock:InvokeModel on resource: {lacking}"
        self.invoke(json.dumps(event))
        [notice] = self.told(self.everything)
        [said] = [line for line in notice["because"] if "policy simulator" in line]
        self.assertIn(f"`{lacking}` is allowed by no policy", said)
        [reminder] = notice["actions"]
        self.assertEqual(json.loads(reminder["commands"][0])["Resource"], [lacking])

    def test_what_is_behind_an_alarm_is_looked_for(self):
        self.told(self.everything), self.told(self.critical)
        client("logs", MINISTACK).create_log_group(logGroupName="/bedrock/invocations")
        alarm = json.loads(sample("alarm-log-search").replace(ACCOUNT, ACCOUNT_OF_RIE))
        now = datetime.datetime.now(datetime.timezone.utc)
        alarm["detail"]["state"]["timestamp"] = now.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        self.invoke(json.dumps(alarm))
        [notice] = self.told(self.everything)
        # CloudTrail answers, and shows nothing; the search through logs has begun.
        because = " ".join(notice["because"])
        self.assertIn("CloudTrail's event history shows no failed call", because)
        self.assertIn("A search through the model-invocation log has begun", because)

    def test_a_batch_names_what_has_to_come_again(self):
        bodies = {"good": sample("permission-identity-policy"), "bad": "{", "dull": sample("ignored-success")}
        records = [{"messageId": k, "eventSource": "aws:sqs", "body": v} for k, v in bodies.items()]
        answer = self.invoke(json.dumps({"Records": records}))
        self.assertEqual(answer, {"batchItemFailures": [{"itemIdentifier": "bad"}]})

    def test_a_direct_delivery_that_fails_is_an_error(self):
        answer = self.invoke(sample("malformed-not-compressed"))
        self.assertEqual(answer["errorType"], "MalformedDelivery")


# The Runtime Interface Emulator makes up the function's ARN.
ACCOUNT_OF_RIE = "012345678912"


class Schema(unittest.TestCase):
    """The JSON Schema of notices against every notice of the samples."""

    @classmethod
    def setUpClass(cls):
        command = [PROGRAM, "explain", "--print-notice-schema"]
        cls.schema = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        jsonschema.Draft202012Validator.check_schema(cls.schema)
        cls.validator = jsonschema.Draft202012Validator(cls.schema)
        events = [path for path in sorted((ROOT / "events").glob("*.json")) if not path.name.endswith(".world.json")]
        done = subprocess.run([PROGRAM, "explain", "--json", *events], cwd=ROOT, capture_output=True, text=True)
        explained = [json.loads(line) for line in done.stdout.splitlines()]
        incidents = [incident for one in explained for incident in one.get("incidents") or ()]
        cls.notices = [incident["notice"] for incident in incidents if incident.get("notice")]

    def test_every_notice_fits_and_has_only_members_that_are_described(self):
        self.assertGreater(len(self.notices), 80)
        for notice in self.notices:
            self.validator.validate(notice)
            self.assertLessEqual(set(notice), set(self.schema["properties"]))
        kinds = {action["type"] for notice in self.notices for action in notice["actions"]}
        self.assertEqual(kinds, {"request-increase", "prepare-support-case", "remind-access"})

    def test_a_notice_of_another_form_is_refused(self):
        notice = self.notices[0]
        for spoiled in (
            {**notice, "severity": "urgent"},
            {**notice, "counts": 7},
            {**notice, "actions": [{"type": "shout"}]},
            {key: value for key, value in notice.items() if key != "title"},
        ):
            self.assertFalse(self.validator.is_valid(spoiled))


class Rules(unittest.TestCase):
    """Which sample each rule of the template lets through, by ministack's TestEventPattern."""

    PASSES = {
        "InferenceErrorsRule": {
            "access-*", "capacity-*", "limit-*", "mantle-access-denied", "mantle-throttled", "model-id-*", "permission-*",
            "request-*", "throttle-*", "unknown-error",
        },
        "YourAlarmsRule": {
            "alarm-all-models", "alarm-busy-account", "alarm-composite", "alarm-composite-children", "alarm-log-search",
            "alarm-math", "alarm-three-causes", "alarm-throttles",
        },
        "AlarmContributorsRule": {"alarm-agent-core", "alarm-mantle", "alarm-own-models"},
        "QuotaNewsRule": {"quota-request-closed"},
        "SupportNewsRule": {"support-case"},
        "HealthRule": {"health-issue", "health-model-ends", "health-quota"},
        "JobsRule": {"job-customization-failed", "job-data-automation-failed", "job-expired", "job-failed"},
    }

    @classmethod
    def setUpClass(cls):
        cls.events = client("events", MINISTACK)
        cls.rules = {
            name: resource["Properties"]
            for name, resource in yaml_parse((ROOT / "template.yaml").read_text())["Resources"].items()
            # The rule on an organization's bus is compared with the members' rules by the tests of the template.
            if resource["Type"] == "AWS::Events::Rule" and "EventBusName" not in resource["Properties"]
        }

    def passes(self, rule, event, stack="remediator"):
        pattern = json.dumps(self.resolved(self.rules[rule]["EventPattern"], stack))
        return self.events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]

    def resolved(self, value, stack):
        """The pattern as deployed: parameters at their defaults, in a stack of that name."""
        if isinstance(value, list):
            return [self.resolved(v, stack) for v in value]
        if not isinstance(value, dict):
            return value
        if "Ref" in value:
            return {"AlarmNamePrefix": "bedrock-"}[value["Ref"]]
        if "Fn::Sub" in value:
            names = {"Partition": "aws", "Region": REGION, "AccountId": ACCOUNT, "StackName": stack}
            text = value["Fn::Sub"]
            for name, known in names.items():
                text = text.replace("${AWS::" + name + "}", known)
            return text
        return {k: self.resolved(v, stack) for k, v in value.items()}

    def events_by_name(self):
        for path in sorted((ROOT / "events").glob("*.json")):
            if path.name.endswith(".world.json"):
                continue
            try:
                event = json.loads(path.read_text())
            except ValueError:
                continue
            if isinstance(event, dict) and "detail-type" in event:
                yield path.stem, event

    def test_each_rule_lets_through_what_it_is_for_and_nothing_else(self):
        self.assertEqual(set(self.rules), set(self.PASSES) | {"TickRule", "LaterTickRule"})
        for rule, names in self.PASSES.items():
            passed = {name for name, event in self.events_by_name() if self.passes(rule, event)}
            wanted = {name for name, _ in self.events_by_name() if any(fits(name, glob) for glob in names)}
            self.assertEqual(passed, wanted, rule)

    def test_successes_never_arrive(self):
        success = json.loads(sample("ignored-success"))
        self.assertFalse(any(self.passes(rule, success) for rule in self.PASSES))

    def test_contributors_of_this_stacks_alarms_pass_and_what_the_alarm_says_as_a_whole_does_not(self):
        contributor = json.loads(sample("alarm-contributor"))
        parent = json.loads(sample("alarm-all-models"))
        parent["region"] = REGION
        for event in (contributor, parent):
            event["detail"]["alarmName"] = "bedrock-remediator-models-throttles"
            event["resources"] = [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:bedrock-remediator-models-throttles"]
        stack = "bedrock-remediator"
        self.assertTrue(self.passes("AlarmContributorsRule", contributor, stack))
        # The stack's name begins with the prefix of your alarms, and still its own alarms are left out.
        self.assertFalse(any(self.passes(rule, parent, stack) for rule in self.PASSES))
        recovered = {**contributor, "detail": {**contributor["detail"], "state": {"value": "OK"}}}
        self.assertFalse(any(self.passes(rule, recovered, stack) for rule in self.PASSES))


def fits(name, glob):
    return name.startswith(glob[:-1]) if glob.endswith("*") else name == glob


def stack_of(account, name, **template):
    """The stack, once it is made."""
    cloudformation = client("cloudformation", MINISTACK, account)
    cloudformation.create_stack(StackName=name, **template)

    def done():
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return stack if not stack["StackStatus"].endswith("IN_PROGRESS") else None

    stack = wait_until(f"the stack {name} is there", done, 60)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    kinds = {
        r["LogicalResourceId"]: r["ResourceType"]
        for r in cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]
    }
    return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}, kinds


def parameters(**values):
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


STACK = "remediator"


class Hub(NamedTuple):
    """What the deployed stack consists of."""

    outputs: dict
    # The type of each resource, by its name in the template.
    kinds: dict
    # The variables that send each service through a recording proxy.
    endpoints: dict


@functools.cache
def hub():
    """Deploys a copy of the release's template in ministack, as the hub of an organization."""
    endpoints = recorder.endpoints("ministack", MINISTACK, wire.SERVICES)
    template = deployable(pack.packaged((ROOT / "template.yaml").read_text(), pack.version()), endpoints)
    packed = io.BytesIO()
    pack.write_zip(packed, BOOTSTRAP.read_bytes())
    s3 = client("s3", MINISTACK)
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key=pack.code_key(pack.version(), "x86_64"), Body=packed.getvalue())
    # A template in a request is at most 51,200 bytes; `sam deploy` puts it into a bucket as well.
    s3.put_object(Bucket="code", Key="template.json", Body=json.dumps(template).encode())
    outputs, kinds = stack_of(
        ACCOUNT, STACK,
        TemplateURL="https://s3.amazonaws.com/code/template.json",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=parameters(Architecture="x86_64", CodeBucket="code", OrganizationId=ORGANIZATION),
    )
    return Hub(outputs, kinds, endpoints)


def items():
    """The incidents in the hub's ledger."""
    items = client("dynamodb", MINISTACK).scan(TableName=hub().outputs["TableName"])["Items"]
    return [item for item in items if item["pk"]["S"].startswith("INCIDENT#")]


def incidents():
    return {item["pk"]["S"]: item["state"]["S"] for item in items()}


class Deployed(unittest.TestCase):
    """The deployed stack, whose function is the real binary behind a real queue."""

    @classmethod
    def setUpClass(cls):
        cls.outputs, cls.kinds, cls.endpoints = hub()

    def test_everything_else_of_the_template_is_made(self):
        template = yaml_parse((ROOT / "template.yaml").read_text())
        is_made = lambda resource: resource.get("Condition", "HasOrganization") == "HasOrganization"
        expected = {name for name, resource in template["Resources"].items() if is_made(resource)}
        self.assertEqual(expected - set(self.kinds) - SKIPPED, {BUS_POLICY})

    def doctor(self):
        variables = {
            **self.endpoints, "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "example",
        }
        function = client("lambda", MINISTACK).get_function_configuration(FunctionName=self.outputs["FunctionArn"])
        command = [
            PROGRAM, "doctor", "--json", "--stack", STACK, "--role", function["Role"],
            "--table", self.outputs["TableName"], "--topic", self.outputs["PeopleTopicArn"],
        ]
        done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        return {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    def test_the_doctor_finds_what_is_missing(self):
        checks = self.doctor()
        findings = {name: check["finding"] for name, check in checks.items()}
        self.assertEqual(findings, {
            "rules": "good", "role": "good", "metrics": "good", "ledger": "good", "invocation log": "optional",
            "trail": "missing", "alarms": "missing", "subscriptions": "missing",
            # It has no Service Quotas.
            "quotas": "unknown", "catalogue": "unknown",
        })
        self.assertEqual(checks["alarms"]["seen"].count("is missing"), 3, "those that it cannot make")
        events = client("events", MINISTACK)
        [rule] = [r["Name"] for r in events.list_rules(NamePrefix=STACK)["Rules"] if "HealthRule" in r["Name"]]
        events.disable_rule(Name=rule)
        ill = self.doctor()["rules"]
        self.assertEqual((ill["finding"], ill["seen"]), ("missing", "HealthRule is disabled"))
        self.assertEqual(ill["mend"], f"aws events enable-rule --name {rule} --region {REGION}")
        events.enable_rule(Name=rule)
        self.assertEqual(self.doctor()["rules"]["finding"], "good")

    def test_five_events_come_through(self):
        function = client("lambda", MINISTACK)
        answers = {}
        for name in ("access-use-case-form", "ignored-success", "malformed-not-compressed", "tick", "throttle-tokens"):
            answer = function.invoke(FunctionName=self.outputs["FunctionArn"], Payload=sample(name).encode())
            answers[name] = (answer.get("FunctionError"), json.load(answer["Payload"]))
        self.assertEqual(answers["access-use-case-form"][1]["outcome"], "incident")
        self.assertEqual(answers["ignored-success"], (None, {"outcome": "ignored", "incidents": []}))
        self.assertEqual(answers["tick"][0], None)
        self.assertEqual(answers["malformed-not-compressed"][0], "Unhandled")
        [throttled] = answers["throttle-tokens"][1]["incidents"]
        self.assertEqual(incidents()[f"INCIDENT#{throttled}"], "told")

    def test_what_waits_in_the_queue_is_handled_and_the_bad_stays(self):
        sqs = client("sqs", MINISTACK)
        url = self.outputs["EventQueueUrl"]
        before = set(incidents())
        sqs.send_message(QueueUrl=url, MessageBody=sample("permission-explicit-deny"))
        sqs.send_message(QueueUrl=url, MessageBody="{")
        wait_until("the incident is in the ledger", lambda: set(incidents()) - before)
        hidden = lambda: sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessages"]
        )["Attributes"]
        wait_until("only the bad message is left", lambda: sum(int(v) for v in hidden().values()) == 1)


class Members(unittest.TestCase):
    """Copies of the member's template in two accounts, whose hub is the deployed stack.

    Left out, because ministack
    - has no alarms over Metrics Insights queries;
    - sends nothing for a rule that is enabled for read events as well: the copy's is merely enabled;
    - takes a condition on `AWS::Region` for false: the role is made without its condition;
    - lets nobody send events whose source begins with `aws.`, as AWS does, and has no such sender itself: the copies' rules
      match `example.` in its place;
    - delivers no event to another account's bus: a queue in the member's account takes what the rule lets through, and the
      test hands it on;
    - does not check who may assume a role.
    """

    ACCOUNTS = ("444455556666", "777788889999")

    @classmethod
    def setUpClass(cls):
        cls.outputs = hub().outputs
        template = yaml_parse((ROOT / "member.yaml").read_text())
        resources = template["Resources"]
        for name in SKIPPED:
            del resources[name]
        resources["InferenceErrorsRule"]["Properties"]["State"] = "ENABLED"
        for resource in resources.values():
            if resource.get("Condition") == "MakesRole":
                del resource["Condition"]
        of_hub = {"HubBusArn": cls.outputs["MembersBusArn"], "HubRoleArn": cls.outputs["FunctionRoleArn"]}
        cls.members = {
            account: stack_of(
                account, "member",
                TemplateBody=json.dumps(template).replace('"aws.', '"example.'),
                Capabilities=["CAPABILITY_NAMED_IAM"],
                Parameters=parameters(**of_hub, OrganizationId=ORGANIZATION, RoleRegion=REGION),
            )
            for account in cls.ACCOUNTS
        }
        cls.let_through = {account: cls.listen(account) for account in cls.ACCOUNTS}

    @classmethod
    def listen(cls, account):
        """A queue behind the member's rule on failed calls."""
        sqs, events = client("sqs", MINISTACK, account), client("events", MINISTACK, account)
        url = sqs.create_queue(QueueName="let-through")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        [rule] = [r["Name"] for r in events.list_rules(NamePrefix="member-InferenceErrors")["Rules"]]
        [target] = events.list_targets_by_rule(Rule=rule)["Targets"]
        assert target["Arn"] == cls.outputs["MembersBusArn"], target
        events.put_targets(Rule=rule, Targets=[{"Id": "listener", "Arn": arn}])
        return url

    def sent_by(self, account, detail):
        """What `account`'s rule on failed calls lets through of an event with `detail`."""
        event = json.loads(sample("throttle-tokens"))
        sqs = client("sqs", MINISTACK, account)
        put = client("events", MINISTACK, account).put_events(Entries=[
            {"Source": "example.bedrock", "DetailType": event["detail-type"], "Detail": json.dumps(detail)},
        ])
        self.assertEqual(put["FailedEntryCount"], 0)
        received = lambda: sqs.receive_message(QueueUrl=self.let_through[account]).get("Messages")
        [message] = wait_until("the rule lets it through", received)
        sqs.delete_message(QueueUrl=self.let_through[account], ReceiptHandle=message["ReceiptHandle"])
        sent = json.loads(message["Body"])
        self.assertEqual((sent["account"], sent["region"]), (account, REGION))
        return json.dumps({**sent, "source": sent["source"].replace("example.", "aws.")})

    def detail(self, account):
        detail = json.loads(sample("throttle-tokens").replace(ACCOUNT, account))["detail"]
        detail["eventTime"] = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return detail

    def test_everything_else_of_the_members_template_is_made_in_each_account(self):
        template = yaml_parse((ROOT / "member.yaml").read_text())
        optional = {k for k, r in template["Resources"].items() if "Condition" in r}
        for account, (_, kinds) in self.members.items():
            missing = set(template["Resources"]) - set(kinds) - SKIPPED - optional
            self.assertEqual((account, missing), (account, set()))
            self.assertIn("MemberRole", kinds)

    def test_a_members_event_is_an_incident_of_that_account_read_with_its_role(self):
        queue = self.outputs["EventQueueUrl"]
        for account in self.ACCOUNTS:
            role = urllib.parse.quote_plus(f"arn:aws:iam::{account}:role/bedrock-remediator-member").encode()
            assumed = lambda: [e for e in recorder.EXCHANGES if e.service == "STS" and role in e.body]
            known = {item["pk"]["S"] for item in items()}
            client("sqs", MINISTACK).send_message(QueueUrl=queue, MessageBody=self.sent_by(account, self.detail(account)))
            new = lambda: [i for i in items() if i["pk"]["S"] not in known and i["state"]["S"] == "told"]
            [item] = wait_until("the incident is in the ledger", new)
            self.assertIn(account, json.dumps(item))
            [other] = set(self.ACCOUNTS) - {account}
            self.assertNotIn(other, json.dumps(item))
            self.assertEqual(len(assumed()), 1, "one session serves the account")

    def test_a_detail_that_names_another_account_opens_nothing(self):
        sender, named = self.ACCOUNTS
        forged = self.sent_by(sender, self.detail(named))
        answer = client("lambda", MINISTACK).invoke(FunctionName=self.outputs["FunctionArn"], Payload=forged.encode())
        self.assertEqual(json.load(answer["Payload"]), {"outcome": "ignored", "incidents": []})

    def test_two_hundred_accounts_at_once_have_an_incident_each(self):
        accounts = [f"{100000000000 + n}" for n in range(200)]
        sqs, queue = client("sqs", MINISTACK), self.outputs["EventQueueUrl"]
        event = sample("access-form-not-submitted")
        bodies = [{"Id": account, "MessageBody": event.replace(ACCOUNT, account)} for account in accounts]
        started = time.monotonic()
        for n in range(0, len(bodies), 10):
            sent = sqs.send_message_batch(QueueUrl=queue, Entries=bodies[n:n + 10])
            self.assertEqual(len(sent["Successful"]), 10)
        of = lambda: [i["account"]["S"] for i in items() if i.get("account", {}).get("S") in accounts]
        wait_until("each account has an incident", lambda: len(set(of())) == len(accounts), 120)
        print(f"{len(accounts)} accounts in {time.monotonic() - started:.0f} s")
        self.assertEqual(sorted(of()), accounts, "one each")
        sessions = [e for e in recorder.EXCHANGES if e.service == "STS"]
        entered = {account for account in accounts for e in sessions if account.encode() in e.body}
        self.assertEqual(entered, set(accounts), "each by its own role")

    def test_nobody_sends_events_in_awss_name(self):
        put = client("events", MINISTACK, self.ACCOUNTS[0]).put_events(Entries=[
            {"Source": "aws.bedrock", "DetailType": "AWS API Call via CloudTrail", "Detail": "{}"},
        ])
        self.assertEqual(put["FailedEntryCount"], 1)


if __name__ == "__main__":
    unittest.main()
