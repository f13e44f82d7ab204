"""Licence state as the public scripts read it: their filters, their order of steps, their ways of polling."""

import datetime
import re
import time

import pytest
from lxml import etree
from ncclient import manager
from ncclient.xml_ import to_ele

from lab.agent import USER, call, commit, edit, get
from lab.documents import find, find_all, paths_of, text_at
from lab.licences import (
    CLIENT,
    ask_licensing,
    authorization_state,
    call_home_config,
    configure_call_home,
    register,
    registration_state,
    state_info,
    usage,
    wait_for,
)
from lab.names import LICENCE, LICENCE_ACTIONS, LICENCE_STATE
from lab.payloads import payload
from lab.process import assert_one_clear_line, run
from lab.waiting import until

SMART_LICENSE_CFG = "http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-cfg"


@pytest.fixture
def device(make_agent, ssm):
    """A running agent that is not registered, and its session."""
    agent = make_agent(flags=["--licensing-root", ssm.root_file]).start()
    session = agent.connect()
    yield agent, session
    if agent.is_running():
        agent.stop()


def one_leaf(container, leaf):
    """A subtree filter one leaf deep, as the monitoring scripts send it."""
    inner = f"<{container}><{leaf}/></{container}>"
    return f'<smart-agent xmlns="{LICENCE}"><licensing><state><state-info>{inner}</state-info></state></licensing></smart-agent>'


@pytest.mark.parametrize(
    ("container", "leaf"),
    [
        ("registration", "registration-state"),
        ("registration", "export-control-status"),
        ("authorization", "authorization-state"),
        ("evaluation", "eval-in-use"),
        ("transport", "transport-type"),
        ("udi", "sn"),
    ],
)
def test_a_filter_one_leaf_deep_is_answered_with_only_its_path(device, container, leaf):
    _, session = device
    shown = {"/".join(name.rsplit("}", 1)[1] for name in path) for path in paths_of(get(session, one_leaf(container, leaf)))}
    path = ["smart-agent", "licensing", "state", "state-info", container, leaf]
    assert shown == {"/".join(path[: depth + 1]) for depth in range(len(path))}


def test_a_poll_sees_every_state_on_the_way_and_never_an_empty_one(device, ssm):
    """Poll from the order to the end, as a script does that waits for `complete`; no answer may lack the leaf."""
    _, session = device
    configure_call_home(session, ssm.url())
    register(session, ssm.token())
    seen = []
    until(
        lambda: seen.append(registration_state(session)) or seen[-1] == "complete",
        lambda: f"seen: {seen}",
    )
    assert set(seen) <= {"in-progress", "complete"}, seen
    assert authorization_state(session) in {"none", "authorized"}


def test_the_steps_of_a_registration_script_from_first_look_to_registered(device, ssm):
    """ez_register: look, configure call home, take a token or make one, register, wait a while, check."""
    _, session = device
    assert registration_state(session) == "not-registered"
    edit(session, call_home_config(ssm.url()))
    commit(session)
    edit(session, payload("v12").config)  # crypto ca trustpoint Trustpool crl optional
    commit(session)
    listed = ssm.command("token", "list", "--reveal").splitlines()
    assert not [line for line in listed if re.match(r"\s*\d", line)], "a new account has no token"
    token = ssm.token("--description", "ez_register")
    again = ssm.command("token", "list", "--reveal")
    assert token in again, "the next run takes the first of the list"
    register(session, token)
    deadline = time.monotonic() + 30
    while registration_state(session) != "complete" and time.monotonic() < deadline:
        time.sleep(0.2)
    info = state_info(session, "<registration/>")
    assert text_at(info, "registration/registration-state") == "complete"
    assert text_at(info, "registration/registration-complete/smart-account") == "Ponder Lab"
    # Run again: it is registered already, and says so instead of failing.
    assert ask_licensing(session, "register-id-token", f"<id-token>{token}</id-token>") == ("failed", "alreadyregistered")


def test_the_steps_of_a_reservation_script_split_its_code_off_the_display_string(device, ssm):
    """SLR: switch reservation on, request local, split after `portal:`, reserve, copy to disk0:, install, check."""
    agent, session = device
    edit(session, f'<flex-consumption xmlns="{SMART_LICENSE_CFG}"><reservation>true</reservation></flex-consumption>')
    edit(session, payload("v03").config)
    commit(session)
    wait_for(session, usage, {CLIENT: 7})
    ssm.add(CLIENT, 7)

    def order(name, content):
        return find(call(session, f'<{name} xmlns="{LICENCE_ACTIONS}">{content}</{name}>'), "reservation-codes")

    display = text_at(order("reservation-request", "<request-type>local</request-type>"), "display-string")
    request = display.split("portal:")[1].strip()
    authorization = ssm.command("reservation", "reserve", request, "--licence", CLIENT, 7)
    disk0 = agent.state_dir / "disk0"
    assert disk0.is_dir(), "the folder that disk0: names is there from the first start"
    (disk0 / "authorization.txt").write_text(authorization)
    answer = order("reservation-install", "<file><file-path>disk0:/authorization.txt</file-path></file>")
    assert text_at(answer, "response/return-code") == "success"
    assert text_at(answer, "confirmation-code")
    assert registration_state(session) == "complete"
    assert authorization_state(session) == "authorized-reservation"
    status = find(state_info(session, "<reservation/>"), "reservation/overall-status")
    assert text_at(status, "install-status") == "type-specific"


def test_plain_ncclient_reads_the_state_with_its_own_filters_and_dispatch(device, ssm, keys):
    """No helper of ours between the script and the device: ncclient's get, its filter tuple, its dispatch."""
    agent, session = device
    configure_call_home(session, ssm.url())
    with manager.connect(
        host="127.0.0.1",
        port=agent.port,
        username=USER,
        key_filename=str(keys.private_file),
        hostkey_verify=False,
        allow_agent=False,
        look_for_keys=False,
        device_params={"name": "iosxr"},
        timeout=30,
    ) as script:
        order = f'<register-id-token xmlns="{LICENCE_ACTIONS}"><id-token>{ssm.token()}</id-token></register-id-token>'
        answer = etree.fromstring(script.dispatch(to_ele(order)).xml.encode())
        assert answer.xpath("string(//*[local-name()='return-code'])") == "success"
        filters = (
            ("subtree", f'<smart-agent xmlns="{LICENCE}"/>'),
            ("subtree", one_leaf("registration", "registration-state")),
        )
        for criteria in filters:
            until(
                lambda criteria=criteria: ">complete<" in script.get(filter=criteria).data_xml,
                f"complete by {criteria}",
            )


def test_many_polls_beside_each_other_all_get_whole_answers(device, ssm):
    agent, session = device
    configure_call_home(session, ssm.url())
    sessions = [agent.connect() for _ in range(4)]
    register(session, ssm.token())
    for _ in range(25):
        for one in sessions:
            info = state_info(one)
            assert text_at(info, "registration/registration-state") in {"in-progress", "complete"}
            assert text_at(info, "udi/pid") == "NCS1004"
            assert len(find_all(info, "udi")) == 1
    wait_for(session, registration_state, "complete")


def test_intervals_that_no_device_could_keep_are_refused_by_the_server(folder):
    flags = ("--authorization-interval", "90d", "--authorization-life", "30d")
    refused = run("ssm", "--state-dir", folder / "ssm", "--listen", "127.0.0.1:0", *flags)
    assert refused.returncode != 0
    assert_one_clear_line(refused.stderr, "--authorization-interval", "must be shorter than", "--authorization-life")
    wrong = run("ssm", "--state-dir", folder / "ssm", "--renewal-interval", "half a year")
    assert wrong.returncode == 2 and "such as 12h or 30d" in wrong.stderr


def test_a_server_decides_when_devices_come_back(make_agent, make_ssm):
    ssm = make_ssm(flags=["--authorization-interval", "12h", "--authorization-life", "2d", "--renewal-interval", "10d"]).start()
    agent = make_agent(flags=["--licensing-root", ssm.root_file]).start()
    session = agent.connect()
    configure_call_home(session, ssm.url())
    register(session, ssm.token())
    wait_for(session, registration_state, "complete")
    own = f'<licence-state xmlns="{LICENCE_STATE}"><exchange/></licence-state>'
    until(
        lambda: find(get(session, own), "licence-state/exchange/in-flight") is None
        and text_at(find(get(session, own), "licence-state/exchange"), "sequence") == "2",
        "the first authorization",
    )
    complete = find(state_info(session, "<registration/>"), "registration/registration-complete")

    def moment(text):
        return datetime.datetime.strptime(text, "%b %d %Y %H:%M:%S UTC").replace(tzinfo=datetime.timezone.utc)

    completed, renewal = (moment(text_at(complete, leaf)) for leaf in ("complete-time", "next-renew-time"))
    assert abs((renewal - completed).total_seconds() - 10 * 86_400) <= 2
    attempt = text_at(find(get(session, own), "licence-state/exchange"), "next-attempt")
    attempt = datetime.datetime.fromisoformat(attempt.replace("Z", "+00:00"))
    assert abs((attempt - completed).total_seconds() - 12 * 3_600) <= 5
    agent.stop()
    ssm.stop()
