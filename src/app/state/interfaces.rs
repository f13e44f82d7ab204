//! `Cisco-IOS-XR-pfi-im-cmd-oper`: which controllers there are, as client libraries list them among their facts.

use std::sync::Arc;

use tokio::sync::watch;

use crate::device::hardware::Snapshot;
use crate::management::operational::StateProvider;
use crate::yang::state::StateBuilder;

/// The optics controllers of every card that is up, by name and description.
pub struct InterfacesState {
    /// Where snapshots come from.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl StateProvider for InterfacesState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-pfi-im-cmd-oper:interfaces"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        out.container("Cisco-IOS-XR-pfi-im-cmd-oper:interfaces", |out| {
            out.container("interfaces", |out| {
                for (name, port) in &snapshot.optics {
                    out.list("interface", &[("interface-name", name)], |out| {
                        out.leaf_option("description", port.description.as_ref());
                    });
                }
            });
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/Cisco-IOS-XR-pfi-im-cmd-oper:interfaces/interfaces/interface/interface-name",
            "/Cisco-IOS-XR-pfi-im-cmd-oper:interfaces/interfaces/interface/description",
        ]
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::app::state::shown::{answer, running, still, unannounced};

    const CHASSIS: &str = "[slots.\"0/1\"]\npid = \"NCS1K4-1.2T-L-K9\"\n";

    #[test]
    fn controllers_of_cards_that_are_up_are_listed_with_their_descriptions() {
        let configuration = r#"<interface-configurations xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg">
            <interface-configuration><active>act</active><interface-name>Optics0/1/0/1</interface-name>
            <description>to the next town</description></interface-configuration></interface-configurations>"#;
        let provider = || InterfacesState {
            snapshots: still(&running(CHASSIS, configuration)),
        };
        let filter = r#"<interfaces xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-pfi-im-cmd-oper"><interfaces>
            <interface><interface-name/></interface></interfaces></interfaces>"#;
        let names = answer(provider(), filter);
        assert_eq!(
            names.matches("<interface-name>Optics0/1/0/").count(),
            14,
            "{names}"
        );
        assert!(!names.contains("description"), "{names}");
        let filter = r#"<interfaces xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-pfi-im-cmd-oper"><interfaces>
            <interface><interface-name>Optics0/1/0/1</interface-name></interface></interfaces></interfaces>"#;
        expect![[r#"
            <interfaces xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-pfi-im-cmd-oper">
            <interfaces>
            <interface>
            <interface-name>Optics0/1/0/1</interface-name>
            <description>to the next town</description>
            </interface>
            </interfaces>
            </interfaces>"#]]
        .assert_eq(&answer(provider(), filter));
        assert_eq!(unannounced(provider()), [""; 0]);
    }
}
