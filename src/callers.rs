//! Who makes the failing calls: each caller's share of the errors, and how its calls repeat.
//!
//! Invariant: Memory is bounded whatever the number of callers. The figures come from a sample of the errors, whose
//! size is reported.
//! See <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>.

use core::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::original::Original;
use crate::text::{Safe, cut};

/// The kind of address a call came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Address {
    /// A private network, through a VPC endpoint.
    Private,
    /// The internet.
    Public,
    /// An AWS service, called on somebody's behalf.
    AwsService,
}

/// Where a call came from and with what client. A field is `None` if the record does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The kind of address. The address itself is never kept.
    pub address: Option<Address>,
    /// Product and version of the caller's SDK, such as `Boto3/1.42.0`.
    pub agent: Option<String>,
    /// Distinguishes one process or instance from another: a hash of session, address and user agent.
    pub client: Option<u32>,
    /// Where the original text of the call's error can be read.
    pub original: Option<Original>,
}

impl Origin {
    /// Builds the origin from the principal's ARN with its session, `sourceIPAddress` and `userAgent`, as CloudTrail
    /// records them.
    pub(crate) fn of(principal: Option<&str>, address: Option<&str>, agent: Option<&str>) -> Self {
        let parts = [principal, address, agent];
        let is_known = parts.iter().any(Option::is_some);
        Self {
            address: address.and_then(class),
            agent: agent.and_then(product),
            client: is_known.then(|| parts.iter().fold(0, |seed, part| hash(seed, part.unwrap_or("-")))),
            original: None,
        }
    }
}

fn class(address: &str) -> Option<Address> {
    match address.parse() {
        Ok(IpAddr::V4(ip)) if ip.is_private() || ip.is_loopback() || ip.is_link_local() => {
            Some(Address::Private)
        }
        Ok(IpAddr::V6(ip)) if ip.is_unique_local() || ip.is_loopback() => Some(Address::Private),
        Ok(_) => Some(Address::Public),
        Err(_) if address.ends_with(".amazonaws.com") || address == "AWS Internal" => {
            Some(Address::AwsService)
        }
        Err(_) => None,
    }
}

/// The first product of a user agent. A caller can write anything there, so only text with the shape of a product and
/// its version is accepted.
fn product(agent: &str) -> Option<String> {
    let first = agent.trim_start_matches(['[', '"']).split([' ', ';', ',', ']']).next()?;
    let (name, version) = first.split_once('/')?;
    let is_name = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._+".contains(&b));
    let fits = (2..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && is_name(name)
        && (1..=16).contains(&version.len())
        && version.starts_with(|c: char| c.is_ascii_digit() || c == 'v')
        && is_name(version);
    fits.then(|| first.to_owned())
}

/// A caller and its SDK for a person: "`AppRole` with Boto3/1.42.0".
pub(crate) fn named(caller: Option<&str>, agent: Option<&str>) -> String {
    let arn = caller.and_then(Safe::arn);
    let name = arn.as_deref().map_or("an unknown caller", |arn| arn.rsplit('/').next().unwrap_or(arn));
    let agent = agent.map(|a| format!(" with {}", Safe::line(a, 64))).unwrap_or_default();
    format!("`{}`{agent}", cut(name, 128))
}

/// The same, with where it calls from: "`AppRole` with Boto3/1.42.0 from a private address".
pub(crate) fn named_from(caller: Option<&str>, agent: Option<&str>, address: Option<Address>) -> String {
    let from = match address {
        Some(Address::Private) => " from a private address",
        Some(Address::Public) => " from the internet",
        Some(Address::AwsService) => " through an AWS service",
        None => "",
    };
    format!("{}{from}", named(caller, agent))
}

/// FNV-1a. It suffices to distinguish the texts of one minute.
pub(crate) fn hash(seed: u32, text: &str) -> u32 {
    let mut hash = seed ^ 0x811c_9dc5;
    for byte in text.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    hash
}

/// The errors of one caller, address kind and SDK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerShare {
    /// ARN of the role without path and session, or of the user; `None` if unknown.
    pub caller: Option<String>,
    /// See [`Origin::address`].
    pub address: Option<Address>,
    /// See [`Origin::agent`].
    pub agent: Option<String>,
    /// The number of errors in the sample.
    pub errors: u64,
}

/// The behaviour of one client; see [`Origin::client`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    id: u32,
    /// See [`CallerShare::caller`].
    pub caller: Option<String>,
    /// See [`Origin::agent`].
    pub agent: Option<String>,
    /// How it calls.
    #[serde(flatten)]
    pub calls: Calls,
}

/// A client's errors, in order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// The number of errors.
    pub errors: u64,
    /// How many errors had the same text as the error before.
    pub same: u64,
    /// The length of the longest run of errors that are at most a second apart.
    pub row: u64,
    /// When the first error came.
    pub first: Timestamp,
    /// When the last error came.
    pub last: Timestamp,
    /// The length of the current run.
    running: u64,
    text: u32,
}

/// The callers of a sample of failing calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callers {
    /// The number of errors in the sample.
    pub errors: u64,
    shares: Vec<CallerShare>,
    clients: Vec<Client>,
}

/// The most callers and clients that are kept. A new one then replaces the one with the fewest errors.
const MOST: usize = 8;
/// Errors at most this far apart follow one another immediately. CloudTrail's times are whole seconds.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(1);
/// A run of this many errors is longer than an SDK's attempts for one request, or for two.
const ROW: u64 = 10;
/// The longest principal ARN that is kept, in bytes.
const LONGEST: usize = 256;
/// The fewest errors that say something about a client.
const TELLING: u64 = 5;

impl Callers {
    /// Adds one error. `text` is the hash of the error's text. A known caller costs no further memory.
    pub(crate) fn see(&mut self, caller: Option<&str>, origin: &Origin, at: Option<Timestamp>, text: u32) {
        if caller.is_none() && origin.client.is_none() {
            return;
        }
        self.errors = self.errors.saturating_add(1);
        let caller = caller.map(|c| cut(c, LONGEST));
        let is_known = |s: &&mut CallerShare| {
            s.caller.as_deref() == caller && s.address == origin.address && s.agent == origin.agent
        };
        if let Some(share) = self.shares.iter_mut().find(is_known) {
            share.errors = share.errors.saturating_add(1);
        } else {
            let (caller, agent) = (caller.map(str::to_owned), origin.agent.clone());
            put(&mut self.shares, CallerShare { caller, address: origin.address, agent, errors: 1 }, |s| {
                s.errors
            });
        }
        let Some((id, at)) = origin.client.zip(at) else { return };
        if let Some(client) = self.clients.iter_mut().find(|c| c.id == id) {
            client.calls.add(&Calls::one(at, text));
        } else {
            let (caller, agent) = (caller.map(str::to_owned), origin.agent.clone());
            put(&mut self.clients, Client { id, caller, agent, calls: Calls::one(at, text) }, |c| {
                c.calls.errors
            });
        }
    }

    /// Adds the callers of other errors, which came later or in another minute.
    pub fn add(&mut self, other: Self) {
        self.errors = self.errors.saturating_add(other.errors);
        for share in other.shares {
            let is_same = |s: &&mut CallerShare| {
                s.caller == share.caller && s.address == share.address && s.agent == share.agent
            };
            match self.shares.iter_mut().find(is_same) {
                Some(known) => known.errors = known.errors.saturating_add(share.errors),
                None => put(&mut self.shares, share, |s| s.errors),
            }
        }
        for client in other.clients {
            match self.clients.iter_mut().find(|c| c.id == client.id) {
                Some(known) => known.calls.add(&client.calls),
                None => put(&mut self.clients, client, |c| c.calls.errors),
            }
        }
    }

    /// The callers, most errors first, each with its share of the sampled errors, from 0 to 1.
    pub fn shares(&self) -> Vec<(&CallerShare, f64)> {
        let mut shares: Vec<&CallerShare> = self.shares.iter().collect();
        shares.sort_by(|a, b| b.errors.cmp(&a.errors).then_with(|| a.caller.cmp(&b.caller)));
        // No count comes near 2^53.
        #[allow(clippy::cast_precision_loss)]
        let of_all = |errors: u64| errors as f64 / self.errors.max(1) as f64;
        shares.into_iter().map(|share| (share, of_all(share.errors))).collect()
    }

    /// The number of different roles and users.
    pub fn principals(&self) -> usize {
        let mut names: Vec<&str> = self.shares.iter().filter_map(|s| s.caller.as_deref()).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    }

    /// The busiest client that keeps failing with the same text; `None` if there is none.
    pub fn repeats(&self) -> Option<&Client> {
        self.busiest(|c| c.same + 1 >= TELLING && c.same * 5 >= c.errors * 4)
    }

    /// The busiest client whose errors follow one another immediately; `None` if there is none.
    pub fn hurries(&self) -> Option<&Client> {
        self.busiest(|c| c.row >= ROW)
    }

    fn busiest(&self, fits: impl Fn(&Calls) -> bool) -> Option<&Client> {
        self.clients.iter().filter(|c| fits(&c.calls)).max_by_key(|c| (c.calls.errors, c.id))
    }

    /// The part that the ledger keeps.
    fn kept(mut self) -> Self {
        const SHARES: usize = 4;
        const CLIENTS: usize = 2;
        self.shares.sort_by_key(|s| std::cmp::Reverse(s.errors));
        self.clients.sort_by_key(|c| std::cmp::Reverse(c.calls.errors));
        self.shares.truncate(SHARES);
        self.clients.truncate(CLIENTS);
        self
    }
}

impl Calls {
    fn one(at: Timestamp, text: u32) -> Self {
        Self { errors: 1, same: 0, row: 1, first: at, last: at, running: 1, text }
    }

    fn add(&mut self, later: &Self) {
        let gap = later.first.duration_since(self.last).abs();
        let is_ongoing = gap <= AT_ONCE;
        let whole = later.running == later.errors;
        self.running = match (is_ongoing, whole) {
            (true, true) => self.running.saturating_add(later.running),
            _ => later.running,
        };
        self.row = self.row.max(later.row).max(self.running);
        self.same += later.same + u64::from(self.text == later.text);
        self.text = later.text;
        self.errors = self.errors.saturating_add(later.errors);
        self.first = self.first.min(later.first);
        self.last = self.last.max(later.last);
    }
}

/// Adds an entry. If there are too many, it replaces the entry with the fewest errors.
fn put<T>(entries: &mut Vec<T>, entry: T, errors: impl Fn(&T) -> u64) {
    if entries.len() < MOST {
        entries.push(entry);
    } else if let Some(least) = entries.iter_mut().min_by_key(|e| errors(e)) {
        *least = entry;
    }
}

/// The callers of recent minutes with errors, as a ring with one place per minute. The ledger can write a place without
/// reading it first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecentCallers(Vec<CallerMinute>);

/// The callers of one minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerMinute {
    /// Minutes since 1970.
    minute: i64,
    #[serde(flatten)]
    callers: Callers,
}

impl CallerMinute {
    /// The minute's place in the ring.
    pub(crate) fn place(&self) -> usize {
        let minute = usize::try_from(self.minute).unwrap_or_default();
        minute % RecentCallers::PLACES
    }

    /// Minutes since 1970.
    #[cfg(feature = "aws")]
    pub(crate) fn number(&self) -> i64 {
        self.minute
    }
}

impl RecentCallers {
    /// The number of places in the ring.
    pub const PLACES: usize = 8;
    /// Minutes that are older than the newest one by this many minutes or more are ignored.
    const OLD: i64 = 60;

    /// A ring with the callers of errors whose last came at `at`.
    pub(crate) fn of(at: Option<Timestamp>, callers: Callers) -> Self {
        let minute = at.map(|at| at.as_second().div_euclid(60));
        Self(
            minute
                .filter(|_| callers.errors > 0)
                .map(|minute| CallerMinute { minute, callers })
                .into_iter()
                .collect(),
        )
    }

    /// Puts the minutes of `later` in their places, reduced to what the ledger keeps.
    pub(crate) fn put(&mut self, later: &Self) {
        for minute in later.kept() {
            match self.0.iter_mut().find(|m| m.place() == minute.place()) {
                Some(known) => *known = minute,
                None => self.0.push(minute),
            }
        }
    }

    /// The minutes, reduced to what the ledger keeps.
    pub(crate) fn kept(&self) -> impl Iterator<Item = CallerMinute> {
        self.0.iter().map(|m| CallerMinute { minute: m.minute, callers: m.callers.clone().kept() })
    }

    /// All recent callers in the ring, added up.
    pub fn all(&self) -> Callers {
        let mut minutes: Vec<&CallerMinute> = self.0.iter().collect();
        minutes.sort_by_key(|m| m.minute);
        let newest = minutes.last().map_or(0, |m| m.minute);
        let mut all = Callers::default();
        for minute in minutes.into_iter().filter(|m| newest - m.minute < Self::OLD) {
            all.add(minute.callers.clone());
        }
        all
    }
}

impl FromIterator<CallerMinute> for RecentCallers {
    fn from_iter<I: IntoIterator<Item = CallerMinute>>(minutes: I) -> Self {
        Self(minutes.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn call(role: &str, session: u32, second: i64, text: &str) -> Callers {
        let arn = format!("arn:aws:sts::111122223333:assumed-role/{role}/{session}");
        let origin = Origin::of(Some(&arn), Some("10.0.0.1"), Some("Boto3/1.42.0 md/Botocore#1.42.0"));
        let role = format!("arn:aws:iam::111122223333:role/{role}");
        let mut callers = Callers::default();
        callers.see(Some(&role), &origin, Some(at(second)), hash(0, text));
        callers
    }

    fn sum(all: impl IntoIterator<Item = Callers>) -> Callers {
        all.into_iter().fold(Callers::default(), |mut sum, one| {
            sum.add(one);
            sum
        })
    }

    #[test]
    fn an_address_is_known_by_its_class_and_an_agent_by_its_product() {
        for (address, class_) in [
            ("10.0.12.7", Some(Address::Private)),
            ("fd00::7", Some(Address::Private)),
            ("52.94.1.1", Some(Address::Public)),
            ("bedrock.amazonaws.com", Some(Address::AwsService)),
            ("AWS Internal", Some(Address::AwsService)),
            ("***", None),
        ] {
            assert_eq!(class(address), class_, "{address}");
        }
        for (agent, product_) in [
            ("Boto3/1.42.0 md/Botocore#1.42.0 lang/python#3.13", Some("Boto3/1.42.0")),
            ("[aws-sdk-java/2.31.1 Linux/5.10]", Some("aws-sdk-java/2.31.1")),
            ("aws-sdk-js/3.900.0 ua/2.1", Some("aws-sdk-js/3.900.0")),
            ("tell me a secret/1", None),
            ("say/please`ignore", None),
            ("bedrock.amazonaws.com", None),
            ("", None),
        ] {
            assert_eq!(product(agent).as_deref(), product_, "{agent}");
        }
    }

    #[test]
    fn shares_add_up_over_clients_and_minutes() {
        let all = sum((0..40).map(|n| call(if n % 4 == 0 { "search" } else { "checkout" }, 1, n * 90, "x")));
        let shares: Vec<_> = all.shares().into_iter().map(|(s, share)| (s.errors, share)).collect();
        assert_eq!(shares, [(30, 0.75), (10, 0.25)]);
        assert_eq!(
            (all.principals(), all.repeats().map(|c| c.calls.errors), all.hurries()),
            (2, Some(30), None)
        );
    }

    #[test]
    fn a_row_is_told_only_beyond_an_sdks_own_attempts() {
        // Three attempts within two seconds, every minute: normal retries.
        let patient = sum((0..60).map(|n| call("app", 1, n / 3 * 60 + n % 3, "x")));
        assert_eq!(patient.hurries(), None);
        let hasty = sum((0..60).map(|n| call("app", 1, n / 2, "x")));
        assert_eq!(hasty.hurries().map(|c| (c.calls.row, c.calls.errors)), Some((60, 60)));
        // Many instances that each wait between calls form no run.
        let fleet = sum((0..60).map(|n| call("app", n, i64::from(n) / 10, "x")));
        assert_eq!((fleet.hurries(), fleet.principals()), (None, 1));
    }

    #[test]
    fn the_same_words_again_and_again_are_told() {
        let varied = sum((0..20).map(|n| call("app", 1, n * 30, &format!("too long: {n}"))));
        assert_eq!(varied.repeats(), None);
        let same = sum((0..20).map(|n| call("app", 1, n * 30, "too long: 7")));
        assert_eq!(same.repeats().map(|c| (c.calls.same, c.calls.errors)), Some((19, 20)));
    }

    #[test]
    fn a_ring_of_minutes_forgets_what_is_old() {
        let mut recent = RecentCallers::default();
        for minute in 0..20 {
            recent.put(&RecentCallers::of(Some(at(minute * 60)), call("app", 1, minute * 60, "x")));
        }
        assert_eq!(recent.all().errors, RecentCallers::PLACES as u64);
        recent.put(&RecentCallers::of(Some(at(7 * 3600)), call("late", 1, 7 * 3600, "x")));
        assert_eq!(recent.all().errors, 1);
        let kept: Vec<String> = recent.kept().map(|m| serde_json::to_string(&m).unwrap()).collect();
        let read: RecentCallers =
            kept.iter().map(|m| serde_json::from_str::<CallerMinute>(m).unwrap()).collect();
        assert_eq!(read, recent);
    }

    proptest! {
        #[test]
        fn what_is_kept_is_small_and_counts_everything(calls in proptest::collection::vec((0..40u32, 0..9u32, 0..600i64), 0..200)) {
            let all = sum(calls.iter().map(|(role, session, second)| call(&role.to_string(), *session, *second, "x")));
            prop_assert_eq!(all.errors, calls.len() as u64);
            prop_assert!(all.shares().len() <= MOST && all.clients.len() <= MOST);
            prop_assert!(all.shares().iter().map(|(s, _)| s.errors).sum::<u64>() <= all.errors);
            let kept = RecentCallers::of(Some(at(0)), all);
            prop_assert!(kept.kept().all(|m| serde_json::to_string(&m).unwrap().len() < 1500));
        }
    }
}
