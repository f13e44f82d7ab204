//! The message that tells of a commit.

use crate::app::syslog::message::{Draft, Process, Severity};
use crate::datastore::commit::Committed;

/// The configuration's process.
const CONFIGURATION: Process = Process {
    name: "config",
    id: 66_983,
};

/// Commits are numbered from here, as on a router.
const FIRST: u64 = 1_000_000_000;

/// The number by which a commit is asked for later.
pub fn commit_id(generation: u64) -> u64 {
    FIRST + generation
}

/// The message for a commit.
pub fn of_commit(commit: &Committed) -> Draft {
    let user = match commit.author.user.as_str() {
        "" => "ponder",
        user => user,
    };
    Draft {
        process: CONFIGURATION,
        category: "MGBL",
        group: "CONFIG",
        severity: Severity::Informational,
        name: "DB_COMMIT",
        text: format!(
            "Configuration committed by user '{user}'. Use 'show configuration commit changes {}' to view the changes.",
            commit_id(commit.generation)
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::app::desired_state::payload::tree;
    use crate::datastore::change_set::ChangeSet;
    use crate::datastore::history::Author;
    use crate::datastore::running::Running;

    #[test]
    fn a_commit_is_told_as_a_router_tells_it() {
        let committed = Committed {
            generation: 7,
            change_set: Arc::new(ChangeSet::since(6)),
            running: Arc::new(Running {
                generation: 7,
                tree: Arc::new(tree("")),
            }),
            author: Author {
                user: "admin".to_owned(),
                session_id: 3,
                timestamp: Timestamp::UNIX_EPOCH,
                label: None,
                comment: None,
            },
        };
        let at = "2021-05-27T09:54:57.783Z".parse().unwrap();
        assert_eq!(
            of_commit(&committed).logged(1, at).to_string(),
            "RP/0/RP0/CPU0:May 27 09:54:57.783 UTC: config[66983]: %MGBL-CONFIG-6-DB_COMMIT : Configuration committed \
             by user 'admin'. Use 'show configuration commit changes 1000000007' to view the changes."
        );
    }
}
