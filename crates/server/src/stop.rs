//! The word to stop.
//!
//! In: a shutdown. Out: [`Stop`], which every loop of the server looks at. Odd: it is said once and never taken back; a
//! dropped [`Stopper`] says it too.

use std::time::Duration;

use tokio::sync::watch;

/// Says stop.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// Hears it.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// A stopper and what hears it.
pub(crate) fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Says stop to everybody who listens.
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether it was said.
    pub(crate) fn is_said(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is said.
    pub(crate) async fn said(&mut self) {
        // An error means that the stopper is gone, which says it too.
        let _gone = self.0.wait_for(|said| *said).await;
    }

    /// Waits for a while, or less when it is said. Returns whether it was.
    pub(crate) async fn said_within(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.said()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_word_is_heard_by_every_listener_and_a_dropped_stopper_says_it() {
        let (stopper, mut first) = stop();
        let mut second = first.clone();
        assert!(!first.is_said());
        assert!(!first.said_within(Duration::ZERO).await);
        stopper.stop();
        assert!(first.is_said());
        second.said().await;
        let (stopper, mut third) = stop();
        drop(stopper);
        third.said().await;
    }
}
