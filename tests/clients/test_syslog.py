"""The log and the alarms as a management system sees them: over NETCONF and at a remote host."""

import re
import socket

from lab.agent import USER, call, commit, edit, get
from lab.documents import find, find_all, text_at
from lab.licences import simulate
from lab.names import xr
from lab.payloads import payload
from lab.waiting import PATIENCE, until

SYSLOG = xr("infra-syslog-oper")
SYSLOG_CONFIG = xr("infra-syslog-cfg")
ALARMS = xr("alarmgr-server-oper")


def messages(session):
    """Numbers and codes of the log: [(message-id, `MGBL-CONFIG-DB_COMMIT`)]."""
    data = get(session, f'<syslog xmlns="{SYSLOG}"><messages/></syslog>')
    return [
        (int(text_at(one, "message-id")), "-".join(text_at(one, leaf) for leaf in ("category", "group", "message-name")))
        for one in find_all(data, "syslog/messages/message")
    ]


def alarms(session, which="active"):
    """Locations and descriptions of the alarms of the system."""
    data = get(session, f'<alarms xmlns="{ALARMS}"><brief><brief-system/></brief></alarms>')
    found = find_all(data, f"alarms/brief/brief-system/{which}/alarm-info")
    return [(text_at(alarm, "location"), text_at(alarm, "description")) for alarm in found]


def get_syslog(session, filters=""):
    """Names of the messages that the operation yields."""
    reply = call(session, f'<get-syslog xmlns="{SYSLOG}">{filters}</get-syslog>')
    return [text_at(one, "message-name") for one in find_all(reply, "data/syslog/messages/message")]


def remote_host(port):
    """Configuration of a remote host on loopback."""
    return (
        f'<syslog xmlns="{SYSLOG_CONFIG}"><host-server><vrfs><vrf><vrf-name>default</vrf-name><ipv4s><ipv4>'
        f"<address>127.0.0.1</address><ipv4-severity-port><port>{port}</port></ipv4-severity-port>"
        "</ipv4></ipv4s></vrf></vrfs></host-server><host-name-prefix>ncs1004-lab</host-name-prefix></syslog>"
    )


def test_a_remote_host_hears_of_commits_and_cards_as_rfc_5424_has_it(agent):
    session = agent.connect()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host:
        host.bind(("127.0.0.1", 0))
        host.settimeout(PATIENCE)
        edit(session, remote_host(host.getsockname()[1]))
        commit(session)
        told = host.recv(4096).decode()
        assert re.fullmatch(
            r"<190>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ncs1004-lab config \d+ DB_COMMIT "
            r'\[meta sequenceId="\d+"\] %MGBL-CONFIG-6-DB_COMMIT : '
            rf"Configuration committed by user '{USER}'\. "
            r"Use 'show configuration commit changes 1000000001' to view the changes\.",
            told,
        ), told
        simulate(session, "line-card-down", location="0/2")
        told = ""
        while "FAULT_CRITICAL" not in told:
            told = host.recv(4096).decode()
        assert "ALARM_CRITICAL :LINE-CARD-DOWN :DECLARE :0/2:" in told


def test_a_card_that_is_down_is_an_alarm_and_then_history(agent):
    session = agent.connect()
    down = ("0/1", "Line card NCS1K4-OTN-XPL is down")
    simulate(session, "line-card-down", location="0/1")
    until(lambda: down in alarms(session), lambda: f"{alarms(session)}")
    data = get(session, f'<alarms xmlns="{ALARMS}"><detail><detail-card/></detail></alarms>')
    alarm = find(data, "alarms/detail/detail-card/detail-locations/detail-location/active/alarm-info")
    assert text_at(alarm, "alarm-name") == "LINE-CARD-DOWN"
    assert text_at(alarm, "service-affecting") == "service-affecting"
    simulate(session, "line-card-up", location="0/1")
    until(lambda: down in alarms(session, "history"), lambda: f"{alarms(session, 'history')}")
    assert alarms(session) == []


def test_a_configured_slot_that_is_empty_and_a_slice_that_does_not_fit_are_alarms(agent):
    session = agent.connect()
    edit(session, payload("v01").config)
    commit(session)
    simulate(session, "pull-line-card", location="0/1")
    until(
        lambda: ("0/1", "Slot is configured and holds no line card") in alarms(session),
        lambda: f"{alarms(session)}",
    )
    simulate(session, "insert-line-card", location="0/1", pid="NCS1K4-QXP-L-K9")
    until(
        lambda: any("mxponder-slice 0 cannot be provisioned" in description for _, description in alarms(session)),
        lambda: f"{alarms(session)}",
    )


def test_the_log_survives_a_kill_and_numbers_go_on(agent):
    session = agent.connect()
    edit(session, payload("v16").config)
    commit(session)
    before = messages(session)
    assert before[-1][1] == "MGBL-CONFIG-DB_COMMIT"
    agent.kill()
    agent.start()
    session = agent.connect()
    after = messages(session)
    # What was logged in the very moment of the kill may be gone with it.
    assert after[: len(before) - 1] == before[:-1]
    numbers = [number for number, _ in after]
    assert numbers == sorted(set(numbers))
    assert [code for _, code in after].count("LICENSE-SMART_LIC-AGENT_READY") == 2


def test_get_syslog_takes_a_span_of_time_or_none(agent):
    session = agent.connect()
    everything = get_syslog(session)
    assert "AGENT_READY" in everything
    assert get_syslog(session, "<filters><start-time>2021-05-27T09:00:00Z</start-time></filters>") == everything
    assert get_syslog(session, "<filters><end-time>2021-05-27T09:00:00+02:00</end-time></filters>") == []
