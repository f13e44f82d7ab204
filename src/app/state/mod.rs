//! Operational state: one provider a model family, each computing from snapshots what a request can show.

pub mod alarms;
pub mod commits;
pub mod datastore;
pub mod interfaces;
pub mod inventory;
pub mod licence;
pub mod licence_platform;
pub mod licence_reservation;
pub mod netconf_sessions;
pub mod optics;
pub mod platform;
pub mod simulator;
pub mod slices;
pub mod syslog;
pub mod system_time;

#[cfg(test)]
pub mod shown {
    //! What a provider shows, for tests.

    use std::sync::Arc;

    use tokio::sync::watch;

    use crate::app::clock::{Clock, ManualClock};
    use crate::app::desired_state::desired_state;
    use crate::app::desired_state::payload::{SCHEMA, tree};
    use crate::device::chassis::ChassisDescription;
    use crate::device::hardware::{Hardware, Snapshot};
    use crate::device::simulator::Simulator;
    use crate::management::operational::{OperationalState, StateProvider};
    use crate::yang::print::{WithDefaults, print};
    use crate::yang::select::Selection;

    /// A simulated chassis that runs a configuration.
    pub fn running(chassis: &str, configuration: &str) -> Simulator {
        let description = ChassisDescription::from_toml(chassis).unwrap();
        let mut simulator = Simulator::new(description);
        let desired = Arc::new(desired_state(&tree(configuration)));
        simulator.apply(
            desired,
            ManualClock::starting_at(jiff::Timestamp::UNIX_EPOCH).instant(),
        );
        simulator
    }

    /// Snapshots that stay as they are.
    pub fn still(simulator: &Simulator) -> watch::Receiver<Arc<Snapshot>> {
        watch::channel(simulator.snapshot()).1
    }

    /// The answer to a subtree filter, one element a line.
    pub fn answer(provider: impl StateProvider + 'static, filter: &str) -> String {
        for path in provider.provided() {
            let leaf = SCHEMA
                .find(path)
                .unwrap_or_else(|| panic!("{path} is not in the schema"));
            assert!(leaf.is_term() && !leaf.is_config(), "{path} is no state leaf");
        }
        let selection = Selection::subtree(&SCHEMA, filter).unwrap();
        let state = OperationalState::new(vec![Box::new(provider)]);
        let tree = state.collect(&SCHEMA, &selection).unwrap();
        print(&tree, &selection, WithDefaults::Explicit).replace("><", ">\n<")
    }

    /// State leaves below a top-level node that are filled without being announced.
    pub fn unannounced(provider: impl StateProvider + 'static) -> Vec<String> {
        let announced = provider.provided();
        let selection = Selection::everything(&SCHEMA);
        let state = OperationalState::new(vec![Box::new(provider)]);
        let tree = state.collect(&SCHEMA, &selection).unwrap();
        let mut ahead: Vec<_> = tree.roots().collect();
        let mut found = std::collections::BTreeSet::new();
        while let Some(node) = ahead.pop() {
            let path = node.schema().path();
            if node.schema().is_term() && !announced.contains(&path.as_str()) {
                found.insert(path);
            }
            ahead.extend(node.children());
        }
        found.into_iter().collect()
    }
}
