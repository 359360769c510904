//! What VEX documents say of one image that was scanned.
//!
//! In: the report, the documents that count for all images, and those that a registry keeps beside this one. Out: the report, in
//! which they decide. Odd: what lies beside an image may be anybody's, so that it is read where images are read; what cannot be had
//! or read of it is a gap of the report.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use plimsoll_advisory::vex::{Document, Image};
use plimsoll_model::{Digest, Report};
use plimsoll_registry::{RemoteImage, Sort};
use plimsoll_scanner::{
    child::{VexOutcome, read_vex_in_child},
    vex::{Given, apply},
};

use crate::{context::Confinement, operation::error_chain, vex::VexDocuments};

/// What is known of the image besides its report.
pub(super) struct Beside {
    /// The image, where documents beside it count.
    pub(super) image: Option<RemoteImage>,
    /// Digests that name it in its registry.
    pub(super) subjects: Vec<Digest>,
    pub(super) confinement: Confinement,
    pub(super) stopped: Arc<AtomicBool>,
}

/// Lets all documents decide. An error is why no process could be made to read one.
pub(super) async fn hear(
    report: &mut Report,
    documents: &VexDocuments,
    beside: Beside,
) -> Result<(), String> {
    let is_asked = beside.image.is_some();
    if documents.given().is_empty() && !is_asked {
        return Ok(());
    }
    let (found, problems) = match &beside.image {
        Some(image) => in_registry(image, &beside).await?,
        None => (Vec::new(), Vec::new()),
    };
    let image = Image::of(&report.image, &beside.subjects);
    let given: Vec<&Given> = documents.given().iter().chain(&found).collect();
    apply(report, &image, &given, problems);
    Ok(())
}

async fn in_registry(
    image: &RemoteImage,
    beside: &Beside,
) -> Result<(Vec<Given>, Vec<String>), String> {
    let listed = image.attached(Sort::Vex).await;
    let (mut given, mut problems) = (Vec::new(), listed.problems);
    for attached in &listed.documents {
        let place = format!("{} {}", attached.via, attached.blob.digest);
        let bytes = match image.fetch_attached(attached).await {
            Ok(bytes) => bytes,
            Err(error) => {
                problems.push(format!("{place}: {error}"));
                continue;
            }
        };
        let (confinement, stopped) = (beside.confinement.clone(), Arc::clone(&beside.stopped));
        let reading = tokio::task::spawn_blocking(move || read(&bytes, &confinement, &stopped));
        match reading.await.map_err(|error| error.to_string())?? {
            VexOutcome::Document(document) => {
                given.push(Given { place, document: *document, is_attached: true });
            }
            VexOutcome::Problem(problem) if attached.is_said_to_be => {
                problems.push(format!("{place}: {problem}"));
            }
            // What merely may be one, and is none, is nobody's problem.
            VexOutcome::Problem(_) => {}
        }
    }
    Ok((given, problems))
}

fn read(
    bytes: &[u8],
    confinement: &Confinement,
    stopped: &AtomicBool,
) -> Result<VexOutcome, String> {
    match confinement {
        Confinement::Child { isolation, .. } => {
            let is_stopped = || stopped.load(Ordering::Relaxed);
            read_vex_in_child(isolation, bytes, &is_stopped).map_err(|error| error_chain(&error))
        }
        Confinement::Off => Ok(match Document::read(bytes) {
            Ok(document) => VexOutcome::Document(Box::new(document)),
            Err(error) => VexOutcome::Problem(error.to_string()),
        }),
    }
}
