//! `Cisco-IOS-XR-config-cfgmgr-exec-oper`: the commits that a rollback can go back to.

use std::sync::Arc;

use crate::datastore::datastores::Datastores;
use crate::datastore::history::Entry;
use crate::management::operational::StateProvider;
use crate::management::rollback::commit_id;
use crate::yang::state::StateBuilder;

/// The history of commits.
pub struct CommitsState {
    /// Whose.
    pub datastores: Arc<Datastores>,
}

impl StateProvider for CommitsState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let history = self.datastores.history();
        let latest_first = || (1..).zip(history.iter().rev());
        out.container("Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager", |out| {
            out.container("global", |out| {
                out.container("config-commit", |out| {
                    out.container("commits", |out| {
                        for (number, entry) in latest_first() {
                            out.list("commit", &[("commit", &number)], |out| {
                                out.leaf("timestamp", timestamp(entry));
                                fill_commit(entry, out);
                            });
                        }
                    });
                });
                out.container("history-tables", |out| {
                    out.list("history-table", &[("history-type", &"commit")], |out| {
                        for (number, entry) in latest_first() {
                            out.list("history", &[("history", &number)], |out| {
                                out.container("info", |out| {
                                    out.container("commit-info", |out| fill_commit(entry, out));
                                    out.leaf("type", "cfghist-bag-record-commit");
                                });
                                out.leaf("timestamp", timestamp(entry));
                            });
                        }
                    });
                });
            });
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/config-commit/commits/commit/timestamp",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/config-commit/commits/commit/commit-id",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/config-commit/commits/commit/user-id",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/config-commit/commits/commit/line",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/config-commit/commits/commit/client-name",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/config-commit/commits/commit/label",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/config-commit/commits/commit/comment",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/history-tables/history-table/history/info/commit-info/commit-id",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/history-tables/history-table/history/info/commit-info/user-id",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/history-tables/history-table/history/info/commit-info/line",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/history-tables/history-table/history/info/commit-info/client-name",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/history-tables/history-table/history/info/commit-info/label",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/history-tables/history-table/history/info/commit-info/comment",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/history-tables/history-table/history/info/type",
            "/Cisco-IOS-XR-config-cfgmgr-exec-oper:config-manager/global/history-tables/history-table/history/timestamp",
        ]
    }
}

fn timestamp(entry: &Entry) -> String {
    entry
        .author
        .timestamp
        .strftime("%a %b %e %H:%M:%S %Y")
        .to_string()
}

fn fill_commit(entry: &Entry, out: &mut StateBuilder<'_>) {
    let author = &entry.author;
    out.leaf_option("commit-id", entry.change_set.result.map(commit_id));
    out.leaf("user-id", &author.user);
    if author.session_id == 0 {
        out.leaf("client-name", "Agent");
    } else {
        out.leaf("line", format_args!("netconf {}", author.session_id));
        out.leaf("client-name", "NETCONF");
    }
    out.leaf_option("label", author.label.as_deref());
    out.leaf_option("comment", author.comment.as_deref());
}
