//! The explanation as a person reads it, and as JSON.

use std::fmt::Write as _;

use anyhow::Context;
use serde::Serialize;

use crate::yang::document::Element;

/// What `explain-licences` answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Explanation {
    entitlements: Vec<Entitlement>,
    unlicensed_cards: Vec<Card>,
}

#[derive(Debug, Serialize)]
struct Entitlement {
    entitlement: String,
    count: u32,
    lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    amount: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    setting: Option<String>,
    #[serde(flatten)]
    rule: Rule,
}

#[derive(Debug, Serialize)]
struct Card {
    location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<String>,
    #[serde(flatten)]
    rule: Rule,
}

#[derive(Debug, Serialize)]
struct Rule {
    rule: String,
    section: String,
    readings: Vec<String>,
}

impl Explanation {
    /// Reads the reply.
    pub(super) fn read(reply: &Element) -> anyhow::Result<Explanation> {
        Ok(Explanation {
            entitlements: children(reply, "consumption")
                .map(entitlement)
                .collect::<anyhow::Result<_>>()?,
            unlicensed_cards: children(reply, "unlicensed-card")
                .map(card)
                .collect::<anyhow::Result<_>>()?,
        })
    }

    /// One row a thing that was looked at, below the sum of its entitlement.
    pub(super) fn table(&self) -> String {
        let mut rows = vec![["ENTITLEMENT", "COUNT", "PORT OR SLICE", "SETTING", "RULE"].map(str::to_owned)];
        for one in &self.entitlements {
            let sum = format!("sum of {} items", one.lines.len());
            rows.push([
                one.entitlement.clone(),
                one.count.to_string(),
                "=".to_owned(),
                String::new(),
                sum,
            ]);
            for line in &one.lines {
                rows.push([
                    String::new(),
                    line.amount.to_string(),
                    line.subject.clone(),
                    line.setting.clone().unwrap_or_default(),
                    line.rule.text(),
                ]);
            }
        }
        for card in &self.unlicensed_cards {
            let pid = card.pid.clone().unwrap_or_else(|| "empty".to_owned());
            rows.push([
                "none".to_owned(),
                "0".to_owned(),
                card.location.clone(),
                pid,
                card.rule.text(),
            ]);
        }
        match rows.len() {
            1 => "Nothing was found that could take a licence.".to_owned(),
            _ => aligned(&rows),
        }
    }
}

impl Rule {
    fn text(&self) -> String {
        let mut text = format!("{} (\"{}\"", self.rule, self.section);
        for reading in &self.readings {
            // Writing to a string cannot fail.
            let _ = write!(text, ", {reading}");
        }
        text + ")"
    }
}

/// Columns as wide as their widest cell, counts to the right, the last column as it comes.
fn aligned(rows: &[[String; 5]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let (first, count, subject, setting) = (width(0), width(1), width(2), width(3));
    let mut text = String::new();
    for [entitlement, amount, port, what, rule] in rows {
        let line =
            format!("{entitlement:first$}  {amount:>count$}  {port:subject$}  {what:setting$}  {rule}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn entitlement(element: &Element) -> anyhow::Result<Entitlement> {
    Ok(Entitlement {
        entitlement: needed(element, "entitlement")?,
        count: number(element, "count")?,
        lines: children(element, "contribution")
            .map(line)
            .collect::<anyhow::Result<_>>()?,
    })
}

fn line(element: &Element) -> anyhow::Result<Line> {
    Ok(Line {
        amount: number(element, "amount")?,
        location: leaf(element, "location"),
        subject: needed(element, "subject")?,
        setting: leaf(element, "setting"),
        rule: rule(element)?,
    })
}

fn card(element: &Element) -> anyhow::Result<Card> {
    Ok(Card {
        location: needed(element, "location")?,
        pid: leaf(element, "pid"),
        rule: rule(element)?,
    })
}

fn rule(element: &Element) -> anyhow::Result<Rule> {
    Ok(Rule {
        rule: needed(element, "rule")?,
        section: needed(element, "section")?,
        readings: children(element, "reading")
            .map(|reading| reading.text.clone())
            .collect(),
    })
}

fn children<'e>(element: &'e Element, name: &'static str) -> impl Iterator<Item = &'e Element> {
    element.children.iter().filter(move |child| child.name == name)
}

fn leaf(element: &Element, name: &'static str) -> Option<String> {
    children(element, name).next().map(|child| child.text.clone())
}

fn needed(element: &Element, name: &'static str) -> anyhow::Result<String> {
    leaf(element, name).with_context(|| format!("the agent's answer: {} without {name}", element.name))
}

fn number(element: &Element, name: &'static str) -> anyhow::Result<u32> {
    let text = needed(element, name)?;
    text.parse()
        .with_context(|| format!("the agent's answer: {name} {text:?} is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: &str = r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">
        <consumption xmlns="urn:ponder:yang:ponder-licence-state"><entitlement>S_NCS1K4_SUBSEA</entitlement><count>1</count>
          <contribution><item>Optics0/0/0/0 cd-min</item><location>0/0</location><subject>Optics0/0/0/0</subject>
            <setting>cd-min</setting><amount>1</amount><rule>-20000 ps/nm is below -10000</rule>
            <section>Criteria</section><reading>Q20</reading></contribution>
          <contribution><item>Optics0/0/0/1</item><location>0/0</location><subject>Optics0/0/0/1</subject>
            <amount>0</amount><rule>none</rule><section>Criteria</section></contribution></consumption>
        <unlicensed-card xmlns="urn:ponder:yang:ponder-licence-state"><location>0/2</location>
          <rule>no card is fitted</rule><section>Cards</section><reading>Q27</reading></unlicensed-card>
      </rpc-reply>"#;

    fn read(reply: &str) -> anyhow::Result<Explanation> {
        Explanation::read(&Element::parse_document(reply).unwrap())
    }

    #[test]
    fn the_table_lists_each_item_below_the_sum_of_its_entitlement() {
        expect_test::expect![[r#"
            ENTITLEMENT      COUNT  PORT OR SLICE  SETTING  RULE
            S_NCS1K4_SUBSEA      1  =                       sum of 2 items
                                 1  Optics0/0/0/0  cd-min   -20000 ps/nm is below -10000 ("Criteria", Q20)
                                 0  Optics0/0/0/1           none ("Criteria")
            none                 0  0/2            empty    no card is fitted ("Cards", Q27)
        "#]]
        .assert_eq(&read(REPLY).unwrap().table());
        let empty = r#"<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"/>"#;
        assert_eq!(
            read(empty).unwrap().table(),
            "Nothing was found that could take a licence."
        );
    }

    #[test]
    fn the_json_has_the_same_and_leaves_out_what_is_absent() {
        let json = serde_json::to_value(read(REPLY).unwrap()).unwrap();
        assert_eq!(json["entitlements"][0]["count"], 1);
        assert_eq!(json["entitlements"][0]["lines"][0]["readings"][0], "Q20");
        assert_eq!(json["entitlements"][0]["lines"][1].get("setting"), None);
        assert_eq!(json["unlicensed-cards"][0]["location"], "0/2");
    }

    #[test]
    fn an_answer_that_lacks_something_is_named() {
        let reply = REPLY.replace("<count>1</count>", "");
        let error = read(&reply).unwrap_err().to_string();
        assert_eq!(error, "the agent's answer: consumption without count");
    }
}
