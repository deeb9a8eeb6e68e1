"""The judge of exchanges with AWS bites: a fault that is planted in a good exchange is found, and by its check."""

import functools
import json
import re
import unittest
import urllib.parse

import cbor2

from tests.emulators import recorder
from tests.emulators.wire import Exchange, Judge

# Operations of which a good exchange is taken to plant a fault in.
FILED = "servicequotas:RequestServiceQuotaIncrease"
MEASURED = "cloudwatch:GetMetricData"
SIMULATED = "iam:SimulatePrincipalPolicy"
PUBLISHED = "sns:Publish"
AVAILABLE = "bedrock:GetFoundationModelAvailability"
OFFERED = "bedrock:ListFoundationModels"
SEARCHED = "logs:StartQuery"
CLAIMED = "dynamodb:UpdateItem"


@functools.cache
def good(action, needle=b"", answer=b""):
    """A recorded exchange of that operation without a fault, in which these are asked and answered."""
    for exchange, verdict in recorder.judged():
        is_good = exchange.status == 200 and not exchange.is_spoiled and not verdict.request and not verdict.answer
        is_meant = needle in exchange.path.encode() + exchange.body and answer in exchange.answer
        if is_good and is_meant and verdict.actions[:1] == (action,):
            return exchange
    raise AssertionError(f"no good exchange of {action} with {needle}")


def put(document, path, value):
    """Puts `value` at `path`; without a value takes away what is there."""
    *above, last = path
    for step in above:
        document = document[step]
    if value is None:
        del document[last]
    else:
        document[last] = value


def json_with(path, value=None):
    def change(body):
        document = json.loads(body)
        put(document, path, value)
        return json.dumps(document).encode()
    return change


def cbor_with(path, value=None):
    def change(body):
        document = cbor2.loads(body)
        put(document, path, value)
        return encoded(document)
    return change


def encoded(document):
    return cbor2.dumps(document, datetime_as_timestamp=True)


def form_with(key, value=None, instead=None):
    def change(body):
        fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        old = fields.pop(key, None)
        if instead or value is not None:
            fields[instead or key] = old if value is None else value
        return urllib.parse.urlencode(fields).encode()
    return change


def text_with(old, new):
    def change(body):
        changed = body.replace(old, new)
        assert changed != body, f"{old} is not there"
        return changed
    return change


class Planted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.judge = Judge.with_documented_metrics()

    def finds(self, check, exchange, part="request"):
        verdict = self.judge.judge(exchange)
        self.assertIn(check, {fault.check for fault in getattr(verdict, part)}, verdict)

    def planted(self, table, action, part="request", needle=b"", answer=b""):
        """Each row of `table`: the check that finds it, and the change of the body."""
        exchange = good(action, needle, answer)
        side = {"request": "body", "answer": "answer"}[part]
        for name, (check, change) in table.items():
            with self.subTest(name):
                self.finds(check, exchange._replace(**{side: change(getattr(exchange, side))}), part)

    def test_in_a_request_of_json(self):
        self.planted({
            "a wrong member name": ("unknown member", json_with(["QuotaId"], "L-F4DDD3EB")),
            "a missing member": ("required", json_with(["DesiredValue"])),
            "text for a number": ("type", json_with(["DesiredValue"], "8500000")),
            "a number for a truth": ("type", json_with(["SupportCaseAllowed"], 1)),
            "a text too long": ("length", json_with(["QuotaCode"], "L" * 129)),
            "a text of a wrong form": ("pattern", json_with(["ServiceCode"], "bed rock")),
            "a number too large": ("range", json_with(["DesiredValue"], 2e10)),
            "no JSON": ("type", lambda _: b"{"),
        }, FILED)

    def test_in_the_head_of_a_request(self):
        exchange = good(FILED)
        for check, name, value in (
            ("operation", "x-amz-target", "ServiceQuotasV20190624.RequestServiceQuotaIncreases"),
            ("operation", "x-amz-target", "ServiceQuotas.RequestServiceQuotaIncrease"),
            ("protocol", "content-type", "application/json"),
            ("signature", "authorization", exchange.headers["authorization"].replace("/servicequotas/", "/bedrock/")),
            ("signature", "authorization", "Bearer example"),
        ):
            with self.subTest(value):
                self.finds(check, exchange._replace(headers={**exchange.headers, name: value}))
        # Service Quotas speaks JSON alone.
        self.finds("protocol", exchange._replace(path="/service/ServiceQuotas/operation/GetServiceQuota"))

    def test_in_an_answer_of_json(self):
        self.planted({
            "an unknown member": ("unknown member", json_with(["RequestedQuota", "Quota"], "L-F4DDD3EB")),
            "a value that is not in the list": ("enum", json_with(["RequestedQuota", "Status"], "ON_HOLD")),
            "text for a time": ("type", json_with(["RequestedQuota", "Created"], "yesterday")),
            "a list for a structure": ("type", json_with(["RequestedQuota"], [])),
        }, FILED, "answer")

    def test_in_an_error(self):
        exchange = good(FILED)
        for check, status, body in (
            ("error code", 400, {"__type": "TooSoonException"}),
            # An error of the service, but not of this operation.
            ("error code", 400, {"__type": "NoAvailableOrganizationException"}),
            ("error code", 400, {}),
            ("status", 400, {"__type": "ServiceException"}),
            ("unknown member", 400, {"__type": "QuotaExceededException", "Why": "too many"}),
        ):
            with self.subTest(body):
                self.finds(check, exchange._replace(status=status, answer=json.dumps(body).encode()), "answer")
        told_so = {"__type": "com.amazonaws.servicequotas#QuotaExceededException", "Message": "too many"}
        verdict = self.judge.judge(exchange._replace(status=400, answer=json.dumps(told_so).encode()))
        self.assertEqual(verdict.answer, [])
        self.finds("status", exchange._replace(status=201), "answer")

    def test_in_a_request_of_cbor(self):
        metric = ["MetricDataQueries", 0, "MetricStat", "Metric"]
        self.planted({
            "a wrong member name": ("unknown member", cbor_with(["MetricDataQueries", 0, "Identity"], "m0")),
            "a missing member": ("required", cbor_with(["StartTime"])),
            "a value that is not in the list": ("enum", cbor_with(["ScanBy"], "TimestampSideways")),
            "text for a number": ("type", cbor_with(["MetricDataQueries", 0, "MetricStat", "Period"], "60")),
            "a number for a time": ("type", cbor_with(["EndTime"], 1_800_000_000)),
            "a wrong metric": ("metric", cbor_with([*metric, "MetricName"], "InvocationThrottle")),
            "another namespace's metric": ("metric", cbor_with([*metric, "Namespace"], "AWS/BedrockMantle")),
            "a wrong namespace": ("metric", cbor_with([*metric, "Namespace"], "AWS/BedRock")),
            "a wrong dimension": ("metric", cbor_with([*metric, "Dimensions", 0, "Name"], "Model")),
            "text too short": ("length", cbor_with([*metric, "Dimensions", 0, "Value"], "")),
            "no CBOR": ("type", lambda _: b"\xff"),
        }, MEASURED, needle=b"MetricStat")
        exchange = good(MEASURED)
        self.finds("operation", exchange._replace(path=exchange.path.replace("GetMetricData", "GetMetricsData")))
        self.finds("operation", exchange._replace(path=exchange.path.replace("Granite", "Basalt")))

    def test_in_a_query_over_metrics(self):
        for needle, right, wrong in (
            (b"SELECT", r"SUM\(\w+\)", "SUM(InvocationErrors)"),
            (b"SELECT", r"SUM\((\w+)\)", r"SUM(AWS.\1)"),
            (b"SELECT", "GROUP BY ModelId", "GROUP BY Project"),
            (b"SELECT", '"AWS/Bedrock"', '"AWS/BedRock"'),
            (b"SEARCH", 'MetricName="Invocations"', 'MetricName="Invocation"'),
            (b"SEARCH", "{AWS/Bedrock,ModelId}", "{AWS/Bedrock,Model}"),
        ):
            with self.subTest(wrong):
                exchange = good(MEASURED, needle)
                document = cbor2.loads(exchange.body)
                query = document["MetricDataQueries"][0]
                query["Expression"] = re.sub(right, wrong, query["Expression"])
                self.finds("metric", exchange._replace(body=encoded(document)))

    def test_in_an_answer_of_cbor(self):
        self.planted({
            "an unknown member": ("unknown member", cbor_with(["MetricDataResults", 0, "Name"], "m0")),
            "a value that is not in the list": ("enum", cbor_with(["MetricDataResults", 0, "StatusCode"], "Done")),
            "text for a list": ("type", cbor_with(["MetricDataResults", 0, "Values"], "1.0")),
            "text in a list of numbers": ("type", cbor_with(["MetricDataResults", 0, "Values"], ["1.0"])),
        }, MEASURED, "answer", needle=b"MetricStat")

    def test_in_a_search_through_logs(self):
        exchange = good(SEARCHED, b"parse @message")
        query = json.loads(exchange.body)["queryString"]
        for wrong in (
            query.replace(" | parse", "\\\n | parse", 1), query.replace("| display", "| show"), f"{query} |",
            query.replace("like /", "like "), query.replace("display @timestamp", "display @timestamp as at"),
        ):
            with self.subTest(wrong):
                self.finds("query", exchange._replace(body=json_with(["queryString"], wrong)(exchange.body)))

    def test_in_a_form(self):
        key = "ContextEntries.member.1.ContextKeyType"
        self.planted({
            "a wrong member name": ("unknown member", form_with("ActionNames.member.1", instead="Actions.member.1")),
            "a missing member": ("required", form_with("PolicySourceArn")),
            "a list that begins at 2": ("type", form_with("ActionNames.member.1", instead="ActionNames.member.2")),
            "a list without its word": ("unknown member", form_with("ActionNames.member.1", instead="ActionNames.1")),
            "text for a list": ("type", form_with("ActionNames.member.1", instead="ActionNames")),
            "a value that is not in the list": ("enum", form_with(key, "arn")),
            "a text too short": ("length", form_with("PolicySourceArn", "arn")),
            "a wrong operation": ("operation", form_with("Action", "SimulatePrincipal")),
            "a wrong version": ("protocol", form_with("Version", "2010-05-09")),
        }, SIMULATED, needle=b"ContextEntries")
        attribute = "MessageAttributes.entry.1"
        self.planted({
            "a wrong key of an entry": ("unknown member", form_with(f"{attribute}.Name", instead=f"{attribute}.key")),
            "an entry without its value's type": ("required", form_with(f"{attribute}.Value.DataType")),
        }, PUBLISHED)

    def test_in_xml(self):
        self.planted({
            "an unknown member": ("unknown member", text_with(b"<MatchedStatements/>", b"<Statements/>")),
            "a missing member": ("required", text_with(b"EvalDecision>", b"EvalDecided>")),
            "a value that is not in the list": ("enum", text_with(b"<EvalDecision>", b"<EvalDecision>perhaps-")),
            "text for a truth": ("type", text_with(b"<IsTruncated>false", b"<IsTruncated>no")),
            "another operation's answer": ("type", text_with(b"PrincipalPolicyResponse", b"CustomPolicyResponse")),
            "a broken answer": ("type", text_with(b"</EvaluationResults>", b"")),
        }, SIMULATED, "answer", answer=b"<MatchedStatements/>", needle=b"bedrock%3AInvokeModel")

    def test_in_a_path_and_its_query(self):
        exchange = good(AVAILABLE)
        self.finds("operation", exchange._replace(path="/foundation-model-access/amazon.nova-lite-v1%3A0"))
        self.finds("operation", exchange._replace(method="PUT"))
        self.finds("pattern", exchange._replace(path="/foundation-model-availability/no%20model"))
        self.finds("unknown member", exchange._replace(body=b'{"modelId": "amazon.nova-lite-v1:0"}'))
        exchange = good(OFFERED, b"byInferenceType=")
        self.finds("enum", exchange._replace(path="/foundation-models?byInferenceType=SOMETIMES"))
        self.finds("unknown member", exchange._replace(path="/foundation-models?byInference=ON_DEMAND"))
        self.planted({
            "a missing member": ("required", json_with(["authorizationStatus"])),
            "a value that is not in the list": ("enum", json_with(["agreementAvailability", "status"], "MAYBE")),
            "an unknown member": ("unknown member", json_with(["formSubmitted"], True)),
        }, AVAILABLE, "answer")

    def test_in_a_write_to_the_table(self):
        self.planted({
            "a value that is not defined": ("expression", json_with(["ConditionExpression"], "pk = :nothing")),
            "a value that is not used": ("expression", json_with(["ExpressionAttributeValues", ":x"], {"S": "x"})),
            "a name that is reserved": ("expression", json_with(["UpdateExpression"], "SET state = :lease_owner")),
            "a value of two types": ("type", json_with(["Key", "pk"], {"S": "a", "N": "1"})),
            "a number for its text": ("type", json_with(["Key", "pk"], {"N": 1})),
            "a value that is not in the list": ("enum", json_with(["ReturnValues"], "ALL")),
            "a wrong member name": ("unknown member", json_with(["Conditions"], "pk = :pk")),
        }, CLAIMED)

    def test_what_is_only_written_anew_is_good(self):
        for action, anew in (
            (FILED, lambda body: json.dumps(json.loads(body)).encode()),
            (MEASURED, lambda body: encoded(cbor2.loads(body))),
            (SIMULATED, form_with("Action", "SimulatePrincipalPolicy")),
        ):
            with self.subTest(action):
                exchange = good(action)
                verdict = self.judge.judge(exchange._replace(body=anew(exchange.body)))
                self.assertEqual((verdict.request, verdict.answer), ([], []))

    def test_a_call_that_no_test_records_is_judged_as_well(self):
        asked = Exchange(
            "SERVICE_QUOTAS", "POST", "/",
            {
                "x-amz-target": "ServiceQuotasV20190624.GetRequestedServiceQuotaChange",
                "content-type": "application/x-amz-json-1.1",
                "authorization": good(FILED).headers["authorization"],
            },
            b'{"RequestId": "request-0001"}', 200, {},
            b'{"RequestedQuota": {"Id": "request-0001", "Status": "CASE_OPENED", "DesiredValue": 8500000.0}}',
        )
        verdict = self.judge.judge(asked)
        self.assertEqual(verdict, (("servicequotas:GetRequestedServiceQuotaChange",), [], []))


if __name__ == "__main__":
    unittest.main()
