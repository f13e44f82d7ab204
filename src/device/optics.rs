//! Figures of a trunk's optics as plain data: bits per symbol, dispersion limits, and the settings that make a link subsea.

use std::fmt;
use std::str::FromStr;

use crate::device::inventory::NameError;

/// Bits per symbol as a fixed-point decimal with ten places: 3 is `3.0000000000`.
/// Never a float, because licences turn on exact boundaries (chapter, "Criteria for license consumption").
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BitsPerSymbol(u64);

/// Steps of [`BitsPerSymbol`] in one bit.
const STEPS: u64 = 10_000_000_000;

impl BitsPerSymbol {
    /// From whole bits and ten-billionths of a bit.
    pub const fn from_parts(whole: u32, ten_billionths: u64) -> BitsPerSymbol {
        BitsPerSymbol(whole as u64 * STEPS + ten_billionths)
    }

    /// A whole number of bits.
    pub const fn whole(bits: u32) -> BitsPerSymbol {
        BitsPerSymbol::from_parts(bits, 0)
    }

    /// The nearest float, for physics only, never for licences.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / STEPS as f64
    }
}

impl fmt::Display for BitsPerSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:010}", self.0 / STEPS, self.0 % STEPS)
    }
}

impl FromStr for BitsPerSymbol {
    type Err = NameError;

    /// Reads a plain decimal: digits, at most one point; places past the tenth must be zero.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError {
            text: text.to_owned(),
            rule: "a decimal number of bits per symbol below 1000 with at most ten places, such as 3.4375",
        };
        let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || !digits(whole) || !digits(fraction) {
            return Err(wrong());
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > 10 {
            return Err(wrong());
        }
        let whole: u64 = whole.parse().map_err(|_| wrong())?;
        let fraction: u64 = format!("{fraction:0<10}").parse().map_err(|_| wrong())?;
        Ok(BitsPerSymbol(whole * STEPS + fraction))
    }
}

/// The ten trunk settings that consume a subsea licence as soon as they stand in the running configuration
/// (chapter, "Criteria for license consumption of subsea networks").
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum SubseaSetting {
    /// `filter-roll-off-factor`
    FilterRollOffFactor,
    /// `rx-voa target-power`
    RxVoaTargetPower,
    /// `rx-voa fixed-ratio`
    RxVoaFixedRatio,
    /// `enh-colorless-mode`
    EnhColorlessMode,
    /// `enh-sop-tol-mode`
    EnhSopTolMode,
    /// `nleq-comp-mode`
    NleqCompMode,
    /// `cross-pol-gain-mode`
    CrossPolGainMode,
    /// `cross-pol-weight-mode`
    CrossPolWeightMode,
    /// `cpr-win-mode`
    CprWinMode,
    /// `cpr-ext-win-mode`
    CprExtWinMode,
}

impl SubseaSetting {
    /// All ten.
    pub const ALL: [SubseaSetting; 10] = [
        SubseaSetting::FilterRollOffFactor,
        SubseaSetting::RxVoaTargetPower,
        SubseaSetting::RxVoaFixedRatio,
        SubseaSetting::EnhColorlessMode,
        SubseaSetting::EnhSopTolMode,
        SubseaSetting::NleqCompMode,
        SubseaSetting::CrossPolGainMode,
        SubseaSetting::CrossPolWeightMode,
        SubseaSetting::CprWinMode,
        SubseaSetting::CprExtWinMode,
    ];

    /// The path below `optics` in the native model, which is also the CLI word with `/` for a blank.
    pub fn yang_path(self) -> &'static str {
        match self {
            SubseaSetting::FilterRollOffFactor => "filter-roll-off-factor",
            SubseaSetting::RxVoaTargetPower => "rx-voa/target-power",
            SubseaSetting::RxVoaFixedRatio => "rx-voa/fixed-ratio",
            SubseaSetting::EnhColorlessMode => "enh-colorless-mode",
            SubseaSetting::EnhSopTolMode => "enh-sop-tol-mode",
            SubseaSetting::NleqCompMode => "nleq-comp-mode",
            SubseaSetting::CrossPolGainMode => "cross-pol-gain-mode",
            SubseaSetting::CrossPolWeightMode => "cross-pol-weight-mode",
            SubseaSetting::CprWinMode => "cpr-win-mode",
            SubseaSetting::CprExtWinMode => "cpr-ext-win-mode",
        }
    }

    /// The value that holds while the setting is absent, as text of the model; `None` where absence means "off", which
    /// the model has no value for (7.0.x sub-sea chapter: roll-off 0.1, target power -5 dBm, fixed ratio 15 dB).
    pub fn default_value(self) -> Option<&'static str> {
        match self {
            SubseaSetting::FilterRollOffFactor => Some("0.100"),
            SubseaSetting::RxVoaTargetPower => Some("-50"),
            SubseaSetting::RxVoaFixedRatio => Some("1500"),
            SubseaSetting::EnhColorlessMode
            | SubseaSetting::EnhSopTolMode
            | SubseaSetting::NleqCompMode
            | SubseaSetting::CrossPolGainMode
            | SubseaSetting::CrossPolWeightMode
            | SubseaSetting::CprWinMode
            | SubseaSetting::CprExtWinMode => None,
        }
    }
}

/// Default limits of the chromatic dispersion search, ps/nm (reading Q20 of the counting rules: the boundary consumes nothing).
pub const DEFAULT_CD_MIN_PS_NM: i32 = -10_000;
/// See [`DEFAULT_CD_MIN_PS_NM`].
pub const DEFAULT_CD_MAX_PS_NM: i32 = 100_000;
