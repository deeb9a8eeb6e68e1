//! Every exchange with the stand-ins of AWS, written down for the judge of `tests/emulators/wire.py`.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bedrock_remediator::iam_action::IamAction;
use serde_json::{Value, json};

/// Names the file that exchanges are appended to, one JSON object a line. Without it nothing is recorded.
const FILE: &str = "RECORDED_EXCHANGES";

/// A file of exchanges, and the test that makes them.
pub(crate) struct Record {
    file: File,
    /// The file of the test, without its ending.
    module: String,
    test: String,
}

/// What came to a stand-in.
pub(crate) struct Asked {
    pub(crate) service: &'static str,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Record {
    /// `None` where nobody asked for a record.
    pub(crate) fn of_this_test() -> Option<Self> {
        let path = std::env::var_os(FILE)?;
        let file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        // The test program names a thread after the test that it runs.
        let thread = std::thread::current();
        let (module, test) = thread.name().and_then(|name| name.split_once("::")).unwrap();
        let record = Self { file, module: module.to_owned(), test: test.to_owned() };
        // For whoever looks whether the function makes every call that it may make.
        let actions: Vec<&str> = IamAction::of_the_function().map(IamAction::as_str).collect();
        record.write(&json!({ "actions": actions }));
        Some(record)
    }

    /// Writes down what came and what is answered, and hands the answer on. `is_spoiled`: a test gave this
    /// answer on purpose.
    pub(crate) async fn write_exchange(&self, asked: &Asked, answer: Response, is_spoiled: bool) -> Response {
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        self.write(&json!({
            "service": asked.service, "method": asked.method.as_str(), "path": asked.uri.to_string(),
            "headers": texts(&asked.headers), "body": STANDARD.encode(&asked.body),
            "status": head.status.as_u16(), "answer_headers": texts(&head.headers),
            "answer": STANDARD.encode(&body),
            "by": self.module, "test": self.test, "is_spoiled": is_spoiled,
        }));
        Response::from_parts(head, body.into())
    }

    /// In one write, so that lines of several threads and programs never mix.
    fn write(&self, line: &Value) {
        (&self.file).write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

fn texts(headers: &HeaderMap) -> BTreeMap<&str, String> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect()
}
