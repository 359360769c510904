//! What answers say of a registry.
//!
//! In: a registry with what the API says of it besides. Out: the members that several answers share, in the contract's types. Odd:
//! the same numbers are of 32 bits in some answers and of 64 in others, so that what all share is only a part.

use serde::Serialize;

use super::{Shown, clock_text};
use crate::action::narrow;

/// What all answers say in the same types.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::action) struct Common {
    domain_name: String,
    id: i64,
    password: &'static str,
    region_id: String,
    registry_host_ip: String,
    registry_type: String,
    trans_per_hour: i32,
    user_name: String,
    vpc_id: String,
}

/// What those say besides that tell when a registry was changed.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::action) struct Dated {
    #[serde(flatten)]
    common: Common,
    black_list: &'static str,
    gmt_create: String,
    gmt_modified: String,
    net_type: i32,
    persistence_day: i32,
    protocol_type: i32,
    registry_name: String,
    token: String,
    white_list: String,
}

impl Common {
    pub(super) fn of(shown: &Shown) -> Self {
        let settings = &shown.registry.settings;
        Self {
            domain_name: settings.host.clone(),
            id: shown.registry.id,
            password: shown.password(),
            region_id: settings.region_id.clone(),
            registry_host_ip: shown.extras.host_ip.clone(),
            registry_type: settings.reported_type.clone(),
            trans_per_hour: narrow(shown.scans_per_hour),
            user_name: settings.username.clone().unwrap_or_default(),
            vpc_id: shown.extras.vpc_id.clone(),
        }
    }
}

impl Dated {
    /// `token`: as it is to be told.
    pub(in crate::action) fn of(shown: &Shown, token: impl Into<String>) -> Self {
        Self {
            common: Common::of(shown),
            black_list: "",
            gmt_create: clock_text(shown.registry.created),
            gmt_modified: clock_text(shown.registry.modified),
            net_type: shown.registry.settings.net_type.number(),
            persistence_day: narrow(shown.extras.kept_days),
            protocol_type: shown.protocol(),
            registry_name: shown.name(),
            token: token.into(),
            white_list: shown.extras.white_list.clone(),
        }
    }
}
