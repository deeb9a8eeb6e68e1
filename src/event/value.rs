//! Reads values in the ways AWS writes them: strings that are sometimes numbers, and several formats of time.
//!
//! Invariant: A value of an unexpected type counts as absent. It never makes an event unreadable.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use memchr::memmem;
use serde::de::value::{CowStrDeserializer, MapAccessDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::event::envelope::Malformed;

/// A string, borrowed if the JSON has no escapes. Numbers and booleans are read as their text. `null`, lists, objects
/// and the empty string count as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    pub(super) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|t| !t.is_empty())
    }

    pub(super) fn owned(&self) -> Option<String> {
        self.get().map(str::to_owned)
    }

    /// The same, but an empty string counts as present.
    pub(super) fn even_empty(&self) -> Option<&str> {
        self.0.as_deref()
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

/// A [`Text`] that outlives its payload.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Text::deserialize(deserializer).map(|text| text.owned())
}

/// An object; anything else counts as absent. If a key occurs twice, the first one counts.
#[derive(Clone, Debug)]
pub(super) struct Maybe<T>(Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Maybe<T> {
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    pub(super) fn into(self) -> Option<T> {
        self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnObject<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for AnObject<T> {
            type Value = Option<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(None)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(Once { map, seen: Vec::new() })).map(Some)
            }
        }

        deserializer.deserialize_any(AnObject(PhantomData)).map(Self)
    }
}

/// A map without duplicate keys.
struct Once<'de, A> {
    map: A,
    seen: Vec<Cow<'de, str>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Once<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        // Objects that are expected have few keys. A hostile object's keys are not all kept.
        const MOST: usize = 256;
        while let Some(Text(key)) = self.map.next_key::<Text<'de>>()? {
            let key = key.unwrap_or_default();
            if self.seen.contains(&key) {
                self.map.next_value::<IgnoredAny>()?;
                continue;
            }
            if self.seen.len() < MOST {
                self.seen.push(key.clone());
            }
            return seed.deserialize(CowStrDeserializer::new(key)).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// The objects of a list. Other elements are left out, and a value that is not a list counts as empty.
#[derive(Clone, Debug)]
pub(super) struct OneOrMany<T>(Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Deref for OneOrMany<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> OneOrMany<T> {
    pub(super) fn into(self) -> Vec<T> {
        self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AList<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for AList<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Vec::new())
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Vec::new())
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Vec::new())
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Vec::new())
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Vec::new())
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Vec::new())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(Maybe(one)) = seq.next_element()? {
                    all.extend(one);
                }
                Ok(all)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Vec::new())
            }
        }

        deserializer.deserialize_any(AList(PhantomData)).map(Self)
    }
}

/// A whole number, also if written as a string; `None` for anything else.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Text::deserialize(deserializer).map(|text| text.get()?.parse().ok())
}

/// Reads an object at `at`. Its fields are read tolerantly; only text that is not JSON, or not an object, is malformed.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str, at: &str) -> Result<T, Malformed> {
    let read: Maybe<T> = serde_json::from_str(text).map_err(|e| Malformed::json(at, &e))?;
    read.into().ok_or_else(|| Malformed::new(at, "expected a JSON object"))
}

/// Replaces each unpaired half of a surrogate pair in `text`, at any depth of escaping. Software that truncates text
/// splits such pairs.
pub(super) fn mended(text: &str) -> Cow<'_, str> {
    /// The value of the escape `\uXXXX` whose `u` is at `at`.
    fn escape(bytes: &[u8], at: usize) -> Option<u32> {
        let hex = std::str::from_utf8(bytes.get(at..at + 5)?.strip_prefix(b"u")?).ok()?;
        u32::from_str_radix(hex, 16).ok()
    }
    const HIGH: core::ops::RangeInclusive<u32> = 0xd800..=0xdbff;
    const LOW: core::ops::RangeInclusive<u32> = 0xdc00..=0xdfff;
    let bytes = text.as_bytes();
    let mut mended: Option<Vec<u8>> = None;
    let mut pair_ends_at = None;
    for backslash in memmem::find_iter(bytes, b"\\u") {
        let at = backslash + 1;
        let Some(number) = escape(bytes, at) else { continue };
        if !HIGH.contains(&number) && !LOW.contains(&number) {
            continue;
        }
        if LOW.contains(&number) && pair_ends_at == Some(at) {
            continue;
        }
        if HIGH.contains(&number) {
            // The other half of the pair has the same number of backslashes before it.
            let rest = bytes.get(at + 5..).unwrap_or_default();
            let next = at + 5 + rest.iter().take_while(|b| **b == b'\\').count();
            if next > at + 5 && escape(bytes, next).is_some_and(|low| LOW.contains(&low)) {
                pair_ends_at = Some(next);
                continue;
            }
        }
        let whole = mended.get_or_insert_with(|| bytes.to_vec());
        if let Some(hex) = whole.get_mut(at + 1..at + 5) {
            hex.copy_from_slice(b"fffd");
        }
    }
    mended.and_then(|bytes| String::from_utf8(bytes).ok()).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// A time in any format that AWS writes: RFC 3339 with up to nine decimals, with `+0000` as the offset, with a blank
/// for the `T` and no offset (then UTC), or with stray blanks as in published samples. `None` for anything else.
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
    fn half_a_surrogate_pair_is_replaced_and_a_pair_is_kept() {
        let cases = [
            (r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"\ud83d\ude00"}"#),
            (r#"{"a":"\ud800"}"#, r#"{"a":"\ufffd"}"#),
            (r#"{"a":"x\uDFFFy"}"#, r#"{"a":"x\ufffdy"}"#),
            (r#"{"a":"\ud83d \ude00"}"#, r#"{"a":"\ufffd \ufffd"}"#),
            (r#"{"a":"{\"b\":\"\\ud800\"}"}"#, r#"{"a":"{\"b\":\"\\ufffd\"}"}"#),
            (r#"{"a":"{\"b\":\"\\ud83d\\ude00\"}"}"#, r#"{"a":"{\"b\":\"\\ud83d\\ude00\"}"}"#),
            (r#"{"a":"\ud80"#, r#"{"a":"\ud80"#),
        ];
        for (text, expected) in cases {
            assert_eq!(mended(text), expected);
        }
    }

    #[derive(serde::Deserialize)]
    struct Inner<'a> {
        #[serde(borrow, default)]
        name: Text<'a>,
        #[serde(default, deserialize_with = "whole")]
        number: Option<i64>,
    }

    #[derive(serde::Deserialize)]
    struct Outer<'a> {
        #[serde(borrow, default)]
        one: Maybe<Inner<'a>>,
        #[serde(borrow, default)]
        many: OneOrMany<Inner<'a>>,
    }

    #[test]
    fn what_is_no_object_is_absent_and_of_a_double_key_the_first_holds() {
        let read = |json: &str| {
            let outer: Outer<'_> = object(json, "x").unwrap();
            let name = |i: &Inner<'_>| (i.name.owned(), i.number);
            (outer.one.get().map(name), outer.many.iter().map(name).collect::<Vec<_>>())
        };
        let named = |name: &str, number| (Some(name.to_owned()), number);
        for odd in ["null", "7", "-7", "1.5", "true", "\"x\"", "[[1]]"] {
            let json = format!(r#"{{"one":{odd},"many":{odd}}}"#);
            assert_eq!(read(&json), (None, Vec::new()), "{json}");
        }
        let json = r#"{"one":{"name":"a","name":"b","number":"12"},"one":5,"many":[{"name":"c","number":{}},null,4]}"#;
        assert_eq!(read(json), (Some(named("a", Some(12))), vec![named("c", None)]));
        assert!(object::<Outer<'_>>("[]", "x").is_err());
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
