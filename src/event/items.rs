//! Splits a payload into items, and reads each item by itself.
//!
//! Invariant: An item that cannot be read fails alone. What an item unpacks to is dropped before the next is read.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::envelope::Malformed;
use crate::event::layers::{BatchRecord, Layer, layer, open, open_record, split};
use crate::event::opener::{LARGEST, Opener, UNPACKED};
use crate::event::signal::Signal;
use crate::event::value::{Text, mended, object};
use crate::identity::FunctionIdentity;

/// A payload, read completely.
#[derive(Debug)]
pub struct Delivery {
    /// Whether it was a batch of queue messages, which are acknowledged one by one.
    pub is_batch: bool,
    /// The items. A payload that is no batch has one.
    pub items: Vec<Item>,
}

/// One message of a batch, or the whole payload.
#[derive(Debug)]
pub struct Item {
    /// The queue's message id; `None` for a payload that is not a batch.
    pub id: Option<String>,
    /// The item's signals, or why it cannot be read.
    pub read: Result<Vec<Signal>, Malformed>,
}

/// Reads a payload as Lambda passes it, and keeps all of its signals. Fails if nothing of the payload can be read.
pub fn read(payload: &[u8], home: &FunctionIdentity) -> Result<Delivery, Malformed> {
    let payload = Payload::of(payload)?;
    let mut items = payload.items(home)?;
    let mut all = Vec::new();
    let mut signals = Vec::new();
    while let Some(item) = items.next(&mut |signal| signals.push(signal))? {
        let signals = std::mem::take(&mut signals);
        all.push(Item { id: item.id, read: item.read.map(|()| signals) });
    }
    Ok(Delivery { is_batch: items.is_batch(), items: all })
}

/// A payload as text, with broken Unicode escapes replaced.
pub struct Payload<'a>(Cow<'a, str>);

impl<'a> Payload<'a> {
    /// Fails if the payload is not UTF-8.
    pub fn of(payload: &'a [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(payload)
            .map_err(|e| Malformed::new("event", format!("not UTF-8: byte {}", e.valid_up_to() + 1)))?;
        Ok(Self(mended(text)))
    }

    /// Splits the payload into items. Fails if nothing of it can be read.
    pub fn items<'p>(&'p self, home: &'p FunctionIdentity) -> Result<Items<'p>, Malformed> {
        Items::of(&self.0, home)
    }
}

/// The items of a payload, read one after another. What an item unpacks to is dropped before the next is read, so a
/// delivery needs only the memory of its largest item.
pub struct Items<'a> {
    home: &'a FunctionIdentity,
    parts: BatchParts<'a>,
    next: usize,
    is_batch: bool,
    /// How many bytes of this delivery may still be unpacked.
    left: usize,
}

/// The parts of a payload.
enum BatchParts<'a> {
    /// One event that is not a batch.
    One(&'a str, Box<Layer<'a>>),
    /// Lambda's `Records`.
    Records(Vec<&'a RawValue>),
    /// A list of events, as EventBridge Pipes passes it.
    Events(Vec<&'a RawValue>),
}

/// An item whose signals were passed on. If it cannot be read, the signals that were passed on before the error do not
/// count.
#[derive(Debug)]
pub struct ReadItem {
    /// See [`Item::id`].
    pub id: Option<String>,
    /// Why the item cannot be read.
    pub read: Result<(), Malformed>,
}

impl<'a> Items<'a> {
    fn of(text: &'a str, home: &'a FunctionIdentity) -> Result<Self, Malformed> {
        let at = "event";
        let parts = if text.trim_start().starts_with('[') {
            let events: Vec<&RawValue> = serde_json::from_str(text).map_err(|e| Malformed::json(at, &e))?;
            if events.is_empty() {
                return Err(Malformed::new(at, "an empty list"));
            }
            BatchParts::Events(events)
        } else {
            let layer = layer(text, at)?;
            match layer.records {
                Some(records) => BatchParts::Records(split(records, "event.Records")?),
                None => BatchParts::One(text, Box::new(layer)),
            }
        };
        Ok(Self { home, parts, next: 0, is_batch: false, left: UNPACKED })
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        match &self.parts {
            BatchParts::One(..) => 1,
            BatchParts::Records(all) | BatchParts::Events(all) => all.len(),
        }
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this is a batch of queue messages, which are acknowledged one by one. Known only after the last item.
    pub fn is_batch(&self) -> bool {
        self.is_batch
    }

    /// Reads the next item and passes its signals to `sink`; `None` after the last. Fails if the payload is a single
    /// event that cannot be read.
    pub fn next(&mut self, sink: &mut dyn FnMut(Signal)) -> Result<Option<ReadItem>, Malformed> {
        let n = self.next;
        self.next += 1;
        let mut reader =
            Opener { home: self.home, sink, left: &mut self.left, of_item: LARGEST, is_published: false };
        let item = match &self.parts {
            BatchParts::One(text, layer) if n == 0 => {
                open(text, layer, &mut reader, "event", 0)?;
                Some(ReadItem { id: None, read: Ok(()) })
            }
            BatchParts::One(..) => None,
            BatchParts::Records(all) => all.get(n).map(|raw| {
                let at = format!("event.Records[{n}]");
                match object::<BatchRecord<'_>>(raw.get(), &at) {
                    Ok(record) => {
                        self.is_batch |= record.body.even_empty().is_some();
                        ReadItem { id: record.id(), read: open_record(&record, raw, &mut reader, &at, 0) }
                    }
                    Err(malformed) => ReadItem { id: message_id(raw), read: Err(malformed) },
                }
            }),
            BatchParts::Events(all) => all.get(n).map(|event| {
                let at = format!("event[{n}]");
                let read =
                    layer(event.get(), &at).and_then(|layer| open(event.get(), &layer, &mut reader, &at, 1));
                ReadItem { id: None, read }
            }),
        };
        Ok(item)
    }
}

/// The latest time in any signal of `payload`; `None` if there is none, or if the payload cannot be read.
pub fn latest(payload: &[u8], home: &FunctionIdentity) -> Option<jiff::Timestamp> {
    let payload = Payload::of(payload).ok()?;
    let mut items = payload.items(home).ok()?;
    let (mut latest, mut of_item) = (None, None);
    while let Some(item) = items.next(&mut |signal| of_item = of_item.max(time_of(&signal))).ok()? {
        if item.read.is_ok() {
            latest = latest.max(of_item);
        }
        of_item = None;
    }
    latest
}

fn time_of(signal: &Signal) -> Option<jiff::Timestamp> {
    match signal {
        Signal::Error(error) => error.at,
        Signal::Alarm(alarm) => alarm.at,
        _ => None,
    }
}

/// The id of a record that cannot be read further, so that only this record fails.
fn message_id(raw: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct IdOnly<'a> {
        #[serde(borrow, rename = "messageId", default)]
        message_id: Text<'a>,
    }
    object::<IdOnly<'_>>(raw.get(), "").ok()?.message_id.owned()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    fn whole(payload: &str) -> Result<Delivery, Malformed> {
        read(payload.as_bytes(), &FunctionIdentity::default())
    }

    #[test]
    fn what_is_no_object_is_named() {
        let message = |payload| whole(payload).unwrap_err().to_string();
        assert_eq!(message(""), "event: expected a JSON object, found nothing");
        assert_eq!(message("42"), "event: expected a JSON object, found a number");
        assert_eq!(message("[[[["), "event: the JSON ends too early: line 1, column 4");
        assert_eq!(message("[]"), "event: an empty list");
        assert_eq!(message("null"), "event: expected a JSON object, found no object");
        assert_eq!(
            message(r#"{"version": "0", "detail-ty"#),
            "event: the JSON ends too early: line 1, column 27"
        );
        assert!(
            message(r#"{"detail-type":"CloudWatch Alarm State Change","source":"aws.cloudwatch"}"#)
                .contains("without `detail`")
        );
    }

    #[test]
    fn in_a_batch_only_the_bad_item_fails() {
        let delivery = whole(r#"{"Records":[{"messageId":"a","body":"{\"detail-type\":\"Scheduled Event\",\"source\":\"aws.events\",\"detail\":{}}"},{"messageId":"b","body":"cut {"},{"messageId":"c","body":7}]}"#).unwrap();
        assert!(delivery.is_batch);
        let ok: Vec<_> = delivery.items.iter().map(|i| (i.id.as_deref(), i.read.is_ok())).collect();
        assert_eq!(ok, [(Some("a"), true), (Some("b"), false), (Some("c"), false)]);
        let why = delivery.items[1].read.as_ref().unwrap_err();
        assert_eq!(why.at, "event.Records[1].body");
    }

    #[test]
    fn log_lines_are_read_however_a_forwarder_packed_them() {
        use std::io::Write as _;

        let data = r#"{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"app","logStream":"s","logEvents":[{"id":"1","timestamp":1763649125000,"message":"bedrock: ThrottlingException: Too many tokens, please wait before trying again."}]}"#;
        let zlib = |level| {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
            writer.write_all(data.as_bytes()).unwrap();
            writer.finish().unwrap()
        };
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(data.as_bytes()).unwrap();
        for packed in [gzip.finish().unwrap(), zlib(1), zlib(6), zlib(9), data.as_bytes().to_vec()] {
            let packed = base64::engine::general_purpose::STANDARD.encode(packed);
            let delivery = whole(&format!(r#"{{"awslogs":{{"data":"{packed}"}}}}"#)).unwrap();
            let signals = delivery.items[0].read.as_ref().unwrap();
            let [Signal::Error(error)] = &signals[..] else { panic!("{signals:?}") };
            assert!(error.message.contains("Too many tokens"));
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        use std::io::Write as _;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..40 {
            packed.write_all(&vec![b'a'; 1024 * 1024]).unwrap();
        }
        let data = base64::engine::general_purpose::STANDARD.encode(packed.finish().unwrap());
        let of = |kinesis: &[&String]| {
            let records = kinesis.iter().map(|data| format!(r#"{{"kinesis":{{"data":"{data}"}}}}"#));
            whole(&format!(r#"{{"Records":[{}]}}"#, records.collect::<Vec<_>>().join(","))).unwrap().items
        };
        let control =
            base64::engine::general_purpose::STANDARD.encode(r#"{"messageType":"CONTROL_MESSAGE"}"#);
        let items = of(&[&data, &control]);
        assert_eq!(items[0].read.as_ref().unwrap_err().what, "unpacks to more than 32 MiB");
        assert!(items[1].read.is_ok(), "it fails alone");
        // Each refused item has used its full allowance, so nothing is left for the fifth.
        let items = of(&[&data, &data, &data, &data, &control]);
        let why: Vec<_> = items.iter().map(|i| i.read.as_ref().err().map(|m| m.what.as_str())).collect();
        assert_eq!(why[..4], [Some("unpacks to more than 32 MiB"); 4]);
        assert_eq!(why[4], Some("the delivery unpacks to more than 128 MiB"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes, &FunctionIdentity::default());
        }

        #[test]
        fn any_json_with_our_keys_is_read_without_a_panic(key in "(Records|awslogs|logEvents|Type|Message|AlarmName|alarmData|detail-type|detail|source|eventSource|schemaType)", value in "(null|7|\"x\"|\\[\\{\\}\\]|\\{\"a\":\\[\\]\\}|\"\\{\\}\")", other in "(detail-type|eventName|NewStateValue|Records)") {
            let json = format!(r#"{{"{key}": {value}, "{other}x": {value}, "detail-type": "CloudWatch Alarm State Change"}}"#);
            let _ = read(json.as_bytes(), &FunctionIdentity::default());
        }
    }
}
