"""Access control with real sessions of two users: rules configured over NETCONF hold from the next request on."""

import pytest

from lab.agent import USER, commit, edit, get, running
from lab.documents import find, only_error, parse, text_at
from lab.licences import QUICK
from lab.names import HOST_NAMES, LICENCE_STATE

NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
GUEST = "guest"
RULES = f"""
<nacm xmlns="{NACM}">
  <rule-list>
    <name>guests</name><group>visitors</group>
    <rule><name>licensing</name><module-name>ponder-licence-state</module-name><action>deny</action></rule>
    <rule><name>no-lock</name><rpc-name>lock</rpc-name><action>deny</action></rule>
  </rule-list>
</nacm>"""


def host_name(name):
    return f'<config><host-names xmlns="{HOST_NAMES}"><host-name>{name}</host-name></host-names></config>'


@pytest.fixture
def guarded(make_agent, keys):
    """An agent with a recovery user and a guest of the same key."""
    key = keys.public_file.read_text().strip()
    settings = f'{QUICK}\n[[users]]\nname = "{GUEST}"\nauthorized-keys = ["{key}"]\ngroups = ["visitors"]\n'
    agent = make_agent(settings=settings).start()
    yield agent
    agent.stop()


def test_a_guest_reads_what_the_rules_leave_and_writes_nothing(guarded):
    admin, guest = guarded.connect(), guarded.connect(username=GUEST)
    edit(admin, host_name("first"))
    commit(admin)
    assert text_at(running(guest), "host-names/host-name") == "first"
    licence = f'<licence-state xmlns="{LICENCE_STATE}"/>'
    assert find(get(guest, licence), "licence-state") is not None
    edit(admin, RULES)
    commit(admin)

    assert find(get(guest, licence), "licence-state") is None
    assert find(get(admin, licence), "licence-state") is not None
    reply = guest.edit_config(target="candidate", config=parse(host_name("second")))
    error = only_error(reply.xml)
    assert error.tag == "access-denied"
    assert "user guest may not update /Cisco-IOS-XR-shellutil-cfg:host-names/host-name" in error.message
    error = only_error(guest.lock("candidate").xml)
    assert error.tag == "access-denied"
    assert text_at(running(admin), "host-names/host-name") == "first"
    counters = get(admin, f'<nacm xmlns="{NACM}"/>')
    assert text_at(counters, "nacm/denied-data-writes") == "1"
    assert text_at(counters, "nacm/denied-operations") == "1"


def test_rules_hold_again_after_a_restart(guarded):
    admin = guarded.connect()
    edit(admin, RULES)
    commit(admin)
    guarded.kill()
    guarded.start()
    reply = guarded.connect(username=GUEST).lock("candidate")
    error = only_error(reply.xml)
    assert error.tag == "access-denied"
    assert guarded.connect(username=USER).lock("candidate").ok
