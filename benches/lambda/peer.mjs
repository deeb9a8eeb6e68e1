// The same job in Node, as its users would write it: SDK v3, clients made at start, one call after the other.

import { BedrockClient, GetFoundationModelAvailabilityCommand } from "@aws-sdk/client-bedrock";
import { CloudWatchClient, GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import {
  GetAWSDefaultServiceQuotaCommand, GetServiceQuotaCommand, ListRequestedServiceQuotaChangeHistoryByQuotaCommand,
  RequestServiceQuotaIncreaseCommand, ServiceQuotasClient,
} from "@aws-sdk/client-service-quotas";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";

const { TABLE_NAME, TOPIC_ARN, AWS_LAMBDA_RUNTIME_API } = process.env;
const of = { ServiceCode: "bedrock", QuotaCode: "L-F4DDD3EB" };
const dynamodb = new DynamoDBClient();
const quotas = new ServiceQuotasClient();
const metrics = new CloudWatchClient();
const bedrock = new BedrockClient();
const sns = new SNSClient();

// Writes the incident's state; false where `condition` does not hold.
async function record(key, state, condition) {
  try {
    await dynamodb.send(new UpdateItemCommand({
      TableName: TABLE_NAME,
      Key: { pk: { S: key } },
      UpdateExpression: "SET #state = :state",
      ConditionExpression: condition,
      ExpressionAttributeNames: { "#state": "state" },
      ExpressionAttributeValues: { ":state": { S: state } },
    }));
    return true;
  } catch (error) {
    if (error.name === "ConditionalCheckFailedException") return false;
    throw error;
  }
}

async function throttled(model, now) {
  const applied = (await quotas.send(new GetServiceQuotaCommand(of))).Quota.Value;
  await quotas.send(new GetAWSDefaultServiceQuotaCommand(of));
  const history = await quotas.send(new ListRequestedServiceQuotaChangeHistoryByQuotaCommand(of));
  const names = ["Invocations", "InvocationThrottles", "InputTokenCount", "OutputTokenCount"];
  await metrics.send(new GetMetricDataCommand({
    MetricDataQueries: names.map((name, n) => ({
      Id: `m0_${n}`,
      MetricStat: {
        Metric: { Namespace: "AWS/Bedrock", MetricName: name, Dimensions: [{ Name: "ModelId", Value: model }] },
        Period: 60,
        Stat: "Sum",
      },
    })),
    StartTime: new Date((now - 86400) * 1000),
    EndTime: new Date(now * 1000),
  }));
  if (history.RequestedQuotas.some(r => r.Status === "PENDING" || r.Status === "CASE_OPENED")) return "under way";
  const asked = await quotas.send(new RequestServiceQuotaIncreaseCommand({ ...of, DesiredValue: applied * 1.5, SupportCaseAllowed: true }));
  return `asked for ${asked.RequestedQuota.DesiredValue}`;
}

async function handle(event, now) {
  const { requestParameters: { modelId: model }, errorCode: code } = event.detail;
  const key = `INCIDENT#${event.account}#${event.region}#${model}#${code}`;
  if (!await record(key, "seen", "attribute_not_exists(pk)")) return { outcome: "incident" };
  let done;
  if (code === "ThrottlingException") {
    done = await throttled(model, now);
  } else {
    const modelId = model.replace(/^us\./, "");
    const state = await bedrock.send(new GetFoundationModelAvailabilityCommand({ modelId }));
    done = `the agreement is ${state.agreementAvailability.status}`;
  }
  const text = `${code}: ${model} in ${event.region}: ${done}`;
  const Message = JSON.stringify({ default: text });
  await sns.send(new PublishCommand({ TopicArn: TOPIC_ARN, Subject: text.slice(0, 99), Message, MessageStructure: "json" }));
  await record(key, "told");
  return { outcome: "incident" };
}

const runtime = `http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
for (;;) {
  const next = await fetch(`${runtime}/next`);
  const now = Math.floor(Number(next.headers.get("lambda-runtime-deadline-ms")) / 1000);
  const body = JSON.stringify(await handle(await next.json(), now));
  await fetch(`${runtime}/${next.headers.get("lambda-runtime-aws-request-id")}/response`, { method: "POST", body });
}
