"""Every document of the payload collection on a fresh agent: accepted, answered or refused as the manifest says."""

import pytest

from lab.agent import commit, edit, running
from lab.documents import data_of, errors_of, find, is_ok, leaves_of, only_error, paths_of, short, text_at
from lab.licences import SUBSEA, usage, wait_for
from lab.names import BASE, OPTICS
from lab.payloads import FOLDER, manifest, payload
from lab.schema import Schema
from lab.waiting import until

# The top-level elements that an XPath filter asks for.
ASKED_BY_XPATH = {
    "f02-get-licence-usage-xpath": {
        "{http://cisco.com/ns/yang/Cisco-IOS-XR-infra-smartlicense-oper}smart-agent",
    },
    "f05-get-optics-xpath": {"{http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-oper}optics-oper"},
}
ANSWERED_WITH_DATA = {
    "f01-get-licence-state-subtree",
    "f03-get-licence-platform-subtree",
    "f04-get-optics-subtree",
    "f10-get-inventory",
}

# What a refusal must speak of: the thing, the value that was given, the rule it breaks.
NAMED = {
    "i01-target-power-low": ("target-power", "-191", "-190"),
    "i02-fixed-ratio-high": ("fixed-ratio", "1701", "1700"),
    "i03-trunk-rate-cli-word": ("trunk-rates", "100G", "hundred-gig"),
    "i04-lane-otu4": ("client-type", "otu4", "otu2"),
    "i05-missing-key-active": ("interface-configuration", "active"),
    "i06-active-bad": ("active", "active", "act"),
    "i07-interface-name-space": ("interface-name", "Optics 0/1/0/0"),
    "i08-slice-8": ("slice-id", "8", "7"),
    "i09-dwdm-missing-value": ("optics-dwdm-carrier", "param-value"),
    "i10-unknown-element": ("client-port-rate",),
    "i11-namespace-unknown": ("mxponder-slices", "Cisco-IOS-XR-osa-config"),
    "i12-namespace-inherited": ("mxponder-slices", "Cisco-IOS-XR-config-mda-cfg"),
    "i13-roll-off-short": ("filter-roll-off-factor", "0.5", "5"),
    "i14-token-too-long": ("id-token", "255"),
    "i15-rpc-unknown-input": ("renew-auth", "force"),
}

RUNNING = f'<get-config xmlns="{BASE}"><source><running/></source></get-config>'


def of(folder, mode=None):
    """Parameters for the documents of a folder, those of a mode or all."""
    return [pytest.param(found, id=found.name) for found in manifest(folder) if mode in (None, found.mode)]


def skip_if_for_later(document):
    """Unified models are for later."""
    if document.is_unified_model:
        pytest.skip(f"{document.file} needs a unified model, which is for later")


@pytest.fixture(scope="module")
def schema(shared_agent):
    """The schema of the agent, by get-schema."""
    schema = Schema(shared_agent.connect())
    assert schema.errors == []
    return schema


@pytest.mark.parametrize("document", of("valid", "edit"))
def test_a_valid_edit_commits_and_is_running_afterwards(agent, document):
    skip_if_for_later(document)
    with agent.by_hand() as session:
        reply = session.ask(document.text)
        assert is_ok(reply), [str(error) for error in errors_of(reply)]
        assert reply.get("message-id") == document.document.get("message-id")
        committed = session.rpc("<commit/>")
        assert is_ok(committed), [str(error) for error in errors_of(committed)]
        wanted = leaves_of(document.document.find("{*}edit-config/{*}config"))
        missing = wanted - leaves_of(data_of(session.rpc(RUNNING)))
        assert not missing, [(short(path), text) for path, text in missing]


@pytest.mark.parametrize("document", of("valid", "filter"))
def test_a_valid_filter_is_answered_with_what_it_selects(agent, document):
    skip_if_for_later(document)
    with agent.by_hand() as session:
        reply = session.ask(document.text)
        data = data_of(reply)
        asked = {element.tag for element in document.document.iter("{*}filter") for element in element}
        asked |= ASKED_BY_XPATH.get(document.name, set())
        assert {element.tag for element in data} <= asked
        if document.name in ANSWERED_WITH_DATA:
            assert {element.tag for element in data} == asked


@pytest.mark.parametrize("document", of("valid", "rpc"))
def test_a_valid_rpc_is_answered(agent, schema, document):
    skip_if_for_later(document)
    with agent.by_hand() as session:
        reply = session.ask(document.text)
        assert errors_of(reply) == [], [str(error) for error in errors_of(reply)]
        assert reply.get("message-id") == document.document.get("message-id")
        rpc = document.document[0].tag
        assert schema.faults_of_output(rpc, [element for element in reply if element.tag != f"{{{BASE}}}ok"]) == []
        if "smart-license-act" in rpc:
            assert text_at(reply, "response/operation-status") in ("success", "failed")
            assert text_at(reply, "response/return-code")


@pytest.mark.parametrize("document", of("valid", "data"))
def test_a_data_document_has_the_shape_of_the_agents_answers(schema, document):
    skip_if_for_later(document)
    assert schema.faults_of(document.document) == []


@pytest.mark.parametrize("document", of("valid", "rpc-output"))
def test_a_reply_document_has_the_shape_of_the_agents_replies(agent, schema, document):
    skip_if_for_later(document)
    rpc = payload("r01")
    assert schema.faults_of_output(rpc.document[0].tag, document.document) == []
    with agent.by_hand() as session:
        assert paths_of(session.ask(rpc.text)) == paths_of(document.document)


def test_slice_state_holds_every_path_of_its_document(make_agent):
    agent = make_agent(chassis="otn-xp-in-1").start()
    with agent.by_hand() as session:
        assert is_ok(session.ask(payload("v01").text)) and is_ok(session.rpc("<commit/>"))
        until(
            lambda: leaves_of(payload("d03").document) <= leaves_of(data_of(session.ask(payload("f07").text))),
            lambda: (
                f"missing: {leaves_of(payload('d03').document) - leaves_of(data_of(session.ask(payload('f07').text)))}"
            ),
        )
    agent.stop()


def test_optics_state_holds_every_path_of_its_document(make_agent):
    agent = make_agent(chassis="muxponder-in-1").start()
    session = agent.connect()
    slice_1 = payload("v14").config.replace("<slice-id>0<", "<slice-id>1<")  # 300G on trunk 1
    edit(session, slice_1)
    settings = "<filter-roll-off-factor>0.045</filter-roll-off-factor><nleq-comp-mode>2</nleq-comp-mode>"
    edit(session, payload("v07").config.replace("<optics-fec>", f"{settings}<optics-fec>"))
    commit(session)
    state = '<optics-oper xmlns="http://cisco.com/ns/yang/Cisco-IOS-XR-controller-optics-oper"><optics-ports>'
    state += "<optics-port><name>Optics0/1/0/1</name></optics-port></optics-ports></optics-oper>"
    wanted = payload("d04").document

    def answer():
        return data_of(session.get(filter=("subtree", state)).xml)

    until(
        lambda: paths_of(wanted) <= paths_of(answer()),
        lambda: f"missing: {[short(path) for path in paths_of(wanted) - paths_of(answer())]}",
    )
    exact = {"bits-per-symbol", "cd-min", "cd-max", "filter-roll-off-factor", "nleq-compensation", "cfg-tx-power"}
    told = {(path, text) for path, text in leaves_of(wanted) if short(path[-1:]) in exact}
    until(lambda: told <= leaves_of(answer()), lambda: f"not as configured: {told - leaves_of(answer())}")
    agent.stop()


def test_the_running_configuration_holds_every_leaf_of_its_document(agent):
    session = agent.connect()
    for name in ("v06", "v09", "v01"):
        edit(session, payload(name).config)
    commit(session)
    missing = leaves_of(payload("d06").document) - leaves_of(running(session))
    assert not missing, [(short(path), text) for path, text in missing]


@pytest.mark.parametrize("document", of("invalid"))
def test_an_invalid_document_is_refused_with_its_tag_and_reason(agent, document):
    skip_if_for_later(document)
    with agent.by_hand() as session:
        before = leaves_of(data_of(session.rpc(RUNNING)))
        reply = session.ask(document.text)
        if document.expected == "EITHER" and not errors_of(reply):
            assert len(data_of(reply)) == 0
            return
        if document.mode == "edit" and is_ok(reply):  # as RFC 6241 allows, found when the whole is validated
            reply = session.rpc("<commit/>")
        refused = only_error(reply)
        assert refused.tag == document.tag, str(refused)
        assert_it_names_what_is_wrong(refused, document)
        assert is_ok(session.rpc("<discard-changes/>"))
        assert leaves_of(data_of(session.rpc(RUNNING))) == before
        assert is_ok(session.rpc("<commit/>"))


def assert_it_names_what_is_wrong(refused, document):
    """Thing, value and rule are in what the refusal says; the path, if any, can be resolved."""
    assert refused.message, str(refused)
    said = f"{refused.message} {refused.path} {refused.info}"
    for word in NAMED.get(document.name, ()):
        assert word in said, f"{word!r} is missing in: {refused}"
    if document.mode == "edit":
        assert refused.path and refused.path.startswith("/"), str(refused)
    if refused.path:
        for step in refused.path.strip("/").split("/"):
            prefix, colon, _ = step.partition(":")
            if colon and "'" not in prefix and '"' not in prefix:
                assert prefix in refused.path_namespaces, f"prefix {prefix} is not declared: {refused}"
    if refused.tag in ("unknown-element", "missing-element", "unknown-namespace"):
        assert "bad-element" in refused.info, str(refused)
    if refused.tag == "unknown-namespace":
        assert "bad-namespace" in refused.info, str(refused)
    assert "A" * 30 not in said, "a token has no place in an error"


def test_an_existing_slice_is_not_created_again(agent):
    with agent.by_hand() as session:
        document = payload("x01")
        assert is_ok(session.ask(document.text))
        assert is_ok(session.rpc("<commit/>"))
        refused = only_error(session.ask(document.text))
        assert refused.tag == document.tag == "data-exists", str(refused)
        assert "slice" in f"{refused.message} {refused.path}", str(refused)


def test_a_slice_is_deleted_where_it_is_and_missed_where_it_is_not(agent):
    with agent.by_hand() as session:
        document = payload("x02")
        refused = only_error(session.ask(document.text))
        assert refused.tag == document.tag == "data-missing", str(refused)
        assert refused.path, str(refused)
        for change in (payload("v01").text, document.text):
            assert is_ok(session.ask(change)) and is_ok(session.rpc("<commit/>"))
        left = data_of(session.ask(payload("f06").text))
        assert find(left, "active-nodes/active-node/mxponder-slices/mxponder-slice") is None


def test_removing_a_subsea_setting_never_fails_and_the_licence_goes_with_the_last(make_agent):
    agent = make_agent(chassis="muxponder-in-1").start()
    session = agent.connect()
    document = payload("x03")
    with agent.by_hand() as by_hand:
        assert is_ok(by_hand.ask(document.text)) and is_ok(by_hand.rpc("<commit/>"))
        assert is_ok(by_hand.ask(payload("v06").text)) and is_ok(by_hand.rpc("<commit/>"))
        wait_for(session, usage, {SUBSEA: 1})
        assert is_ok(by_hand.ask(document.text)) and is_ok(by_hand.rpc("<commit/>"))
    left = {short(path[-1:]) for path, _ in leaves_of(running(session)) if OPTICS in path[-1]}
    assert "nleq-comp-mode" not in left and "enh-colorless-mode" in left
    assert usage(session) == {SUBSEA: 1}
    for name in left - {"target-power", "fixed-ratio"} | {"rx-voa"}:
        edit(session, document.config.replace("<nleq-comp-mode", f"<{name}"))
    commit(session)
    wait_for(session, usage, {})
    agent.stop()


def test_no_document_of_the_runtime_folder_is_forgotten():
    assert {found.name.split("-")[0] for found in manifest("runtime")} == {"x01", "x02", "x03"}


def test_every_document_is_in_the_manifest_and_the_other_way_round():
    on_disk = {str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*.xml")}
    assert {found.file for found in manifest()} == on_disk
