//! `Cisco-IOS-XR-shellutil-oper`: the clock, the uptime and the host name.

use std::sync::Arc;
use std::time::Instant;

use jiff::tz::TimeZone;

use crate::app::clock::Clock;
use crate::app::device_driver::Device;
use crate::management::operational::StateProvider;
use crate::yang::state::StateBuilder;

/// What time it is, and for how long the agent has been running.
pub struct SystemTimeState {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// When the agent started.
    pub started: Instant,
    /// Knows the configured host name.
    pub device: Device,
}

/// The host name of a router that has none configured, as its prompt shows it.
pub const DEFAULT_HOST_NAME: &str = "ios";

impl StateProvider for SystemTimeState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-shellutil-oper:system-time"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        out.container("Cisco-IOS-XR-shellutil-oper:system-time", |out| {
            out.container("clock", |out| self.fill_clock(out));
            out.container("uptime", |out| {
                let desired = self.device.desired();
                let running = self.clock.instant().saturating_duration_since(self.started);
                out.leaf(
                    "host-name",
                    desired.host_name.as_deref().unwrap_or(DEFAULT_HOST_NAME),
                );
                out.leaf("uptime", u32::try_from(running.as_secs()).unwrap_or(u32::MAX));
            });
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/Cisco-IOS-XR-shellutil-oper:system-time/clock/year",
            "/Cisco-IOS-XR-shellutil-oper:system-time/clock/month",
            "/Cisco-IOS-XR-shellutil-oper:system-time/clock/day",
            "/Cisco-IOS-XR-shellutil-oper:system-time/clock/hour",
            "/Cisco-IOS-XR-shellutil-oper:system-time/clock/minute",
            "/Cisco-IOS-XR-shellutil-oper:system-time/clock/second",
            "/Cisco-IOS-XR-shellutil-oper:system-time/clock/millisecond",
            "/Cisco-IOS-XR-shellutil-oper:system-time/clock/wday",
            "/Cisco-IOS-XR-shellutil-oper:system-time/clock/time-zone",
            "/Cisco-IOS-XR-shellutil-oper:system-time/clock/time-source",
            "/Cisco-IOS-XR-shellutil-oper:system-time/uptime/host-name",
            "/Cisco-IOS-XR-shellutil-oper:system-time/uptime/uptime",
        ]
    }
}

impl SystemTimeState {
    fn fill_clock(&self, out: &mut StateBuilder<'_>) {
        let now = TimeZone::UTC.to_datetime(self.clock.now());
        out.leaf("year", now.year());
        out.leaf("month", now.month());
        out.leaf("day", now.day());
        out.leaf("hour", now.hour());
        out.leaf("minute", now.minute());
        out.leaf("second", now.second());
        out.leaf("millisecond", now.millisecond());
        out.leaf("wday", now.weekday().to_sunday_zero_offset());
        out.leaf("time-zone", "UTC");
        out.leaf("time-source", "calendar");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;

    use super::*;
    use crate::app::clock::ManualClock;
    use crate::app::state::shown::{answer, running};

    #[test]
    fn the_clock_and_the_uptime_follow_the_clock_of_the_agent() {
        let clock = ManualClock::starting_at("2021-06-21T12:40:52.123Z".parse().unwrap());
        let device = Device::start(Box::new(running("", "")), Arc::new(clock.clone())).unwrap();
        let provider = SystemTimeState {
            started: clock.instant(),
            clock: Arc::new(clock.clone()),
            device,
        };
        clock.advance(Duration::from_secs(75));
        let filter = r#"<system-time xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-oper"/>"#;
        expect![[r#"
            <system-time xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-oper">
            <clock>
            <year>2021</year>
            <month>6</month>
            <day>21</day>
            <hour>12</hour>
            <minute>42</minute>
            <second>7</second>
            <millisecond>123</millisecond>
            <wday>1</wday>
            <time-zone>UTC</time-zone>
            <time-source>calendar</time-source>
            </clock>
            <uptime>
            <host-name>ios</host-name>
            <uptime>75</uptime>
            </uptime>
            </system-time>"#]]
        .assert_eq(&answer(provider, filter));
    }
}
