"""The licence server from outside: accounts that are kept apart, junk on its ports, a device that was copied."""

import contextlib
import datetime
import http.client
import shutil
import ssl

import pytest

from lab.agent import commit, edit, get
from lab.documents import find, text_at
from lab.licences import (
    CLIENT,
    CLIENT_BANDWIDTH,
    ask_licensing,
    authorization_state,
    configure_call_home,
    register,
    registration_state,
    state_info,
    usage,
    wait_for,
)
from lab.names import LICENCE_STATE
from lab.payloads import payload
from lab.waiting import until

PATHS = (
    "/its/service/oddce/services/DDCEService",
    "/Transportgateway/services/DeviceRequestHandler",
    "/SmartTransport",
    "/licservice/license",
)


def registered(agent, ssm, path=PATHS[0], *token):
    """A started agent, registered, with the chapter's OTN-XP slice in use; its session."""
    session = agent.start().connect()
    configure_call_home(session, ssm.url(path=path))
    register(session, ssm.token(*token))
    wait_for(session, registration_state, "complete")
    edit(session, payload("v01").config)
    commit(session)
    wait_for(session, usage, {CLIENT_BANDWIDTH: 1})
    return session


def test_one_virtual_account_does_not_use_the_licences_of_another(make_agent, ssm):
    ssm.command("account", "add", "East")
    ssm.add(CLIENT_BANDWIDTH, 5)
    agent = make_agent(flags=["--licensing-root", ssm.root_file])
    session = registered(agent, ssm, PATHS[0], "--virtual-account", "East")
    wait_for(session, authorization_state, "out-of-compliance")
    info = state_info(session, "<registration/>")
    assert text_at(info, "registration/registration-complete/virtual-account") == "East"
    ssm.command("licence", "add", CLIENT_BANDWIDTH, 1, "--virtual-account", "East")
    assert ask_licensing(session, "renew-auth") == ("success", "success")
    wait_for(session, authorization_state, "authorized")
    lines = [line.split() for line in ssm.command("license", "list").splitlines()]
    assert ["Default", CLIENT_BANDWIDTH, "5", "0", "+5"] in lines
    assert ["East", CLIENT_BANDWIDTH, "1", "1", "+0"] in lines
    agent.stop()


@pytest.mark.parametrize("path", PATHS[1:])
def test_every_path_of_the_products_servers_is_served(make_agent, ssm, path):
    agent = make_agent(flags=["--licensing-root", ssm.root_file]).start()
    session = agent.connect()
    configure_call_home(session, ssm.url(path=path))
    register(session, ssm.token())
    wait_for(session, registration_state, "complete")
    agent.stop()


def test_periods_are_those_of_the_chapter(make_agent, ssm):
    ssm.add(CLIENT_BANDWIDTH, 1)
    agent = make_agent(flags=["--licensing-root", ssm.root_file])
    session = registered(agent, ssm)
    wait_for(session, authorization_state, "authorized")
    info = state_info(session)
    complete = find(info, "registration/registration-complete")
    last = find(info, "authorization/authorization-authorized/authorization-info")

    def days(element, start, end):
        first, second = (
            datetime.datetime.strptime(text_at(element, name), "%b %d %Y %H:%M:%S UTC") for name in (start, end)
        )
        return (second - first) / datetime.timedelta(days=1)

    assert days(complete, "complete-time", "next-renew-time") == pytest.approx(180, abs=0.001)
    assert days(complete, "complete-time", "expire-time") == pytest.approx(365, abs=0.001)
    assert days(last, "last-comm-time", "next-comm-time") == pytest.approx(30, abs=0.001)
    assert days(last, "last-comm-time", "comm-deadline-time") == pytest.approx(90, abs=0.001)
    agent.stop()


def test_evaluation_runs_its_90_days_only_while_licences_are_in_use(agent):
    session = agent.connect()
    left = "evaluation/eval-period-left/time-left"
    assert authorization_state(session) == "none"
    assert text_at(state_info(session), "evaluation/eval-in-use") == "no"
    assert text_at(state_info(session), left) == str(90 * 24 * 3600)
    edit(session, payload("v03").config)
    commit(session)
    wait_for(session, usage, {CLIENT: 7})
    info = state_info(session)
    assert text_at(info, "evaluation/eval-in-use") == "yes"
    seconds = text_at(info, "authorization/authorization-eval/evaluation-time-left/seconds-left")
    assert 90 * 24 * 3600 - 600 < int(seconds) <= 90 * 24 * 3600
    until(lambda: int(text_at(state_info(session), left)) < 90 * 24 * 3600, "the first second of the evaluation")


def test_a_copied_device_is_noticed(make_agent, ssm):
    agent = make_agent(flags=["--licensing-root", ssm.root_file])
    registered(agent, ssm)
    agent.stop()
    copy = agent.state_dir.with_name("copy")
    shutil.copytree(agent.state_dir, copy)
    session = agent.start().connect()
    before = sequence(session)
    assert ask_licensing(session, "renew-auth") == ("success", "success")
    until(lambda: sequence(session) > before, "another exchange")
    twin = make_agent("twin", state_dir=copy, flags=["--licensing-root", ssm.root_file]).start()
    session = twin.connect()
    assert ask_licensing(session, "renew-auth") == ("success", "success")
    until(lambda: "two devices share one identity" in exchange(session, "last-error"), "the refusal of the copy")
    assert "copy of the device suspected" in ssm.instances()
    twin.stop()
    agent.stop()


def exchange(session, leaf):
    """A leaf about the conversation with the server."""
    data = get(session, f'<licence-state xmlns="{LICENCE_STATE}"><exchange/></licence-state>')
    return text_at(data, f"licence-state/exchange/{leaf}") or ""


def sequence(session):
    """Number of the last message to the server."""
    return int(exchange(session, "sequence") or 0)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_junk_is_refused_and_leaves_the_server_at_work(ssm, scheme):
    requests = [("GET", "/", None), ("GET", PATHS[0], None), ("POST", "/nowhere", b"{}"), ("PUT", PATHS[0], b"")]
    requests += [("POST", path, body) for path in PATHS for body in (b"", b"junk", b"{}", b"[" * 100_000, b"\xff\x00")]
    requests += [("POST", PATHS[2], b"x" * 5_000_000)]
    for method, path, body in requests:
        status = answer(ssm, scheme, method, path, body)
        assert status is None or 400 <= status < 500, (method, path, status)
    assert ssm.token() and "panicked" not in ssm.log()
    assert len(ssm.log()) < 200_000, "junk is not to fill the log"


def answer(ssm, scheme, method, path, body):
    """HTTP status of one request, or None where the server hung up on it."""
    host, port = ssm.ready[scheme].rsplit(":", 1)
    if scheme == "https":
        trusted = ssl.create_default_context(cafile=str(ssm.ca_file))
        connection = http.client.HTTPSConnection(host, int(port), timeout=30, context=trusted)
    else:
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
    with contextlib.closing(connection), contextlib.suppress(ConnectionError, ssl.SSLEOFError):
        connection.request(method, path, body)
        return connection.getresponse().status
    return None
