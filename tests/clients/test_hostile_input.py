"""Clients that misbehave over real SSH: each is answered or ended, and a session beside it works all the while."""

import contextlib
import socket

import pytest

from lab.channels import HELLO, Channel, Connection, chunk, rpc
from lab.licences import QUICK
from lab.waiting import PATIENCE, until

LOCK = "<lock><target><candidate/></target></lock>"
UNLOCK = "<unlock><target><candidate/></target></unlock>"
GET = '<get><filter><netconf-state xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"><statistics/></netconf-state></filter></get>'


@pytest.fixture
def witness(visit):
    """A session that must work before and after."""
    with Connection(visit) as connection:
        channel = connection.channel()
        assert "<statistics>" in channel.ask(GET)
        yield channel
        assert "<statistics>" in channel.ask(GET)


def memory(agent):
    """Resident bytes of the agent."""
    with open(f"/proc/{agent.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def test_channels_of_one_connection_are_sessions_of_their_own(visit):
    with Connection(visit) as connection:
        one, two, three = (connection.channel() for _ in range(3))
        assert len({one.session_id, two.session_id, three.session_id}) == 3
        assert "<ok/>" in one.ask(LOCK)
        denied = two.ask(LOCK)
        assert f"<session-id>{one.session_id}</session-id>" in denied
        # Requests of several channels at a time are answered each on its own.
        for channel in (one, two, three):
            channel.send(chunk(rpc(GET, 7)) * 3)
        for channel in (three, two, one):
            for _ in range(3):
                assert 'message-id="7"' in channel.reply()
        assert "<ok/>" in one.ask("<close-session/>")
        assert one.end() == ""
        # Its lock went with it, and the others are as they were.
        assert "<ok/>" in two.ask(LOCK)
        assert f"<session-id>{two.session_id}</session-id>" in three.ask(LOCK)
        assert "<ok/>" in three.ask(f"<kill-session><session-id>{two.session_id}</session-id></kill-session>")
        two.end()
        until(lambda: "<ok/>" in three.ask(LOCK), "the lock of the killed session")
        assert "<ok/>" in three.ask(UNLOCK)
        assert connection.channel().session_id > three.session_id


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        (b"\n#0\n", "without leading zero, got `0`"),
        (b"\n#007\n<rpc/>", "without leading zero, got `0`"),
        (b"\n#-1\n", "got `-`"),
        (b"\n#4294967296\n", "a chunk size over 4294967295"),
        (b"\n#3\nabcdef", "expected a line feed before `#`"),
        (rpc(GET).encode() + b"]]>]]>", "expected a line feed before `#`, got `<`"),
    ],
)
def test_broken_framing_ends_its_session_which_is_told_why(visit, witness, stream, told):
    with Connection(visit) as connection:
        bad, good = connection.channel(), connection.channel()
        bad.send(stream)
        assert told in bad.end()
        assert "<statistics>" in good.ask(GET)
    until(lambda: told in visit.log(), visit.log)


@pytest.mark.parametrize(
    ("hello", "told"),
    [
        (HELLO.replace(b"netconf:base:1.0\"", b"other\""), "expected <hello>"),
        (HELLO.replace(b"base:1.1", b"base:9.9"), "hello with neither"),
        (b'<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"/>]]>]]>', "hello without <capabilities>"),
        (rpc(GET).encode() + b"]]>]]>", "got <rpc>"),
        (b"x" * 1_100_000, "hello is longer than 1048576 bytes"),
    ],
)
def test_a_hello_that_is_none_ends_its_session_which_is_told_why(visit, witness, hello, told):
    with Connection(visit) as connection:
        bad = Channel(connection.transport, None)
        with contextlib.suppress(OSError):  # the agent does not read all of a hello without end
            bad.send(hello)
        assert told in bad.end()


@pytest.mark.parametrize(
    ("message", "tag"),
    [
        (rpc(GET)[:-20], "malformed-message"),
        (b"<rpc>\xff</rpc>", "malformed-message"),
        ("<!DOCTYPE rpc>" + rpc(GET), "malformed-message"),
        (HELLO[:-6], "unknown-element"),
        (rpc(GET).replace(' message-id="1"', ""), "missing-attribute"),
        (rpc('<dance xmlns="urn:example:nobody"/>'), "unknown-namespace"),
        (rpc("<a>" * 5000 + "</a>" * 5000), "too-big"),
        (rpc("<get" + "".join(f' a{n}="x"' for n in range(100_000)) + "/>"), "too-big"),
    ],
    ids=["truncated", "not-utf-8", "doctype", "second-hello", "no-message-id", "unknown-rpc", "deep", "attributes"],
)
def test_a_message_that_is_no_request_is_refused_and_its_session_goes_on(visit, witness, message, tag):
    with Connection(visit) as connection:
        channel = connection.channel()
        channel.send(chunk(message))
        assert f"<error-tag>{tag}</error-tag>" in channel.reply()
        assert "<statistics>" in channel.ask(GET)


def test_a_request_in_the_packet_of_the_hello_is_answered(visit):
    with Connection(visit) as connection:
        channel = connection.channel(HELLO + chunk(rpc(GET, 5)))
        assert 'message-id="5"' in channel.reply()


def test_messages_over_the_limit_take_no_memory_and_are_refused(visit, witness):
    before = memory(visit)
    with Connection(visit) as connection:
        channel = connection.channel()
        block = b"\n#1048576\n" + b"x" * 1048576
        for number in range(66):
            channel.send(block)
            if number % 16 == 0:
                assert "<statistics>" in witness.ask(GET)
        channel.send(b"\n##\n")
        reply = channel.reply()
        assert "<error-tag>too-big</error-tag>" in reply and "(max-message-bytes)" in reply
        assert "<statistics>" in channel.ask(GET)
    # Once the limit is passed its bytes are given back; until then one message of 64 MiB may stand in memory.
    assert memory(visit) - before < 160_000_000


def test_sessions_that_fill_memory_with_half_messages_are_refused_and_short_requests_are_not(make_agent):
    agent = make_agent(settings=f"{QUICK}\n[netconf]\nmax-input-bytes = 8000000\n").start()
    with Connection(agent) as connection, Connection(agent) as other:
        hoarders = [connection.channel() for _ in range(6)]
        witness = other.channel()
        before = memory(agent)
        for hoarder in hoarders:
            hoarder.send(b"\n#5000000\n" + b" " * 4_000_000)
            assert "<statistics>" in witness.ask(GET)
        assert memory(agent) - before < 60_000_000
        until(lambda: "max-input-bytes" in agent.log(), agent.log)
        hoarders[-1].send(b" " * 1_000_000 + b"\n##\n")
        reply = hoarders[-1].reply()
        assert "<error-tag>too-big</error-tag>" in reply and "(max-input-bytes)" in reply
        assert "<statistics>" in hoarders[-1].ask(GET)


def test_hundreds_of_half_open_connections_are_turned_away_and_sessions_go_on(make_agent):
    agent = make_agent(settings=f"{QUICK}\n[netconf]\nmax-unauthenticated = 8\nlogin-grace-seconds = 2\n").start()
    with Connection(agent) as connection, contextlib.ExitStack() as open_sockets:
        channel = connection.channel()
        sockets = [
            open_sockets.enter_context(socket.create_connection(("127.0.0.1", agent.port), PATIENCE))
            for _ in range(300)
        ]
        assert "<statistics>" in channel.ask(GET)
        said = b""
        while data := sockets[-1].recv(1000):
            said += data
        assert b"8 have not logged in (max-unauthenticated)" in said
        # Those that were let in lose their place when their time is over.
        until(lambda: "login-grace-seconds" in agent.log(), agent.log)

        def another():
            with contextlib.suppress(Exception), Connection(agent) as late:
                return "<statistics>" in late.channel().ask(GET)
            return False

        until(another, "a place for a newcomer")


def test_a_reset_in_the_middle_of_an_edit_gives_the_lock_back_at_once(visit, witness):
    victim = Connection(visit)
    channel = victim.channel()
    assert "<ok/>" in channel.ask(LOCK)
    assert f"<session-id>{channel.session_id}</session-id>" in witness.ask(LOCK)
    edit = rpc("<edit-config><target><candidate/></target><config>" + "<!-- -->" * 1000)
    channel.send(b"\n#100000\n" + edit.encode())
    victim.reset()
    until(lambda: "<ok/>" in witness.ask(LOCK), "the lock of the client that vanished")
    assert "<ok/>" in witness.ask(UNLOCK)


def test_time_limits_end_a_session_with_the_name_of_the_setting(make_agent):
    limits = "hello-timeout-seconds = 1\nmessage-timeout-seconds = 1\nidle-timeout-seconds = 1\n"
    agent = make_agent(settings=f"{QUICK}\n[netconf]\n{limits}").start()
    with Connection(agent) as connection:
        silent = Channel(connection.transport, None)
        slow = connection.channel(HELLO + b"\n#1000\n<rpc")
        idle = connection.channel()
        for channel, setting in [
            (silent, "hello-timeout-seconds"),
            (slow, "message-timeout-seconds"),
            (idle, "idle-timeout-seconds"),
        ]:
            assert setting in channel.end()
            until(lambda setting=setting: setting in agent.log(), agent.log)
