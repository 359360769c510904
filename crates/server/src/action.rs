//! The API's actions: one list, one file per action.
//!
//! In: the parameters of a request that was admitted. Out: the members that stand beside `RequestId` in the answer, or a
//! [`Refusal`]. Source: `docs/api.md`; names, fields and their order are those of the vendor's pages.
//!
//! To add one: a file under its area, with parameters, answer and function in this order, and its line in `actions`.

mod asset;
mod baseline;
mod build_registry;
mod build_risk;
mod catalogue;
mod container;
mod cycle_task;
mod decision;
mod dockerhub;
mod event_operation;
mod filters;
mod image;
mod malicious;
mod paging;
mod registry;
mod scan_task;
mod sensitive;
mod standard;
mod statistics;
mod vulnerability;
mod whitelist;

use std::{fmt, future::Future, net::IpAddr, pin::Pin};

use plimsoll_model::Timestamp;
use plimsoll_store::{Store, StoreError};
use serde::Serialize;

use crate::gateway::{Parameters, Refusal, success};

/// All actions, by name.
#[must_use]
pub const fn actions() -> &'static [Action] {
    const ACTIONS: &[Action] = &[
        Action::of::<event_operation::AddImageEventOperation>(),
        Action::of::<whitelist::AddImageVulWhiteList>(),
        Action::of::<registry::AddPrivateRegistry>(),
        Action::of::<scan_task::CancelOnceTask>(),
        Action::of::<cycle_task::CreateCycleTask>(),
        Action::of::<build_registry::CreateJenkinsImageRegistry>(),
        Action::of::<build_registry::CreateJenkinsImageScanTask>(),
        Action::of::<cycle_task::DeleteCycleTask>(),
        Action::of::<event_operation::DeleteImageEventOperation>(),
        Action::of::<whitelist::DeleteImageVulWhitelist>(),
        Action::of::<container::DeleteK8sAccessInfo>(),
        Action::of::<registry::DeletePrivateRegistry>(),
        Action::of::<malicious::DescribeAffectedMaliciousFileImages>(),
        Action::of::<baseline::DescribeAllImageBaseline>(),
        Action::of::<container::DescribeClusterScannerList>(),
        Action::of::<container::DescribeContainerApps>(),
        Action::of::<container::DescribeContainerCriteria>(),
        Action::of::<container::DescribeContainerFieldStatistics>(),
        Action::of::<container::DescribeContainerGroupedFieldDetail>(),
        Action::of::<container::DescribeContainerInstances>(),
        Action::of::<container::DescribeContainerServiceK8sClusterNamespaces>(),
        Action::of::<container::DescribeContainerServiceK8sClusters>(),
        Action::of::<container::DescribeContainerStatistics>(),
        Action::of::<container::DescribeContainerTags>(),
        Action::of::<statistics::DescribeCountNotScannedImage>(),
        Action::of::<statistics::DescribeCountScannedImage>(),
        Action::of::<cycle_task::DescribeCycleTaskList>(),
        Action::of::<container::DescribeGroupedContainerInstances>(),
        Action::of::<malicious::DescribeGroupedMaliciousFiles>(),
        Action::of::<asset::DescribeImage>(),
        Action::of::<baseline::DescribeImageBaselineCheckResult>(),
        Action::of::<baseline::DescribeImageBaselineCheckSummary>(),
        Action::of::<baseline::DescribeImageBaselineDetail>(),
        Action::of::<baseline::DescribeImageBaselineItemList>(),
        Action::of::<baseline::DescribeImageBaselineStrategy>(),
        Action::of::<build_risk::DescribeImageBuildRiskByKey>(),
        Action::of::<build_risk::DescribeImageBuildRiskList>(),
        Action::of::<asset::DescribeImageCriteria>(),
        Action::of::<event_operation::DescribeImageEventOperationCondition>(),
        Action::of::<event_operation::DescribeImageEventOperationPage>(),
        Action::of::<vulnerability::DescribeImageGroupedVulList>(),
        Action::of::<asset::DescribeImageInfoList>(),
        Action::of::<asset::DescribeImageInstances>(),
        Action::of::<scan_task::DescribeImageLatestScanTask>(),
        Action::of::<build_risk::DescribeImageListByBuildRisk>(),
        Action::of::<sensitive::DescribeImageListBySensitiveFile>(),
        Action::of::<baseline::DescribeImageListWithBaselineName>(),
        Action::of::<asset::DescribeImageRepoCriteria>(),
        Action::of::<asset::DescribeImageRepoDetailList>(),
        Action::of::<statistics::DescribeImageRiskLevelStatistic>(),
        Action::of::<scan_task::DescribeImageScanAuthCount>(),
        Action::of::<statistics::DescribeImageSecurityScanCount>(),
        Action::of::<sensitive::DescribeImageSensitiveFileByKey>(),
        Action::of::<sensitive::DescribeImageSensitiveFileList>(),
        Action::of::<statistics::DescribeImageStatistics>(),
        Action::of::<vulnerability::DescribeImageVulList>(),
        Action::of::<whitelist::DescribeImageVulWhiteList>(),
        Action::of::<malicious::DescribeMatchedMaliciousNames>(),
        Action::of::<scan_task::DescribeOnceTask>(),
        Action::of::<scan_task::DescribeOnceTaskLeafRecordPage>(),
        Action::of::<container::GenerateK8sAccessInfo>(),
        Action::of::<scan_task::GenerateOnceTask>(),
        Action::of::<build_risk::GetBuildRiskDefineRuleConfig>(),
        Action::of::<dockerhub::GetDockerhubImageRiskRankInfo>(),
        Action::of::<dockerhub::GetDockerhubImageRiskStatistic>(),
        Action::of::<event_operation::GetImageEventOperation>(),
        Action::of::<scan_task::GetImageScanNumInPeriod>(),
        Action::of::<scan_task::GetLastOnceTaskInfo>(),
        Action::of::<scan_task::GetOnceTaskResultInfo>(),
        Action::of::<scan_task::GetRegistryScanDayNum>(),
        Action::of::<sensitive::GetSensitiveDefineRuleConfig>(),
        Action::of::<malicious::HandleMaliciousFiles>(),
        Action::of::<dockerhub::ListDockerhubImage>(),
        Action::of::<build_risk::ListImageBuildRiskItem>(),
        Action::of::<registry::ListImageRegistryExtra>(),
        Action::of::<registry::ListImageRegistryRegion>(),
        Action::of::<image::ListImageRisk>(),
        Action::of::<container::ListK8sAccessInfo>(),
        Action::of::<container::ListPrivateK8s>(),
        Action::of::<registry::ListPrivateRegistryList>(),
        Action::of::<registry::ListPrivateRegistryType>(),
        Action::of::<scan_task::ListUnfinishedOnceTask>(),
        Action::of::<cycle_task::ModifyCycleTask>(),
        Action::of::<registry::ModifyImageRegistry>(),
        Action::of::<sensitive::OpenSensitiveFileScan>(),
        Action::of::<baseline::OperateImageBaselineWhitelist>(),
        Action::of::<vulnerability::OperateImageVul>(),
        Action::of::<registry::PageImageRegistry>(),
        Action::of::<scan_task::PublicCreateImageScanTask>(),
        Action::of::<scan_task::PublicPreCheckImageScanTask>(),
        Action::of::<scan_task::PublicSyncAndCreateImageScanTask>(),
        Action::of::<build_registry::QueryJenkinsImageRegistryPersistenceDay>(),
        Action::of::<asset::RefreshAssets>(),
        Action::of::<asset::RefreshContainerAssets>(),
        Action::of::<build_registry::RefreshRegistryToken>(),
        Action::of::<baseline::SaveImageBaselineStrategy>(),
        Action::of::<build_risk::SetBuildRiskDefineRuleConfig>(),
        Action::of::<build_risk::SetImageBuildRiskStatus>(),
        Action::of::<sensitive::SetImageSensitiveFileStatus>(),
        Action::of::<scan_task::SetRegistryScanDayNum>(),
        Action::of::<sensitive::SetSensitiveDefineRuleConfig>(),
        Action::of::<event_operation::UpdateImageEventOperation>(),
        Action::of::<whitelist::UpdateImageVulWhitelistTarget>(),
        Action::of::<build_registry::UpdateJenkinsImageRegistryName>(),
        Action::of::<build_registry::UpdateJenkinsImageRegistryPersistenceDay>(),
        Action::of::<build_registry::UpdateWhiteList>(),
    ];
    ACTIONS
}

/// The action of that name, to the letter.
pub(crate) fn find(name: &str) -> Option<&'static Action> {
    actions().iter().find(|action| action.name == name)
}

/// What an action may use.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// Where everything is kept.
    pub(crate) store: &'a Store,
    /// `RequestId` of the answer.
    pub(crate) request_id: &'a str,
    /// Id of the access key that signed the request.
    pub(crate) caller: &'a str,
    /// From where the request came, if that is known.
    pub(crate) source: Option<IpAddr>,
    /// When the request came.
    pub(crate) now: Timestamp,
}

/// One action, as each file defines it.
pub(crate) trait Run {
    /// Its name, on the wire and in policies after `yundun-sas:`.
    const NAME: &'static str;
    /// What it does to the state, in the words of the vendor's access levels.
    const ACCESS: AccessLevel;
    /// What it is for, in one sentence.
    const ABOUT: &'static str;
    /// The parameters that it knows.
    const PARAMETERS: &'static [Parameter];
    /// Serialises to an object.
    type Answer: Serialize;

    /// Carries it out.
    fn run(
        context: Context<'_>,
        sent: &Parameters,
    ) -> impl Future<Output = Result<Self::Answer, Refusal>> + Send;
}

/// What an action does to the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessLevel {
    /// Reads one thing.
    Get,
    /// Lists things.
    List,
    /// Makes something.
    Create,
    /// Changes something.
    Update,
    /// Removes something.
    Delete,
}

/// A parameter of an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameter {
    /// Its name on the wire.
    pub name: &'static str,
    /// What its text stands for.
    pub kind: ParameterKind,
    /// Whether it must be sent.
    pub required: bool,
    /// What it does, in one sentence.
    pub about: &'static str,
}

/// What a parameter's text stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParameterKind {
    /// Itself.
    Text,
    /// A decimal integer of 32 bits.
    Integer,
    /// A decimal integer of 64 bits.
    Long,
    /// `true` or `false`.
    Boolean,
    /// A list of texts.
    TextList,
    /// A list of decimal integers of 64 bits.
    LongList,
}

impl fmt::Display for AccessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        })
    }
}

impl Parameter {
    const fn optional(name: &'static str, kind: ParameterKind, about: &'static str) -> Self {
        Self { name, kind, required: false, about }
    }

    const fn required(name: &'static str, kind: ParameterKind, about: &'static str) -> Self {
        Self { name, kind, required: true, about }
    }
}

type Answering<'a> = Pin<Box<dyn Future<Output = Result<String, Refusal>> + Send + 'a>>;

/// One action, as the list holds it.
#[derive(Debug)]
pub struct Action {
    /// Its name.
    pub name: &'static str,
    /// What it does to the state.
    pub access: AccessLevel,
    /// What it is for, in one sentence.
    pub about: &'static str,
    /// The parameters that it knows.
    pub parameters: &'static [Parameter],
    /// Carries it out; the answer is JSON, `RequestId` first.
    pub(crate) run: for<'a> fn(Context<'a>, &'a Parameters) -> Answering<'a>,
}

impl Action {
    const fn of<A: Run>() -> Self {
        Self {
            name: A::NAME,
            access: A::ACCESS,
            about: A::ABOUT,
            parameters: A::PARAMETERS,
            run: answer::<A>,
        }
    }
}

fn answer<'a, A: Run>(context: Context<'a>, sent: &'a Parameters) -> Answering<'a> {
    Box::pin(async move {
        let answer = A::run(context, sent).await?;
        success(context.request_id, &answer).map_err(|error| {
            tracing::error!(
                action = A::NAME,
                error = &error as &dyn std::error::Error,
                "answer does not serialise"
            );
            Refusal::Internal
        })
    })
}

/// Logs a failure of the store and answers it without internals.
fn failed(action: &'static str, error: &StoreError) -> Refusal {
    tracing::error!(action, error = error as &dyn std::error::Error, "action failed");
    if error.is_transient() { Refusal::Unavailable } else { Refusal::Server }
}

/// A time as the contract writes it: milliseconds since 1970.
const fn milliseconds(time: Timestamp) -> i64 {
    time.0.saturating_mul(1_000)
}

/// Numbers of 64 bits in a list.
fn ids(sent: &Parameters, name: &str) -> Result<Vec<i64>, Refusal> {
    let texts = sent.list(name)?;
    let number = |text: &String| {
        let wanted = "a decimal integer of 64 bits";
        text.trim().parse().map_err(|_error| Refusal::invalid(name, text, wanted))
    };
    texts.iter().map(number).collect()
}

/// A number as the contract's 32-bit fields hold it; strict clients fail on a larger one.
fn narrow(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
