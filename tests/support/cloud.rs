//! AWS's endpoints on loopback, each service with a port of its own, over a world of the sandbox and a
//! table. What is sent and answered has AWS's wire forms: JSON, CBOR, forms and XML.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bedrock_remediator::aws::Aws;
use bedrock_remediator::error::{Rejection, ServiceError};
use bedrock_remediator::event::{AlarmSignal, Call, ErrorSignal};
use bedrock_remediator::identity::Organization;
use bedrock_remediator::ids::{AccountId, AccountRegion, QuotaCode, QuotaService, Region};
use bedrock_remediator::incident::search::{LogKind, LogQuery};
use bedrock_remediator::installation::{EventRule, Reads, RuleState, RuleTrigger, Subscriptions, Trail};
use bedrock_remediator::model::lifecycle::{Lifecycle, ModelLife};
use bedrock_remediator::model::{ModelId, ModelKind};
use bedrock_remediator::permission::{Needed, PolicyLayer, PolicyVerdict};
use bedrock_remediator::ports::{Models, Permissions, Quotas, Records, Setup, Telemetry};
use bedrock_remediator::quota::Quota;
use bedrock_remediator::quota::request::{IncreaseRequest, QuotaValue};
use bedrock_remediator::sandbox::{Sandbox, WorldFile};
use bedrock_remediator::time::Window;
use bedrock_remediator::usage::{Endpoint, Minute, Period};
use ciborium::Value as Cbor;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::dynamo::{Refused, Table};
use super::record::{Asked, Record};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const TOPIC: &str = "arn:aws:sns:us-east-1:111122223333:people";

/// One account, and everything that is asked of it.
pub(crate) struct Cloud {
    state: Arc<Mutex<State>>,
    scheme: &'static str,
    /// Endpoint by the SDK's name of the service.
    endpoints: BTreeMap<&'static str, SocketAddr>,
    _runtime: tokio::runtime::Runtime,
}

pub(crate) struct State {
    pub(crate) world: Sandbox,
    pub(crate) table: Table,
    /// What SNS was given: the form's fields.
    pub(crate) published: Vec<BTreeMap<String, String>>,
    /// Each call as its IAM action, in order.
    pub(crate) calls: Vec<String>,
    /// Bodies that were received, for who looks for what must not be in them.
    pub(crate) bodies: Vec<String>,
    /// Whose credentials signed each call: the account of a member's session, or the cloud's own.
    pub(crate) callers: Vec<AccountId>,
    /// Answers to give instead: (IAM action, status, body), each once.
    pub(crate) instead: Vec<(String, u16, String)>,
    /// Calls that happen but whose answers are lost: IAM actions, each once.
    pub(crate) lose: Vec<String>,
    /// How long every answer takes.
    pub(crate) delay: std::time::Duration,
    /// How many calls happen. A later one is never answered and changes nothing.
    pub(crate) ends_after: Option<usize>,
}

impl State {
    fn has_ended(&self) -> bool {
        self.ends_after.is_some_and(|calls| self.calls.len() >= calls)
    }
}

const SERVICES: &[&str] = &[
    "SERVICE_QUOTAS",
    "CLOUDWATCH",
    "CLOUDWATCH_LOGS",
    "CLOUDTRAIL",
    "EVENTBRIDGE",
    "BEDROCK",
    "IAM",
    "SNS",
    "DYNAMODB",
    "STS",
];

impl Cloud {
    pub(crate) fn new(file: WorldFile) -> Self {
        Self::served(file, "http", 2, serve)
    }

    /// The same, served in another way, by so many threads.
    pub(crate) fn served(
        file: WorldFile,
        scheme: &'static str,
        threads: usize,
        serve: impl AsyncFn(Router) -> SocketAddr,
    ) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap();
        let state = Arc::new(Mutex::new(State {
            world: Sandbox::new(file, Timestamp::now()),
            table: Table::default(),
            published: Vec::new(),
            calls: Vec::new(),
            bodies: Vec::new(),
            callers: Vec::new(),
            instead: Vec::new(),
            lose: Vec::new(),
            delay: std::time::Duration::ZERO,
            ends_after: None,
        }));
        let record = Record::of_this_test().map(Arc::new);
        let endpoints = SERVICES.iter().map(|service| {
            let (state, record) = (state.clone(), record.clone());
            let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
                let (state, record) = (state.clone(), record.clone());
                async move {
                    let delay = state.lock().unwrap().delay;
                    // The runtime's own timer would round it up to the next millisecond.
                    if !delay.is_zero() {
                        tokio::task::spawn_blocking(move || std::thread::sleep(delay)).await.unwrap();
                    }
                    let answered = {
                        let state = &mut *state.lock().unwrap();
                        (!state.has_ended()).then(|| answer(state, service, &uri, &headers, &body))
                    };
                    let Some((answer, is_spoiled)) = answered else { return std::future::pending().await };
                    let Some(record) = record else { return answer };
                    let asked = Asked { service, method, uri, headers, body };
                    record.write_exchange(&asked, answer, is_spoiled).await
                }
            };
            (*service, runtime.block_on(serve(Router::new().fallback(answer))))
        });
        let endpoints = endpoints.collect();
        Self { state, scheme, endpoints, _runtime: runtime }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    /// What was published so far.
    pub(crate) fn published(&self) -> Vec<BTreeMap<String, String>> {
        self.state().published.clone()
    }

    /// Begins anew in another world.
    pub(crate) fn reset(&self, file: WorldFile) {
        let mut state = self.state();
        state.world = Sandbox::new(file, Timestamp::now());
        state.table = Table::default();
        state.published.clear();
        state.calls.clear();
        state.bodies.clear();
        state.callers.clear();
    }

    /// What sends the SDK here.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let endpoint = |(service, address)| {
            (format!("AWS_ENDPOINT_URL_{service}"), format!("{}://{address}", self.scheme))
        };
        let mut all: Vec<_> = self.endpoints.iter().map(endpoint).collect();
        for (name, value) in [
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
            ("AWS_SESSION_TOKEN", "example"),
        ] {
            all.push((name.to_owned(), value.to_owned()));
        }
        all
    }

    /// The adapters, sent to this cloud's `service` whatever they call.
    pub(crate) fn aws(&self, service: &str) -> Aws {
        let aws = aws_at(&format!("http://{}", self.endpoints[service]));
        aws.works_for(AccountId::parse(ACCOUNT).unwrap());
        aws
    }
}

/// The endpoint of each service.
#[derive(Debug)]
struct Endpoints(BTreeMap<String, String>);

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        self.0.get(&format!("{}_{service}", key.env())).cloned()
    }
}

/// The adapters with some endpoint for all services, the ledger in the table `ledger`.
pub(crate) fn aws_at(endpoint: &str) -> Aws {
    let secret = aws_sdk_dynamodb::config::Credentials::new("AKIDEXAMPLE", "example", None, None, "tests");
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new(REGION))
        .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(secret))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .build();
    Aws::new(config).with_table("ledger", "tests").with_topic(TOPIC)
}

impl Cloud {
    /// The adapters of an organization's hub, sent to each service of this cloud.
    pub(crate) fn hub(&self, organization: Organization) -> Aws {
        let secret =
            aws_sdk_dynamodb::config::Credentials::new("AKIDEXAMPLE", "example", None, None, "tests");
        let config = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new(REGION))
            .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(secret))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .service_config(Endpoints(self.variables().into_iter().collect()))
            .build();
        let aws = Aws::new(config).with_organization(Some(organization));
        aws.works_for(AccountId::parse(ACCOUNT).unwrap());
        aws
    }
}

pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// The sandbox waits for nobody but itself.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}

/// The key of a member's session, after which its account stands.
const SESSION_KEY: &str = "ASIA";

/// The account whose credentials signed a call, and the Region it was signed for.
fn place(headers: &HeaderMap) -> AccountRegion {
    let scope = headers["authorization"].to_str().unwrap().split("Credential=").nth(1).unwrap();
    let key = scope.split('/').next().unwrap();
    let account = key.strip_prefix(SESSION_KEY).unwrap_or(ACCOUNT);
    AccountRegion {
        account: AccountId::parse(account).unwrap(),
        region: Region::parse(&region(headers)).unwrap(),
    }
}

/// The Region a call was signed for.
fn region(headers: &HeaderMap) -> String {
    let scope = headers["authorization"].to_str().unwrap().split("Credential=").nth(1).unwrap();
    scope.split('/').nth(2).unwrap().to_owned()
}

/// The answer, and whether a test gave it on purpose.
fn answer(state: &mut State, service: &str, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> (Response, bool) {
    state.bodies.push(String::from_utf8_lossy(body).into_owned());
    let place = place(headers);
    state.callers.push(place.account.clone());
    let target = headers.get("x-amz-target").and_then(|t| t.to_str().ok()).unwrap_or_default();
    let operation = target.split('.').next_back().unwrap_or_default().to_owned();
    let action = match service {
        "SERVICE_QUOTAS" => format!("servicequotas:{operation}"),
        "DYNAMODB" => format!("dynamodb:{operation}"),
        "CLOUDWATCH" => format!("cloudwatch:{}", uri.path().rsplit('/').next().unwrap()),
        "CLOUDWATCH_LOGS" => format!("logs:{operation}"),
        "CLOUDTRAIL" => format!("cloudtrail:{operation}"),
        "EVENTBRIDGE" => format!("events:{operation}"),
        "IAM" => {
            let form: BTreeMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
            format!("iam:{}", form["Action"])
        }
        "SNS" => {
            let form: BTreeMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
            format!("sns:{}", form["Action"])
        }
        "STS" => {
            let form: BTreeMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
            format!("sts:{}", form["Action"])
        }
        _ => match uri.path() {
            "/foundation-models" => "bedrock:ListFoundationModels".to_owned(),
            "/inference-profiles" => "bedrock:ListInferenceProfiles".to_owned(),
            "/use-case-for-model-access" => "bedrock:GetUseCaseForModelAccess".to_owned(),
            "/logging/modelinvocations" => "bedrock:GetModelInvocationLoggingConfiguration".to_owned(),
            path if path.starts_with("/list-foundation-model-agreement-offers/") => {
                "bedrock:ListFoundationModelAgreementOffers".to_owned()
            }
            path if path.starts_with("/inference-profiles/") => "bedrock:GetInferenceProfile".to_owned(),
            path if path.starts_with("/foundation-model-availability/") => {
                "bedrock:GetFoundationModelAvailability".to_owned()
            }
            _ => "bedrock:GetFoundationModel".to_owned(),
        },
    };
    state.calls.push(action.clone());
    if let Some(at) = state.instead.iter().position(|(instead, ..)| *instead == action) {
        let (_, status, body) = state.instead.remove(at);
        let headers = [("smithy-protocol", "rpc-v2-cbor")];
        return ((StatusCode::from_u16(status).unwrap(), headers, body).into_response(), true);
    }
    let happened = match service {
        "SERVICE_QUOTAS" => json_answer(quotas(&state.world, &place, &operation, &read(body))),
        "DYNAMODB" => json_answer(state.table.call(&operation, &read(body))),
        // An SDK that speaks JSON to CloudWatch is only measured; what it reads is empty.
        "CLOUDWATCH" if operation == "GetMetricData" => json_answer(Ok(json!({ "MetricDataResults": [] }))),
        "CLOUDWATCH" if action == "cloudwatch:GetMetricData" => metrics(&state.world, &place, body),
        "CLOUDWATCH" => alarms(&state.world, &place, &action, body),
        "CLOUDWATCH_LOGS" => json_answer(logs(&state.world, &place, &operation, &read(body))),
        "CLOUDTRAIL" if operation == "LookupEvents" => {
            json_answer(trail(&state.world, &place, &read(body)))
        }
        "CLOUDTRAIL" | "EVENTBRIDGE" => {
            json_answer(setup(&state.world, &place, &operation, &read(body)))
        }
        "IAM" => iam(&state.world, &place, body),
        "SNS" if action == "sns:GetTopicAttributes" => {
            let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
            let of_topic = at_once(state.world.subscriptions(&form["TopicArn"])).unwrap();
            let Subscriptions { confirmed, pending } = of_topic;
            format!(
                "<GetTopicAttributesResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><GetTopicAttributesResult><Attributes><entry><key>SubscriptionsConfirmed</key><value>{confirmed}</value></entry><entry><key>SubscriptionsPending</key><value>{pending}</value></entry></Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>"
            )
            .into_response()
        }
        "SNS" => publish(state, body),
        "STS" if action == "sts:AssumeRole" => session(body),
        "STS" => format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/ann</Arn><Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        )
        .into_response(),
        _ => bedrock(&state.world, &place, uri.path(), uri.query().unwrap_or_default()),
    };
    match state.lose.iter().position(|lost| *lost == action) {
        Some(at) => {
            state.lose.remove(at);
            (StatusCode::INTERNAL_SERVER_ERROR.into_response(), true)
        }
        None => (happened, false),
    }
}

fn read(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

fn json_answer(answer: Result<Value, Refused>) -> Response {
    match answer {
        Ok(body) => body.to_string().into_response(),
        Err(Refused { code, mut body }) => {
            body["__type"] = json!(format!("com.amazonaws#{code}"));
            let status = if code == "ServiceException" { 500 } else { 400 };
            (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
        }
    }
}

/// Service Quotas' own words for what the sandbox says in ours.
fn refused(error: ServiceError) -> Refused {
    let code = match &error {
        ServiceError::Denied(_) => "AccessDeniedException",
        ServiceError::Throttled => "TooManyRequestsException",
        ServiceError::Rejected(Rejection::AlreadyOpen, _) => "ResourceAlreadyExistsException",
        ServiceError::Rejected(Rejection::TooManyOpen, _) => "QuotaExceededException",
        ServiceError::Rejected(..) => "IllegalArgumentException",
        ServiceError::Unavailable(_) | ServiceError::UnknownOutcome => "ServiceException",
    };
    let text = match error {
        ServiceError::Rejected(_, text) => text,
        other => other.to_string(),
    };
    Refused { code, body: json!({ "Message": text }) }
}

fn change(request: &IncreaseRequest) -> Value {
    json!({
        "Id": request.id, "CaseId": request.case_id, "ServiceCode": request.code.service(), "QuotaCode": request.code.code(),
        "DesiredValue": request.desired, "Status": request.status,
        "Created": request.created.as_millisecond() as f64 / 1000.0,
    })
}

/// What AWS says of something that does not exist.
fn no_such_resource() -> Refused {
    Refused {
        code: "NoSuchResourceException",
        body: json!({ "Message": "The specified resource does not exist." }),
    }
}

fn quotas(world: &Sandbox, place: &AccountRegion, operation: &str, input: &Value) -> Result<Value, Refused> {
    if operation == "GetRequestedServiceQuotaChange" {
        let request = at_once(world.request(place, input["RequestId"].as_str().unwrap())).map_err(refused)?;
        return Ok(json!({ "RequestedQuota": change(&request.ok_or_else(no_such_resource)?) }));
    }
    let service = QuotaService::parse(input["ServiceCode"].as_str().unwrap()).unwrap();
    let code = || QuotaCode::of(service, input["QuotaCode"].as_str().unwrap()).unwrap();
    let value = |value: Result<Option<QuotaValue>, ServiceError>| {
        let value = value.map_err(refused)?.ok_or_else(no_such_resource)?;
        let quota = json!({ "ServiceCode": service, "QuotaCode": code().code(), "Value": value.value, "Adjustable": value.adjustable });
        Ok(json!({ "Quota": quota }))
    };
    match operation {
        "GetServiceQuota" => value(at_once(world.applied(place, &code()))),
        "GetAWSDefaultServiceQuota" => value(at_once(world.default_value(place, &code()))),
        "ListRequestedServiceQuotaChangeHistoryByQuota" => {
            let history = at_once(world.history(place, &code())).map_err(refused)?;
            Ok(json!({ "RequestedQuotas": history.iter().map(change).collect::<Vec<_>>() }))
        }
        "ListServiceQuotas" | "ListAWSDefaultServiceQuotas" => {
            let all = at_once(world.listing(place, service)).map_err(refused)?;
            let (size, page) = (input["MaxResults"].as_u64().unwrap(), input["NextToken"].as_str());
            let from = page.map_or(0, |page| page.parse().unwrap());
            let quotas = all.quotas().iter().skip(from).take(usize::try_from(size).unwrap());
            let value = |q: &Quota| match operation {
                "ListServiceQuotas" => q.value,
                _ => at_once(world.default_value(place, &q.code)).unwrap().map(|default| default.value),
            };
            let quotas: Vec<_> = quotas
                .map(|q| json!({ "ServiceCode": service, "QuotaCode": q.code.code(), "QuotaName": q.name, "Adjustable": q.adjustable, "Value": value(q) }))
                .collect();
            let next = from + quotas.len();
            let next = (next < all.quotas().len()).then(|| next.to_string());
            Ok(json!({ "Quotas": quotas, "NextToken": next }))
        }
        "RequestServiceQuotaIncrease" => {
            assert_eq!(input["SupportCaseAllowed"], true);
            let desired = input["DesiredValue"].as_f64().unwrap();
            let filed = at_once(world.request_increase(place, &code(), desired)).map_err(refused)?;
            Ok(json!({ "RequestedQuota": change(&filed) }))
        }
        other => panic!("unknown operation {other}"),
    }
}

fn publish(state: &mut State, body: &[u8]) -> Response {
    let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    assert_eq!((form["Action"].as_str(), form["TopicArn"].as_str()), ("Publish", TOPIC));
    state.published.push(form);
    let id = state.published.len();
    format!(
        "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>m-{id}</MessageId></PublishResult></PublishResponse>"
    )
    .into_response()
}

/// What only people ask.
fn setup(world: &Sandbox, place: &AccountRegion, operation: &str, input: &Value) -> Result<Value, Refused> {
    let trails = at_once(world.trails(place)).map_err(refused)?;
    let named = |key: &str| {
        trails.iter().find(|t| input[key].as_str().unwrap().ends_with(&format!("trail/{}", t.name))).unwrap()
    };
    Ok(match operation {
        "DescribeTrails" => {
            assert_eq!(input["includeShadowTrails"], true);
            let one = |t: &Trail| {
                let owner = match &t.records_reads {
                    Ok(Reads::OfAccount(account)) => account.as_str(),
                    _ => ACCOUNT,
                };
                let arn = format!("arn:aws:cloudtrail:eu-west-1:{owner}:trail/{}", t.name);
                json!({ "Name": t.name, "HomeRegion": "eu-west-1", "TrailARN": arn, "IsOrganizationTrail": owner != ACCOUNT })
            };
            json!({ "trailList": trails.iter().map(one).collect::<Vec<_>>() })
        }
        "GetTrailStatus" => {
            assert_eq!(place.region.as_str(), "eu-west-1", "a trail is asked where it is at home");
            json!({ "IsLogging": named("Name").is_logging.clone().map_err(refused)? })
        }
        "GetEventSelectors" => {
            let trail = named("TrailName");
            let records_reads = match trail.records_reads.clone().map_err(refused)? {
                Reads::Recorded => true,
                Reads::LeftOut => false,
                Reads::OfAccount(_) => {
                    let body = json!({ "Message": "Unknown trail: for the user." });
                    return Err(Refused { code: "TrailNotFoundException", body });
                }
            };
            let field = |name: &str, value: &str| json!({ "Field": name, "Equals": [value] });
            if trail.name.contains("advanced") {
                let mut fields = vec![field("eventCategory", "Management")];
                fields.extend((!records_reads).then(|| field("readOnly", "false")));
                json!({ "AdvancedEventSelectors": [{ "FieldSelectors": fields }] })
            } else {
                let kind = if records_reads { "All" } else { "WriteOnly" };
                json!({ "EventSelectors": [{ "ReadWriteType": kind, "IncludeManagementEvents": true }] })
            }
        }
        "ListRules" => {
            let rules =
                at_once(world.rules(place, input["NamePrefix"].as_str().unwrap())).map_err(refused)?;
            let state = |state: RuleState| match state {
                RuleState::Disabled => "DISABLED",
                RuleState::Enabled => "ENABLED",
                RuleState::EnabledWithReads => "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
            };
            let one = |rule: &EventRule| match &rule.trigger {
                RuleTrigger::Schedule => {
                    json!({ "Name": rule.name, "State": state(rule.state), "ScheduleExpression": "rate(5 minutes)" })
                }
                RuleTrigger::Events(types) => {
                    let mut types: Vec<Value> = types.iter().map(|one| json!(one)).collect();
                    types.push(json!({ "prefix": "Another" }));
                    let pattern = json!({ "source": ["aws.example"], "detail-type": types });
                    json!({ "Name": rule.name, "State": state(rule.state), "EventPattern": pattern.to_string() })
                }
            };
            json!({ "Rules": rules.iter().map(one).collect::<Vec<_>>() })
        }
        other => panic!("unknown operation {other}"),
    })
}

/// The time of a window's end, in whole seconds.
fn seconds(value: &Value) -> Timestamp {
    Timestamp::from_second(value.as_f64().unwrap() as i64).unwrap()
}

fn window(input: &Value) -> Window {
    Window { from: seconds(&input["StartTime"]), to: seconds(&input["EndTime"]) }
}

fn trail(world: &Sandbox, place: &AccountRegion, input: &Value) -> Result<Value, Refused> {
    let by = |key: &str, value: &str| json!([{ "AttributeKey": key, "AttributeValue": value }]);
    assert_eq!(input["MaxResults"], 50);
    let mut recorded = at_once(world.recorded(place, window(input), usize::MAX)).map_err(refused)?;
    if input["LookupAttributes"] == by("Username", "root") {
        let is_root = |caller: &Option<String>| {
            caller.as_deref().is_some_and(|arn| arn.ends_with(":root") || arn.ends_with("/root"))
        };
        recorded.errors.retain(|e| is_root(&e.caller));
        recorded.calls.retain(|c| is_root(&c.caller));
    } else {
        assert_eq!(input["LookupAttributes"], by("EventSource", "bedrock.amazonaws.com"));
    }
    let from: usize = input["NextToken"].as_str().map_or(0, |page| page.parse().unwrap());
    let event = |e: &ErrorSignal| {
        let record = json!({
            "eventSource": "bedrock.amazonaws.com", "eventName": e.operation, "awsRegion": place.region,
            "eventTime": e.at, "errorCode": e.code, "errorMessage": e.message,
            "recipientAccountId": ACCOUNT, "requestParameters": { "modelId": e.model },
            "userIdentity": { "arn": e.caller }, "sourceIPAddress": "10.0.0.7",
            "userAgent": "Boto3/1.42.0 md/Botocore#1.42.0",
        });
        json!({ "EventName": "Converse", "CloudTrailEvent": record.to_string() })
    };
    let call = |c: &Call| {
        let record = json!({
            "eventSource": "bedrock.amazonaws.com", "eventName": "InvokeModel", "awsRegion": place.region,
            "eventTime": c.at, "requestParameters": { "modelId": c.model },
            "userIdentity": { "arn": c.caller }, "sourceIPAddress": "10.0.0.7",
        });
        json!({ "EventName": "InvokeModel", "CloudTrailEvent": record.to_string() })
    };
    let all: Vec<_> = recorded.errors.iter().map(event).chain(recorded.calls.iter().map(call)).collect();
    let events: Vec<_> = all.iter().skip(from).take(50).collect();
    let next = from + events.len();
    let next = (next < all.len()).then(|| next.to_string());
    Ok(json!({ "Events": events, "NextToken": next }))
}

fn logs(world: &Sandbox, place: &AccountRegion, operation: &str, input: &Value) -> Result<Value, Refused> {
    if operation == "StartQuery" {
        let query = input["queryString"].as_str().unwrap();
        let shown = query.rsplit("display ").next().unwrap();
        assert!(!shown.contains("message") && !shown.contains('*'), "{query}");
        // `display` takes no aliases.
        assert_eq!(shown, "@timestamp, code, model, request, caller");
        let kind = if query.contains("errorCode") { LogKind::Invocation } else { LogKind::Application };
        let groups: Vec<String> = input["logGroupNames"]
            .as_array()
            .unwrap()
            .iter()
            .map(|g| g.as_str().unwrap().to_owned())
            .collect();
        let window = Window { from: seconds(&input["startTime"]), to: seconds(&input["endTime"]) };
        let begun = at_once(world.start_query(place, kind, &groups, window)).map_err(refused)?;
        return Ok(json!({ "queryId": format!("{kind}/{}", begun.id) }));
    }
    let (kind, id) = input["queryId"].as_str().unwrap().split_once('/').unwrap();
    let query = LogQuery { kind: LogKind::parse(kind).unwrap(), id: id.to_owned() };
    let Some(found) = at_once(world.query_results(place, &query)).map_err(refused)? else {
        return Ok(json!({ "status": "Running", "results": [] }));
    };
    let field = |name: &str, value: Value| json!({ "field": name, "value": value });
    let row = |e: &ErrorSignal| {
        let at = e.at.unwrap().strftime("%F %T%.3f").to_string();
        json!([
            field("@timestamp", json!(at)),
            field("code", json!(e.code)),
            field("model", json!(e.model)),
            field("request", json!("6e923f6e-9b62-4d97-8330-0e73bddee0f7")),
            field("caller", json!(e.caller)),
            field("@ptr", json!("CmEKJgoiMTExMTIyMjIzMzMz")),
            // Nobody asked for it; whoever reads it is found out.
            field("@message", json!("CANARY: a prompt")),
        ])
    };
    Ok(json!({ "status": "Complete", "results": found.iter().map(row).collect::<Vec<_>>() }))
}

fn iam(world: &Sandbox, place: &AccountRegion, body: &[u8]) -> Response {
    let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let xmlns = "xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"";
    if form["Action"] == "GetRole" {
        let name = &form["RoleName"];
        return format!(
            "<GetRoleResponse {xmlns}><GetRoleResult><Role><Path>/services/</Path><RoleName>{name}</RoleName><RoleId>AROAEXAMPLEEXAMPLE</RoleId><Arn>arn:aws:iam::{ACCOUNT}:role/services/{name}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role></GetRoleResult></GetRoleResponse>"
        )
        .into_response();
    }
    if !form.contains_key("ContextEntries.member.1.ContextKeyName") {
        let actions: Vec<&str> =
            (1..).map_while(|n| form.get(&format!("ActionNames.member.{n}"))).map(String::as_str).collect();
        let (role, resource) = (&form["PolicySourceArn"], &form["ResourceArns.member.1"]);
        let Some(verdicts) = at_once(world.rights(place, role, &actions, resource)).unwrap() else {
            return no_such_entity(xmlns);
        };
        let one = |(action, verdict): (&&str, &PolicyVerdict)| {
            let decision = if *verdict == PolicyVerdict::Allowed { "allowed" } else { "implicitDeny" };
            format!(
                "<member><EvalActionName>{action}</EvalActionName><EvalDecision>{decision}</EvalDecision></member>"
            )
        };
        let results: String = actions.iter().zip(&verdicts).map(one).collect();
        return format!("<SimulatePrincipalPolicyResponse {xmlns}><SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>{results}</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>").into_response();
    }
    let entry = |n: usize, part: &str| form.get(&format!("ContextEntries.member.{n}.{part}")).cloned();
    assert_eq!(entry(1, "ContextKeyName").as_deref(), Some("aws:RequestedRegion"));
    let needed = Needed {
        arn: form["ResourceArns.member.1"].clone(),
        requested_region: entry(1, "ContextKeyValues.member.1").unwrap(),
        profile: entry(2, "ContextKeyValues.member.1"),
    };
    // The simulator knows a role by its whole ARN only.
    let source = &form["PolicySourceArn"];
    assert!(source.contains("/services/"), "{source}");
    let caller = source.replace("/services/", "/");
    let asked = at_once(world.simulate(place, &caller, &form["ActionNames.member.1"], &[needed]));
    let Some(ruling) = asked.unwrap().map(|rulings| rulings[0].clone()) else { return no_such_entity(xmlns) };
    let decision = match ruling.verdict {
        PolicyVerdict::Allowed => "allowed",
        PolicyVerdict::ExplicitDeny => "explicitDeny",
        PolicyVerdict::ImplicitDeny | PolicyVerdict::Undetermined => "implicitDeny",
    };
    let missing: Vec<_> = ruling.missing_context.iter().map(|k| format!("<member>{k}</member>")).collect();
    let missing = missing.concat();
    let organization = ruling.layer == Some(PolicyLayer::Organization);
    let boundary = ruling.layer == Some(PolicyLayer::PermissionsBoundary);
    format!(
        "<SimulatePrincipalPolicyResponse {xmlns}><SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults><member><EvalActionName>{}</EvalActionName><EvalResourceName>{}</EvalResourceName><EvalDecision>{decision}</EvalDecision><MatchedStatements/><MissingContextValues>{missing}</MissingContextValues><OrganizationsDecisionDetail><AllowedByOrganizations>{}</AllowedByOrganizations></OrganizationsDecisionDetail><PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>{}</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail></member></EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>",
        form["ActionNames.member.1"], ruling.resource, !organization, !boundary,
    )
    .into_response()
}

fn no_such_entity(xmlns: &str) -> Response {
    let error = format!(
        "<ErrorResponse {xmlns}><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>No such principal.</Message></Error></ErrorResponse>"
    );
    (StatusCode::NOT_FOUND, error).into_response()
}

/// A session of the role that `AssumeRole` names.
fn session(body: &[u8]) -> Response {
    let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let role = &form["RoleArn"];
    let account = role.split(':').nth(4).unwrap();
    let ends = Timestamp::now() + SignedDuration::from_hours(1);
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials><AccessKeyId>{SESSION_KEY}{account}</AccessKeyId><SecretAccessKey>example</SecretAccessKey><SessionToken>example</SessionToken><Expiration>{ends:.0}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>AROAEXAMPLEEXAMPLE:session</AssumedRoleId><Arn>{role}</Arn></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"
    )
    .into_response()
}

/// `DescribeAlarmContributors` and `DescribeAlarms`.
fn alarms(world: &Sandbox, place: &AccountRegion, action: &str, body: &[u8]) -> Response {
    let input: Cbor = ciborium::from_reader(body).unwrap();
    let text = |t: &str| Cbor::Text(t.to_owned());
    let map = |pairs: Vec<(&str, Cbor)>| Cbor::Map(pairs.into_iter().map(|(k, v)| (text(k), v)).collect());
    if action == "cloudwatch:DescribeAlarmContributors" {
        let name = field(&input, "AlarmName").unwrap().as_text().unwrap();
        let models = match at_once(world.contributors(place, name)) {
            Ok(Some(models)) => models,
            Ok(None) => return cbor_error(404, "ResourceNotFoundException", "The alarm does not exist."),
            Err(error) => return cbor_refused(&error),
        };
        let described = at_once(world.alarms(place, &[name.to_owned()])).unwrap();
        let (_, dimension) = described[0].metric.series();
        let one = |series: &String| {
            map(vec![
                ("ContributorId", text("6d442278dba546f6")),
                ("ContributorAttributes", map(vec![(dimension, text(series))])),
                ("StateReason", text("Threshold Crossed")),
            ])
        };
        // A page holds two.
        let from: usize =
            field(&input, "NextToken").map_or(0, |token| token.as_text().unwrap().parse().unwrap());
        let page = models.iter().skip(from).take(2).map(one).collect();
        let mut answer = vec![("AlarmContributors", Cbor::Array(page))];
        if models.len() > from + 2 {
            answer.push(("NextToken", text(&(from + 2).to_string())));
        }
        return cbor(StatusCode::OK, &map(answer));
    }
    if let Some(prefix) = field(&input, "AlarmNamePrefix") {
        let alarms = at_once(world.own_alarms(place, prefix.as_text().unwrap())).unwrap();
        let one = |(name, acts): &(String, bool)| {
            map(vec![("AlarmName", text(name)), ("ActionsEnabled", Cbor::Bool(*acts))])
        };
        return cbor(
            StatusCode::OK,
            &map(vec![("MetricAlarms", Cbor::Array(alarms.iter().map(one).collect()))]),
        );
    }
    if action == "cloudwatch:ListMetrics" {
        let namespace = field(&input, "Namespace").unwrap().as_text().unwrap();
        let (endpoint, named, calls) = of_namespace(namespace);
        assert_eq!(field(&input, "MetricName").unwrap().as_text(), Some(calls));
        let models = at_once(world.used(place, endpoint)).unwrap();
        let one = |name: &str, value: &str| map(vec![("Name", text(name)), ("Value", text(value))]);
        let metric = |dimensions| map(vec![("Dimensions", Cbor::Array(dimensions))]);
        let alone = models.iter().map(|m| metric(vec![one(named, m.as_str())]));
        // The same calls again, by another dimension as well.
        let again =
            models.iter().map(|m| metric(vec![one(named, m.as_str()), one("ServiceTier", "default")]));
        return cbor(StatusCode::OK, &map(vec![("Metrics", Cbor::Array(alone.chain(again).collect()))]));
    }
    assert_eq!(field(&input, "StateValue").unwrap().as_text(), Some("ALARM"));
    let names = field(&input, "AlarmNames").unwrap().as_array().unwrap();
    let names: Vec<String> = names.iter().map(|n| n.as_text().unwrap().to_owned()).collect();
    let described = match at_once(world.alarms(place, &names)) {
        Ok(alarms) => alarms,
        Err(error) => return cbor_refused(&error),
    };
    let one = |alarm: &AlarmSignal| {
        let (metric, (namespace, dimension)) = (alarm.metric.name().unwrap(), alarm.metric.series());
        let mut pairs = vec![("AlarmName", text(&alarm.name))];
        if alarm.has_contributors {
            let from = if alarm.metric.is_of_agent_core() {
                format!("\"{namespace}\"")
            } else {
                format!("SCHEMA(\"{namespace}\", {dimension})")
            };
            let query = format!("SELECT SUM({metric}) FROM {from} GROUP BY {dimension} ORDER BY SUM() DESC");
            let query = map(vec![("Id", text("q1")), ("Expression", text(&query))]);
            pairs.push(("Metrics", Cbor::Array(vec![query])));
        } else {
            let series = alarm.models.iter().map(ModelId::as_str).chain(alarm.operation.as_deref());
            let pair = |value: &str| map(vec![("Name", text(dimension)), ("Value", text(value))]);
            pairs.push(("Namespace", text(namespace)));
            pairs.push(("MetricName", text(metric)));
            pairs.push(("Dimensions", Cbor::Array(series.map(pair).collect())));
        }
        map(pairs)
    };
    cbor(StatusCode::OK, &map(vec![("MetricAlarms", Cbor::Array(described.iter().map(one).collect()))]))
}

fn lifecycle(life: &ModelLife) -> Value {
    json!({
        "status": if life.lifecycle == Lifecycle::Legacy { "LEGACY" } else { "ACTIVE" },
        "startOfLifeTime": life.launched, "legacyTime": life.legacy_from,
        "publicExtendedAccessTime": life.extended_from, "endOfLifeTime": life.ends,
    })
}

/// A model's ARN in the Region of `place`.
fn model_arn(place: &AccountRegion, id: &str) -> String {
    format!("arn:aws:bedrock:{}::foundation-model/{id}", place.region)
}

/// An inference profile as Bedrock describes it.
fn profile(place: &AccountRegion, id: &str, kind: &str, models: &[String]) -> Value {
    let path = if kind == "APPLICATION" { "application-inference-profile" } else { "inference-profile" };
    let models: Vec<_> = models.iter().map(|arn| json!({ "modelArn": arn })).collect();
    json!({
        "inferenceProfileName": "profile", "inferenceProfileId": id,
        "inferenceProfileArn": format!("arn:aws:bedrock:{}:{ACCOUNT}:{path}/{id}", place.region),
        "models": models, "status": "ACTIVE", "type": kind,
    })
}

fn bedrock(world: &Sandbox, place: &AccountRegion, path: &str, query: &str) -> Response {
    let refused = |status, code: &'static str| {
        let headers = [("x-amzn-errortype", code)];
        (status, headers, json!({ "message": "It is not known." }).to_string()).into_response()
    };
    let missing = || refused(StatusCode::NOT_FOUND, "ResourceNotFoundException");
    // A list is never missing.
    let denied = || refused(StatusCode::FORBIDDEN, "AccessDeniedException");
    let path = path.trim_matches('/');
    if path == "foundation-models" && !query.contains("byInferenceType") {
        let Ok(lives) = at_once(world.lives(place)) else { return denied() };
        let one = |(id, life): &(ModelId, ModelLife)| json!({ "modelArn": model_arn(place, id.as_str()), "modelId": id, "modelLifecycle": lifecycle(life) });
        return json!({ "modelSummaries": lives.iter().map(one).collect::<Vec<_>>() })
            .to_string()
            .into_response();
    }
    if let "foundation-models" | "inference-profiles" = path {
        let Ok(offered) = at_once(world.offered(place)) else { return denied() };
        let is_profile = |id: &ModelId| matches!(id.kind(), ModelKind::Geographic | ModelKind::Global);
        let (profiles, models): (Vec<_>, Vec<_>) = offered.iter().partition(|id| is_profile(id));
        let model = |id: &&ModelId| json!({ "modelArn": model_arn(place, id.as_str()), "modelId": id });
        let system =
            |id: &&ModelId| profile(place, id.as_str(), "SYSTEM_DEFINED", &[model_arn(place, id.base())]);
        let body = if path == "foundation-models" {
            json!({ "modelSummaries": models.iter().map(model).collect::<Vec<_>>() })
        } else {
            json!({ "inferenceProfileSummaries": profiles.iter().map(system).collect::<Vec<_>>() })
        };
        return body.to_string().into_response();
    }
    if path == "use-case-for-model-access" {
        // One form serves all of Anthropic's models.
        let mut submitted = true;
        world.change(|file| submitted = file.availability.iter().all(|m| m.form_submitted != Some(false)));
        let form = STANDARD.encode(json!({ "companyName": "Example" }).to_string());
        return if submitted { json!({ "formData": form }).to_string().into_response() } else { missing() };
    }
    if path == "logging/modelinvocations" {
        let Ok(group) = at_once(world.invocation_logging(place)) else { return denied() };
        let role = format!("arn:aws:iam::{ACCOUNT}:role/bedrock-logs");
        let config =
            group.map(|group| json!({ "cloudWatchConfig": { "logGroupName": group, "roleArn": role } }));
        return json!({ "loggingConfig": config }).to_string().into_response();
    }
    let (kind, id) = path.split_once('/').unwrap();
    let id = id.replace("%3A", ":");
    let Some(model) = ModelId::parse(&id) else { return missing() };
    if kind == "inference-profiles" {
        let Some(arns) = at_once(world.profile_models(place, &model)).unwrap() else { return missing() };
        return profile(place, &id, "APPLICATION", &arns).to_string().into_response();
    }
    if kind == "list-foundation-model-agreement-offers" {
        let Some(offers) = at_once(world.agreement_offers(place, &model)).unwrap() else { return missing() };
        let offer = json!({ "offerToken": "token", "termDetails": {
            "usageBasedPricingTerm": { "rateCard": [] }, "legalTerm": {}, "supportTerm": {},
        } });
        return json!({ "modelId": id, "offers": vec![offer; offers] }).to_string().into_response();
    }
    let Some(known) = at_once(world.model_state(place, &model)).unwrap() else { return missing() };
    let body = if kind == "foundation-model-availability" {
        json!({
            "modelId": id, "agreementAvailability": { "status": known.agreement },
            "authorizationStatus": if known.authorized { "AUTHORIZED" } else { "NOT_AUTHORIZED" },
            "entitlementAvailability": "AVAILABLE", "regionAvailability": known.region,
        })
    } else {
        let Some(life) = known.life.unwrap() else { return missing() };
        json!({ "modelDetails": {
            "modelArn": model_arn(place, &id), "modelId": id, "modelLifecycle": lifecycle(&life),
        } })
    };
    body.to_string().into_response()
}

fn field<'a>(of: &'a Cbor, name: &str) -> Option<&'a Cbor> {
    of.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

/// Seconds since 1970, which CBOR tags with 1.
fn time(value: &Cbor) -> Timestamp {
    let Cbor::Tag(1, seconds) = value else { panic!("{value:?} is no time") };
    let seconds = seconds.as_float().map(|s| s as i64).or_else(|| i64::try_from(seconds.as_integer()?).ok());
    Timestamp::from_second(seconds.unwrap()).unwrap()
}

fn measured(name: &str, minute: &Minute) -> Option<f64> {
    let value = match name {
        "Invocations" | "Inferences" => minute.invocations,
        "InvocationThrottles" => minute.throttles,
        "InvocationClientErrors" | "InferenceClientErrors" => minute.client_errors,
        "InvocationServerErrors" => minute.server_errors,
        "InputTokenCount" | "TotalInputTokens" => minute.input_tokens,
        "OutputTokenCount" | "TotalOutputTokens" => minute.output_tokens,
        "CacheWriteInputTokens" => minute.cache_write_tokens,
        "EstimatedTPMQuotaUsage" => return minute.quota_tokens,
        "LegacyModelInvocations" => minute.legacy_invocations,
        other => panic!("unknown metric {other}"),
    };
    (value > 0.0).then_some(value)
}

fn metrics(world: &Sandbox, place: &AccountRegion, body: &[u8]) -> Response {
    let input: Cbor = ciborium::from_reader(body).unwrap();
    let window = Window {
        from: time(field(&input, "StartTime").unwrap()),
        to: time(field(&input, "EndTime").unwrap()),
    };
    let text = |of: &Cbor, name: &str| field(of, name).unwrap().as_text().unwrap().to_owned();
    let map = |pairs: Vec<(&str, Cbor)>| {
        Cbor::Map(pairs.into_iter().map(|(k, v)| (Cbor::Text(k.to_owned()), v)).collect())
    };
    let mut results = Vec::new();
    for query in field(&input, "MetricDataQueries").unwrap().as_array().unwrap() {
        let id = text(query, "Id");
        if let Some(expression) = field(query, "Expression") {
            let expression = expression.as_text().unwrap();
            if expression.starts_with("SUM(SEARCH(") {
                let name = expression.split("MetricName=\"").nth(1).unwrap().split('"').next().unwrap();
                let value = measured(name, &at_once(world.volume(place, window)).unwrap());
                let values = value.map(Cbor::Float).into_iter().collect();
                results.push(map(vec![("Id", Cbor::Text(id)), ("Values", Cbor::Array(values))]));
                continue;
            }
            let name = expression.split(['(', ')']).nth(1).unwrap();
            let metric = bedrock_remediator::event::Metric::named(name);
            for series in at_once(world.behind(place, metric, window)).unwrap() {
                results.push(map(vec![
                    ("Id", Cbor::Text(id.clone())),
                    ("Label", Cbor::Text(series)),
                    ("Timestamps", Cbor::Array(vec![])),
                    ("Values", Cbor::Array(vec![Cbor::Float(1.0)])),
                ]));
            }
            continue;
        }
        let stat = field(query, "MetricStat").unwrap();
        let metric = field(stat, "Metric").unwrap();
        let dimension = &field(metric, "Dimensions").unwrap().as_array().unwrap()[0];
        let (endpoint, named, _) = of_namespace(&text(metric, "Namespace"));
        assert_eq!((text(dimension, "Name").as_str(), text(stat, "Stat").as_str()), (named, "Sum"));
        let model = ModelId::parse(&text(dimension, "Value")).unwrap();
        let period = match field(stat, "Period").unwrap().as_integer().unwrap().try_into().unwrap() {
            60 => Period::Minute,
            300 => Period::FiveMinutes,
            other => panic!("period {other}"),
        };
        let series = at_once(world.usage(place, endpoint, &[model], window, period));
        let series = match series {
            Ok(series) => series,
            Err(error) => return cbor_refused(&error),
        };
        let name = text(metric, "MetricName");
        let points: Vec<(Timestamp, f64)> = series[0]
            .points
            .iter()
            .filter_map(|(at, m)| Some((*at, measured(&name, m)? * f64::from(period.minutes()))))
            .collect();
        let at = |at: &Timestamp| Cbor::Tag(1, Box::new(Cbor::Float(at.as_second() as f64)));
        results.push(map(vec![
            ("Id", Cbor::Text(id)),
            ("Label", Cbor::Text(name)),
            ("StatusCode", Cbor::Text("Complete".to_owned())),
            ("Timestamps", Cbor::Array(points.iter().map(|(t, _)| at(t)).collect())),
            ("Values", Cbor::Array(points.iter().map(|(_, v)| Cbor::Float(*v)).collect())),
        ]));
    }
    cbor(StatusCode::OK, &map(vec![("MetricDataResults", Cbor::Array(results))]))
}

/// The endpoint whose metrics a namespace holds, the dimension that names the model, and the metric of all calls.
fn of_namespace(namespace: &str) -> (Endpoint, &'static str, &'static str) {
    match namespace {
        "AWS/Bedrock" => (Endpoint::Runtime, "ModelId", "Invocations"),
        "AWS/BedrockMantle" => (Endpoint::Mantle, "Model", "Inferences"),
        other => panic!("no namespace {other}"),
    }
}

fn cbor(status: StatusCode, body: &Cbor) -> Response {
    let mut bytes = Vec::new();
    ciborium::into_writer(body, &mut bytes).unwrap();
    let headers = [("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
    (status, headers, bytes).into_response()
}

fn cbor_refused(error: &ServiceError) -> Response {
    let (status, code) = match error {
        ServiceError::Denied(_) => (403, "AccessDeniedException"),
        ServiceError::Throttled => (400, "ThrottlingException"),
        _ => (500, "InternalFailure"),
    };
    cbor_error(status, code, &error.to_string())
}

fn cbor_error(status: u16, code: &str, message: &str) -> Response {
    let text = |t: &str| Cbor::Text(t.to_owned());
    let pairs = [("__type", format!("com.amazonaws.cloudwatch#{code}")), ("message", message.to_owned())];
    let body = Cbor::Map(pairs.iter().map(|(k, v)| (text(k), text(v))).collect());
    let mut answer = cbor(StatusCode::from_u16(status).unwrap(), &body);
    if status == 404 {
        // The code that the error had before CloudWatch spoke CBOR.
        let known_as = HeaderValue::from_static("ResourceNotFoundException;Sender");
        answer.headers_mut().insert("x-amzn-query-error", known_as);
    }
    answer
}
