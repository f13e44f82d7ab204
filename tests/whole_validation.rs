//! Validating a whole configuration survives every model, and what it leaves is at rest.

#![allow(clippy::unwrap_used, clippy::panic)] // a test may stop at what it did not expect

use std::sync::Arc;

use ponder::datastore::edit::{OnError, edit};
use ponder::datastore::edit_attributes::EditOperation;
use ponder::yang::error::DataError;
use ponder::yang::modules::ModuleSet;
use ponder::yang::operation::Operation;
use ponder::yang::print::{WithDefaults, print};
use ponder::yang::schema::Schema;
use ponder::yang::select::Selection;
use ponder::yang::tree::Tree;

fn schema(body: &str) -> Arc<Schema> {
    let text = format!("module m {{ yang-version 1.1; namespace \"urn:m\"; prefix m; {body} }}");
    Schema::load(ModuleSet::new().with_module("m", &text)).unwrap()
}

fn in_top(text: &str) -> Arc<Schema> {
    schema(&format!("container top {{ {text} }}"))
}

/// Edits a tree inside `top`, so that it must be valid again.
fn commit(tree: &mut Tree, inside: &str) -> Result<Vec<String>, Vec<DataError>> {
    let config =
        format!("<top xmlns=\"urn:m\" xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">{inside}</top>");
    let edited = edit(tree, &config, EditOperation::Merge, OnError::Stop);
    assert!(edited.errors.is_empty(), "{:?}", edited.errors);
    let removed = tree.validate()?;
    let before = shown(tree);
    let mut again = tree.duplicate();
    assert_eq!(again.validate(), Ok(Vec::new()), "{before}");
    assert_eq!(shown(&again), before);
    Ok(removed.iter().map(ToString::to_string).collect())
}

fn shown(tree: &Tree) -> String {
    print(
        tree,
        &Selection::everything(tree.schema()),
        WithDefaults::ReportAll,
    )
    .replace(" xmlns=\"urn:m\"", "")
}

fn message(errors: Result<Vec<String>, Vec<DataError>>) -> String {
    errors.unwrap_err().remove(0).message.into()
}

#[test]
fn a_when_that_takes_away_what_another_when_waits_in_is_no_danger() {
    let schema = in_top(
        "leaf on { type boolean; } leaf go { type int8; } leaf x { when \"../go\"; type int8; }
         container n { when \"../on = 'true'\"; leaf a { type int8; }
           container o { leaf d { when \"../../../x\"; type int8; } leaf e { type int8; } } }",
    );
    for _ in 0..20 {
        let mut tree = Tree::empty(&schema);
        commit(&mut tree, "<on>true</on><go>1</go><n><a>1</a><o><e>2</e></o></n>").unwrap();
        // `x` and `d` are new, so that the when of `d` waits for that of `x` while `n` around it goes.
        let removed = commit(&mut tree, "<on>false</on><x>1</x><n><o><d>3</d></o></n>").unwrap();
        assert_eq!(removed, ["/m:top/n"]);
        assert_eq!(shown(&tree), "<top><on>false</on><go>1</go><x>1</x></top>");
    }
}

#[test]
fn defaults_inside_structure_that_is_not_allowed_are_no_danger() {
    let schema = in_top(
        "leaf on { type boolean; } leaf x { when \"../on\"; type int8; }
         container n { when \"../on = 'false'\";
           container o { leaf d { when \"../../../x or true()\"; type int8; default 4; } } }",
    );
    for _ in 0..20 {
        let mut tree = Tree::empty(&schema);
        commit(&mut tree, "<on>true</on><x>1</x>").unwrap();
        assert_eq!(shown(&tree), "<top><on>true</on><x>1</x></top>");
        let removed = commit(&mut tree, "<on>false</on>").unwrap();
        assert!(removed.is_empty(), "{removed:?}");
        assert_eq!(
            shown(&tree),
            "<top><on>false</on><x>1</x><n><o><d>4</d></o></n></top>"
        );
    }
}

#[test]
fn a_when_that_cannot_be_evaluated_is_named() {
    let schema = in_top(
        "leaf on { type boolean; } leaf p { type string; }
         container n { when \"../on\"; leaf d { when \"re-match('a', ../../p)\"; type int8; } leaf e { type int8; } }",
    );
    let mut tree = Tree::empty(&schema);
    commit(&mut tree, "<on>true</on><p>a</p><n><d>1</d><e>2</e></n>").unwrap();
    let mut other = tree.duplicate();
    let refusal = message(commit(&mut tree, "<p>(</p>"));
    assert!(refusal.contains("cannot be evaluated"), "{refusal}");
    // What is around it goes first.
    let removed = commit(&mut other, "<on nc:operation=\"delete\"/><p>(</p>").unwrap();
    assert_eq!(removed, ["/m:top/n"]);
}

#[test]
fn a_when_is_resolved_after_those_that_it_reads() {
    let schema = in_top(
        "leaf on { type boolean; default true; }
         leaf z { when \"not(../y)\"; type int8; }
         leaf y { when \"../on = 'true'\"; type int8; default 5; }",
    );
    let mut tree = Tree::empty(&schema);
    commit(&mut tree, "<on>false</on><z>1</z>").unwrap();
    assert_eq!(shown(&tree), "<top><on>false</on><z>1</z></top>");
    let removed = commit(&mut tree, "<on nc:operation=\"delete\"/>").unwrap();
    assert_eq!(removed, ["/m:top/z"]);
    assert_eq!(shown(&tree), "<top><on>true</on><y>5</y></top>");
    let refusal = message(commit(&mut tree, "<z>1</z>"));
    assert!(refusal.contains("only allowed when"), "{refusal}");
}

#[test]
fn a_default_under_a_when_stands_only_where_its_case_does() {
    let schema = in_top(
        "leaf on { type boolean; }
         choice c { default one;
           case one { leaf a { when \"../on\"; type identityref { base b; } default \"m:k\"; } }
           case two { leaf-list l { when \"../on\"; type int8; default 1; default 2; } leaf m { type int8; } } }
         }
         identity b; identity k { base b; } container other {",
    );
    let mut tree = Tree::empty(&schema);
    commit(&mut tree, "").unwrap();
    assert_eq!(shown(&tree), "");
    commit(&mut tree, "<on>true</on>").unwrap();
    assert_eq!(
        shown(&tree).replace(" xmlns:m=\"urn:m\"", ""),
        "<top><on>true</on><a>m:k</a></top>"
    );
    commit(&mut tree, "<m>3</m>").unwrap();
    assert_eq!(shown(&tree), "<top><on>true</on><l>1</l><l>2</l><m>3</m></top>");
    commit(&mut tree, "<on nc:operation=\"delete\"/>").unwrap();
    assert_eq!(shown(&tree), "<top><m>3</m></top>");
}

#[test]
fn whens_in_a_circle_are_told() {
    // libyang sees such a circle only where it is short.
    let text = "module m { yang-version 1.1; namespace \"urn:m\"; prefix m; container top {
         container a { when \"not(../b/y)\"; leaf x { type int8; default 1; } }
         container b { when \"not(../a/x)\"; leaf y { type int8; default 1; } } } }";
    let Ok(schema) = Schema::load(ModuleSet::new().with_module("m", text)) else {
        return;
    };
    let mut tree = Tree::empty(&schema);
    let first = tree.validate();
    assert!(first.is_err() || tree.duplicate().validate() == Ok(Vec::new()));
}

#[test]
fn a_missing_leaf_with_a_default_in_a_unique_statement_is_no_danger() {
    let schema = in_top(
        "list l { key k; unique \"p/u v\"; leaf k { type int8; }
           container p { presence p; leaf u { type int8; default 7; } } leaf v { type int8; } }",
    );
    for entries in [2, 5] {
        let mut tree = Tree::empty(&schema);
        let list: String = (0..entries)
            .map(|k| format!("<l><k>{k}</k><v>1</v></l>"))
            .collect();
        commit(&mut tree, &list).unwrap();
        // Where the default is in use it counts (RFC 7950 section 7.8.3).
        commit(&mut tree, "<l><k>0</k><p/></l>").unwrap();
        let refusal = message(commit(&mut tree, "<l><k>1</k><p><u>7</u></p></l>"));
        assert!(refusal.contains("p/u"), "{refusal}");
        assert!(
            refusal.contains("[k='0']") && refusal.contains("[k='1']"),
            "{refusal}"
        );
    }
}

#[test]
fn a_leaf_that_another_case_excludes_or_a_when_forbids_is_not_compared() {
    let schema = in_top(
        "list l { key k; unique \"c/one/u\"; unique \"w\"; leaf k { type int8; }
           choice c { default one; case one { leaf u { type int8; default 7; } } case two { leaf o { type int8; } } }
           leaf w { when \"../o\"; type int8; default 7; } }",
    );
    let mut tree = Tree::empty(&schema);
    commit(&mut tree, "<l><k>1</k></l><l><k>2</k><o>1</o></l>").unwrap();
    let refusal = message(commit(&mut tree, "<l><k>3</k><o>1</o></l>"));
    assert!(refusal.contains("\"w\""), "{refusal}");
}

#[test]
fn the_input_of_an_operation_is_safe_too() {
    let schema = schema(
        "rpc go { input { leaf on { type boolean; } leaf x { when \"../on\"; type int8; }
           container n { when \"../on = 'false'\"; container o { leaf d { when \"../../../x or true()\"; type int8; default 4; } } }
           list l { key k; unique \"p/u v\"; leaf k { type int8; } container p { presence p; leaf u { type int8; default 7; } }
             leaf v { type int8; } } } }",
    );
    let call = |inside: &str| Operation::parse(&schema, &format!("<go xmlns=\"urn:m\">{inside}</go>"));
    let list = "<l><k>1</k><v>1</v></l><l><k>2</k><v>1</v></l><l><k>3</k><v>1</v></l>";
    for _ in 0..20 {
        let operation = call(&format!("<on>true</on><x>1</x>{list}")).unwrap();
        assert!(operation.input().descendant("n/o/d").is_none());
        let operation = call("<on>false</on>").unwrap();
        assert!(operation.input().descendant("n/o/d").is_some());
    }
    let twice = "<l><k>1</k><p/><v>1</v></l><l><k>2</k><p/><v>1</v></l>";
    let refusal = call(twice).unwrap_err().remove(0);
    assert_eq!(refusal.app_tag.as_deref(), Some("data-not-unique"));
}
