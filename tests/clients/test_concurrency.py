"""Slow hardware and clients that stop reading delay nobody else."""

import threading
import time

import pytest

from lab.agent import commit, edit, get, running
from lab.documents import data_of, find_all, is_ok, text_at
from lab.licences import simulate
from lab.names import BASE, HOST_NAMES, SLICE_STATE
from lab.payloads import payload
from lab.waiting import until

AT_ONCE = 2.0
"""Seconds in which an undelayed request is answered, also by a debug build on a busy machine."""


def timed(call, *arguments):
    """Seconds that a call takes."""
    started = time.monotonic()
    call(*arguments)
    return time.monotonic() - started


def slice_status(session):
    """States of all slices of the node in 0/1."""
    filter_ = f'<osa xmlns="{SLICE_STATE}"><node-ids><node-id><node-name>0/1</node-name></node-id></node-ids></osa>'
    slices = find_all(get(session, filter_), "osa/node-ids/node-id/mxponder-slices/mxponder-slice")
    return [text_at(shown, "status") for shown in slices]


def test_a_commit_on_slow_hardware_does_not_delay_another_session(agent):
    writer, reader = agent.connect(), agent.connect()
    simulate(writer, "set-response-delay", milliseconds=5000)
    edit(writer, payload("v01").config)
    started = time.monotonic()
    worker = threading.Thread(target=commit, args=(writer,))
    worker.start()
    slowest = 0.0
    while time.monotonic() - started < 5.5:
        slowest = max(slowest, timed(get, reader, f'<osa xmlns="{SLICE_STATE}"/>'), timed(running, reader))
    worker.join(30)
    assert not worker.is_alive()
    assert slowest < AT_ONCE, f"a get took {slowest:.2f} s"
    assert timed(lambda: agent.connect().close_session()) < 2 * AT_ONCE
    until(lambda: slice_status(reader) == ["slice-config-complete"], lambda: f"slices: {slice_status(reader)}")
    simulate(writer, "set-response-delay", milliseconds=0)


def test_slow_hardware_is_shown_as_such_until_it_has_answered(agent):
    session = agent.connect()
    simulate(session, "set-response-delay", milliseconds=3000)
    edit(session, payload("v01").config)
    commit(session)
    seen = set()

    def done():
        seen.update(slice_status(session) or ["none"])
        return "slice-config-complete" in seen

    until(done, lambda: f"slices: {seen}")
    assert len(seen) > 1, f"complete before the hardware had answered: {seen}"


@pytest.mark.parametrize("kind", ["one-large-get", "many-schemas"])
def test_a_client_that_stops_reading_delays_nobody(agent, kind):
    sleeper, other = agent.by_hand(), agent.connect()
    if kind == "one-large-get":
        entries = "".join(
            f"<interface-configuration><active>pre</active><interface-name>Optics0/{slot}/0/{number}</interface-name>"
            f"<description>{'x' * 250}</description></interface-configuration>"
            for slot in range(10)
            for number in range(1000)
        )
        edit(
            other,
            f'<interface-configurations xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-ifmgr-cfg">{entries}</interface-configurations>',
        )
        commit(other)
        requests = ["<get-config><source><running/></source></get-config>"] * 4
    else:
        schema = "<identifier>Cisco-IOS-XR-controller-optics-oper</identifier>"
        requests = [
            f'<get-schema xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring">{schema}</get-schema>'
        ] * 120
    sleeper.pause()
    for number, request in enumerate(requests):
        sleeper.send(f'<rpc xmlns="{BASE}" message-id="{number}">{request}</rpc>')

    def work():
        small = f'<host-names xmlns="{HOST_NAMES}"/>'
        return max(
            timed(running, other, small),
            timed(edit, other, payload("v16").config),
            timed(commit, other),
            timed(lambda: agent.connect().close_session()),
        )

    ended = time.monotonic() + 4
    slowest = 0.0
    while time.monotonic() < ended:
        slowest = max(slowest, work())
    assert slowest < AT_ONCE, f"a request took {slowest:.2f} s"
    sleeper.resume()
    replies = [sleeper.read(60) for _ in requests]
    assert sum(map(len, replies)) > 6_000_000, "the replies fit into buffers: this test shows nothing"
    assert is_ok(sleeper.rpc("<close-session/>"))


def test_a_sleeping_client_that_vanishes_leaves_nothing(agent):
    sleeper, other = agent.by_hand(), agent.connect()
    assert is_ok(sleeper.rpc("<lock><target><candidate/></target></lock>"))
    sleeper.pause()
    schema = "<identifier>Cisco-IOS-XR-controller-optics-oper</identifier>"
    for number in range(100):
        request = f'<get-schema xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring">{schema}</get-schema>'
        sleeper.send(f'<rpc xmlns="{BASE}" message-id="{number}">{request}</rpc>')
    assert not other.lock("candidate").ok
    sleeper.vanish()
    until(lambda: other.lock("candidate").ok, "the lock of the vanished client", seconds=10)
    assert other.unlock("candidate").ok


def test_many_sessions_work_at_once(agent):
    sessions = [agent.by_hand() for _ in range(12)]
    assert len({session.session_id() for session in sessions}) == 12
    outcomes = []

    def work(session):
        for _ in range(10):
            outcomes.append(len(data_of(session.rpc("<get/>"))) > 0)

    workers = [threading.Thread(target=work, args=(session,)) for session in sessions]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert outcomes == [True] * 120
    for session in sessions:
        assert is_ok(session.rpc("<close-session/>"))


def test_sigterm_ends_an_agent_with_open_sessions_and_a_sleeping_client(agent):
    sleeper = agent.by_hand()
    agent.connect()
    sleeper.pause()
    for number in range(100):
        sleeper.send(f'<rpc xmlns="{BASE}" message-id="{number}"><get/></rpc>')
    process = agent.pid
    assert process
    super(type(agent), agent).stop()
    sleeper.resume()
