//! Terms of subscriptions to datastores: bound to the schema, held against the limits, refused with hints.

use std::time::Duration;

use crate::management::error::{ErrorTag, ManagementError};
use crate::management::event_stream::Wanted as WantedEvents;
use crate::management::front_desk::{Desk, held};
use crate::management::mailbox::Follower;
use crate::management::request::{DatastoreName, NmdaDatastore, Reply};
use crate::management::retrieval::Wanted;
use crate::management::subscription::agreements::Agreed;
use crate::management::subscription::filters::SELECTION_FILTERS;
use crate::management::subscription::operations::{established, moment};
use crate::management::subscription::pending::Pending;
use crate::management::subscription::push::{Manner, OnChange, Pace, Periodic, Push};
use crate::management::subscription::refusal::{Hints, Reason, Refusal};
use crate::management::subscription::state::modified;
use crate::management::subscription::terms::{FilterChoice, Subscribable, Target, Terms, Trigger};
use crate::management::subscription::updates::Content;
use crate::yang::tree::Tree;

impl Desk {
    pub(in crate::management) fn follow_datastore(
        &self,
        session_id: u32,
        terms: Terms,
    ) -> Result<Reply, Refusal> {
        let stop = self.stop_time(&terms, None)?;
        if !self.has_room() {
            let message = format!(
                "establish-subscription: updates of {} kilobytes wait for sessions that do not take them,                  waiting-kilobytes of [notifications]",
                self.parts.subscriptions.limits().waiting_kilobytes
            );
            return Err(Refusal::because(Reason::InsufficientResources, message));
        }
        let (push, first) = self.bind_push(session_id, &terms)?;
        let follower = self.agree(session_id, terms, stop)?;
        let wanted = WantedEvents {
            stream: None,
            filter: None,
            start: None,
            stop: None,
        };
        self.parts.events.subscribe(follower, wanted);
        self.begin(follower, push, first);
        Ok(established(follower, None))
    }

    /// Puts a subscription into force, with its first update.
    pub(in crate::management) fn begin(&self, follower: Follower, push: Push, first: Option<Content>) {
        let id = follower.subscription.unwrap_or_default();
        if let Some(content) = first {
            self.deliver_update(follower, &content);
        }
        self.parts.subscriptions.push(id, push);
        (self.parts.look)();
    }

    /// Reads the terms, and makes the update that they begin with, if any.
    pub(in crate::management) fn bind_push(
        &self,
        session_id: u32,
        terms: &Terms,
    ) -> Result<(Push, Option<Content>), Refusal> {
        let Target::Datastore { datastore, trigger } = &terms.target else {
            return Err(Refusal::wrong("datastore", "a datastore is needed"));
        };
        let datastore = self.subscribable(datastore)?;
        let Some(trigger) = trigger else {
            let message = "a subscription to a datastore is periodic or on-change";
            let error = ManagementError::protocol(ErrorTag::MissingElement, message);
            return Err(error.with_info("bad-element", "periodic").into());
        };
        let filter = self.chosen_filter(session_id, &terms.filter, SELECTION_FILTERS)?;
        let wanted = self.wanted(filter).map_err(|errors| {
            let problems: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            Refusal::of_filter(Reason::FilterUnsupported, problems.join("; "))
        })?;
        self.selects_something(datastore, &wanted)?;
        match trigger {
            Trigger::Periodic { period, anchor_time } => {
                let period = self.period(*period)?;
                let anchor = anchor_time
                    .as_deref()
                    .map(|text| moment("anchor-time", text))
                    .transpose()?;
                // Made in any case, so that one that is too big is found out now.
                let first = self.update_content(session_id, datastore, &wanted, Reason::UpdateTooBig)?;
                let steady = (self.parts.steady)();
                let mut periodic = Periodic {
                    period,
                    anchor,
                    due: steady,
                };
                periodic.due = periodic.next((self.parts.now)(), steady);
                let push = Push {
                    datastore,
                    wanted,
                    pace: Pace::Periodic(periodic),
                };
                Ok((push, Some(first).filter(|_| anchor.is_none())))
            }
            Trigger::OnChange {
                dampening_period,
                sync_on_start,
                excluded,
            } => {
                self.tells_changes(datastore, &wanted)?;
                let on_change = OnChange {
                    dampening: centiseconds(*dampening_period),
                    sync: *sync_on_start,
                    excluded: excluded.clone(),
                    quiet_until: (self.parts.steady)(),
                    patches: 0,
                    is_incomplete: false,
                    manner: match self.follows_places(datastore, &wanted) {
                        true => Manner::Places {
                            since: 0,
                            pending: Pending::default(),
                        },
                        false => Manner::Compared {
                            told: Tree::empty(self.schema()),
                            is_stale: false,
                        },
                    },
                };
                let mut push = Push {
                    datastore,
                    wanted,
                    pace: Pace::OnChange(on_change),
                };
                let first = self.synchronised(session_id, &mut push)?;
                Ok((push, first))
            }
        }
    }

    /// Other terms for a subscription: it begins anew with them, under its number.
    pub(in crate::management) fn modify_push(
        &self,
        id: u32,
        agreed: &Agreed,
        terms: Terms,
    ) -> Result<Agreed, Refusal> {
        let mut changed = agreed.clone();
        if terms.stop_time.is_some() {
            changed.stop = self.stop_time(&terms, None)?;
            changed.terms.stop_time = terms.stop_time;
        }
        if terms.filter != FilterChoice::Unstated {
            changed.terms.filter = terms.filter;
        }
        match (&mut changed.terms.target, terms.target) {
            (
                Target::Datastore { datastore, trigger },
                Target::Datastore {
                    datastore: named,
                    trigger: wanted,
                },
            ) => {
                if *datastore != named {
                    let message = format!(
                        "modify-subscription: subscription {id} follows {datastore}, it cannot be made to follow {named}"
                    );
                    return Err(Refusal::wrong("datastore", message));
                }
                *trigger = match (trigger.take(), wanted) {
                    (before, None) => before,
                    // Not to be modified, so as before.
                    (
                        Some(Trigger::OnChange {
                            sync_on_start,
                            excluded,
                            ..
                        }),
                        Some(Trigger::OnChange { dampening_period, .. }),
                    ) => Some(Trigger::OnChange {
                        dampening_period,
                        sync_on_start,
                        excluded,
                    }),
                    (_, wanted) => wanted,
                };
            }
            (_, Target::Unstated) => {}
            (_, Target::Stream { .. } | Target::Datastore { .. }) => {
                let message = format!(
                    "modify-subscription: subscription {id} follows a datastore, it cannot be made to follow a stream"
                );
                return Err(Refusal::wrong("stream", message));
            }
        }
        let (push, first) = self.bind_push(agreed.follower.session_id, &changed.terms)?;
        self.parts.events.resume(agreed.follower, (self.parts.now)());
        self.begin(agreed.follower, push, first);
        Ok(changed)
    }

    /// Follows a change of the configured filter that a subscription uses.
    pub(in crate::management) fn renew_push(&self, id: u32, agreed: &Agreed) {
        match self.bind_push(agreed.follower.session_id, &agreed.terms) {
            Ok((push, first)) => {
                let word = modified(self.schema(), id, agreed, (self.parts.now)());
                if let Some(word) = word {
                    self.parts.events.say(agreed.follower, word);
                }
                self.begin(agreed.follower, push, first);
            }
            Err(_) => self.terminate(id, true, Reason::FilterUnavailable),
        }
    }

    /// `resync-subscription` (RFC 8641 section 4.4.3).
    pub(in crate::management) fn resync(&self, session_id: u32, id: u32) -> Result<Reply, Refusal> {
        let its_own = |agreed: &Agreed| agreed.follower.session_id == session_id;
        let agreed = self.parts.subscriptions.find(id).filter(its_own);
        let (Some(agreed), Some(push)) = (agreed, self.parts.subscriptions.pushed(id)) else {
            let message =
                format!("resync-subscription: this session has no subscription {id} to a datastore");
            return Err(Refusal::because(Reason::NoSuchSubscriptionResync, message));
        };
        let mut push = held(&push);
        let content = match &push.pace {
            Pace::OnChange(on_change) if on_change.sync => self.synchronised(session_id, &mut push)?,
            _ => None,
        };
        let Some(content) = content else {
            let message = format!(
                "resync-subscription: subscription {id} is periodic, or was made without sync-on-start"
            );
            return Err(Refusal::because(Reason::OnChangeSyncUnsupported, message));
        };
        self.deliver_update(agreed.follower, &content);
        Ok(Reply::Ok)
    }

    fn subscribable(&self, datastore: &Subscribable) -> Result<NmdaDatastore, Refusal> {
        match datastore {
            Subscribable::Known(NmdaDatastore::Conventional(DatastoreName::Startup))
                if self.parts.startup.is_none() => {}
            Subscribable::Known(known) => return Ok(*known),
            Subscribable::Other(_) => {}
        }
        Err(Refusal::because(
            Reason::DatastoreNotSubscribable,
            format!("datastore {datastore} is not one of this server: running, candidate, operational are"),
        ))
    }

    fn period(&self, period: u32) -> Result<Duration, Refusal> {
        let shortest = self.parts.subscriptions.limits().shortest_period;
        let asked = centiseconds(period);
        if asked >= shortest {
            return Ok(asked);
        }
        let hint = u32::try_from(shortest.as_millis().div_ceil(10)).unwrap_or(u32::MAX);
        Err(Refusal::Because {
            reason: Reason::PeriodUnsupported,
            message: format!(
                "period {period}: the shortest is {hint} hundredths of a second, shortest-period-centiseconds of \
                 [notifications]"
            ),
            hints: Hints {
                period: Some(hint),
                ..Hints::default()
            },
        })
    }

    /// Refuses a filter that leads to no node that the datastore can have.
    fn selects_something(&self, datastore: NmdaDatastore, wanted: &Wanted) -> Result<(), Refusal> {
        let has_state = datastore == NmdaDatastore::Operational;
        if wanted.reach().tops().any(|top| has_state || top.is_config()) {
            return Ok(());
        }
        Err(Refusal::of_filter(
            Reason::UnchangingSelection,
            format!("the filter selects no node that {datastore} can have"),
        ))
    }

    /// Refuses what is followed by nobody.
    fn tells_changes(&self, datastore: NmdaDatastore, wanted: &Wanted) -> Result<(), Refusal> {
        let refused = match datastore {
            NmdaDatastore::Conventional(DatastoreName::Running) => return Ok(()),
            NmdaDatastore::Conventional(_) => {
                format!("{datastore} tells no changes: running and operational do")
            }
            NmdaDatastore::Operational => {
                let reached = self.parts.state.reached(wanted.reach());
                if wanted.reach().tops().any(|top| top.is_config())
                    || reached.iter().any(|(_, tells_changes)| *tells_changes)
                {
                    return Ok(());
                }
                let silent: Vec<&str> = reached.iter().map(|(root, _)| *root).collect();
                format!(
                    "changes are not told of: {}; they are of {}",
                    silent.join(", "),
                    self.parts.state.changing().join(", ")
                )
            }
        };
        Err(Refusal::of_filter(Reason::OnChangeUnsupported, refused))
    }

    /// Whether changes are found by where they are.
    fn follows_places(&self, datastore: NmdaDatastore, wanted: &Wanted) -> bool {
        let has_state = datastore == NmdaDatastore::Operational
            && self
                .parts
                .state
                .reached(wanted.reach())
                .iter()
                .any(|(_, tells_changes)| *tells_changes);
        wanted.places().is_some() && !has_state
    }
}

fn centiseconds(period: u32) -> Duration {
    Duration::from_millis(u64::from(period) * 10)
}
