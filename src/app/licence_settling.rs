//! Whether the hardware has taken up what is configured, so that what it shows can be counted and reported.

use crate::device::desired_state::{DesiredState, LineCardDesired};
use crate::device::hardware::{CardSnapshot, CardState, SliceStatus, Snapshot};

/// Every slice of a fitted card is provisioned or said to be impossible, and every trunk reports something. A card that
/// is down may be starting; an absent one is not waited for.
pub fn settled(desired: &DesiredState, snapshot: &Snapshot) -> bool {
    let cards = desired.line_cards.iter().all(|(location, wish)| {
        let slot = snapshot.slots.get(location);
        slot.and_then(|slot| slot.card.as_ref())
            .is_none_or(|card| card_settled(wish, card))
    });
    cards && optics_settled(desired, snapshot)
}

fn card_settled(wish: &LineCardDesired, card: &CardSnapshot) -> bool {
    let nothing = wish.slices.is_empty() && wish.muxponder.is_none();
    if nothing || card.state != CardState::Up {
        return nothing;
    }
    let slices = wish.slices.keys().map(|slice_id| Some(*slice_id));
    let muxponder = wish.muxponder.iter().map(|_| None);
    slices.chain(muxponder).all(|wanted| {
        let shown = card.slices.iter().find(|slice| slice.slice_id == wanted);
        shown.is_some_and(|slice| slice.status != SliceStatus::InProgress)
    })
}

fn optics_settled(desired: &DesiredState, snapshot: &Snapshot) -> bool {
    desired.optics.iter().all(|(port, wish)| {
        let Some(shown) = snapshot.optics.get(port) else {
            return true;
        };
        let bits = wish.bits_per_symbol.is_none() || shown.bits_per_symbol.is_some();
        let low = wish.cd_min_ps_nm.is_none_or(|low| low == shown.cd_min_ps_nm);
        let high = wish.cd_max_ps_nm.is_none_or(|high| high == shown.cd_max_ps_nm);
        !shown.is_trunk || (bits && low && high)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::app::clock::{Clock, ManualClock};
    use crate::app::desired_state::desired_state;
    use crate::app::desired_state::payload::tree;
    use crate::device::chassis::ChassisDescription;
    use crate::device::hardware::Hardware;
    use crate::device::simulator::Simulator;

    fn instant() -> Instant {
        ManualClock::starting_at(jiff::Timestamp::UNIX_EPOCH).instant()
    }

    fn chassis(more: &str) -> Simulator {
        let slots = (0..4).map(|slot| format!("[slots.\"0/{slot}\"]\npid = \"NCS1K4-1.2T-L-K9\"\n{more}\n"));
        let text = format!("response-delay-ms = 10000\n{}", slots.collect::<String>());
        Simulator::new(ChassisDescription::from_toml(&text).unwrap())
    }

    fn wish(name: &str) -> Arc<DesiredState> {
        let path = format!(
            "{}/tests/data/payloads/valid/{name}.xml",
            env!("CARGO_MANIFEST_DIR")
        );
        Arc::new(desired_state(&tree(&std::fs::read_to_string(path).unwrap())))
    }

    #[test]
    fn slices_and_trunks_are_waited_for_until_the_hardware_has_done_or_refused_them() {
        for name in [
            "v03-1.2t-two-slices-100ge",
            "v05-mxponder-whole-module",
            "v07-longhaul-trunk",
            "v08-cd-window-subsea",
        ] {
            let (mut simulator, now) = (chassis(""), instant());
            let wish = wish(name);
            assert!(settled(&DesiredState::default(), &simulator.snapshot()));
            assert!(!settled(&wish, &simulator.snapshot()), "{name}: not taken up");
            simulator.apply(Arc::clone(&wish), now);
            assert!(!settled(&wish, &simulator.snapshot()), "{name}: in progress");
            simulator.poll(now + Duration::from_secs(10));
            assert!(settled(&wish, &simulator.snapshot()), "{name}");
        }
    }

    #[test]
    fn a_card_that_is_down_may_be_starting_and_an_empty_slot_is_not_waited_for() {
        let down = chassis("state = \"down\"");
        let wish = wish("v03-1.2t-two-slices-100ge");
        let location = wish.line_cards.keys().next().unwrap();
        let mut snapshot = (*down.snapshot()).clone();
        assert!(!settled(&wish, &snapshot));
        snapshot.slots.get_mut(location).unwrap().card = None;
        assert!(settled(&wish, &snapshot));
    }
}
