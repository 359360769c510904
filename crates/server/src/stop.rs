//! The words to drain and to stop.
//!
//! In: a shutdown. Out: [`Stop`], which every loop of the server looks at. Odd: each word is said once and never taken back; to
//! stop is to drain, too; a dropped [`Stopper`] says both. Whoever drains ends what it has begun and begins nothing new; who
//! stops gives it back.

use std::time::Duration;

use tokio::sync::watch;

/// What was said last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Word {
    GoOn,
    Drain,
    Stop,
}

/// Says them.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<Word>);

/// Hears them.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<Word>);

/// A stopper and what hears it.
pub(crate) fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(Word::GoOn);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Says drain to everybody who listens.
    pub(crate) fn drain(&self) {
        self.say(Word::Drain);
    }

    /// Says stop to everybody who listens.
    pub(crate) fn stop(&self) {
        self.say(Word::Stop);
    }

    /// One more who listens.
    pub(crate) fn listen(&self) -> Stop {
        Stop(self.0.subscribe())
    }

    fn say(&self, word: Word) {
        self.0.send_if_modified(|said| {
            let is_news = *said < word;
            *said = word.max(*said);
            is_news
        });
    }
}

impl Stop {
    /// Whether nothing new is to be begun.
    pub(crate) fn is_draining(&self) -> bool {
        *self.0.borrow() >= Word::Drain
    }

    /// Whether stop was said.
    pub(crate) fn is_said(&self) -> bool {
        *self.0.borrow() >= Word::Stop
    }

    /// Returns when nothing new is to be begun.
    pub(crate) async fn draining(&mut self) {
        // An error means that the stopper is gone, which says it too.
        let _gone = self.0.wait_for(|said| *said >= Word::Drain).await;
    }

    /// Returns when stop is said.
    pub(crate) async fn said(&mut self) {
        let _gone = self.0.wait_for(|said| *said >= Word::Stop).await;
    }

    /// Waits for a while, or less when stop is said. Returns whether it was.
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

    #[tokio::test]
    async fn to_drain_is_not_to_stop_and_is_not_taken_back() {
        let (stopper, mut first) = stop();
        stopper.drain();
        first.draining().await;
        assert!(first.is_draining() && !first.is_said());
        assert!(!first.said_within(Duration::ZERO).await);
        stopper.stop();
        stopper.drain();
        assert!(first.is_said() && stopper.listen().is_said());
    }
}
