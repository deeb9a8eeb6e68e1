//! The notices of an incident, as attributes of its item: the first, the last, and for each kind its count and times.
//!
//! Invariant: Versions before 0.2 can read them; they keep all notices in a list.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde_dynamo::to_attribute_value;

use crate::aws::dynamodb::detail::IncidentDetail;
use crate::aws::dynamodb::keys::{time, unreadable};
use crate::aws::dynamodb::update::{DynamoItem, Update};
use crate::error::ServiceResult;
use crate::incident::notice_kind::Kind;
use crate::incident::notices::{NoticeRecord, Notices, OfKind};

/// A notice without the parts that are in [`IncidentDetail`].
pub(super) fn notice(told: &NoticeRecord) -> ServiceResult<AttributeValue> {
    to_attribute_value(told.in_short()).map_err(|e| unreadable(&told.id, e))
}

/// The attributes for the notices of one kind: their count, the time of the last, and the time of the one before.
pub(super) fn of_kind(kind: &str) -> [String; 3] {
    ["n", "at", "before"].map(|what| format!("{what}_{kind}"))
}

/// Every attribute of [`of_kind`].
pub(super) fn of_kinds() -> impl Iterator<Item = String> {
    Kind::ALL.iter().flat_map(|kind| of_kind(kind.as_str()))
}

/// Records one more notice. `notices` holds only the last one, as a list, because versions before 0.2 read a list of
/// all notices there.
pub(super) fn tell(update: &mut Update, told: &NoticeRecord) -> ServiceResult<()> {
    let [count, at, before] = of_kind(&told.kind);
    update.set("notices", AttributeValue::L(vec![notice(told)?]));
    update.set_if_absent("first_notice", notice(told)?);
    // An update reads the attributes it copies before it writes.
    update.copy_or(&before, &at, told.at.to_string());
    update.set(&at, told.at.to_string());
    update.add(&count, 1);
    Ok(())
}

/// Reads the notices of an item. Kinds unknown to this version are not counted.
pub(super) fn notices(
    item: &DynamoItem,
    first: Option<NoticeRecord>,
    all: Vec<NoticeRecord>,
    detail: &IncidentDetail,
) -> ServiceResult<Notices> {
    let Some(last) = all.last().cloned() else { return Ok(Notices::default()) };
    let mut kinds = BTreeMap::new();
    for kind in Kind::ALL {
        let [count, at, before] = of_kind(kind.as_str());
        let Some(count) = item.get(&count).and_then(|n| n.as_n().ok()?.parse().ok()) else { continue };
        let time = |name: &str| -> ServiceResult<Option<Timestamp>> {
            time(name, item.get(name).and_then(|at| at.as_s().ok().map(String::as_str)))
        };
        if let Some(last) = time(&at)? {
            // The first notice of a kind has itself as the one before.
            let before = time(&before)?.filter(|before| *before < last);
            kinds.insert(kind.to_string(), OfKind { count, last, before });
        }
    }
    // Versions before 0.2 add to the list and count nothing.
    let uncounted = usize::from(first.is_some());
    let had_missing = detail.had_missing || all.iter().any(|told| !told.missing.is_empty());
    let missing = if last.missing.is_empty() { detail.missing_at(&last.id) } else { last.missing.clone() };
    let heard = detail.heard.clone();
    let mut notices = Notices::kept(first, None, kinds, had_missing);
    all.into_iter().skip(uncounted).for_each(|told| notices.push(told));
    Ok(notices.ending_with(NoticeRecord { missing, heard, ..last }))
}
