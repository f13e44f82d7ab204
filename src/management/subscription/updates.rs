//! Updates of subscriptions to datastores: push-update with all that is selected, push-change-update with what changed.

use std::collections::HashSet;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::datastore::change_set::{Change, ChangeSet};
use crate::datastore::difference::difference;
use crate::management::access::judge::Judge;
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::front_desk::Desk;
use crate::management::mailbox::{Follower, Outgoing, to_millisecond};
use crate::management::request::NmdaDatastore;
use crate::management::retrieval::Wanted;
use crate::management::subscription::agreements::Agreed;
use crate::management::subscription::pending::Noted;
use crate::management::subscription::push::{Manner, OnChange, Pace, Push};
use crate::management::subscription::refusal::{Hints, Reason, Refusal};
use crate::management::subscription::terms::ChangeType;
use crate::management::yang_patch::write_operation;
use crate::yang::error::DataError;
use crate::yang::evaluate::{selected, united};
use crate::yang::path::InstancePath;
use crate::yang::place::Placement;
use crate::yang::print::{Readable, Rendering, WithDefaults, print_node, print_selected_node, render_to};
use crate::yang::schema_node::SchemaId;
use crate::yang::select::Selection;
use crate::yang::tree::{NodeRef, Tree};

const NAMESPACE: &str = "urn:ietf:params:xml:ns:yang:ietf-yang-push";

/// While more bytes than this wait for a session, no further changes are put behind them.
const MAX_WAITING_BYTES: usize = 256 * 1024;

/// Everything that a subscription selects, as XML.
pub(in crate::management) struct Content(String);

/// One edit of a push-change-update.
struct Edit {
    operation: ChangeType,
    path: InstancePath,
    order: Option<Placement>,
    value: Option<String>,
}

/// What happened since the last look.
#[derive(Default)]
pub(in crate::management) struct News {
    /// Commits, oldest first.
    pub(in crate::management) changes: Vec<Arc<ChangeSet>>,
    /// There were more of them than can be kept.
    pub(in crate::management) are_lost: bool,
    /// State changed.
    pub(in crate::management) of_state: bool,
}

impl Desk {
    /// What a subscription selects now and its user may read; refused when it is too big.
    pub(in crate::management) fn update_content(
        &self,
        session_id: u32,
        datastore: NmdaDatastore,
        wanted: &Wanted,
        too_big: Reason,
    ) -> Result<Content, Refusal> {
        // As get-data does without being told otherwise.
        let defaults = match datastore {
            NmdaDatastore::Operational => WithDefaults::ReportAll,
            NmdaDatastore::Conventional(_) => WithDefaults::Explicit,
        };
        let tree = self.nmda_content(datastore, wanted, defaults).map_err(first_of)?;
        let permit = self.permit(session_id);
        let judge = Judge::of(&permit);
        let readable = judge.as_ref().map(|judge| judge as &dyn Readable);
        self.written(&tree, wanted, defaults, readable, too_big)
    }

    fn written(
        &self,
        tree: &Tree,
        wanted: &Wanted,
        defaults: WithDefaults,
        readable: Option<&dyn Readable>,
        too_big: Reason,
    ) -> Result<Content, Refusal> {
        let mut text = Measured {
            text: String::new(),
            length: 0,
            limit: usize::try_from(self.parts.subscriptions.limits().update_kilobytes)
                .unwrap_or(usize::MAX)
                .saturating_mul(1024),
        };
        let rendering = Rendering::with(defaults);
        match wanted {
            Wanted::Selection(selection) => {
                // It takes everything, or counts it.
                let _ = render_to(&mut text, tree, selection, &rendering, readable);
            }
            Wanted::XPath(filter) => filter
                .render_to(&mut text, tree, &rendering, readable)
                .map_err(|error| Refusal::of_filter(Reason::FilterUnsupported, error.message.to_string()))?,
        }
        if text.length <= text.limit {
            return Ok(Content(text.text));
        }
        let kilobytes = |bytes: usize| u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let (estimate, limit) = (kilobytes(text.length), kilobytes(text.limit));
        Err(Refusal::Because {
            reason: too_big,
            message: format!(
                "an update has {estimate} kilobytes, update-kilobytes of [notifications] is {limit}: \
                 select less with a filter"
            ),
            hints: Hints {
                kilobytes: Some((estimate, limit)),
                ..Hints::default()
            },
        })
    }

    /// Begins an on-change subscription anew from what is there now: with everything, unless that is not wanted.
    pub(in crate::management) fn synchronised(
        &self,
        session_id: u32,
        push: &mut Push,
    ) -> Result<Option<Content>, Refusal> {
        let Pace::OnChange(on_change) = &mut push.pace else {
            return Ok(None);
        };
        let permit = self.permit(session_id);
        let judge = Judge::of(&permit);
        let readable = judge.as_ref().map(|judge| judge as &dyn Readable);
        let content = match &mut on_change.manner {
            Manner::Places { since, pending } => {
                let running = self.parts.datastores.running();
                let defaults = WithDefaults::Explicit;
                let content = match on_change.sync {
                    true => Some(self.written(
                        &running.tree,
                        &push.wanted,
                        defaults,
                        readable,
                        Reason::SyncTooBig,
                    )?),
                    false => None,
                };
                pending.clear();
                *since = running.generation;
                match content {
                    Some(content) => content,
                    None => return Ok(None),
                }
            }
            Manner::Compared { told, is_stale } => {
                let now = self.changing_content(push.datastore, &push.wanted, readable)?;
                // Made by the filter already.
                let everything = Wanted::Selection(Selection::everything(self.schema()));
                let defaults = WithDefaults::Explicit;
                // It is kept, so it must not be too big even where it is not sent.
                let content = self.written(&now, &everything, defaults, None, Reason::SyncTooBig)?;
                (*told, *is_stale) = (now, false);
                if !on_change.sync {
                    return Ok(None);
                }
                content
            }
        };
        on_change.patches = 0;
        on_change.is_incomplete = false;
        on_change.quiet_until = (self.parts.steady)() + on_change.dampening;
        Ok(Some(content))
    }

    /// What is selected of nodes whose changes are told.
    fn changing_content(
        &self,
        datastore: NmdaDatastore,
        wanted: &Wanted,
        readable: Option<&dyn Readable>,
    ) -> Result<Tree, Refusal> {
        let failed = |error: DataError| Refusal::Plain(error.into());
        let running = Arc::clone(&self.parts.datastores.running().tree);
        if datastore != NmdaDatastore::Operational {
            return selected(&running, wanted.selector(), false, readable).map_err(failed);
        }
        let followed = Followed {
            moving: self.parts.state.moving(self.schema()),
            of: readable,
        };
        let state = self.parts.state.collect_changing(self.schema(), wanted.reach())?;
        let both = united(&running, wanted.reach(), state).map_err(failed)?;
        drop(running);
        selected(&both, wanted.selector(), false, Some(&followed)).map_err(failed)
    }

    /// Sends a push-update.
    pub(in crate::management) fn deliver_update(&self, follower: Follower, content: &Content) {
        let id = follower.subscription.unwrap_or_default();
        let text = match content.0.as_str() {
            "" => {
                format!("<push-update xmlns=\"{NAMESPACE}\"><id>{id}</id><datastore-contents/></push-update>")
            }
            content => format!(
                "<push-update xmlns=\"{NAMESPACE}\"><id>{id}</id><datastore-contents>{content}</datastore-contents>\
                 </push-update>"
            ),
        };
        self.deliver(follower, text);
    }

    fn deliver(&self, follower: Follower, text: String) {
        let outgoing = Outgoing {
            time: to_millisecond((self.parts.now)()),
            content: text.into(),
        };
        self.parts.events.deliver(follower, outgoing);
    }

    /// Does what is due for one subscription; when to look again.
    pub(in crate::management) fn attend_push(
        &self,
        agreed: &Agreed,
        push: &mut Push,
        news: &News,
    ) -> Option<Instant> {
        let steady = (self.parts.steady)();
        if push.is_on_change() {
            self.note_news(agreed, push, news);
            return self.tell_changes(agreed, push, steady);
        }
        let Pace::Periodic(periodic) = &mut push.pace else {
            return None;
        };
        let is_due = periodic.due <= steady;
        if is_due || periodic.anchor.is_some() {
            periodic.due = periodic.next((self.parts.now)(), steady);
        }
        let due = periodic.due;
        if is_due {
            self.push_update(agreed, push);
        }
        Some(due)
    }

    /// The periodic update; a session that has not taken the one before gets none until it has.
    fn push_update(&self, agreed: &Agreed, push: &Push) {
        let (events, follower) = (&self.parts.events, agreed.follower);
        let now = (self.parts.now)();
        if events.waiting_bytes(follower) > 0 {
            return events.suspend(follower, now, &Reason::UnsupportableVolume.identity(), false);
        }
        if !self.has_room() {
            return events.suspend(follower, now, &Reason::InsufficientResources.identity(), true);
        }
        match self.update_content(
            follower.session_id,
            push.datastore,
            &push.wanted,
            Reason::UpdateTooBig,
        ) {
            Ok(content) => {
                events.resume(follower, now);
                self.deliver_update(follower, &content);
            }
            Err(refusal) => self.cannot_tell(follower, &refusal),
        }
    }

    /// Suspends a subscription for which nothing can be made, until something can.
    fn cannot_tell(&self, follower: Follower, refusal: &Refusal) {
        if self.parts.events.suspended_since(follower).is_none() {
            warn!(
                subscription = follower.subscription,
                ?refusal,
                "no update can be made"
            );
        }
        let reason = match refusal {
            Refusal::Because {
                reason: reason @ (Reason::UpdateTooBig | Reason::SyncTooBig),
                ..
            } => *reason,
            _ => Reason::InsufficientResources,
        };
        let now = (self.parts.now)();
        self.parts.events.suspend(follower, now, &reason.identity(), true);
    }

    /// Notes what may have changed of what is selected.
    fn note_news(&self, agreed: &Agreed, push: &mut Push, news: &News) {
        let Pace::OnChange(on_change) = &mut push.pace else {
            return;
        };
        let (since, pending) = match &mut on_change.manner {
            Manner::Compared { is_stale, .. } => {
                let of_state = news.of_state && push.datastore == NmdaDatastore::Operational;
                *is_stale |= of_state || news.are_lost || !news.changes.is_empty();
                return;
            }
            Manner::Places { since, pending } => (since, pending),
        };
        let Some(selection) = push.wanted.places() else {
            return;
        };
        let permit = self.permit(agreed.follower.session_id);
        let judge = Judge::of(&permit);
        let readable = judge.as_ref().map(|judge| judge as &dyn Readable);
        for set in &news.changes {
            if set.result.is_none_or(|result| result <= *since) {
                continue;
            }
            for change in &set.changes {
                // Of what is gone nobody can tell later whether it was selected.
                let is_meant = match change {
                    Change::Remove { path, content, .. } => {
                        let alone = content.alone_at(self.schema(), path);
                        let node = alone.as_ref().and_then(|tree| tree.locate(path));
                        node.is_some_and(|node| {
                            !print_selected_node(node, selection, &Rendering::default(), readable).is_empty()
                        })
                    }
                    _ => selection.may_reach(change.path()),
                };
                if is_meant {
                    pending.note(change);
                }
            }
        }
        if news.are_lost || pending.len() > self.parts.subscriptions.limits().kept_changes {
            pending.clear();
            *since = self.parts.datastores.running().generation;
            on_change.is_incomplete = true;
        }
    }

    /// Tells what has changed, if it is time and the session takes it; when it will be time.
    fn tell_changes(&self, agreed: &Agreed, push: &mut Push, steady: Instant) -> Option<Instant> {
        let follower = agreed.follower;
        let Pace::OnChange(on_change) = &mut push.pace else {
            return None;
        };
        let has_news = on_change.is_incomplete
            || match &on_change.manner {
                Manner::Places { pending, .. } => !pending.is_empty(),
                Manner::Compared { is_stale, .. } => *is_stale,
            };
        if !has_news {
            return None;
        }
        if steady < on_change.quiet_until {
            return Some(on_change.quiet_until);
        }
        // The watcher looks again when all has been taken.
        if self.parts.events.waiting_bytes(follower) > MAX_WAITING_BYTES || !self.has_room() {
            return None;
        }
        if on_change.is_incomplete && on_change.sync {
            info!(
                subscription = follower.subscription,
                "changes were lost: everything is sent again"
            );
            return match self.synchronised(follower.session_id, push) {
                Ok(content) => {
                    self.parts.events.resume(follower, (self.parts.now)());
                    if let Some(content) = content {
                        self.deliver_update(follower, &content);
                    }
                    None
                }
                Err(refusal) => {
                    self.cannot_tell(follower, &refusal);
                    push.again_after(steady, self.sampling())
                }
            };
        }
        let edits = match self.edits(follower.session_id, push) {
            Ok(edits) => edits,
            Err(refusal) => {
                self.cannot_tell(follower, &refusal);
                return push.again_after(steady, self.sampling());
            }
        };
        self.parts.events.resume(follower, (self.parts.now)());
        let Pace::OnChange(on_change) = &mut push.pace else {
            return None;
        };
        let pause = match on_change.manner {
            Manner::Places { .. } => on_change.dampening,
            Manner::Compared { .. } => on_change.dampening.max(self.sampling()),
        };
        on_change.quiet_until = steady + pause;
        if let Some(text) = on_change.patch(follower, edits) {
            self.deliver(follower, text);
        }
        None
    }

    /// Whether updates that wait for others leave room for one more.
    pub(in crate::management) fn has_room(&self) -> bool {
        let limit = self.parts.subscriptions.limits().waiting_kilobytes;
        self.parts.events.waiting_bytes_of_all() / 1024 < usize::try_from(limit).unwrap_or(usize::MAX)
    }

    /// How long at least between two comparisons.
    fn sampling(&self) -> Duration {
        self.parts.subscriptions.limits().shortest_period
    }

    /// What has changed, with the values of now.
    fn edits(&self, session_id: u32, push: &mut Push) -> Result<Vec<Edit>, Refusal> {
        let permit = self.permit(session_id);
        let judge = Judge::of(&permit);
        let readable = judge.as_ref().map(|judge| judge as &dyn Readable);
        let Pace::OnChange(on_change) = &mut push.pace else {
            return Ok(Vec::new());
        };
        match &mut on_change.manner {
            Manner::Places { pending, .. } => {
                let Some(selection) = push.wanted.places() else {
                    return Ok(Vec::new());
                };
                let running = Arc::clone(&self.parts.datastores.running().tree);
                let now_of = |path: &InstancePath| {
                    let node = running.locate(path)?;
                    let text = print_selected_node(node, selection, &Rendering::default(), readable);
                    Some(text).filter(|text| !text.is_empty())
                };
                let edit = |(path, noted): (InstancePath, Noted)| {
                    let value = match noted.change {
                        ChangeType::Delete => None,
                        // Gone meanwhile, or not to be seen.
                        _ => Some(now_of(&path)?),
                    };
                    Some(Edit {
                        operation: noted.change,
                        order: noted.order,
                        value: value.filter(|_| noted.change != ChangeType::Move),
                        path,
                    })
                };
                Ok(pending.take().into_iter().filter_map(edit).collect())
            }
            Manner::Compared { told, is_stale } => {
                let now = self.changing_content(push.datastore, &push.wanted, readable)?;
                *is_stale = false;
                let changes = difference(told, &now, &[InstancePath::root()]);
                *told = now;
                Ok(changes
                    .into_iter()
                    .filter_map(|change| compared(change, told))
                    .collect())
            }
        }
    }
}

/// What may be read, without what moves by itself.
struct Followed<'r> {
    moving: HashSet<SchemaId>,
    of: Option<&'r dyn Readable>,
}

impl Readable for Followed<'_> {
    fn may_read(&self, node: NodeRef<'_>) -> bool {
        !self.moving.contains(&node.schema_id()) && self.of.is_none_or(|readable| readable.may_read(node))
    }
}

/// The edit of a difference; none where entries of state are in another order, which has no meaning.
fn compared(change: Change, now: &Tree) -> Option<Edit> {
    let path = change.path().clone();
    let there = now.locate(&path);
    let is_state = there.is_some_and(|node| !node.schema().is_config());
    let (operation, order) = match change {
        Change::Insert { .. } if is_state => (ChangeType::Create, None),
        Change::Move { .. } if is_state => return None,
        Change::Insert { order: None, .. } => (ChangeType::Create, None),
        Change::Insert { order, .. } => (ChangeType::Insert, order),
        Change::Remove { .. } => (ChangeType::Delete, None),
        Change::Set { .. } => (ChangeType::Replace, None),
        Change::Move { to, .. } => (ChangeType::Move, Some(to)),
    };
    let has_value = !matches!(operation, ChangeType::Delete | ChangeType::Move);
    Some(Edit {
        operation,
        value: there
            .filter(|_| has_value)
            .map(|node| print_node(node, &Rendering::default())),
        order,
        path,
    })
}

impl OnChange {
    /// A push-change-update, unless there is nothing to tell.
    fn patch(&mut self, follower: Follower, edits: Vec<Edit>) -> Option<String> {
        let told: Vec<Edit> = edits
            .into_iter()
            .filter(|edit| !self.excluded.contains(&edit.operation))
            .collect();
        if told.is_empty() && !self.is_incomplete {
            return None;
        }
        let id = follower.subscription.unwrap_or_default();
        let mut text = format!(
            "<push-change-update xmlns=\"{NAMESPACE}\"><id>{id}</id><datastore-changes><yang-patch>\
             <patch-id>{}</patch-id>",
            self.patches
        );
        for (index, edit) in told.iter().enumerate() {
            let _ = write!(text, "<edit><edit-id>{}</edit-id>", index + 1);
            write_operation(&mut text, edit.operation.name(), &edit.path, edit.order.as_ref());
            if let Some(value) = &edit.value {
                let _ = write!(text, "<value>{value}</value>");
            }
            text.push_str("</edit>");
        }
        text.push_str("</yang-patch></datastore-changes>");
        if std::mem::take(&mut self.is_incomplete) {
            text.push_str("<incomplete-update/>");
        }
        text.push_str("</push-change-update>");
        self.patches = self.patches.wrapping_add(1);
        Some(text)
    }
}

/// A text up to a limit, and how long it would be.
struct Measured {
    text: String,
    length: usize,
    limit: usize,
}

impl Write for Measured {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.length += text.len();
        if self.length <= self.limit {
            self.text.push_str(text);
        } else {
            self.text = String::new();
        }
        Ok(())
    }
}

fn first_of(errors: Vec<ManagementError>) -> Refusal {
    let mut errors = errors.into_iter();
    match errors.next() {
        Some(error) => Refusal::Plain(error),
        None => Refusal::plain(ErrorTag::OperationFailed, "the datastore cannot be read"),
    }
}
