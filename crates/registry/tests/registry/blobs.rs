//! Layers over connections that break.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use plimsoll_image::BuiltImage;
use plimsoll_registry::{RemoteImage, resolve};

use crate::{
    content::{Content, amd64, client, files, image, wanted_files},
    origin::{Origin, Reply, Request},
};

const SIZE: usize = 300_000;

/// A registry that hands requests for the large layer to `layer(request, its bytes, how many came before)`.
async fn registry(
    image: &BuiltImage,
    layer: impl Fn(&Request, &[u8], usize) -> Reply + Send + Sync + 'static,
) -> Origin {
    let (digest, bytes) = image.layers.last().unwrap().clone();
    let content = Content::default().image("a", "1", image);
    let count = AtomicUsize::new(0);
    Origin::start(move |request| {
        if request.path().ends_with(&digest.to_string()) {
            return layer(request, &bytes, count.fetch_add(1, Ordering::Relaxed));
        }
        content.reply(request)
    })
    .await
}

async fn open(origin: &Origin) -> RemoteImage {
    resolve(&client(origin, None), "a", "1", &amd64(), &Default::default()).await.unwrap()
}

fn start_of(request: &Request) -> usize {
    request
        .header("range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok())
        .unwrap_or(0)
}

fn ranged(bytes: &[u8], start: usize) -> Reply {
    let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
    Reply::new(206).header("Content-Range", &range).body(&bytes[start..])
}

fn ranges_of(origin: &Origin) -> Vec<usize> {
    let requests = origin.requests();
    requests.iter().filter(|r| r.header("range").is_some()).map(start_of).collect()
}

#[tokio::test]
async fn a_cut_layer_is_taken_up_where_it_ended() {
    let image = image("cut", SIZE);
    let origin = registry(&image, |request, bytes, before| {
        let start = start_of(request);
        let whole = if start > 0 { ranged(bytes, start) } else { Reply::new(200).body(bytes) };
        if before < 5 { whole.cut_after(50_000) } else { whole }
    })
    .await;
    assert_eq!(files(open(&origin).await).await.unwrap(), wanted_files("cut", SIZE as u64));
    let starts = ranges_of(&origin);
    assert_eq!(starts, [50_000, 100_000, 150_000, 200_000, 250_000]);
}

#[tokio::test]
async fn a_server_without_ranges_sends_the_whole_again() {
    let image = image("whole", SIZE);
    let origin = registry(&image, |_, bytes, before| {
        let whole = Reply::new(200).body(bytes);
        if before < 2 { whole.cut_after(100_000 + before * 50_000) } else { whole }
    })
    .await;
    assert_eq!(files(open(&origin).await).await.unwrap(), wanted_files("whole", SIZE as u64));
    assert_eq!(ranges_of(&origin), [100_000, 150_000]);
}

#[tokio::test]
async fn what_cannot_be_finished_is_an_error() {
    type Layer = fn(&Request, &[u8], usize) -> Reply;
    let stuck: Layer = |request, bytes, before| match before {
        0 => Reply::new(200).body(bytes).cut_after(10),
        _ => ranged(bytes, start_of(request)).cut_after(0),
    };
    let wrong_range: Layer = |_, bytes, before| match before {
        0 => Reply::new(200).body(bytes).cut_after(10),
        _ => ranged(bytes, 5),
    };
    let gone: Layer = |_, bytes, before| match before {
        0 => Reply::new(200).body(bytes).cut_after(10),
        _ => Reply::new(404),
    };
    let unasked_range: Layer = |_, bytes, _| ranged(bytes, 7);
    let swapped: Layer = |_, bytes, _| {
        let mut other = bytes.to_vec();
        *other.last_mut().unwrap() ^= 1;
        Reply::new(200).body(other)
    };
    let longer: Layer = |_, bytes, _| Reply::new(200).body([bytes, b"x"].concat());
    let shorter: Layer = |_, bytes, before| match before {
        0 => Reply::new(200).body(&bytes[..bytes.len() - 1]),
        _ => Reply::new(416),
    };
    for (name, layer, wanted) in [
        ("stuck", stuck, "broke off"),
        ("wrong range", wrong_range, "the answer is the range `bytes 5-"),
        ("gone", gone, "has no repository `a`"),
        ("unasked range", unasked_range, "the answer is the range `bytes 7-"),
        ("swapped", swapped, "the bytes have digest"),
        ("longer", longer, "bytes that the manifest states"),
        ("shorter", shorter, "answered 416"),
    ] {
        let image = image(name, SIZE);
        let origin = registry(&image, layer).await;
        let error = files(open(&origin).await).await.unwrap_err();
        assert!(error.contains(wanted), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_reader_that_stops_ends_the_transfer() {
    // More than the channel and the sockets' buffers hold, so that a transfer that nobody reads would stay.
    let image = image("stop", 32 << 20);
    let remaining = Arc::new(Mutex::new(None));
    let origin = registry(&image, |_, bytes, _| Reply::new(200).body(bytes)).await;
    let client = client(&origin, None);
    let (digest, bytes) = image.layers.last().unwrap();
    let runtime = tokio::runtime::Handle::current();
    let mut reader =
        client.blob_reader("a", *digest, u64::try_from(bytes.len()).unwrap(), &runtime);
    let slot = Arc::clone(&remaining);
    let first = tokio::task::spawn_blocking(move || {
        let mut head = [0; 16];
        std::io::Read::read_exact(&mut reader, &mut head).unwrap();
        *slot.lock().unwrap() = Some(reader);
        head
    })
    .await
    .unwrap();
    assert_eq!(first, bytes[..16]);
    let alive = runtime.metrics().num_alive_tasks();
    drop(remaining.lock().unwrap().take());
    // The transfer's task and the server's exchange end; yielding lets them.
    for _ in 0..100_000 {
        if runtime.metrics().num_alive_tasks() < alive {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(runtime.metrics().num_alive_tasks() < alive, "the transfer goes on for nobody");
}

#[test]
fn a_plain_thread_reads_too() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let image = image("thread", SIZE);
    let (origin, remote) = runtime.block_on(async {
        let origin = registry(&image, |_, bytes, _| Reply::new(200).body(bytes)).await;
        let remote = open(&origin).await;
        (origin, remote)
    });
    let layer = std::thread::spawn(move || {
        plimsoll_image::LayerSource::read_layer(&remote, 1, &Default::default(), &mut ())
    });
    let layer = layer.join().unwrap().unwrap();
    assert_eq!(layer.computed_digest, Some(image.layers[1].0));
    assert_eq!(layer.entries.len(), 2);
    drop(origin);
}
