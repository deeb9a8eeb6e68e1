"""Whether one HTTP exchange is what AWS's own service models describe.

A judge finds the operation of a request by its service's protocol, decodes request and answer by the operation's
shapes, and holds both to every constraint that botocore's model states. Names that no model knows, CloudWatch's metrics
and DynamoDB's placeholders, are held to what AWS documents.
"""

import base64
import functools
import gzip
import json
import pathlib
import re
import urllib.parse
import xml.etree.ElementTree
from typing import NamedTuple

import botocore.loaders
import botocore.model

from tests.emulators.constraints import Constraints
from tests.emulators.decode import CborLeaves, Decoder, Form, JsonLeaves, local

# Services by the SDK's name of them in `AWS_ENDPOINT_URL_…`: botocore's name, and the prefix of their IAM actions.
SERVICES = {
    "BEDROCK": ("bedrock", "bedrock"),
    "CLOUDTRAIL": ("cloudtrail", "cloudtrail"),
    "CLOUDWATCH": ("cloudwatch", "cloudwatch"),
    "CLOUDWATCH_LOGS": ("logs", "logs"),
    "DYNAMODB": ("dynamodb", "dynamodb"),
    "EVENTBRIDGE": ("events", "events"),
    "IAM": ("iam", "iam"),
    "SERVICE_QUOTAS": ("service-quotas", "servicequotas"),
    "SNS": ("sns", "sns"),
    "STS": ("sts", "sts"),
}

# Error codes that any service may answer with, and their HTTP statuses. No model has them.
# See https://docs.aws.amazon.com/awsconsolehelpdocs/latest/gsg/common-errors.html and, for the query protocol,
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html. Services that speak JSON answer a denial with
# status 400: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html.
COMMON_ERRORS = {
    "AccessDeniedException": {400, 403},
    "ExpiredTokenException": {400, 403},
    "IncompleteSignature": {400, 403},
    "InternalFailure": {500},
    "InvalidClientTokenId": {403},
    "MalformedHttpRequestException": {400},
    "MalformedQueryString": {404},
    "MissingAuthenticationToken": {403},
    "NotAuthorized": {400, 401},
    "OptInRequired": {403},
    "RequestAbortedException": {400},
    "RequestEntityTooLargeException": {413},
    "RequestExpired": {400},
    "RequestTimeoutException": {408},
    "ServiceUnavailable": {503},
    "Throttling": {400},
    "ThrottlingException": {400},
    "UnknownOperationException": {404},
    "UnrecognizedClientException": {400, 403},
    "ValidationError": {400},
    "ValidationException": {400},
}


class Exchange(NamedTuple):
    """A request and its answer, and what is known of who made them."""

    service: str
    method: str
    path: str
    headers: dict
    body: bytes
    status: int
    answer_headers: dict
    answer: bytes
    # The crate of tests or the emulator behind the answer, and the test.
    by: str = ""
    test: str = ""
    # Whether the test gave this answer on purpose, right or wrong.
    is_spoiled: bool = False

    @classmethod
    def read(cls, line):
        fields = json.loads(line)
        for name in ("body", "answer"):
            fields[name] = base64.b64decode(fields[name])
        return cls(**fields)


class Verdict(NamedTuple):
    # IAM's name of the operation, and of the writes in a transaction; empty where no operation was found.
    actions: tuple
    request: list
    answer: list


class Judge:
    def __init__(self, metrics):
        """`metrics`: what CloudWatch's namespaces hold, as tests/facts/metrics.json has it."""
        self.metrics = metrics

    @classmethod
    def with_documented_metrics(cls):
        facts = pathlib.Path(__file__).parents[1] / "facts/metrics.json"
        return cls(json.loads(facts.read_text()))

    def judge(self, exchange):
        model = service(exchange.service)
        request = Reading(self.metrics, model)
        operation, decoded = request.read_request(exchange)
        if operation is None:
            return Verdict((), request.faults, [])
        prefix = SERVICES[exchange.service][1]
        actions = (f"{prefix}:{operation.name}", *parts_of_transaction(operation.name, decoded))
        answer = Reading(self.metrics, model, is_answer=True)
        answer.read_answer(exchange, operation, protocol_of(exchange))
        return Verdict(actions, request.faults, answer.faults)


def parts_of_transaction(operation, decoded):
    """A transaction is authorised as the writes that it holds."""
    if operation != "TransactWriteItems":
        return
    for write in decoded.get("TransactItems", []):
        yield from (f"dynamodb:{kind}Item" for kind in write)


@functools.cache
def service(name):
    botocores, _ = SERVICES[name]
    description = botocore.loaders.Loader().load_service_model(botocores, "service-2")
    return botocore.model.ServiceModel(description, botocores)


def protocol_of(exchange):
    """The protocol that the request is in, whether or not its service speaks it."""
    if exchange.path.startswith("/service/"):
        return "smithy-rpc-v2-cbor"
    if "x-amz-target" in exchange.headers:
        return "json"
    form = exchange.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return "query" if form else "rest-json"


class Reading(Decoder, Constraints):
    """One side of an exchange, read and held to the model."""

    # Requests.

    def read_request(self, exchange):
        """The operation and its decoded input; `None` where there is no such operation."""
        self.signature(exchange)
        protocol = protocol_of(exchange)
        spoken = self.model.metadata.get("protocols") or [self.model.metadata["protocol"]]
        if protocol not in spoken:
            self.fault("protocol", exchange.path, f"{protocol}, where the service speaks {', '.join(spoken)}")
            return None, None
        body = exchange.body
        if exchange.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        reader = {
            "json": self.json_request, "smithy-rpc-v2-cbor": self.cbor_request, "query": self.query_request,
            "rest-json": self.rest_request,
        }[protocol]
        operation, decoded = reader(exchange, body)
        if operation is not None and operation.input_shape is not None:
            self.constrain(operation.input_shape, decoded, operation.name)
        return operation, decoded

    def signature(self, exchange):
        """Requests are signed for their service, by its signing name."""
        wanted = self.model.signing_name
        signed = exchange.headers.get("authorization", "")
        scope = re.search(r"Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request", signed)
        if scope is None:
            self.fault("signature", "authorization", "no signature of version 4")
        elif scope[2] != wanted:
            self.fault("signature", "authorization", f"signed for `{scope[2]}`, not `{wanted}`")

    def operation(self, name):
        if name not in self.model.operation_names:
            self.fault("operation", name, f"{self.model.service_name} has no such operation")
            return None
        return self.model.operation_model(name)

    def json_request(self, exchange, body):
        prefix, _, name = exchange.headers["x-amz-target"].rpartition(".")
        wanted = self.model.metadata["targetPrefix"]
        # CloudTrail's SDKs write the prefix in full or in short, and AWS takes both.
        if prefix != wanted and prefix != wanted.rpartition(".")[2]:
            self.fault("operation", prefix, f"the target's prefix is `{wanted}`")
        self.content_type(exchange.headers, f"application/x-amz-json-{self.model.metadata['jsonVersion']}")
        if (exchange.method, exchange.path) != ("POST", "/"):
            self.fault("protocol", exchange.path, "JSON is posted to /")
        operation = self.operation(name)
        return operation, operation and self.document(operation.input_shape, body, name, JsonLeaves())

    def cbor_request(self, exchange, body):
        found = re.fullmatch(r"/service/(\w+)/operation/(\w+)", exchange.path)
        if found is None or found[1] != self.model.metadata["targetPrefix"]:
            self.fault("operation", exchange.path, "the path names another service")
        if exchange.headers.get("smithy-protocol") != "rpc-v2-cbor":
            self.fault("protocol", "smithy-protocol", "it is not `rpc-v2-cbor`")
        operation = self.operation(found[2]) if found else None
        if operation is None:
            return None, None
        if operation.input_shape is not None:
            self.content_type(exchange.headers, "application/cbor")
        return operation, self.document(operation.input_shape, body, operation.name, CborLeaves())

    def query_request(self, exchange, body):
        fields = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
        form = Form()
        for key, value in fields:
            form.put(key.split("."), value, self)
        name, version = (form.take(key) for key in ("Action", "Version"))
        if version != self.model.api_version:
            self.fault("protocol", "Version", f"`{version}`, not `{self.model.api_version}`")
        operation = self.operation(name)
        if operation is None:
            return None, None
        return operation, self.form(operation.input_shape, form, name) if operation.input_shape else {}

    def rest_request(self, exchange, body):
        path, _, query = exchange.path.partition("?")
        found = self.routed(exchange.method, path)
        if found is None:
            self.fault("operation", f"{exchange.method} {path}", f"{self.model.service_name} has no such operation")
            return None, None
        operation, labels = found
        shape, decoded, rest = operation.input_shape, {}, {}
        query = urllib.parse.parse_qs(query, keep_blank_values=True)
        members = shape.members if shape else {}
        for name, member in members.items():
            at, key = f"{operation.name}.{name}", member.serialization.get("name", name)
            match member.serialization.get("location"):
                case "uri":
                    decoded[name] = self.text(member, urllib.parse.unquote(labels[key]), at)
                case "querystring" if key in query:
                    values = query.pop(key)
                    if member.type_name == "list":
                        decoded[name] = [self.text(member.member, value, at) for value in values]
                    else:
                        decoded[name] = self.text(member, values[0], at)
                        if len(values) > 1:
                            self.fault("type", at, "more than one value")
                case "header" if key.lower() in exchange.headers:
                    decoded[name] = self.text(member, exchange.headers[key.lower()], at)
                case "querystring" | "header":
                    pass
                case _:
                    rest[name] = member
        for key in query:
            self.fault("unknown member", f"{operation.name}.{key}", "the operation has no such query parameter")
        if rest:
            decoded.update(self.document(shape, body, operation.name, JsonLeaves(), rest))
        elif body not in (b"", b"{}"):
            self.fault("unknown member", operation.name, "the operation has no body")
        return operation, decoded

    def routed(self, method, path):
        """The operation at `path` and its labels: that with the fewest labels, if several fit."""
        fits = []
        for name in self.model.operation_names:
            operation = self.model.operation_model(name)
            template = operation.http["requestUri"].partition("?")[0]
            if operation.http["method"] != method:
                continue
            parts = re.split(r"\{(\w+)(\+?)\}", template)
            pattern = re.escape(parts[0])
            for label, greedy, literal in zip(parts[1::3], parts[2::3], parts[3::3]):
                pattern += f"(?P<{label}>{'.+' if greedy else '[^/]+'})" + re.escape(literal)
            if found := re.fullmatch(pattern, path):
                fits.append((len(found.groupdict()), name, operation, found.groupdict()))
        return min(fits)[2:] if fits else None

    def content_type(self, headers, wanted):
        found = headers.get("content-type", "").partition(";")[0]
        if found != wanted:
            self.fault("protocol", "content-type", f"`{found}`, not `{wanted}`")

    # Answers.

    def read_answer(self, exchange, operation, protocol):
        if exchange.status >= 300:
            return self.read_error(exchange, operation, protocol)
        wanted = operation.http.get("responseCode", 200)
        if exchange.status != wanted:
            self.fault("status", operation.name, f"{exchange.status}, not {wanted}")
        shape, name = operation.output_shape, operation.name
        if protocol == "query":
            decoded = self.xml_answer(shape, exchange.answer, name)
        elif shape is None:
            return
        elif protocol == "smithy-rpc-v2-cbor":
            if exchange.answer_headers.get("smithy-protocol") != "rpc-v2-cbor":
                self.fault("protocol", "smithy-protocol", "it is not `rpc-v2-cbor`")
            self.content_type(exchange.answer_headers, "application/cbor")
            decoded = self.document(shape, exchange.answer, name, CborLeaves())
        elif protocol == "rest-json":
            decoded = self.rest_answer(shape, exchange, name)
        else:
            decoded = self.document(shape, exchange.answer, name, JsonLeaves())
        if shape is not None:
            self.constrain(shape, decoded, name)

    def rest_answer(self, shape, exchange, name):
        decoded, rest = {}, {}
        for member_name, member in shape.members.items():
            key = member.serialization.get("name", member_name).lower()
            match member.serialization.get("location"):
                case "header" if key in exchange.answer_headers:
                    decoded[member_name] = self.text(member, exchange.answer_headers[key], f"{name}.{member_name}")
                case "header" | "headers" | "statusCode":
                    pass
                case _:
                    rest[member_name] = member
        payload = shape.serialization.get("payload")
        if payload:
            decoded[payload] = self.document(rest[payload], exchange.answer, f"{name}.{payload}", JsonLeaves())
        elif rest:
            decoded.update(self.document(shape, exchange.answer, name, JsonLeaves(), rest))
        return decoded

    def read_error(self, exchange, operation, protocol):
        try:
            code, members = error_of(exchange, protocol)
        except ValueError as why:
            return self.fault("type", operation.name, f"the error cannot be read: {why}")
        if not code:
            return self.fault("error code", operation.name, "an error without a code")
        at = f"{operation.name}!{code}"
        declared = {s.name: s for s in operation.error_shapes}
        by_code = {s.metadata.get("error", {}).get("code", s.name): s for s in operation.error_shapes}
        # The query protocol writes the error's code, the others its shape's name.
        shape = (by_code if protocol == "query" else declared).get(code)
        if shape is None:
            if exchange.status not in COMMON_ERRORS.get(code, ()):
                why = "neither the operation's error nor one of AWS's common errors"
                self.fault("error code", at, f"{why} with status {exchange.status}")
            return
        wanted = shape.metadata.get("error", {}).get("httpStatusCode") or (500 if is_fault(self.model, shape) else 400)
        if exchange.status != wanted:
            self.fault("status", at, f"{exchange.status}, not {wanted}")
        if protocol == "smithy-rpc-v2-cbor" and "awsQueryCompatible" in self.model.metadata:
            known_as = shape.metadata.get("error", {}).get("code", shape.name)
            if exchange.answer_headers.get("x-amzn-query-error", "").partition(";")[0] != known_as:
                self.fault("error code", at, f"no header `x-amzn-query-error` that says `{known_as}`")
        if protocol == "query":
            return
        leaves = CborLeaves() if protocol == "smithy-rpc-v2-cbor" else JsonLeaves()
        # Services write a message in either form, whatever their models say.
        members = {k: v for k, v in members.items() if k.lower() not in ("__type", "message", "code")}
        self.constrain(shape, self.structure(shape, members, at, leaves), at, is_error=True)


def is_fault(model, shape):
    """Whether an error is the service's own."""
    return model._service_description["shapes"][shape.name].get("fault", False)


def error_of(exchange, protocol):
    """An error's code and what else it says."""
    if protocol == "query":
        try:
            root = xml.etree.ElementTree.fromstring(exchange.answer or b"<none/>")
        except xml.etree.ElementTree.ParseError as why:
            raise ValueError(why) from why
        codes = [e.text for e in root.iter() if local(e) == "Code"]
        return codes[0] if codes else None, {}
    leaves = CborLeaves if protocol == "smithy-rpc-v2-cbor" else JsonLeaves
    members = leaves.load(exchange.answer) if exchange.answer else {}
    if not isinstance(members, dict):
        raise ValueError("it is no structure")
    code = exchange.answer_headers.get("x-amzn-errortype") or members.get("__type") or members.get("code")
    return code and code.partition(":")[0].rpartition("#")[2], members
