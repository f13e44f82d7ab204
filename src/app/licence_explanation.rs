//! The explanation of the counts as state and as the answer of `explain-licences` (`ponder-licence-state`).

use crate::app::device_driver::Device;
use crate::app::licence_driver::Licensing;
use crate::device::inventory::SlotLocation;
use crate::licensing::catalogue::Entitlement;
use crate::licensing::contribution::Source;
use crate::licensing::explanation::{Explained, Explanation, UnlicensedCard, empty_slot};
use crate::management::error::{ErrorTag, ManagementError};
use crate::management::request::Reply;
use crate::management::rpc_table::{Caller, RpcProvider};
use crate::yang::operation::Operation;
use crate::yang::state::StateBuilder;

/// Fills the grouping `explanation`.
pub fn fill_explanation(explanation: &Explanation, out: &mut StateBuilder<'_>) {
    for explained in &explanation.entitlements {
        let tag = explained.entitlement.short_tag();
        out.list("consumption", &[("entitlement", &tag)], |out| {
            fill_entitlement(explained, out);
        });
    }
    for card in &explanation.unlicensed_cards {
        let UnlicensedCard { location, pid, .. } = card;
        out.list("unlicensed-card", &[("location", location)], |out| {
            out.leaf_option("pid", pid.as_deref());
            fill_rule(&card.rule, card.source, out);
        });
    }
}

fn fill_entitlement(explained: &Explained, out: &mut StateBuilder<'_>) {
    out.leaf("count", explained.count());
    for line in &explained.lines {
        out.list("contribution", &[("item", &line.item)], |out| {
            out.leaf_option("location", line.location);
            out.leaf("subject", &line.subject);
            out.leaf_option("setting", line.setting.as_deref());
            out.leaf("amount", line.amount);
            fill_rule(&line.rule, line.source, out);
        });
    }
}

fn fill_rule(rule: &str, source: Source, out: &mut StateBuilder<'_>) {
    out.leaf("rule", rule);
    out.leaf("section", source.section);
    out.leaf_list("reading", source.readings);
}

/// Answers `explain-licences`.
pub struct ExplanationRpcs {
    /// Knows what was counted.
    pub licensing: Licensing,
    /// Knows which slots there are.
    pub device: Device,
}

impl RpcProvider for ExplanationRpcs {
    fn operations(&self) -> Vec<String> {
        vec!["ponder-licence-state:explain-licences".to_owned()]
    }

    fn call(&self, _: &Caller, operation: &Operation) -> Result<Reply, ManagementError> {
        let input = operation.input();
        let mut explanation = self.licensing.counting().explanation();
        if let Some(tag) = input.leaf("entitlement") {
            let entitlement = Entitlement::from_short_tag(tag).ok_or_else(|| unknown_entitlement(tag))?;
            explanation = explanation.of_entitlement(entitlement);
        }
        if let Some(location) = input.leaf("location") {
            let location = self.slot(location)?;
            explanation = explanation.at(location);
            let empty = self
                .device
                .snapshot()
                .slots
                .get(&location)
                .is_some_and(|slot| slot.card.is_none());
            if empty {
                explanation.unlicensed_cards.push(empty_slot(location));
            }
        }
        let output = operation.reply(|out| fill_explanation(&explanation, out))?;
        Ok(Reply::Output(output))
    }
}

impl ExplanationRpcs {
    /// A slot of this chassis.
    fn slot(&self, text: &str) -> Result<SlotLocation, ManagementError> {
        let snapshot = self.device.snapshot();
        let named = text
            .parse()
            .ok()
            .filter(|location| snapshot.slots.contains_key(location));
        named.ok_or_else(|| {
            let slots: Vec<String> = snapshot.slots.keys().map(ToString::to_string).collect();
            invalid(format!(
                "location {text:?}: this chassis has the slots {}",
                slots.join(", ")
            ))
        })
    }
}

fn unknown_entitlement(tag: &str) -> ManagementError {
    let known: Vec<&str> = Entitlement::ALL.iter().map(|one| one.short_tag()).collect();
    invalid(format!("entitlement {tag:?} is none of {}", known.join(", ")))
}

fn invalid(message: String) -> ManagementError {
    ManagementError::application(ErrorTag::InvalidValue, message)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::clock::ManualClock;
    use crate::app::desired_state::payload::SCHEMA;
    use crate::app::licence_counting::Counting;
    use crate::app::licence_driver::still;
    use crate::app::state::licence::example::state;
    use crate::device::chassis::ChassisDescription;
    use crate::device::simulator::Simulator;
    use crate::licensing::sample::{K9, L12T, chassis};

    /// Counted was a card with a trunk at 3 bits in 0/0 and one that is never licensed in 0/1.
    fn answer(input: &str) -> Result<String, ManagementError> {
        let clock = Arc::new(ManualClock::starting_at(jiff::Timestamp::UNIX_EPOCH));
        let device = Device::start(Box::new(Simulator::new(ChassisDescription::default())), clock).unwrap();
        let counting = Counting {
            facts: chassis().card(L12T).trunk(Some("3")).card(K9).0,
            ..Counting::default()
        };
        let rpcs = ExplanationRpcs {
            licensing: still::counted(state(), counting),
            device,
        };
        let document = format!(
            "<explain-licences xmlns=\"urn:ponder:yang:ponder-licence-state\">{input}</explain-licences>"
        );
        let operation = Operation::parse(&SCHEMA, &document).unwrap();
        assert_eq!(rpcs.operations(), ["ponder-licence-state:explain-licences"]);
        let caller = Caller {
            user: "admin".to_owned(),
            session_id: 1,
        };
        match rpcs.call(&caller, &operation)? {
            Reply::Output(output) => Ok(output),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_is_explained_or_one_entitlement_or_one_slot() {
        let whole = answer("").unwrap();
        for part in [
            "<entitlement>S_NCS1K4_LONGHAUL<",
            "<entitlement>S_NCS1K4_SUBSEA<",
            "<location>0/1</location><pid>",
        ] {
            assert!(whole.contains(part), "{part}: {whole}");
        }
        let one = answer("<entitlement>S_NCS1K4_LONGHAUL</entitlement>").unwrap();
        assert!(
            one.contains("<count>1</count>") && one.contains("<reading>Q23</reading>"),
            "{one}"
        );
        assert!(
            !one.contains("SUBSEA") && !one.contains("unlicensed-card"),
            "{one}"
        );
        let slot = answer("<location>0/1</location>").unwrap();
        assert!(
            slot.starts_with("<unlicensed-card") && !slot.contains("LONGHAUL"),
            "{slot}"
        );
    }

    #[test]
    fn what_does_not_exist_is_refused_with_what_does() {
        let error = answer("<entitlement>S-NCS1K4-LIC-100G</entitlement>").unwrap_err();
        assert_eq!(error.tag, ErrorTag::InvalidValue);
        assert!(
            error.message.contains("is none of S-NCS1K4-LIC-100G=, "),
            "{error}"
        );
        let error = answer("<location>0/7</location>").unwrap_err();
        assert!(
            error.message.contains("this chassis has the slots 0/0, "),
            "{error}"
        );
        assert!(answer("<location>0/RP0/CPU0</location>").is_err());
    }
}
