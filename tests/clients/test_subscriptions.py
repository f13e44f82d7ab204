"""Dynamic subscriptions (RFC 8639, RFC 8641) through ncclient and ssh: streams, datastores, refusals, and a reader that stops."""

import re

from lab.agent import call, commit, edit, get
from lab.documents import find, find_all, parse, text_at
from lab.licences import simulate
from lab.names import BASE, HOST_NAMES, INTERFACES, LICENCE_STATE, xr
from lab.waiting import PATIENCE, until

SUBSCRIBED = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
PUSH = "urn:ietf:params:xml:ns:yang:ietf-yang-push"
DATASTORES = "urn:ietf:params:xml:ns:yang:ietf-datastores"
PLATFORM = xr("platform-oper")
ALARMS = xr("alarmgr-server-oper")
SYSTEM_TIME = xr("shellutil-oper")


def establish(terms):
    return (
        f'<establish-subscription xmlns="{SUBSCRIBED}" xmlns:yp="{PUSH}" xmlns:ds="{DATASTORES}">{terms}'
        "</establish-subscription>"
    )


def operation(name, subscription, terms=""):
    return (
        f'<{name} xmlns="{SUBSCRIBED}" xmlns:yp="{PUSH}" xmlns:ds="{DATASTORES}"><id>{subscription}</id>{terms}</{name}>'
    )


def datastore(name, trigger, subtree=""):
    subtree = f"<yp:datastore-subtree-filter>{subtree}</yp:datastore-subtree-filter>" if subtree else ""
    return f"<yp:datastore>ds:{name}</yp:datastore>{subtree}{trigger}"


def periodic(centiseconds):
    return f"<yp:periodic><yp:period>{centiseconds}</yp:period></yp:periodic>"


ON_CHANGE = "<yp:on-change/>"


def follow(session, terms):
    """Subscribes, which must be accepted; gives the number."""
    subscription = text_at(call(session, establish(terms)), "id")
    assert subscription is not None, call(session, establish(terms))
    return subscription


def take(session, wanted, subscription):
    """The next notification of this name about this subscription; others are passed over."""
    while True:
        notification = session.take_notification(timeout=PATIENCE)
        assert notification is not None, f"no {wanted}"
        event = parse(notification.notification_xml)[1]
        if event.tag.split("}")[1] == wanted and text_at(event, "id") == subscription:
            return event


def take_event(session, wanted):
    """The next event of a stream with this name; others are passed over."""
    while True:
        notification = session.take_notification(timeout=PATIENCE)
        assert notification is not None, f"no {wanted}"
        event = parse(notification.notification_xml)[1]
        if event.tag.split("}")[1] == wanted:
            return event


def rename(session, name):
    edit(session, f'<host-names xmlns="{HOST_NAMES}"><host-name>{name}</host-name></host-names>')
    commit(session)


def edits(update):
    """Operation, target and value of each edit of a push-change-update."""
    return [
        (text_at(entry, "operation"), text_at(entry, "target"), find(entry, "value"))
        for entry in find_all(update, "datastore-changes/yang-patch/edit")
    ]


def subscriptions(session):
    """Receivers by the number of their subscription."""
    data = get(session, f'<subscriptions xmlns="{SUBSCRIBED}"/>')
    return {
        text_at(entry, "id"): find(entry, "receivers/receiver")
        for entry in find_all(data, "subscriptions/subscription")
    }


def test_one_session_follows_a_stream_and_a_datastore(agent):
    follower, actor = agent.connect(), agent.connect()
    for module in ("ietf-subscribed-notifications", "ietf-yang-push"):
        assert any(f"module={module}&" in capability for capability in follower.server_capabilities)
    follow(follower, "<stream>NETCONF</stream>")
    running = follow(follower, datastore("running", ON_CHANGE, f'<host-names xmlns="{HOST_NAMES}"/>'))
    assert len(find(take(follower, "push-update", running), "datastore-contents")) == 0
    rename(actor, "node-1")
    assert text_at(take_event(follower, "netconf-config-change"), "edit/operation") == "create"
    rename(actor, "node-2")
    told = edits(take(follower, "push-change-update", running)) + edits(take(follower, "push-change-update", running))
    assert [(how, where) for how, where, _ in told] == [
        ("create", "/Cisco-IOS-XR-shellutil-cfg:host-names/host-name"),
        ("replace", "/Cisco-IOS-XR-shellutil-cfg:host-names/host-name"),
    ]
    assert [text_at(value, "host-name") for _, _, value in told] == ["node-1", "node-2"]
    assert set(subscriptions(actor)) == {str(1 << 31), running}
    follower.close_session()
    until(lambda: not subscriptions(actor), lambda: subscriptions(actor))


def test_alarms_cards_and_licences_are_pushed_when_they_change(agent):
    follower, actor = agent.connect(), agent.connect()
    device = follow(
        follower,
        datastore("operational", ON_CHANGE, f'<platform xmlns="{PLATFORM}"/><alarms xmlns="{ALARMS}"/>'),
    )
    assert find(take(follower, "push-update", device), "datastore-contents/platform") is not None
    licences = follow(follower, datastore("operational", ON_CHANGE, f'<licence-state xmlns="{LICENCE_STATE}"/>'))
    take(follower, "push-update", licences)
    simulate(actor, "line-card-down", location="0/0")
    told = edits(take(follower, "push-change-update", device))
    created = [value for how, where, value in told if how == "create" and where.endswith("active/alarm-info=1")]
    assert created and text_at(created[0], "alarm-info/description").endswith("is down"), told
    card = "/ponder-licence-state:licence-state/unlicensed-card=0%2F0"
    wanted = [where for how, where, _ in edits(take(follower, "push-change-update", licences)) if how == "create"]
    assert card in wanted, wanted
    simulate(actor, "line-card-up", location="0/0")
    assert ("delete", card) in [
        (how, where) for how, where, _ in edits(take(follower, "push-change-update", licences))
    ]


def test_a_clock_is_pushed_every_second_until_it_is_killed(agent):
    follower, actor = agent.connect(), agent.connect()
    clock = f'<system-time xmlns="{SYSTEM_TIME}"/>'
    subscription = follow(follower, datastore("operational", periodic(100), clock))
    uptime = "datastore-contents/system-time/uptime/uptime"
    times = [int(text_at(take(follower, "push-update", subscription), uptime)) for _ in range(3)]
    assert times == sorted(set(times)), times
    assert call(follower, operation("modify-subscription", subscription, datastore("operational", periodic(200)))).find(
        f"{{{BASE}}}ok"
    ) is not None
    take(follower, "push-update", subscription)
    assert find(call(actor, operation("delete-subscription", subscription)), "rpc-error") is not None
    assert find(call(actor, operation("kill-subscription", subscription)), "ok") is not None
    assert text_at(take(follower, "subscription-terminated", subscription), "reason").endswith("no-such-subscription")


def test_refusals_say_why_and_what_would_do(agent):
    session = agent.connect()
    clock = f'<system-time xmlns="{SYSTEM_TIME}"/>'
    for terms, identity, hint in (
        (datastore("running", periodic(1)), "ietf-yang-push:period-unsupported", ("period-hint", "100")),
        (datastore("intended", periodic(100)), "ietf-yang-push:datastore-not-subscribable", None),
        (datastore("operational", ON_CHANGE, clock), "ietf-yang-push:on-change-unsupported", ("filter-failure-hint", None)),
        ("<stream>NETCONF</stream><encoding>encode-json</encoding>", f"{SUBSCRIBED.split(':')[-1]}:encoding-unsupported", None),
    ):
        error = find(call(session, establish(terms)), "rpc-error")
        assert text_at(error, "error-app-tag") == identity, error
        if hint:
            name, value = hint
            given = text_at(error, f"error-info/establish-subscription-datastore-error-info/{name}")
            assert given is not None and value in (None, given), given
    follow(session, "<stream>NETCONF</stream>")
    error = find(parse(session.create_subscription().xml), "rpc-error")
    assert text_at(error, "error-tag") == "operation-not-supported"


def read_until(session, pattern):
    """Reads messages until one matches; gives it."""
    while True:
        message = session.read(PATIENCE).decode()
        if re.search(pattern, message):
            return message


def test_a_subscriber_that_stops_reading_is_suspended_and_delays_nobody(agent):
    sleeper, actor = agent.by_hand(), agent.connect()
    entries = "".join(
        f"<interface-configuration><active>pre</active><interface-name>Optics0/{slot}/0/{number}</interface-name>"
        f"<description>{'x' * 250}</description></interface-configuration>"
        for slot in range(10)
        for number in range(1000)
    )
    edit(actor, f'<interface-configurations xmlns="{INTERFACES}">{entries}</interface-configurations>')
    commit(actor)
    sleeper.rpc(establish(datastore("running", periodic(100))))
    sleeper.send(f'<rpc xmlns="{BASE}" message-id="2">{establish(datastore("running", ON_CHANGE))}</rpc>')
    sleeper.pause()
    until(
        lambda: any(text_at(receiver, "state") == "suspended" for receiver in subscriptions(actor).values()),
        lambda: subscriptions(actor),
    )
    for round in range(20):
        rename(actor, f"node-{round}")
    sleeper.resume()
    read_until(sleeper, "<subscription-suspended ")
    read_until(sleeper, "<subscription-resumed ")
    read_until(sleeper, "<host-name>node-19</host-name>")
    assert all(text_at(receiver, "state") == "active" for receiver in subscriptions(actor).values())
