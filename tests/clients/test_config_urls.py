"""RFC 6241 section 8.8 over https: configurations go to and come from a server that the CA file vouches for."""

import pytest

from lab.agent import commit, edit, running
from lab.documents import parse
from lab.web_store import WebStore

NETCONF = "urn:ietf:params:xml:ns:netconf:base:1.0"
NAMES = '<host-names xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg"><host-name>{}</host-name></host-names>'


@pytest.fixture
def store(tmp_path):
    """The server, running."""
    with WebStore(tmp_path) as store:
        yield store


@pytest.fixture
def session(make_agent, store):
    """A session with an agent that trusts the server."""
    agent = make_agent(settings=f'[netconf]\nurl-ca-file = "{store.ca_file}"\n').start()
    yield agent.connect()
    agent.stop()


def ask(session, body):
    """An operation of RFC 6241 by its content; gives the reply's text."""
    return session.dispatch(parse(f'<operation xmlns="{NETCONF}">{body}</operation>')[0]).xml


def copy(target, source):
    return f"<copy-config><target>{target}</target><source>{source}</source></copy-config>"


def url(store, path):
    return f"<url>{store.url(path)}</url>"


def test_running_is_saved_and_comes_back(session, store):
    assert "urn:ietf:params:netconf:capability:url:1.0?scheme=https" in session.server_capabilities
    edit(session, NAMES.format("before"))
    commit(session)
    assert "<ok/>" in ask(session, copy(url(store, "/backup.xml"), "<running/>"))
    assert b"<host-name>before</host-name>" in store.documents["/backup.xml"]
    edit(session, NAMES.format("after"))
    commit(session)
    assert "<ok/>" in ask(session, f"<validate><source>{url(store, '/backup.xml')}</source></validate>")
    assert "<ok/>" in ask(session, copy("<candidate/>", url(store, "/backup.xml")))
    commit(session)
    assert "before" in "".join(running(session).itertext())
    assert "<ok/>" in ask(session, f"<delete-config><target>{url(store, '/backup.xml')}</target></delete-config>")
    assert store.documents == {}


def test_an_edit_is_fetched(session, store):
    document = f'<config xmlns="{NETCONF}">{NAMES.format("fetched")}</config>'
    store.documents["/edit.xml"] = document.encode()
    reply = ask(session, f"<edit-config><target><candidate/></target>{url(store, '/edit.xml')}</edit-config>")
    assert "<ok/>" in reply, reply
    commit(session)
    assert "fetched" in "".join(running(session).itertext())


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/nothing.xml", "404"),
        ("/forbidden/x.xml", "403"),
        ("/moved/x.xml", "302"),
        ("/torn.xml", "torn.xml"),
        ("/other.xml", "other.xml"),
    ],
)
def test_what_cannot_be_read_is_told_with_the_url(session, store, path, words):
    store.documents |= {"/x.xml": b"<config/>", "/torn.xml": b"<config><a", "/other.xml": b"<html/>"}
    reply = ask(session, copy("<candidate/>", url(store, path)))
    assert "rpc-error" in reply and words in reply and store.url(path) in reply, reply


@pytest.mark.parametrize(("path", "status"), [("/moved/x.xml", "302"), ("/forbidden/x.xml", "403")])
def test_what_was_not_stored_is_not_called_stored(session, store, path, status):
    reply = ask(session, copy(url(store, path), "<running/>"))
    assert "rpc-error" in reply and status in reply, reply
    reply = ask(session, f"<delete-config><target>{url(store, path)}</target></delete-config>")
    assert "rpc-error" in reply and status in reply, reply
    assert store.documents == {}


def test_a_server_of_another_ca_is_refused(session, tmp_path_factory):
    with WebStore(tmp_path_factory.mktemp("stranger")) as stranger:
        reply = ask(session, copy(url(stranger, "/x.xml"), "<running/>"))
        assert "rpc-error" in reply and "certificate" in reply, reply
        assert stranger.documents == {}


def test_a_certificate_for_another_name_is_refused(make_agent, tmp_path):
    with WebStore(tmp_path, host="192.0.2.1") as store:
        agent = make_agent(settings=f'[netconf]\nurl-ca-file = "{store.ca_file}"\n').start()
        reply = ask(agent.connect(), copy(url(store, "/x.xml"), "<running/>"))
        assert "rpc-error" in reply and "certificate" in reply, reply
        agent.stop()


def test_other_schemes_and_passwords_are_refused(session, store):
    for text in ("http://127.0.0.1/x", "file:///x", store.url("/x").replace("https://", "https://me:secret@")):
        reply = ask(session, copy(f"<url>{text}</url>", "<running/>"))
        assert "rpc-error" in reply and "secret" not in reply, reply
