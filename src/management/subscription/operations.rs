//! The operations on subscriptions at the desk, and what becomes of a subscription in time.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tracing::info;

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::event_stream::{Stream, Wanted};
use crate::management::front_desk::{Answer, Desk, held, not_supported, one};
use crate::management::mailbox::{Follower, NOTICE, subscription_word, to_millisecond};
use crate::management::request::Reply;
use crate::management::subscribing::unknown_stream;
use crate::management::subscription::agreements::Agreed;
use crate::management::subscription::filters::STREAM_FILTERS;
use crate::management::subscription::refusal::{Reason, Refusal};
use crate::management::subscription::state::modified;
use crate::management::subscription::terms::{FilterChoice, SubscriptionOperation, Target, Terms};

const NAMESPACE: &str = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications";

impl Desk {
    pub(in crate::management) fn subscription(
        &self,
        session_id: u32,
        operation: SubscriptionOperation,
    ) -> Answer {
        let mut of_datastore = false;
        let result = match &operation {
            SubscriptionOperation::Establish(terms) => {
                of_datastore = matches!(terms.target, Target::Datastore { .. });
                self.establish(session_id, terms.clone())
            }
            SubscriptionOperation::Modify { id, terms } => self
                .own_subscription(session_id, *id, "modify-subscription")
                .and_then(|agreed| {
                    of_datastore = matches!(agreed.terms.target, Target::Datastore { .. });
                    self.modify(*id, &agreed, terms.clone())
                }),
            SubscriptionOperation::Delete { id } => self
                .own_subscription(session_id, *id, "delete-subscription")
                .map(|agreed| {
                    self.parts.subscriptions.forget(*id);
                    self.parts.events.end(agreed.follower, false, None);
                    info!(
                        session = session_id,
                        subscription = id,
                        "the subscription is deleted"
                    );
                    Reply::Ok
                }),
            SubscriptionOperation::Kill { id } => self.kill_subscription(session_id, *id),
            SubscriptionOperation::Resync { id } => self.resync(session_id, *id),
        };
        result.map_err(|refusal| one(refusal.into_error(&operation, of_datastore)))
    }

    fn establish(&self, session_id: u32, terms: Terms) -> Result<Reply, Refusal> {
        // RFC 8640 section 5: one session does not mix both kinds.
        if self.parts.events.has(Follower::first_of(session_id)) {
            let message = "establish-subscription: this session has a subscription of create-subscription, and cannot \
                           have both kinds";
            return Err(not_supported(message).into());
        }
        if let Some(encoding) = terms.encoding.as_deref().filter(|name| *name != "encode-xml") {
            let message = format!("encoding {encoding:?}: notifications are encoded as XML, encode-xml");
            return Err(Refusal::because(Reason::EncodingUnsupported, message));
        }
        match &terms.target {
            Target::Stream {
                name: Some(name),
                replay_start_time,
            } => {
                let (name, replay) = (name.clone(), replay_start_time.clone());
                self.follow_stream(session_id, &name, replay.as_deref(), terms)
            }
            Target::Datastore { .. } => self.follow_datastore(session_id, terms),
            Target::Unstated | Target::Stream { .. } => {
                let message = "establish-subscription needs <stream>";
                let error = ManagementError::protocol(ErrorTag::MissingElement, message);
                Err(error.with_info("bad-element", "stream").into())
            }
        }
    }

    fn follow_stream(
        &self,
        session_id: u32,
        name: &str,
        replay: Option<&str>,
        terms: Terms,
    ) -> Result<Reply, Refusal> {
        let stream = Stream::named(name).ok_or_else(|| Refusal::Plain(unknown_stream(name)))?;
        let now = (self.parts.now)();
        let start = replay.map(|text| moment("replay-start-time", text)).transpose()?;
        if let Some(start) = start.filter(|start| *start >= now) {
            let message = format!("replay-start-time {start} is not in the past: it is {now}");
            return Err(Refusal::wrong("replay-start-time", message));
        }
        let stop = self.stop_time(&terms, start)?;
        let filter = self.chosen_filter(session_id, &terms.filter, STREAM_FILTERS)?;
        let filter = self.event_filter(filter)?;
        let follower = self.agree(session_id, terms, stop)?;
        let wanted = Wanted {
            stream: Some(stream),
            filter,
            start,
            stop,
        };
        self.parts.events.subscribe(follower, wanted);
        let earliest = self
            .parts
            .events
            .log_aged()
            .unwrap_or_else(|| self.parts.events.log_began());
        Ok(established(
            follower,
            start.filter(|start| *start < earliest).map(|_| earliest),
        ))
    }

    /// Keeps a subscription, and has its time looked at.
    pub(in crate::management) fn agree(
        &self,
        session_id: u32,
        terms: Terms,
        stop: Option<Timestamp>,
    ) -> Result<Follower, Refusal> {
        let user = self.caller(session_id).user;
        let terms = self.shown(terms);
        let follower = self.parts.subscriptions.agree(session_id, |follower| Agreed {
            follower,
            user,
            terms,
            stop,
        })?;
        if stop.is_some() {
            (self.parts.look)();
        }
        Ok(follower)
    }

    /// When a subscription is to end; after its replay begins, or after now.
    pub(in crate::management) fn stop_time(
        &self,
        terms: &Terms,
        start: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, Refusal> {
        let Some(text) = &terms.stop_time else {
            return Ok(None);
        };
        let stop = moment("stop-time", text)?;
        let (after, what) = match start {
            Some(start) => (start, "replay-start-time"),
            None => ((self.parts.now)(), "the time, which is"),
        };
        if stop <= after {
            let message = format!("stop-time {stop} is not after {what} {after}");
            return Err(Refusal::wrong("stop-time", message));
        }
        Ok(Some(stop))
    }

    fn modify(&self, id: u32, agreed: &Agreed, terms: Terms) -> Result<Reply, Refusal> {
        // So that no update on the old terms follows the answer.
        let _attending = held(&self.parts.subscriptions.attending);
        let changed = match (&agreed.terms.target, &terms.target) {
            (Target::Stream { .. }, Target::Datastore { .. }) => {
                let message = format!(
                    "modify-subscription: subscription {id} follows a stream, it cannot be made to follow a datastore"
                );
                return Err(Refusal::wrong("datastore", message));
            }
            (Target::Datastore { .. }, _) => self.modify_push(id, agreed, terms)?,
            _ => self.modify_stream(agreed, terms)?,
        };
        let changed = Agreed {
            terms: self.shown(changed.terms),
            ..changed
        };
        self.parts.subscriptions.change(id, |agreed| *agreed = changed);
        (self.parts.look)();
        info!(
            session = agreed.follower.session_id,
            subscription = id,
            "the subscription is modified"
        );
        Ok(Reply::Ok)
    }

    fn modify_stream(&self, agreed: &Agreed, terms: Terms) -> Result<Agreed, Refusal> {
        let stop = match terms.stop_time {
            None => agreed.stop,
            Some(_) => self.stop_time(&terms, None)?,
        };
        let mut changed = Agreed {
            stop,
            ..agreed.clone()
        };
        changed.terms.stop_time = terms.stop_time.or(changed.terms.stop_time);
        if terms.filter != FilterChoice::Unstated {
            let filter = self.chosen_filter(agreed.follower.session_id, &terms.filter, STREAM_FILTERS)?;
            let filter = self.event_filter(filter)?;
            self.parts.events.refilter(agreed.follower, filter, None);
            changed.terms.filter = terms.filter;
        }
        self.parts.events.stop_at(agreed.follower, stop);
        Ok(changed)
    }

    /// A subscription of the session that asks.
    pub(in crate::management) fn own_subscription(
        &self,
        session_id: u32,
        id: u32,
        operation: &str,
    ) -> Result<Agreed, Refusal> {
        self.parts
            .subscriptions
            .find(id)
            .filter(|agreed| agreed.follower.session_id == session_id)
            .ok_or_else(|| {
                let message = format!("{operation}: this session has no subscription {id}");
                Refusal::because(Reason::NoSuchSubscription, message)
            })
    }

    fn kill_subscription(&self, session_id: u32, id: u32) -> Result<Reply, Refusal> {
        if self.parts.subscriptions.find(id).is_none() {
            let message = format!("kill-subscription: there is no subscription {id}");
            return Err(Refusal::because(Reason::NoSuchSubscription, message));
        }
        info!(
            session = session_id,
            subscription = id,
            "the subscription is killed"
        );
        self.terminate(id, false, Reason::NoSuchSubscription);
        Ok(Reply::Ok)
    }

    /// Ends a subscription and tells its session why; with what waits for it, where that is still owed.
    pub(in crate::management) fn terminate(&self, id: u32, with_what_waits: bool, reason: Reason) {
        let Some(agreed) = self.parts.subscriptions.forget(id) else {
            return;
        };
        let identity = reason.identity();
        info!(
            session = agreed.follower.session_id,
            subscription = id,
            reason = identity,
            "the subscription is terminated"
        );
        let now = (self.parts.now)();
        let last = subscription_word(self.schema(), "subscription-terminated", id, now, Some(&identity));
        self.parts.events.end(agreed.follower, with_what_waits, last);
    }

    /// Does what is due for subscriptions; when to be called again at the latest. May take its time.
    pub fn attend(&self) -> Option<Instant> {
        let now = (self.parts.now)();
        let mut next: Option<Duration> = None;
        let mut wait = |wait: Duration| next = Some(next.map_or(wait, |sooner| sooner.min(wait)));
        let until = |time: Timestamp| Duration::try_from(time.duration_since(now)).unwrap_or(Duration::ZERO);
        let _attending = held(&self.parts.subscriptions.attending);
        let news = self.parts.subscriptions.take_news();
        if self.parts.subscriptions.take_news_of_filters() {
            self.renew_filters(&self.parts.subscriptions.all());
        }
        for (id, agreed) in self.parts.subscriptions.all() {
            // RFC 8639 keeps subscription-completed for configured ones.
            match agreed.stop.map(until) {
                Some(Duration::ZERO) => {
                    self.terminate(id, true, Reason::NoSuchSubscription);
                    continue;
                }
                Some(left) => wait(left.min(NOTICE)),
                None => {}
            }
            if let Some(since) = self.parts.events.suspended_since(agreed.follower) {
                let limit = self.parts.subscriptions.limits().suspension;
                match until(since.saturating_add(limit).unwrap_or(Timestamp::MAX)) {
                    Duration::ZERO => {
                        self.terminate(id, false, Reason::SuspensionTimeout);
                        continue;
                    }
                    left => wait(left.min(NOTICE)),
                }
            }
            if let Some(push) = self.parts.subscriptions.pushed(id) {
                let due = self.attend_push(&agreed, &mut held(&push), &news);
                let steady = (self.parts.steady)();
                if let Some(due) = due {
                    wait(due.saturating_duration_since(steady).min(NOTICE));
                }
            }
        }
        next.map(|wait| (self.parts.steady)() + wait)
    }

    /// Follows a change of configured filters: subscriptions that use them are told, or ended (RFC 8639 section 2.7.2).
    fn renew_filters(&self, all: &[(u32, Agreed)]) {
        for (id, agreed) in all {
            let FilterChoice::Named(name) = &agreed.terms.filter else {
                continue;
            };
            if let Target::Datastore { .. } = &agreed.terms.target {
                self.renew_push(*id, agreed);
                continue;
            }
            let configured = self.configured_filter(agreed.follower.session_id, name, STREAM_FILTERS);
            match configured.map(|filter| self.event_filter(filter)) {
                Some(Ok(filter)) => {
                    let now = (self.parts.now)();
                    let word = modified(self.schema(), *id, agreed, now);
                    self.parts.events.refilter(agreed.follower, filter, word);
                }
                Some(Err(_)) | None => self.terminate(*id, true, Reason::FilterUnavailable),
            }
        }
    }
}

/// The output of establish-subscription.
pub(in crate::management) fn established(follower: Follower, revision: Option<Timestamp>) -> Reply {
    let id = follower.subscription.unwrap_or_default();
    let mut output = format!("<id xmlns=\"{NAMESPACE}\">{id}</id>");
    if let Some(revision) = revision.map(to_millisecond) {
        output.push_str(&format!(
            "<replay-start-time-revision xmlns=\"{NAMESPACE}\">{revision}</replay-start-time-revision>"
        ));
    }
    Reply::Output(output)
}

/// A date and time.
pub(in crate::management) fn moment(name: &'static str, text: &str) -> Result<Timestamp, Refusal> {
    text.trim().parse().map_err(|_| {
        Refusal::wrong(
            name,
            format!("{name} {text:?} is no date and time with a time zone"),
        )
    })
}
