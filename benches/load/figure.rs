//! One figure: what was measured, how it reads, and whether it keeps its budget.

use std::time::Duration;

/// What a figure counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Seconds; less is better.
    Time,
    /// A second; more is better.
    Rate,
    /// Bytes; less is better.
    Memory,
}

/// A measured value in seconds, a second or bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Measured {
    /// The median of times, or the value itself.
    pub value: f64,
    /// 99 of 100 are below, where there were many.
    pub p99: Option<f64>,
}

impl From<f64> for Measured {
    fn from(value: f64) -> Measured {
        Measured { value, p99: None }
    }
}

impl Measured {
    /// Of some times; `None` of none.
    pub fn of(mut times: Vec<Duration>) -> Option<Measured> {
        times.sort();
        let at = |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
        Some(Measured {
            value: at(50)?.as_secs_f64(),
            p99: at(99).filter(|_| times.len() >= 20).map(Duration::as_secs_f64),
        })
    }

    /// As the table shows it.
    pub fn shown(self, unit: Unit) -> String {
        match self.p99 {
            Some(p99) => format!("{} / {}", amount(self.value, unit), amount(p99, unit)),
            None => amount(self.value, unit),
        }
    }

    /// Whether it is as good as the budget.
    pub fn keeps(self, budget: f64, unit: Unit) -> bool {
        match unit {
            Unit::Time | Unit::Memory => self.value <= budget,
            Unit::Rate => self.value >= budget,
        }
    }
}

/// A value with three digits and the unit that suits it.
pub fn amount(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Rate => format!("{}/s", digits(value)),
        Unit::Memory if value.abs() >= 1e6 => format!("{} MB", digits(value / 1e6)),
        Unit::Memory => format!("{} kB", digits(value / 1e3)),
        Unit::Time if value >= 1.0 => format!("{} s", digits(value)),
        Unit::Time if value >= 1e-3 => format!("{} ms", digits(value * 1e3)),
        Unit::Time if value >= 1e-4 => format!("{:.3} ms", value * 1e3),
        Unit::Time if value >= 1e-6 => format!("{} µs", digits(value * 1e6)),
        Unit::Time => format!("{} ns", digits(value * 1e9)),
    }
}

fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 99.5 => format!("{value:.0}"),
        size if size >= 9.95 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
