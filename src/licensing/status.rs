//! The chapter's word for everything together, the platform's, and the evaluation period that depends on both.

use jiff::Timestamp;

use crate::licensing::agent::SmartAgent;
use crate::licensing::evaluation::EvaluationChange;
use crate::licensing::event::Event;
use crate::licensing::state::LicenceStatus;
use crate::licensing::trust::Standing;

impl SmartAgent {
    /// Licences are in use that neither a registration nor a reservation speaks for.
    pub(super) fn needs_evaluation(&self) -> bool {
        self.configuration.enabled
            && !self.counts.is_empty()
            && self.record.registration.registered().is_none()
            && self.installed_reservation().is_none()
    }

    pub(super) fn run_evaluation(&mut self, now: Timestamp) {
        let needed = self.needs_evaluation();
        match self.record.evaluation.advance(needed, now) {
            Some(EvaluationChange::Started) => self.note(Event::EvaluationStarted),
            Some(EvaluationChange::Expired) => self.note(Event::EvaluationExpired),
            Some(EvaluationChange::Stopped) | None => {}
        }
    }

    /// Export-controlled features may be used.
    pub(super) fn export_control_allowed(&self) -> bool {
        let registered = self.record.registration.registered();
        registered.is_some_and(|registered| registered.export_control_allowed)
            || self
                .installed_reservation()
                .is_some_and(|installed| installed.export_control_allowed)
    }

    pub(super) fn update_status(&mut self, now: Timestamp) {
        let status = self.current_status();
        if status != self.record.status || self.record.status_since.is_none() {
            self.record.status = status;
            self.record.status_since = Some(now);
        }
        let known = self.record.registration.registered().is_some() || self.installed_reservation().is_some();
        let platform = if known { "REGISTERED" } else { "UNREGISTERED" };
        let before = std::mem::replace(&mut self.platform, platform);
        if before != platform {
            self.note(Event::PlatformStateChanged {
                from: before,
                to: platform,
            });
        }
    }

    fn current_status(&self) -> LicenceStatus {
        if !self.configuration.enabled {
            return LicenceStatus::Unconfigured;
        }
        if self.installed_reservation().is_some() {
            return match self.not_reserved.is_empty() {
                true => LicenceStatus::Authorized,
                false => LicenceStatus::OutOfCompliance,
            };
        }
        let destination = &self.configuration.destination;
        if destination
            .as_ref()
            .is_err_and(|problem| problem.is_unconfigured())
        {
            return LicenceStatus::Unconfigured;
        }
        let Some(registered) = self.record.registration.registered() else {
            return LicenceStatus::Unidentified;
        };
        match registered.authorization.standing {
            Standing::Waiting | Standing::Idle => LicenceStatus::Registered,
            Standing::Authorized => LicenceStatus::Authorized,
            Standing::OutOfCompliance { .. } => LicenceStatus::OutOfCompliance,
            Standing::Expired { .. } => LicenceStatus::AuthorizationExpired,
        }
    }
}
