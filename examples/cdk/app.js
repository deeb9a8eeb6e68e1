// Deploys the template of a release with the AWS CDK. RELEASE_FILES is the folder with the release's files.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { App, CfnOutput, CfnStack, Stack } from "aws-cdk-lib";
import { Asset } from "aws-cdk-lib/aws-s3-assets";

const architecture = "arm64";
const files = process.env.RELEASE_FILES ?? "release-files";
const zip = readdirSync(files).find((name) => name.endsWith(`-lambda-${architecture}.zip`));
if (!zip) throw new Error(`${files} has no zip for ${architecture}`);

const app = new App();
const stack = new Stack(app, "BedrockRemediator", { stackName: "bedrock-remediator" });
const code = new Asset(stack, "Code", { path: join(files, zip) });
const template = new Asset(stack, "Template", { path: join(files, "template.yaml") });
const remediator = new CfnStack(stack, "Remediator", {
  templateUrl: template.httpUrl,
  parameters: {
    CodeBucket: code.s3BucketName,
    CodeKey: code.s3ObjectKey,
    Architecture: architecture,
    NotificationEmail: "team@example.com",
    OperatorEmail: "ops@example.com",
    Mode: "observe",
  },
});
new CfnOutput(stack, "PeopleTopicArn", { value: remediator.getAtt("Outputs.PeopleTopicArn").toString() });
