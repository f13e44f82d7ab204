//! Streams and subscriptions as state (RFC 8639 section 3).

use std::sync::Arc;

use jiff::Timestamp;

use crate::management::event_stream::{EventStreams, Stream};
use crate::management::mailbox::{Outgoing, own};
use crate::management::operational::StateProvider;
use crate::management::request::Filter;
use crate::management::subscription::agreements::{Agreed, Subscriptions};
use crate::management::subscription::filters::{FilterList, SELECTION_FILTERS, STREAM_FILTERS};
use crate::management::subscription::terms::{FilterChoice, Target, Trigger};
use crate::yang::schema::Schema;
use crate::yang::state::StateBuilder;

/// Fills `streams` and `subscriptions`.
pub struct SubscriptionState {
    /// The streams.
    pub events: Arc<EventStreams>,
    /// The subscriptions.
    pub subscriptions: Arc<Subscriptions>,
}

impl StateProvider for SubscriptionState {
    fn roots(&self) -> Vec<&'static str> {
        vec![
            "ietf-subscribed-notifications:streams",
            "ietf-subscribed-notifications:subscriptions",
        ]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        out.container("ietf-subscribed-notifications:streams", |out| {
            for stream in Stream::ALL {
                out.list("stream", &[("name", &stream.name())], |out| {
                    out.leaf("description", stream.description());
                    out.leaf("replay-support", "");
                    out.leaf("replay-log-creation-time", self.events.log_began());
                    out.leaf_option("replay-log-aged-time", self.events.log_aged());
                });
            }
        });
        out.container("ietf-subscribed-notifications:subscriptions", |out| {
            for (id, agreed) in self.subscriptions.all() {
                out.list("subscription", &[("id", &id)], |out| self.fill_one(&agreed, out));
            }
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/ietf-subscribed-notifications:streams/stream/description",
            "/ietf-subscribed-notifications:streams/stream/replay-support",
            "/ietf-subscribed-notifications:streams/stream/replay-log-creation-time",
            "/ietf-subscribed-notifications:streams/stream/replay-log-aged-time",
            "/ietf-subscribed-notifications:subscriptions/subscription/replay-start-time",
            "/ietf-subscribed-notifications:subscriptions/subscription/receivers/receiver/sent-event-records",
            "/ietf-subscribed-notifications:subscriptions/subscription/receivers/receiver/excluded-event-records",
            "/ietf-subscribed-notifications:subscriptions/subscription/receivers/receiver/state",
        ]
    }
}

impl SubscriptionState {
    fn fill_one(&self, agreed: &Agreed, out: &mut StateBuilder<'_>) {
        fill_policy(agreed, out);
        out.container("receivers", |out| {
            // A dynamic subscription has one receiver: the session that made it.
            let name = format!("{}, session {}", agreed.user, agreed.follower.session_id);
            out.list("receiver", &[("name", &name)], |out| {
                let counts = self.events.counts(agreed.follower);
                out.leaf("sent-event-records", counts.sent);
                out.leaf("excluded-event-records", counts.excluded);
                let suspended = self.events.suspended_since(agreed.follower);
                out.leaf(
                    "state",
                    if suspended.is_some() {
                        "suspended"
                    } else {
                        "active"
                    },
                );
            });
        });
    }
}

/// The terms (RFC 8639, grouping subscription-policy).
fn fill_policy(agreed: &Agreed, out: &mut StateBuilder<'_>) {
    match &agreed.terms.target {
        Target::Stream {
            name,
            replay_start_time,
        } => {
            fill_filter(agreed, STREAM_FILTERS, "", out);
            out.leaf_option("stream", name.as_ref());
            out.leaf_option("replay-start-time", replay_start_time.as_ref());
        }
        Target::Datastore { datastore, trigger } => {
            out.leaf(
                "ietf-yang-push:datastore",
                format_args!("ietf-datastores:{datastore}"),
            );
            fill_filter(agreed, SELECTION_FILTERS, "ietf-yang-push:", out);
            match trigger {
                Some(Trigger::Periodic { period, anchor_time }) => {
                    out.container("ietf-yang-push:periodic", |out| {
                        out.leaf("period", period);
                        out.leaf_option("anchor-time", anchor_time.as_ref());
                    });
                }
                Some(Trigger::OnChange {
                    dampening_period,
                    sync_on_start,
                    excluded,
                }) => out.container("ietf-yang-push:on-change", |out| {
                    out.leaf("dampening-period", dampening_period);
                    out.leaf("sync-on-start", sync_on_start);
                    out.leaf_list("excluded-change", excluded.iter().map(|change| change.name()));
                }),
                None => {}
            }
        }
        Target::Unstated => {}
    }
    out.leaf_option("stop-time", agreed.stop);
    out.leaf("encoding", "ietf-subscribed-notifications:encode-xml");
}

/// The filter, configured or its own.
fn fill_filter(agreed: &Agreed, list: FilterList, module: &str, out: &mut StateBuilder<'_>) {
    match &agreed.terms.filter {
        // State has no anydata: a subtree is known to whoever asked for it.
        FilterChoice::Unstated | FilterChoice::Own(Filter::Everything | Filter::Subtree(_)) => {}
        FilterChoice::Named(name) => out.leaf(&format!("{module}{}", list.reference), name),
        FilterChoice::Own(Filter::XPath { select, .. }) => {
            out.leaf(&format!("{module}{}", list.expression), select);
        }
    }
}

/// `subscription-modified`, with all the terms.
pub(in crate::management) fn modified(
    schema: &Arc<Schema>,
    id: u32,
    agreed: &Agreed,
    now: Timestamp,
) -> Option<Outgoing> {
    own(
        schema,
        "ietf-subscribed-notifications:subscription-modified",
        now,
        |out| {
            out.leaf("id", id);
            fill_policy(agreed, out);
        },
    )
}
