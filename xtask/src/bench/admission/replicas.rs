//! Processes of the webhook, one of which is killed now and then.
//!
//! In: how many. Out: addresses of those that can be asked. Odd: a replica keeps its port, as a Service keeps its address.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use super::{Place, Random};
use crate::process::say;

/// How long a replica may take to begin.
const BEGIN: Duration = Duration::from_secs(60);
/// How long a dead replica is still asked.
const LAG: Duration = Duration::from_millis(100);

/// All of them.
pub(super) struct Replicas {
    place: Place,
    policy: PathBuf,
    all: Vec<Replica>,
    is_enough: AtomicBool,
}

struct Replica {
    address: SocketAddr,
    child: Mutex<Child>,
    is_asked: AtomicBool,
}

impl Replicas {
    /// Starts them, and waits until each can be asked.
    pub(super) fn start(place: &Place, policy: &Path, number: usize) -> anyhow::Result<Self> {
        if number < 2 {
            bail!("of fewer than two replicas none is left when one dies");
        }
        let mut all = Vec::new();
        for _ in 0..number {
            let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
            let child = Mutex::new(start(place, policy, address)?);
            all.push(Replica { address, child, is_asked: AtomicBool::new(false) });
        }
        let is_enough = AtomicBool::new(false);
        let replicas = Self { place: place.clone(), policy: policy.to_owned(), all, is_enough };
        for replica in &replicas.all {
            replica.wait()?;
        }
        Ok(replicas)
    }

    /// One that can be asked, as far as is known.
    pub(super) fn choose(&self, random: &mut Random) -> Option<SocketAddr> {
        let asked: Vec<SocketAddr> = self
            .all
            .iter()
            .filter(|replica| replica.is_asked.load(Ordering::SeqCst))
            .map(|replica| replica.address)
            .collect();
        let last = asked.len().checked_sub(1)?;
        asked.get(random.below(last)).copied()
    }

    /// Kills one after the other at random, until it is enough. Returns how often.
    pub(super) fn kill_again_and_again(&self) -> anyhow::Result<usize> {
        let mut random = Random(0x9e37_79b9);
        let mut killed = 0;
        while !self.is_enough.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(200 + random.below(600) as u64));
            let Some(replica) = self.all.get(random.below(self.all.len() - 1)) else { continue };
            {
                let mut child = replica.child.lock().unwrap_or_else(PoisonError::into_inner);
                child.kill()?;
                child.wait()?;
            }
            killed += 1;
            thread::sleep(LAG);
            replica.is_asked.store(false, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(random.below(400) as u64));
            *replica.child.lock().unwrap_or_else(PoisonError::into_inner) =
                start(&self.place, &self.policy, replica.address)?;
            replica.wait()?;
        }
        say(&format!("{killed} times a replica was killed"));
        Ok(killed)
    }

    /// No more is killed.
    pub(super) fn enough(&self) {
        self.is_enough.store(true, Ordering::SeqCst);
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        for replica in &self.all {
            let mut child = replica.child.lock().unwrap_or_else(PoisonError::into_inner);
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Replica {
    /// Waits until it says that it is ready; from then on it is asked.
    fn wait(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !self.is_ready() {
            if begun.elapsed() > BEGIN {
                bail!("the replica at {} is not ready", self.address);
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.is_asked.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn is_ready(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            let request = "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            stream.write_all(request.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer.starts_with("HTTP/1.1 200 "))
        };
        ask().unwrap_or(false)
    }
}

fn start(place: &Place, policy: &Path, address: SocketAddr) -> anyhow::Result<Child> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(place.data.join(format!("admission-{}.log", address.port())))?;
    let (listen, policy) = (address.to_string(), policy.display().to_string());
    place
        .command(&["admission", "serve", "--quiet", "--listen", &listen, "--policy", &policy])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .context("plimsoll does not start")
}
