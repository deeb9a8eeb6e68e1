"""AWS's own models judge what the real binary sends, and what the stand-ins of AWS in the Rust tests answer."""

import collections
import re
import sys
import unittest

from tests.emulators import recorder

# Whose exchanges the real binaries make.
REAL = {"function", "moto", "ministack"}

# What the program asks beside what the function may: `doctor`, who the credentials are of, and every incident.
PEOPLE = {
    "cloudtrail:DescribeTrails", "cloudtrail:GetEventSelectors", "cloudtrail:GetTrailStatus",
    "events:ListRules", "sts:GetCallerIdentity",
}
# A transaction is authorised as the writes it holds.
TRANSACTION = "dynamodb:TransactWriteItems"
# How often the real binary sends an operation at least; each of the others once.
LEAST = {
    "bedrock:GetFoundationModel": 10,
    "bedrock:GetFoundationModelAvailability": 10,
    "bedrock:GetInferenceProfile": 5,
    "bedrock:GetUseCaseForModelAccess": 10,
    "bedrock:ListFoundationModels": 10,
    "bedrock:ListInferenceProfiles": 5,
    "cloudtrail:LookupEvents": 5,
    "cloudwatch:GetMetricData": 80,
    "cloudwatch:ListMetrics": 10,
    "dynamodb:Query": 20,
    "dynamodb:TransactWriteItems": 20,
    "dynamodb:UpdateItem": 200,
    "iam:SimulatePrincipalPolicy": 10,
    "logs:StartQuery": 10,
    "servicequotas:GetAWSDefaultServiceQuota": 30,
    "servicequotas:GetServiceQuota": 30,
    "servicequotas:ListAWSDefaultServiceQuotas": 40,
    "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota": 30,
    "servicequotas:ListServiceQuotas": 40,
    "servicequotas:RequestServiceQuotaIncrease": 15,
    "sns:Publish": 50,
}

# What AWS itself answers although its models do not allow it, and so do the stand-ins: by which check, and where.
BEYOND_THE_MODEL = [
    (
        "range", r"List(AWSDefault)?ServiceQuotas\.Quotas\[\d+\]\.Value",
        "public listings of Bedrock's quotas hold tokens per day above the model's 10,000,000,000",
    ),
    (
        "pattern", r"GetInferenceProfile\.models\[\d+\]\.modelArn",
        "a global profile names a model without a Region: "
        "https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html",
    ),
]
# What is known to be wrong with the emulators' answers: reported, never a failure.
OF_EMULATORS = [
    ("ministack", "error code", r"\w*Quota\w*", "it has no Service Quotas"),
    ("ministack", "length", r"GetUseCaseForModelAccess\.formData", "its form is empty"),
]


def known(emulator, check, at):
    fits = (why for by, of, where, why in OF_EMULATORS if (by, of) == (emulator, check) and re.fullmatch(where, at))
    return next(fits, "not known before")


def told(exchange, faults):
    return [f"{exchange.by} {exchange.test}: {fault.check}: {fault.at}: {fault.why}" for fault in faults]


class Wire(unittest.TestCase):
    maxDiff = None

    def test_every_request_is_one_that_aws_describes(self):
        faults = [line for exchange, verdict in recorder.judged() for line in told(exchange, verdict.request)]
        self.assertEqual(faults, [])

    def test_every_answer_of_a_stand_in_is_one_that_aws_could_give(self):
        faults, departures = [], set()
        for exchange, verdict in recorder.judged():
            if exchange.is_spoiled or exchange.by not in recorder.TESTS:
                continue
            for fault in verdict.answer:
                rows = [row for row in BEYOND_THE_MODEL if row[0] == fault.check and re.fullmatch(row[1], fault.at)]
                departures.update(rows)
                if not rows:
                    faults.extend(told(exchange, [fault]))
        self.assertEqual(faults, [])
        self.assertEqual(departures, set(BEYOND_THE_MODEL), "a departure that nobody shows any more")

    def test_the_real_binary_makes_every_call_that_it_is_made_for_and_no_other(self):
        actions, _ = recorder.of_rust_tests()
        requests, answers, others = (collections.Counter() for _ in range(3))
        for exchange, verdict in recorder.judged():
            for action in verdict.actions:
                is_answered = exchange.by in recorder.TESTS and not exchange.is_spoiled
                (requests if exchange.by in REAL else others)[action] += 1
                answers[action] += is_answered
        print(f"\n{'operation':<62}{'requests':>9}{'answers':>9}{'of adapters alone':>19}")
        for action in sorted(requests | others):
            print(f"{action:<62}{requests[action]:>9}{answers[action]:>9}{others[action]:>19}")
        self.assertEqual(set(requests), actions | PEOPLE | {TRANSACTION})
        seldom = {action: n for action, n in requests.items() if n < LEAST.get(action, 1)}
        self.assertEqual(seldom, {}, "sent less often than it was")
        self.assertEqual([action for action in requests if not answers[action]], [], "no stand-in answers it")

    @unittest.skipUnless("tests.emulators.suite" in sys.modules, "the suite that uses the emulators did not run")
    def test_the_emulators_were_listened_to(self):
        heard = collections.Counter(exchange.by for exchange in recorder.EXCHANGES)
        self.assertGreaterEqual(heard["moto"], 15)
        self.assertGreaterEqual(heard["ministack"], 50)
        seen = collections.Counter()
        for exchange, verdict in recorder.judged():
            if exchange.by in heard:
                for fault in verdict.answer:
                    at = re.sub(r"\[\d+\]", "[]", fault.at)
                    why = known(exchange.by, fault.check, at)
                    seen[f"{exchange.by}: {fault.check}: {at}: {fault.why} ({why})"] += 1
        for line, times in sorted(seen.items()):
            print(f"\n{times} times {line}", end="")


if __name__ == "__main__":
    unittest.main()
