"""The simulated chassis as NETCONF shows it: inventory, slices that fit or not, preconfigured slots, commands."""

import pytest

from lab.agent import commit, edit, get
from lab.documents import errors_of, find, find_all, only_error, parse, text_at
from lab.licences import CLIENT, LONG_HAUL, QXP_TRUNK, simulate, usage, wait_for
from lab.names import INVENTORY, LICENCE_STATE, OPTICS_STATE, SIMULATOR, SLICE_STATE, xr
from lab.payloads import payload
from lab.waiting import until

CARDS = {
    "0/0": "NCS1K4-1.2T-L-K9",
    "0/1": "NCS1K4-OTN-XPL",
    "0/2": "NCS1K4-QXP-L-K9",
    "0/3": "NCS1K4-1.2T-L-K9",
}


def entities(session):
    """Inventory: name -> (model, serial number)."""
    data = get(session, f'<inventory xmlns="{INVENTORY}"/>')
    return {
        text_at(entity, "name"): (
            text_at(entity, "attributes/inv-basic-bag/model-name"),
            text_at(entity, "attributes/inv-basic-bag/serial-number"),
        )
        for entity in find_all(data, "inventory/entities/entity")
    }


def slices(session, node):
    """States of the slices of a node: slice-id -> status."""
    filter_ = f'<osa xmlns="{SLICE_STATE}"><node-ids><node-id><node-name>{node}</node-name></node-id></node-ids></osa>'
    found = find_all(get(session, filter_), "osa/node-ids/node-id/mxponder-slices/mxponder-slice")
    return {text_at(shown, "slice-id"): text_at(shown, "status") for shown in found}


def problems(session):
    """Slices that the fitted card cannot carry: (location, slice-id) -> reason."""
    data = get(session, f'<licence-state xmlns="{LICENCE_STATE}"/>')
    return {
        (text_at(entry, "location"), text_at(entry, "slice-id")): text_at(entry, "reason")
        for entry in find_all(data, "licence-state/slice-problem")
    }


def test_the_default_chassis_has_its_four_cards_and_the_same_serial_numbers_after_a_restart(agent):
    found = entities(agent.connect())
    models = [model for model, _ in found.values()]
    assert {"NCS1004", *CARDS.values()} <= set(models), found
    assert models.count("NCS1K4-1.2T-L-K9") == 2
    serial_numbers = [serial for _, serial in found.values() if serial]
    assert len(set(serial_numbers)) == len(serial_numbers)
    agent.stop()
    agent.start()
    assert entities(agent.connect()) == found


def test_a_pulled_card_leaves_the_inventory_and_another_takes_its_place(agent):
    session = agent.connect()
    before = entities(session)
    simulate(session, "pull-line-card", location="0/1")
    until(lambda: "NCS1K4-OTN-XPL" not in [model for model, _ in entities(session).values()], "the empty slot")
    simulate(session, "insert-line-card", location="0/1", pid="NCS1K4-QXP-K9", serial_number="ABC123")
    until(lambda: ("NCS1K4-QXP-K9", "ABC123") in entities(session).values(), lambda: f"{entities(session)}")
    assert len(entities(session)) == len(before) or entities(session).keys() != before.keys()
    data = get(session, f'<simulator xmlns="{SIMULATOR}"/>')
    shown = {text_at(slot, "location"): text_at(slot, "pid") for slot in find_all(data, "simulator/slot")}
    assert shown == CARDS | {"0/1": "NCS1K4-QXP-K9"}


@pytest.mark.parametrize(
    ("command", "inputs", "named"),
    [
        ("pull-line-card", {"location": "0/9"}, "0/9"),
        ("line-card-down", {"location": "nowhere"}, "nowhere"),
        ("insert-line-card", {"location": "0/0", "pid": "NCS1K4-OTN-XPL"}, "0/0"),
        ("insert-line-card", {"location": "0/0"}, "pid"),
        ("set-trunk-bits-per-symbol", {"port-name": "Optics0/0/0/0", "bits-per-symbol": "many"}, "many"),
        ("set-trunk-bits-per-symbol", {"port-name": "Optics0/0/0/9", "bits-per-symbol": "3"}, "Optics0/0/0/9"),
        ("set-response-delay", {"milliseconds": "-1"}, "-1"),
    ],
)
def test_a_simulator_command_that_cannot_be_is_refused_with_a_reason(agent, command, inputs, named):
    session = agent.connect()
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in inputs.items())
    session.raise_mode = 0
    reply = session.rpc(parse(f'<{command} xmlns="{SIMULATOR}">{inner}</{command}>'))
    refused = only_error(reply.xml)
    assert named in f"{refused.message} {refused.path} {refused.info}", str(refused)


def test_a_slice_that_the_card_cannot_carry_commits_fails_visibly_and_counts_nothing(agent):
    session = agent.connect()
    edit(session, payload("v02").config)  # a 400GE slice, and the card in 0/1 is an OTN-XPL
    edit(session, payload("v05").config.replace("<node-name>0/3<", "<node-name>0/2<"))  # whole-card on a QXP
    commit(session)
    until(lambda: slices(session, "0/1").get("0") == "slice-config-failure", lambda: f"{slices(session, '0/1')}")
    reason = problems(session)["0/1", "0"]
    assert "client port 1" in reason and "NCS1K4-OTN-XPL" in reason, reason
    assert usage(session) == {}


def test_a_card_of_the_right_kind_heals_the_slice(agent):
    session = agent.connect()
    edit(session, payload("v02").config)
    commit(session)
    until(lambda: slices(session, "0/1").get("0") == "slice-config-failure", lambda: f"{slices(session, '0/1')}")
    simulate(session, "pull-line-card", location="0/1")
    simulate(session, "insert-line-card", location="0/1", pid="NCS1K4-QXP-L-K9")
    until(lambda: slices(session, "0/1").get("0") == "slice-config-complete", lambda: f"{slices(session, '0/1')}")
    wait_for(session, usage, {QXP_TRUNK: 2})
    assert problems(session) == {}


def test_preconfiguration_is_inactive_until_the_card_is_there(make_agent):
    agent = make_agent(chassis="muxponder-in-1").start()
    session = agent.connect()
    edit(session, payload("v15").config)
    commit(session)
    assert usage(session) == {} and slices(session, "0/2") == {}
    simulate(session, "insert-line-card", location="0/2", pid="NCS1K4-1.2T-L-K9")
    until(lambda: slices(session, "0/2").get("1") == "slice-config-complete", lambda: f"{slices(session, '0/2')}")
    wait_for(session, usage, {LONG_HAUL: 1})  # 2.5 bits per symbol; two clients are free
    simulate(session, "pull-line-card", location="0/2")
    wait_for(session, usage, {})
    agent.stop()


def test_the_whole_card_muxponder_counts_its_shared_client(agent):
    session = agent.connect()
    edit(session, payload("v05").config)  # 450G on both trunks: nine clients
    commit(session)
    wait_for(session, usage, {CLIENT: 5})


def test_a_filter_of_one_port_gives_that_port_alone(agent):
    session = agent.connect()
    filter_ = f'<optics-oper xmlns="{OPTICS_STATE}"><optics-ports><optics-port><name>Optics0/3/0/1</name>'
    filter_ += "</optics-port></optics-ports></optics-oper>"
    ports = find_all(get(session, filter_), "optics-oper/optics-ports/optics-port")
    assert [text_at(port, "name") for port in ports] == ["Optics0/3/0/1"]
    assert text_at(ports[0], "optics-info/bits-per-symbol") is None, "a trunk without configured bits reports none"
    assert text_at(ports[0], "optics-info/cd-min") == "-10000"
    assert text_at(ports[0], "optics-info/cd-max") == "100000"
    filter_ = f'<optics-oper xmlns="{OPTICS_STATE}"><optics-ports><optics-port><name/></optics-port></optics-ports>'
    ports = find_all(get(session, f"{filter_}</optics-oper>"), "optics-oper/optics-ports/optics-port")
    assert len(ports) == len({text_at(port, "name") for port in ports}) > 30
    assert all(len(port) == 1 for port in ports)


def test_a_shut_trunk_is_down_and_still_long_haul(make_agent):
    agent = make_agent(chassis="muxponder-in-1").start()
    session = agent.connect()
    edit(session, payload("v07").config)
    edit(session, payload("v13").config.replace("Optics0/1/0/0", "Optics0/1/0/1"))
    commit(session)
    wait_for(session, usage, {LONG_HAUL: 1})
    filter_ = f'<optics-oper xmlns="{OPTICS_STATE}"><optics-ports><optics-port><name>Optics0/1/0/1</name>'
    filter_ += "</optics-port></optics-ports></optics-oper>"

    def info():
        return find(get(session, filter_), "optics-oper/optics-ports/optics-port/optics-info")

    until(lambda: text_at(info(), "laser-state") == "off", "the laser to go off")
    assert text_at(info(), "bits-per-symbol") == "3.0000000000"
    agent.stop()


def test_platform_clock_and_everything_at_once_are_shown(agent):
    session = agent.connect()
    everything = get(session, *(f'<{top} xmlns="{namespace}"/>' for top, namespace in TOPS.items()))
    assert {child.tag for child in everything} == {f"{{{namespace}}}{top}" for top, namespace in TOPS.items()}
    reply = session.get()
    assert reply.ok and errors_of(reply.xml) == []


TOPS = {
    "platform": xr("platform-oper"),
    "system-time": xr("shellutil-oper"),
    "inventory": INVENTORY,
    "optics-oper": OPTICS_STATE,
    "simulator": SIMULATOR,
    "licence-state": LICENCE_STATE,
}
