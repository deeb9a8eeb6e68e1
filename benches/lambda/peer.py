"""The same job in Python, as its users would write it: boto3, clients made at start, one call after the other."""

import json
import os
import urllib.request

import boto3

REGION = os.environ["AWS_REGION"]
DYNAMODB = boto3.client("dynamodb", region_name=REGION)
QUOTAS = boto3.client("service-quotas", region_name=REGION)
METRICS = boto3.client("cloudwatch", region_name=REGION)
BEDROCK = boto3.client("bedrock", region_name=REGION)
SNS = boto3.client("sns", region_name=REGION)
TABLE, TOPIC, QUOTA = os.environ["TABLE_NAME"], os.environ["TOPIC_ARN"], "L-F4DDD3EB"


def record(key, state, **condition):
    """Writes the incident's state; false where the condition does not hold."""
    try:
        DYNAMODB.update_item(
            TableName=TABLE,
            Key={"pk": {"S": key}},
            UpdateExpression="SET #state = :state",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":state": {"S": state}},
            **condition,
        )
        return True
    except DYNAMODB.exceptions.ConditionalCheckFailedException:
        return False


def throttled(model, now):
    applied = QUOTAS.get_service_quota(ServiceCode="bedrock", QuotaCode=QUOTA)["Quota"]["Value"]
    QUOTAS.get_aws_default_service_quota(ServiceCode="bedrock", QuotaCode=QUOTA)
    history = QUOTAS.list_requested_service_quota_change_history_by_quota(ServiceCode="bedrock", QuotaCode=QUOTA)
    names = ("Invocations", "InvocationThrottles", "InputTokenCount", "OutputTokenCount")
    METRICS.get_metric_data(
        MetricDataQueries=[
            {
                "Id": f"m0_{n}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/Bedrock",
                        "MetricName": name,
                        "Dimensions": [{"Name": "ModelId", "Value": model}],
                    },
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
            for n, name in enumerate(names)
        ],
        StartTime=now - 86400,
        EndTime=now,
    )
    if any(r["Status"] in ("PENDING", "CASE_OPENED") for r in history["RequestedQuotas"]):
        return "an increase is under way"
    asked = QUOTAS.request_service_quota_increase(
        ServiceCode="bedrock", QuotaCode=QUOTA, DesiredValue=applied * 1.5, SupportCaseAllowed=True
    )
    return f"asked for {asked['RequestedQuota']['DesiredValue']}"


def handle(event, now):
    detail = event["detail"]
    model, code = detail["requestParameters"]["modelId"], detail["errorCode"]
    key = f"INCIDENT#{event['account']}#{event['region']}#{model}#{code}"
    if not record(key, "seen", ConditionExpression="attribute_not_exists(pk)"):
        return {"outcome": "incident"}
    if code == "ThrottlingException":
        done = throttled(model, now)
    else:
        base = model.split(".", 1)[1] if model.startswith("us.") else model
        state = BEDROCK.get_foundation_model_availability(modelId=base)
        done = f"the agreement is {state['agreementAvailability']['status']}"
    text = f"{code}: {model} in {event['region']}: {done}"
    SNS.publish(TopicArn=TOPIC, Subject=text[:99], Message=json.dumps({"default": text}), MessageStructure="json")
    record(key, "told")
    return {"outcome": "incident"}


def main():
    runtime = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
    while True:
        with urllib.request.urlopen(f"{runtime}/next") as answer:
            request, event = answer.headers["lambda-runtime-aws-request-id"], json.load(answer)
            now = int(answer.headers["lambda-runtime-deadline-ms"]) // 1000
        body = json.dumps(handle(event, now)).encode()
        urllib.request.urlopen(f"{runtime}/{request}/response", data=body).close()


main()
