//! The body of an answer, with a bound.
//!
//! In: a body. Out: the same, which breaks off where more comes than can be meant. Odd: a watch has no end, so that its lines
//! are bounded, each by itself.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tower::BoxError;

/// Most bytes of a whole answer: a page of 500 pods, each as large as the API server stores any object (1.5 MiB), is never
/// seen; this is a third of it.
const LARGEST_ANSWER: usize = 256 << 20;
/// Most bytes of an event of a watch.
const LARGEST_EVENT: usize = 16 << 20;

/// More came than can be meant.
#[derive(Debug, thiserror::Error)]
#[error("the API server sends {what} of more than {limit} bytes")]
pub(crate) struct TooLarge {
    what: &'static str,
    limit: usize,
}

/// A body with a bound.
pub(crate) struct Bounded<B> {
    inner: Pin<Box<B>>,
    is_watch: bool,
    /// Bytes of the answer, or of the line, that were seen.
    seen: usize,
}

impl<B> Bounded<B> {
    pub(crate) fn new(inner: B, is_watch: bool) -> Self {
        Self { inner: Box::pin(inner), is_watch, seen: 0 }
    }

    fn admit(&mut self, data: &[u8]) -> Result<(), TooLarge> {
        let (what, limit) =
            if self.is_watch { ("an event", LARGEST_EVENT) } else { ("an answer", LARGEST_ANSWER) };
        let newline = data.iter().rposition(|byte| *byte == b'\n').filter(|_| self.is_watch);
        self.seen = match newline {
            Some(place) => data.len().saturating_sub(place.saturating_add(1)),
            None => self.seen.saturating_add(data.len()),
        };
        if self.seen > limit { Err(TooLarge { what, limit }) } else { Ok(()) }
    }
}

impl<B> Body for Bounded<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match ready!(self.inner.as_mut().poll_frame(context)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            Some(Ok(frame)) => frame,
        };
        if let Some(data) = frame.data_ref()
            && let Err(error) = self.admit(data)
        {
            return Poll::Ready(Some(Err(error.into())));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    async fn read(parts: Vec<usize>, newline: bool, is_watch: bool) -> Result<usize, String> {
        let frames = parts.into_iter().map(move |length| {
            let mut data = vec![b'x'; length];
            if let Some(last) = data.last_mut().filter(|_| newline) {
                *last = b'\n';
            }
            Ok::<_, std::io::Error>(Frame::data(Bytes::from(data)))
        });
        let body = StreamBody::new(futures_util::stream::iter(frames));
        let collected = Bounded::new(body, is_watch).collect().await;
        collected.map(|body| body.to_bytes().len()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn answers_end_and_the_lines_of_a_watch_are_short() {
        assert_eq!(read(vec![8 << 20; 4], false, false).await, Ok(32 << 20));
        assert!(read(vec![8 << 20; 33], true, false).await.unwrap_err().contains("an answer"));
        // Without end, as long as each line ends.
        assert_eq!(read(vec![8 << 20; 40], true, true).await, Ok(320 << 20));
        assert!(read(vec![8 << 20; 3], false, true).await.unwrap_err().contains("an event"));
    }
}
