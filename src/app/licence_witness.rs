//! Who sees what licensing is given and does: the log and the traces.

use std::sync::Arc;

use crate::licensing::agent::{Input, Output};
use crate::licensing::state::AgentState;

/// Sees everything in order. Must not block: licensing waits.
pub trait LicenceWitness: Send + Sync {
    /// The agent is given this.
    fn given(&self, input: &Input);

    /// The agent wants this done.
    fn wanted(&self, output: &Output);

    /// So everything stands, after a step.
    fn stands(&self, state: &AgentState);
}

/// Several, each in its turn.
impl LicenceWitness for Vec<Arc<dyn LicenceWitness>> {
    fn given(&self, input: &Input) {
        self.iter().for_each(|witness| witness.given(input));
    }

    fn wanted(&self, output: &Output) {
        self.iter().for_each(|witness| witness.wanted(output));
    }

    fn stands(&self, state: &AgentState) {
        self.iter().for_each(|witness| witness.stands(state));
    }
}

/// Nobody looks: reports and tests.
impl LicenceWitness for () {
    fn given(&self, _: &Input) {}

    fn wanted(&self, _: &Output) {}

    fn stands(&self, _: &AgentState) {}
}
