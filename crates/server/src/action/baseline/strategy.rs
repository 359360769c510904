//! Which items are asked for, as it is kept.
//!
//! In: the settings and what is switched off. Out: [`Strategy`]. Odd: what is kept of images is what is left out, so that a check
//! that a later version adds is asked for; of agentless detection, which there is none of, what was selected.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::KIND;
use crate::{
    action::{Context, catalogue, failed},
    gateway::{Parameters, Refusal},
};

/// Number of the strategy of images, and of agentless detection.
const OF_IMAGES: i64 = 1;
const AGENTLESS: i64 = 2;

/// What is kept beside what is switched off.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Kept {
    name: Option<String>,
    vul_clean: Option<i64>,
    selected: Option<BTreeSet<String>>,
}

/// A strategy.
pub(super) struct Strategy {
    pub(super) id: i64,
    pub(super) name: Option<String>,
    /// Days after which vulnerabilities of removed images are forgotten.
    pub(super) vul_clean: Option<i64>,
    /// Keys of the items that are asked for.
    pub(super) selected: BTreeSet<String>,
}

/// Whether a request is about images; `None`: it names no strategy that there is.
pub(super) fn is_of_images(sent: &Parameters) -> Result<bool, Refusal> {
    let of_images = match sent.text("Source") {
        None | Some("default" | "image") => true,
        Some("agentless") => false,
        Some(other) => {
            return Err(Refusal::invalid("Source", other, "one of default, image, agentless"));
        }
    };
    let own = if of_images { OF_IMAGES } else { AGENTLESS };
    match sent.long("StrategyId")? {
        Some(id) if id != own => {
            Err(Refusal::invalid("StrategyId", &id.to_string(), &format!("{own}, the only one")))
        }
        _ => Ok(of_images),
    }
}

const fn setting(of_images: bool) -> &'static str {
    if of_images { "baseline.strategy" } else { "baseline.strategy.agentless" }
}

impl Strategy {
    pub(super) async fn read(
        context: Context<'_>,
        action: &'static str,
        of_images: bool,
    ) -> Result<Self, Refusal> {
        let kept = context.store.setting(setting(of_images)).await;
        let kept = kept.map_err(|error| failed(action, &error))?;
        // Somebody's own words in a setting are worth no refusal.
        let kept: Kept = kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let off = if of_images {
            context.store.switched_off(KIND).await.map_err(|error| failed(action, &error))?
        } else {
            BTreeSet::new()
        };
        let is_selected = |id: &&str| {
            !off.contains(*id) && kept.selected.as_ref().is_none_or(|known| known.contains(*id))
        };
        let all = catalogue::items(KIND).map(|about| about.id);
        Ok(Self {
            id: if of_images { OF_IMAGES } else { AGENTLESS },
            selected: all.filter(is_selected).map(ToOwned::to_owned).collect(),
            name: kept.name,
            vul_clean: kept.vul_clean,
        })
    }

    /// Keeps it; of images, what it leaves out does not count from now on.
    pub(super) async fn write(
        &self,
        context: Context<'_>,
        action: &'static str,
    ) -> Result<(), Refusal> {
        let of_images = self.id == OF_IMAGES;
        let kept = Kept {
            name: self.name.clone(),
            vul_clean: self.vul_clean,
            selected: (!of_images).then(|| self.selected.clone()),
        };
        let text = serde_json::to_string(&kept).unwrap_or_default();
        if of_images {
            let off: BTreeSet<String> = catalogue::items(KIND)
                .map(|about| about.id.to_owned())
                .filter(|id| !self.selected.contains(id))
                .collect();
            let done = context.store.switch_off(KIND, &off, context.caller, context.now).await;
            done.map_err(|error| super::refused(action, "BaselineItemList", error))?;
        }
        let done = context.store.set_setting(setting(of_images), Some(&text)).await;
        done.map_err(|error| failed(action, &error))
    }

    /// `full`: everything is asked for; `normal`: the common items; `default`: others.
    pub(super) fn kind(&self) -> &'static str {
        if catalogue::items(KIND).all(|about| self.selected.contains(about.id)) {
            return "full";
        }
        let is_common = catalogue::items(KIND)
            .all(|about| self.selected.contains(about.id) == catalogue::is_common(about));
        if is_common { "normal" } else { "default" }
    }
}
