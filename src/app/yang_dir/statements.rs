//! The statements of a YANG text with their lines (RFC 7950 section 6): enough to say what a file is and where a fault is.

use std::iter::Peekable;
use std::str::CharIndices;

/// One statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// Where its keyword stands, counted from 1.
    pub line: usize,
    /// How many statements it is inside of.
    pub depth: usize,
    /// Its keyword, with the prefix of an extension.
    pub keyword: String,
    /// Its argument, quotes taken away.
    pub argument: String,
}

/// All statements in their order. Text that is no YANG gives some statements or none; the parser that compiles it says
/// what is wrong with it.
pub fn statements(text: &str) -> Vec<Statement> {
    let mut reader = Reader {
        text,
        letters: text.char_indices().peekable(),
        line: 1,
    };
    let mut found = Vec::new();
    let mut depth: usize = 0;
    // A statement that has begun: what is known of it.
    let mut begun: Option<Statement> = None;
    while let Some((line, token)) = reader.token() {
        match token {
            Token::Open | Token::End => {
                found.extend(begun.take());
                depth += usize::from(token == Token::Open);
            }
            Token::Close => depth = depth.saturating_sub(1),
            Token::Word(word) => match &mut begun {
                None => {
                    begun = Some(Statement {
                        line,
                        depth,
                        keyword: word,
                        argument: String::new(),
                    });
                }
                Some(statement) => statement.argument.push_str(&word),
            },
            Token::Plus => {}
        }
    }
    found.extend(begun);
    found
}

/// The statement below `statements[at]`, and what is inside it.
pub fn inside(statements: &[Statement], at: usize) -> &[Statement] {
    let Some((outer, rest)) = statements.get(at..).and_then(<[Statement]>::split_first) else {
        return &[];
    };
    let end = rest.iter().position(|inner| inner.depth <= outer.depth);
    rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
}

#[derive(PartialEq, Eq, Debug)]
enum Token {
    Word(String),
    Plus,
    Open,
    Close,
    End,
}

struct Reader<'t> {
    text: &'t str,
    letters: Peekable<CharIndices<'t>>,
    line: usize,
}

impl Reader<'_> {
    /// The next token that is no comment, and its line.
    fn token(&mut self) -> Option<(usize, Token)> {
        loop {
            let (at, letter) = self.next()?;
            let line = self.line;
            let token = match letter {
                ' ' | '\t' | '\r' | '\n' | '\u{feff}' => continue,
                '{' => Token::Open,
                '}' => Token::Close,
                ';' => Token::End,
                '/' if self.follows('/') => {
                    while self.letters.peek().is_some_and(|(_, letter)| *letter != '\n') {
                        self.next();
                    }
                    continue;
                }
                '/' if self.follows('*') => {
                    self.next();
                    while let Some((_, letter)) = self.next() {
                        if letter == '*' && self.follows('/') {
                            self.next();
                            break;
                        }
                    }
                    continue;
                }
                '"' => Token::Word(self.double_quoted()),
                '\'' => Token::Word(self.single_quoted()),
                '+' if self.letters.peek().is_none_or(|(_, next)| next.is_whitespace()) => Token::Plus,
                _ => Token::Word(self.unquoted(at)),
            };
            return Some((line, token));
        }
    }

    fn next(&mut self) -> Option<(usize, char)> {
        let next = self.letters.next();
        if let Some((_, '\n')) = next {
            self.line += 1;
        }
        next
    }

    fn follows(&mut self, wanted: char) -> bool {
        self.letters.peek().is_some_and(|(_, letter)| *letter == wanted)
    }

    fn double_quoted(&mut self) -> String {
        let mut content = String::new();
        while let Some((_, letter)) = self.next() {
            match letter {
                '"' => break,
                '\\' => content.extend(self.next().map(|(_, escaped)| match escaped {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                })),
                other => content.push(other),
            }
        }
        content
    }

    fn single_quoted(&mut self) -> String {
        let mut content = String::new();
        while let Some((_, letter)) = self.next() {
            if letter == '\'' {
                break;
            }
            content.push(letter);
        }
        content
    }

    fn unquoted(&mut self, from: usize) -> String {
        let mut to = self.text.len();
        while let Some((at, letter)) = self.letters.peek().copied() {
            if letter.is_whitespace() || matches!(letter, ';' | '{' | '}') {
                to = at;
                break;
            }
            self.next();
        }
        self.text.get(from..to).unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "// first\nmodule m {\n  /* leaf no; \n */ namespace \"urn:\"\n    + 'm';\n  prefix m;\n  \
                        list l { key k; leaf k { type string; } }\n  description \"a { b; \\\" c\n leaf no;\";\n  leaf z;\n}";

    fn shown(statements: &[Statement]) -> Vec<String> {
        statements
            .iter()
            .map(|s| format!("{}:{} {} {:?}", s.line, s.depth, s.keyword, s.argument))
            .collect()
    }

    #[test]
    fn statements_have_their_lines_whatever_comments_and_strings_hold() {
        assert_eq!(
            shown(&statements(TEXT)),
            [
                "2:0 module \"m\"",
                "4:1 namespace \"urn:m\"",
                "6:1 prefix \"m\"",
                "7:1 list \"l\"",
                "7:2 key \"k\"",
                "7:2 leaf \"k\"",
                "7:3 type \"string\"",
                "8:1 description \"a { b; \\\" c\\n leaf no;\"",
                "10:1 leaf \"z\"",
            ]
        );
    }

    #[test]
    fn what_is_inside_a_statement_ends_where_the_next_begins() {
        let all = statements(TEXT);
        let list = all.iter().position(|s| s.keyword == "list").unwrap();
        assert_eq!(
            shown(inside(&all, list)),
            ["7:2 key \"k\"", "7:2 leaf \"k\"", "7:3 type \"string\""]
        );
    }

    #[test]
    fn text_that_is_no_yang_ends_the_search_and_nothing_else() {
        for text in [
            "",
            "\"never closed",
            "/* never closed",
            "}}}}",
            "a b c",
            "\u{feff}module x {",
        ] {
            statements(text);
        }
        assert_eq!(shown(&statements("\u{feff}module x {")), ["1:0 module \"x\""]);
    }
}
