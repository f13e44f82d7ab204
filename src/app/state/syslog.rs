//! `Cisco-IOS-XR-infra-syslog-oper`: the messages of the buffer and what each destination has received.

use std::sync::Arc;

use crate::app::syslog::configuration::Wanted;
use crate::app::syslog::forwarding::{Forwarding, HostStatistics};
use crate::app::syslog::logbook::Logbook;
use crate::app::syslog::message::Message;
use crate::management::operational::StateProvider;
use crate::yang::state::StateBuilder;

/// The log.
pub struct SyslogState {
    /// Holds the messages.
    pub logbook: Logbook,
    /// Sends them, and knows what is configured.
    pub forwarding: Forwarding,
}

impl StateProvider for SyslogState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-infra-syslog-oper:syslog"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        out.container("Cisco-IOS-XR-infra-syslog-oper:syslog", |out| {
            out.container("messages", |out| {
                fill_messages(&buffered(&self.logbook, &self.forwarding), out);
            });
            out.container("logging-statistics", |out| self.fill_statistics(out));
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &PROVIDED
    }
}

/// The messages that the buffer shows, oldest first.
pub fn buffered(logbook: &Logbook, forwarding: &Forwarding) -> Vec<Arc<Message>> {
    let wanted = forwarding.configuration().buffered;
    let mut messages = logbook.messages().entries();
    messages.retain(|message| wanted.takes(message.severity));
    messages
}

/// Fills a container `messages`.
pub fn fill_messages(messages: &[Arc<Message>], out: &mut StateBuilder<'_>) {
    if !out.wants("message") {
        return;
    }
    for message in messages {
        out.list("message", &[("message-id", &message.id)], |out| {
            out.leaf("card-type", Message::CARD_TYPE);
            out.leaf("node-name", Message::NODE);
            out.leaf("time-stamp", message.at.as_millisecond());
            if out.wants("time-of-day") {
                out.leaf("time-of-day", message.time_of_day());
            }
            out.leaf("time-zone", Message::TIME_ZONE);
            out.leaf("process-name", &message.process);
            out.leaf("category", &message.category);
            out.leaf("group", &message.group);
            out.leaf("message-name", &message.name);
            out.leaf("severity", message.severity.yang_name());
            out.leaf("text", &message.text);
        });
    }
}

impl SyslogState {
    fn fill_statistics(&self, out: &mut StateBuilder<'_>) {
        let configuration = self.forwarding.configuration();
        let hosts = self.forwarding.statistics();
        let total = |of: fn(&HostStatistics) -> u64| -> u32 { count(hosts.iter().map(of).sum()) };
        out.container("logging-stats", |out| {
            out.leaf("is-log-enabled", true);
            out.leaf("drop-count", total(|host| host.dropped));
            out.leaf("flush-count", 0);
            out.leaf("overrun-count", total(|host| host.overrun));
        });
        out.container("console-logging-stats", |out| {
            fill_destination(Wanted::None, 0, 0, out);
        });
        out.container("monitor-logging-stats", |out| {
            fill_destination(Wanted::None, 0, 0, out);
        });
        out.container("trap-logging-stats", |out| {
            let wanted = match hosts.is_empty() {
                true => Wanted::None,
                false => configuration.trap,
            };
            fill_destination(wanted, total(|host| host.sent), 0, out);
        });
        out.container("buffer-logging-stats", |out| {
            let messages = self.logbook.messages().last();
            fill_destination(
                configuration.buffered,
                count(messages),
                configuration.buffer_size,
                out,
            );
        });
        for host in &hosts {
            let list = match host.over_tls {
                true => "tls-remote-logging-stat",
                false => "remote-logging-stat",
            };
            out.list(list, &[], |out| {
                out.leaf("remote-host-name", &host.name);
                out.leaf("message-count", count(host.sent));
            });
        }
    }
}

fn fill_destination(wanted: Wanted, messages: u32, buffer_size: u32, out: &mut StateBuilder<'_>) {
    out.leaf("is-log-enabled", wanted != Wanted::None);
    out.leaf_option("severity", wanted.least().map(|severity| severity.yang_name()));
    out.leaf("message-count", messages);
    out.leaf("buffer-size", buffer_size);
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

macro_rules! paths {
    ($($path:literal),+ $(,)?) => {
        [$(concat!("/Cisco-IOS-XR-infra-syslog-oper:syslog/", $path)),+]
    };
}

static PROVIDED: [&str; 34] = paths![
    "messages/message/message-id",
    "messages/message/card-type",
    "messages/message/node-name",
    "messages/message/time-stamp",
    "messages/message/time-of-day",
    "messages/message/time-zone",
    "messages/message/process-name",
    "messages/message/category",
    "messages/message/group",
    "messages/message/message-name",
    "messages/message/severity",
    "messages/message/text",
    "logging-statistics/logging-stats/is-log-enabled",
    "logging-statistics/logging-stats/drop-count",
    "logging-statistics/logging-stats/flush-count",
    "logging-statistics/logging-stats/overrun-count",
    "logging-statistics/console-logging-stats/is-log-enabled",
    "logging-statistics/console-logging-stats/message-count",
    "logging-statistics/console-logging-stats/buffer-size",
    "logging-statistics/monitor-logging-stats/is-log-enabled",
    "logging-statistics/monitor-logging-stats/message-count",
    "logging-statistics/monitor-logging-stats/buffer-size",
    "logging-statistics/trap-logging-stats/is-log-enabled",
    "logging-statistics/trap-logging-stats/severity",
    "logging-statistics/trap-logging-stats/message-count",
    "logging-statistics/trap-logging-stats/buffer-size",
    "logging-statistics/buffer-logging-stats/is-log-enabled",
    "logging-statistics/buffer-logging-stats/severity",
    "logging-statistics/buffer-logging-stats/message-count",
    "logging-statistics/buffer-logging-stats/buffer-size",
    "logging-statistics/remote-logging-stat/remote-host-name",
    "logging-statistics/remote-logging-stat/message-count",
    "logging-statistics/tls-remote-logging-stat/remote-host-name",
    "logging-statistics/tls-remote-logging-stat/message-count",
];

#[cfg(test)]
pub mod example {
    //! A log for tests.

    use std::time::Duration;

    use super::*;
    use crate::app::clock::ManualClock;
    use crate::app::desired_state::payload::tree;
    use crate::app::settings::SyslogSettings;
    use crate::app::syslog::configuration::syslog_configuration;
    use crate::app::syslog::message::{Draft, Severity, example};

    /// The chapter's message, a minute later one for information, and a minute later one for debugging.
    pub fn log(configuration: &str) -> (Logbook, Forwarding) {
        let clock = ManualClock::starting_at("2021-05-27T09:54:57.783Z".parse().unwrap());
        let settings = SyslogSettings::default();
        let logbook = Logbook::in_memory(Arc::new(clock.clone()), &settings).unwrap();
        let configuration = syslog_configuration(&tree(configuration));
        let forwarding =
            Forwarding::start(Arc::new(clock.clone()), logbook.clone(), &settings, configuration).unwrap();
        for (severity, category, text) in [
            (Severity::Error, "LICENSE", "Authorization renewal failed"),
            (Severity::Informational, "MGBL", "Configuration committed"),
            (Severity::Debug, "OS", "details"),
        ] {
            logbook.log(Draft {
                severity,
                category,
                text: text.to_owned(),
                ..example::draft()
            });
            clock.advance(Duration::from_secs(60));
        }
        (logbook, forwarding)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::app::state::shown::{answer, unannounced};

    const NS: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-infra-syslog-oper";

    fn state(configuration: &str) -> SyslogState {
        let (logbook, forwarding) = example::log(configuration);
        SyslogState { logbook, forwarding }
    }

    fn configured(content: &str) -> SyslogState {
        state(&format!(
            "<syslog xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-infra-syslog-cfg\">{content}</syslog>"
        ))
    }

    #[tokio::test]
    async fn messages_of_a_category_show_as_in_the_recorded_document() {
        let filter = format!(
            "<syslog xmlns=\"{NS}\"><messages><message><category>LICENSE</category></message></messages></syslog>"
        );
        expect![[r#"
            <syslog xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-infra-syslog-oper">
            <messages>
            <message>
            <message-id>1</message-id>
            <card-type>RP</card-type>
            <node-name>0/RP0/CPU0</node-name>
            <time-stamp>1622109297783</time-stamp>
            <time-of-day>May 27 09:54:57.783</time-of-day>
            <time-zone>UTC</time-zone>
            <process-name>smartlicserver</process-name>
            <category>LICENSE</category>
            <group>SMART_LIC</group>
            <message-name>AUTH_RENEW_FAILED</message-name>
            <severity>message-severity-error</severity>
            <text>Authorization renewal failed</text>
            </message>
            </messages>
            </syslog>"#]]
        .assert_eq(&answer(state(""), &filter));
    }

    #[tokio::test]
    async fn the_buffer_shows_what_it_is_configured_to() {
        let filter =
            format!("<syslog xmlns=\"{NS}\"><messages><message><category/></message></messages></syslog>");
        let shown = |configuration: &str| {
            let answer = answer(
                configured(&format!(
                    "<buffered-logging><logging-level>{configuration}</logging-level></buffered-logging>"
                )),
                &filter,
            );
            answer.matches("<message>").count()
        };
        assert_eq!(
            (shown("debug"), shown("info"), shown("error"), shown("disable")),
            (3, 2, 1, 0)
        );
    }

    #[tokio::test]
    async fn destinations_are_counted() {
        let state = configured(
            "<host-server><vrfs><vrf><vrf-name>default</vrf-name><ipv4s><ipv4><address>127.0.0.1</address>
             <ipv4-severity-port><severity>none</severity></ipv4-severity-port></ipv4></ipv4s></vrf></vrfs>
             </host-server>",
        );
        let filter = format!("<syslog xmlns=\"{NS}\"><logging-statistics/></syslog>");
        expect![[r#"
            <syslog xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-infra-syslog-oper">
            <logging-statistics>
            <logging-stats>
            <is-log-enabled>true</is-log-enabled>
            <drop-count>0</drop-count>
            <flush-count>0</flush-count>
            <overrun-count>0</overrun-count>
            </logging-stats>
            <console-logging-stats>
            <is-log-enabled>false</is-log-enabled>
            <message-count>0</message-count>
            <buffer-size>0</buffer-size>
            </console-logging-stats>
            <monitor-logging-stats>
            <is-log-enabled>false</is-log-enabled>
            <message-count>0</message-count>
            <buffer-size>0</buffer-size>
            </monitor-logging-stats>
            <trap-logging-stats>
            <is-log-enabled>true</is-log-enabled>
            <severity>message-severity-informational</severity>
            <message-count>0</message-count>
            <buffer-size>0</buffer-size>
            </trap-logging-stats>
            <buffer-logging-stats>
            <is-log-enabled>true</is-log-enabled>
            <severity>message-severity-debug</severity>
            <message-count>3</message-count>
            <buffer-size>2097152</buffer-size>
            </buffer-logging-stats>
            <remote-logging-stat>
            <remote-host-name>127.0.0.1</remote-host-name>
            <message-count>0</message-count>
            </remote-logging-stat>
            </logging-statistics>
            </syslog>"#]]
        .assert_eq(&answer(state, &filter));
    }

    #[tokio::test]
    async fn every_leaf_that_is_filled_is_announced() {
        assert_eq!(unannounced(state("")), [""; 0]);
    }
}
