//! Licences that are reserved: what an operator orders about them, and how they cover what is in use.
//!
//! Nothing here talks to a server: people carry the codes of [`crate::licensing::message::reservation`]. While a
//! reservation is configured or installed, registering, renewing and deregistering are refused.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::licensing::agent::{ReservationAnswer, ReservationCommand, SmartAgent, Wanted};
use crate::licensing::catalogue::Entitlement;
use crate::licensing::event::Event;
use crate::licensing::message::reservation::{
    Authorization, COMMITMENT, Coverage, LinkSecret, RequestCode, ReservedLicence,
};
use crate::licensing::return_code::ReturnCode;
use crate::licensing::state::{ReservationStanding, ReservationState};
use crate::licensing::trust::{
    InstalledReservation, Registration, Reservation, ReservationRequest, ReservationStage,
};

/// Why a command was refused: the code, and which rule speaks against it.
struct Refused(ReturnCode, String);

fn refused<T>(code: ReturnCode, reason: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(code, reason.into()))
}

impl SmartAgent {
    /// Registering, renewing and deregistering have no place.
    pub(super) fn is_reserved(&self) -> bool {
        self.configuration.reservation || self.installed_reservation().is_some()
    }

    pub(super) fn installed_reservation(&self) -> Option<&InstalledReservation> {
        match &self.record.reservation.stage {
            ReservationStage::Installed(installed) => Some(installed),
            ReservationStage::Absent | ReservationStage::Requested { .. } => None,
        }
    }

    /// Carries out a command; the record holds what follows from it before it is answered.
    pub(super) fn reservation_command(
        &mut self,
        command: ReservationCommand,
        now: Timestamp,
    ) -> ReservationAnswer {
        let done = match &self.configuration.enabled {
            false => refused(ReturnCode::NotEnabled, "Smart Licensing is not enabled"),
            true => match &command {
                ReservationCommand::Request(coverage) => self.request_reservation(*coverage, now),
                ReservationCommand::Install { code } => self.install_reservation(code, now),
                ReservationCommand::Return => self.return_reservation(),
                ReservationCommand::Cancel => self.cancel_reservation(),
                ReservationCommand::ReturnAuthorization { code } => self.return_authorization(code, now),
            },
        };
        match done {
            Ok(answer) => {
                self.record.reservation.last_error = None;
                answer
            }
            Err(Refused(code, reason)) => {
                if let ReservationCommand::Install { .. } = command {
                    self.note(Event::ReservationRefused {
                        reason: reason.clone(),
                    });
                }
                let display = format!("{} failed: {reason}", name(&command));
                self.record.reservation.last_error = Some(reason);
                ReservationAnswer::refused(code, &display)
            }
        }
    }

    fn request_reservation(
        &mut self,
        coverage: Coverage,
        now: Timestamp,
    ) -> Result<ReservationAnswer, Refused> {
        self.check_mode()?;
        self.check_unregistered()?;
        let request = match &self.record.reservation.stage {
            ReservationStage::Installed(_) => {
                return refused(
                    ReturnCode::ReservationAlreadyInstalled,
                    "Already registered: an authorization code is installed; return it first",
                );
            }
            // The same question has the same answer.
            ReservationStage::Requested { request, .. } if request.coverage == coverage => request.clone(),
            ReservationStage::Requested { .. } | ReservationStage::Absent => {
                let Ok(secret) = LinkSecret::draw() else {
                    return refused(ReturnCode::CsrGenerationFailed, "no random bytes could be drawn");
                };
                self.give_request_up();
                let request = ReservationRequest { coverage, secret };
                self.record.reservation.stage = ReservationStage::Requested {
                    request: request.clone(),
                    since: now,
                };
                let udi = self.speaker.udi.to_string();
                self.note(Event::ReservationRequested { udi });
                request
            }
        };
        let request_code = self.request_code(&request);
        Ok(ReservationAnswer {
            display: format!(
                "Enter this request code in the Cisco Smart Software Manager portal: {request_code}"
            ),
            request_code: Some(request_code),
            ..accepted()
        })
    }

    fn install_reservation(&mut self, code: &str, now: Timestamp) -> Result<ReservationAnswer, Refused> {
        self.check_mode()?;
        self.check_unregistered()?;
        let authorization = self.open(code, now)?;
        self.check_device(&authorization)?;
        let reservation = &self.record.reservation;
        let installed = self.installed_reservation().map(|installed| &installed.id);
        if reservation.spent.contains(&authorization.id) && installed != Some(&authorization.id) {
            return refused(
                ReturnCode::PreviouslyInstalled,
                "the Reservation Authorization Code was installed or returned before",
            );
        }
        let mismatch = "The Reservation Authorization Code does not match the Reservation Request Code";
        let request = match &reservation.stage {
            ReservationStage::Absent => {
                return refused(
                    ReturnCode::NoReservationInProgress,
                    "no reservation was requested; there is no request code that it could answer",
                );
            }
            ReservationStage::Requested { request, .. } if answers(&authorization, request) => {
                request.clone()
            }
            ReservationStage::Requested { .. } => return refused(ReturnCode::ReservationMismatch, mismatch),
            ReservationStage::Installed(installed) if !answers(&authorization, &installed.request) => {
                return refused(
                    ReturnCode::ReservationAlreadyInstalled,
                    "another authorization code is installed; return it first",
                );
            }
            ReservationStage::Installed(installed) if authorization.revision <= installed.revision => {
                return refused(
                    ReturnCode::ReservationAlreadyInstalled,
                    format!(
                        "the authorization code has revision {}, and revision {} is installed",
                        authorization.revision, installed.revision
                    ),
                );
            }
            ReservationStage::Installed(installed) => installed.request.clone(),
        };
        let confirmation_code = request.secret.confirmation_code(authorization.revision);
        let universal = authorization.coverage == Coverage::Universal;
        let allowed = authorization.export_control_allowed;
        remember(
            &mut self.record.reservation.spent,
            authorization.id.clone(),
            SPENT_KEPT,
        );
        self.record.reservation.return_code = None;
        self.record.doubt = None;
        self.record.reservation.stage = ReservationStage::Installed(Box::new(InstalledReservation {
            request,
            id: authorization.id,
            revision: authorization.revision,
            since: now,
            authorization_code: code.split_ascii_whitespace().collect(),
            smart_account: authorization.smart_account,
            virtual_account: authorization.virtual_account,
            export_control_allowed: allowed,
            licences: authorization.licences,
        }));
        self.wanted = Wanted::default();
        self.not_reserved.clear();
        self.terms_seen_at = now;
        let udi = self.speaker.udi.to_string();
        let state = match self.missing(now).is_empty() {
            true => "authorized",
            false => "not authorized",
        };
        self.note(Event::ExportControlled { allowed });
        self.note(Event::RegistrationSucceeded { udi: udi.clone() });
        self.note(Event::AuthorizationRenewed {
            state,
            udi: udi.clone(),
        });
        self.note(Event::ReservationInstalled { udi, universal });
        Ok(ReservationAnswer {
            display: format!("Reservation install successful. Last Confirmation code {confirmation_code}"),
            confirmation_code: Some(confirmation_code),
            ..accepted()
        })
    }

    fn return_reservation(&mut self) -> Result<ReservationAnswer, Refused> {
        let Some(installed) = self.installed_reservation() else {
            self.check_mode()?;
            return refused(
                ReturnCode::NoAuthorizationInstalled,
                "no authorization code is installed",
            );
        };
        let return_code = installed.request.secret.return_code();
        self.record.reservation.stage = ReservationStage::Absent;
        self.record.reservation.return_code = Some(return_code.clone());
        self.not_reserved.clear();
        self.note_return();
        self.note(Event::ExportControlled { allowed: false });
        Ok(returned(return_code))
    }

    fn cancel_reservation(&mut self) -> Result<ReservationAnswer, Refused> {
        match &self.record.reservation.stage {
            ReservationStage::Absent => {
                self.check_mode()?;
                refused(
                    ReturnCode::NoReservationInProgress,
                    "no reservation was requested",
                )
            }
            ReservationStage::Installed(_) => refused(
                ReturnCode::ReservationAlreadyInstalled,
                "an authorization code is installed; return it instead",
            ),
            ReservationStage::Requested { .. } => {
                self.give_request_up();
                let udi = self.speaker.udi.to_string();
                self.note(Event::ReservationCancelled { udi });
                Ok(ReservationAnswer {
                    display: "Reservation request cancelled".to_owned(),
                    ..accepted()
                })
            }
        }
    }

    fn return_authorization(&mut self, code: &str, now: Timestamp) -> Result<ReservationAnswer, Refused> {
        self.check_mode()?;
        let authorization = self.open(code, now)?;
        self.check_device(&authorization)?;
        let reservation = &mut self.record.reservation;
        if let ReservationStage::Installed(installed) = &reservation.stage
            && answers(&authorization, &installed.request)
        {
            return refused(
                ReturnCode::ReservationAlreadyInstalled,
                "the reservation of this authorization code is installed; return the reservation instead",
            );
        }
        if reservation.spent.contains(&authorization.id) {
            return refused(
                ReturnCode::PreviouslyInstalled,
                "the Reservation Authorization Code was installed or returned before",
            );
        }
        let requested = match &reservation.stage {
            ReservationStage::Requested { request, .. } => Some(request),
            ReservationStage::Absent | ReservationStage::Installed(_) => None,
        };
        let asked = requested
            .filter(|request| answers(&authorization, request))
            .cloned();
        let request = match asked {
            Some(request) => {
                reservation.stage = ReservationStage::Absent;
                request
            }
            None => {
                let position = reservation
                    .given_up
                    .iter()
                    .position(|request| answers(&authorization, request));
                let Some(position) = position else {
                    return refused(
                        ReturnCode::ReservationMismatch,
                        "the authorization code answers no request of this device that it remembers",
                    );
                };
                reservation.given_up.remove(position)
            }
        };
        let return_code = request.secret.return_code();
        remember(&mut reservation.spent, authorization.id, SPENT_KEPT);
        reservation.return_code = Some(return_code.clone());
        self.note_return();
        Ok(returned(return_code))
    }

    fn note_return(&mut self) {
        let udi = self.speaker.udi.to_string();
        self.note(Event::ReservationReturned { udi });
    }

    /// Forgets a request, but not what an authorization code for it is given back with.
    fn give_request_up(&mut self) {
        let reservation = &mut self.record.reservation;
        if let ReservationStage::Requested { request, .. } = std::mem::take(&mut reservation.stage) {
            remember(&mut reservation.given_up, request, REQUESTS_KEPT);
        }
    }

    fn check_mode(&self) -> Result<(), Refused> {
        match self.configuration.reservation {
            true => Ok(()),
            false => refused(
                ReturnCode::NotReservationMode,
                "license reservation is not configured",
            ),
        }
    }

    fn check_unregistered(&self) -> Result<(), Refused> {
        match &self.record.registration {
            Registration::NotRegistered | Registration::Failed { .. } => Ok(()),
            Registration::Complete(_) => refused(
                ReturnCode::AlreadyRegistered,
                "the device is registered; deregister it before licenses are reserved",
            ),
            Registration::InProgress { .. } | Registration::Retry { .. } => refused(
                ReturnCode::RegistrationInProgress,
                "the device is being registered",
            ),
            Registration::Deregistering(_) => {
                refused(ReturnCode::MessageInProgress, "the device is being deregistered")
            }
        }
    }

    fn open(&self, code: &str, now: Timestamp) -> Result<Authorization, Refused> {
        if code.trim().is_empty() {
            return refused(ReturnCode::NullPointer, "no authorization code was given");
        }
        let Some(root) = &self.speaker.root else {
            return refused(
                ReturnCode::ReservationInstallParseFail,
                "no licensing root is set, so no authorization code can be verified",
            );
        };
        Authorization::open(code, root, now)
            .map_err(|error| Refused(ReturnCode::ReservationInstallParseFail, error.to_string()))
    }

    fn check_device(&self, authorization: &Authorization) -> Result<(), Refused> {
        if authorization.is_for(&self.speaker.udi) {
            return Ok(());
        }
        refused(
            ReturnCode::ReservationMismatch,
            format!(
                "the authorization code is for PID:{},SN:{} and this is {}",
                authorization.pid, authorization.serial_number, self.speaker.udi
            ),
        )
    }

    fn request_code(&self, request: &ReservationRequest) -> String {
        RequestCode {
            coverage: request.coverage,
            pid: self.speaker.udi.pid.clone(),
            serial_number: self.speaker.udi.serial_number.clone(),
            commitment: request.secret.link(COMMITMENT),
        }
        .to_string()
    }

    /// Looks at how the reservation covers what is in use, and at terms that end.
    pub(super) fn look_at_reservation(&mut self, now: Timestamp) {
        let seen_at = std::mem::replace(&mut self.terms_seen_at, now);
        let Some(installed) = self.installed_reservation() else {
            return;
        };
        let over: Vec<&'static str> = installed
            .licences
            .iter()
            .filter(|licence| licence.end.is_some_and(|end| seen_at < end && end <= now))
            .map(|licence| licence.entitlement.short_tag())
            .collect();
        let missing = self.missing(now);
        for short_tag in over {
            let short_tag = short_tag.to_owned();
            self.note(Event::ReservationTermOver { short_tag });
        }
        for entitlement in missing
            .difference(&self.not_reserved)
            .copied()
            .collect::<Vec<_>>()
        {
            let tag = entitlement.entry().tag.to_owned();
            self.note(Event::NotAuthorized { tag });
        }
        if missing.is_empty() && !self.not_reserved.is_empty() {
            self.note(Event::InCompliance);
        }
        self.not_reserved = missing;
    }

    /// Entitlements of which more is in use than is reserved.
    fn missing(&self, now: Timestamp) -> BTreeSet<Entitlement> {
        let Some(installed) = self.installed_reservation() else {
            return BTreeSet::new();
        };
        if installed.request.coverage == Coverage::Universal {
            return BTreeSet::new();
        }
        let counts = self.counts.iter();
        counts
            .filter(|(entitlement, count)| {
                reserved(&installed.licences, **entitlement, now) < u64::from(**count)
            })
            .map(|(entitlement, _)| *entitlement)
            .collect()
    }

    /// When a term begins or ends next.
    pub(super) fn next_term(&self) -> Option<Timestamp> {
        let installed = self.installed_reservation()?;
        let moments = installed
            .licences
            .iter()
            .flat_map(|licence| [licence.start, licence.end]);
        moments
            .flatten()
            .filter(|moment| *moment > self.last_seen())
            .min()
    }

    pub(super) fn reservation_state(&self) -> ReservationState {
        let Reservation {
            stage,
            return_code,
            last_error,
            ..
        } = &self.record.reservation;
        ReservationState {
            enabled: self.configuration.reservation,
            standing: match stage {
                ReservationStage::Absent => ReservationStanding::NotInstalled,
                ReservationStage::Requested { request, since } => ReservationStanding::InProgress {
                    since: *since,
                    request_code: self.request_code(request),
                },
                ReservationStage::Installed(installed) => ReservationStanding::Installed {
                    since: installed.since,
                    coverage: installed.request.coverage,
                    confirmation_code: installed.request.secret.confirmation_code(installed.revision),
                    authorization_code: installed.authorization_code.clone(),
                    licences: installed.licences.clone(),
                },
            },
            return_code: return_code.clone(),
            last_error: last_error.clone(),
        }
    }
}

fn answers(authorization: &Authorization, request: &ReservationRequest) -> bool {
    authorization.coverage == request.coverage
        && authorization.request == request.secret.link(COMMITMENT).to_text()
}

/// What a reservation covers at a time.
fn reserved(licences: &[ReservedLicence], entitlement: Entitlement, now: Timestamp) -> u64 {
    let of_it = licences
        .iter()
        .filter(|licence| licence.entitlement == entitlement && licence.holds_at(now));
    of_it.map(|licence| u64::from(licence.count)).sum()
}

/// Keeps the latest few.
fn remember<T>(kept: &mut Vec<T>, latest: T, limit: usize) {
    kept.push(latest);
    let surplus = kept.len().saturating_sub(limit);
    kept.drain(..surplus);
}

const REQUESTS_KEPT: usize = 8;
const SPENT_KEPT: usize = 64;

fn name(command: &ReservationCommand) -> &'static str {
    match command {
        ReservationCommand::Request(_) => "Reservation request",
        ReservationCommand::Install { .. } => "Reservation install",
        ReservationCommand::Return => "Reservation return",
        ReservationCommand::Cancel => "Reservation cancel",
        ReservationCommand::ReturnAuthorization { .. } => "Reservation return authorization",
    }
}

fn accepted() -> ReservationAnswer {
    ReservationAnswer {
        code: ReturnCode::Success,
        display: String::new(),
        request_code: None,
        confirmation_code: None,
        return_code: None,
    }
}

fn returned(return_code: String) -> ReservationAnswer {
    ReservationAnswer {
        display: format!("Enter this return code in Cisco Smart Software Manager portal: {return_code}"),
        return_code: Some(return_code),
        ..accepted()
    }
}
