//! `create-subscription` at the desk, and the streams as state (RFC 5277 sections 2.1.1 and 3.2.5.1).

use std::sync::Arc;

use jiff::Timestamp;

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::event_stream::{EventFilter, EventStreams, Stream, Wanted};
use crate::management::front_desk::{Answer, Desk, not_supported, one};
use crate::management::mailbox::Follower;
use crate::management::operational::StateProvider;
use crate::management::request::{Filter, Reply, SubscriptionRequest};
use crate::yang::notification::Notification;
use crate::yang::select::Selection;
use crate::yang::state::StateBuilder;
use crate::yang::xpath_filter::XPathFilter;

impl Desk {
    pub(in crate::management) fn create_subscription(
        &self,
        session_id: u32,
        request: SubscriptionRequest,
    ) -> Answer {
        // RFC 8640 section 5: one session does not mix both kinds.
        if self.parts.subscriptions.count_of(session_id) > 0 {
            let message = "create-subscription: this session has subscriptions of establish-subscription, and cannot \
                           have both kinds";
            return Err(one(not_supported(message)));
        }
        let wanted = self.wanted_events(request).map_err(one)?;
        let follower = Follower::first_of(session_id);
        match self.parts.events.subscribe(follower, wanted) {
            true => Ok(Reply::Ok),
            false => {
                let message =
                    "create-subscription: this session has a subscription already, and it can have one";
                Err(one(ManagementError::protocol(ErrorTag::OperationFailed, message)))
            }
        }
    }

    fn wanted_events(&self, request: SubscriptionRequest) -> Result<Wanted, ManagementError> {
        let stream = match &request.stream {
            None => Stream::default(),
            Some(name) => Stream::named(name).ok_or_else(|| unknown_stream(name))?,
        };
        let start = request
            .start_time
            .map(|text| moment("startTime", &text))
            .transpose()?;
        let stop = request
            .stop_time
            .map(|text| moment("stopTime", &text))
            .transpose()?;
        let now = (self.parts.now)();
        match (start, stop) {
            (Some(start), _) if start > now => {
                return Err(bad(
                    "startTime",
                    format!("startTime {start} is in the future: it is {now}"),
                ));
            }
            (None, Some(_)) => {
                let message = "stopTime needs a startTime";
                let error = ManagementError::protocol(ErrorTag::MissingElement, message);
                return Err(error.with_info("bad-element", "startTime"));
            }
            (Some(start), Some(stop)) if stop <= start => {
                return Err(bad(
                    "stopTime",
                    format!("stopTime {stop} is not after startTime {start}"),
                ));
            }
            _ => {}
        }
        let filter = match request.filter {
            Filter::Everything => None,
            Filter::Subtree(content) => {
                let selection = Selection::of_notifications(self.schema(), &content)?;
                Some(EventFilter::Subtree(selection))
            }
            Filter::XPath { select, namespaces } => {
                let filter = XPathFilter::bind(self.schema(), &select, &namespaces)?;
                // An expression that gives no nodes is found out now, not at the first event.
                Notification::build(self.schema(), "nc-notifications:replayComplete", |_| {})?
                    .is_found(&filter)?;
                Some(EventFilter::XPath(filter))
            }
        };
        Ok(Wanted {
            stream: Some(stream),
            filter,
            start,
            stop,
        })
    }
}

pub(in crate::management) fn unknown_stream(name: &str) -> ManagementError {
    let known: Vec<&str> = Stream::ALL.into_iter().map(Stream::name).collect();
    let message = format!("stream {name:?} is none of {}", known.join(", "));
    ManagementError::application(ErrorTag::InvalidValue, message).with_info("bad-element", "stream")
}

fn moment(name: &'static str, text: &str) -> Result<Timestamp, ManagementError> {
    text.trim().parse().map_err(|_| {
        bad(
            name,
            format!("{name} {text:?} is no date and time with a time zone"),
        )
    })
}

fn bad(name: &'static str, message: String) -> ManagementError {
    ManagementError::protocol(ErrorTag::BadElement, message).with_info("bad-element", name)
}

/// The streams as state.
pub struct StreamsState(pub Arc<EventStreams>);

impl StateProvider for StreamsState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["nc-notifications:netconf"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        out.container("nc-notifications:netconf", |out| {
            out.container("streams", |out| {
                for stream in Stream::ALL {
                    out.list("stream", &[("name", &stream.name())], |out| {
                        out.leaf("description", stream.description());
                        out.leaf("replaySupport", "true");
                        out.leaf("replayLogCreationTime", self.0.log_began());
                    });
                }
            });
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/nc-notifications:netconf/streams/stream/description",
            "/nc-notifications:netconf/streams/stream/replaySupport",
            "/nc-notifications:netconf/streams/stream/replayLogCreationTime",
        ]
    }
}
