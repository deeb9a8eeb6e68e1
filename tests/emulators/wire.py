"""Whether one HTTP exchange is what AWS's own service models describe.

A judge finds the operation of a request by its service's protocol, decodes request and answer by the operation's
shapes, and holds both to every constraint that botocore's model states. Names that no model knows, CloudWatch's metrics
and DynamoDB's placeholders, are held to what AWS documents.
"""

import base64
import datetime
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
import cbor2
import regex
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

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

INTEGERS = {"integer": 31, "long": 63}


class Fault(NamedTuple):
    """What is wrong, found by which check, and where in the request or the answer."""

    check: str
    at: str
    why: str


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
        request = Findings(self.metrics, model)
        operation, decoded = request.read_request(exchange)
        if operation is None:
            return Verdict((), request.faults, [])
        prefix = SERVICES[exchange.service][1]
        actions = (f"{prefix}:{operation.name}", *parts_of_transaction(operation.name, decoded))
        answer = Findings(self.metrics, model)
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


class Findings:
    """What is wrong with a request, or with an answer."""

    def __init__(self, metrics, model):
        self.metrics, self.model, self.faults = metrics, model, []

    def fault(self, check, at, why):
        self.faults.append(Fault(check, at, why))

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
        scope = re.search(r"Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request", exchange.headers.get("authorization", ""))
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
        fields = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)
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

    # Documents: JSON and CBOR.

    def document(self, shape, body, at, leaves, members=None):
        if not body:
            return {}
        try:
            raw = leaves.load(body)
        except ValueError as why:
            self.fault("type", at, f"the body cannot be read: {why}")
            return {}
        return {} if shape is None else self.structure(shape, raw, at, leaves, members)

    def structure(self, shape, raw, at, leaves, members=None):
        if shape.type_name != "structure":
            return self.value(shape, raw, at, leaves)
        if not isinstance(raw, dict):
            self.fault("type", at, f"{kind(raw)}, not a structure")
            return {}
        if shape.metadata.get("document"):
            return raw
        by_key = {m.serialization.get("name", name): (name, m) for name, m in (members or shape.members).items()}
        decoded = {}
        for key, value in raw.items():
            if key not in by_key:
                self.fault("unknown member", f"{at}.{key}", f"{shape.name} has no such member")
            elif value is not None:
                name, member = by_key[key]
                decoded[name] = self.value(member, value, f"{at}.{name}", leaves)
        return decoded

    def value(self, shape, raw, at, leaves):
        """The value in plain form; `None` where it is not of its type."""
        match shape.type_name:
            case "structure":
                return self.structure(shape, raw, at, leaves)
            case "list" if isinstance(raw, list):
                return [self.value(shape.member, one, f"{at}[{n}]", leaves) for n, one in enumerate(raw)]
            case "map" if isinstance(raw, dict):
                return {key: self.value(shape.value, one, f"{at}.{key}", leaves) for key, one in raw.items()}
            case "list" | "map":
                fits = False
            case "string" | "character":
                fits = isinstance(raw, str)
            case "boolean":
                fits = isinstance(raw, bool)
            case "integer" | "long":
                fits = isinstance(raw, int) and not isinstance(raw, bool)
            case "float" | "double":
                fits = isinstance(raw, (int, float)) and not isinstance(raw, bool) or raw in ("NaN", "Infinity", "-Infinity")
            case "timestamp":
                fits = leaves.is_time(raw, shape.serialization.get("timestampFormat"))
            case "blob":
                fits = leaves.is_blob(raw)
            case other:
                raise NotImplementedError(other)
        if not fits:
            self.fault("type", at, f"{kind(raw)}, not a {shape.type_name}")
            return None
        return raw

    # Forms and XML: everything is text.

    def text(self, shape, text, at):
        try:
            match shape.type_name:
                case "integer" | "long":
                    return int(text)
                case "float" | "double":
                    return float(text)
                case "boolean":
                    return {"true": True, "false": False}[text]
                case "timestamp":
                    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
                case "blob":
                    return base64.b64decode(text, validate=True)
                case "string" | "character":
                    return text
                case other:
                    self.fault("type", at, f"text, not a {other}")
        except (KeyError, ValueError):
            self.fault("type", at, f"`{text}` is no {shape.type_name}")
        return None

    def form(self, shape, form, at):
        """The value of `shape` that a form's fields make."""
        if shape.type_name not in ("structure", "list", "map"):
            if form.fields:
                self.fault("type", at, f"fields, not a {shape.type_name}")
                return None
            return self.text(shape, form.text, at)
        if form.text:
            self.fault("type", at, f"text, not a {shape.type_name}")
            return None
        if shape.type_name == "structure":
            by_key = {m.serialization.get("name", name): (name, m) for name, m in shape.members.items()}
            decoded = {}
            for key, field in form.fields.items():
                if key not in by_key:
                    self.fault("unknown member", f"{at}.{key}", f"{shape.name} has no such member")
                else:
                    name, member = by_key[key]
                    decoded[name] = self.form(member, field, f"{at}.{name}")
            return decoded
        each = self.numbered(shape, form, at)
        if shape.type_name == "list":
            return [self.form(shape.member, one, f"{at}[{n}]") for n, one in enumerate(each)]
        decoded = {}
        for one in each:
            key, value = (part.serialization.get("name", name) for part, name in ((shape.key, "key"), (shape.value, "value")))
            for unknown in one.fields.keys() - {key, value}:
                self.fault("unknown member", f"{at}.{unknown}", "an entry has a key and a value")
            if key not in one.fields or value not in one.fields:
                self.fault("required", at, "an entry without a key or a value")
                continue
            name = one.fields[key].text
            decoded[name] = self.form(shape.value, one.fields[value], f"{at}.{name}")
        return decoded

    def numbered(self, shape, form, at):
        """The values of a list or map, which a form numbers from 1."""
        if not form.fields:
            return []
        if not shape.serialization.get("flattened"):
            word = "entry" if shape.type_name == "map" else shape.member.serialization.get("name", "member")
            for unknown in form.fields.keys() - {word}:
                self.fault("unknown member", f"{at}.{unknown}", f"its values are named `{word}`")
            form = form.fields.get(word, Form())
        numbers = [str(n) for n in range(1, len(form.fields) + 1)]
        if sorted(form.fields) != sorted(numbers):
            self.fault("type", at, f"numbered {', '.join(form.fields)}")
        return [form.fields[n] for n in numbers if n in form.fields]

    def xml_answer(self, shape, answer, name):
        try:
            root = xml.etree.ElementTree.fromstring(answer)
        except xml.etree.ElementTree.ParseError as why:
            self.fault("type", name, f"the answer cannot be read: {why}")
            return {}
        namespace, _, tag = root.tag.rpartition("}")
        wanted = self.model.metadata["xmlNamespace"]
        if (namespace.lstrip("{"), tag) != (wanted, f"{name}Response"):
            self.fault("type", name, f"its root is `{root.tag}`, not `{name}Response` of {wanted}")
        wrapper = shape.serialization.get("resultWrapper") if shape else None
        decoded = {}
        for child in root:
            if local(child) == wrapper:
                decoded = self.xml(shape, child, name)
            elif local(child) != "ResponseMetadata":
                self.fault("unknown member", f"{name}.{local(child)}", f"{name}Response has no such element")
        return decoded

    def xml(self, shape, element, at):
        children = list(element)
        match shape.type_name:
            case "structure":
                return self.xml_structure(shape, children, at)
            case "list":
                return self.xml_list(shape, children, at)
            case "map":
                return self.xml_map(shape, children, at)
        if children:
            self.fault("type", at, f"elements, not a {shape.type_name}")
            return None
        return self.text(shape, element.text or "", at)

    def xml_structure(self, shape, children, at):
        by_key = {}
        for name, member in shape.members.items():
            key = member.serialization.get("name", name)
            if member.type_name == "list" and member.serialization.get("flattened"):
                key = member.member.serialization.get("name", key)
            by_key[key] = (name, member)
        decoded, groups = {}, {}
        for child in children:
            groups.setdefault(local(child), []).append(child)
        for key, group in groups.items():
            if key not in by_key:
                self.fault("unknown member", f"{at}.{key}", f"{shape.name} has no such member")
                continue
            name, member = by_key[key]
            below = f"{at}.{name}"
            if member.serialization.get("flattened"):
                read = self.xml_map if member.type_name == "map" else self.xml_each
                decoded[name] = read(member, group, below)
                continue
            if len(group) > 1:
                self.fault("type", below, "more than one element")
            decoded[name] = self.xml(member, group[0], below)
        return decoded

    def xml_list(self, shape, children, at):
        word = shape.member.serialization.get("name", "member")
        for child in children:
            if local(child) != word:
                self.fault("unknown member", f"{at}.{local(child)}", f"its values are named `{word}`")
        return self.xml_each(shape, [child for child in children if local(child) == word], at)

    def xml_each(self, shape, elements, at):
        return [self.xml(shape.member, one, f"{at}[{n}]") for n, one in enumerate(elements)]

    def xml_map(self, shape, entries, at):
        key, value = (part.serialization.get("name", name) for part, name in ((shape.key, "key"), (shape.value, "value")))
        decoded = {}
        for entry in entries:
            parts = {local(child): child for child in entry}
            if parts.keys() != {key, value}:
                self.fault("type", at, f"an entry of {', '.join(parts)}")
                continue
            name = self.xml(shape.key, parts[key], at)
            decoded[name] = self.xml(shape.value, parts[value], f"{at}.{name}")
        return decoded

    # Constraints, on plain values.

    def constrain(self, shape, value, at, is_error=False):
        if value is None:
            return
        least, most = (shape.metadata.get(bound) for bound in ("min", "max"))
        match shape.type_name:
            case "structure":
                self.members(shape, value, at, is_error)
                return
            case "list":
                self.size("size", least, most, len(value), at)
                for n, one in enumerate(value):
                    if plain(shape.member):
                        break
                    self.constrain(shape.member, one, f"{at}[{n}]")
            case "map":
                self.size("size", least, most, len(value), at)
                for key, one in value.items():
                    self.constrain(shape.key, key, f"{at}({key})")
                    self.constrain(shape.value, one, f"{at}.{key}")
            case "string":
                self.string(shape, value, least, most, at)
            case "blob":
                self.size("length", least, most, len(value), at)
            case "integer" | "long" | "float" | "double":
                self.size("range", least, most, value, at)
                bits = INTEGERS.get(shape.type_name)
                if bits and not -(2**bits) <= value < 2**bits:
                    self.fault("range", at, f"{value} is no {shape.type_name}")

    def members(self, shape, value, at, is_error):
        for name in shape.required_members:
            # Of an error, what it says is left to each service.
            if name not in value and not (is_error and name.lower() == "message"):
                self.fault("required", f"{at}.{name}", f"{shape.name} needs it")
        if shape.metadata.get("union") and len(value) != 1:
            self.fault("type", at, f"{len(value)} members of a union")
        for name, one in value.items():
            if name in shape.members:
                self.constrain(shape.members[name], one, f"{at}.{name}")
        if self.model.service_name == "cloudwatch":
            self.measured(value, at)
        if self.model.service_name == "dynamodb":
            self.expressions(value, at)

    def string(self, shape, value, least, most, at):
        if shape.enum and value not in shape.enum:
            self.fault("enum", at, f"`{value}` is none of {', '.join(shape.enum)}")
        self.size("length", least, most, len(value), at)
        pattern = shape.metadata.get("pattern")
        # AWS's services match the whole value.
        if pattern and not compiled(pattern).fullmatch(value):
            self.fault("pattern", at, f"`{value}` does not fit {pattern}")

    def size(self, check, least, most, found, at):
        # Models have some bounds as text.
        if least is not None and found < float(least):
            self.fault(check, at, f"{found} is less than {least}")
        if most is not None and found > float(most):
            self.fault(check, at, f"{found} is more than {most}")

    # What the models do not know.

    def measured(self, value, at):
        """Metrics are named as AWS documents their namespace."""
        namespace, name = value.get("Namespace"), value.get("MetricName")
        if namespace is not None:
            dimensions = [d.get("Name") for d in value.get("Dimensions") or []]
            self.metric(namespace, name, dimensions, at)
        expression = value.get("Expression")
        if expression is None:
            return
        read = [
            (found["namespace"], found["metric"], words(found["dimensions"]))
            for pattern in (INSIGHTS, SEARCH)
            for found in pattern.finditer(expression)
        ]
        if len(read) != len(re.findall(r"\b(?:SELECT|SEARCH)\b", expression)):
            self.fault("metric", f"{at}.Expression", f"it cannot be read: {expression}")
        for namespace, name, dimensions in read:
            self.metric(namespace, name, dimensions, f"{at}.Expression")
            for word in re.findall(r"\b(?:WHERE|AND|GROUP BY)\s+(\w+)", expression):
                if word not in dimensions:
                    self.fault("metric", f"{at}.Expression", f"`{word}` is no dimension of its SCHEMA")

    def metric(self, namespace, name, dimensions, at):
        known = self.metrics.get(namespace)
        if known is None:
            return self.fault("metric", at, f"no documented namespace `{namespace}`")
        if name is not None and name not in known["metrics"]:
            self.fault("metric", at, f"{known['page']} has no `{name}`")
        for dimension in dimensions:
            if dimension not in known["dimensions"]:
                self.fault("metric", at, f"{known['page']} has no dimension `{dimension}`")

    def expressions(self, value, at):
        """Every placeholder is defined and used, and no name that DynamoDB reserves stands bare.
        See https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeNames.html.
        """
        texts = [v for k, v in value.items() if k.endswith("Expression") and isinstance(v, str)]
        if not texts:
            return
        used = set(re.findall(r"[#:]?\b[A-Za-z_]\w*|[#:]\w+", " ".join(texts)))
        for kind_, mark in (("ExpressionAttributeNames", "#"), ("ExpressionAttributeValues", ":")):
            defined = set(value.get(kind_) or {})
            named = {word for word in used if word.startswith(mark)}
            for word in sorted(defined ^ named):
                why = "defined and not used" if word in defined else "used and not defined"
                self.fault("expression", f"{at}.{kind_}", f"`{word}` is {why}")
        for word in sorted(used):
            if word.upper() in reserved_words() and word.upper() not in KEYWORDS:
                self.fault("expression", at, f"`{word}` is reserved")


# `SELECT SUM(Metric) FROM SCHEMA("Namespace", Dimension)`.
# See https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html.
INSIGHTS = re.compile(
    r"SELECT\s+(?:AVG|COUNT|MAX|MIN|SUM)\(\s*\"?(?P<metric>\w+)\"?\s*\)\s+FROM\s+"
    r"(?:SCHEMA\(\s*)?\"(?P<namespace>[^\"]+)\"(?P<dimensions>(?:\s*,\s*\"?\w+\"?)*)\s*\)?"
)
# `SEARCH('{Namespace,Dimension} MetricName="Metric"', 'Sum', 60)`.
# See https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html.
SEARCH = re.compile(
    r"SEARCH\(\s*'\{(?P<namespace>[^,}]+)(?P<dimensions>(?:\s*,\s*\w+)*)\}\s+MetricName=\"(?P<metric>\w+)\"[^']*'"
)
# Words of the expressions themselves that are reserved as names.
KEYWORDS = {"ADD", "AND", "BETWEEN", "DELETE", "IN", "NOT", "OR", "REMOVE", "SET", "SIZE"}


@functools.cache
def reserved_words():
    return {word.upper() for word in ReservedKeywords.get_reserved_keywords()}


@functools.cache
def compiled(pattern):
    return regex.compile(pattern)


@functools.cache
def plain(shape):
    """Whether a value's type is all that there is to check, as of the points of a metric."""
    return shape.type_name in ("float", "double", "timestamp", "boolean") and not shape.metadata


def words(text):
    return re.findall(r"\w+", text)


def local(element):
    return element.tag.rpartition("}")[2]


def kind(raw):
    return {dict: "a structure", list: "a list", str: "text", bytes: "bytes", type(None): "nothing"}.get(type(raw), repr(raw))


def is_fault(model, shape):
    """Whether an error is the service's own."""
    return model._service_description["shapes"][shape.name].get("fault", False)


def error_of(exchange, protocol):
    """An error's code and what else it says."""
    if protocol == "query":
        root = xml.etree.ElementTree.fromstring(exchange.answer or b"<none/>")
        codes = [e.text for e in root.iter() if local(e) == "Code"]
        return codes[0] if codes else None, {}
    members = (cbor2.loads if protocol == "smithy-rpc-v2-cbor" else json.loads)(exchange.answer) if exchange.answer else {}
    if not isinstance(members, dict):
        raise ValueError("it is no structure")
    code = exchange.answer_headers.get("x-amzn-errortype") or members.get("__type") or members.get("code")
    return code and code.partition(":")[0].rpartition("#")[2], members


class Form:
    """A form's fields as a tree; a leaf has a text."""

    def __init__(self):
        self.text, self.fields = None, {}

    def put(self, path, text, findings):
        first, *rest = path
        field = self.fields.setdefault(first, Form())
        if rest:
            return field.put(rest, text, findings)
        if field.text is not None:
            findings.fault("type", first, "given twice")
        field.text = text

    def take(self, key):
        field = self.fields.pop(key, None)
        return field and field.text


class JsonLeaves:
    """Times and bytes as JSON has them: a time is a number where the model says nothing else."""

    @staticmethod
    def load(body):
        return json.loads(body)

    @staticmethod
    def is_time(raw, form):
        if form == "iso8601":
            try:
                return isinstance(raw, str) and datetime.datetime.fromisoformat(raw.replace("Z", "+00:00")) is not None
            except ValueError:
                return False
        return isinstance(raw, (int, float)) and not isinstance(raw, bool)

    @staticmethod
    def is_blob(raw):
        try:
            return isinstance(raw, str) and base64.b64decode(raw, validate=True) is not None
        except ValueError:
            return False


class CborLeaves:
    """Times are tagged, bytes are bytes."""

    @staticmethod
    def load(body):
        return cbor2.loads(body)

    @staticmethod
    def is_time(raw, _form):
        return isinstance(raw, datetime.datetime)

    @staticmethod
    def is_blob(raw):
        return isinstance(raw, bytes)
