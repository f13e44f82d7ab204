//! Tells licensing and its courier what a commit means to them.

use std::sync::Arc;

use crate::app::licence_configuration::{
    ConfigurationReadings, ROOTS as CONFIGURATION_ROOTS, licence_configuration,
};
use crate::app::licence_courier::HttpCourier;
use crate::app::licence_driver::Licensing;
use crate::app::reach::{ROOTS as REACH_ROOTS, Reach, ReachReadings};
use crate::app::settings::LicensingSettings;
use crate::datastore::commit::Committed;
use crate::licensing::configuration::Configuration;
use crate::yang::tree::Tree;

/// Reads running for licensing.
pub struct LicenceListener {
    courier: Arc<HttpCourier>,
    configuration: ConfigurationReadings,
    reach: ReachReadings,
}

impl LicenceListener {
    /// Tells the courier what stands in running already.
    pub fn start(settings: &LicensingSettings, courier: Arc<HttpCourier>, running: &Tree) -> LicenceListener {
        let listener = LicenceListener {
            courier,
            configuration: settings.into(),
            reach: settings.into(),
        };
        listener.courier.configured(Reach::of(running, &listener.reach));
        listener
    }

    /// What running says about licensing.
    pub fn configuration(&self, running: &Tree) -> Configuration {
        licence_configuration(running, &self.configuration)
    }

    /// Hears of a commit. The courier is told first, so that an exchange that the commit sets off finds its way.
    pub fn committed(&self, commit: &Committed, licensing: &Licensing) {
        let running = &commit.running.tree;
        let touched = |root: &&str| commit.change_set.touches(&format!("/{root}"));
        let another_way =
            REACH_ROOTS.iter().any(touched) && self.courier.configured(Reach::of(running, &self.reach));
        if CONFIGURATION_ROOTS.iter().any(touched) {
            licensing.configured(self.configuration(running));
        }
        if another_way {
            licensing.way_changed();
        }
        licensing.recount();
    }
}
