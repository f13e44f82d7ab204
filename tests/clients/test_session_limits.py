"""How many sessions IOS XR's own settings of its NETCONF agent admit, with real sessions."""

import pytest

from lab.agent import commit, edit
from lab.names import xr

CONFIG = f"""<netconf-yang xmlns="{xr("man-netconf-cfg")}"><agent><ssh><enable/></ssh><session><limit>2</limit>
<idle-timeout>60</idle-timeout></session></agent></netconf-yang>"""


def test_a_session_more_than_configured_is_refused_until_another_one_ends(agent):
    first, second = agent.connect(), agent.connect()
    edit(first, CONFIG)
    commit(first)
    with pytest.raises(Exception, match="[Nn]egotiat|[Cc]hannel|subsystem|session"):
        agent.connect()
    assert "netconf-yang/agent/session/limit is 2" in agent.log()
    second.close_session()
    assert agent.connect().get_config("running").ok
