//! The world that a year begins with.

use jiff::{SignedDuration, Timestamp};

use crate::ids::{AccountId, Region};
use crate::model::ModelId;
use crate::sandbox::state::Sandbox;
use crate::sandbox::{QuotaEntry, UsageEntry, WorldFile};
use crate::simulation::years::account::YearAccount;
use crate::simulation::years::events::REGION;
use crate::simulation::years::setting::{ACCOUNT, LATE};

/// Every measured id of `account`, in the order of their meters.
pub(super) fn measured(account: &YearAccount) -> Vec<&ModelId> {
    let mut ids: Vec<(usize, &ModelId)> = Vec::new();
    for pool in &account.pools {
        ids.extend(pool.services.iter().map(|service| (service.meter, &service.id)));
    }
    for trouble in &account.troubles {
        ids.extend(trouble.models.iter().enumerate().map(|(n, id)| (trouble.meter + n, id)));
    }
    ids.sort_by_key(|(meter, _)| *meter);
    ids.into_iter().map(|(_, id)| id).collect()
}

/// The quotas of `account` and what is measured in it, before anything is used.
pub(super) fn file(account: &YearAccount) -> WorldFile {
    let region = Region::parse(REGION);
    let entry = |id: &ModelId| {
        Some(UsageEntry {
            of_mantle: false,
            region: region.clone()?,
            model_id: id.as_str().to_owned(),
            first_use: None,
            last: None,
            days: None,
            series: Vec::new(),
        })
    };
    let quotas = account.quotas.iter().map(|quota| QuotaEntry {
        region: None,
        code: quota.code.clone(),
        name: None,
        applied: Some(quota.applied),
        default: Some(quota.default),
        adjustable: Some(quota.is_adjustable),
    });
    WorldFile {
        account: AccountId::parse(ACCOUNT),
        region: region.clone(),
        quotas: quotas.collect(),
        usage: measured(account).into_iter().filter_map(entry).collect(),
        availability: account.availability.clone(),
        profiles: account.profiles.clone(),
        ..WorldFile::default()
    }
}

/// The world of `file` from `start` on, which keeps a journal and is fed with each measured id.
pub(super) fn open(file: WorldFile, start: Timestamp, measured: &[&ModelId]) -> Sandbox {
    let region = file.region.clone();
    let world = Sandbox::new(file, start);
    world.list_little();
    world.keep_journal();
    world.set_metrics_late(SignedDuration::from_mins(LATE));
    if let Some(region) = &region {
        for id in measured {
            world.feed(region, id.as_str());
        }
    }
    world
}
