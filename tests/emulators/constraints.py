"""Holds decoded values to the constraints of AWS's models, and names to what AWS documents beside them."""

import functools
import re

import regex
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from tests.emulators.findings import Findings

# What is a union by its description alone.
# See https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html.
UNIONS = {"AttributeValue"}
# Maps that a request may not leave empty, and an answer does.
# See https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html.
EMPTY_IN_ANSWERS = {"BatchGetRequestMap"}
INTEGERS = {"integer": 31, "long": 63}
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
# Commands of CloudWatch Logs' query language.
# See https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html.
LOG_COMMANDS = {
    "SOURCE", "addtotals", "anomaly", "dedup", "diff", "display", "fields", "filter", "filterIndex", "limit", "parse",
    "pattern", "sort", "stats", "unmask", "unnest",
}
# A pattern or a quoted text in such a query.
LITERAL = re.compile(r"""/(?:[^/\\\n]|\\.)+/|"[^"]*"|'[^']*'|`[^`]*`""")
# Words of the expressions themselves that are reserved as names.
KEYWORDS = {"ADD", "AND", "BETWEEN", "DELETE", "IN", "NOT", "OR", "REMOVE", "SET", "SIZE"}


class Constraints(Findings):
    def constrain(self, shape, value, at, is_error=False):
        if value is None:
            return
        least, most = (shape.metadata.get(bound) for bound in ("min", "max"))
        if self.is_answer and shape.name in EMPTY_IN_ANSWERS:
            least = None
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
        if (shape.metadata.get("union") or shape.name in UNIONS) and len(value) != 1:
            self.fault("type", at, f"{len(value)} members of a union")
        for name, one in value.items():
            if name in shape.members:
                self.constrain(shape.members[name], one, f"{at}.{name}")
        if self.model.service_name == "cloudwatch":
            self.measured(value, at)
        if self.model.service_name == "dynamodb":
            self.expressions(value, at)
        if self.model.service_name == "logs" and "queryString" in value:
            self.log_query(value["queryString"], f"{at}.queryString")

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
                # Without a SCHEMA, a query reads every series of the namespace.
                if not dimensions:
                    self.metric(namespace, name, [word], f"{at}.Expression")
                elif word not in dimensions:
                    self.fault("metric", f"{at}.Expression", f"`{word}` is no dimension of its SCHEMA")

    def metric(self, namespace, name, dimensions, at):
        known = self.metrics.get(namespace)
        if known is None:
            # Alarms that an answer tells of may watch anything.
            if not self.is_answer:
                self.fault("metric", at, f"no documented namespace `{namespace}`")
            return
        if name is not None and name not in known["metrics"]:
            self.fault("metric", at, f"{known['page']} has no `{name}`")
        for dimension in dimensions:
            if dimension not in known["dimensions"]:
                self.fault("metric", at, f"{known['page']} has no dimension `{dimension}`")

    def log_query(self, query, at):
        """A search through logs is a chain of known commands."""
        bare = LITERAL.sub("literal", query)
        if "\\" in bare:
            self.fault("query", at, f"a backslash stands outside of its patterns: {query}")
        for part in bare.split("|"):
            command = part.split(maxsplit=1)[:1]
            if not LOG_COMMANDS.issuperset(command or [""]):
                self.fault("query", at, f"`{part.strip()}` is no command")
            # See https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-alias.html.
            if command == ["display"] and re.search(r"\bas\b", part):
                self.fault("query", at, f"`display` takes no alias: {part.strip()}")

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
