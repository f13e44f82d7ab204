//! The words of an XPath expression (XPath 1.0 section 3.7).

use crate::yang::xpath::SyntaxError;

/// One word and where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::yang) struct Token<'t> {
    pub(in crate::yang) kind: Kind<'t>,
    pub(in crate::yang) at: usize,
    pub(super) text: &'t str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::yang) enum Kind<'t> {
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Dot,
    DotDot,
    At,
    Comma,
    DoubleColon,
    Slash,
    DoubleSlash,
    /// `*` as a test.
    Star,
    /// `prefix:*`
    AnyOf(&'t str),
    Name {
        prefix: Option<&'t str>,
        name: &'t str,
    },
    /// `and`, `*` between two, …
    Operator(&'t str),
    Literal(&'t str),
    Number,
    Variable,
}

const SYMBOLS: &[(&str, Kind<'static>)] = &[
    ("(", Kind::Open),
    (")", Kind::Close),
    ("[", Kind::OpenBracket),
    ("]", Kind::CloseBracket),
    ("..", Kind::DotDot),
    ("@", Kind::At),
    (",", Kind::Comma),
    ("::", Kind::DoubleColon),
    ("//", Kind::DoubleSlash),
    ("/", Kind::Slash),
    ("|", Kind::Operator("|")),
    ("+", Kind::Operator("+")),
    ("-", Kind::Operator("-")),
    ("!=", Kind::Operator("!=")),
    ("=", Kind::Operator("=")),
    ("<=", Kind::Operator("<=")),
    (">=", Kind::Operator(">=")),
    ("<", Kind::Operator("<")),
    (">", Kind::Operator(">")),
];

/// The words of an expression, one after the other, until one of them makes no sense.
pub(in crate::yang) struct Tokens<'t> {
    text: &'t str,
    at: usize,
    last: Option<Token<'t>>,
}

impl<'t> Tokens<'t> {
    pub(in crate::yang) fn of(text: &'t str) -> Tokens<'t> {
        Tokens {
            text,
            at: 0,
            last: None,
        }
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Result<Token<'t>, SyntaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.at..)?;
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let at = self.at + blanks;
        let rest = rest.get(blanks..).filter(|rest| !rest.is_empty())?;
        let found = next(rest, after_operand(self.last.as_ref()));
        Some(
            found
                .map_err(|problem| SyntaxError { at, problem })
                .map(|(kind, length)| {
                    let token = Token {
                        kind,
                        at,
                        text: rest.get(..length).unwrap_or(rest),
                    };
                    self.at = at + length;
                    self.last = Some(token);
                    token
                }),
        )
    }
}

/// Cuts an expression into words.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, SyntaxError> {
    Tokens::of(text).collect()
}

/// Whether what comes next stands between two, so that `*` multiplies and `and` joins.
fn after_operand(last: Option<&Token<'_>>) -> bool {
    !matches!(
        last.map(|token| token.kind),
        None | Some(
            Kind::At
                | Kind::DoubleColon
                | Kind::Open
                | Kind::OpenBracket
                | Kind::Comma
                | Kind::Operator(_)
                | Kind::Slash
                | Kind::DoubleSlash
        )
    )
}

fn next(rest: &str, after_operand: bool) -> Result<(Kind<'_>, usize), String> {
    let first = rest.chars().next().unwrap_or_default();
    let second = rest.chars().nth(1).unwrap_or_default();
    if first == '"' || first == '\'' {
        let inside = rest.get(1..).unwrap_or_default();
        let length = inside.find(first).ok_or("a text that does not end")?;
        return Ok((
            Kind::Literal(inside.get(..length).unwrap_or_default()),
            length + 2,
        ));
    }
    if first.is_ascii_digit() || (first == '.' && second.is_ascii_digit()) {
        let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let mut length = digits(rest);
        if rest.get(length..).is_some_and(|rest| rest.starts_with('.')) {
            length += 1 + digits(rest.get(length + 1..).unwrap_or_default());
        }
        return Ok((Kind::Number, length));
    }
    if let Some((symbol, kind)) = SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
        return Ok((*kind, symbol.len()));
    }
    match first {
        '.' => Ok((Kind::Dot, 1)),
        '*' if after_operand => Ok((Kind::Operator("*"), 1)),
        '*' => Ok((Kind::Star, 1)),
        '$' => {
            let name = name_length(rest.get(1..).unwrap_or_default());
            Ok((Kind::Variable, 1 + name))
        }
        _ => name(rest, after_operand),
    }
}

fn name(rest: &str, after_operand: bool) -> Result<(Kind<'_>, usize), String> {
    let length = name_length(rest);
    if length == 0 {
        let first = rest.chars().next().unwrap_or_default();
        return Err(format!("{first:?} has no meaning there"));
    }
    let (name, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
    if after_operand && ["and", "or", "div", "mod"].contains(&name) {
        return Ok((Kind::Operator(name), length));
    }
    if let Some(local) = behind.strip_prefix(':').filter(|local| !local.starts_with(':')) {
        if local.starts_with('*') {
            return Ok((Kind::AnyOf(name), length + 2));
        }
        let local_length = name_length(local);
        if local_length == 0 {
            return Err(format!("no name behind the prefix {name}"));
        }
        let kind = Kind::Name {
            prefix: Some(name),
            name: local.get(..local_length).unwrap_or(local),
        };
        return Ok((kind, length + 1 + local_length));
    }
    Ok((Kind::Name { prefix: None, name }, length))
}

/// Bytes of the name that a text begins with.
fn name_length(text: &str) -> usize {
    let begins = |letter: char| letter.is_alphabetic() || letter == '_';
    let goes_on = |letter: char| begins(letter) || letter.is_numeric() || letter == '-' || letter == '.';
    if !text.starts_with(begins) {
        return 0;
    }
    text.find(|letter| !goes_on(letter)).unwrap_or(text.len())
}
