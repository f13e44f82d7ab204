"""NETCONF over TLS (RFC 7589) and call home over it (RFC 8071), with netconf-client and the openssl command."""

import contextlib
import socket
import subprocess

import pytest
from lxml import etree
from netconf_client.connect import CallhomeManager, connect_tls
from netconf_client.error import RpcError
from netconf_client.ncclient import Manager

from lab.certificates import Authority, tls_settings
from lab.licences import QUICK
from lab.process import assert_one_clear_line, run
from lab.waiting import PATIENCE, until

LISTEN = 'listen = "127.0.0.1:0"'
BY_NAME = [{"map-type": "common-name"}]
SESSIONS = '<netconf-state xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"><sessions/></netconf-state>'
HOST_NAME = '<config><host-names xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg"><host-name>{}</host-name></host-names></config>'


@pytest.fixture
def authority(folder):
    """The CA of the agent and its clients."""
    return Authority(folder)


def connect(agent, authority, pair):
    """A netconf-client session over TLS, hellos exchanged."""
    certificate, key = pair
    return connect_tls(
        host="127.0.0.1",
        port=int(agent.ready["tls"].rsplit(":", 1)[1]),
        certfile=certificate,
        keyfile=key,
        ca_certs=authority.certificate,
        initial_timeout=PATIENCE,
        general_timeout=PATIENCE,
    )


@contextlib.contextmanager
def tls_session(agent, authority, pair):
    """A netconf-client manager over TLS."""
    session = connect(agent, authority, pair)
    manager = Manager(session, timeout=PATIENCE)
    try:
        yield manager
    finally:
        # netconf-client closes the socket under its reader, which then reads from whatever gets the same number next.
        with contextlib.suppress(OSError):
            session.sock.shutdown(socket.SHUT_RDWR)
        session.thread.join(PATIENCE)
        session.close()


def own_sessions(manager):
    """User and transport of every session."""
    data = etree.fromstring(manager.get(filter=f'<filter type="subtree">{SESSIONS}</filter>').data_xml)
    space = {"m": "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"}
    return {
        (session.findtext("m:username", namespaces=space), session.findtext("m:transport", namespaces=space))
        for session in data.iterfind(".//m:session", space)
    }


def test_a_day_over_tls(make_agent, authority):
    agent = make_agent(settings=f"{QUICK}\n{tls_settings(authority, BY_NAME, LISTEN)}").start()
    pair = authority.client("ann")
    with tls_session(agent, authority, pair) as manager:
        assert ("ann", "ncm:netconf-tls") in own_sessions(manager)
        manager.lock("candidate")
        manager.edit_config(HOST_NAME.format("over-tls"), target="candidate")
        manager.commit()
        manager.unlock("candidate")
        assert b"over-tls" in etree.tostring(manager.get_config(source="running").data_ele)
        ssh = agent.connect()
        assert ("operator", "ncm:netconf-ssh") in own_sessions(manager)
        assert "over-tls" in ssh.get_config("running").xml
        with pytest.raises(RpcError):
            manager.edit_config(HOST_NAME.format("x" * 500), target="nowhere")
        manager.close_session()
    until(lambda: "session closed" in agent.log(), agent.log)


def test_the_list_says_who_a_certificate_is(make_agent, authority):
    ann, bob = authority.client("ann"), authority.client("bob")
    entries = [
        {"fingerprint": authority.fingerprint(ann[0]), "map-type": "specified", "name": "admin"},
        {"fingerprint": authority.fingerprint(authority.certificate), "map-type": "san-rfc822-name"},
    ]
    agent = make_agent(settings=f"{QUICK}\n{tls_settings(authority, entries, LISTEN)}").start()
    for pair, user in [(ann, "admin"), (bob, "bob@example.com")]:
        with tls_session(agent, authority, pair) as manager:
            assert (user, "ncm:netconf-tls") in own_sessions(manager)


def test_who_is_refused_is_told_in_the_log_with_the_rule(make_agent, authority, folder):
    entries = [{"map-type": "san-dns-name"}]
    agent = make_agent(settings=f"{QUICK}\n{tls_settings(authority, entries, LISTEN)}").start()
    stranger = Authority(folder, "stranger").client("eve")
    for pair, told in [
        (stranger, ["client certificate refused", "UnknownIssuer", "CN=eve", "CN=stranger", "04:"]),
        (
            authority.client("ann"),
            ["no entry of cert-to-name gives a user name", "CN=ann", "entry 1: san-dns-name: the certificate has no dNSName"],
        ),
    ]:
        # netconf-client tells it as the alert, or as a stream without the hello, whichever it meets first.
        with pytest.raises((OSError, StopIteration)):
            connect(agent, authority, pair)
        until(lambda: all(word in agent.log() for word in told), agent.log)
    assert "PRIVATE KEY" not in agent.log()


def test_renewed_certificates_need_no_restart(make_agent, authority):
    agent = make_agent(settings=f"{QUICK}\n{tls_settings(authority, BY_NAME, LISTEN)}").start()
    pair = authority.client("ann")
    with tls_session(agent, authority, pair):
        pass
    key = authority.folder / "server.key"
    good = key.read_text()
    key.write_text("nothing of use")
    with tls_session(agent, authority, pair):
        pass
    until(lambda: "cannot be used: the old ones stay" in agent.log(), agent.log)
    key.write_text(good)
    authority.server()
    with tls_session(agent, authority, pair):
        pass
    until(lambda: "have changed and were read again" in agent.log(), agent.log)


def test_the_agent_calls_home_over_tls_again_and_again(make_agent, authority):
    pair = authority.client("ann")
    with CallhomeManager(bind_to="127.0.0.1", port=0) as listener:
        port = listener.server_socket.getsockname()[1]
        more = f'call-home = ["127.0.0.1:{port}"]'
        wait = "[netconf]\ncall-home-longest-wait-seconds = 1\n"
        agent = make_agent(settings=f"{QUICK}\n{wait}{tls_settings(authority, BY_NAME, more)}").start()
        assert "tls" not in agent.ready
        for _ in range(2):
            session = listener.accept_one_tls(
                certfile=pair[0], keyfile=pair[1], ca_certs=authority.certificate, general_timeout=PATIENCE
            )
            with Manager(session, timeout=PATIENCE) as manager:
                assert ("ann", "ncm:netconf-tls") in own_sessions(manager)
                # Its close alone sends nothing while its reading thread waits.
                manager.close_session()
        listener.accept_one(PATIENCE).close()
        session = listener.accept_one_tls(certfile=pair[0], keyfile=pair[1], general_timeout=PATIENCE)
        with Manager(session, timeout=PATIENCE) as manager:
            assert own_sessions(manager)


def test_openssl_shows_the_hello_and_a_missing_certificate_is_told(make_agent, authority):
    agent = make_agent(settings=f"{QUICK}\n{tls_settings(authority, BY_NAME, LISTEN)}").start()
    command = ["openssl", "s_client", "-connect", agent.ready["tls"], "-CAfile", authority.certificate]
    certificate, key = authority.client("ann")
    hello = '<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>' \
        "urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>]]>]]>"
    close = '<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="7"><close-session/></rpc>]]>]]>'
    told = subprocess.run(
        [*command, "-quiet", "-cert", certificate, "-key", key],
        input=hello + close, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )
    assert "Cisco-IOS-XR" in told.stdout and 'message-id="7"><ok/>' in told.stdout, told
    told = subprocess.run(command, input="", capture_output=True, text=True, timeout=PATIENCE, check=False)
    until(lambda: "peer sent no certificates" in agent.log(), agent.log)


def test_tls_settings_that_cannot_be_are_refused_at_the_start(make_agent, authority):
    good = tls_settings(authority, BY_NAME, LISTEN)
    for wrong, words in [
        (good.replace("server.key", "ca.pem"), ["TLS key", "ca.pem", "no private key"]),
        (good.replace("server.key", "ca.key"), ["TLS key", "ca.key", "not the key of the certificate"]),
        (good.replace("server.pem", "missing.pem"), ["TLS certificate", "missing.pem"]),
        (good.replace("common-name", "san"), ["entry 1", 'map-type "san"']),
        (good.replace("key-file", "# key-file"), ["line 1", "netconf.tls has no key-file"]),
    ]:
        agent = make_agent(settings=wrong)
        outcome = run(*agent.arguments())
        assert outcome.returncode != 0
        assert_one_clear_line(outcome.stderr, *words)
