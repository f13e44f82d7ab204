//! The reservation parts of `Cisco-IOS-XR-infra-smartlicense-oper`: what is reserved, its codes, and how it covers what is used.

use jiff::Timestamp;

use crate::app::state::licence::date;
use crate::licensing::catalogue::Entitlement;
use crate::licensing::message::reservation::{Coverage, ReservedLicence};
use crate::licensing::state::{AgentState, ReservationStanding, Usage};
use crate::yang::state::StateBuilder;

/// Fills `reservation`, if there is anything to say about it.
pub(super) fn fill_reservation(state: &AgentState, out: &mut StateBuilder<'_>) {
    let reservation = &state.reservation;
    let nothing = reservation.standing == ReservationStanding::NotInstalled
        && reservation.return_code.is_none()
        && reservation.last_error.is_none();
    if nothing && !reservation.enabled {
        return;
    }
    out.container("reservation", |out| {
        out.list("overall-status", &[], |out| fill_overall_status(state, out));
        if let ReservationStanding::Installed { licences, .. } = &reservation.standing {
            for entitlement in reserved_entitlements(licences) {
                out.list("authorization", &[], |out| {
                    fill_authorization(state, entitlement, licences, out);
                });
            }
        }
    });
}

/// Fills `reservation-usage` of an entry of `usage`.
pub(super) fn fill_reservation_usage(
    state: &AgentState,
    usage: &Usage,
    now: Timestamp,
    out: &mut StateBuilder<'_>,
) {
    let (status, reserved) = match &state.reservation.standing {
        ReservationStanding::NotInstalled => ("not-installed", 0),
        ReservationStanding::InProgress { .. } => ("in-progress", 0),
        ReservationStanding::Installed {
            coverage: Coverage::Universal,
            ..
        } => ("plr-installed", 0),
        ReservationStanding::Installed {
            coverage: Coverage::Specific,
            licences,
            ..
        } => {
            let of_it = licences
                .iter()
                .filter(|licence| licence.entitlement == usage.entitlement && licence.holds_at(now));
            ("slr-installed", of_it.map(|licence| licence.count).sum())
        }
    };
    out.container("reservation-usage", |out| {
        out.leaf("reservation-usage-status", status);
        out.leaf("total-reserved-count", reserved);
    });
}

fn fill_overall_status(state: &AgentState, out: &mut StateBuilder<'_>) {
    let reservation = &state.reservation;
    fill_udi(state, out);
    match &reservation.standing {
        ReservationStanding::NotInstalled => out.leaf("install-status", "not-installed"),
        ReservationStanding::InProgress { since, request_code } => {
            out.leaf("install-status", "in-progress");
            out.leaf("status-time", date(*since));
            out.leaf("request-code", request_code);
        }
        ReservationStanding::Installed {
            since,
            coverage,
            confirmation_code,
            authorization_code,
            ..
        } => {
            let kind = match coverage {
                Coverage::Specific => "type-specific",
                Coverage::Universal => "type-universal",
            };
            out.leaf("install-status", kind);
            out.leaf("status-time", date(*since));
            out.leaf("confirmation-code", confirmation_code);
            out.leaf("authorization-code", authorization_code);
            out.leaf(
                "export-control-status",
                match state.export_control_allowed {
                    true => "allowed",
                    false => "not-allowed",
                },
            );
        }
    }
    out.leaf_option("return-code", reservation.return_code.as_deref());
    out.leaf_option("error-message", reservation.last_error.as_deref());
}

fn fill_udi(state: &AgentState, out: &mut StateBuilder<'_>) {
    out.container("udi", |out| {
        out.leaf("pid", &state.udi.pid);
        out.leaf("sn", &state.udi.serial_number);
        out.leaf("vid", &state.vid);
        out.leaf("uuid", &state.udi.uuid);
    });
}

fn fill_authorization(
    state: &AgentState,
    entitlement: Entitlement,
    licences: &[ReservedLicence],
    out: &mut StateBuilder<'_>,
) {
    let entry = entitlement.entry();
    let of_it = || {
        licences
            .iter()
            .filter(|licence| licence.entitlement == entitlement)
    };
    out.leaf("entitlement-tag", entry.tag);
    out.leaf("short-name", entry.short_tag);
    out.leaf("license-name", entry.name);
    out.leaf("description", entry.description);
    out.leaf("total-count", of_it().map(|licence| licence.count).sum::<u32>());
    out.leaf("license-enforcement-type", "not-enforced");
    out.list("term-info", &[], |out| {
        fill_udi(state, out);
        for licence in of_it() {
            out.list("term-count", &[], |out| {
                out.leaf(
                    "type",
                    if licence.end.is_some() {
                        "term"
                    } else {
                        "perpetual"
                    },
                );
                out.leaf("count", licence.count);
                out.leaf_option("start-date", licence.start.map(term_date));
                out.leaf_option("end-date", licence.end.map(term_date));
            });
        }
    });
}

/// In the order in which the code names them.
fn reserved_entitlements(licences: &[ReservedLicence]) -> Vec<Entitlement> {
    let mut entitlements = Vec::new();
    for licence in licences {
        if !entitlements.contains(&licence.entitlement) {
            entitlements.push(licence.entitlement);
        }
    }
    entitlements
}

/// The product's layout of term dates: `2019-JAN-15 UTC`.
fn term_date(at: Timestamp) -> String {
    at.strftime("%Y-%b-%d UTC").to_string().to_uppercase()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::clock::ManualClock;
    use crate::app::licence_driver::still;
    use crate::app::state::licence::LicenceState;
    use crate::app::state::licence::example::{at, state};
    use crate::app::state::shown::{answer, unannounced};
    use crate::licensing::state::{AuthorizationState, Enforcement, RegistrationState, ReservationState};

    fn provider(state: AgentState) -> LicenceState {
        LicenceState {
            licensing: still::licensing(state),
            clock: Arc::new(ManualClock::starting_at(at("2021-09-22T17:18:19Z"))),
        }
    }

    fn shown(state: AgentState, below: &str) -> String {
        assert_eq!(unannounced(provider(state.clone())), Vec::<String>::new());
        let filter = format!(
            "<smart-agent xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-infra-smartlicense-oper\"><licensing><state>
               <state-info>{below}</state-info></state></licensing></smart-agent>"
        );
        let answer = answer(provider(state), &filter);
        let inner = answer.split("<state-info>\n").nth(1).unwrap_or_default();
        inner
            .split("\n</state-info>")
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    fn installed(coverage: Coverage) -> AgentState {
        let installed_at = at("2021-06-21T12:40:52Z");
        let long_haul = ReservedLicence {
            entitlement: Entitlement::LongHaul,
            count: 2,
            start: None,
            end: None,
        };
        let licences = vec![
            long_haul.clone(),
            ReservedLicence {
                count: 3,
                start: Some(at("2019-01-15T00:00:00Z")),
                end: Some(at("2021-01-15T00:00:00Z")),
                ..long_haul
            },
        ];
        let mut state = state();
        state
            .usage
            .retain(|usage| usage.entitlement == Entitlement::LongHaul);
        state.usage[0].enforcement = Enforcement::ReservationInCompliance;
        AgentState {
            registration: RegistrationState::Reserved {
                installed_at,
                coverage,
                smart_account: "BU Production Test".to_owned(),
                virtual_account: "NCS1000".to_owned(),
            },
            authorization: AuthorizationState::Reserved {
                installed_at,
                covered: true,
            },
            reservation: ReservationState {
                enabled: true,
                standing: ReservationStanding::Installed {
                    since: installed_at,
                    coverage,
                    confirmation_code: "17488c1f".to_owned(),
                    authorization_code: "AC1-example".to_owned(),
                    licences: match coverage {
                        Coverage::Specific => licences,
                        Coverage::Universal => Vec::new(),
                    },
                },
                ..ReservationState::default()
            },
            ..state
        }
    }

    #[test]
    fn reserved_licences_are_shown_with_their_terms_and_what_they_cover_now() {
        expect_test::expect![[r#"
            <reservation>
            <overall-status>
            <udi>
            <pid>NCS1004</pid>
            <sn>CAT2249B009</sn>
            <vid>V01</vid>
            <uuid>default-sdr</uuid>
            </udi>
            <install-status>type-specific</install-status>
            <status-time>Jun 21 2021 12:40:52 UTC</status-time>
            <export-control-status>allowed</export-control-status>
            <confirmation-code>17488c1f</confirmation-code>
            <authorization-code>AC1-example</authorization-code>
            </overall-status>
            <authorization>
            <entitlement-tag>regid.2020-11.com.cisco.S_NCS1K4_LONGHAUL,1.0_5355f7c3-9dcf-4980-a105-623f36bbc0a8</entitlement-tag>
            <short-name>S_NCS1K4_LONGHAUL</short-name>
            <license-name>NCS1K4 - Long Haul - 1.2T Line Card</license-name>
            <description>NCS1K4 - Long Haul - 1.2T Line Card</description>
            <total-count>5</total-count>
            <license-enforcement-type>not-enforced</license-enforcement-type>
            <term-info>
            <udi>
            <pid>NCS1004</pid>
            <sn>CAT2249B009</sn>
            <vid>V01</vid>
            <uuid>default-sdr</uuid>
            </udi>
            <term-count>
            <type>perpetual</type>
            <count>2</count>
            </term-count>
            <term-count>
            <type>term</type>
            <count>3</count>
            <start-date>2019-JAN-15 UTC</start-date>
            <end-date>2021-JAN-15 UTC</end-date>
            </term-count>
            </term-info>
            </authorization>
            </reservation>"#]]
        .assert_eq(&shown(installed(Coverage::Specific), "<reservation/>"));
        let usage = shown(
            installed(Coverage::Specific),
            "<usage><reservation-usage/></usage>",
        );
        assert!(
            usage.contains("<reservation-usage-status>slr-installed<"),
            "{usage}"
        );
        assert!(
            usage.contains("<total-reserved-count>2<"),
            "the term of three is over: {usage}"
        );
    }

    #[test]
    fn a_reserved_device_is_registered_and_authorized_by_its_reservation() {
        let covered = shown(installed(Coverage::Universal), "<registration/><authorization/>");
        for words in [
            "<registration-state>complete<",
            "<smart-account>BU Production Test<",
            "<authorization-state>authorized-reservation<",
            "<reservation-time>Jun 21 2021 12:40:52 UTC<",
        ] {
            assert!(covered.contains(words), "{words}: {covered}");
        }
        let usage = shown(installed(Coverage::Universal), "<usage/>");
        assert!(
            usage.contains("<reservation-usage-status>plr-installed<"),
            "{usage}"
        );
        assert!(
            usage.contains("<enforce-mode>reservation-in-compliance<"),
            "{usage}"
        );
        let mut short = installed(Coverage::Specific);
        short.authorization = AuthorizationState::Reserved {
            installed_at: at("2021-06-21T12:40:52Z"),
            covered: false,
        };
        let short = shown(short, "<authorization/>");
        assert!(
            short.contains("<authorization-state>authorization-not-authorized<"),
            "{short}"
        );
    }

    #[test]
    fn a_request_shows_its_code_and_a_return_the_other_and_without_reservation_nothing_shows() {
        let with = |reservation| AgentState {
            reservation,
            ..state()
        };
        let requested = with(ReservationState {
            enabled: true,
            standing: ReservationStanding::InProgress {
                since: at("2021-06-21T12:40:52Z"),
                request_code: "CB-ZNCS1004:CAT2249B009-x-86".to_owned(),
            },
            ..ReservationState::default()
        });
        let requested = shown(requested, "<reservation/>");
        assert!(requested.contains("<install-status>in-progress<"), "{requested}");
        assert!(
            requested.contains("<request-code>CB-ZNCS1004:CAT2249B009-x-86<"),
            "{requested}"
        );
        let returned = with(ReservationState {
            return_code: Some("ChWhde-okvz5f".to_owned()),
            last_error: Some("no authorization code is installed".to_owned()),
            ..ReservationState::default()
        });
        let returned = shown(returned, "<reservation/>");
        assert!(returned.contains("<install-status>not-installed<"), "{returned}");
        assert!(returned.contains("<return-code>ChWhde-okvz5f<"), "{returned}");
        assert!(
            returned.contains("<error-message>no authorization code"),
            "{returned}"
        );
        assert_eq!(shown(state(), "<reservation/>"), "");
    }
}
