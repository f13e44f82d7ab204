"""The licensing loop between two processes: NETCONF RPCs on one side, `ponder ssm` commands on the other."""

import datetime
import socket
import threading

import pytest

from lab.agent import call, commit, edit, get, running
from lab.documents import data_of, find, find_all, leaves_of, paths_of, text_at
from lab.licences import (
    CLIENT,
    CLIENT_BANDWIDTH,
    ENCRYPTED_CLIENT,
    LONG_HAUL,
    QUICK,
    QXP_TRUNK,
    SUBSEA,
    VENDOR_URL,
    ask_licensing,
    authorization_state,
    call_home_config,
    configure_call_home,
    enforcement,
    last_reported,
    register,
    registration_state,
    simulate,
    state_info,
    table_2_status,
    usage,
    wait_for,
)
from lab.names import CALL_HOME, INTERFACES, LICENCE, LICENCE_ACTIONS, LICENCE_STATE
from lab.payloads import payload
from lab.waiting import until


@pytest.fixture
def device(make_agent, ssm):
    """A running agent that trusts the licence server, with call-home configured, and its session."""
    agent = make_agent(flags=["--licensing-root", ssm.root_file]).start()
    session = agent.connect()
    configure_call_home(session, ssm.url())
    yield agent, session
    if agent.is_running():
        agent.stop()


def commit_payload(session, name):
    """Commits one of the collection's edits."""
    edit(session, payload(name).config)
    commit(session)


def last_error(session):
    """Why the last exchange failed, in words."""
    data = get(session, f'<licence-state xmlns="{LICENCE_STATE}"><exchange/></licence-state>')
    return text_at(data, "licence-state/exchange/last-error")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_register_run_short_buy_and_deregister(make_agent, ssm, scheme):
    flags = ["--licensing-root", ssm.root_file, "--licensing-ca", ssm.ca_file]
    agent = make_agent(flags=flags).start()
    session = agent.connect(device="iosxr")
    assert registration_state(session) == "not-registered"
    configure_call_home(session, ssm.url(scheme))
    assert table_2_status(session) == "unidentified"
    commit_payload(session, "v03")  # eleven clients on one card: seven licences
    wait_for(session, usage, {CLIENT: 7})
    assert authorization_state(session) == "eval"
    assert enforcement(session) == {CLIENT: "evaluation"}

    register(session, ssm.token("--days", "1", "--description", "loop"))
    wait_for(session, registration_state, "complete")
    assert agent_serial(session) in ssm.instances()
    wait_for(session, authorization_state, "out-of-compliance")
    assert enforcement(session) == {CLIENT: "out-of-compliance"}
    assert table_2_status(session) == "out-of-compliance"
    assert ssm.pools()[CLIENT] == (0, 7, -7)

    ssm.add(CLIENT, 6)
    assert ask_licensing(session, "renew-auth") == ("success", "success")
    until(lambda: last_communication(session) != "", "a second exchange")
    assert authorization_state(session) == "out-of-compliance"
    ssm.add(CLIENT, 1)
    assert ask_licensing(session, "renew-auth") == ("success", "success")
    wait_for(session, authorization_state, "authorized")
    assert enforcement(session) == {CLIENT: "in-compliance"}
    assert table_2_status(session) == "authorized"
    assert ssm.pools()[CLIENT] == (7, 7, 0)

    assert ask_licensing(session, "renew-id") == ("success", "success")
    until(
        lambda: text_at(state_info(session), "registration/registration-complete/last-renew-success") == "yes",
        "a renewed identity certificate",
    )

    assert ask_licensing(session, "de-register") == ("success", "success")
    wait_for(session, registration_state, "not-registered")
    until(lambda: ssm.pools()[CLIENT] == (7, 0, 7), lambda: f"pools: {ssm.pools()}")
    assert agent_serial(session) not in ssm.instances()
    assert authorization_state(session) == "eval"
    assert usage(session) == {CLIENT: 7}
    agent.stop()


def agent_serial(session):
    """The chassis' serial number as licensing shows it."""
    return text_at(state_info(session, "<udi/>"), "udi/sn")


def last_communication(session):
    """When the last exchange was, as the out-of-compliance state shows it."""
    path = "authorization/authorization-out-of-compliance/authorization-info/last-comm-time"
    return text_at(state_info(session), path) or ""


def test_every_answer_of_the_register_rpc_has_the_shape_of_its_document(device, ssm):
    agent, session = device
    by_hand = agent.by_hand()
    rpc = payload("r01").text.replace(payload("r01").document.findtext(".//{*}id-token"), ssm.token())
    reply = by_hand.ask(rpc)
    wanted = payload("r06").document
    assert leaves_of(reply) == leaves_of(wanted) and paths_of(reply) == paths_of(wanted)
    wait_for(session, registration_state, "complete")
    reply = by_hand.ask(rpc)
    assert leaves_of(reply) == leaves_of(payload("r07").document)
    assert ask_licensing(session, "register-id-token", f"<id-token>{ssm.token()}</id-token><force>true</force>") == (
        "success",
        "success",
    )
    wait_for(session, registration_state, "complete")


def test_without_registration_the_other_rpcs_say_so(device):
    _, session = device
    for name in ("renew-auth", "renew-id", "de-register"):
        assert ask_licensing(session, name) == ("failed", "notregistered")


@pytest.mark.parametrize("token", ["made-up", "ZDJlOWQ3M2YtZXhhbXBsZS10b2tlbi0wMDAx"])
def test_an_unknown_token_fails_with_the_servers_words(device, ssm, token):
    _, session = device
    status = ask_licensing(session, "register-id-token", f"<id-token>{token}</id-token>")
    if status == ("success", "success"):
        wait_for(session, registration_state, "failed")
        failed = find(state_info(session), "registration/registration-failed")
        assert "token" in text_at(failed, "fail-message").lower()
        assert text_at(failed, "fail-time")
    else:
        assert status[0] == "failed"
    assert token not in text_of(state_info(session))
    assert table_2_status(session) == "unidentified"
    assert ssm.in_use() == {}
    register(session, ssm.token(), force=True)
    wait_for(session, registration_state, "complete")


def text_of(element):
    """All text below an element."""
    return " ".join(element.itertext())


def test_a_token_is_valid_for_1_to_365_days(ssm):
    for days in (0, 366):
        refused = ssm.try_command("token", "create", "--days", days)
        assert refused.returncode != 0 and str(days) in refused.stderr and "365" in refused.stderr, refused.stderr
    for days in (1, 365):
        token = ssm.token("--days", days, "--description", f"for-{days}")
        last = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days)
        line = next(line for line in ssm.command("token", "list").splitlines() if f"for-{days}" in line)
        assert f"{last:%Y-%m-%dT}" in line or f"{last - datetime.timedelta(minutes=1):%Y-%m-%dT}" in line, line
        assert token not in line and token[:4] in line, "the list shows how a token begins, no more"


def test_without_a_destination_registration_fails_at_once(agent):
    session = agent.connect()
    status, code = ask_licensing(session, "register-id-token", "<id-token>x</id-token>")
    assert status == "failed" and code.lower() == "nourl", (status, code)
    assert registration_state(session) in ("not-registered", "failed")


def test_a_server_that_is_not_there_leads_to_retry(make_agent, ssm):
    agent = make_agent(flags=["--licensing-root", ssm.root_file]).start()
    session = agent.connect()
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        configure_call_home(
            session, f"http://127.0.0.1:{reserved.getsockname()[1]}/Transportgateway/services/DeviceRequestHandler"
        )
        register(session, "some-token")
        wait_for(session, registration_state, "retry")
        retry = find(state_info(session), "registration/registration-retry")
        assert text_at(retry, "registration-info/fail-message")
        assert text_at(retry, "retry-next-time")
    agent.stop()


def test_a_vendor_address_is_stored_and_never_contacted(make_agent):
    settings = QUICK + 'never-contact = ["cisco.com", "localhost"]\n'
    agent = make_agent(settings=settings).start()
    session = agent.connect()
    calls = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def accept():
            while True:
                try:
                    calls.append(listener.accept())
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        here = f"http://localhost:{listener.getsockname()[1]}/its/service/oddce/services/DDCEService"
        for url in (VENDOR_URL, here):
            edit(session, f'<call-home xmlns="{CALL_HOME}"/>', default_operation="merge")
            edit(session, without_other_addresses(session, url))
            commit(session)
            assert url in text_of(running(session, f'<call-home xmlns="{CALL_HOME}"/>'))
            answer = ask_licensing(session, "register-id-token", "<id-token>x</id-token><force>true</force>")
            if answer[0] == "success":
                wait_for(session, registration_state, "failed", seconds=5)
            said = text_of(state_info(session, "<registration/>")) + str(last_error(session))
            assert "protocol" in said, said
        assert calls == []
        listener.shutdown(socket.SHUT_RDWR)
    agent.stop()


def without_other_addresses(session, url):
    """The call-home block with one destination only: the list of addresses is replaced."""
    config = call_home_config(url)
    operation = 'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="replace"'
    assert "<addresses>" in config
    return config.replace("<addresses>", f"<addresses {operation}>")


def test_encrypted_clients_take_the_other_licence_until_the_policy_goes(device, ssm):
    _, session = device
    register(session, ssm.token())
    wait_for(session, registration_state, "complete")
    commit_payload(session, "v04")  # six clients, two of them encrypted
    wait_for(session, usage, {ENCRYPTED_CLIENT: 2})
    until(lambda: ssm.in_use() == {ENCRYPTED_CLIENT: 2}, lambda: f"pools: {ssm.pools()}")
    edit(
        session,
        f'<interface-configurations xmlns="{INTERFACES}" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"'
        ' nc:operation="remove"/>',
    )
    commit(session)
    wait_for(session, usage, {CLIENT: 2})
    until(lambda: ssm.in_use() == {CLIENT: 2}, lambda: f"pools: {ssm.pools()}")


def test_counts_follow_the_hardware_without_a_commit(device, ssm):
    _, session = device
    register(session, ssm.token())
    wait_for(session, registration_state, "complete")
    for name in ("v01", "v03"):
        edit(session, payload(name).config)
    commit(session)
    both = {CLIENT_BANDWIDTH: 1, CLIENT: 7}
    wait_for(session, usage, both)
    until(lambda: ssm.in_use() == both, lambda: f"pools: {ssm.pools()}")

    simulate(session, "line-card-down", location="0/1")
    wait_for(session, usage, {CLIENT: 7})
    until(lambda: ssm.in_use() == {CLIENT: 7}, lambda: f"pools: {ssm.pools()}")
    simulate(session, "line-card-up", location="0/1")
    wait_for(session, usage, both)

    simulate(session, "pull-line-card", location="0/0")
    wait_for(session, usage, {CLIENT_BANDWIDTH: 1})
    until(lambda: ssm.in_use() == {CLIENT_BANDWIDTH: 1}, lambda: f"pools: {ssm.pools()}")
    simulate(session, "insert-line-card", location="0/0", pid="NCS1K4-1.2T-K9")
    wait_for(session, usage, {CLIENT_BANDWIDTH: 1})
    simulate(session, "pull-line-card", location="0/0")
    simulate(session, "insert-line-card", location="0/0", pid="NCS1K4-1.2T-L-K9")
    wait_for(session, usage, both)
    until(lambda: ssm.in_use() == both, lambda: f"pools: {ssm.pools()}")

    simulate(session, "set-trunk-bits-per-symbol", port_name="Optics0/0/0/0", bits_per_symbol="3.5")
    wait_for(session, usage, both | {LONG_HAUL: 1})
    simulate(session, "set-trunk-bits-per-symbol", port_name="Optics0/0/0/0", bits_per_symbol="1.5")
    wait_for(session, usage, both | {SUBSEA: 1})
    simulate(session, "set-trunk-bits-per-symbol", port_name="Optics0/0/0/0")
    wait_for(session, usage, both)
    until(lambda: ssm.in_use() == both, lambda: f"pools: {ssm.pools()}")
    assert last_reported(session)[CLIENT] == (7, 7)


def test_every_contribution_is_explained(device):
    _, session = device
    commit_payload(session, "v03")
    wait_for(session, usage, {CLIENT: 7})
    data = get(session, f'<licence-state xmlns="{LICENCE_STATE}"><consumption/></licence-state>')
    consumption = find(data, "licence-state/consumption")
    assert text_at(consumption, "entitlement") == CLIENT
    contributions = consumption.findall("{*}contribution")
    assert sum(int(text_at(one, "amount")) for one in contributions) == 7
    assert all(text_at(one, "item") and text_at(one, "rule") for one in contributions)


def test_a_device_removed_at_the_server_hears_it_when_it_renews(device, ssm):
    agent, session = device
    ssm.add(QXP_TRUNK, 2)
    register(session, ssm.token())
    wait_for(session, registration_state, "complete")
    edit(session, payload("v02").config.replace("<node-name>0/1<", "<node-name>0/2<"))
    commit(session)
    wait_for(session, authorization_state, "authorized")
    ssm.command("instance", "remove", agent_serial(session))
    assert ssm.pools()[QXP_TRUNK] == (2, 0, 2)
    assert ask_licensing(session, "renew-auth") == ("success", "success")
    until(
        lambda: "Data and signature do not match" in (last_error(session) or ""),
        lambda: f"last error: {last_error(session)}",
    )
    assert "Data and signature do not match" in text_of(state_info(session))
    assert registration_state(session) == "complete"
    assert ask_licensing(session, "de-register") == ("success", "success")
    wait_for(session, registration_state, "not-registered")
    logged = text_of(agent.by_hand().ask(payload("f09").text))
    assert "AUTH_RENEW_FAILED" in logged and "Data and signature do not match for udi PID:NCS1004,SN:" in logged
    assert "AGENT_DEREG_FAILED" in logged
    register(session, ssm.token())
    wait_for(session, registration_state, "complete")
    wait_for(session, authorization_state, "authorized")


def test_out_of_compliance_is_in_the_log_and_an_alarm_until_it_is_over(device, ssm):
    agent, session = device
    by_hand = agent.by_hand()
    token = ssm.token()
    register(session, token)
    wait_for(session, registration_state, "complete")
    commit_payload(session, "v01")
    wait_for(session, authorization_state, "out-of-compliance")
    wanted = payload("d05").document

    def shown():
        return data_of(by_hand.ask(payload("f09").text))

    until(lambda: paths_of(wanted) <= paths_of(shown()), lambda: f"missing: {paths_of(wanted) - paths_of(shown())}")
    names = [text_at(message, "message-name") for message in find_all(shown(), "syslog/messages/message")]
    assert "OUT_OF_COMPLIANCE" in names and names.index("AGENT_REG_SUCCESS") < names.index("OUT_OF_COMPLIANCE")
    alarm = find(shown(), "alarms/brief/brief-system/active/alarm-info")
    assert text_at(alarm, "description") == text_at(wanted, "alarms/brief/brief-system/active/alarm-info/description")
    assert "OUT_OF_COMPLIANCE" in text_of(by_hand.ask(payload("r08").text))

    ssm.add(CLIENT_BANDWIDTH, 1)
    assert ask_licensing(session, "renew-auth") == ("success", "success")
    until(
        lambda: find(shown(), "alarms/brief/brief-system/active/alarm-info") is None,
        "the end of the alarm",
    )
    assert token not in text_of(by_hand.rpc("<get/>"))


def test_over_consumption_never_blocks_a_commit(device, ssm):
    _, session = device
    register(session, ssm.token())
    wait_for(session, registration_state, "complete")
    for name in ("v03", "v04", "v01"):
        commit_payload(session, name)
    wait_for(session, authorization_state, "out-of-compliance")


@pytest.mark.parametrize("ca", ["none", "another"])
def test_an_https_server_with_an_unknown_ca_is_refused(make_agent, make_ssm, ssm, ca):
    stranger = make_ssm("stranger").start()
    flags = [] if ca == "none" else ["--licensing-ca", stranger.ca_file]
    agent = make_agent(flags=["--licensing-root", ssm.root_file, *flags]).start()
    session = agent.connect()
    configure_call_home(session, ssm.url("https"))
    register(session, ssm.token())
    until(lambda: registration_state(session) in ("failed", "retry"), "a registration that does not hold")
    assert ("CA file" if ca == "none" else "certificate") in text_of(state_info(session, "<registration/>"))
    assert agent_serial(session) not in ssm.instances()
    agent.stop()
    stranger.stop()


def test_a_device_without_a_licensing_root_believes_nobody_and_says_so(make_agent, ssm):
    agent = make_agent().start()
    session = agent.connect()
    configure_call_home(session, ssm.url())
    register(session, ssm.token())
    wait_for(session, registration_state, "failed")
    assert "licensing root" in text_of(state_info(session, "<registration/>"))
    agent.stop()


def test_a_server_with_another_licensing_root_is_not_believed(make_agent, make_ssm, ssm):
    stranger = make_ssm("stranger").start()
    agent = make_agent(flags=["--licensing-root", stranger.root_file]).start()
    session = agent.connect()
    configure_call_home(session, ssm.url())
    register(session, ssm.token())
    until(lambda: registration_state(session) in ("failed", "retry"), "a refused registration")
    assert authorization_state(session) == "none"
    agent.stop()
    stranger.stop()


def test_one_leaf_deep_filters_are_answered_with_only_the_path(device):
    _, session = device
    inner = "<registration><registration-state/></registration><authorization><authorization-state/></authorization>"
    inner = f"<state><state-info>{inner}</state-info></state>"
    data = get(
        session,
        f'<smart-agent xmlns="{LICENCE}"><licensing>{inner}</licensing></smart-agent>',
    )
    assert {"/".join(name.rsplit("}", 1)[1] for name in path) for path in paths_of(data)} == {
        "smart-agent",
        "smart-agent/licensing",
        "smart-agent/licensing/state",
        "smart-agent/licensing/state/state-info",
        "smart-agent/licensing/state/state-info/registration",
        "smart-agent/licensing/state/state-info/registration/registration-state",
        "smart-agent/licensing/state/state-info/authorization",
        "smart-agent/licensing/state/state-info/authorization/authorization-state",
    }


def test_two_devices_share_the_pool_of_their_account(make_agent, ssm):
    ssm.add(CLIENT_BANDWIDTH, 1)
    token = ssm.token()
    sessions = []
    for name, seed in (("one", 1), ("two", 2)):
        agent = make_agent(name=name, flags=["--licensing-root", ssm.root_file])
        agent.chassis = agent.settings_file.with_name(f"{name}-chassis.toml")
        agent.chassis.write_text(f"seed = {seed}\n")
        session = agent.start().connect()
        configure_call_home(session, ssm.url())
        register(session, token)
        wait_for(session, registration_state, "complete")
        sessions.append(session)
    commit_payload(sessions[0], "v01")
    wait_for(sessions[0], authorization_state, "authorized")
    commit_payload(sessions[1], "v01")
    wait_for(sessions[1], authorization_state, "out-of-compliance")
    assert ssm.pools()[CLIENT_BANDWIDTH] == (1, 2, -1)
    assert all(agent_serial(session) in ssm.instances() for session in sessions)
