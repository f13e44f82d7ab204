//! YANG: the schema, data trees, filters and rendering; the only room that knows libyang.
//!
//! Invariant: raw pointers and `unsafe` stay in the files that are let off below; everything else is safe.
//! Invariant: every leaf of a [`tree::Tree`] carries its canonical text, so shared trees are only ever read.

#![deny(unsafe_code)]

#[allow(unsafe_code)] // reads compiled types
mod compiled_type;
pub mod document;
pub mod error;
mod escapes;
#[allow(unsafe_code)] // puts a node behind the last one
mod evaluable;
#[allow(unsafe_code)] // evaluates XPath, copies and joins data
pub mod evaluate;
#[allow(unsafe_code)] // evaluates them and reads their atoms
mod expression;
#[allow(unsafe_code)] // evaluates expressions
mod judgement;
#[allow(unsafe_code)] // fills in defaults
pub mod localised;
#[allow(unsafe_code)] // puts defaults there
mod localised_whens;
#[allow(unsafe_code)] // copies nodes from one tree to another
mod merge;
pub mod modules;
pub mod notification;
pub mod operation;
pub mod path;
#[allow(unsafe_code)] // writes data nodes
pub mod place;
pub mod prefixes;
pub mod print;
pub mod rejection;
pub mod resolve;
#[allow(unsafe_code)] // lends its node
mod rooted;
#[allow(unsafe_code)] // reads compiled expressions and types
mod rules;
#[allow(unsafe_code)] // loads the context and lends handles into it
pub mod schema;
#[allow(unsafe_code)] // reads compiled schema nodes
pub mod schema_node;
pub mod select;
pub mod state;
#[allow(unsafe_code)] // owns and reads data nodes
pub mod tree;
pub mod validate;
pub mod value_rule;
#[allow(unsafe_code)] // reads choices
mod when_order;
#[allow(unsafe_code)] // takes nodes away and puts defaults there
mod whens;
#[allow(unsafe_code)] // has libyang validate
mod whole;
#[allow(unsafe_code)] // changes what libyang sees of a schema
mod withheld;
#[allow(unsafe_code)] // keeps a stack of nodes that it adds to
pub mod writer;
pub mod xpath;
pub mod xpath_filter;
