//! The Lambda Runtime API on loopback, and the function's real binary under it.
//! See <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::cloud::{ACCOUNT, REGION, TOPIC, serve};

/// What the function answered: a response, or an error.
pub(crate) type Reply = Result<Value, Value>;

pub(crate) struct Lambda {
    address: SocketAddr,
    deliveries: tokio::sync::mpsc::UnboundedSender<(String, Duration)>,
    replies: Receiver<Reply>,
    _runtime: tokio::runtime::Runtime,
}

/// A running function, killed when it goes out of scope.
pub(crate) struct Process {
    child: Child,
    /// What it logged, line by line.
    pub(crate) lines: Arc<Mutex<Vec<String>>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// How it ended by itself; panics if it does not within some seconds.
    pub(crate) fn ended(&mut self) -> std::process::ExitStatus {
        for _ in 0..200 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it still runs");
    }
}

impl Lambda {
    pub(crate) fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (deliveries, waiting) = tokio::sync::mpsc::unbounded_channel::<(String, Duration)>();
        let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
        let (answer, replies) = channel();
        let next = move || {
            let waiting = waiting.clone();
            async move {
                let (payload, time) = waiting.lock().await.recv().await.unwrap();
                (invocation(time), payload).into_response()
            }
        };
        let answered = move |Path((_, kind)): Path<(String, String)>, body: Bytes| {
            let answer: Sender<Reply> = answer.clone();
            async move {
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let _ = answer.send(if kind == "response" { Ok(body) } else { Err(body) });
                accepted()
            }
        };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(answered));
        let address = runtime.block_on(serve(router));
        Self { address, deliveries, replies, _runtime: runtime }
    }

    /// Starts the function with `variables` beside Lambda's own.
    pub(crate) fn start(&self, variables: &[(String, String)]) -> Process {
        let mut child = under_lambda(env!("CARGO_BIN_EXE_bootstrap"), self.address)
            .envs(variables.iter().cloned())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Process { child, lines }
    }

    /// Delivers `payload` and waits for the answer.
    pub(crate) fn invoke(&self, payload: &str) -> Reply {
        self.invoke_within(payload, Duration::from_mins(1))
    }

    /// The same, with so much time before Lambda would end the function.
    pub(crate) fn invoke_within(&self, payload: &str, time: Duration) -> Reply {
        self.deliver(payload, time);
        self.replies.recv_timeout(Duration::from_mins(1)).unwrap()
    }

    /// Delivers without waiting.
    pub(crate) fn deliver(&self, payload: &str, time: Duration) {
        self.deliveries.send((payload.to_owned(), time)).unwrap();
    }
}

/// `program` with the environment that Lambda gives it, and nothing else.
pub(crate) fn under_lambda(program: impl AsRef<OsStr>, runtime: SocketAddr) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "remediator")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/remediator")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/20/[$LATEST]0123456789abcdef0123456789abcdef")
        .env("TOPIC_ARN", TOPIC)
        .env("TABLE_NAME", "ledger");
    command
}

/// What the Runtime API says of an invocation that has so much time.
pub(crate) fn invocation(time: Duration) -> [(&'static str, String); 3] {
    let deadline = Timestamp::now().as_millisecond() + i64::try_from(time.as_millis()).unwrap();
    let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:remediator");
    [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", arn),
    ]
}

pub(crate) fn accepted() -> Response {
    (StatusCode::ACCEPTED, json!({ "status": "OK" }).to_string()).into_response()
}
