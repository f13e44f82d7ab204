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
