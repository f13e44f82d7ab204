//! A simulated NCS 1004: cards that come and go, slices that take their time, optics with seeded figures.
//!
//! It is a machine without a clock. A wish is compared with what runs, item by item (a slice, a port); what changed is
//! due after the response delay, what did not change is left alone. [`Hardware::poll`] carries out what is due.
//!
//! ```text
//! slice:  (absent) --apply--> InProgress --due--> Provisioned | Failed(reason)
//!         any --apply with another wish--> InProgress          any --apply without it--> (absent)
//! card:   (empty) --insert--> up <--line-card-up/-down--> down          up | down --pull--> (empty)
//! ```

mod card;
mod commands;
mod figures;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::device::chassis::{ChassisDescription, SLOTS};
use crate::device::desired_state::{DesiredState, PortName};
use crate::device::hardware::{CardState, Hardware, Simulation, SimulationSnapshot, SlotSnapshot, Snapshot};
use crate::device::inventory::SlotLocation;
use crate::device::optics::BitsPerSymbol;
use crate::device::serial_number::{SerialFor, serial_number};
use crate::device::simulator::card::Card;

/// The simulated chassis.
pub struct Simulator {
    description: ChassisDescription,
    response_delay_ms: u32,
    slots: BTreeMap<SlotLocation, Slot>,
    desired: Arc<DesiredState>,
    overrides: BTreeMap<PortName, BitsPerSymbol>,
    snapshot: Arc<Snapshot>,
}

/// A slot and the cards it has seen, which number the serial numbers that the seed gives.
#[derive(Default)]
struct Slot {
    seen: u32,
    card: Option<Card>,
}

impl Simulator {
    /// The chassis as described, with its cards fitted and nothing asked of them.
    pub fn new(description: ChassisDescription) -> Simulator {
        let slots = SLOTS.map(|slot| (SlotLocation { rack: 0, slot }, Slot::default()));
        let mut simulator = Simulator {
            response_delay_ms: description.response_delay_ms,
            slots: slots.collect(),
            desired: Arc::default(),
            overrides: BTreeMap::new(),
            snapshot: Arc::default(),
            description,
        };
        for (location, card) in simulator.description.cards.clone() {
            simulator.fit(location, &card.pid, card.serial_number.as_deref(), card.state);
        }
        simulator.publish();
        simulator
    }

    /// Puts a card into a slot.
    fn fit(&mut self, location: SlotLocation, pid: &str, given: Option<&str>, state: CardState) {
        let seed = self.description.seed;
        let slot = self.slots.entry(location).or_default();
        let serial_number = match given {
            Some(given) => given.to_owned(),
            None => serial_number(seed, SerialFor::Card(location, slot.seen)),
        };
        slot.seen += 1;
        slot.card = Some(Card::new(seed, location, pid, serial_number, state));
    }

    /// Tells a card what the running wish means for it.
    fn aim(&mut self, location: SlotLocation, now: Instant) {
        let due = (self.response_delay_ms > 0)
            .then(|| now.checked_add(Duration::from_millis(self.response_delay_ms.into())))
            .flatten();
        if let Some(card) = self.slots.get_mut(&location).and_then(|slot| slot.card.as_mut()) {
            card.aim(location, &self.desired, due);
        }
    }

    /// Makes a new snapshot if anything is different; true when it was.
    fn publish(&mut self) -> bool {
        let mut next = Snapshot {
            generation: self.snapshot.generation,
            chassis: self.description.identity.clone(),
            simulation: Some(SimulationSnapshot {
                seed: self.description.seed,
                response_delay_ms: self.response_delay_ms,
            }),
            ..Snapshot::default()
        };
        for (&location, slot) in &self.slots {
            let card = slot.card.as_ref().map(Card::snapshot);
            next.slots.insert(location, SlotSnapshot { card });
            if let Some(card) = &slot.card {
                let optics = card.optics(location, &self.description, &self.overrides);
                next.optics.extend(optics);
            }
        }
        if next == *self.snapshot {
            return false;
        }
        next.generation += 1;
        self.snapshot = Arc::new(next);
        true
    }
}

impl Hardware for Simulator {
    fn apply(&mut self, desired: Arc<DesiredState>, now: Instant) {
        self.desired = desired;
        let locations: Vec<SlotLocation> = self.slots.keys().copied().collect();
        for location in locations {
            self.aim(location, now);
        }
        self.publish();
    }

    fn poll(&mut self, now: Instant) -> bool {
        let mut settled = false;
        for slot in self.slots.values_mut() {
            if let Some(card) = &mut slot.card {
                settled |= card.settle(now);
            }
        }
        settled && self.publish()
    }

    fn next_deadline(&self) -> Option<Instant> {
        let cards = self.slots.values().filter_map(|slot| slot.card.as_ref());
        cards.filter_map(Card::next_deadline).min()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    fn simulation(&mut self) -> Option<&mut dyn Simulation> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use proptest::prelude::{Strategy, prop_assert_eq, prop_assert_ne, prop_oneof, proptest};

    use super::Simulator;
    use crate::device::chassis::ChassisDescription;
    use crate::device::desired_state::{
        DesiredState, LineCardDesired, OpticsDesired, PortName, SliceDesired,
    };
    use crate::device::hardware::{CardState, Hardware, OpticsSnapshot, Simulation, SliceStatus, Snapshot};
    use crate::device::inventory::{ClientType, SlotLocation, TrunkRate};
    use crate::device::optics::{BitsPerSymbol, SubseaSetting};

    const SLOT_0: SlotLocation = SlotLocation { rack: 0, slot: 0 };

    /// An instant to count from; only differences matter.
    #[allow(clippy::disallowed_methods)]
    fn start() -> Instant {
        Instant::now()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn with_delay(milliseconds: u32) -> Simulator {
        Simulator::new(ChassisDescription {
            response_delay_ms: milliseconds,
            ..ChassisDescription::default()
        })
    }

    fn slice(gbps: u32) -> SliceDesired {
        SliceDesired {
            trunk_rate: TrunkRate::from_gbps(gbps),
            client_rate: Some(ClientType::HundredGigE),
            ..SliceDesired::default()
        }
    }

    /// Slice 0 of slot 0/0 at a rate.
    fn one_slice(gbps: u32) -> Arc<DesiredState> {
        let card = LineCardDesired {
            slices: [(0, slice(gbps))].into(),
            muxponder: None,
        };
        Arc::new(DesiredState {
            line_cards: [(SLOT_0, card)].into(),
            ..DesiredState::default()
        })
    }

    fn trunk(name: &str, optics: OpticsDesired) -> Arc<DesiredState> {
        Arc::new(DesiredState {
            optics: [(PortName::from_interface_name(name).unwrap(), optics)].into(),
            ..DesiredState::default()
        })
    }

    fn status(snapshot: &Snapshot) -> &SliceStatus {
        &snapshot.slots[&SLOT_0].card.as_ref().unwrap().slices[0].status
    }

    fn port<'a>(snapshot: &'a Snapshot, name: &str) -> &'a OpticsSnapshot {
        &snapshot.optics[&PortName::from_interface_name(name).unwrap()]
    }

    #[test]
    fn the_default_chassis_has_four_cards_that_are_up() {
        let snapshot = with_delay(0).snapshot();
        let pids: Vec<&str> = snapshot
            .slots
            .values()
            .map(|slot| slot.card.as_ref().unwrap().pid.as_str())
            .collect();
        assert_eq!(
            pids,
            [
                "NCS1K4-1.2T-L-K9",
                "NCS1K4-OTN-XPL",
                "NCS1K4-QXP-L-K9",
                "NCS1K4-1.2T-L-K9"
            ]
        );
        assert_eq!(snapshot.optics.len(), 14 + 12 + 16 + 14);
    }

    #[test]
    fn without_delay_a_slice_is_provisioned_at_once() {
        let mut simulator = with_delay(0);
        simulator.apply(one_slice(600), start());
        assert_eq!(*status(&simulator.snapshot()), SliceStatus::Provisioned);
        assert_eq!(simulator.next_deadline(), None);
    }

    #[test]
    fn a_slice_is_in_progress_until_its_delay_is_over() {
        let now = start();
        let mut simulator = with_delay(5_000);
        simulator.apply(one_slice(600), now);
        assert_eq!(*status(&simulator.snapshot()), SliceStatus::InProgress);
        assert_eq!(simulator.next_deadline(), Some(now + seconds(5)));
        assert!(!simulator.poll(now + seconds(4)));
        assert!(simulator.poll(now + seconds(5)));
        assert_eq!(*status(&simulator.snapshot()), SliceStatus::Provisioned);
        assert_eq!(simulator.next_deadline(), None);
    }

    #[test]
    fn a_shorter_delay_ends_what_is_under_way_and_a_longer_one_does_not_put_it_off() {
        let now = start();
        let mut simulator = with_delay(600_000);
        simulator.apply(one_slice(600), now);
        simulator.set_response_delay(u32::MAX, now + seconds(1));
        assert_eq!(simulator.next_deadline(), Some(now + seconds(600)));
        simulator.set_response_delay(0, now + seconds(2));
        assert!(simulator.poll(now + seconds(2)));
        assert_eq!(*status(&simulator.snapshot()), SliceStatus::Provisioned);
    }

    #[test]
    fn a_wish_that_changes_nothing_does_not_start_a_slice_anew() {
        let now = start();
        let mut simulator = with_delay(5_000);
        simulator.apply(one_slice(600), now);
        simulator.apply(one_slice(600), now + seconds(3));
        assert_eq!(simulator.next_deadline(), Some(now + seconds(5)));
        simulator.apply(one_slice(500), now + seconds(4));
        assert_eq!(simulator.next_deadline(), Some(now + seconds(9)));
    }

    #[test]
    fn a_slice_that_the_card_cannot_carry_fails_with_its_reason() {
        let mut simulator = with_delay(0);
        simulator.apply(one_slice(150), start());
        let SliceStatus::Failed(reason) = status(&simulator.snapshot()).clone() else {
            panic!("the slice did not fail")
        };
        assert!(
            reason.starts_with("trunk-rates one-hundred-fifty-gig on slice 0"),
            "{reason}"
        );
    }

    #[test]
    fn the_generation_counts_changes_only() {
        let mut simulator = with_delay(0);
        let before = simulator.snapshot().generation;
        simulator.apply(one_slice(600), start());
        simulator.apply(one_slice(600), start());
        assert_eq!(simulator.snapshot().generation, before + 1);
    }

    #[test]
    fn a_card_that_is_down_carries_nothing_and_takes_up_its_slices_again() {
        let now = start();
        let mut simulator = with_delay(1_000);
        simulator.apply(one_slice(600), now);
        simulator.poll(now + seconds(1));
        simulator.line_card_down(SLOT_0, now + seconds(2)).unwrap();
        let down = simulator.snapshot();
        let card = down.slots[&SLOT_0].card.as_ref().unwrap();
        assert_eq!((card.state, card.slices.len()), (CardState::Down, 0));
        assert!(!down.optics.keys().any(|port| port.location == SLOT_0));
        simulator.line_card_up(SLOT_0, now + seconds(10)).unwrap();
        assert_eq!(*status(&simulator.snapshot()), SliceStatus::InProgress);
        assert!(simulator.poll(now + seconds(11)));
        assert_eq!(*status(&simulator.snapshot()), SliceStatus::Provisioned);
    }

    #[test]
    fn a_pulled_card_leaves_its_wish_for_the_next_one() {
        let now = start();
        let mut simulator = with_delay(0);
        simulator.apply(one_slice(600), now);
        let first = simulator.snapshot().slots[&SLOT_0]
            .card
            .clone()
            .unwrap()
            .serial_number;
        simulator.pull_line_card(SLOT_0, now).unwrap();
        assert_eq!(simulator.snapshot().slots[&SLOT_0].card, None);
        simulator
            .insert_line_card(SLOT_0, "NCS1K4-1.2T-K9", None, now)
            .unwrap();
        assert_eq!(*status(&simulator.snapshot()), SliceStatus::Provisioned);
        let second = simulator.snapshot().slots[&SLOT_0]
            .card
            .clone()
            .unwrap()
            .serial_number;
        assert_ne!(first, second);
    }

    #[test]
    fn a_wish_for_an_empty_slot_waits_for_its_card() {
        let now = start();
        let mut simulator = with_delay(0);
        simulator.pull_line_card(SLOT_0, now).unwrap();
        simulator.apply(one_slice(600), now);
        simulator
            .insert_line_card(SLOT_0, "NCS1K4-1.2T-L-K9", Some("ABC1"), now)
            .unwrap();
        let snapshot = simulator.snapshot();
        assert_eq!(*status(&snapshot), SliceStatus::Provisioned);
        assert_eq!(
            snapshot.slots[&SLOT_0].card.as_ref().unwrap().serial_number,
            "ABC1"
        );
    }

    #[test]
    fn a_command_that_makes_no_sense_is_refused_in_words() {
        let now = start();
        let mut simulator = with_delay(0);
        let nowhere = SlotLocation { rack: 0, slot: 9 };
        let said =
            |result: Result<(), crate::device::hardware::SimulationError>| result.unwrap_err().to_string();
        assert_eq!(
            said(simulator.line_card_down(nowhere, now)),
            "0/9 is not a slot of this chassis: 0/0 to 0/3"
        );
        assert_eq!(
            said(simulator.insert_line_card(SLOT_0, "X", None, now)),
            "slot 0/0 holds a card NCS1K4-1.2T-L-K9; pull it first"
        );
        let client = PortName::from_interface_name("Optics0/0/0/2").unwrap();
        assert_eq!(
            said(simulator.set_trunk_bits_per_symbol(client, None, now)),
            "Optics0/0/0/2 is not a trunk of the card NCS1K4-1.2T-L-K9 in slot 0/0"
        );
        simulator.pull_line_card(SLOT_0, now).unwrap();
        assert_eq!(
            said(simulator.pull_line_card(SLOT_0, now)),
            "slot 0/0 is empty; insert a line card first"
        );
        assert_eq!(
            said(simulator.insert_line_card(SLOT_0, "", None, now)),
            "\"\" is no product identifier: 1 to 64 letters, digits and . = _ / + -, such as NCS1K4-1.2T-L-K9"
        );
    }

    #[test]
    fn an_unknown_card_is_in_the_inventory_and_carries_nothing() {
        let now = start();
        let mut simulator = with_delay(0);
        simulator.apply(one_slice(600), now);
        simulator.pull_line_card(SLOT_0, now).unwrap();
        simulator
            .insert_line_card(SLOT_0, "NCS1K4-2-QDD-C-K9", None, now)
            .unwrap();
        assert!(matches!(status(&simulator.snapshot()), SliceStatus::Failed(_)));
        assert!(
            !simulator
                .snapshot()
                .optics
                .keys()
                .any(|port| port.location == SLOT_0)
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_figures_and_another_seed_others() {
        let snapshot_of = |seed| {
            let mut simulator = Simulator::new(ChassisDescription {
                seed,
                ..ChassisDescription::default()
            });
            simulator.apply(one_slice(600), start());
            simulator.snapshot()
        };
        assert_eq!(snapshot_of(7).optics, snapshot_of(7).optics);
        assert_ne!(snapshot_of(7).optics, snapshot_of(8).optics);
    }

    #[test]
    fn a_trunk_reports_bits_per_symbol_exactly_as_configured_or_none() {
        let mut simulator = with_delay(0);
        simulator.apply(one_slice(600), start());
        assert_eq!(port(&simulator.snapshot(), "Optics0/0/0/0").bits_per_symbol, None);
        let configured = OpticsDesired {
            bits_per_symbol: Some("3.4375".parse().unwrap()),
            shutdown: true,
            ..OpticsDesired::default()
        };
        simulator.apply(trunk("Optics0/0/0/0", configured), start());
        let snapshot = simulator.snapshot();
        let trunk = port(&snapshot, "Optics0/0/0/0");
        assert_eq!(trunk.bits_per_symbol.unwrap().to_string(), "3.4375000000");
        assert_eq!(
            (trunk.admin_up, trunk.laser_on, trunk.tx_power_hundredth_dbm),
            (false, false, -4_000)
        );
    }

    #[test]
    fn a_table_gives_bits_per_symbol_to_trunks_that_carry_a_slice() {
        let mut description = ChassisDescription::default();
        let rate = TrunkRate::from_gbps(300).unwrap();
        description
            .bits_per_symbol_by_trunk_rate
            .insert(rate, BitsPerSymbol::whole(3));
        let mut simulator = Simulator::new(description);
        simulator.apply(one_slice(300), start());
        let snapshot = simulator.snapshot();
        let trunk = port(&snapshot, "Optics0/0/0/0");
        assert_eq!(trunk.bits_per_symbol, Some(BitsPerSymbol::whole(3)));
        assert_eq!(trunk.baud_rate_gbd.as_deref(), Some("69.4350357056"));
        assert_eq!(port(&snapshot, "Optics0/0/0/1").bits_per_symbol, None);
    }

    #[test]
    fn a_command_overrides_the_bits_per_symbol_until_it_is_taken_back() {
        let now = start();
        let mut simulator = with_delay(5_000);
        let name = PortName::from_interface_name("Optics0/0/0/1").unwrap();
        let forced = Some(BitsPerSymbol::from_parts(1, 5_000_000_000));
        simulator.set_trunk_bits_per_symbol(name, forced, now).unwrap();
        assert_eq!(
            port(&simulator.snapshot(), "Optics0/0/0/1").bits_per_symbol,
            forced
        );
        simulator.set_trunk_bits_per_symbol(name, None, now).unwrap();
        assert_eq!(port(&simulator.snapshot(), "Optics0/0/0/1").bits_per_symbol, None);
    }

    #[test]
    fn dispersion_limits_are_the_default_ones_until_they_are_configured() {
        let mut simulator = with_delay(0);
        let snapshot = simulator.snapshot();
        let silent = port(&snapshot, "Optics0/0/0/0");
        assert_eq!((silent.cd_min_ps_nm, silent.cd_max_ps_nm), (-10_000, 100_000));
        let configured = OpticsDesired {
            cd_min_ps_nm: Some(-10_001),
            cd_max_ps_nm: Some(5),
            bits_per_symbol: Some(BitsPerSymbol::whole(3)),
            ..OpticsDesired::default()
        };
        simulator.apply(trunk("Optics0/0/0/0", configured), start());
        let snapshot = simulator.snapshot();
        let told = port(&snapshot, "Optics0/0/0/0");
        assert_eq!(
            (told.cd_min_ps_nm, told.cd_max_ps_nm, told.cd_ps_nm),
            (-10_001, 5, 5)
        );
    }

    #[test]
    fn a_lit_trunk_shows_plausible_light() {
        let mut simulator = with_delay(0);
        let settings = [(SubseaSetting::RxVoaTargetPower, "-120".to_owned())];
        let configured = OpticsDesired {
            transmit_power_tenth_dbm: Some(-15),
            bits_per_symbol: Some(BitsPerSymbol::whole(3)),
            subsea_settings: settings.into(),
            ..OpticsDesired::default()
        };
        simulator.apply(trunk("Optics0/3/0/1", configured), start());
        let snapshot = simulator.snapshot();
        let trunk = port(&snapshot, "Optics0/3/0/1");
        assert!(trunk.oper_up);
        assert!((-160..=-140).contains(&trunk.tx_power_hundredth_dbm), "{trunk:?}");
        assert!(trunk.rx_power_hundredth_dbm <= -1_200, "{trunk:?}");
        assert!((2_000..4_000).contains(&trunk.osnr_hundredth_db), "{trunk:?}");
        assert!(
            trunk.pre_fec_ber.is_some_and(|ratio| ratio > 0.0 && ratio < 0.05),
            "{trunk:?}"
        );
    }

    /// Something that can happen to a chassis.
    #[derive(Clone, Debug)]
    enum Event {
        Wish(Option<u32>),
        Down(u8),
        Up(u8),
        Pull(u8),
        Insert(u8, bool),
        Wait(u32),
    }

    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![
            proptest::option::of(1u32..=12).prop_map(|steps| Event::Wish(steps.map(|steps| steps * 50))),
            (0u8..4).prop_map(Event::Down),
            (0u8..4).prop_map(Event::Up),
            (0u8..4).prop_map(Event::Pull),
            ((0u8..4), proptest::bool::ANY).prop_map(|(slot, known)| Event::Insert(slot, known)),
            (0u32..8_000).prop_map(Event::Wait),
        ]
    }

    fn play(simulator: &mut Simulator, events: &[Event], start: Instant) -> Instant {
        let mut now = start;
        let at = |slot| SlotLocation { rack: 0, slot };
        for event in events {
            match event {
                Event::Wish(None) => simulator.apply(Arc::default(), now),
                Event::Wish(Some(gbps)) => simulator.apply(one_slice(*gbps), now),
                // Commands that make no sense are refused, and that is all that may happen.
                Event::Down(slot) => simulator.line_card_down(at(*slot), now).unwrap_or(()),
                Event::Up(slot) => simulator.line_card_up(at(*slot), now).unwrap_or(()),
                Event::Pull(slot) => simulator.pull_line_card(at(*slot), now).unwrap_or(()),
                Event::Insert(slot, known) => {
                    let pid = if *known {
                        "NCS1K4-1.2T-L-K9"
                    } else {
                        "NCS1K4-2-QDD-C-K9"
                    };
                    simulator
                        .insert_line_card(at(*slot), pid, None, now)
                        .unwrap_or(());
                }
                Event::Wait(milliseconds) => {
                    now += Duration::from_millis(u64::from(*milliseconds));
                    simulator.poll(now);
                }
            }
        }
        now
    }

    proptest! {
        #[test]
        fn whatever_happens_nothing_stays_in_progress_once_its_time_is_over(
            events in proptest::collection::vec(any_event(), 0..30),
        ) {
            let began = start();
            let (mut one, mut other) = (with_delay(5_000), with_delay(5_000));
            let now = play(&mut one, &events, began);
            play(&mut other, &events, began);
            prop_assert_eq!(one.snapshot(), other.snapshot());
            one.poll(now + seconds(5));
            prop_assert_eq!(one.next_deadline(), None);
            let snapshot = one.snapshot();
            let cards = snapshot.slots.values().filter_map(|slot| slot.card.as_ref());
            for slice in cards.flat_map(|card| &card.slices) {
                prop_assert_ne!(&slice.status, &SliceStatus::InProgress);
            }
        }
    }
}
