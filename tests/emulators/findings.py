"""What a judge writes down."""

from typing import NamedTuple


class Fault(NamedTuple):
    """What is wrong, found by which check, and where in the request or the answer."""

    check: str
    at: str
    why: str


class Findings:
    """What is wrong with a request, or with an answer, of the service that `model` describes."""

    def __init__(self, metrics, model, is_answer=False):
        self.metrics, self.model, self.is_answer, self.faults = metrics, model, is_answer, []

    def fault(self, check, at, why):
        self.faults.append(Fault(check, at, why))
