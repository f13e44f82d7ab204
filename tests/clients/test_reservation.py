"""Licences reserved by codes: the device's RPCs on one side, `ponder ssm reservation` on the other, a person in between."""

import pytest

from lab.agent import call, commit, edit
from lab.documents import find, find_all, text_at
from lab.licences import (
    CLIENT,
    LONG_HAUL,
    ask_licensing,
    authorization_state,
    configure_call_home,
    enforcement,
    register,
    registration_state,
    state_info,
    usage,
    wait_for,
)
from lab.names import LICENCE_ACTIONS
from lab.payloads import payload

SMART_LICENSE_CFG = "http://cisco.com/ns/yang/Cisco-IOS-XR-smart-license-cfg"


def reserve_by_codes(session, on=True):
    """Configures reservation."""
    value = "true" if on else "false"
    edit(session, f'<flex-consumption xmlns="{SMART_LICENSE_CFG}"><reservation>{value}</reservation></flex-consumption>')
    commit(session)


def order(session, name, content=""):
    """Calls a reservation RPC; gives its return code and the codes that it yields."""
    answer = find(call(session, f'<{name} xmlns="{LICENCE_ACTIONS}">{content}</{name}>'), "reservation-codes")
    code = text_at(answer, "response/return-code")
    assert text_at(answer, "response/operation-status") == ("success" if code == "success" else "failed")
    leaves = ("request-code", "confirmation-code", "reservation-return-code", "display-string")
    return code, {leaf: text_at(answer, leaf) for leaf in leaves}


def status(session):
    """The entry of overall-status."""
    return find(state_info(session, "<reservation/>"), "reservation/overall-status")


@pytest.fixture
def device(make_agent, ssm):
    """A running agent with reservation configured, and its session."""
    agent = make_agent(flags=["--licensing-root", ssm.root_file]).start()
    session = agent.connect()
    reserve_by_codes(session)
    yield agent, session
    if agent.is_running():
        agent.stop()


def requested(session, kind="local"):
    """A request code."""
    code, codes = order(session, "reservation-request", f"<request-type>{kind}</request-type>")
    assert code == "success"
    assert codes["display-string"].endswith("portal: " + codes["request-code"])
    return codes["request-code"]


def install(session, authorization):
    """Installs an authorization code that is given as text."""
    return order(session, "reservation-install", f"<authorization-code>{authorization}</authorization-code>")


def test_reserve_install_run_short_update_confirm_and_return(device, ssm, tmp_path):
    agent, session = device
    edit(session, payload("v03").config)  # eleven clients on one card: seven licences
    commit(session)
    wait_for(session, usage, {CLIENT: 7})
    ssm.add(CLIENT, 10)

    request = requested(session)
    assert request.startswith("CB-ZNCS1004:")
    assert text_at(status(session), "install-status") == "in-progress"
    assert text_at(status(session), "request-code") == request
    assert requested(session) == request
    authorization = ssm.command("reservation", "reserve", request, "--licence", CLIENT, 5).strip()
    assert ssm.pools()[CLIENT] == (10, 0, 5)

    file = tmp_path / "authorization.txt"
    file.write_text(authorization + "\n")
    code, codes = order(session, "reservation-install", f"<file><file-path>{file}</file-path></file>")
    assert code == "success"
    first = codes["confirmation-code"]
    assert len(first) == 20
    assert registration_state(session) == "complete"
    assert authorization_state(session) == "authorization-not-authorized"
    assert enforcement(session) == {CLIENT: "not-authorized"}
    assert text_at(status(session), "install-status") == "type-specific"
    ssm.command("reservation", "confirm", first)

    more = ssm.command("reservation", "update", agent_serial(session), "--licence", CLIENT, 8).strip()
    code, codes = install(session, more)
    assert code == "success"
    assert authorization_state(session) == "authorized-reservation"
    assert enforcement(session) == {CLIENT: "reservation-in-compliance"}
    entry = find(state_info(session, "<usage/>"), "usage/reservation-usage")
    assert text_at(entry, "reservation-usage-status") == "slr-installed"
    assert text_at(entry, "total-reserved-count") == "8"
    reserved = find_all(state_info(session, "<reservation/>"), "reservation/authorization")
    assert [text_at(one, "short-name") for one in reserved] == [CLIENT]
    ssm.command("reservation", "confirm", codes["confirmation-code"])
    assert ssm.pools()[CLIENT] == (10, 0, 2)
    again = ssm.try_command("reservation", "confirm", first)
    assert again.returncode != 0 and "belongs to no reservation" in again.stderr

    commands = {"register-id-token": "<id-token>x</id-token>", "renew-auth": "", "renew-id": "", "de-register": ""}
    for name, content in commands.items():
        assert ask_licensing(session, name, content) == ("failed", "reserved")

    agent.stop()
    agent.start()
    session = agent.connect()
    assert authorization_state(session) == "authorized-reservation"
    code, codes = order(session, "reservation-return", "<request-type>local</request-type>")
    assert code == "success"
    assert registration_state(session) == "not-registered"
    assert authorization_state(session) == "eval"
    assert text_at(status(session), "return-code") == codes["reservation-return-code"]
    ssm.command("reservation", "return", codes["reservation-return-code"])
    assert ssm.pools()[CLIENT] == (10, 0, 10)
    agent.stop()


def agent_serial(session):
    """The chassis' serial number as licensing shows it."""
    return text_at(state_info(session, "<udi/>"), "udi/sn")


def test_a_universal_reservation_covers_everything(device, ssm):
    agent, session = device
    edit(session, payload("v03").config)
    commit(session)
    wait_for(session, usage, {CLIENT: 7})
    request = requested(session, "universal")
    assert request.startswith("CE-Z")
    code, _ = install(session, ssm.command("reservation", "reserve", request).strip())
    assert code == "success"
    assert authorization_state(session) == "authorized-reservation"
    assert text_at(status(session), "install-status") == "type-universal"


def test_every_refusal_has_the_code_of_the_model_and_says_which_check_failed(device, make_agent, ssm):
    agent, session = device
    ssm.add(LONG_HAUL, 10)
    assert order(session, "reservation-return")[0] == "noauthorizationinstalled"
    assert ask_licensing(session, "reservation-cancel") == ("failed", "noreservationinprogress")
    code, codes = order(session, "reservation-install", "<file><file-path>/no/such/file</file-path></file>")
    assert code == "nullpointer" and "/no/such/file" in codes["display-string"]
    code, codes = install(session, "nonsense")
    assert code == "reservationinstallparsefail" and "AC1-" in codes["display-string"]

    request = requested(session)
    good = ssm.command("reservation", "reserve", request, "--licence", LONG_HAUL, 2).strip()
    place = len(good) // 2
    damaged = good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :]
    assert install(session, damaged)[0] == "reservationinstallparsefail"
    assert ask_licensing(session, "reservation-cancel") == ("success", "success")
    assert install(session, good)[0] == "noreservationinprogress"
    requested(session)
    code, codes = install(session, good)
    assert code == "reservationmismatch"
    assert codes["display-string"] == (
        "Reservation install failed: The Reservation Authorization Code does not match the Reservation Request Code"
    )
    assert text_at(status(session), "error-message") in codes["display-string"]

    # Issued and never installed: the device gives it back, and takes it no more.
    returned = f"<auth-code>{good}</auth-code>"
    code, codes = order(session, "reservation-return-authorization", returned)
    assert code == "success"
    assert install(session, good)[0] == "PreviouslyInstalled"
    assert order(session, "reservation-return-authorization", returned)[0] == "PreviouslyInstalled"
    assert ssm.pools()[LONG_HAUL] == (10, 0, 8)
    ssm.command("reservation", "return", codes["reservation-return-code"])
    assert ssm.pools()[LONG_HAUL] == (10, 0, 10)

    second = ssm.command("reservation", "reserve", requested(session), "--licence", LONG_HAUL, 1).strip()
    assert install(session, second)[0] == "success"
    assert install(session, second)[0] == "reservationalreadyinstalled"
    assert order(session, "reservation-request", "<request-type>local</request-type>")[0] == "reservationalreadyinstalled"
    assert ask_licensing(session, "reservation-cancel") == ("failed", "reservationalreadyinstalled")

    reserve_by_codes(session, on=False)
    assert ask_licensing(session, "renew-auth") == ("failed", "reserved")
    assert order(session, "reservation-return")[0] == "success"
    for name in ("reservation-request", "reservation-return"):
        assert order(session, name)[0] == "notreservationmode"
    assert ask_licensing(session, "reservation-cancel") == ("failed", "notreservationmode")


def test_a_registered_device_reserves_nothing_and_a_reserved_one_does_not_register(device, ssm):
    agent, session = device
    ssm.add(LONG_HAUL, 10)
    reserve_by_codes(session, on=False)
    configure_call_home(session, ssm.url())
    register(session, ssm.token())
    wait_for(session, registration_state, "complete")
    reserve_by_codes(session)
    assert order(session, "reservation-request")[0] == "alreadyregistered"
    assert ask_licensing(session, "de-register") == ("failed", "reserved")
    reserve_by_codes(session, on=False)
    assert ask_licensing(session, "de-register") == ("success", "success")
    wait_for(session, registration_state, "not-registered")
    reserve_by_codes(session)
    ssm.command("reservation", "reserve", requested(session), "--licence", LONG_HAUL, 1)
    reserve_by_codes(session, on=False)
    register(session, ssm.token())
    wait_for(session, registration_state, "failed")
    assert "reserved" in text_at(state_info(session), "registration/registration-failed/fail-message")
