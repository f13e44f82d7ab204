//! The data of `ponder-bench`: entries, edits and filters as XML, the same for every benchmark and every peer.

use std::fmt::Write;

/// Namespace of the module.
pub const NAMESPACE: &str = "urn:ponder:bench";

/// Entries 1 to `count`; each points to the one before it, the first to itself.
pub fn entries(count: u32) -> String {
    let mut xml = format!("<ports xmlns=\"{NAMESPACE}\">");
    for id in 1..=count {
        let peer = id.saturating_sub(1).max(1);
        let gain = i64::from(id % 2001) - 1000;
        // Writing to a String cannot fail.
        let _ = write!(
            xml,
            "<port><id>{id}</id><low>10</low><high>20</high><on>{}</on><gain>{gain}</gain><peer>{peer}</peer></port>",
            id % 3 != 0,
        );
    }
    xml.push_str("</ports>");
    xml
}

/// An edit of one leaf, which has a must.
pub fn one_leaf(id: u32, high: u32) -> String {
    format!("<ports xmlns=\"{NAMESPACE}\"><port><id>{id}</id><high>{high}</high></port></ports>")
}

/// A subtree filter for one entry.
pub fn by_key(id: u32) -> String {
    format!("<ports xmlns=\"{NAMESPACE}\"><port><id>{id}</id></port></ports>")
}

/// Keys in an order that jumps over the whole list and repeats late.
pub fn jumping(count: u32) -> impl Iterator<Item = u32> {
    let step = (count / 5 * 3).max(1) | 1;
    (0..u32::MAX).scan(0, move |at: &mut u32, _| {
        *at = at.wrapping_add(step) % count;
        Some(*at + 1)
    })
}
