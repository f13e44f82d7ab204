//! Who answers for the configuration of subscriptions: filters take effect, subscriptions are made by RPC alone.

use crate::datastore::change_set::ChangeSet;
use crate::datastore::participant::Participant;
use crate::yang::error::{DataError, DataErrorTag};
use crate::yang::path::InstancePath;
use crate::yang::tree::Tree;

/// Takes configured filters, and refuses configured subscriptions, whose feature is off (RFC 8639, `configured`).
pub struct SubscriptionParticipant;

const SUBSCRIPTIONS: &str = "/ietf-subscribed-notifications:subscriptions";

impl Participant for SubscriptionParticipant {
    fn name(&self) -> &'static str {
        "subscriptions"
    }

    fn claims(&self) -> &[&'static str] {
        &["/ietf-subscribed-notifications:filters", SUBSCRIPTIONS]
    }

    fn check(&self, _change_set: &ChangeSet, candidate: &Tree) -> Result<(), Vec<DataError>> {
        let configured = candidate.root("ietf-subscribed-notifications:subscriptions");
        if configured.is_none_or(|subscriptions| !subscriptions.is_explicit()) {
            return Ok(());
        }
        let message = "subscriptions: the feature configured of ietf-subscribed-notifications is off: subscribe with \
                       establish-subscription";
        let path = InstancePath::parse(SUBSCRIPTIONS).unwrap_or_default();
        Err(vec![
            DataError::new(DataErrorTag::OperationNotSupported, message)
                .with_element("subscriptions")
                .at(candidate.schema(), &path),
        ])
    }
}
