//! `Cisco-IOS-XR-alarmgr-server-oper`: alarms that stand and alarms that are over, of the system and by card.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::app::alarm_board::{AlarmBoard, Raised};
use crate::app::alarms::AlarmId;
use crate::management::operational::StateProvider;
use crate::yang::state::StateBuilder;

/// The alarm board.
pub struct AlarmsState {
    /// Where alarms stand.
    pub board: AlarmBoard,
}

/// An alarm as both forms show it.
struct Shown {
    id: AlarmId,
    description: String,
    set_at: Timestamp,
    cleared_at: Option<Timestamp>,
}

impl StateProvider for AlarmsState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-alarmgr-server-oper:alarms"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let active: Vec<Shown> = self.board.raised().into_iter().map(Shown::raised).collect();
        // The latest first, as the command line shows them.
        let history: Vec<Shown> = self
            .board
            .cleared()
            .iter()
            .rev()
            .map(|cleared| Shown {
                id: cleared.id.clone(),
                description: cleared.description.clone(),
                set_at: cleared.set_at,
                cleared_at: Some(cleared.cleared_at),
            })
            .collect();
        let locations: BTreeSet<&str> = active
            .iter()
            .chain(&history)
            .map(|alarm| alarm.id.location.as_str())
            .collect();
        out.container("Cisco-IOS-XR-alarmgr-server-oper:alarms", |out| {
            out.container("detail", |out| {
                out.container("detail-system", |out| {
                    out.container("history", |out| all(&history, Shown::fill_detail, out));
                    out.container("active", |out| all(&active, Shown::fill_detail, out));
                });
                out.container("detail-card", |out| {
                    out.container("detail-locations", |out| {
                        for location in &locations {
                            out.list("detail-location", &[("node-id", location)], |out| {
                                let here = active.iter().filter(|alarm| alarm.id.location == *location);
                                out.container("active", |out| all(here, Shown::fill_detail, out));
                            });
                        }
                    });
                });
            });
            out.container("brief", |out| {
                out.container("brief-system", |out| {
                    out.container("history", |out| all(&history, Shown::fill_brief, out));
                    out.container("active", |out| all(&active, Shown::fill_brief, out));
                });
                out.container("brief-card", |out| {
                    out.container("brief-locations", |out| {
                        for location in &locations {
                            out.list("brief-location", &[("node-id", location)], |out| {
                                let here = |alarm: &&Shown| alarm.id.location == *location;
                                let history = history.iter().filter(here);
                                out.container("history", |out| all(history, Shown::fill_brief, out));
                                let active = active.iter().filter(here);
                                out.container("active", |out| all(active, Shown::fill_brief, out));
                            });
                        }
                    });
                });
            });
        });
    }

    fn tells_changes(&self) -> bool {
        true
    }

    fn provided(&self) -> &'static [&'static str] {
        &PROVIDED
    }
}

fn all<'a>(
    alarms: impl IntoIterator<Item = &'a Shown>,
    fill: fn(&Shown, &mut StateBuilder<'_>),
    out: &mut StateBuilder<'_>,
) {
    for alarm in alarms {
        out.list("alarm-info", &[], |out| fill(alarm, out));
    }
}

impl Shown {
    fn raised(raised: Raised) -> Shown {
        Shown {
            id: raised.id,
            description: raised.description,
            set_at: raised.set_at,
            cleared_at: None,
        }
    }

    /// What both forms have.
    fn fill_brief(&self, out: &mut StateBuilder<'_>) {
        let kind = self.id.kind;
        out.leaf("location", &self.id.location);
        out.leaf("severity", kind.severity().yang_name());
        out.leaf("group", kind.group());
        out.leaf("set-time", time(self.set_at));
        out.leaf("set-timestamp", self.set_at.as_second());
        out.leaf_option("clear-time", self.cleared_at.map(time));
        out.leaf_option("clear-timestamp", self.cleared_at.map(Timestamp::as_second));
        out.leaf("description", shortened(&self.description, 256));
    }

    fn fill_detail(&self, out: &mut StateBuilder<'_>) {
        let kind = self.id.kind;
        self.fill_brief(out);
        out.leaf("aid", shortened(&self.aid(), 128));
        out.leaf("tag", kind.name());
        out.leaf("module", kind.module());
        out.leaf("eid", shortened(&format!("{} {}", kind.name(), self.aid()), 128));
        out.leaf("pending-sync", false);
        out.leaf("status", if self.cleared_at.is_some() { "clear" } else { "set" });
        out.leaf(
            "service-affecting",
            match kind.affects_service() {
                true => "service-affecting",
                false => "not-service-affecting",
            },
        );
        out.leaf("type", "condition");
        out.leaf("alarm-name", kind.name());
    }

    /// The object that it is about: `0/1`, `0/1 mxponder-slice 0`.
    fn aid(&self) -> String {
        let AlarmId { location, object, .. } = &self.id;
        format!("{location} {object}").trim_end().to_owned()
    }
}

/// `05/27/2021 09:54:57 UTC`
fn time(at: Timestamp) -> String {
    at.strftime("%m/%d/%Y %H:%M:%S UTC").to_string()
}

/// What the model has room for, in characters.
fn shortened(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

/// Flattens leaves below prefixes to whole schema paths.
macro_rules! paths {
    ($($prefix:literal => [$($leaf:literal),+ $(,)?]),+ $(,)?) => {
        [$($(concat!($prefix, "/", $leaf)),+),+]
    };
}

static PROVIDED: [&str; 77] = paths![
    "/Cisco-IOS-XR-alarmgr-server-oper:alarms/detail/detail-system/history/alarm-info" => ["location", "severity", "group", "set-time", "set-timestamp", "description", "clear-time", "clear-timestamp", "aid", "tag", "module", "eid", "pending-sync", "status", "service-affecting", "type", "alarm-name"],
    "/Cisco-IOS-XR-alarmgr-server-oper:alarms/detail/detail-system/active/alarm-info" => ["location", "severity", "group", "set-time", "set-timestamp", "description", "aid", "tag", "module", "eid", "pending-sync", "status", "service-affecting", "type", "alarm-name"],
    "/Cisco-IOS-XR-alarmgr-server-oper:alarms/detail/detail-card/detail-locations/detail-location/active/alarm-info" => ["location", "severity", "group", "set-time", "set-timestamp", "description", "aid", "tag", "module", "eid", "pending-sync", "status", "service-affecting", "type", "alarm-name"],
    "/Cisco-IOS-XR-alarmgr-server-oper:alarms/brief/brief-system/history/alarm-info" => ["location", "severity", "group", "set-time", "set-timestamp", "description", "clear-time", "clear-timestamp"],
    "/Cisco-IOS-XR-alarmgr-server-oper:alarms/brief/brief-system/active/alarm-info" => ["location", "severity", "group", "set-time", "set-timestamp", "description"],
    "/Cisco-IOS-XR-alarmgr-server-oper:alarms/brief/brief-card/brief-locations/brief-location/history/alarm-info" => ["location", "severity", "group", "set-time", "set-timestamp", "description", "clear-time", "clear-timestamp"],
    "/Cisco-IOS-XR-alarmgr-server-oper:alarms/brief/brief-card/brief-locations/brief-location/active/alarm-info" => ["location", "severity", "group", "set-time", "set-timestamp", "description"],
    "/Cisco-IOS-XR-alarmgr-server-oper:alarms/detail/detail-card/detail-locations/detail-location" => ["node-id"],
    "/Cisco-IOS-XR-alarmgr-server-oper:alarms/brief/brief-card/brief-locations/brief-location" => ["node-id"],
];

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::app::alarms::{AlarmKind, Condition, Conditions};
    use crate::app::state::shown::{answer, unannounced};
    use crate::app::syslog::durable_ring::Rings;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Out of compliance since the chapter's moment; card 0/1 was down before.
    fn state() -> AlarmsState {
        let board = AlarmBoard::open(&mut Rings::in_memory());
        let condition = |kind, location: &str, object: &str, description: &str| {
            let id = AlarmId {
                kind,
                location: location.to_owned(),
                object: object.to_owned(),
            };
            let description = description.to_owned();
            (
                id,
                Condition {
                    description,
                    since: None,
                },
            )
        };
        let down = condition(
            AlarmKind::LineCardDown,
            "0/1",
            "",
            "Line card NCS1K4-QXP-L-K9 is down",
        );
        board.update(Conditions::from([down]), at("2021-05-27T08:00:00Z"));
        board.update(Conditions::new(), at("2021-05-27T08:05:00Z"));
        let ooc = condition(
            AlarmKind::OutOfCompliance,
            "0/RP0/CPU0",
            "",
            "Licence out of compliance",
        );
        let reason = "x".repeat(400);
        let failed = condition(AlarmKind::SliceConfigFailure, "0/1", "mxponder-slice 0", &reason);
        board.update(Conditions::from([ooc, failed]), at("2021-05-27T09:54:57.783Z"));
        AlarmsState { board }
    }

    const NS: &str = "http://cisco.com/ns/yang/Cisco-IOS-XR-alarmgr-server-oper";

    #[test]
    fn active_alarms_show_as_in_the_recorded_document() {
        let filter = format!(
            "<alarms xmlns=\"{NS}\"><brief><brief-system><active><alarm-info><group>software</group></alarm-info>
             </active></brief-system></brief></alarms>"
        );
        expect![[r#"
            <alarms xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-alarmgr-server-oper">
            <brief>
            <brief-system>
            <active>
            <alarm-info>
            <location>0/RP0/CPU0</location>
            <severity>major</severity>
            <group>software</group>
            <set-time>05/27/2021 09:54:57 UTC</set-time>
            <set-timestamp>1622109297</set-timestamp>
            <description>Licence out of compliance</description>
            </alarm-info>
            </active>
            </brief-system>
            </brief>
            </alarms>"#]]
        .assert_eq(&answer(state(), &filter));
    }

    #[test]
    fn an_alarm_in_full_names_its_object_and_whether_traffic_suffers() {
        let filter = format!(
            "<alarms xmlns=\"{NS}\"><detail><detail-card><detail-locations><detail-location>
             <node-id>0/1</node-id></detail-location></detail-locations></detail-card></detail></alarms>"
        );
        let shown = answer(state(), &filter).replace(&"x".repeat(256), "(256 letters)");
        expect![[r#"
            <alarms xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-alarmgr-server-oper">
            <detail>
            <detail-card>
            <detail-locations>
            <detail-location>
            <node-id>0/1</node-id>
            <active>
            <alarm-info>
            <description>(256 letters)</description>
            <location>0/1</location>
            <aid>0/1 mxponder-slice 0</aid>
            <tag>SLICE-CONFIG-FAILURE</tag>
            <module>osa</module>
            <eid>SLICE-CONFIG-FAILURE 0/1 mxponder-slice 0</eid>
            <pending-sync>false</pending-sync>
            <severity>major</severity>
            <status>set</status>
            <group>slice</group>
            <set-time>05/27/2021 09:54:57 UTC</set-time>
            <set-timestamp>1622109297</set-timestamp>
            <service-affecting>service-affecting</service-affecting>
            <type>condition</type>
            <alarm-name>SLICE-CONFIG-FAILURE</alarm-name>
            </alarm-info>
            </active>
            </detail-location>
            </detail-locations>
            </detail-card>
            </detail>
            </alarms>"#]]
        .assert_eq(&shown);
    }

    #[test]
    fn an_alarm_that_is_over_is_in_the_history_with_both_times() {
        let filter = format!("<alarms xmlns=\"{NS}\"><brief><brief-card/></brief></alarms>");
        let shown = answer(state(), &filter);
        for leaf in [
            "<set-time>05/27/2021 08:00:00 UTC</set-time>",
            "<clear-time>05/27/2021 08:05:00 UTC</clear-time>",
            "<node-id>0/RP0/CPU0</node-id>",
        ] {
            assert!(shown.contains(leaf), "{leaf} is missing: {shown}");
        }
    }

    #[test]
    fn every_leaf_that_is_filled_is_announced() {
        assert_eq!(unannounced(state()), [""; 0]);
    }
}
