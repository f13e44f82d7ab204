"""The chapter's sample configurations, by ncclient, give its counts on the device and at the licence server."""

import contextlib

import pytest
from lxml import etree

from lab.agent import commit, edit, get
from lab.documents import data_of, find_all, leaves_of, paths_of, short, text_at
from lab.licences import (
    CLIENT,
    CLIENT_BANDWIDTH,
    ENCRYPTED_CLIENT,
    LONG_HAUL,
    QXP_TRUNK,
    SUBSEA,
    authorization_state,
    configure_call_home,
    enforcement,
    last_reported,
    register,
    registration_state,
    state_info,
    table_2_status,
    usage,
    wait_for,
)
from lab.names import INTERFACES, LICENCE, LICENCE_PLATFORM, NODES, OPTICS, SLICES
from lab.payloads import payload
from lab.waiting import until

SAMPLES = {
    "otn_xp_mixed_slice": ("otn-xp-in-1", ["v01"], {CLIENT_BANDWIDTH: 1}),
    "qxp_400ge_txp": ("qxp-in-1", ["v02"], {QXP_TRUNK: 2}),
    "muxponder_long_haul": ("muxponder-in-1", ["v07"], {LONG_HAUL: 1}),
    "muxponder_subsea_settings": ("muxponder-in-1", ["v06"], {SUBSEA: 1}),
    "muxponder_dispersion_window": ("muxponder-in-1", ["v08"], {SUBSEA: 1}),
}


@contextlib.contextmanager
def registered(make_agent, ssm, chassis, licences):
    """An agent on a chassis file, registered, with its session; everything it will use is in the pool."""
    for tag, count in licences.items():
        ssm.add(tag, count)
    agent = make_agent(chassis=chassis, flags=["--licensing-root", ssm.root_file]).start()
    session = agent.connect()
    configure_call_home(session, ssm.url())
    register(session, ssm.token("--export-controlled"))
    wait_for(session, registration_state, "complete")
    yield session
    agent.stop()


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_gives_its_counts(make_agent, ssm, sample):
    chassis, documents, counts = SAMPLES[sample]
    with registered(make_agent, ssm, chassis, counts) as session:
        assert usage(session) == {}
        for document in documents:
            edit(session, payload(document).config)
        commit(session)
        wait_for(session, usage, counts)
        until(lambda: ssm.in_use() == counts, lambda: f"in use at the server: {ssm.pools()}")
        wait_for(session, authorization_state, "authorized")
        wait_for(session, enforcement, dict.fromkeys(counts, "in-compliance"))
        assert table_2_status(session) == "authorized"
        assert ssm.pools() == {tag: (count, count, 0) for tag, count in counts.items()}
        assert all(f"{tag} {count}" in ssm.instances() for tag, count in counts.items()), ssm.instances()


def test_the_mixed_slice_is_shown_with_its_ten_clients(make_agent):
    agent = make_agent(chassis="otn-xp-in-1").start()
    session = agent.connect()
    edit(session, payload("v01").config)
    commit(session)
    state = payload("f07").document.find(".//{*}osa")

    def slice_state():
        return find_all(get(session, state), "osa/node-ids/node-id/mxponder-slices/mxponder-slice")

    until(
        lambda: [text_at(shown, "status") for shown in slice_state()] == ["slice-config-complete"],
        lambda: f"states: {[text_at(shown, 'status') for shown in slice_state()]}",
    )
    ports = find_all(slice_state()[0], "client-port")
    shown = {text_at(port, "client-name"): (text_at(port, "mapper-name"), text_at(port, "peer-name")) for port in ports}
    assert shown == {
        "OTU20/1/0/2/3": ("NONE", "ODU20/1/0/0/2/3"),
        "OTU20/1/0/4/2": ("NONE", "ODU20/1/0/0/4/2"),
        "OTU20/1/0/5/3": ("NONE", "ODU20/1/0/0/5/3"),
        "OTU2E0/1/0/2/4": ("NONE", "ODU2E0/1/0/0/2/4"),
        "OTU2E0/1/0/4/3": ("NONE", "ODU2E0/1/0/0/4/3"),
        "OTU2E0/1/0/5/1": ("NONE", "ODU2E0/1/0/0/5/1"),
        "OTU2E0/1/0/5/4": ("NONE", "ODU2E0/1/0/0/5/4"),
        "TenGigEctrlr0/1/0/4/1": ("ODU2E0/1/0/0/4/1", "NONE"),
        "TenGigEctrlr0/1/0/4/4": ("ODU2E0/1/0/0/4/4", "NONE"),
        "TenGigEctrlr0/1/0/5/2": ("ODU2E0/1/0/0/5/2", "NONE"),
    }
    for port in ports:
        assert text_at(port, "trunk-port/trunk-name") == "OTU40/1/0/0"
        assert text_at(port, "trunk-port/percentage") == "100"
    assert text_at(slice_state()[0], "client-rate") == "mixed"
    assert text_at(slice_state()[0], "trunk-rate") == "hundred-gig"
    agent.stop()


EXAMPLE_1 = {SUBSEA: 3, CLIENT: 18, ENCRYPTED_CLIENT: 2, LONG_HAUL: 2}


def example_1_config():
    """V08c with V41: cards in 0/0 and 0/1 with 6+6 clients, 0/2 with 4+4 of which two are encrypted; three subsea
    trunks, two long-haul trunks, and one trunk at five bits per symbol."""
    rates = {"0/0": "six-hundred-gig", "0/1": "six-hundred-gig", "0/2": "four-hundred-gig"}
    nodes = "".join(
        f'<active-node><node-name>{node}</node-name><mxponder-slices xmlns="{SLICES}">'
        + "".join(
            f"<mxponder-slice><slice-id>{number}</slice-id><trunk-rates>{rate}</trunk-rates>"
            "<client-rates>hundred-gig-e</client-rates></mxponder-slice>"
            for number in (0, 1)
        )
        + "</mxponder-slices></active-node>"
        for node, rate in rates.items()
    )
    settings = {
        "Optics0/0/0/0": "<nleq-comp-mode>2</nleq-comp-mode>",
        "Optics0/0/0/1": "<optics-cd-min>-10001</optics-cd-min>",
        "Optics0/1/0/0": "<filter-roll-off-factor>0.045</filter-roll-off-factor>",
        "Optics0/1/0/1": "<optics-bits-per-symbol>5.0</optics-bits-per-symbol>",
        "Optics0/2/0/0": "<optics-bits-per-symbol>4.0</optics-bits-per-symbol>",
        "Optics0/2/0/1": "<optics-bits-per-symbol>3.5</optics-bits-per-symbol>",
    }
    ports = "".join(
        f"<interface-configuration><active>act</active><interface-name>{name}</interface-name>"
        f'<optics xmlns="{OPTICS}">{inner}</optics></interface-configuration>'
        for name, inner in settings.items()
    )
    encrypted = payload("v04").document.find("{*}edit-config/{*}config")
    return nodes, ports, encrypted


def test_one_chassis_gives_the_four_entitlements_of_example_1(make_agent, ssm):
    nodes, ports, encrypted = example_1_config()
    with registered(make_agent, ssm, "example-1", EXAMPLE_1) as session:
        for odu in encrypted.iter("{*}interface-name"):
            odu.text = odu.text.replace("ODU40/0/", "ODU40/2/")
        for node in encrypted.findall("{*}active-nodes"):
            encrypted.remove(node)
        edit(session, etree.tostring(encrypted).decode())
        edit(session, f'<active-nodes xmlns="{NODES}">{nodes}</active-nodes>')
        edit(session, f'<interface-configurations xmlns="{INTERFACES}">{ports}</interface-configurations>')
        commit(session)
        wait_for(session, usage, EXAMPLE_1)
        until(lambda: ssm.in_use() == EXAMPLE_1, lambda: f"in use at the server: {ssm.pools()}")
        assert "CAT2249B009" in ssm.instances()
        assert all(f"{tag} {count}" in ssm.instances() for tag, count in EXAMPLE_1.items()), ssm.instances()
        wait_for(session, authorization_state, "authorized")
        wait_for(session, enforcement, dict.fromkeys(EXAMPLE_1, "in-compliance"))
        reported = {tag: (count, count) for tag, count in EXAMPLE_1.items()}
        until(
            lambda: reported.items() <= last_reported(session).items(),
            lambda: f"platform detail: {last_reported(session)}",
        )
        assert_the_answers_have_the_shape_of_the_examples(session)


def assert_the_answers_have_the_shape_of_the_examples(session):
    """Examples 1 and 2 as state data: each path, and each value that is no date, account or name."""
    everything = get(session, f'<smart-agent xmlns="{LICENCE}"/>')
    wanted = payload("d01").document
    missing = paths_of(wanted) - paths_of(everything)
    assert not missing, [short(path) for path in missing]
    by_place = ("-time", "smart-account", "virtual-account", "entitlement-tag")
    told = {(path, text) for path, text in leaves_of(wanted) if not path[-1].endswith(by_place)}
    assert not told - leaves_of(everything), [(short(path), text) for path, text in told - leaves_of(everything)]
    platform = get(session, f'<plat-smart-license xmlns="{LICENCE_PLATFORM}"><detail/></plat-smart-license>')
    wanted = payload("d02").document
    missing = paths_of(wanted) - paths_of(platform)
    assert not missing, [short(path) for path in missing]
    by_place = ("last", "next", "entitlement-tag", "}name")
    told = {(path, text) for path, text in leaves_of(wanted) if not path[-1].endswith(by_place)}
    assert not told - leaves_of(platform), [(short(path), text) for path, text in told - leaves_of(platform)]
    names = {
        text_at(entry, "short-name"): text_at(entry, "entitlement-tag")
        for entry in find_all(state_info(session), "usage")
    }
    chapter = {
        text_at(entry, "short-name"): text_at(entry, "entitlement-tag")
        for entry in payload("d01").document.iter("{*}usage")
    }
    for tag in (CLIENT, ENCRYPTED_CLIENT):
        assert names[tag] == chapter[tag]
    summary = data_of(
        session.get(
            filter=("subtree", f'<plat-smart-license xmlns="{LICENCE_PLATFORM}"><summary/></plat-smart-license>')
        ).xml
    )
    assert len(find_all(summary, "plat-smart-license/summary/license")) >= len(EXAMPLE_1)
