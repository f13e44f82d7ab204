//! `ponder-datastore-state`: how configurations are validated, and what the journal holds.

use std::sync::Arc;

use crate::datastore::commit::ValidationWay;
use crate::datastore::datastores::Datastores;
use crate::management::operational::StateProvider;
use crate::yang::state::StateBuilder;

/// Counters of the datastores.
pub struct DatastoreState {
    /// Whose counters.
    pub datastores: Arc<Datastores>,
}

impl StateProvider for DatastoreState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["ponder-datastore-state:datastore"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let counts = self.datastores.counts();
        out.container("ponder-datastore-state:datastore", |out| {
            out.container("validation", |out| {
                let way = match counts.way {
                    ValidationWay::Changes => "changes",
                    ValidationWay::Whole => "whole",
                    ValidationWay::Both => "both",
                };
                out.leaf("way", way);
                out.leaf("around-changes", counts.validated_around_changes);
                out.leaf("whole", counts.validated_whole);
                out.leaf("refused", counts.refused);
                for (text, count) in &counts.reasons {
                    out.list("reason", &[("text", text)], |out| out.leaf("count", count));
                }
            });
            out.container("journal", |out| {
                out.leaf("generation", counts.generation);
                out.leaf("snapshot-generation", counts.snapshot);
                out.leaf("records", counts.records);
                out.leaf("history", counts.history);
                out.leaf("write-failures", counts.write_failures);
            });
            out.leaf("duplicated-trees", counts.duplicated);
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/ponder-datastore-state:datastore/validation/way",
            "/ponder-datastore-state:datastore/validation/around-changes",
            "/ponder-datastore-state:datastore/validation/whole",
            "/ponder-datastore-state:datastore/validation/refused",
            "/ponder-datastore-state:datastore/validation/reason/text",
            "/ponder-datastore-state:datastore/validation/reason/count",
            "/ponder-datastore-state:datastore/journal/generation",
            "/ponder-datastore-state:datastore/journal/snapshot-generation",
            "/ponder-datastore-state:datastore/journal/records",
            "/ponder-datastore-state:datastore/journal/history",
            "/ponder-datastore-state:datastore/journal/write-failures",
            "/ponder-datastore-state:datastore/duplicated-trees",
        ]
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::app::desired_state::payload::SCHEMA;
    use crate::app::state::shown::{answer, unannounced};
    use crate::datastore::edit::OnError;
    use crate::datastore::edit_attributes::EditOperation;
    use crate::datastore::history::Author;
    use crate::datastore::memory_storage::MemoryStorage;

    #[test]
    fn commits_are_counted_by_how_they_were_validated() {
        let datastores = Datastores::open(Arc::clone(&SCHEMA), Box::new(MemoryStorage::new())).unwrap();
        let commit = |content: &str| {
            let edited = datastores.edit_candidate(content, EditOperation::Merge, OnError::Rollback);
            assert_eq!(edited.errors, []);
            let author = Author {
                user: "anna".to_owned(),
                session_id: 1,
                timestamp: Timestamp::UNIX_EPOCH,
                label: None,
                comment: None,
            };
            datastores.commit(author, &[])
        };
        let name = |name: &str| {
            format!(
                "<host-names xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg\">\
                 <host-name>{name}</host-name></host-names>"
            )
        };
        commit(&name("a")).unwrap();
        commit(&name("b")).unwrap();
        let state = DatastoreState {
            datastores: Arc::new(datastores),
        };
        let filter = "<datastore xmlns=\"urn:ponder:yang:ponder-datastore-state\"/>";
        let shown = answer(state, filter);
        for line in [
            "<way>changes</way>",
            "<around-changes>2</around-changes>",
            "<whole>0</whole>",
            "<refused>0</refused>",
            "<generation>2</generation>",
            "<records>2</records>",
            "<history>2</history>",
            "<write-failures>0</write-failures>",
        ] {
            assert!(shown.contains(line), "{line}: {shown}");
        }
    }

    #[test]
    fn a_chosen_way_is_kept_and_its_reason_told() {
        let datastores = Datastores::open(Arc::clone(&SCHEMA), Box::new(MemoryStorage::new())).unwrap();
        datastores.validate_by(ValidationWay::Whole);
        let config = "<host-names xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg\">\
                      <host-name>a</host-name></host-names>";
        datastores.validate_config(config, &[]).unwrap();
        let datastores = Arc::new(datastores);
        let state = || DatastoreState {
            datastores: Arc::clone(&datastores),
        };
        let shown = answer(
            state(),
            "<datastore xmlns=\"urn:ponder:yang:ponder-datastore-state\"/>",
        );
        assert!(
            shown.contains("<way>whole</way>\n<around-changes>0</around-changes>\n<whole>1</whole>"),
            "{shown}"
        );
        assert!(
            shown.contains("<text>everything is validated always</text>\n<count>1</count>"),
            "{shown}"
        );
        assert_eq!(unannounced(state()), Vec::<String>::new());
    }
}
