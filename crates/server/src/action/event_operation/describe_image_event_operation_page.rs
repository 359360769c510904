//! `DescribeImageEventOperationPage`: the rules on sensitive files, the newest first.
//!
//! In: page, page size, filters. Out: one page. Source: the vendor's page of that name. Odd: its `PageInfo` has no `Count`.

use plimsoll_store::EventRuleQuery;
use serde::Serialize;

use super::{Answer, Rule, event_type, id, source};
use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed, narrow, paging::Paging},
    gateway::{Parameters, Refusal},
};

/// The action.
pub(crate) struct DescribeImageEventOperationPage;

/// One page.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Data {
    list: Vec<Rule>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PageInfo {
    current_page: i32,
    page_size: i32,
    total_count: i32,
}

impl Run for DescribeImageEventOperationPage {
    const NAME: &'static str = "DescribeImageEventOperationPage";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str = "Lists the rules on sensitive files.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("Lang", ParameterKind::Text, "Language of texts; they are English."),
        Parameter::optional("CurrentPage", ParameterKind::Integer, Paging::ABOUT_PAGE),
        Parameter::optional("PageSize", ParameterKind::Integer, Paging::ABOUT_SIZE),
        Parameter::optional("Id", ParameterKind::Long, "Only this rule."),
        Parameter::optional("EventKey", ParameterKind::Text, "Only rules on this kind of file."),
        Parameter::optional("EventName", ParameterKind::Text, "Only rules on a kind called so."),
        Parameter::optional(
            "EventType",
            ParameterKind::Text,
            "sensitiveFile, which is the default.",
        ),
        Parameter::optional("Source", ParameterKind::Text, "Only rules of: default, agentless."),
    ];
    type Answer = Answer<Data>;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer<Data>, Refusal> {
        event_type(sent)?;
        let paging = Paging::of(sent)?;
        let text = |name| sent.text(name).map(ToOwned::to_owned);
        let query = EventRuleQuery {
            id: sent.text("Id").map(|_| id(sent)).transpose()?,
            event_key: text("EventKey"),
            event_name: text("EventName"),
            source: source(sent)?,
            page: paging.page,
            page_size: paging.size,
        };
        let page = context.store.event_rules(&query).await;
        let page = page.map_err(|error| failed(Self::NAME, &error))?;
        Ok(Answer::of(Data {
            list: page.items.into_iter().map(Rule::of).collect(),
            page_info: PageInfo {
                current_page: narrow(paging.page),
                page_size: narrow(paging.size),
                total_count: narrow(page.total),
            },
        }))
    }
}
