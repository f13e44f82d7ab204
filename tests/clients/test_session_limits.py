"""How many sessions IOS XR's own settings of its NETCONF agent admit, with real sessions."""

import pytest

from lab.agent import commit, edit, get
from lab.documents import find_all, text_at
from lab.names import xr

CONFIG = f"""<netconf-yang xmlns="{xr("man-netconf-cfg")}"><agent><ssh><enable/></ssh><session><limit>2</limit>
<idle-timeout>60</idle-timeout></session></agent></netconf-yang>"""

STATE = f'<netconf-yang xmlns="{xr("man-netconf-oper")}"/>'


def test_sessions_are_shown_with_what_they_asked_for_and_how_long_it_took(agent):
    first, second = agent.connect(), agent.connect()
    assert second.lock("candidate").ok
    shown = get(first, STATE)
    clients = {text_at(client, "session-id"): client for client in find_all(shown, "netconf-yang/clients/client")}
    assert set(clients) == {first.session_id, second.session_id}
    assert text_at(clients[second.session_id], "last-op-type") == "lock"
    assert text_at(clients[second.session_id], "locked") == "Yes"
    assert text_at(clients[first.session_id], "locked") == "No"
    assert text_at(clients[first.session_id], "last-op-type") == "get"
    entries = find_all(shown, "netconf-yang/statistics/summary/entry")
    assert {text_at(entry, "type"): text_at(entry, "request") for entry in entries} == {"lock": "1"}
    modules = find_all(shown, "netconf-yang/capabilities/capability")
    assert "Cisco-IOS-XR-man-netconf-oper" in [text_at(module, "module") for module in modules]


def test_a_session_more_than_configured_is_refused_until_another_one_ends(agent):
    first, second = agent.connect(), agent.connect()
    edit(first, CONFIG)
    commit(first)
    with pytest.raises(Exception, match="[Nn]egotiat|[Cc]hannel|subsystem|session"):
        agent.connect()
    assert "netconf-yang/agent/session/limit is 2" in agent.log()
    second.close_session()
    assert agent.connect().get_config("running").ok
