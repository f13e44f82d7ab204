//! What values the type of a leaf takes, as plain data.

/// What values a leaf takes, for messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ValueRule {
    /// An integer in these ranges.
    Integer(Vec<(i128, i128)>),
    /// A decimal number in these ranges (scaled by ten to the power of the digits).
    Decimal {
        /// Digits after the point.
        digits: u8,
        /// Scaled ranges.
        ranges: Vec<(i128, i128)>,
    },
    /// A text of these lengths that matches every pattern (or, where the flag says so, does not).
    Text {
        /// Lengths in characters.
        lengths: Vec<(i128, i128)>,
        /// Pattern, and whether a match is forbidden.
        patterns: Vec<(String, bool)>,
    },
    /// One of these names.
    Enumeration(Vec<String>),
    /// Any of these names, separated by blanks.
    Bits(Vec<String>),
    /// `true` or `false`.
    Boolean,
    /// No value.
    Empty,
    /// An identity derived from these.
    Identity(Vec<String>),
    /// What the referenced leaf takes.
    Reference(Box<ValueRule>),
    /// What any of these takes.
    Union(Vec<ValueRule>),
    /// Base64.
    Binary,
    /// The path of a node.
    InstanceIdentifier,
    /// An XPath expression.
    Expression,
}

/// What must be known of a type before a value is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ValueTraits {
    /// Blanks around a value belong to it.
    pub keeps_blanks: bool,
    /// A value may mention modules by prefixes.
    pub names_modules: bool,
    /// Which of several types a value has may depend on what else is in the tree.
    pub is_union: bool,
}

impl ValueRule {
    /// Whether a value may be an identity, whose prefix has a meaning.
    pub fn may_be_identity(&self) -> bool {
        match self {
            ValueRule::Identity(_) => true,
            ValueRule::Reference(target) => target.may_be_identity(),
            ValueRule::Union(members) => members.iter().any(ValueRule::may_be_identity),
            _ => false,
        }
    }
}
