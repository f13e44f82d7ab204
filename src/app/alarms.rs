//! Alarms: which conditions stand is a function of the states, when they came and went is kept here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::syslog::message::{Message, Severity};
use crate::device::desired_state::DesiredState;
use crate::device::hardware::{CardSnapshot, CardState, SliceStatus, Snapshot};
use crate::device::inventory::SlotLocation;
use crate::licensing::fault::Fault;
use crate::licensing::state::{AgentState, AuthorizationState, RegistrationState};
use crate::licensing::trust::{Doubt, Standing};

/// What can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmKind {
    /// The account uses more licences than it holds.
    OutOfCompliance,
    /// The licence server has been silent for 90 days.
    AuthorizationExpired,
    /// Licences are in use without registration, and the evaluation period is used up.
    EvaluationExpired,
    /// More in use than was reserved.
    NotAuthorized,
    /// The trust record was another chassis's.
    ChassisChanged,
    /// The trust record is an older copy.
    TrustRecordOlder,
    /// The licence server cannot be reached.
    CommunicationFailure,
    /// A card is fitted and not running.
    LineCardDown,
    /// A slot is configured and empty.
    LineCardAbsent,
    /// The fitted card cannot carry a slice that is configured.
    SliceConfigFailure,
}

impl AlarmKind {
    /// The short name of the alarm.
    pub fn name(self) -> &'static str {
        match self {
            AlarmKind::OutOfCompliance => "LICENSE-OUT-OF-COMPLIANCE",
            AlarmKind::AuthorizationExpired => "LICENSE-AUTHORIZATION-EXPIRED",
            AlarmKind::EvaluationExpired => "LICENSE-EVALUATION-EXPIRED",
            AlarmKind::NotAuthorized => "LICENSE-NOT-AUTHORIZED",
            AlarmKind::ChassisChanged => "LICENSE-CHASSIS-CHANGED",
            AlarmKind::TrustRecordOlder => "LICENSE-TRUST-RECORD-OLDER",
            AlarmKind::CommunicationFailure => "LICENSE-COMMUNICATION-FAILURE",
            AlarmKind::LineCardDown => "LINE-CARD-DOWN",
            AlarmKind::LineCardAbsent => "LINE-CARD-ABSENT",
            AlarmKind::SliceConfigFailure => "SLICE-CONFIG-FAILURE",
        }
    }

    /// How grave it is.
    pub fn severity(self) -> AlarmSeverity {
        match self {
            AlarmKind::LineCardDown => AlarmSeverity::Critical,
            AlarmKind::OutOfCompliance
            | AlarmKind::AuthorizationExpired
            | AlarmKind::EvaluationExpired
            | AlarmKind::NotAuthorized
            | AlarmKind::ChassisChanged
            | AlarmKind::TrustRecordOlder
            | AlarmKind::LineCardAbsent
            | AlarmKind::SliceConfigFailure => AlarmSeverity::Major,
            AlarmKind::CommunicationFailure => AlarmSeverity::Minor,
        }
    }

    /// The name in `Alarm-groups`.
    pub fn group(self) -> &'static str {
        match self {
            AlarmKind::OutOfCompliance
            | AlarmKind::AuthorizationExpired
            | AlarmKind::EvaluationExpired
            | AlarmKind::NotAuthorized
            | AlarmKind::ChassisChanged
            | AlarmKind::TrustRecordOlder
            | AlarmKind::CommunicationFailure => "software",
            AlarmKind::LineCardDown | AlarmKind::LineCardAbsent => "shelf",
            AlarmKind::SliceConfigFailure => "slice",
        }
    }

    /// Whether traffic suffers: licensing never stops any (L-016).
    pub fn affects_service(self) -> bool {
        self.group() != "software"
    }

    /// The part of the software that raises it.
    pub fn module(self) -> &'static str {
        match self.group() {
            "software" => "smartlicserver",
            "shelf" => "invmgr",
            _ => "osa",
        }
    }
}

/// How grave an alarm is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AlarmSeverity {
    /// Minor.
    Minor,
    /// Major.
    Major,
    /// Critical.
    Critical,
}

impl AlarmSeverity {
    /// The name in `Alarm-severity`.
    pub fn yang_name(self) -> &'static str {
        match self {
            AlarmSeverity::Minor => "minor",
            AlarmSeverity::Major => "major",
            AlarmSeverity::Critical => "critical",
        }
    }

    /// The severity of the message that tells of it.
    pub fn of_message(self) -> Severity {
        match self {
            AlarmSeverity::Minor => Severity::Warning,
            AlarmSeverity::Major => Severity::Error,
            AlarmSeverity::Critical => Severity::Critical,
        }
    }
}

/// What tells one alarm from another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AlarmId {
    /// What is wrong.
    pub kind: AlarmKind,
    /// Card that it is about: `0/1`, `0/RP0/CPU0`.
    pub location: String,
    /// The object on it, `mxponder-slice 0`; empty when it is about the whole.
    pub object: String,
}

/// What is known of a condition that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    /// What is wrong, in words.
    pub description: String,
    /// Since when, where the state tells; else it began when it was seen first.
    pub since: Option<Timestamp>,
}

/// Everything that is wrong now.
pub type Conditions = BTreeMap<AlarmId, Condition>;

/// What is wrong with licensing.
pub fn of_licensing(state: &AgentState) -> Conditions {
    let mut conditions = Conditions::new();
    let mut stands = |kind: AlarmKind, description: String, since: Option<Timestamp>| {
        let id = AlarmId {
            kind,
            location: Message::NODE.to_owned(),
            object: String::new(),
        };
        conditions.insert(id, Condition { description, since });
    };
    match &state.authorization {
        AuthorizationState::Registered {
            standing: Standing::OutOfCompliance { since },
            ..
        } => stands(
            AlarmKind::OutOfCompliance,
            "Licence out of compliance".to_owned(),
            Some(*since),
        ),
        AuthorizationState::Registered {
            standing: Standing::Expired { since },
            ..
        } => stands(
            AlarmKind::AuthorizationExpired,
            "Licence authorization expired".to_owned(),
            Some(*since),
        ),
        AuthorizationState::EvaluationExpired { at } => stands(
            AlarmKind::EvaluationExpired,
            "Licences in use without registration, evaluation period expired".to_owned(),
            Some(*at),
        ),
        AuthorizationState::Reserved { covered: false, .. } => stands(
            AlarmKind::NotAuthorized,
            "More licences in use than reserved".to_owned(),
            None,
        ),
        AuthorizationState::None
        | AuthorizationState::Evaluation
        | AuthorizationState::Reserved { covered: true, .. }
        | AuthorizationState::Registered {
            standing: Standing::Waiting | Standing::Idle | Standing::Authorized,
            ..
        } => {}
    }
    match &state.doubt {
        Some(Doubt::ChassisChanged { from, since }) => stands(
            AlarmKind::ChassisChanged,
            format!("Licensing trust record of chassis {from} put aside, this chassis is not registered"),
            Some(*since),
        ),
        Some(Doubt::Older { since, .. }) => stands(
            AlarmKind::TrustRecordOlder,
            "Licensing trust record is an older copy than the licence server knows".to_owned(),
            Some(*since),
        ),
        None => {}
    }
    let fault = state.exchange.last_fault;
    let unreachable = match &state.registration {
        // After a restart the fault is forgotten, the retry is not.
        RegistrationState::Retry { failed_at, .. } => {
            fault.is_none_or(is_of_communication).then_some(Some(*failed_at))
        }
        RegistrationState::InProgress { .. } | RegistrationState::Complete { .. } => {
            fault.is_some_and(is_of_communication).then_some(None)
        }
        // Nobody wants to reach it.
        RegistrationState::NotRegistered
        | RegistrationState::Failed { .. }
        | RegistrationState::Reserved { .. } => None,
    };
    if let Some(since) = unreachable {
        let description = "Communication with the licence server failed".to_owned();
        stands(AlarmKind::CommunicationFailure, description, since);
    }
    conditions
}

/// Whether no server was there, rather than one that said no or could not be believed.
fn is_of_communication(fault: Fault) -> bool {
    !matches!(
        fault,
        Fault::TryAgain | Fault::Refused | Fault::RecordOlder | Fault::AnswerUntrusted
    )
}

/// What is wrong with the hardware, given what is wanted of it.
pub fn of_hardware(snapshot: &Snapshot, desired: &DesiredState) -> Conditions {
    let mut conditions = Conditions::new();
    let mut stands = |kind: AlarmKind, location: SlotLocation, object: String, description: String| {
        let id = AlarmId {
            kind,
            location: location.to_string(),
            object,
        };
        let condition = Condition {
            description,
            since: None,
        };
        conditions.insert(id, condition);
    };
    for (location, slot) in &snapshot.slots {
        match &slot.card {
            None if is_configured(desired, *location) => {
                let description = "Slot is configured and holds no line card".to_owned();
                stands(AlarmKind::LineCardAbsent, *location, String::new(), description);
            }
            None => {}
            Some(card) if card.state == CardState::Down => {
                let description = format!("Line card {} is down", card.pid);
                stands(AlarmKind::LineCardDown, *location, String::new(), description);
            }
            Some(card) => {
                for (object, reason) in failed_slices(card) {
                    let description = format!("{object} cannot be provisioned: {reason}");
                    stands(AlarmKind::SliceConfigFailure, *location, object, description);
                }
            }
        }
    }
    conditions
}

fn is_configured(desired: &DesiredState, location: SlotLocation) -> bool {
    desired
        .line_cards
        .get(&location)
        .is_some_and(|card| !card.slices.is_empty() || card.muxponder.is_some())
}

/// Slices that a card cannot carry, as the command line names them, and why.
pub fn failed_slices(card: &CardSnapshot) -> impl Iterator<Item = (String, &str)> {
    card.slices.iter().filter_map(|slice| match &slice.status {
        SliceStatus::Failed(reason) => Some((slice_name(slice.slice_id), reason.as_str())),
        SliceStatus::InProgress | SliceStatus::Provisioned => None,
    })
}

/// `mxponder-slice 0`, or the whole-card `mxponder`.
pub fn slice_name(slice_id: Option<u32>) -> String {
    match slice_id {
        Some(slice_id) => format!("mxponder-slice {slice_id}"),
        None => "mxponder".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::app::clock::{Clock, ManualClock};
    use crate::app::state::licence::example::{at, state};
    use crate::app::state::shown::running;
    use crate::device::hardware::Hardware;
    use crate::device::simulator::Simulator;

    fn told(conditions: &Conditions) -> Vec<String> {
        conditions
            .iter()
            .map(|(id, condition)| {
                let name = id.kind.name();
                format!("{name} {} {} {}", id.location, id.object, condition.description)
            })
            .collect()
    }

    fn with_standing(standing: Standing) -> AgentState {
        AgentState {
            authorization: AuthorizationState::Registered {
                standing,
                last_exchange: None,
                next_exchange: at("2021-10-09T11:45:42Z"),
                deadline: at("2021-12-08T11:40:41Z"),
            },
            ..state()
        }
    }

    #[test]
    fn an_account_in_order_gives_no_alarm() {
        assert_eq!(of_licensing(&state()), Conditions::new());
        let evaluating = AgentState {
            authorization: AuthorizationState::Evaluation,
            registration: RegistrationState::NotRegistered,
            ..state()
        };
        assert_eq!(of_licensing(&evaluating), Conditions::new());
    }

    #[test]
    fn licensing_alarms_since_the_moment_that_its_state_tells() {
        let since = at("2021-05-27T09:54:57Z");
        let expired = AgentState {
            authorization: AuthorizationState::EvaluationExpired { at: since },
            registration: RegistrationState::NotRegistered,
            ..state()
        };
        for (state, expected) in [
            (
                with_standing(Standing::OutOfCompliance { since }),
                "LICENSE-OUT-OF-COMPLIANCE 0/RP0/CPU0  Licence out of compliance",
            ),
            (
                with_standing(Standing::Expired { since }),
                "LICENSE-AUTHORIZATION-EXPIRED 0/RP0/CPU0  Licence authorization expired",
            ),
            (
                expired,
                "LICENSE-EVALUATION-EXPIRED 0/RP0/CPU0  Licences in use without registration, evaluation period expired",
            ),
        ] {
            let conditions = of_licensing(&state);
            assert_eq!(told(&conditions), [expected]);
            assert!(
                conditions
                    .values()
                    .all(|condition| condition.since == Some(since))
            );
        }
    }

    #[test]
    fn a_doubtful_trust_record_is_an_alarm_until_it_is_settled() {
        let since = at("2021-05-27T09:54:57Z");
        let older = AgentState {
            doubt: Some(Doubt::Older {
                detail: "sequence number 3 is not above 7".to_owned(),
                since,
            }),
            ..state()
        };
        assert_eq!(
            told(&of_licensing(&older)),
            [
                "LICENSE-TRUST-RECORD-OLDER 0/RP0/CPU0  Licensing trust record is an older copy than the licence server knows"
            ]
        );
        let moved = AgentState {
            doubt: Some(Doubt::ChassisChanged {
                from: state().udi,
                since,
            }),
            ..state()
        };
        let conditions = of_licensing(&moved);
        assert!(told(&conditions)[0].starts_with("LICENSE-CHASSIS-CHANGED 0/RP0/CPU0"));
        assert!(
            conditions
                .values()
                .all(|condition| condition.since == Some(since))
        );
    }

    #[test]
    fn a_server_that_cannot_be_reached_is_an_alarm_while_somebody_wants_to_reach_it() {
        let mut unreachable = state();
        unreachable.exchange.last_fault = Some(Fault::Refused);
        assert_eq!(of_licensing(&unreachable), Conditions::new());
        unreachable.exchange.last_fault = Some(Fault::NoConnection);
        assert_eq!(
            told(&of_licensing(&unreachable)),
            ["LICENSE-COMMUNICATION-FAILURE 0/RP0/CPU0  Communication with the licence server failed"]
        );
        let given_up = AgentState {
            registration: RegistrationState::NotRegistered,
            ..unreachable
        };
        assert_eq!(of_licensing(&given_up), Conditions::new());
        let waiting = AgentState {
            registration: RegistrationState::Retry {
                failed_at: at("2021-05-27T09:54:57Z"),
                reason: "no route".to_owned(),
                retry_at: at("2021-05-28T09:54:57Z"),
            },
            ..state()
        };
        assert_eq!(of_licensing(&waiting).len(), 1);
    }

    const SLICE: &str = include_str!("../../tests/data/payloads/valid/v01-otnxp-mixed-slice.xml");
    const SLOT: SlotLocation = SlotLocation { rack: 0, slot: 1 };

    fn now() -> Instant {
        ManualClock::starting_at(Timestamp::UNIX_EPOCH).instant()
    }

    fn hardware(simulator: &Simulator, configuration: &str) -> Vec<String> {
        let desired = crate::app::desired_state::desired_state(&crate::app::desired_state::payload::tree(
            configuration,
        ));
        told(&of_hardware(&simulator.snapshot(), &desired))
    }

    #[test]
    fn a_card_that_is_down_or_missing_where_it_is_configured_is_an_alarm() {
        let mut simulator = running("", SLICE);
        assert_eq!(hardware(&simulator, SLICE), [""; 0]);
        let simulation = simulator.simulation().unwrap();
        simulation.line_card_down(SLOT, now()).unwrap();
        let down = ["LINE-CARD-DOWN 0/1  Line card NCS1K4-OTN-XPL is down"];
        assert_eq!(hardware(&simulator, SLICE), down);
        assert_eq!(hardware(&simulator, ""), down);
        let simulation = simulator.simulation().unwrap();
        simulation.pull_line_card(SLOT, now()).unwrap();
        assert_eq!(
            hardware(&simulator, SLICE),
            ["LINE-CARD-ABSENT 0/1  Slot is configured and holds no line card"]
        );
        assert_eq!(hardware(&simulator, ""), [""; 0]);
    }

    #[test]
    fn a_slice_that_the_card_cannot_carry_is_an_alarm_with_the_reason() {
        let chassis = "[slots.\"0/1\"]\npid = \"NCS1K4-QXP-L-K9\"\n";
        let alarms = hardware(&running(chassis, SLICE), SLICE);
        assert_eq!(alarms.len(), 1);
        assert!(
            alarms[0].starts_with(
                "SLICE-CONFIG-FAILURE 0/1 mxponder-slice 0 mxponder-slice 0 cannot be provisioned: "
            ),
            "{alarms:?}"
        );
    }
}
