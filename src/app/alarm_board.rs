//! The alarm board: raises and clears what the conditions say, and remembers when.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::alarms::{AlarmId, AlarmSeverity, Conditions};
use crate::app::syslog::durable_ring::{DurableRing, Rings};
use crate::app::syslog::message::{Draft, Process};

/// An alarm that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Raised {
    /// Which.
    pub id: AlarmId,
    /// What is wrong, in words.
    pub description: String,
    /// Since when.
    pub set_at: Timestamp,
}

/// An alarm that is over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cleared {
    /// Which.
    pub id: AlarmId,
    /// What was wrong, in words.
    pub description: String,
    /// Since when.
    pub set_at: Timestamp,
    /// Until when.
    pub cleared_at: Timestamp,
}

/// What an update changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Alarms that came.
    pub raised: Vec<Raised>,
    /// Alarms that went.
    pub cleared: Vec<Cleared>,
}

/// The board; clones share it. Alarms that stand are found anew after a restart, those that are over are remembered.
#[derive(Clone, Debug)]
pub struct AlarmBoard {
    standing: Arc<Mutex<BTreeMap<AlarmId, Raised>>>,
    history: DurableRing<Cleared>,
}

/// Alarms that are remembered after they are over.
const REMEMBERED: usize = 500;

impl AlarmBoard {
    /// A board on which nothing stands yet.
    pub fn open(rings: &mut Rings) -> AlarmBoard {
        AlarmBoard {
            standing: Arc::default(),
            history: rings.open("alarm-history.ring", REMEMBERED),
        }
    }

    /// From now on these conditions stand and no others.
    pub fn update(&self, conditions: Conditions, now: Timestamp) -> Changes {
        let mut standing = self.standing();
        let mut changes = Changes::default();
        standing.retain(|id, raised| {
            let stays = conditions.contains_key(id);
            if !stays {
                changes.cleared.push(Cleared {
                    id: id.clone(),
                    description: raised.description.clone(),
                    set_at: raised.set_at,
                    cleared_at: now,
                });
            }
            stays
        });
        for (id, condition) in conditions {
            if let Some(raised) = standing.get_mut(&id) {
                raised.description = condition.description;
                continue;
            }
            let raised = Raised {
                id: id.clone(),
                description: condition.description,
                set_at: condition.since.unwrap_or(now),
            };
            changes.raised.push(raised.clone());
            standing.insert(id, raised);
        }
        drop(standing);
        for cleared in &changes.cleared {
            self.history.push(|_| cleared.clone());
        }
        changes
    }

    /// What stands, by kind and location.
    pub fn raised(&self) -> Vec<Raised> {
        self.standing().values().cloned().collect()
    }

    /// What is over, oldest first.
    pub fn cleared(&self) -> Vec<Arc<Cleared>> {
        self.history.entries()
    }

    fn standing(&self) -> MutexGuard<'_, BTreeMap<AlarmId, Raised>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The process that tells of alarms.
const FAULT_MANAGER: Process = Process {
    name: "fault_manager",
    id: 239,
};

impl Changes {
    /// Messages that tell of them, those that went first.
    pub fn messages(&self) -> Vec<Draft> {
        let cleared = self
            .cleared
            .iter()
            .map(|cleared| message(&cleared.id, "CLEAR", &cleared.description));
        let raised = self
            .raised
            .iter()
            .map(|raised| message(&raised.id, "DECLARE", &raised.description));
        cleared.chain(raised).collect()
    }
}

/// `%PKT_INFRA-FM-3-FAULT_MAJOR : ALARM_MAJOR :LICENSE-OUT-OF-COMPLIANCE :DECLARE :0/RP0/CPU0: …`
fn message(id: &AlarmId, what: &str, description: &str) -> Draft {
    let severity = id.kind.severity();
    let (name, word) = match severity {
        AlarmSeverity::Critical => ("FAULT_CRITICAL", "ALARM_CRITICAL"),
        AlarmSeverity::Major => ("FAULT_MAJOR", "ALARM_MAJOR"),
        AlarmSeverity::Minor => ("FAULT_MINOR", "ALARM_MINOR"),
    };
    Draft {
        process: FAULT_MANAGER,
        category: "PKT_INFRA",
        group: "FM",
        severity: severity.of_message(),
        name,
        text: format!(
            "{word} :{} :{what} :{}: {description}",
            id.kind.name(),
            id.location
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::alarms::{AlarmKind, Condition};
    use crate::state_dir::StateDir;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_622_109_297 + second).unwrap()
    }

    fn conditions(entries: &[(AlarmKind, &str, &str, Option<i64>)]) -> Conditions {
        entries
            .iter()
            .map(|(kind, location, description, since)| {
                let id = AlarmId {
                    kind: *kind,
                    location: (*location).to_owned(),
                    object: String::new(),
                };
                let condition = Condition {
                    description: (*description).to_owned(),
                    since: since.map(at),
                };
                (id, condition)
            })
            .collect()
    }

    fn in_memory() -> AlarmBoard {
        AlarmBoard::open(&mut Rings::in_memory())
    }

    #[test]
    fn alarms_are_raised_once_and_cleared_with_both_times() {
        let board = in_memory();
        let down = conditions(&[(AlarmKind::LineCardDown, "0/1", "down", None)]);
        let changes = board.update(down.clone(), at(5));
        assert_eq!((changes.raised.len(), changes.cleared.len()), (1, 0));
        assert_eq!(board.update(down, at(6)), Changes::default());
        assert_eq!(board.raised()[0].set_at, at(5));
        let changes = board.update(Conditions::new(), at(9));
        assert_eq!((changes.raised.len(), changes.cleared.len()), (0, 1));
        assert_eq!(board.raised(), []);
        let cleared = &board.cleared()[0];
        assert_eq!((cleared.set_at, cleared.cleared_at), (at(5), at(9)));
    }

    #[test]
    fn a_condition_that_knows_its_beginning_is_set_since_then_and_words_may_change() {
        let board = in_memory();
        let kind = AlarmKind::OutOfCompliance;
        board.update(conditions(&[(kind, "0/RP0/CPU0", "short", Some(1))]), at(5));
        let changes = board.update(conditions(&[(kind, "0/RP0/CPU0", "shorter", Some(1))]), at(6));
        assert_eq!(changes, Changes::default());
        let raised = &board.raised()[0];
        assert_eq!((raised.set_at, raised.description.as_str()), (at(1), "shorter"));
    }

    #[test]
    fn changes_are_told_with_their_severity() {
        let board = in_memory();
        let alarms = conditions(&[
            (
                AlarmKind::OutOfCompliance,
                "0/RP0/CPU0",
                "Licence out of compliance",
                None,
            ),
            (AlarmKind::LineCardDown, "0/1", "Line card is down", None),
        ]);
        let line = |draft: &Draft| {
            let message = draft.clone().logged(1, at(0));
            format!("%{} : {}", message.code(), message.text)
        };
        let raised = board.update(alarms, at(1)).messages();
        assert_eq!(
            raised.iter().map(line).collect::<Vec<_>>(),
            [
                "%PKT_INFRA-FM-3-FAULT_MAJOR : ALARM_MAJOR :LICENSE-OUT-OF-COMPLIANCE :DECLARE :0/RP0/CPU0: Licence out \
                 of compliance",
                "%PKT_INFRA-FM-2-FAULT_CRITICAL : ALARM_CRITICAL :LINE-CARD-DOWN :DECLARE :0/1: Line card is down",
            ]
        );
        let cleared = board.update(Conditions::new(), at(2)).messages();
        assert!(line(&cleared[0]).contains(":LICENSE-OUT-OF-COMPLIANCE :CLEAR :0/RP0/CPU0:"));
    }

    #[test]
    fn what_is_over_is_remembered_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = Arc::new(StateDir::open(folder.path()).unwrap());
        let mut rings = Rings::in_folder(&state_dir);
        let board = AlarmBoard::open(&mut rings);
        let (writer, _) = rings.start().unwrap();
        board.update(
            conditions(&[(AlarmKind::LineCardDown, "0/1", "down", None)]),
            at(1),
        );
        board.update(Conditions::new(), at(2));
        drop(writer);
        let board = AlarmBoard::open(&mut Rings::in_folder(&state_dir));
        assert_eq!(board.cleared()[0].cleared_at, at(2));
    }
}
