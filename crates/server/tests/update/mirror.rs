//! A mirror on loopback in the layout of osv.dev, with whatever goes wrong on the way.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What goes wrong with one file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    Status(u16),
    /// It says so many bytes more than there are.
    Longer(usize),
    /// It says so many bytes less than there are.
    Shorter(usize),
    /// Every version has the same `ETag`.
    OneTag,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    faults: BTreeMap<String, Fault>,
    /// Paths that were answered with a body, in order.
    given: Vec<String>,
}

/// A running mirror.
#[derive(Clone)]
pub(crate) struct Mirror {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Mirror {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mirror = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let served = mirror.clone();
        // Ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = served.clone();
                thread::spawn(move || served.answer(stream));
            }
        });
        mirror
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/feeds", self.address)
    }

    pub(crate) fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.state.lock().unwrap().files.insert(format!("/feeds/{path}"), bytes.into());
    }

    pub(crate) fn remove(&self, path: &str) {
        self.state.lock().unwrap().files.remove(&format!("/feeds/{path}"));
    }

    pub(crate) fn fault(&self, path: &str, fault: Fault) {
        self.state.lock().unwrap().faults.insert(format!("/feeds/{path}"), fault);
    }

    pub(crate) fn mend(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    /// What was given since the last call.
    pub(crate) fn given(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().given)
            .into_iter()
            .map(|path| path.trim_start_matches("/feeds/").to_owned())
            .collect()
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let Some(first) = lines.next() else { return };
        let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let header = |name: &str| {
            headers.iter().find_map(|line| {
                let (key, value) = line.split_once(": ")?;
                key.eq_ignore_ascii_case(name).then(|| value.to_owned())
            })
        };
        let path = first.split(' ').nth(1).unwrap_or_default().replace("%20", " ");
        let (body, fault) = {
            let state = self.state.lock().unwrap();
            (state.files.get(&path).cloned(), state.faults.get(&path).copied())
        };
        let head = |status: u16, length: usize, more: &str| {
            format!(
                "HTTP/1.1 {status} Test\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n"
            )
        };
        let Some(body) = body else {
            drop(stream.write_all(head(404, 0, "").as_bytes()));
            return;
        };
        if let Some(Fault::Status(status)) = fault {
            drop(stream.write_all(head(status, 0, "").as_bytes()));
            return;
        }
        let tag = match fault {
            Some(Fault::OneTag) => "\"always\"".to_owned(),
            _ => format!(
                "\"{}-{}\"",
                body.len(),
                body.iter().map(|byte| u64::from(*byte)).sum::<u64>()
            ),
        };
        let tag_header = format!("ETag: {tag}\r\n");
        if header("if-none-match") == Some(tag.clone()) && fault != Some(Fault::OneTag) {
            drop(stream.write_all(head(304, 0, &tag_header).as_bytes()));
            return;
        }
        let start = header("range")
            .filter(|_| header("if-range") == Some(tag))
            .and_then(|range| {
                range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok()
            })
            .filter(|start| *start < body.len());
        let rest = body.get(start.unwrap_or(0)..).unwrap_or_default();
        let length = match fault {
            Some(Fault::Longer(more)) => rest.len() + more,
            Some(Fault::Shorter(less)) => rest.len().saturating_sub(less),
            _ => rest.len(),
        };
        let more = match start {
            Some(start) => format!(
                "{tag_header}Content-Range: bytes {start}-{}/{}\r\n",
                body.len() - 1,
                body.len()
            ),
            None => tag_header,
        };
        self.state.lock().unwrap().given.push(path);
        let mut bytes = head(if start.is_some() { 206 } else { 200 }, length, &more).into_bytes();
        bytes.extend_from_slice(match fault {
            Some(Fault::Cut(after)) => rest.get(..after).unwrap_or(rest),
            _ => rest,
        });
        drop(stream.write_all(&bytes));
    }
}
