//! XPath 1.0 expressions as filters write them: read, understood, and what evaluating them may cost.
//!
//! libyang evaluates; this reading comes first, so that a filter is refused with its place, its location paths can be
//! pushed to the state providers, and its cost is known before it is run, for an evaluation cannot be interrupted.

use std::fmt;

pub(in crate::yang) mod tokens;

use tokens::{Kind, Token, tokens};

/// Longer expressions are refused.
pub const MAX_BYTES: usize = 8 * 1024;
/// Deeper nesting of parentheses, predicates and calls is refused.
const MAX_DEPTH: usize = 32;

/// What is wrong with an expression, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// Bytes before it.
    pub at: usize,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.at + 1, self.problem)
    }
}

/// An expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::yang) enum Expr {
    Number,
    Literal(String),
    Call {
        name: String,
        arguments: Vec<Expr>,
    },
    Path(Path),
    /// An operator between two: `|`, `=`, `and`, others.
    Both(Operator, Box<Expr>, Box<Expr>),
    Negative(Box<Expr>),
    /// Something in parentheses or called, with predicates and steps behind it.
    Filtered {
        inner: Box<Expr>,
        predicates: Vec<Expr>,
        steps: Vec<Step>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::yang) enum Operator {
    Union,
    Equal,
    And,
    Other,
}

/// A location path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::yang) struct Path {
    pub(in crate::yang) is_absolute: bool,
    pub(in crate::yang) steps: Vec<Step>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::yang) struct Step {
    pub(in crate::yang) axis: Axis,
    pub(in crate::yang) test: Test,
    pub(in crate::yang) predicates: Vec<Expr>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::yang) enum Axis {
    Child,
    Attribute,
    Itself,
    /// `descendant` and `descendant-or-self`, so `//` too.
    Down,
    /// `parent` and `ancestor`.
    Up,
    /// Siblings, and what precedes or follows.
    Aside,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::yang) enum Test {
    /// A name; the token tells where it stands.
    Name {
        prefix: Option<String>,
        name: String,
        at: usize,
    },
    /// `*` or `node()`.
    Any,
    /// Any node of a namespace: `prefix:*`, which stands at a byte of the expression.
    AnyOf { prefix: String, at: usize },
    /// `text()`, `comment()`, `processing-instruction()`.
    NoElement,
}

impl Path {
    /// Whether it stays at and below its context, so that contexts beside each other share no work.
    pub(in crate::yang) fn is_local(&self) -> bool {
        !self.is_absolute
            && self
                .steps
                .iter()
                .all(|step| !matches!(step.axis, Axis::Up | Axis::Aside))
    }
}

/// Reads an expression.
pub(in crate::yang) fn parse(text: &str) -> Result<Expr, SyntaxError> {
    if text.len() > MAX_BYTES {
        return Err(SyntaxError {
            at: MAX_BYTES,
            problem: format!("the expression is longer than {MAX_BYTES} bytes"),
        });
    }
    let tokens = tokens(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        next: 0,
        end: text.len(),
        depth: 0,
    };
    let expr = parser.or()?;
    match parser.peek() {
        None => Ok(expr),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser<'t> {
    tokens: &'t [Token<'t>],
    next: usize,
    end: usize,
    depth: usize,
}

type Parsed<T> = Result<T, SyntaxError>;

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token<'t>> {
        self.tokens.get(self.next)
    }

    fn kind(&self) -> Option<Kind<'t>> {
        self.peek().map(|token| token.kind)
    }

    fn follows(&self, kind: Kind<'_>) -> bool {
        self.tokens
            .get(self.next + 1)
            .is_some_and(|token| token.kind == kind)
    }

    fn take(&mut self, kind: Kind<'_>) -> bool {
        let found = self.peek().is_some_and(|token| token.kind == kind);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, kind: Kind<'_>) -> Parsed<()> {
        if self.take(kind) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn unexpected(&self) -> SyntaxError {
        match self.peek() {
            Some(token) => SyntaxError {
                at: token.at,
                problem: format!("`{}` is not expected there", token.text),
            },
            None => SyntaxError {
                at: self.end,
                problem: "the expression ends too early".to_owned(),
            },
        }
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            return Err(SyntaxError {
                at: self.peek().map_or(self.end, |token| token.at),
                problem: format!("more than {MAX_DEPTH} expressions inside each other"),
            });
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn chain(
        &mut self,
        operators: &[(&str, Operator)],
        operand: fn(&mut Self) -> Parsed<Expr>,
    ) -> Parsed<Expr> {
        let mut left = operand(self)?;
        while let Some(Kind::Operator(found)) = self.kind() {
            let Some((_, operator)) = operators.iter().find(|(text, _)| *text == found) else {
                break;
            };
            self.next += 1;
            left = Expr::Both(*operator, Box::new(left), Box::new(operand(self)?));
        }
        Ok(left)
    }

    fn or(&mut self) -> Parsed<Expr> {
        self.deeper(|parser| parser.chain(&[("or", Operator::Other)], Parser::and))
    }

    fn and(&mut self) -> Parsed<Expr> {
        self.chain(&[("and", Operator::And)], Parser::equality)
    }

    fn equality(&mut self) -> Parsed<Expr> {
        self.chain(
            &[("=", Operator::Equal), ("!=", Operator::Other)],
            Parser::relation,
        )
    }

    fn relation(&mut self) -> Parsed<Expr> {
        let all = ["<", "<=", ">", ">="].map(|text| (text, Operator::Other));
        self.chain(&all, Parser::sum)
    }

    fn sum(&mut self) -> Parsed<Expr> {
        self.chain(&[("+", Operator::Other), ("-", Operator::Other)], Parser::product)
    }

    fn product(&mut self) -> Parsed<Expr> {
        let all = ["*", "div", "mod"].map(|text| (text, Operator::Other));
        self.chain(&all, Parser::sign)
    }

    fn sign(&mut self) -> Parsed<Expr> {
        let mut signs = 0;
        while self.take(Kind::Operator("-")) {
            signs += 1;
        }
        let expr = self.chain(&[("|", Operator::Union)], Parser::path)?;
        Ok(if signs > 0 {
            Expr::Negative(Box::new(expr))
        } else {
            expr
        })
    }

    fn path(&mut self) -> Parsed<Expr> {
        let inner = match self.kind() {
            Some(Kind::Number) => {
                self.next += 1;
                Expr::Number
            }
            Some(Kind::Literal(text)) => {
                self.next += 1;
                Expr::Literal(text.to_owned())
            }
            Some(Kind::Open) => {
                self.next += 1;
                let inner = self.or()?;
                self.expect(Kind::Close)?;
                inner
            }
            Some(Kind::Name { prefix: None, name })
                if self.follows(Kind::Open) && !NODE_TYPES.contains(&name) =>
            {
                self.next += 2;
                self.call(name)?
            }
            Some(Kind::Variable) => {
                let mut error = self.unexpected();
                "there are no variables".clone_into(&mut error.problem);
                return Err(error);
            }
            _ => return self.location(),
        };
        let predicates = self.predicates()?;
        let mut steps = Vec::new();
        if matches!(self.kind(), Some(Kind::Slash | Kind::DoubleSlash)) {
            self.steps_behind_slash(&mut steps)?;
        }
        if predicates.is_empty() && steps.is_empty() {
            return Ok(inner);
        }
        Ok(Expr::Filtered {
            inner: Box::new(inner),
            predicates,
            steps,
        })
    }

    fn call(&mut self, name: &str) -> Parsed<Expr> {
        let mut arguments = Vec::new();
        if !self.take(Kind::Close) {
            loop {
                arguments.push(self.or()?);
                if self.take(Kind::Close) {
                    break;
                }
                self.expect(Kind::Comma)?;
            }
        }
        Ok(Expr::Call {
            name: name.to_owned(),
            arguments,
        })
    }

    fn location(&mut self) -> Parsed<Expr> {
        let mut steps = Vec::new();
        let is_absolute = match self.kind() {
            Some(Kind::Slash) => {
                let begins = |kind| {
                    matches!(
                        kind,
                        Kind::Name { .. } | Kind::AnyOf(_) | Kind::Star | Kind::Dot | Kind::DotDot | Kind::At
                    )
                };
                if self
                    .tokens
                    .get(self.next + 1)
                    .is_some_and(|token| begins(token.kind))
                {
                    self.steps_behind_slash(&mut steps)?;
                } else {
                    self.next += 1;
                }
                true
            }
            Some(Kind::DoubleSlash) => {
                self.steps_behind_slash(&mut steps)?;
                true
            }
            _ => {
                steps.push(self.step()?);
                self.steps_behind_slash(&mut steps)?;
                false
            }
        };
        Ok(Expr::Path(Path { is_absolute, steps }))
    }

    fn steps_behind_slash(&mut self, steps: &mut Vec<Step>) -> Parsed<()> {
        loop {
            if self.take(Kind::DoubleSlash) {
                steps.push(Step {
                    axis: Axis::Down,
                    test: Test::Any,
                    predicates: Vec::new(),
                });
            } else if !self.take(Kind::Slash) {
                return Ok(());
            }
            steps.push(self.step()?);
        }
    }

    fn step(&mut self) -> Parsed<Step> {
        let abbreviated = |axis| Step {
            axis,
            test: Test::Any,
            predicates: Vec::new(),
        };
        if self.take(Kind::Dot) {
            return Ok(abbreviated(Axis::Itself));
        }
        if self.take(Kind::DotDot) {
            return Ok(abbreviated(Axis::Up));
        }
        let mut axis = Axis::Child;
        if self.take(Kind::At) {
            axis = Axis::Attribute;
        } else if let Some(Kind::Name { prefix: None, name }) = self.kind()
            && self.follows(Kind::DoubleColon)
        {
            axis = AXES
                .iter()
                .find(|(text, _)| *text == name)
                .map(|(_, axis)| *axis)
                .ok_or_else(|| self.unexpected())?;
            self.next += 2;
        }
        let at = self.peek().map_or(self.end, |token| token.at);
        let test = match self.kind() {
            Some(Kind::Star) => Test::Any,
            Some(Kind::AnyOf(prefix)) => Test::AnyOf {
                prefix: prefix.to_owned(),
                at,
            },
            Some(Kind::Name { prefix: None, name })
                if self.follows(Kind::Open) && NODE_TYPES.contains(&name) =>
            {
                self.next += 1;
                if name == "processing-instruction"
                    && matches!(self.tokens.get(self.next + 1), Some(token) if matches!(token.kind, Kind::Literal(_)))
                {
                    self.next += 1;
                }
                if !self.follows(Kind::Close) {
                    self.next += 1;
                    return Err(self.unexpected());
                }
                self.next += 1;
                if name == "node" {
                    Test::Any
                } else {
                    Test::NoElement
                }
            }
            Some(Kind::Name { prefix, name }) => Test::Name {
                prefix: prefix.map(str::to_owned),
                name: name.to_owned(),
                at,
            },
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(Step {
            axis,
            test,
            predicates: self.predicates()?,
        })
    }

    fn predicates(&mut self) -> Parsed<Vec<Expr>> {
        let mut predicates = Vec::new();
        while self.take(Kind::OpenBracket) {
            predicates.push(self.or()?);
            self.expect(Kind::CloseBracket)?;
        }
        Ok(predicates)
    }
}

const NODE_TYPES: [&str; 4] = ["node", "text", "comment", "processing-instruction"];

const AXES: &[(&str, Axis)] = &[
    ("child", Axis::Child),
    ("attribute", Axis::Attribute),
    ("self", Axis::Itself),
    ("descendant", Axis::Down),
    ("descendant-or-self", Axis::Down),
    ("parent", Axis::Up),
    ("ancestor", Axis::Up),
    ("ancestor-or-self", Axis::Up),
    ("following", Axis::Aside),
    ("following-sibling", Axis::Aside),
    ("preceding", Axis::Aside),
    ("preceding-sibling", Axis::Aside),
    ("namespace", Axis::Attribute),
];

/// Depth of data that is taken into account: a node has at most so many ancestors that matter.
const DEPTH: u64 = 16;

/// How many nodes an evaluation may visit at the most in a tree of so many, from one context.
pub(in crate::yang) fn cost(expr: &Expr, nodes: u64) -> u64 {
    total(expr, 1, nodes.max(1))
}

/// The same from so many different contexts.
fn total(expr: &Expr, contexts: u64, nodes: u64) -> u64 {
    match expr {
        Expr::Number | Expr::Literal(_) => contexts,
        Expr::Call { arguments, .. } => {
            sum(arguments.iter().map(|inner| total(inner, contexts, nodes))).saturating_add(contexts)
        }
        Expr::Negative(inner) => total(inner, contexts, nodes),
        Expr::Both(_, left, right) => {
            total(left, contexts, nodes).saturating_add(total(right, contexts, nodes))
        }
        Expr::Path(path) if path.is_absolute => {
            contexts.saturating_mul(steps_total(&path.steps, 1, nodes, true))
        }
        Expr::Path(path) => steps_total(&path.steps, contexts, nodes, path.is_local()),
        Expr::Filtered {
            inner,
            predicates,
            steps,
        } => {
            let found = contexts.saturating_mul(nodes);
            total(inner, contexts, nodes)
                .saturating_add(sum(predicates.iter().map(|test| total(test, found, nodes))))
                .saturating_add(contexts.saturating_mul(steps_total(steps, 1, nodes, false)))
        }
    }
}

/// Contexts beside each other share no nodes on the way down, so all of them together visit each node once; as soon as a
/// path leads up or aside, each context may visit every node.
fn steps_total(steps: &[Step], contexts: u64, nodes: u64, is_local: bool) -> u64 {
    let reached = if is_local {
        nodes
    } else {
        contexts.saturating_mul(nodes)
    };
    sum(steps.iter().map(|step| {
        let visited = match step.axis {
            Axis::Child | Axis::Attribute => reached,
            Axis::Itself => contexts.min(reached),
            Axis::Down => reached.saturating_mul(DEPTH),
            Axis::Up => contexts.saturating_mul(DEPTH),
            Axis::Aside => reached.saturating_mul(nodes),
        };
        let tests = step.predicates.iter().map(|test| total(test, reached, nodes));
        visited.saturating_add(sum(tests))
    }))
}

fn sum(costs: impl Iterator<Item = u64>) -> u64 {
    costs.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xpath_allows_is_read() {
        for text in [
            "/",
            ".",
            "..",
            "//a",
            "/a:b/c:d",
            "/a:b/*",
            "/a:*",
            "a[1]",
            "a[last()][x='1' and y = \"2\"]/b",
            "(a|b)[1]/c",
            "count(//a) > 1 or not(b) and -1 * 2 div 3 mod 4 = 5",
            "child::a/descendant-or-self::node()/@x",
            "a/text()",
            "/a/b[position() mod 2 = 1]",
            "ancestor::a | following-sibling::*",
            "* * *",
            "div div div",
            "and and and",
            "a[.='x.y']",
            "a [ b = ' ' ]",
            "processing-instruction('x')",
            "--a",
            "string-length(a/b)=3",
        ] {
            parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn what_it_does_not_allow_is_refused_with_its_place() {
        for (text, at) in [
            ("", 0),
            ("/a/", 3),
            ("a[", 2),
            ("a]", 1),
            ("a b", 2),
            ("a[1", 3),
            ("'x", 0),
            ("$x", 0),
            ("a::b", 0),
            ("f(", 2),
            ("a/1.5", 2),
            ("a ! b", 2),
            ("a#b", 1),
            ("node(a)", 5),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.at, at, "{text}: {error}");
        }
        let deep = format!("{}a{}", "(".repeat(100), ")".repeat(100));
        assert!(parse(&deep).unwrap_err().problem.contains("inside each other"));
        assert!(parse(&"a".repeat(9000)).unwrap_err().problem.contains("longer"));
    }

    #[test]
    fn what_an_evaluation_may_cost_grows_with_what_it_asks() {
        let cost = |text: &str| cost(&parse(text).unwrap(), 10_000);
        assert!(cost("/a/b[c='x']/d") < 100_000);
        assert!(cost("//a[b='x']") < 1_000_000);
        assert!(cost("//a[//b]") > 1_000_000_000);
        assert!(cost("//*[../*]") > 100_000_000);
        assert!(cost("//*/following::*") > 100_000_000);
        assert!(cost("//*[//*[//*[//*[//*]]]]") == u64::MAX);
    }
}
