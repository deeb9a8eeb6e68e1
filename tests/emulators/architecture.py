"""What `sam build` compiles for is what the deployed function runs on, if both get the same parameters.

`sam build` reads the template before any deployment: SAM's own function provider says which architecture it builds.
"""

import re
import unittest
from pathlib import Path

from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"


def built(overrides):
    """The architecture for which `sam build --parameter-overrides` compiles."""
    stacks, _ = SamLocalStackProvider.get_stacks(str(TEMPLATE), parameter_overrides=overrides)
    function = SamFunctionProvider(stacks).get("Function")
    return function.architecture


def deployed(overrides):
    """The architecture of the function, as CloudFormation resolves it with those parameters."""
    template = yaml_parse(TEMPLATE.read_text())
    [architecture] = template["Resources"]["Function"]["Properties"]["Architectures"]
    parameter = architecture["Ref"]
    return overrides.get(parameter, template["Parameters"][parameter]["Default"])


class Architecture(unittest.TestCase):
    def test_the_build_and_the_function_agree_for_every_value(self):
        values = yaml_parse(TEMPLATE.read_text())["Parameters"]["Architecture"]["AllowedValues"]
        self.assertEqual(set(values), {"arm64", "x86_64"})
        self.assertEqual(built({}), deployed({}))
        for value in values:
            overrides = {"Architecture": value}
            self.assertEqual((built(overrides), deployed(overrides)), (value, value))
        # What happens with the parameter at the deployment only.
        self.assertNotEqual(built({}), deployed({"Architecture": "x86_64"}))

    def test_the_page_on_deployment_gives_the_architecture_to_both_commands(self):
        page = (ROOT / "docs/deploy.md").read_text().replace("\\\n", " ")
        blocks = [block for block in re.findall(r"```sh\n(.*?)```", page, re.S) if "Architecture=x86_64" in block]
        self.assertEqual(len(blocks), 1)
        commands = re.findall(r"sam (?:build|deploy)[^&\n]*", blocks[0])
        self.assertEqual([command.split()[1] for command in commands], ["build", "deploy"])
        for command in commands:
            self.assertRegex(command, r"--parameter-overrides [^\n]*Architecture=x86_64")
        self.assertIn("rustup target add x86_64-unknown-linux-gnu", blocks[0])


if __name__ == "__main__":
    unittest.main()
