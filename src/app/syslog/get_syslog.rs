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

/// One end of the span. The model lets more pass than a clock can show, such as the thirteenth month.
fn moment(operation: &Operation, name: &str) -> Result<Option<Timestamp>, ManagementError> {
    let filters = operation.input().child("filters");
    let Some(text) = filters.and_then(|filters| filters.leaf(name)) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        let message = format!("{name} {text:?} is no moment that a calendar has");
        ManagementError::application(ErrorTag::InvalidValue, message).with_info("bad-element", name)
    })
}
