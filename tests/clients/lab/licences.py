"""Licensing as a NETCONF client sees it: call-home, registration, states, counts."""

from lab.agent import call, commit, edit, get
from lab.documents import find, find_all, text_at
from lab.names import LICENCE, LICENCE_ACTIONS, LICENCE_PLATFORM, LICENCE_STATE, SIMULATOR
from lab.payloads import payload
from lab.waiting import PATIENCE, until

CLIENT = "S-NCS1K4-LIC-100G="
ENCRYPTED_CLIENT = "S-NCS1K4-LIC-100X="
CLIENT_BANDWIDTH = "S-NCS1K4-100G-CL="
LONG_HAUL = "S_NCS1K4_LONGHAUL"
SUBSEA = "S_NCS1K4_SUBSEA"
QXP_TRUNK = "S_N1K4_LIC_TRK"
ALL_ENTITLEMENTS = (CLIENT, ENCRYPTED_CLIENT, CLIENT_BANDWIDTH, LONG_HAUL, SUBSEA, QXP_TRUNK)

VENDOR_URL = "https://tools.cisco.com/its/service/oddce/services/DDCEService"
QUICK = "[licensing]\nhold-down-seconds = 1\nexchange-timeout-seconds = 5\n"
"""Settings for tests: the default hold-down of five seconds would only make them longer."""


def call_home_config(url):
    """The chapter's call-home block with another destination."""
    config = payload("v09").config
    assert VENDOR_URL in config
    return config.replace(VENDOR_URL, url)


def configure_call_home(session, url):
    """Commits the chapter's call-home block with another destination."""
    edit(session, call_home_config(url))
    commit(session)


def ask_licensing(session, name, inner=""):
    """One of the licence RPCs; gives (operation-status, return-code)."""
    reply = call(session, f'<{name} xmlns="{LICENCE_ACTIONS}">{inner}</{name}>')
    response = find(reply, "response")
    assert response is not None, reply
    return text_at(response, "operation-status"), text_at(response, "return-code")


def register(session, token, force=False):
    """`license smart register idtoken TOKEN [force]`, which must be accepted."""
    inner = f"<id-token>{token}</id-token>" + ("<force>true</force>" if force else "")
    answer = ask_licensing(session, "register-id-token", inner)
    assert answer == ("success", "success"), answer


def state_info(session, inner=""):
    """`smart-agent/licensing/state/state-info`, whole or the part that `inner` selects."""
    selection = f"<state-info>{inner}</state-info>" if inner else "<state-info/>"
    data = get(
        session, f'<smart-agent xmlns="{LICENCE}"><licensing><state>{selection}</state></licensing></smart-agent>'
    )
    return find(data, "smart-agent/licensing/state/state-info")


def registration_state(session):
    """One leaf, asked for as the public monitoring scripts do."""
    info = state_info(session, "<registration><registration-state/></registration>")
    return text_at(info, "registration/registration-state")


def authorization_state(session):
    """One leaf, asked for as the public monitoring scripts do."""
    info = state_info(session, "<authorization><authorization-state/></authorization>")
    return text_at(info, "authorization/authorization-state")


def usage(session):
    """What the device says it uses: short tag -> count."""
    info = state_info(session, "<usage/>")
    entries = [] if info is None else find_all(info, "usage")
    return {text_at(entry, "short-name"): int(text_at(entry, "count")) for entry in entries}


def enforcement(session):
    """How it stands with each licence in use: short tag -> enforce-mode."""
    info = state_info(session, "<usage/>")
    entries = [] if info is None else find_all(info, "usage")
    return {text_at(entry, "short-name"): text_at(entry, "enforce-mode") for entry in entries}


def table_2_status(session):
    """The word of the chapter's Table 2."""
    data = get(session, f'<licence-state xmlns="{LICENCE_STATE}"><status/></licence-state>')
    return text_at(data, "licence-state/status")


def last_reported(session):
    """`platform detail`: short tag -> (last reported, next report)."""
    data = get(session, f'<plat-smart-license xmlns="{LICENCE_PLATFORM}"><detail/></plat-smart-license>')
    counts = {}
    for entry in find_all(data, "plat-smart-license/detail/feature-details/entitlement"):
        tag = text_at(entry, "entitlement-tag").split(",")[0].split(".com.", 1)[1].split(".", 1)[1]
        counts[tag] = (int(text_at(entry, "count/last")), int(text_at(entry, "count/next")))
    return counts


def wait_for(session, read, wanted, seconds=PATIENCE):
    """Polls one of the readers above until it gives `wanted`."""
    seen = []

    def reached():
        seen[:] = [read(session)]
        return seen[0] == wanted

    until(reached, lambda: f"{read.__name__} is {seen[0]!r}, not {wanted!r}", seconds)


def simulate(session, name, **inputs):
    """An RPC of ponder-simulator, which must succeed."""
    inner = "".join(f"<{key.replace('_', '-')}>{value}</{key.replace('_', '-')}>" for key, value in inputs.items())
    reply = call(session, f'<{name} xmlns="{SIMULATOR}">{inner}</{name}>')
    assert find(reply, "ok") is not None, reply
