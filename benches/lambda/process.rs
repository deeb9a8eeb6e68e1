//! The Runtime API, and a process under it whose time and memory are measured.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};

use crate::support::cloud::serve;
use crate::support::lambda::{accepted, invocation, under_lambda};

/// A warm invocation is measured so often in each process.
const WARM: usize = 5;
/// What Lambda gives each invocation.
const TIME: Duration = Duration::from_mins(1);
const PATIENCE: Duration = Duration::from_secs(30);

/// What one process needed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    ready: Duration,
    first: Duration,
    warm: Duration,
    cpu: Duration,
    peak: f64,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ready,
    First,
    Answered,
    Warm,
    Cpu,
    Peak,
}

impl Kind {
    pub(crate) const ALL: &[Self] =
        &[Self::Ready, Self::First, Self::Answered, Self::Warm, Self::Cpu, Self::Peak];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Ready => "start to ready, ms",
            Self::First => "first event, ms",
            Self::Answered => "start to first answer, ms",
            Self::Warm => "its duplicate, warm, ms",
            Self::Cpu => "CPU to first answer, ms",
            Self::Peak => "peak memory, MiB",
        }
    }

    pub(crate) fn shown(self, value: f64) -> String {
        if self == Self::Warm { format!("{value:.2}") } else { format!("{value:.1}") }
    }
}

impl Sample {
    pub(crate) fn of(&self, kind: Kind) -> f64 {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        match kind {
            Kind::Ready => ms(self.ready),
            Kind::First => ms(self.first),
            Kind::Answered => ms(self.ready + self.first),
            Kind::Warm => ms(self.warm),
            Kind::Cpu => ms(self.cpu),
            Kind::Peak => self.peak,
        }
    }
}

/// A Runtime API that notes when it is asked.
pub(crate) struct Runtime {
    address: std::net::SocketAddr,
    events: tokio::sync::mpsc::UnboundedSender<String>,
    asked: Receiver<Instant>,
    delivered: Receiver<Instant>,
    answered: Receiver<(Instant, bool)>,
    _threads: tokio::runtime::Runtime,
}

impl Runtime {
    pub(crate) fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (events, waiting) = tokio::sync::mpsc::unbounded_channel::<String>();
        let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
        let (ask, asked) = channel();
        let (deliver, delivered) = channel();
        let (answer, answered): (Sender<(Instant, bool)>, _) = channel();
        let next = move || {
            let (waiting, ask, deliver) = (waiting.clone(), ask.clone(), deliver.clone());
            async move {
                let _ = ask.send(Instant::now());
                let event = waiting.lock().await.recv().await.unwrap();
                let _ = deliver.send(Instant::now());
                ([("content-type", "application/json")], invocation(TIME), event).into_response()
            }
        };
        let done = move |path: axum::extract::Path<(String, String)>, _: Bytes| {
            let answer = answer.clone();
            async move {
                let _ = answer.send((Instant::now(), path.1 == "response"));
                accepted()
            }
        };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(done));
        let address = runtime.block_on(serve(router));
        Self { address, events, asked, delivered, answered, _threads: runtime }
    }

    /// From start to the end of `WARM` duplicates of `event`.
    pub(crate) fn measure(&self, command: &[PathBuf], variables: &[(String, String)], event: &str) -> Sample {
        let (program, arguments) = command.split_first().unwrap();
        let mut prepared = under_lambda(program, self.address);
        prepared
            .args(arguments)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("NODE_NO_WARNINGS", "1")
            .envs(variables.iter().cloned())
            .stdout(Stdio::null());
        let started = Instant::now();
        let mut child = prepared.spawn().unwrap();
        let ready = self.asked.recv_timeout(PATIENCE).expect("it asks for an event");
        let first = self.invoke(event);
        let cpu = cpu(child.id());
        let mut warm: Vec<Duration> = (0..WARM)
            .map(|_| {
                self.asked.recv_timeout(PATIENCE).expect("it asks for the next event");
                self.invoke(event)
            })
            .collect();
        warm.sort_unstable();
        let peak = peak(child.id());
        // Whatever it asks for now is another process's by mistake.
        self.asked.recv_timeout(PATIENCE).expect("it asks once more");
        child.kill().unwrap();
        child.wait().unwrap();
        Sample { ready: ready.duration_since(started), first, warm: warm[WARM / 2], cpu, peak }
    }

    fn invoke(&self, event: &str) -> Duration {
        self.events.send(event.to_owned()).unwrap();
        let delivered = self.delivered.recv_timeout(PATIENCE).expect("it takes the event");
        let (answered, is_good) = self.answered.recv_timeout(PATIENCE).expect("it answers");
        assert!(is_good, "it answered with an error");
        answered.duration_since(delivered)
    }
}

/// Time on a processor, of all threads.
fn cpu(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap().filter_map(Result::ok);
    let of = |thread: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(threads.filter_map(of).sum())
}

/// The most memory that was resident, in MiB.
fn peak(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
