//! How AWS really writes values: strings that are sometimes numbers, and five kinds of time.
//!
//! One law: a value of an unexpected type is as good as absent. It never makes an event unreadable.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A string, borrowed where the JSON has no escapes. Numbers and booleans read as their text; `null`,
/// lists and objects as nothing; so does the empty string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    pub(super) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|t| !t.is_empty())
    }

    pub(super) fn owned(&self) -> Option<String> {
        self.get().map(str::to_owned)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;

        impl<'de> Visitor<'de> for AnyValue {
            type Value = Option<Cow<'de, str>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
                Ok(Some(Cow::Borrowed(v)))
            }

            fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(v.to_owned())))
            }

            fn visit_bool<E>(self, v: bool) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(v.to_string())))
            }

            fn visit_i64<E>(self, v: i64) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(v.to_string())))
            }

            fn visit_u64<E>(self, v: u64) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(v.to_string())))
            }

            fn visit_f64<E>(self, v: f64) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(v.to_string())))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(None)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(None)
            }
        }

        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

/// A time in any of the forms AWS writes: RFC 3339 with up to nine decimals, `+0000` for the offset,
/// a blank for the `T` with no offset at all (then UTC), and with stray blanks inside, as published
/// samples have it. `None` when it is none of these.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let squeezed = text.replace(": ", ":");
    let squeezed = squeezed.strip_suffix("+0000").map_or_else(|| squeezed.clone(), |t| format!("{t}Z"));
    if let Ok(at) = squeezed.parse() {
        return Some(at);
    }
    let civil: DateTime = squeezed.parse().ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_time_is_read() {
        let at: Timestamp = "2026-11-20T09:35:08.123Z".parse().unwrap();
        for text in [
            "2026-11-20T09:35:08.1230000Z",
            "2026-11-20T09:35:08.123+0000",
            "2026-11-20 09:35:08.123000000",
            "2026-11-20T09: 35: 08.123+0000",
        ] {
            assert_eq!(time(text), Some(at), "{text}");
        }
        assert_eq!(time("Wed Aug 28 22:58:30 UTC 2024"), None);
    }

    #[test]
    fn odd_types_are_absent_not_errors() {
        let read = |json| serde_json::from_str::<Text<'_>>(json).unwrap().owned();
        assert_eq!(read(r#""a\"b""#).as_deref(), Some("a\"b"));
        assert_eq!(read("7").as_deref(), Some("7"));
        for json in ["null", "[1,[2]]", r#"{"a":{}}"#, r#""""#] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
