"""Event notifications through ncclient: streams, filters, replay over a restart, licences, and a reader that does not read."""

import pytest
from ncclient.operations import RPCError

from lab.agent import USER, call, commit, edit, get
from lab.documents import find, find_all, parse, text_at
from lab.licences import CLIENT, LONG_HAUL, simulate, usage, wait_for
from lab.names import CAPABILITY, HOST_NAMES
from lab.payloads import payload
from lab.waiting import PATIENCE, until

NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"
STREAMS = "urn:ietf:params:xml:ns:netmod:notification"
EVENTS = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"
LICENCE_EVENTS = "urn:ponder:yang:ponder-licence-notifications"


def content(notification):
    """The event inside a notification: an element and its name."""
    element = parse(notification.notification_xml)
    assert element.tag == f"{{{NOTIFICATION}}}notification"
    time, event = element
    assert time.tag == f"{{{NOTIFICATION}}}eventTime"
    return event, event.tag.split("}")[1]


def take(session, wanted):
    """The next event of this name; events of other names are passed over."""
    while True:
        notification = session.take_notification(timeout=PATIENCE)
        assert notification is not None, f"no {wanted}"
        event, name = content(notification)
        if name == wanted:
            return event


def rename(session, name):
    edit(session, f'<host-names xmlns="{HOST_NAMES}"><host-name>{name}</host-name></host-names>')
    commit(session)


def test_a_commit_of_another_session_is_told_while_requests_go_on(agent):
    follower, actor = agent.connect(), agent.connect()
    for name in ("notification:1.0", "interleave:1.0"):
        assert f"{CAPABILITY}{name}" in follower.server_capabilities
    assert follower.create_subscription().ok
    rename(actor, "node-1")
    change = take(follower, "netconf-config-change")
    assert text_at(change, "changed-by/username") == USER
    assert text_at(change, "changed-by/session-id") == actor.session_id
    assert text_at(change, "changed-by/source-host") == "127.0.0.1"
    assert find(get(follower, f'<host-names xmlns="{HOST_NAMES}"/>'), "host-names") is not None
    actor.close_session()
    ended = take(follower, "netconf-session-end")
    assert text_at(ended, "termination-reason") == "closed"


def test_a_filter_lets_only_its_events_through(agent):
    follower, actor = agent.connect(), agent.connect()
    assert follower.create_subscription(filter=("subtree", f'<netconf-session-end xmlns="{EVENTS}"/>')).ok
    rename(actor, "node-1")
    actor.close_session()
    event, name = content(follower.take_notification(timeout=PATIENCE))
    assert name == "netconf-session-end", event


def test_what_makes_no_sense_is_refused(agent):
    session = agent.connect()
    session.raise_mode = 2
    for options, words in (
        ({"stream_name": "weather"}, "weather"),
        ({"start_time": "2999-01-01T00:00:00Z"}, "startTime"),
    ):
        with pytest.raises(RPCError, match=words):
            session.create_subscription(**options)
    assert session.create_subscription().ok
    with pytest.raises(RPCError, match="subscription already"):
        session.create_subscription()


def test_the_replay_log_survives_a_kill_of_the_agent(make_agent):
    agent = make_agent().start()
    session = agent.connect()
    rename(session, "before-the-kill")
    # What was told to somebody is on its way to the disk; the next event shows that it arrived.
    until(lambda: "netconf-config-change" in ring(agent), lambda: ring(agent))
    agent.kill()
    agent.start()
    session = agent.connect()
    streams = get(session, f'<netconf xmlns="{STREAMS}"/>')
    names = [text_at(stream, "name") for stream in find_all(streams, "netconf/streams/stream")]
    assert names == ["NETCONF", "licensing"]
    began = text_at(find(streams, "netconf/streams"), "stream/replayLogCreationTime")
    assert session.create_subscription(start_time=began).ok
    assert text_at(take(session, "netconf-config-change"), "edit/operation") == "create"
    take(session, "replayComplete")


def ring(agent):
    file = agent.state_dir / "notifications.ring"
    return file.read_text() if file.exists() else ""


def test_licences_are_told_with_what_they_are_counted_for(agent):
    follower, actor = agent.connect(), agent.connect()
    assert follower.create_subscription(stream_name="licensing").ok
    edit(actor, payload("v03").config)
    commit(actor)
    counted = take(follower, "entitlement-count-change")
    assert counted.tag.startswith(f"{{{LICENCE_EVENTS}}}")
    assert text_at(counted, "entitlement") == CLIENT
    steps = [int(text_at(reason, "step")) for reason in find_all(counted, "reason")]
    assert sum(steps) == int(text_at(counted, "new")) - int(text_at(counted, "old"))
    wait_for(actor, usage, {CLIENT: 7})
    simulate(actor, "set-trunk-bits-per-symbol", port_name="Optics0/0/0/0", bits_per_symbol="3")
    counted = take(follower, "entitlement-count-change")
    while text_at(counted, "entitlement") != LONG_HAUL:
        counted = take(follower, "entitlement-count-change")
    assert text_at(counted, "reason/rule") == "3.0000000000 bits per symbol is within 2 to 4"
    simulate(actor, "line-card-down", location="0/0")
    card = take(follower, "line-card-state-change")
    assert (text_at(card, "location"), text_at(card, "old"), text_at(card, "new")) == ("0/0", "up", "down")
    assert text_at(take(follower, "alarm-raised"), "name") == "LINE-CARD-DOWN"
    simulate(actor, "line-card-up", location="0/0")
    assert text_at(take(follower, "alarm-cleared"), "name") == "LINE-CARD-DOWN"
