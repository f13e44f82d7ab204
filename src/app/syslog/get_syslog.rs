//! The RPC `get-syslog`: the messages of a span of time.

use jiff::Timestamp;

use crate::app::state::syslog::{buffered, fill_messages};
use crate::app::syslog::forwarding::Forwarding;
use crate::app::syslog::logbook::Logbook;
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::Reply;
use crate::management::rpc_table::{Caller, RpcProvider};
use crate::yang::operation::Operation;

/// Carries out `Cisco-IOS-XR-infra-syslog-oper:get-syslog`.
pub struct SyslogRpcs {
    /// Holds the messages.
    pub logbook: Logbook,
    /// Knows what the buffer shows.
    pub forwarding: Forwarding,
}

impl RpcProvider for SyslogRpcs {
    fn operations(&self) -> Vec<String> {
        vec!["Cisco-IOS-XR-infra-syslog-oper:get-syslog".to_owned()]
    }

    fn call(&self, _: &Caller, operation: &Operation) -> Result<Reply, ManagementError> {
        let start = moment(operation, "start-time")?;
        let end = moment(operation, "end-time")?;
        let mut messages = buffered(&self.logbook, &self.forwarding);
        messages.retain(|message| {
            start.is_none_or(|start| start <= message.at) && end.is_none_or(|end| message.at <= end)
        });
        let reply = operation.reply(|out| {
            out.container("data", |out| {
                out.container("syslog", |out| {
                    out.container("messages", |out| fill_messages(&messages, out));
                });
            });
        })?;
        Ok(Reply::Output(reply))
    }
}

/// One end of the span. The model lets moments pass that our clock cannot tell.
fn moment(operation: &Operation, name: &str) -> Result<Option<Timestamp>, ManagementError> {
    let filters = operation.input().child("filters");
    let Some(text) = filters.and_then(|filters| filters.leaf(name)) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        let message = format!("{name} {text:?} is no moment that a calendar has, or finer than a nanosecond");
        ManagementError::application(ErrorTag::InvalidValue, message).with_info("bad-element", name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::desired_state::payload::SCHEMA;
    use crate::app::state::syslog::example;

    fn answer(filters: &str) -> Result<String, ManagementError> {
        let (logbook, forwarding) = example::log("");
        let rpcs = SyslogRpcs { logbook, forwarding };
        let document = format!(
            "<get-syslog xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-infra-syslog-oper\">{filters}</get-syslog>"
        );
        let operation = Operation::parse(&SCHEMA, &document).unwrap();
        assert_eq!(
            rpcs.operations(),
            [format!("{}:{}", operation.module(), operation.name())]
        );
        let caller = Caller {
            user: "admin".to_owned(),
            session_id: 1,
        };
        rpcs.call(&caller, &operation).map(|reply| match reply {
            Reply::Output(output) => output,
            other => panic!("{other:?}"),
        })
    }

    fn numbers(filters: &str) -> Vec<String> {
        let answer = answer(filters).unwrap();
        answer
            .split("<message-id>")
            .skip(1)
            .map(|rest| rest.split('<').next().unwrap().to_owned())
            .collect()
    }

    fn span(start: &str, end: &str) -> String {
        let leaf = |name: &str, value: &str| match value {
            "" => String::new(),
            value => format!("<{name}>{value}</{name}>"),
        };
        format!(
            "<filters>{}{}</filters>",
            leaf("start-time", start),
            leaf("end-time", end)
        )
    }

    #[tokio::test]
    async fn a_span_of_time_includes_its_ends_in_any_time_zone() {
        assert_eq!(numbers(&span("2021-05-27T09:00:00Z", "")), ["1", "2", "3"]);
        assert_eq!(numbers(&span("2021-05-27T11:55:57.783+02:00", "")), ["2", "3"]);
        assert_eq!(numbers(&span("", "2021-05-27T09:55:57.783Z")), ["1", "2"]);
        assert_eq!(
            numbers(&span("2021-05-27T09:55:00Z", "2021-05-27T09:56:00Z")),
            ["2"]
        );
        assert_eq!(numbers(&span("2022-01-01T00:00:00Z", "")), [""; 0]);
    }

    #[tokio::test]
    async fn without_a_span_everything_is_told() {
        assert_eq!(numbers(""), ["1", "2", "3"]);
        assert_eq!(numbers("<filters/>"), ["1", "2", "3"]);
    }

    #[tokio::test]
    async fn the_answer_has_the_shape_of_the_model() {
        let answer = answer(&span("", "2021-05-27T09:55:00Z")).unwrap();
        assert!(
            answer.starts_with(
                "<data xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-infra-syslog-oper\"><syslog><messages><message>\
                 <message-id>1</message-id><card-type>RP</card-type><node-name>0/RP0/CPU0</node-name>\
                 <time-stamp>1622109297783</time-stamp>"
            ),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn a_moment_that_the_clock_cannot_tell_is_named() {
        let refused = answer(&span("2021-05-27T09:00:00.0123456789Z", "")).unwrap_err();
        assert!(
            refused.message.contains("start-time") && refused.message.contains(":00.0123456789"),
            "{}",
            refused.message
        );
    }
}
