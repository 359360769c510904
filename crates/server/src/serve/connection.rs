//! Connections: accepted, bounded in number and time, ended in order.
//!
//! In: a listener. Out: requests for the router, each with its client's address. Source: RFC 9112. Odd: HTTP/1.1 only;
//! a stop lets requests under way finish, and connections that only wait are closed at once.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, response::Response};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::stop::Stop;

/// Connections in all.
const MOST: usize = 4096;
/// Connections of one address.
const MOST_OF_ADDRESS: u32 = 256;
/// How long a client may take for a TLS handshake, and for the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Largest head of a request: the gateway takes queries of 64 KiB and headers of 16 KiB.
const HEAD_BYTES: usize = 96 << 10;
/// How long a stop waits for requests under way.
const PATIENCE: Duration = Duration::from_secs(10);

/// Accepts until the stop is said, then waits for the requests under way.
pub(crate) async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    mut stop: Stop,
) {
    let places = Arc::new(Semaphore::new(MOST));
    let addresses = Addresses::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.said() => break,
        };
        let (stream, client) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, or a client that was gone already: neither ends the server.
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let Some(counted) = addresses.enter(client.ip()) else { continue };
        let connection = Connection {
            client,
            router: router.clone(),
            stop: stop.clone(),
            _place: place,
            _counted: counted,
        };
        tokio::spawn(connection.run(stream, acceptor.clone()));
    }
    drop(listener);
    let all = places.acquire_many(u32::try_from(MOST).unwrap_or(u32::MAX));
    if tokio::time::timeout(PATIENCE, all).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

/// One connection; it gives its places back when it is dropped.
struct Connection {
    client: SocketAddr,
    router: Router,
    stop: Stop,
    _place: OwnedSemaphorePermit,
    _counted: Counted,
}

impl Connection {
    async fn run(self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        // An answer is written in one piece where possible; waiting for more only adds delay.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no delay");
        }
        match acceptor {
            None => self.speak(stream).await,
            Some(acceptor) => {
                match tokio::time::timeout(HEAD_TIME, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => self.speak(stream).await,
                    Ok(Err(error)) => {
                        tracing::debug!(%error, client.address = %self.client, "no TLS")
                    }
                    Err(_elapsed) => {
                        tracing::debug!(client.address = %self.client, "TLS took too long")
                    }
                }
            }
        }
    }

    async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(mut self, stream: S) {
        let (router, client) = (self.router.clone(), self.client);
        let service = service_fn(move |request| answer(router.clone(), client, request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.said() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, client.address = %client, "connection ended");
        }
    }
}

async fn answer(
    router: Router,
    client: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    request.extensions_mut().insert(ConnectInfo(client));
    router.oneshot(request.map(Body::new)).await
}

/// How many connections each address has.
#[derive(Clone, Default)]
struct Addresses(Arc<Mutex<BTreeMap<IpAddr, u32>>>);

/// One connection of an address, until it is dropped.
struct Counted {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// Counts a connection; `None` when the address has too many.
    fn enter(&self, address: IpAddr) -> Option<Counted> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = table.entry(address).or_default();
        if *count >= MOST_OF_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Counted { addresses: self.clone(), address })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut table = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = table.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                table.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_bounded_number_of_connections() {
        let addresses = Addresses::default();
        let here = IpAddr::from([192, 0, 2, 1]);
        let held: Vec<Counted> =
            (0..MOST_OF_ADDRESS).map(|_| addresses.enter(here).unwrap()).collect();
        assert!(addresses.enter(here).is_none());
        assert!(addresses.enter(IpAddr::from([192, 0, 2, 2])).is_some());
        drop(held);
        assert!(addresses.enter(here).is_some());
        assert!(addresses.0.lock().unwrap().len() <= 1);
    }
}
