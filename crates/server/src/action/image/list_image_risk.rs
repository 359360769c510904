//! ListImageRisk: one page of the risk list.
//!
//! In: page, page size and four filters, all optional; an empty text is no filter. Out: images, riskiest first, each with
//! its registry, its digests and the sums of its findings. Source: the vendor's page of that name; `docs/api.md`.
//!
//! Odd, and so in the contract:
//! * `Statistics` is a text that holds JSON, although the page's example shows an object: strict clients fail on one.
//! * Digests come without `sha256:`.
//! * `EndPointList` and `Endpoints` are spelt differently; `Endpoints`, `InternetURLs` and `VpcURLs` are single texts.
//! * `Namespace` means the repository's namespace or that of a running workload, and only the latter beside `ClusterId`
//!   or `AppName`.
//!
//! Ours: the vendor does not say how large a page may be. A page size outside 1 to 100, or a page before the first, is
//! refused and not silently changed, so that nobody pages through a list with a stride other than the one asked for.

use plimsoll_store::{ImageRisk, ImageRiskQuery, NetType, Page, UrlScheme};
use serde::Serialize;

use crate::{
    action::{AccessLevel, Context, Parameter, ParameterKind, Run, failed, narrow},
    gateway::{Parameters, Refusal},
};

/// Largest page.
const MAX_PAGE_SIZE: u32 = 100;
/// Page size where none is asked for.
const DEFAULT_PAGE_SIZE: u32 = 20;

/// The action.
pub(crate) struct ListImageRisk;

/// What ListImageRisk answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    image_risk_list: Vec<Image>,
    page_info: PageInfo,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    repo_namespace: String,
    repo_name: String,
    tag: String,
    region_id: String,
    digest: String,
    repo_id: String,
    repo_type: &'static str,
    registry_type: String,
    endpoints: String,
    image_id: String,
    tag_immutable: i32,
    statistics: String,
    image_access_type: &'static str,
    image: String,
    uuid: String,
    end_point_list: Vec<EndPoint>,
    #[serde(rename = "InternetURLs")]
    internet_urls: String,
    #[serde(rename = "VpcURLs")]
    vpc_urls: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EndPoint {
    domains: Vec<String>,
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PageInfo {
    total_count: i32,
    count: i32,
    page_size: i32,
    current_page: i32,
}

impl Run for ListImageRisk {
    const NAME: &'static str = "ListImageRisk";
    const ACCESS: AccessLevel = AccessLevel::List;
    const ABOUT: &'static str =
        "Lists images with their registry, digests and risk numbers, riskiest first.";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional(
            "CurrentPage",
            ParameterKind::Integer,
            "Number of the page, from 1, which is the default.",
        ),
        Parameter::optional(
            "PageSize",
            ParameterKind::Integer,
            "Entries of a page, 1 to 100, 20 by default.",
        ),
        Parameter::optional(
            "ClusterId",
            ParameterKind::Text,
            "Only images that run in this cluster.",
        ),
        Parameter::optional(
            "Namespace",
            ParameterKind::Text,
            "Only images of this repository namespace, or that run in this namespace of a cluster.",
        ),
        Parameter::optional(
            "AppName",
            ParameterKind::Text,
            "Only images that run as this application.",
        ),
        Parameter::optional(
            "ImageName",
            ParameterKind::Text,
            "Only images whose reference contains this text.",
        ),
    ];
    type Answer = Answer;

    async fn run(context: Context<'_>, sent: &Parameters) -> Result<Answer, Refusal> {
        let text = |name| sent.text(name).map(ToOwned::to_owned);
        let query = ImageRiskQuery {
            page: within(sent, "CurrentPage", 1, i32::MAX.unsigned_abs())?,
            page_size: within(sent, "PageSize", DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)?,
            cluster_id: text("ClusterId"),
            namespace: text("Namespace"),
            app_name: text("AppName"),
            image_name: text("ImageName"),
            ..ImageRiskQuery::default()
        };
        // The answer tells nothing of how scans stand.
        let page = context.store.list_image_numbers(&query).await;
        let page = page.map_err(|error| failed(Self::NAME, &error))?;
        Ok(Answer::of(&page))
    }
}

fn within(sent: &Parameters, name: &str, default: u32, max: u32) -> Result<u32, Refusal> {
    match sent.integer(name)?.map(u32::try_from) {
        None => Ok(default),
        Some(Ok(number)) if (1..=max).contains(&number) => Ok(number),
        Some(_) => {
            let value = sent.text(name).unwrap_or_default();
            Err(Refusal::invalid(name, value, &format!("an integer from 1 to {max}")))
        }
    }
}

impl Answer {
    fn of(page: &Page<ImageRisk>) -> Self {
        let page_info = PageInfo {
            total_count: narrow(page.total),
            count: narrow(page.items.len()),
            page_size: narrow(page.page_size),
            current_page: narrow(page.page),
        };
        Self { image_risk_list: page.items.iter().map(Image::of).collect(), page_info }
    }
}

impl Image {
    fn of(risk: &ImageRisk) -> Self {
        let settings = &risk.registry.settings;
        let authority = settings.authority();
        // Docker Hub's images are named after another host than the one that answers.
        let domain = match settings.port {
            Some(port) => format!("{}:{port}", settings.host),
            None => settings.host.clone(),
        };
        let scheme = match settings.scheme {
            UrlScheme::Http => "http",
            UrlScheme::Https => "https",
        };
        let repository = format!("{authority}/{}", risk.image.path());
        let image = format!("{repository}:{}", risk.image.tag);
        let reach = Reach::of(risk, &domain, repository);
        Self {
            region_id: settings.region_id.clone(),
            registry_type: settings.reported_type.clone(),
            endpoints: format!("{scheme}://{domain}"),
            end_point_list: reach.end_points,
            internet_urls: reach.internet_urls,
            vpc_urls: reach.vpc_urls,
            image,
            // What was scanned and is counted: the platform's manifest, which the tag names itself or by an index.
            digest: risk.image.known_digest().hex(),
            repo_id: risk.image.repo_id.clone(),
            repo_type: risk.image.repo_type.as_str(),
            image_id: risk.image.image_id.hex(),
            tag_immutable: i32::from(risk.image.tag_immutable),
            statistics: risk.counters.statistics(),
            // Only images of registered registries are listed so far.
            image_access_type: "IN_SAS",
            uuid: risk.image.uuid.clone(),
            repo_namespace: risk.image.namespace.clone(),
            repo_name: risk.image.repository.clone(),
            tag: risk.image.tag.clone(),
        }
    }
}

/// By which hosts an image can be pulled.
struct Reach {
    end_points: Vec<EndPoint>,
    internet_urls: String,
    vpc_urls: String,
}

impl Reach {
    /// As the registry's own API told; else by the host that it was added with.
    fn of(risk: &ImageRisk, domain: &str, repository: String) -> Self {
        let reported = &risk.registry.endpoints;
        if reported.is_empty() {
            let net_type = risk.registry.settings.net_type;
            let end_points =
                vec![EndPoint { domains: vec![domain.to_owned()], r#type: word(net_type) }];
            let (internet_urls, vpc_urls) = match net_type {
                NetType::Internet => (repository, String::new()),
                NetType::Intranet => (String::new(), repository),
            };
            return Self { end_points, internet_urls, vpc_urls };
        }
        let path = risk.image.path();
        let domains = |net_type: NetType| {
            let of_it = reported.iter().filter(move |one| one.net_type == net_type);
            of_it.flat_map(|one| &one.domains)
        };
        let url = |domain: &String| format!("{domain}/{path}");
        let vpc = domains(NetType::Intranet).find(|domain| domain.contains("-vpc"));
        let end_points = reported
            .iter()
            .map(|one| EndPoint { domains: one.domains.clone(), r#type: word(one.net_type) });
        Self {
            end_points: end_points.collect(),
            internet_urls: domains(NetType::Internet).next().map(url).unwrap_or_default(),
            vpc_urls: vpc
                .or_else(|| domains(NetType::Intranet).next())
                .map(url)
                .unwrap_or_default(),
        }
    }
}

const fn word(net_type: NetType) -> &'static str {
    match net_type {
        NetType::Internet => "internet",
        NetType::Intranet => "intranet",
    }
}
