//! The rules of one user, found by what they are about, so that a thousand of them cost no more than a few.

use std::collections::HashMap;
use std::sync::Arc;

use crate::management::access::policy::{AccessOperation, DataPath, Rule, Subject};
use crate::yang::schema_node::{SchemaId, SchemaNode};

/// What separates key values in an index; no YANG string holds it.
const END_OF_VALUE: char = '\0';

/// The rules about data; numbers are places among the user's rules, and the lowest one decides.
#[derive(Debug, Default)]
pub struct RuleIndex {
    /// About all of a module.
    everything: Vec<usize>,
    /// About every instance of a node and what is below it.
    every_instance: HashMap<SchemaId, Vec<usize>>,
    /// About some instances.
    shapes: Vec<Shape>,
    /// Places in `shapes` by the node at which their paths end.
    ending_at: HashMap<SchemaId, Vec<usize>>,
}

/// Rules whose paths differ in the values of their predicates alone.
#[derive(Debug)]
pub struct Shape {
    /// The lists on the way with the keys that are given.
    parts: Vec<Part>,
    /// The rules by those values, in order.
    rules: HashMap<String, Vec<usize>>,
    /// The lowest of them all.
    first: usize,
}

/// One list or leaf-list of a shape.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    list: SchemaId,
    /// Of each key whether it is given, in the order of the schema.
    given: Vec<bool>,
}

/// The key values of the entries that a node stands in, or of the node itself; the value of a leaf-list entry.
pub trait Keys {
    /// Calls with each value of the entry of a list, in the order of the schema; whether there is such an entry.
    fn each(&self, list: SchemaId, value: &mut dyn FnMut(usize, &str)) -> bool;
}

impl RuleIndex {
    /// Of rules in their order.
    pub fn of(rules: &[Arc<Rule>]) -> RuleIndex {
        let mut index = RuleIndex::default();
        for (place, rule) in rules.iter().enumerate() {
            match &rule.subject {
                Subject::Everything => index.everything.push(place),
                Subject::Data(path) => index.add(place, path),
                Subject::Rpc(_) | Subject::Notification(_) | Subject::Nothing => {}
            }
        }
        index
    }

    fn add(&mut self, place: usize, path: &DataPath) {
        let mut parts = Vec::new();
        let mut values = String::new();
        for predicate in &path.predicates {
            let given: Vec<bool> = predicate.values.iter().map(Option::is_some).collect();
            if !given.contains(&true) {
                continue;
            }
            predicate
                .values
                .iter()
                .flatten()
                .for_each(|value| push(&mut values, value));
            parts.push(Part {
                list: predicate.list,
                given,
            });
        }
        if parts.is_empty() {
            self.every_instance.entry(path.end).or_default().push(place);
            return;
        }
        let ending = self.ending_at.entry(path.end).or_default();
        let known = ending
            .iter()
            .copied()
            .find(|number| self.shapes.get(*number).is_some_and(|shape| shape.parts == parts));
        let number = known.unwrap_or_else(|| {
            ending.push(self.shapes.len());
            self.shapes.push(Shape {
                parts,
                rules: HashMap::new(),
                first: place,
            });
            self.shapes.len() - 1
        });
        if let Some(shape) = self.shapes.get_mut(number) {
            shape.rules.entry(values).or_default().push(place);
        }
    }

    /// The first rule about every instance of a node; `chain` is the node and what is above it.
    pub fn first_for_all(
        &self,
        rules: &[Arc<Rule>],
        operation: AccessOperation,
        node: SchemaNode<'_>,
        chain: &[SchemaId],
    ) -> Option<usize> {
        let above = chain.iter().filter_map(|node| self.every_instance.get(node));
        above
            .chain([&self.everything])
            .filter_map(|places| first_that_fits(rules, places, operation, node))
            .min()
    }

    /// The shapes whose paths end at a node or above it and that may have a rule before `first`.
    pub fn shapes_for(&self, chain: &[SchemaId], first: Option<usize>) -> Vec<usize> {
        let numbers = chain.iter().filter_map(|node| self.ending_at.get(node)).flatten();
        numbers
            .copied()
            .filter(|number| self.shape(*number).is_some_and(|shape| shape.may_precede(first)))
            .collect()
    }

    /// A shape by its number.
    pub fn shape(&self, number: usize) -> Option<&Shape> {
        self.shapes.get(number)
    }
}

impl Shape {
    /// Whether one of its rules comes before another one.
    pub fn may_precede(&self, other: Option<usize>) -> bool {
        other.is_none_or(|other| self.first < other)
    }

    /// The first of its rules about an instance; `text` is room to work in.
    pub fn first_for(
        &self,
        rules: &[Arc<Rule>],
        operation: AccessOperation,
        node: SchemaNode<'_>,
        keys: &impl Keys,
        text: &mut String,
    ) -> Option<usize> {
        text.clear();
        for Part { list, given } in &self.parts {
            let stands_in_one = keys.each(*list, &mut |place, value| {
                if given.get(place) == Some(&true) {
                    push(text, value);
                }
            });
            if !stands_in_one {
                return None;
            }
        }
        first_that_fits(rules, self.rules.get(text.as_str())?, operation, node)
    }
}

fn push(text: &mut String, value: &str) {
    text.push_str(value);
    text.push(END_OF_VALUE);
}

fn first_that_fits(
    rules: &[Arc<Rule>],
    places: &[usize],
    operation: AccessOperation,
    node: SchemaNode<'_>,
) -> Option<usize> {
    places.iter().copied().find(|place| {
        rules
            .get(*place)
            .is_some_and(|rule| rule.covers(operation) && rule.module.matches(node.module()))
    })
}
