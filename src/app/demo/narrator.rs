//! Prints the demo so that a person likes to read it: numbered steps, what was sent, what came back.

use std::io::IsTerminal;

use crate::app::output;

/// Prints to standard output, with colours where that is a terminal.
pub(super) struct Narrator {
    steps: u32,
    colours: bool,
}

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const CYAN: &str = "36";
/// Longer documents are cut: the demo is for reading.
const LINES_SHOWN: usize = 40;

impl Narrator {
    pub(super) fn new() -> Narrator {
        Narrator {
            steps: 0,
            colours: std::io::stdout().is_terminal(),
        }
    }

    pub(super) fn title(&self, text: &str) {
        say(&self.paint(BOLD, text));
    }

    pub(super) fn step(&mut self, text: &str) {
        self.steps += 1;
        say(&format!(
            "\n{}",
            self.paint(BOLD, &format!("{:>2}. {text}", self.steps))
        ));
    }

    /// A command line of another process.
    pub(super) fn command(&self, line: &[&str]) {
        let words: Vec<String> = line
            .iter()
            .map(|word| {
                if word.contains(' ') {
                    format!("\"{word}\"")
                } else {
                    (*word).to_owned()
                }
            })
            .collect();
        say(&format!(
            "    {}",
            self.paint(DIM, &format!("$ ponder {}", words.join(" ")))
        ));
    }

    pub(super) fn answer(&self, text: &str) {
        for line in text.lines() {
            say(&format!("    {line}"));
        }
    }

    pub(super) fn sent(&self, xml: &str) {
        self.document(CYAN, "->", xml);
    }

    pub(super) fn received(&self, reply: &str) {
        let inner = reply
            .split_once("<rpc-reply")
            .and_then(|(_, rest)| rest.split_once('>'))
            .and_then(|(_, rest)| rest.rsplit_once("</"))
            .map_or(reply, |(inner, _)| inner);
        self.document(DIM, "<-", inner);
    }

    pub(super) fn state(&self, what: &str, value: &str) {
        say(&format!(
            "    {} {what}: {}",
            self.paint(GREEN, "=="),
            self.paint(GREEN, value)
        ));
    }

    fn document(&self, colour: &str, arrow: &str, xml: &str) {
        let lines = indented(xml);
        for (number, line) in lines.iter().take(LINES_SHOWN).enumerate() {
            let mark = if number == 0 { arrow } else { "  " };
            say(&format!("    {} {line}", self.paint(colour, mark)));
        }
        if lines.len() > LINES_SHOWN {
            say(&format!("       ... {} more lines", lines.len() - LINES_SHOWN));
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A demo whose reader has left still plays to its end.
fn say(text: &str) {
    let _unread = output::say(text);
}

/// One element a line, children indented by two blanks; a leaf stays on one line.
fn indented(xml: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut depth: usize = 0;
    let mut rest = xml.trim();
    let mut open_leaf = false;
    while let Some(start) = rest.find('<') {
        let (text, after) = rest.split_at(start);
        let end = after.find('>').map_or(after.len(), |end| end + 1);
        let (tag, next) = after.split_at(end);
        rest = next;
        let text = text.trim();
        if tag.starts_with("</") {
            depth = depth.saturating_sub(1);
            match lines.last_mut() {
                Some(line) if open_leaf => line.push_str(&format!("{text}{tag}")),
                _ => lines.push(format!("{}{tag}", "  ".repeat(depth))),
            }
            open_leaf = false;
        } else {
            lines.push(format!("{}{tag}", "  ".repeat(depth)));
            open_leaf = !tag.ends_with("/>");
            if open_leaf {
                depth += 1;
            }
        }
    }
    if lines.is_empty() {
        lines.push(rest.to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_shown_one_element_a_line() {
        assert_eq!(
            indented("<a x=\"1\"><b>2</b><c/><d><e>3</e></d></a>"),
            [
                "<a x=\"1\">",
                "  <b>2</b>",
                "  <c/>",
                "  <d>",
                "    <e>3</e>",
                "  </d>",
                "</a>"
            ]
        );
    }
}
