//! How counts changed from one counting to the next, and what came or went that made the difference.

use std::collections::{BTreeMap, BTreeSet};

use crate::licensing::catalogue::Entitlement;
use crate::licensing::consumption::Consumption;
use crate::licensing::contribution::{Item, Rule};

/// How one count changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CountChange {
    /// Of which entitlement.
    pub entitlement: Entitlement,
    /// What it was.
    pub from: u32,
    /// What it is.
    pub to: u32,
    /// What came, went or changed, in the order of location and port; the steps add up to the difference.
    pub reasons: Vec<Reason>,
}

/// One step of a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// What is counted.
    pub item: Item,
    /// Licences more, or less where it is below zero.
    pub step: i64,
    /// The rule that holds for it; the one that held, where it is not counted any more.
    pub rule: Rule,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Reason { item, step, rule } = self;
        write!(f, "{step:+} {item}: {rule}")
    }
}

/// The counts that differ, in the order of the catalogue.
pub fn count_changes(before: &Consumption, after: &Consumption) -> Vec<CountChange> {
    let differing = |entitlement: &Entitlement| before.count(*entitlement) != after.count(*entitlement);
    let changed = Entitlement::ALL.into_iter().filter(differing);
    changed
        .map(|entitlement| CountChange {
            entitlement,
            from: before.count(entitlement),
            to: after.count(entitlement),
            reasons: reasons(&amounts(before, entitlement), &amounts(after, entitlement)),
        })
        .collect()
}

type Amounts = BTreeMap<Item, (u32, Rule)>;

fn amounts(consumption: &Consumption, entitlement: Entitlement) -> Amounts {
    let entry = consumption.entitlements.get(&entitlement);
    let contributions = entry.iter().flat_map(|entry| &entry.contributions);
    contributions
        .map(|one| (one.item, (one.amount, one.rule)))
        .collect()
}

fn reasons(before: &Amounts, after: &Amounts) -> Vec<Reason> {
    let items: BTreeSet<&Item> = before.keys().chain(after.keys()).collect();
    let step = |item: &Item| {
        let amount = |amounts: &Amounts| amounts.get(item).map_or(0, |(amount, _)| i64::from(*amount));
        amount(after) - amount(before)
    };
    let changed = items.into_iter().filter(|item| step(item) != 0);
    changed
        .filter_map(|item| {
            let (_, rule) = after.get(item).or_else(|| before.get(item))?;
            Some(Reason {
                item: *item,
                step: step(item),
                rule: *rule,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::licensing::consumption::consumption;
    use crate::licensing::policy::Policy;
    use crate::licensing::sample::{L12T, any_facts, any_policy, chassis};

    fn told(change: &CountChange) -> Vec<String> {
        change.reasons.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_port_that_is_encrypted_moves_its_licence_and_says_so() {
        let count = |chassis: crate::licensing::sample::Chassis| consumption(&chassis.0, &Policy::default());
        let before = count(chassis().card(L12T).plain(0, 6));
        let after = count(chassis().card(L12T).plain(0, 6).encrypt(1));
        let changes = count_changes(&before, &after);
        assert_eq!(changes.len(), 2);
        assert_eq!((changes[0].from, changes[0].to), (2, 1));
        assert_eq!(
            told(&changes[1]),
            ["+1 HundredGigECtrlr0/0/0/2: one for each client port beyond the first 4"]
        );
        assert_eq!(count_changes(&after, &after), []);
    }

    #[test]
    fn what_went_is_named_with_the_rule_that_held() {
        let before = consumption(&chassis().card(L12T).trunk(Some("3")).0, &Policy::default());
        let changes = count_changes(&before, &Consumption::default());
        assert_eq!((changes[0].from, changes[0].to), (1, 0));
        assert_eq!(
            told(&changes[0]),
            ["-1 Optics0/0/0/0: 3.0000000000 bits per symbol is within 2 to 4"]
        );
    }

    proptest! {
        #[test]
        fn the_steps_add_up_to_the_difference(
            before in any_facts(), after in any_facts(), policy in any_policy()
        ) {
            let (before, after) = (consumption(&before, &policy), consumption(&after, &policy));
            for change in count_changes(&before, &after) {
                let sum: i64 = change.reasons.iter().map(|reason| reason.step).sum();
                prop_assert_eq!(sum, i64::from(change.to) - i64::from(change.from));
            }
        }
    }
}
