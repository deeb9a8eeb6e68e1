"""The template without what ministack cannot make, and with endpoints that lead to it."""

from samtranslator.yaml_helper import yaml_parse

# ministack has no alarms over Metrics Insights queries.
SKIPPED = {
    "ThrottlesAlarm", "ClientErrorsAlarm", "ServerErrorsAlarm", "MantleClientErrorsAlarm",
    "AgentCoreThrottlesAlarm", "AgentCoreServerErrorsAlarm",
}
# It has no policies of buses either.
BUS_POLICY = "MembersBusPolicy"


def deployable(text, endpoints):
    """The template of `text` as ministack takes it. `endpoints` are variables of the function, one for each service."""
    template = yaml_parse(text)
    resources = template["Resources"]
    without = {k for k, r in resources.items() if "Metrics" in r["Properties"]}
    assert without == SKIPPED, without
    for name in (*without, BUS_POLICY):
        del resources[name]
    function = resources["Function"]["Properties"]
    # It takes a number from a parameter for text.
    function["Events"]["Queue"]["Properties"]["ScalingConfig"]["MaximumConcurrency"] = 5
    function["Environment"]["Variables"].update(endpoints)
    return template
