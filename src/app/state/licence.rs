//! `Cisco-IOS-XR-infra-smartlicense-oper`: registration, authorization, evaluation, transport, privacy, UDI and usage.

use std::sync::Arc;

use jiff::Timestamp;

use crate::app::clock::Clock;
use crate::app::licence_driver::Licensing;
use crate::app::state::licence_reservation::{fill_reservation, fill_reservation_usage};
use crate::licensing::configuration::Transport;
use crate::licensing::evaluation::Evaluation;
use crate::licensing::state::{AgentState, AuthorizationState, RegistrationState, Usage};
use crate::licensing::trust::{Outcome, Standing};
use crate::management::operational::StateProvider;
use crate::yang::state::StateBuilder;

/// How licensing stands, as the product's own model has it.
pub struct LicenceState {
    /// The agent.
    pub licensing: Licensing,
    /// The time, for what is left of the evaluation period.
    pub clock: Arc<dyn Clock>,
}

impl StateProvider for LicenceState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-infra-smartlicense-oper:smart-agent"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let state = self.licensing.state();
        let now = self.clock.now();
        out.container("Cisco-IOS-XR-infra-smartlicense-oper:smart-agent", |out| {
            out.container("licensing", |out| {
                out.container("state", |out| {
                    out.container("state-info", |out| fill_state_info(&state, now, out));
                    out.leaf("always-enabled", "yes");
                    out.leaf("smart-enabled", yes(state.configuration.enabled));
                    out.leaf("version", &state.agent_version);
                });
            });
        });
    }

    fn tells_changes(&self) -> bool {
        true
    }

    fn moving(&self) -> &'static [&'static str] {
        MOVING
    }

    fn provided(&self) -> &'static [&'static str] {
        PROVIDED
    }
}

/// What is left of a period becomes less every second.
const MOVING: &[&str] = &[
    "/Cisco-IOS-XR-infra-smartlicense-oper:smart-agent/licensing/state/state-info/authorization/authorization-eval/\
     evaluation-time-left/seconds-left",
    "/Cisco-IOS-XR-infra-smartlicense-oper:smart-agent/licensing/state/state-info/evaluation/eval-period-left/time-left",
];

fn fill_state_info(state: &AgentState, now: Timestamp, out: &mut StateBuilder<'_>) {
    out.container("registration", |out| fill_registration(state, out));
    out.container("authorization", |out| fill_authorization(state, now, out));
    out.container("utility", |out| {
        out.leaf("utility-enable", "no");
        out.leaf("reporting", "none");
    });
    out.container("transport", |out| fill_transport(state, out));
    out.container("privacy", |out| {
        // Here yes means withheld.
        out.leaf("host-name", yes(state.configuration.host_name_withheld));
        out.leaf("version", yes(state.configuration.version_withheld));
    });
    out.container("evaluation", |out| fill_evaluation(state, now, out));
    out.container("udi", |out| {
        out.leaf("pid", &state.udi.pid);
        out.leaf("sn", &state.udi.serial_number);
        out.leaf("vid", &state.vid);
        out.leaf("uuid", &state.udi.uuid);
    });
    out.container("export-authorization-keys", |out| {
        out.container("export-features-authorized", |out| out.leaf("num-elements", 0));
    });
    fill_reservation(state, out);
    out.leaf("conversion-enabled", "no");
    for usage in &state.usage {
        out.list("usage", &[], |out| {
            fill_usage(usage, out);
            fill_reservation_usage(state, usage, now, out);
        });
    }
}

fn fill_registration(state: &AgentState, out: &mut StateBuilder<'_>) {
    let name = match &state.registration {
        RegistrationState::NotRegistered => "not-registered",
        RegistrationState::InProgress { started_at } => {
            out.container("registration-in-progress", |out| {
                out.leaf("start-time", date(*started_at))
            });
            "in-progress"
        }
        RegistrationState::Failed { failed_at, reason } => {
            out.container("registration-failed", |out| {
                out.leaf("fail-time", date(*failed_at));
                out.leaf("fail-message", reason);
            });
            "failed"
        }
        RegistrationState::Retry {
            failed_at,
            reason,
            retry_at,
        } => {
            out.container("registration-retry", |out| {
                out.container("registration-info", |out| {
                    out.leaf("fail-time", date(*failed_at));
                    out.leaf("fail-message", reason);
                });
                out.leaf("retry-next-time", date(*retry_at));
            });
            "retry"
        }
        RegistrationState::Complete {
            completed_at,
            last_renewal,
            renew_at,
            expires_at,
            smart_account,
            virtual_account,
        } => {
            out.container("registration-complete", |out| {
                out.leaf("complete-time", date(*completed_at));
                out.leaf_option(
                    "last-renew-time",
                    last_renewal.as_ref().map(|renewal| date(renewal.at)),
                );
                out.leaf("next-renew-time", date(*renew_at));
                out.leaf("expire-time", date(*expires_at));
                out.leaf("last-renew-success", yes(succeeded(last_renewal.as_ref())));
                out.leaf_option("fail-message", failure(last_renewal.as_ref()));
                out.leaf("smart-account", smart_account);
                out.leaf("virtual-account", virtual_account);
            });
            "complete"
        }
        RegistrationState::Reserved {
            installed_at,
            smart_account,
            virtual_account,
            ..
        } => {
            out.container("registration-complete", |out| {
                out.leaf("complete-time", date(*installed_at));
                out.leaf("smart-account", smart_account);
                out.leaf("virtual-account", virtual_account);
            });
            "complete"
        }
    };
    out.leaf("registration-state", name);
    out.leaf("export-control-allowed", yes(state.export_control_allowed));
    out.leaf(
        "export-control-status",
        match state.export_control_allowed {
            true => "allowed",
            false => "not-allowed",
        },
    );
}

fn fill_authorization(state: &AgentState, now: Timestamp, out: &mut StateBuilder<'_>) {
    let name = match &state.authorization {
        AuthorizationState::None => "none",
        AuthorizationState::Evaluation => {
            out.container("authorization-eval", |out| {
                out.container("evaluation-time-left", |out| {
                    out.leaf("seconds-left", seconds_left(state, now));
                });
            });
            "eval"
        }
        AuthorizationState::EvaluationExpired { at } => {
            out.container("authorization-eval-expired", |out| {
                out.leaf("expire-time", date(*at))
            });
            "eval-expired"
        }
        AuthorizationState::Registered {
            standing,
            last_exchange,
            next_exchange,
            deadline,
        } => {
            let mut info = |container: &str, since: Option<Timestamp>| {
                out.container(container, |out| {
                    out.container("authorization-info", |out| {
                        out.leaf("last-comm-status-success", yes(succeeded(last_exchange.as_ref())));
                        out.leaf_option("fail-message", failure(last_exchange.as_ref()));
                        out.leaf_option("last-comm-time", last_exchange.as_ref().map(|last| date(last.at)));
                        out.leaf("next-comm-time", date(*next_exchange));
                        out.leaf("comm-deadline-time", date(*deadline));
                    });
                    out.leaf_option("ooc-time", since.map(date));
                });
            };
            match standing {
                Standing::Waiting | Standing::Idle => "none",
                Standing::Authorized => {
                    info("authorization-authorized", None);
                    "authorized"
                }
                Standing::OutOfCompliance { since } => {
                    info("authorization-out-of-compliance", Some(*since));
                    "out-of-compliance"
                }
                Standing::Expired { .. } => {
                    info("authorization-authorization-expired", None);
                    "authorization-expired"
                }
            }
        }
        AuthorizationState::Reserved {
            installed_at,
            covered: true,
        } => {
            out.container("authorization-authorized-reservation", |out| {
                out.leaf("reservation-time", date(*installed_at));
            });
            "authorized-reservation"
        }
        AuthorizationState::Reserved { covered: false, .. } => "authorization-not-authorized",
    };
    out.leaf("authorization-state", name);
}

fn fill_transport(state: &AgentState, out: &mut StateBuilder<'_>) {
    let destination = state.configuration.destination.as_ref().ok();
    match state.configuration.transport {
        Transport::CallHome => out.leaf("transport-type", "callhome"),
        Transport::Smart => {
            out.container("url-settings", |out| {
                out.leaf_option(
                    "url-registration",
                    destination.map(|destination| &destination.url),
                );
            });
            out.leaf("transport-type", "smart");
        }
    }
    if let Some(proxy) = destination.and_then(|destination| destination.proxy.as_ref()) {
        out.container("proxy-info", |out| {
            out.leaf("address", &proxy.host);
            out.leaf("port", proxy.port);
        });
    }
}

fn fill_evaluation(state: &AgentState, now: Timestamp, out: &mut StateBuilder<'_>) {
    let (in_use, expire_time) = match state.evaluation {
        Evaluation::Stopped { .. } => (false, None),
        Evaluation::Running { .. } => (true, state.evaluation.expires_at()),
        Evaluation::Expired { at } => (false, Some(at)),
    };
    out.container("eval-period-left", |out| {
        out.leaf("time-left", seconds_left(state, now))
    });
    out.container("eval-expire-time", |out| {
        out.leaf_option("expire-time", expire_time.map(date))
    });
    out.leaf("eval-in-use", yes(in_use));
    out.leaf(
        "eval-expired",
        yes(matches!(state.evaluation, Evaluation::Expired { .. })),
    );
}

fn fill_usage(usage: &Usage, out: &mut StateBuilder<'_>) {
    let entry = usage.entitlement.entry();
    out.leaf("entitlement-tag", entry.tag);
    out.leaf("short-name", entry.short_tag);
    out.leaf("license-name", entry.name);
    out.leaf("description", entry.description);
    out.leaf("count", usage.count);
    out.leaf("enforce-mode", usage.enforcement.yang_name());
    out.leaf("post-paid", "no");
    out.leaf("export-entitlement-status", "not-restricted");
}

/// The product's layout of dates in licence state: `Jun 21 2021 12:40:52 UTC`.
pub(super) fn date(at: Timestamp) -> String {
    at.strftime("%b %d %Y %H:%M:%S UTC").to_string()
}

fn yes(it_is: bool) -> &'static str {
    match it_is {
        true => "yes",
        false => "no",
    }
}

fn succeeded(outcome: Option<&Outcome>) -> bool {
    outcome.is_some_and(|outcome| outcome.failure.is_none())
}

fn failure(outcome: Option<&Outcome>) -> Option<&str> {
    outcome?.failure.as_deref()
}

fn seconds_left(state: &AgentState, now: Timestamp) -> u64 {
    u64::try_from(state.evaluation.left(now).as_secs()).unwrap_or(0)
}

macro_rules! below {
    ($($path:literal),* $(,)?) => {
        &[$(concat!("/Cisco-IOS-XR-infra-smartlicense-oper:smart-agent/licensing/state/", $path)),*]
    };
}

const PROVIDED: &[&str] = below![
    "state-info/registration/registration-in-progress/start-time",
    "state-info/registration/registration-failed/fail-time",
    "state-info/registration/registration-failed/fail-message",
    "state-info/registration/registration-retry/registration-info/fail-time",
    "state-info/registration/registration-retry/registration-info/fail-message",
    "state-info/registration/registration-retry/retry-next-time",
    "state-info/registration/registration-complete/complete-time",
    "state-info/registration/registration-complete/last-renew-time",
    "state-info/registration/registration-complete/next-renew-time",
    "state-info/registration/registration-complete/expire-time",
    "state-info/registration/registration-complete/last-renew-success",
    "state-info/registration/registration-complete/fail-message",
    "state-info/registration/registration-complete/smart-account",
    "state-info/registration/registration-complete/virtual-account",
    "state-info/registration/registration-state",
    "state-info/registration/export-control-allowed",
    "state-info/registration/export-control-status",
    "state-info/authorization/authorization-eval/evaluation-time-left/seconds-left",
    "state-info/authorization/authorization-eval-expired/expire-time",
    "state-info/authorization/authorization-authorized/authorization-info/last-comm-status-success",
    "state-info/authorization/authorization-authorized/authorization-info/fail-message",
    "state-info/authorization/authorization-authorized/authorization-info/last-comm-time",
    "state-info/authorization/authorization-authorized/authorization-info/next-comm-time",
    "state-info/authorization/authorization-authorized/authorization-info/comm-deadline-time",
    "state-info/authorization/authorization-out-of-compliance/authorization-info/last-comm-status-success",
    "state-info/authorization/authorization-out-of-compliance/authorization-info/fail-message",
    "state-info/authorization/authorization-out-of-compliance/authorization-info/last-comm-time",
    "state-info/authorization/authorization-out-of-compliance/authorization-info/next-comm-time",
    "state-info/authorization/authorization-out-of-compliance/authorization-info/comm-deadline-time",
    "state-info/authorization/authorization-out-of-compliance/ooc-time",
    "state-info/authorization/authorization-authorization-expired/authorization-info/last-comm-status-success",
    "state-info/authorization/authorization-authorization-expired/authorization-info/fail-message",
    "state-info/authorization/authorization-authorization-expired/authorization-info/last-comm-time",
    "state-info/authorization/authorization-authorization-expired/authorization-info/next-comm-time",
    "state-info/authorization/authorization-authorization-expired/authorization-info/comm-deadline-time",
    "state-info/authorization/authorization-authorized-reservation/reservation-time",
    "state-info/authorization/authorization-state",
    "state-info/utility/utility-enable",
    "state-info/utility/reporting",
    "state-info/transport/url-settings/url-registration",
    "state-info/transport/proxy-info/address",
    "state-info/transport/proxy-info/port",
    "state-info/transport/transport-type",
    "state-info/privacy/host-name",
    "state-info/privacy/version",
    "state-info/evaluation/eval-period-left/time-left",
    "state-info/evaluation/eval-expire-time/expire-time",
    "state-info/evaluation/eval-in-use",
    "state-info/evaluation/eval-expired",
    "state-info/udi/pid",
    "state-info/udi/sn",
    "state-info/udi/vid",
    "state-info/udi/uuid",
    "state-info/export-authorization-keys/export-features-authorized/num-elements",
    "state-info/reservation/overall-status/udi/pid",
    "state-info/reservation/overall-status/udi/sn",
    "state-info/reservation/overall-status/udi/vid",
    "state-info/reservation/overall-status/udi/uuid",
    "state-info/reservation/overall-status/install-status",
    "state-info/reservation/overall-status/status-time",
    "state-info/reservation/overall-status/export-control-status",
    "state-info/reservation/overall-status/request-code",
    "state-info/reservation/overall-status/return-code",
    "state-info/reservation/overall-status/confirmation-code",
    "state-info/reservation/overall-status/authorization-code",
    "state-info/reservation/overall-status/error-message",
    "state-info/reservation/authorization/entitlement-tag",
    "state-info/reservation/authorization/short-name",
    "state-info/reservation/authorization/license-name",
    "state-info/reservation/authorization/description",
    "state-info/reservation/authorization/total-count",
    "state-info/reservation/authorization/license-enforcement-type",
    "state-info/reservation/authorization/term-info/udi/pid",
    "state-info/reservation/authorization/term-info/udi/sn",
    "state-info/reservation/authorization/term-info/udi/vid",
    "state-info/reservation/authorization/term-info/udi/uuid",
    "state-info/reservation/authorization/term-info/term-count/type",
    "state-info/reservation/authorization/term-info/term-count/count",
    "state-info/reservation/authorization/term-info/term-count/start-date",
    "state-info/reservation/authorization/term-info/term-count/end-date",
    "state-info/conversion-enabled",
    "state-info/usage/reservation-usage/reservation-usage-status",
    "state-info/usage/reservation-usage/total-reserved-count",
    "state-info/usage/entitlement-tag",
    "state-info/usage/short-name",
    "state-info/usage/license-name",
    "state-info/usage/description",
    "state-info/usage/count",
    "state-info/usage/enforce-mode",
    "state-info/usage/post-paid",
    "state-info/usage/export-entitlement-status",
    "always-enabled",
    "smart-enabled",
    "version",
];

#[cfg(test)]
pub mod example {
    //! The chapter's Example 1 as a state.

    use std::sync::Arc;

    use jiff::{SignedDuration, Timestamp};

    use crate::licensing::catalogue::Entitlement;
    use crate::licensing::configuration::{Configuration, Destination};
    use crate::licensing::consumption::{Consumption, Use};
    use crate::licensing::contribution::{Contribution, Item, Rule};
    use crate::licensing::evaluation::Evaluation;
    use crate::licensing::message::Udi;
    use crate::licensing::state::{
        AgentState, AuthorizationState, Enforcement, ExchangeState, LicenceStatus, RegistrationState, Report,
        ReservationState, Rounds, Usage,
    };
    use crate::licensing::trust::{Outcome, Standing};

    /// A moment of that day.
    pub fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Registered and authorized, four entitlements in use.
    pub fn state() -> AgentState {
        let counts = [
            (Entitlement::Subsea, 3),
            (Entitlement::Client100G, 18),
            (Entitlement::Client100GEncrypted, 2),
            (Entitlement::LongHaul, 2),
        ];
        let location = "0/0".parse().unwrap();
        let long_haul = Contribution {
            item: Item::Trunk(location, 1),
            amount: 1,
            rule: Rule::LongHaulRange("3".parse().unwrap()),
        };
        let used = Use {
            count: 1,
            contributions: vec![long_haul],
        };
        AgentState {
            udi: Udi {
                pid: "NCS1004".to_owned(),
                serial_number: "CAT2249B009".to_owned(),
                uuid: "default-sdr".to_owned(),
            },
            vid: "V01".to_owned(),
            agent_version: "4.13.32_rel/85".to_owned(),
            configuration: Configuration {
                destination: Ok(Destination::of(
                    "http://127.0.0.1:8080/its/service/oddce/services/DDCEService",
                )),
                ..Configuration::default()
            },
            status: LicenceStatus::Authorized,
            status_since: at("2021-06-21T12:42:00Z"),
            registration: RegistrationState::Complete {
                completed_at: at("2021-06-21T12:40:52Z"),
                last_renewal: None,
                renew_at: at("2021-12-18T12:40:51Z"),
                expires_at: at("2022-06-21T12:35:49Z"),
                smart_account: "BU Production Test".to_owned(),
                virtual_account: "NCS1000".to_owned(),
            },
            export_control_allowed: true,
            authorization: AuthorizationState::Registered {
                standing: Standing::Authorized,
                last_exchange: Some(Outcome {
                    at: at("2021-09-09T11:45:43Z"),
                    failure: None,
                }),
                next_exchange: at("2021-10-09T11:45:42Z"),
                deadline: at("2021-12-08T11:40:41Z"),
            },
            reservation: ReservationState::default(),
            evaluation: Evaluation::default(),
            usage: counts
                .map(|(entitlement, count)| Usage {
                    entitlement,
                    count,
                    enforcement: Enforcement::InCompliance,
                })
                .into(),
            reports: counts
                .map(|(entitlement, count)| Report {
                    entitlement,
                    last: count,
                    next: 0,
                })
                .into(),
            consumption: Arc::new(Consumption {
                entitlements: [(Entitlement::LongHaul, used)].into(),
                unknown_cards: Vec::new(),
            }),
            doubt: None,
            exchange: ExchangeState {
                in_flight: None,
                last_error: None,
                last_fault: None,
                next_attempt: Some(at("2021-10-09T11:45:42Z")),
                sequence: 7,
            },
            collection: Rounds::starting(at("2019-02-11T15:57:53Z"), SignedDuration::from_mins(60)),
            reporting: Rounds::starting(at("2019-02-11T15:57:53Z"), SignedDuration::from_mins(1440)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::example::{at, state};
    use super::*;
    use crate::app::clock::ManualClock;
    use crate::app::licence_driver::still;
    use crate::app::state::shown::{answer, unannounced};
    use crate::licensing::configuration::{Destination, Proxy};
    use crate::licensing::evaluation::EVALUATION_PERIOD;

    const FILTER: &str =
        "<smart-agent xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-infra-smartlicense-oper\"/>";

    fn provider(state: AgentState) -> LicenceState {
        LicenceState {
            licensing: still::licensing(state),
            clock: Arc::new(ManualClock::starting_at(at("2021-09-22T17:18:19Z"))),
        }
    }

    fn shown(state: AgentState) -> String {
        assert_eq!(unannounced(provider(state.clone())), Vec::<String>::new());
        answer(provider(state), FILTER)
    }

    fn values(document: &str, leaf: &str) -> Vec<String> {
        let (open, close) = (format!("<{leaf}>"), format!("</{leaf}>"));
        document
            .split(open.as_str())
            .skip(1)
            .map(|rest| rest.split(close.as_str()).next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn example_1_of_the_chapter_is_shown_with_its_values_in_its_order() {
        let shown = shown(state());
        let document =
            include_str!("../../../tests/data/payloads/valid/d01-licence-all.xml").replace(" IST<", " UTC<");
        for leaf in [
            "complete-time",
            "next-renew-time",
            "expire-time",
            "last-renew-success",
            "smart-account",
            "virtual-account",
            "registration-state",
            "export-control-allowed",
            "export-control-status",
            "last-comm-status-success",
            "last-comm-time",
            "next-comm-time",
            "comm-deadline-time",
            "authorization-state",
            "utility-enable",
            "transport-type",
            "host-name",
            "sn",
            "uuid",
            "short-name",
            "license-name",
            "description",
            "count",
            "enforce-mode",
            "post-paid",
            "export-entitlement-status",
            "always-enabled",
            "smart-enabled",
        ] {
            assert_eq!(values(&shown, leaf), values(&document, leaf), "{leaf}");
        }
        assert!(
            shown.contains(
                "regid.2018-05.com.cisco.S-NCS1K4-LIC-100G=,1.0_03df009f-5ac5-48da-af50-4279ddea5e24"
            )
        );
    }

    #[test]
    fn a_filter_for_two_states_gets_only_them() {
        let filter = "<smart-agent xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-infra-smartlicense-oper\"><licensing>
            <state><state-info><registration><registration-state/></registration><authorization><authorization-state/>
            </authorization></state-info></state></licensing></smart-agent>";
        expect_test::expect![[r#"
            <smart-agent xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-infra-smartlicense-oper">
            <licensing>
            <state>
            <state-info>
            <registration>
            <registration-state>complete</registration-state>
            </registration>
            <authorization>
            <authorization-state>authorized</authorization-state>
            </authorization>
            </state-info>
            </state>
            </licensing>
            </smart-agent>"#]]
        .assert_eq(&answer(provider(state()), filter));
    }

    #[test]
    fn a_fresh_device_is_not_registered_and_shows_its_ninety_days() {
        let fresh = AgentState {
            registration: RegistrationState::NotRegistered,
            export_control_allowed: false,
            authorization: AuthorizationState::Evaluation,
            evaluation: Evaluation::Running {
                left: EVALUATION_PERIOD,
                since: at("2021-09-22T17:18:09Z"),
            },
            ..state()
        };
        let shown = shown(fresh);
        assert_eq!(values(&shown, "registration-state"), ["not-registered"]);
        assert_eq!(values(&shown, "authorization-state"), ["eval"]);
        assert_eq!(values(&shown, "seconds-left"), ["7775990"]);
        assert_eq!(values(&shown, "time-left"), ["7775990"]);
        assert_eq!(values(&shown, "eval-in-use"), ["yes"]);
        assert_eq!(values(&shown, "expire-time"), ["Dec 21 2021 17:18:09 UTC"]);
        assert_eq!(values(&shown, "export-control-status"), ["not-allowed"]);
    }

    #[test]
    fn failures_of_registration_are_shown_with_their_words() {
        let reason = "the server answered with HTTP status 502 Bad Gateway".to_owned();
        let retry = shown(AgentState {
            registration: RegistrationState::Retry {
                failed_at: at("2021-09-09T00:00:00Z"),
                reason: reason.clone(),
                retry_at: at("2021-09-10T00:00:00Z"),
            },
            ..state()
        });
        assert_eq!(values(&retry, "registration-state"), ["retry"]);
        assert_eq!(values(&retry, "retry-next-time"), ["Sep 10 2021 00:00:00 UTC"]);
        let failed = shown(AgentState {
            registration: RegistrationState::Failed {
                failed_at: at("2021-09-09T00:00:00Z"),
                reason: reason.clone(),
            },
            ..state()
        });
        assert_eq!(values(&failed, "registration-state"), ["failed"]);
        assert_eq!(values(&failed, "fail-message"), [reason]);
        let going_on = shown(AgentState {
            registration: RegistrationState::InProgress {
                started_at: at("2021-09-09T00:00:00Z"),
            },
            ..state()
        });
        assert_eq!(values(&going_on, "registration-state"), ["in-progress"]);
    }

    #[test]
    fn out_of_compliance_shows_since_when_and_expiry_shows_the_last_failure() {
        let with = |standing| AgentState {
            authorization: AuthorizationState::Registered {
                standing,
                last_exchange: Some(Outcome {
                    at: at("2021-09-09T11:45:43Z"),
                    failure: Some("no answer".to_owned()),
                }),
                next_exchange: at("2021-10-09T11:45:42Z"),
                deadline: at("2021-12-08T11:40:41Z"),
            },
            ..state()
        };
        let since = at("2021-09-01T00:00:00Z");
        let short = shown(with(Standing::OutOfCompliance { since }));
        assert_eq!(values(&short, "authorization-state"), ["out-of-compliance"]);
        assert_eq!(values(&short, "ooc-time"), ["Sep 01 2021 00:00:00 UTC"]);
        let expired = shown(with(Standing::Expired { since }));
        assert_eq!(values(&expired, "authorization-state"), ["authorization-expired"]);
        assert_eq!(values(&expired, "fail-message"), ["no answer"]);
        assert_eq!(
            values(&shown(with(Standing::Idle)), "authorization-state"),
            ["none"]
        );
    }

    #[test]
    fn smart_transport_shows_its_url_and_proxy() {
        let mut smart = state();
        smart.configuration.transport = Transport::Smart;
        smart.configuration.destination = Ok(Destination {
            url: "https://cssm.example.net/licservice/license".to_owned(),
            alternatives: Vec::new(),
            proxy: Some(Proxy {
                host: "proxy.example.net".to_owned(),
                port: 3128,
            }),
        });
        let shown = shown(smart);
        assert_eq!(values(&shown, "transport-type"), ["smart"]);
        assert_eq!(
            values(&shown, "url-registration"),
            ["https://cssm.example.net/licservice/license"]
        );
        assert_eq!(values(&shown, "port"), ["3128"]);
    }
}
