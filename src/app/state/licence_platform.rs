//! `Cisco-IOS-XR-smart-license-platform-oper` and `ponder-licence-state`: rounds and reports, and why what is counted.

use jiff::Timestamp;

use crate::app::device_driver::Device;
use crate::app::licence_driver::Licensing;
use crate::app::licence_explanation::fill_explanation;
use crate::device::hardware::SliceStatus;
use crate::licensing::state::{AgentState, Report, Rounds};
use crate::management::operational::StateProvider;
use crate::yang::state::StateBuilder;

/// What the platform collects and reports.
pub struct LicencePlatformState {
    /// The agent.
    pub licensing: Licensing,
}

impl StateProvider for LicencePlatformState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let state = self.licensing.state();
        out.container(
            "Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license",
            |out| {
                out.container("detail", |out| {
                    fill_rounds(&state, out);
                    out.container("parameters", |out| {
                        out.leaf("collection-interval", minutes(state.collection));
                        out.leaf("reporting-interval", minutes(state.reporting));
                        out.leaf("throughput-guage", THROUGHPUT_GAUGE_KBPS);
                    });
                    out.container("feature-details", |out| fill_feature(&state, out));
                });
                out.container("summary", |out| {
                    fill_rounds(&state, out);
                    for report in &state.reports {
                        out.list("license", &[], |out| {
                            fill_count(report, out);
                            out.leaf("feature-area", "system");
                            out.leaf("entitlement", report.entitlement.entry().name);
                        });
                    }
                });
            },
        );
    }

    fn tells_changes(&self) -> bool {
        true
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/collection/last",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/collection/next",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/reporting/last",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/reporting/next",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/parameters/collection-interval",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/parameters/reporting-interval",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/parameters/throughput-guage",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/feature-details/flags/need-running-config",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/feature-details/flags/need-throughput",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/feature-details/name",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/feature-details/status",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/feature-details/entitlement/count/last",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/feature-details/entitlement/count/next",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/feature-details/entitlement/name",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/detail/feature-details/entitlement/entitlement-tag",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/summary/collection/last",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/summary/collection/next",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/summary/reporting/last",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/summary/reporting/next",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/summary/license/count/last",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/summary/license/count/next",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/summary/license/feature-area",
            "/Cisco-IOS-XR-smart-license-platform-oper:plat-smart-license/summary/license/entitlement",
        ]
    }
}

/// L-079: constant in every sample.
const THROUGHPUT_GAUGE_KBPS: u32 = 1_000_000;

fn fill_rounds(state: &AgentState, out: &mut StateBuilder<'_>) {
    for (name, rounds) in [("collection", state.collection), ("reporting", state.reporting)] {
        out.container(name, |out| {
            out.leaf("last", weekday_date(rounds.last));
            out.leaf("next", weekday_date(rounds.next));
        });
    }
}

fn fill_feature(state: &AgentState, out: &mut StateBuilder<'_>) {
    out.container("flags", |out| {
        out.leaf("need-running-config", "yes");
        out.leaf("need-throughput", "no");
    });
    out.leaf("name", "system");
    out.leaf("status", "active");
    for report in &state.reports {
        out.list("entitlement", &[], |out| {
            fill_count(report, out);
            out.leaf("name", report.entitlement.entry().name);
            out.leaf("entitlement-tag", report.entitlement.entry().tag);
        });
    }
}

fn fill_count(report: &Report, out: &mut StateBuilder<'_>) {
    out.container("count", |out| {
        out.leaf("last", report.last);
        out.leaf("next", report.next);
    });
}

fn minutes(rounds: Rounds) -> i64 {
    rounds.next.duration_since(rounds.last).as_mins()
}

/// The product's layout of dates in platform state: `Mon Feb 11 2019 15:57:53 UTC`.
fn weekday_date(at: Timestamp) -> String {
    at.strftime("%a %b %d %Y %H:%M:%S UTC").to_string()
}

/// What no XR model has a leaf for.
pub struct PonderLicenceState {
    /// The agent.
    pub licensing: Licensing,
    /// Knows the slices that a card cannot carry.
    pub device: Device,
}

impl StateProvider for PonderLicenceState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["ponder-licence-state:licence-state"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let state = self.licensing.state();
        out.container("ponder-licence-state:licence-state", |out| {
            out.leaf("status", state.status.yang_name());
            out.leaf("since", state.status_since);
            if out.wants("consumption") || out.wants("unlicensed-card") {
                fill_explanation(&self.licensing.counting().explanation(), out);
            }
            out.container("exchange", |out| {
                let exchange = &state.exchange;
                out.leaf_option("in-flight", exchange.in_flight.map(|kind| kind.yang_name()));
                out.leaf_option("last-error", exchange.last_error.as_deref());
                let fault = exchange.last_fault;
                out.leaf_option("last-fault", fault.map(|fault| fault.yang_name()));
                out.leaf_option("last-code", fault.map(|fault| fault.error_name()));
                out.leaf_option("next-attempt", exchange.next_attempt);
                out.leaf("sequence", exchange.sequence);
            });
            if let Some(doubt) = &state.doubt {
                out.container("trust-record", |out| {
                    out.leaf("doubt", doubt.yang_name());
                    out.leaf("since", doubt.since());
                    out.leaf("detail", doubt);
                });
            }
            self.fill_slice_problems(out);
        });
    }

    fn tells_changes(&self) -> bool {
        true
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/ponder-licence-state:licence-state/status",
            "/ponder-licence-state:licence-state/since",
            "/ponder-licence-state:licence-state/consumption/count",
            "/ponder-licence-state:licence-state/consumption/contribution/location",
            "/ponder-licence-state:licence-state/consumption/contribution/subject",
            "/ponder-licence-state:licence-state/consumption/contribution/setting",
            "/ponder-licence-state:licence-state/consumption/contribution/amount",
            "/ponder-licence-state:licence-state/consumption/contribution/rule",
            "/ponder-licence-state:licence-state/consumption/contribution/section",
            "/ponder-licence-state:licence-state/consumption/contribution/reading",
            "/ponder-licence-state:licence-state/unlicensed-card/pid",
            "/ponder-licence-state:licence-state/unlicensed-card/rule",
            "/ponder-licence-state:licence-state/unlicensed-card/section",
            "/ponder-licence-state:licence-state/unlicensed-card/reading",
            "/ponder-licence-state:licence-state/exchange/in-flight",
            "/ponder-licence-state:licence-state/exchange/last-error",
            "/ponder-licence-state:licence-state/exchange/last-fault",
            "/ponder-licence-state:licence-state/exchange/last-code",
            "/ponder-licence-state:licence-state/exchange/next-attempt",
            "/ponder-licence-state:licence-state/exchange/sequence",
            "/ponder-licence-state:licence-state/trust-record/doubt",
            "/ponder-licence-state:licence-state/trust-record/since",
            "/ponder-licence-state:licence-state/trust-record/detail",
            "/ponder-licence-state:licence-state/slice-problem/reason",
        ]
    }
}

impl PonderLicenceState {
    fn fill_slice_problems(&self, out: &mut StateBuilder<'_>) {
        let snapshot = self.device.snapshot();
        for (location, slot) in &snapshot.slots {
            for slice in slot.card.iter().flat_map(|card| &card.slices) {
                let SliceStatus::Failed(reason) = &slice.status else {
                    continue;
                };
                // The whole-card muxponder shows as slice 0, its only one.
                let slice_id = slice.slice_id.unwrap_or(0);
                out.list(
                    "slice-problem",
                    &[("location", location), ("slice-id", &slice_id)],
                    |out| {
                        out.leaf("reason", reason);
                    },
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::clock::ManualClock;
    use crate::app::licence_counting::Counting;
    use crate::app::licence_driver::still;
    use crate::app::state::licence::example::{at, state};
    use crate::app::state::shown::{answer, running, unannounced};
    use crate::licensing::sample::{K9, L12T, chassis};

    #[test]
    fn platform_detail_has_the_values_of_the_chapters_example_2() {
        let provider = || LicencePlatformState {
            licensing: still::licensing(state()),
        };
        assert_eq!(unannounced(provider()), Vec::<String>::new());
        let shown = answer(
            provider(),
            "<plat-smart-license xmlns=\"http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-platform-oper\"><detail>
               <collection/><reporting/><parameters/></detail><summary><license><count/></license></summary>
             </plat-smart-license>",
        );
        expect_test::expect![[r#"
            <plat-smart-license xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-platform-oper">
            <detail>
            <collection>
            <last>Mon Feb 11 2019 15:57:53 UTC</last>
            <next>Mon Feb 11 2019 16:57:53 UTC</next>
            </collection>
            <reporting>
            <last>Mon Feb 11 2019 15:57:53 UTC</last>
            <next>Tue Feb 12 2019 15:57:53 UTC</next>
            </reporting>
            <parameters>
            <collection-interval>60</collection-interval>
            <reporting-interval>1440</reporting-interval>
            <throughput-guage>1000000</throughput-guage>
            </parameters>
            </detail>
            <summary>
            <license>
            <count>
            <last>3</last>
            <next>0</next>
            </count>
            </license>
            <license>
            <count>
            <last>18</last>
            <next>0</next>
            </count>
            </license>
            <license>
            <count>
            <last>2</last>
            <next>0</next>
            </count>
            </license>
            <license>
            <count>
            <last>2</last>
            <next>0</next>
            </count>
            </license>
            </summary>
            </plat-smart-license>"#]]
        .assert_eq(&shown);
    }

    #[test]
    fn our_own_state_says_why_what_is_counted_and_which_slices_are_not() {
        let clock = ManualClock::starting_at(at("2021-06-21T12:40:52Z"));
        let simulator = running(
            "",
            r#"<active-nodes xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-config-mda-cfg"><active-node>
                 <node-name>0/0</node-name><mxponder-slices xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-osa-cfg">
                   <mxponder-slice><slice-id>1</slice-id><trunk-rates>one-hundred-fifty-gig</trunk-rates>
                     <client-rates>hundred-gig-e</client-rates></mxponder-slice></mxponder-slices>
               </active-node></active-nodes>"#,
        );
        let device = Device::start(Box::new(simulator), Arc::new(clock)).unwrap();
        let counted = chassis().card(L12T).trunk(Some("3")).card(K9);
        let provider = PonderLicenceState {
            licensing: still::counted(
                state(),
                Counting {
                    facts: counted.0,
                    ..Counting::default()
                },
            ),
            device,
        };
        let shown = answer(
            provider,
            "<licence-state xmlns=\"urn:ponder:yang:ponder-licence-state\"/>",
        );
        expect_test::expect![[r#"
            <licence-state xmlns="urn:ponder:yang:ponder-licence-state">
            <status>authorized</status>
            <since>2021-06-21T12:42:00Z</since>
            <consumption>
            <entitlement>S_NCS1K4_LONGHAUL</entitlement>
            <count>1</count>
            <contribution>
            <item>Optics0/0/0/0</item>
            <location>0/0</location>
            <subject>Optics0/0/0/0</subject>
            <setting>bits per symbol</setting>
            <amount>1</amount>
            <rule>3.0000000000 bits per symbol is within 2 to 4</rule>
            <section>Criteria for license consumption of long-haul networks</section>
            <reading>Q23</reading>
            </contribution>
            </consumption>
            <consumption>
            <entitlement>S_NCS1K4_SUBSEA</entitlement>
            <count>0</count>
            <contribution>
            <item>Optics0/0/0/0</item>
            <location>0/0</location>
            <subject>Optics0/0/0/0</subject>
            <amount>0</amount>
            <rule>no subsea setting in running, not from 1 to below 2 bits per symbol, dispersion search within -10000 to 100000 ps/nm</rule>
            <section>Criteria for license consumption of subsea networks</section>
            <reading>Q4</reading>
            <reading>Q20</reading>
            </contribution>
            </consumption>
            <unlicensed-card>
            <location>0/1</location>
            <pid>NCS1K4-1.2T-K9</pid>
            <rule>NCS1K4-1.2T-K9 is sold with its features and takes no licence</rule>
            <section>Smart Licensing in Cisco NCS 1004</section>
            </unlicensed-card>
            <exchange>
            <next-attempt>2021-10-09T11:45:42Z</next-attempt>
            <sequence>7</sequence>
            </exchange>
            <slice-problem>
            <location>0/0</location>
            <slice-id>1</slice-id>
            <reason>trunk-rates one-hundred-fifty-gig on slice 1: rates with a half of 100G exist in muxponder mode of a 1.2T card only</reason>
            </slice-problem>
            </licence-state>"#]]
        .assert_eq(&shown);
    }
}
