"""Modules of `--yang-dir` with everything that YANG has: features, deviations, submodules, several revisions, access rules."""


import pytest

from lab.agent import Agent, call, commit, edit, get, running
from lab.documents import find, find_all, only_error, parse, text_at
from lab.licences import QUICK
from lab.names import BASE
from lab.yanglint import Yanglint

SHELF, LIBRARY = "urn:shelf", "urn:ietf:params:xml:ns:yang:ietf-yang-library"
MODULES = {
    "types@2020-01-01": """module types { namespace urn:types; prefix t; revision 2020-01-01;
        typedef name { type string { length 1..5; } } }""",
    "types@2024-01-01": """module types { namespace urn:types; prefix t; revision 2024-01-01;
        typedef name { type string { length 1..50; } } }""",
    "shelf": """module shelf { yang-version 1.1; namespace urn:shelf; prefix s;
        import types { prefix t; revision-date 2020-01-01; } include shelf-books; revision 2024-05-05;
        feature lending; feature selling;
        container shelf {
            leaf owner { type t:name; }
            leaf colour { type string; default brown; }
            leaf price { if-feature selling; type uint8; }
            leaf-list label { type string; ordered-by user; }
            uses books;
        } }""",
    "shelf-books": """submodule shelf-books { yang-version 1.1; belongs-to shelf { prefix s; } revision 2024-05-06;
        grouping books { list book { key title; unique isbn; min-elements 0;
            leaf title { type string; }
            leaf isbn { type string { pattern "[0-9]{3}"; } }
            leaf lent { if-feature s:lending; type boolean; }
            leaf next { type leafref { path "../../book/title"; } }
            action borrow { input { leaf by { type string; mandatory true; } } } } } }""",
    "shop": """module shop { yang-version 1.1; namespace urn:shop; prefix p;
        import shelf { prefix s; } import types { prefix t; revision-date 2024-01-01; } revision 2024-06-06;
        deviation /s:shelf/s:colour { deviate replace { default red; } }
        deviation /s:shelf/s:label { deviate not-supported; }
        augment /s:shelf/s:book { leaf seller { type t:name; } }
        notification sold { leaf title { type string; } } }""",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory, keys):
    """An agent with those modules and only one of the two features of `shelf`."""
    folder = tmp_path_factory.mktemp("shop")
    modules = folder / "modules"
    modules.mkdir()
    for name, text in MODULES.items():
        (modules / f"{name}.yang").write_text(text)
    settings = f'yang-dir = "modules"\n{QUICK}\n[yang-features]\nshelf = ["lending"]\n'
    key = keys.public_file.read_text().strip()
    settings += f'[[users]]\nname = "reader"\nauthorized-keys = ["{key}"]\ngroups = ["readers"]\n'
    agent = Agent(folder, keys, settings=settings).start()
    yield agent
    agent.stop()


@pytest.fixture
def session(shop):
    """A session; what its test stored is taken away again."""
    session = shop.connect()
    yield session
    session.discard_changes()
    edit(session, f'<shelf xmlns="{SHELF}" xmlns:nc="{BASE}" nc:operation="remove"/>')
    commit(session)
    shop.hang_up()


def stored(session, content, **options):
    """Edits and commits; gives the shelf as it is then."""
    edit(session, f'<shelf xmlns="{SHELF}">{content}</shelf>', **options)
    commit(session)
    return find(running(session, f'<shelf xmlns="{SHELF}"/>'), "shelf")


def refused(session, content):
    """The error of an edit, or of its commit."""
    reply = session.edit_config(target="candidate", config=f'<config><shelf xmlns="{SHELF}">{content}</shelf></config>')
    return only_error(reply.xml if not reply.ok else session.commit().xml)


def test_hello_and_library_tell_features_deviations_submodules_and_revisions(session):
    hello = [uri for uri in session.server_capabilities if "?module=" in uri]
    assert "urn:shelf?module=shelf&revision=2024-05-05&features=lending&deviations=shop" in hello
    assert "urn:shop?module=shop&revision=2024-06-06" in hello
    assert {uri for uri in hello if "module=types&" in uri} == {
        f"urn:types?module=types&revision={year}-01-01" for year in (2020, 2024)
    }
    library = get(session, f'<yang-library xmlns="{LIBRARY}"/>')
    shelf = next(
        module for module in find_all(library, "yang-library/module-set/module") if text_at(module, "name") == "shelf"
    )
    assert [text_at(shelf, path) for path in ("feature", "deviation", "submodule/name", "submodule/revision")] == [
        "lending",
        "shop",
        "shelf-books",
        "2024-05-06",
    ]
    state = get(session, f'<modules-state xmlns="{LIBRARY}"><module><name>shelf</name></module></modules-state>')
    assert text_at(state, "modules-state/module/deviation/revision") == "2024-06-06"


def test_schemas_are_given_by_name_and_revision(session):
    assert "submodule shelf-books {" in session.get_schema("shelf-books").data
    assert "length 1..5;" in session.get_schema("types", version="2020-01-01").data
    assert "length 1..50;" in session.get_schema("types", version="2024-01-01").data


def test_deviations_and_features_hold_for_edits_and_reads(session):
    shelf = stored(session, "<owner>me</owner><book><title>a</title><lent>true</lent><seller xmlns='urn:shop'>anybody</seller></book>")
    assert text_at(shelf, "book/lent") == "true"
    all_ = session.get_config("running", filter=("subtree", f'<shelf xmlns="{SHELF}"/>'), with_defaults="report-all")
    assert "<colour>red</colour>" in all_.xml
    for content, name in (("<label>x</label>", "label"), ("<price>1</price>", "price")):
        error = refused(session, content)
        assert error.tag == "unknown-element" and error.info["bad-element"] == name, str(error)
        session.discard_changes()


def test_each_revision_of_a_type_has_its_own_rule(session):
    assert refused(session, "<owner>longer</owner>").message
    session.discard_changes()
    shelf = stored(session, "<book><title>a</title><seller xmlns='urn:shop'>much longer than five</seller></book>")
    assert text_at(shelf, "book/seller") == "much longer than five"


def test_rules_are_checked_and_named(session):
    stored(session, "<book><title>a</title><isbn>123</isbn></book>")
    for content, tag, app_tag, words in (
        ("<book><title>b</title><isbn>12</isbn></book>", "invalid-value", None, "isbn"),
        ("<book><title>b</title><isbn>123</isbn></book>", "operation-failed", "data-not-unique", "isbn"),
        ("<book><title>b</title><next>none</next></book>", "data-missing", "instance-required", "none"),
        ("<book><isbn>124</isbn></book>", "missing-element", None, "title"),
    ):
        error = refused(session, content)
        assert (error.tag, error.app_tag) == (tag, app_tag), str(error)
        assert words in f"{error.message} {error.info}", str(error)
        session.discard_changes()


def test_filters_of_both_kinds_select(session):
    stored(session, "".join(f"<book><title>{title}</title></book>" for title in "abc"))
    subtree = running(session, f'<shelf xmlns="{SHELF}"><book><title>b</title></book></shelf>')
    assert [text_at(book, "title") for book in find_all(subtree, "shelf/book")] == ["b"]
    reply = session.get_config("running", filter=("xpath", ({"x": SHELF}, "/x:shelf/x:book[x:title != 'b']/x:title")))
    assert [title.text for title in parse(reply.xml).iter(f"{{{SHELF}}}title")] == ["a", "c"]


def test_actions_and_events_have_nobody_behind_them(session):
    stored(session, "<book><title>a</title></book>")
    action = f'<shelf xmlns="{SHELF}"><book><title>a</title><borrow><by>me</by></borrow></book></shelf>'
    reply = call(session, f'<action xmlns="urn:ietf:params:xml:ns:yang:1">{action}</action>')
    assert only_error(reply).tag == "operation-not-supported"


def test_access_rules_hold_for_their_nodes(shop, session):
    stored(session, "<owner>me</owner><book><title>a</title><seller xmlns='urn:shop'>x</seller></book>")
    nacm = 'xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"'
    rules = """<rule><name>a</name><module-name>shop</module-name><action>deny</action></rule>
        <rule><name>b</name><path xmlns:s="urn:shelf">/s:shelf/s:owner</path><action>deny</action></rule>
        <rule><name>c</name><module-name>shelf</module-name><access-operations>create</access-operations>
        <action>permit</action></rule>"""
    edit(session, f"<nacm {nacm}><rule-list><name>r</name><group>readers</group>{rules}</rule-list></nacm>")
    commit(session)
    reader = shop.connect(username="reader")
    shelf = find(running(reader, f'<shelf xmlns="{SHELF}"/>'), "shelf")
    assert [text_at(shelf, path) for path in ("owner", "book/title", "book/seller")] == [None, "a", None]
    edit(reader, f'<shelf xmlns="{SHELF}"><book><title>b</title></book></shelf>')
    commit(reader)
    error = refused(reader, "<owner>you</owner>")
    assert error.tag == "access-denied" and "/shelf:shelf/owner" in error.message, str(error)
    edit(session, f'<nacm {nacm} xmlns:nc="{BASE}" nc:operation="remove"/>')
    commit(session)


def test_everything_is_valid_in_the_eyes_of_yanglint(shop, session, folder):
    stored(session, "<owner>me</owner><book><title>a</title><lent>true</lent><seller xmlns='urn:shop'>anybody</seller></book>")
    yanglint = Yanglint(folder, shop)
    assert yanglint.faults_of_data(session.get().xml, "data") == ""
    assert yanglint.faults_of_data(session.get_config("running").xml, "config") == ""
