//! The only source of time: wall and steady time from one object, and waiting until a moment.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use tokio::sync::watch;

use crate::transport::clock::SteadyClock;

/// A wait that somebody else can drive.
pub type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Time for everyone: wall time for licence periods and records, steady time for sessions and hardware.
pub trait Clock: Send + Sync {
    /// Wall time.
    fn now(&self) -> Timestamp;
    /// Steady time; a stepped wall clock does not move it.
    fn instant(&self) -> Instant;
    /// Time since some moment in the past. Unlike [`Clock::instant`] it goes on while the machine sleeps.
    fn uptime(&self) -> Duration;
    /// Ends when [`Clock::instant`] has reached `moment`.
    fn wait_until(&self, moment: Instant) -> Waiting;
}

/// The machine's own clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[allow(clippy::disallowed_methods)] // the one place where time enters the program
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    fn uptime(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
    }

    fn wait_until(&self, moment: Instant) -> Waiting {
        Box::pin(tokio::time::sleep_until(moment.into()))
    }
}

/// A clock that stands still until it is told to go on: tests, and labs that move a device through a year.
#[derive(Clone, Debug)]
pub struct ManualClock {
    began: (Timestamp, Instant),
    elapsed: Arc<Mutex<Duration>>,
    set_by: Arc<Mutex<SignedDuration>>,
    ticks: watch::Sender<Duration>,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[allow(clippy::disallowed_methods)] // an Instant can only be had from the machine; it never advances here
    pub fn starting_at(now: Timestamp) -> ManualClock {
        ManualClock {
            began: (now, Instant::now()),
            elapsed: Arc::new(Mutex::new(Duration::ZERO)),
            set_by: Arc::new(Mutex::new(SignedDuration::ZERO)),
            ticks: watch::channel(Duration::ZERO).0,
        }
    }

    /// Moves both times on and wakes whoever waited for a moment in between.
    pub fn advance(&self, by: Duration) {
        let mut elapsed = self.elapsed.lock().unwrap_or_else(PoisonError::into_inner);
        *elapsed += by;
        self.ticks.send_replace(*elapsed);
    }

    /// Sets the wall clock forward, or back, as an operator or a time server does; no time passes.
    pub fn set_wall(&self, by: SignedDuration) {
        *self.set_by.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let set_by = *self.set_by.lock().unwrap_or_else(PoisonError::into_inner);
        self.began
            .0
            .saturating_add(self.elapsed())
            .and_then(|now| now.saturating_add(set_by))
            .unwrap_or(Timestamp::MAX)
    }

    fn instant(&self) -> Instant {
        self.began.1 + self.elapsed()
    }

    fn uptime(&self) -> Duration {
        self.elapsed()
    }

    fn wait_until(&self, moment: Instant) -> Waiting {
        let needed = moment.saturating_duration_since(self.began.1);
        let mut ticks = self.ticks.subscribe();
        Box::pin(async move {
            // An error means that the clock is gone, and with it everything that could move it.
            if ticks.wait_for(|elapsed| *elapsed >= needed).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

/// Steady time, as the doors want it.
pub struct Steady(pub Arc<dyn Clock>);

impl SteadyClock for Steady {
    fn instant(&self) -> Instant {
        self.0.instant()
    }

    fn wait_until(&self, moment: Instant) -> Waiting {
        self.0.wait_until(moment)
    }
}

/// The wall clock, for the validity of certificates.
pub struct AgentTime(pub Arc<dyn Clock>);

impl TimeProvider for AgentTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

impl fmt::Debug for AgentTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentTime")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_moves_wall_and_steady_time_together_and_wakes_who_waits() {
        let clock = ManualClock::starting_at("2021-06-21T12:40:52Z".parse().unwrap());
        let (wall, steady) = (clock.now(), clock.instant());
        let waiting = tokio::spawn(clock.wait_until(steady + Duration::from_secs(5)));
        clock.advance(Duration::from_secs(4));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        clock.advance(Duration::from_secs(1));
        waiting.await.unwrap();
        assert_eq!(clock.now().duration_since(wall).as_secs(), 5);
        assert_eq!(clock.instant() - steady, Duration::from_secs(5));
    }

    #[test]
    fn setting_the_wall_clock_moves_no_other_time() {
        let clock = ManualClock::starting_at("2021-06-21T12:40:52Z".parse().unwrap());
        let (wall, steady, uptime) = (clock.now(), clock.instant(), clock.uptime());
        clock.set_wall(SignedDuration::from_hours(-2));
        assert_eq!(wall.duration_since(clock.now()).as_hours(), 2);
        assert_eq!((clock.instant(), clock.uptime()), (steady, uptime));
        assert!(SystemClock.uptime() > Duration::ZERO);
    }
}
