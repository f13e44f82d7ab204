//! `ponder-simulator`: the simulated chassis as it is, and its RPCs.

use std::sync::Arc;

use tokio::sync::watch;

use crate::app::device_driver::{Device, SimulatorCommand};
use crate::device::chassis::{check_pid, check_serial_number, slot_of_chassis};
use crate::device::desired_state::PortName;
use crate::device::hardware::{CardState, Snapshot};
use crate::device::inventory::SlotLocation;
use crate::device::optics::BitsPerSymbol;
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::operational::StateProvider;
use crate::management::request::Reply;
use crate::management::rpc_table::{Caller, RpcProvider};
use crate::yang::operation::Operation;
use crate::yang::state::StateBuilder;
use crate::yang::tree::NodeRef;

/// Seed, delay and slots of the simulated chassis; nothing on real hardware.
pub struct SimulatorState {
    /// Where snapshots come from.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
}

/// The RPCs of the simulated chassis; offered with simulated hardware only.
pub struct SimulatorRpcs {
    /// Carries them out.
    pub device: Device,
}

impl RpcProvider for SimulatorRpcs {
    fn operations(&self) -> Vec<String> {
        RPCS.iter()
            .map(|name| format!("ponder-simulator:{name}"))
            .collect()
    }

    /// Answers once the simulator has done it: `invalid-value` for an input that names nothing on this chassis,
    /// `operation-failed` when the simulator refuses.
    fn call(&self, _caller: &Caller, operation: &Operation) -> Result<Reply, ManagementError> {
        self.device
            .simulate(command(operation.input())?)
            .map_err(|refused| {
                ManagementError::application(ErrorTag::OperationFailed, refused.to_string())
            })?;
        Ok(Reply::Ok)
    }
}

const RPCS: [&str; 6] = [
    "line-card-down",
    "line-card-up",
    "pull-line-card",
    "insert-line-card",
    "set-trunk-bits-per-symbol",
    "set-response-delay",
];

impl StateProvider for SimulatorState {
    fn roots(&self) -> Vec<&'static str> {
        vec!["ponder-simulator:simulator"]
    }

    fn fill(&self, out: &mut StateBuilder<'_>) {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let Some(simulation) = snapshot.simulation else {
            return;
        };
        out.container("ponder-simulator:simulator", |out| {
            out.leaf("seed", simulation.seed);
            out.leaf("response-delay", simulation.response_delay_ms);
            for (location, slot) in &snapshot.slots {
                out.list("slot", &[("location", location)], |out| {
                    let card = slot.card.as_ref();
                    out.leaf_option("pid", card.map(|card| &card.pid));
                    out.leaf_option("serial-number", card.map(|card| &card.serial_number));
                    out.leaf(
                        "card-state",
                        match card.map(|card| card.state) {
                            Some(CardState::Up) => "up",
                            Some(CardState::Down) => "down",
                            None => "absent",
                        },
                    );
                });
            }
        });
    }

    fn provided(&self) -> &'static [&'static str] {
        &[
            "/ponder-simulator:simulator/seed",
            "/ponder-simulator:simulator/response-delay",
            "/ponder-simulator:simulator/slot/location",
            "/ponder-simulator:simulator/slot/pid",
            "/ponder-simulator:simulator/slot/serial-number",
            "/ponder-simulator:simulator/slot/card-state",
        ]
    }
}

fn command(rpc: NodeRef<'_>) -> Result<SimulatorCommand, ManagementError> {
    match rpc.name() {
        "line-card-down" => Ok(SimulatorCommand::LineCardDown(location(rpc)?)),
        "line-card-up" => Ok(SimulatorCommand::LineCardUp(location(rpc)?)),
        "pull-line-card" => Ok(SimulatorCommand::PullLineCard(location(rpc)?)),
        "insert-line-card" => Ok(SimulatorCommand::InsertLineCard {
            location: location(rpc)?,
            pid: {
                let pid = input(rpc, "pid")?;
                check_pid(pid).map_err(|reason| invalid("pid", &reason))?;
                pid.to_owned()
            },
            serial_number: match rpc.leaf("serial-number") {
                None => None,
                Some(given) => {
                    check_serial_number(given).map_err(|reason| invalid("serial-number", &reason))?;
                    Some(given.to_owned())
                }
            },
        }),
        "set-trunk-bits-per-symbol" => Ok(SimulatorCommand::SetTrunkBitsPerSymbol {
            port: trunk(input(rpc, "port-name")?)?,
            bits_per_symbol: match rpc.leaf("bits-per-symbol") {
                None => None,
                Some(given) => Some(bits_per_symbol(given)?),
            },
        }),
        "set-response-delay" => {
            let given = input(rpc, "milliseconds")?;
            let milliseconds = given.parse().map_err(|_| {
                invalid(
                    "milliseconds",
                    &format!("{given:?} is no number from 0 to 4294967295"),
                )
            })?;
            Ok(SimulatorCommand::SetResponseDelay(milliseconds))
        }
        other => Err(ManagementError::application(
            ErrorTag::OperationNotSupported,
            format!("{other} is no RPC of the simulator"),
        )),
    }
}

fn location(rpc: NodeRef<'_>) -> Result<SlotLocation, ManagementError> {
    slot_of_chassis(input(rpc, "location")?).map_err(|reason| invalid("location", &reason))
}

fn trunk(name: &str) -> Result<PortName, ManagementError> {
    PortName::from_interface_name(name).ok_or_else(|| {
        invalid(
            "port-name",
            &format!("{name:?} is no optics port such as Optics0/1/0/0"),
        )
    })
}

fn bits_per_symbol(text: &str) -> Result<BitsPerSymbol, ManagementError> {
    text.parse::<BitsPerSymbol>()
        .map_err(|error| invalid("bits-per-symbol", &error.to_string()))
}

fn input<'t>(rpc: NodeRef<'t>, name: &'static str) -> Result<&'t str, ManagementError> {
    rpc.leaf(name).ok_or_else(|| {
        ManagementError::application(
            ErrorTag::MissingElement,
            format!("{} needs the input {name}", rpc.name()),
        )
        .with_info("bad-element", name)
    })
}

fn invalid(name: &'static str, reason: &str) -> ManagementError {
    ManagementError::application(ErrorTag::InvalidValue, format!("{name}: {reason}"))
        .with_info("bad-element", name)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::app::clock::ManualClock;
    use crate::app::desired_state::payload::SCHEMA;
    use crate::app::state::shown::{answer, running};
    use crate::management::rpc_table::RpcTable;

    fn device() -> Device {
        let clock = ManualClock::starting_at(jiff::Timestamp::UNIX_EPOCH);
        Device::start(Box::new(running("", "")), Arc::new(clock)).unwrap()
    }

    fn run(device: &Device, rpc: &str, input: &str) -> Result<(), ManagementError> {
        let rpcs = RpcTable::new(vec![Box::new(SimulatorRpcs {
            device: device.clone(),
        })]);
        let caller = Caller {
            user: "admin".to_owned(),
            session_id: 1,
        };
        let document = format!("<{rpc} xmlns=\"urn:ponder:yang:ponder-simulator\">{input}</{rpc}>");
        let answered = rpcs.call(&SCHEMA, &caller, &document);
        answered
            .map(|reply| assert_eq!(reply, Reply::Ok))
            .map_err(|errors| errors[0].clone())
    }

    #[test]
    fn cards_come_and_go_by_rpc() {
        let device = device();
        run(&device, "line-card-down", "<location>0/0</location>").unwrap();
        run(&device, "pull-line-card", "<location>0/1</location>").unwrap();
        run(&device, "pull-line-card", "<location>0/2</location>").unwrap();
        let card = "<location>0/2</location><pid>NCS1K4-QXP-K9</pid><serial-number>ABC1</serial-number>";
        run(&device, "insert-line-card", card).unwrap();
        run(&device, "set-response-delay", "<milliseconds>250</milliseconds>").unwrap();
        let snapshots = device.subscribe();
        let filter = r#"<simulator xmlns="urn:ponder:yang:ponder-simulator"/>"#;
        expect![[r#"
            <simulator xmlns="urn:ponder:yang:ponder-simulator">
            <seed>1004</seed>
            <response-delay>250</response-delay>
            <slot>
            <location>0/0</location>
            <pid>NCS1K4-1.2T-L-K9</pid>
            <serial-number>PND2215SVXE</serial-number>
            <card-state>down</card-state>
            </slot>
            <slot>
            <location>0/1</location>
            <card-state>absent</card-state>
            </slot>
            <slot>
            <location>0/2</location>
            <pid>NCS1K4-QXP-K9</pid>
            <serial-number>ABC1</serial-number>
            <card-state>up</card-state>
            </slot>
            <slot>
            <location>0/3</location>
            <pid>NCS1K4-1.2T-L-K9</pid>
            <serial-number>PND2342LEJ1</serial-number>
            <card-state>up</card-state>
            </slot>
            </simulator>"#]]
        .assert_eq(&answer(SimulatorState { snapshots }, filter));
    }

    #[test]
    fn a_trunk_runs_at_what_it_is_told_and_at_what_is_configured_again() {
        let device = device();
        let port = "<port-name>Optics0/0/0/1</port-name>";
        let reported = |device: &Device| {
            let name = PortName::from_interface_name("Optics0/0/0/1").unwrap();
            device.snapshot().optics[&name]
                .bits_per_symbol
                .map(|bits| bits.to_string())
        };
        let told = format!("{port}<bits-per-symbol>3.4375</bits-per-symbol>");
        run(&device, "set-trunk-bits-per-symbol", &told).unwrap();
        assert_eq!(reported(&device).as_deref(), Some("3.4375000000"));
        run(&device, "set-trunk-bits-per-symbol", port).unwrap();
        assert_eq!(reported(&device), None);
    }

    #[test]
    fn an_input_that_names_nothing_here_is_an_invalid_value_and_a_refusal_a_failed_operation() {
        let device = device();
        let tag = |rpc: &str, input: &str| run(&device, rpc, input).unwrap_err().tag;
        assert_eq!(
            tag("line-card-down", "<location>0/7</location>"),
            ErrorTag::InvalidValue
        );
        assert_eq!(
            tag("line-card-down", "<location>0/0/CPU0</location>"),
            ErrorTag::InvalidValue
        );
        let client = "<port-name>HundredGigECtrlr0/0/0/2</port-name>";
        assert_eq!(tag("set-trunk-bits-per-symbol", client), ErrorTag::InvalidValue);
        let fitted = "<location>0/0</location><pid>NCS1K4-QXP-K9</pid>";
        assert_eq!(tag("insert-line-card", fitted), ErrorTag::OperationFailed);
    }

    #[test]
    fn every_rpc_of_the_module_is_known() {
        for rpc in RPCS {
            assert!(SCHEMA.top("ponder-simulator", rpc).is_some(), "{rpc}");
        }
    }
}
