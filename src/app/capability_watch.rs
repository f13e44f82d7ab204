//! What the agent can do, compared with what it could at its last start (RFC 6470, `netconf-capability-change`).

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::management::event_stream::EventStreams;
use crate::state_dir::{StateDir, StateDirError};

/// The capabilities of the last start, one a line.
const FILE: &str = "capabilities";

/// Tells of what came, went and changed since the last start, and remembers the present ones.
pub fn tell(
    state_dir: &StateDir,
    events: &EventStreams,
    capabilities: &[String],
    now: Timestamp,
) -> Result<(), StateDirError> {
    let text = capabilities.join("\n");
    match state_dir.read(FILE)? {
        Some(before) if before == text => return Ok(()),
        Some(before) => {
            let changes = Changes::between(before.lines(), capabilities.iter().map(String::as_str));
            events.capabilities_changed(now, &changes.added, &changes.deleted, &changes.modified);
        }
        // A first start: nobody knew it otherwise.
        None => {}
    }
    state_dir.write(FILE, text.as_bytes())
}

#[derive(PartialEq, Eq, Debug, Default)]
struct Changes {
    added: Vec<String>,
    deleted: Vec<String>,
    modified: Vec<String>,
}

impl Changes {
    /// A capability is the same one as long as what stands before `?` is.
    fn between<'c>(before: impl Iterator<Item = &'c str>, after: impl Iterator<Item = &'c str>) -> Changes {
        let by_base = |uri: &'c str| (uri.split('?').next().unwrap_or(uri), uri);
        let before: BTreeMap<&str, &str> = before.map(by_base).collect();
        let after: BTreeMap<&str, &str> = after.map(by_base).collect();
        let mut changes = Changes::default();
        for (base, uri) in &after {
            match before.get(base) {
                None => changes.added.push((*uri).to_owned()),
                Some(was) if was != uri => changes.modified.push((*uri).to_owned()),
                Some(_) => {}
            }
        }
        let gone = before.iter().filter(|(base, _)| !after.contains_key(*base));
        changes.deleted = gone.map(|(_, uri)| (*uri).to_owned()).collect();
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::desired_state::payload::SCHEMA;

    #[test]
    fn what_came_went_and_changed_since_the_last_start_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = StateDir::open(folder.path()).unwrap();
        let start = |capabilities: &[&str]| {
            let events = EventStreams::in_memory(&SCHEMA, Timestamp::UNIX_EPOCH);
            let capabilities: Vec<String> = capabilities.iter().map(|uri| (*uri).to_owned()).collect();
            tell(&state_dir, &events, &capabilities, Timestamp::UNIX_EPOCH).unwrap();
            events.logged()
        };
        assert_eq!(start(&["urn:a?revision=1", "urn:b"]).len(), 0, "a first start");
        assert_eq!(start(&["urn:a?revision=1", "urn:b"]).len(), 0);
        let told = start(&["urn:a?revision=2", "urn:c"]);
        assert_eq!(told.len(), 1);
        for part in [
            "<modified-capability>urn:a?revision=2<",
            "<added-capability>urn:c<",
            "<deleted-capability>urn:b<",
        ] {
            assert!(told[0].content.contains(part), "{part}: {}", told[0].content);
        }
        assert_eq!(start(&["urn:a?revision=2", "urn:c"]).len(), 0);
    }
}
