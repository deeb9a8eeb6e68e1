"""Decodes a body by the shape that AWS's model gives it: JSON, CBOR, a form or XML.

What comes out has the model's names and Python's types, and holds only what fits its type.
"""

import base64
import datetime
import json
import xml.etree.ElementTree

import cbor2

from tests.emulators.findings import Findings


class Decoder(Findings):
    """Notes unknown members and wrong types on the way."""

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
                fits = is_number(raw) or raw in ("NaN", "Infinity", "-Infinity")
            case "timestamp":
                fits = leaves.is_time(raw, shape.serialization.get("timestampFormat"))
            case "blob":
                raw = leaves.bytes(raw)
                fits = raw is not None
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
            key, value = entry_names(shape)
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
        key, value = entry_names(shape)
        decoded = {}
        for entry in entries:
            parts = {local(child): child for child in entry}
            if parts.keys() != {key, value}:
                self.fault("type", at, f"an entry of {', '.join(parts)}")
                continue
            name = self.xml(shape.key, parts[key], at)
            decoded[name] = self.xml(shape.value, parts[value], f"{at}.{name}")
        return decoded


def local(element):
    return element.tag.rpartition("}")[2]


def kind(raw):
    names = {dict: "a structure", list: "a list", str: "text", bytes: "bytes", type(None): "nothing"}
    return names.get(type(raw), repr(raw))


def is_number(raw):
    return isinstance(raw, (int, float)) and not isinstance(raw, bool)


def entry_names(shape):
    """What a map's entry calls its key and its value."""
    return shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")


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
        return is_number(raw)

    @staticmethod
    def bytes(raw):
        try:
            return base64.b64decode(raw, validate=True)
        except (TypeError, ValueError):
            return None


class CborLeaves:
    """Times are tagged, bytes are bytes."""

    @staticmethod
    def load(body):
        try:
            return cbor2.loads(body)
        except cbor2.CBORDecodeError as why:
            raise ValueError(why) from why

    @staticmethod
    def is_time(raw, _form):
        return isinstance(raw, datetime.datetime)

    @staticmethod
    def bytes(raw):
        return raw if isinstance(raw, bytes) else None
