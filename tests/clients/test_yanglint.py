"""What the agent answers is valid for the schemas that it serves, says yanglint, a schema library that is not ours."""

import pytest
from lxml import etree

from lab.agent import Agent, call, commit, edit
from lab.documents import data_of, errors_of, find_all, text_at
from lab.licence_server import LicenceServer
from lab.licences import QUICK, configure_call_home, register, registration_state, simulate, usage, wait_for
from lab.names import BASE, HOST_NAMES, LICENCE_ACTIONS, xr
from lab.payloads import payload
from lab.waiting import PATIENCE, until
from lab.yanglint import Yanglint

NMDA = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
DATASTORES = "urn:ietf:params:xml:ns:yang:ietf-datastores"
COMPARE = "urn:ietf:params:xml:ns:yang:ietf-nmda-compare"
STREAMS = '<netconf xmlns="urn:ietf:params:xml:ns:netmod:notification"><streams/></netconf>'
WITH_DEFAULTS = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"
TAG = "urn:ietf:params:xml:ns:netconf:default:1.0"
ALARMS = xr("alarmgr-server-oper")
ACCESS_RULES = """<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm">
  <groups><group><name>watchers</name><user-name>watcher</user-name></group></groups>
  <rule-list><name>watching</name><group>watchers</group>
    <rule><name>all</name><module-name>*</module-name><access-operations>read</access-operations><action>permit</action></rule>
  </rule-list>
</nacm>"""


@pytest.fixture(scope="module")
def busy(tmp_path_factory, keys):
    """A chassis with slices, licences, access rules, alarms and optional capabilities; a session, and its yanglint."""
    folder = tmp_path_factory.mktemp("busy")
    ssm = LicenceServer(folder, "ssm").start()
    settings = f'[netconf]\nwritable-running = true\nstartup = true\nurl-root = "{folder}"\n{QUICK}'
    agent = Agent(folder, keys, settings=settings, flags=["--licensing-root", ssm.root_file]).start()
    session = agent.connect()
    configure_call_home(session, ssm.url())
    register(session, ssm.token())
    wait_for(session, registration_state, "complete")
    edits = [payload(name).config for name in ("v01", "v02", "v03", "v06", "v11", "v12", "v13", "v15", "v16")]
    for config in [*edits, ACCESS_RULES]:
        edit(session, config)
        commit(session)
    simulate(session, "line-card-down", location="0/1")
    assert session.copy_config("running", "startup").ok
    until(lambda: usage(session) and alarms(session), "licences in use, and an alarm")
    yield session, Yanglint(folder, agent), agent
    agent.stop()
    ssm.stop()


def alarms(session):
    data = data_of(session.get(filter=("subtree", f'<alarms xmlns="{ALARMS}"/>')).xml)
    return [text_at(alarm, "description") for alarm in data.iter("{*}alarm-info")]


def ask(session, operation):
    return session.rpc(etree.fromstring(operation)).xml


def test_everything_that_there_is_to_get_is_valid(busy):
    session, yanglint, _ = busy
    reply = session.get().xml
    assert alarms(session)
    assert yanglint.faults_of_data(reply, "data") == ""


@pytest.mark.parametrize("mode", ["report-all", "report-all-tagged", "trim", "explicit"])
def test_whatever_is_done_about_defaults_the_reply_is_valid(busy, mode):
    session, yanglint, _ = busy
    for reply, kind in (
        (session.get(with_defaults=mode).xml, "data"),
        (session.get_config("running", with_defaults=mode).xml, "config"),
    ):
        assert (f'"{TAG}"' in reply) == (mode == "report-all-tagged")
        # This yanglint knows the attribute of RFC 6243 section 6 by the namespace of the module alone.
        assert yanglint.faults_of_data(reply.replace(TAG, WITH_DEFAULTS), kind) == ""


@pytest.mark.parametrize("datastore", ["running", "candidate", "startup"])
def test_each_configuration_is_valid(busy, datastore):
    session, yanglint, _ = busy
    reply = session.get_config(datastore).xml
    assert len(data_of(reply)) > 5
    assert yanglint.faults_of_data(reply, "config") == ""


@pytest.mark.parametrize("datastore", ["running", "candidate", "operational"])
def test_get_data_is_valid_with_origins(busy, datastore):
    session, yanglint, _ = busy
    origin = "<with-origin/>" if datastore == "operational" else ""
    reply = ask(
        session,
        f'<get-data xmlns="{NMDA}" xmlns:ds="{DATASTORES}"><datastore>ds:{datastore}</datastore>{origin}</get-data>',
    )
    assert yanglint.faults_of_data(reply, "data" if datastore == "operational" else "config") == ""
    assert ("origin=" in reply) == bool(origin)


def test_notifications_are_valid(busy):
    session, yanglint, agent = busy
    follower = agent.connect()
    began = find_all(data_of(session.get(filter=("subtree", STREAMS)).xml), "netconf/streams/stream")
    start = text_at(began[0], "replayLogCreationTime")
    assert follower.create_subscription(start_time=start).ok
    everything = session.get().xml  # what the instance-identifiers of the events lead to
    names = set()
    while "replayComplete" not in names:
        told = follower.take_notification(timeout=PATIENCE)
        assert told is not None, names
        names.add(etree.QName(etree.fromstring(told.notification_xml.encode())[1]).localname)
        assert yanglint.faults_of_notification(told.notification_xml, everything) == "", told.notification_xml
    assert {"netconf-config-change", "registration-state-change", "alarm-raised"} <= names, names


def test_the_output_of_each_rpc_is_valid(busy):
    session, yanglint, _ = busy
    edit(session, f'<host-names xmlns="{HOST_NAMES}"><host-name>another</host-name></host-names>')
    everything = session.get().xml
    rollback = xr("cfgmgr-rollback-act")
    for operation in (
        f'<compare xmlns="{COMPARE}" xmlns:ds="{DATASTORES}"><source>ds:running</source><target>ds:candidate</target></compare>',
        f'<compare xmlns="{COMPARE}" xmlns:ds="{DATASTORES}"><source>ds:running</source><target>ds:operational</target><all/></compare>',
        f'<renew-auth xmlns="{LICENCE_ACTIONS}"/>',
        f'<register-id-token xmlns="{LICENCE_ACTIONS}"><id-token>nonsense</id-token></register-id-token>',
        f'<roll-back-configuration-last xmlns="{rollback}"><count>1</count></roll-back-configuration-last>',
        '<partial-lock xmlns="urn:ietf:params:xml:ns:netconf:partial-lock:1.0"><select>/host-names</select></partial-lock>',
    ):
        reply = ask(session, operation)
        rpc = f'<rpc xmlns="{BASE}" message-id="1">{operation}</rpc>'
        assert errors_of(reply) == []
        assert yanglint.faults_of_reply(rpc, reply, everything) == "", reply
    session.discard_changes()
