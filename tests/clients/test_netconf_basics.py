"""NETCONF as clients meet it: hello, filters, locks, edits, errors, schemas, both framings, strange messages."""

import contextlib
import re

import pytest
from ncclient.operations import RPCError

from lab.agent import USER, commit, edit, get, running
from lab.documents import (
    data_of,
    errors_of,
    find,
    find_all,
    is_ok,
    leaves_of,
    only_error,
    parse,
    paths_of,
    short,
    text_at,
)
from lab.names import (
    BASE,
    BASE_1_0,
    BASE_1_1,
    CAPABILITY,
    HOST_NAMES,
    INTERFACES,
    LICENCE,
    MONITORING,
    NODES,
    OPTICS,
    SCHEMA_OF_ERRORS,
    SLICES,
)
from lab.payloads import payload
from lab.process import ROOT
from lab.schema import Schema, fetch, modules_in
from lab.waiting import until

NC = f'xmlns:nc="{BASE}"'
RUNNING = "<get-config><source><running/></source></get-config>"


def host_name(name):
    """The smallest edit there is."""
    return f'<host-names xmlns="{HOST_NAMES}"><host-name>{name}</host-name></host-names>'


def edit_config(config, options="", target="candidate"):
    """`<edit-config>` for a session by hand."""
    return f"<edit-config><target><{target}/></target>{options}<config>{config}</config></edit-config>"


def port(name, inner, attributes=""):
    """Configuration of one optics port."""
    return (
        f'<interface-configurations xmlns="{INTERFACES}"><interface-configuration><active>act</active>'
        f'<interface-name>{name}</interface-name><optics xmlns="{OPTICS}" {attributes}>{inner}</optics>'
        "</interface-configuration></interface-configurations>"
    )


def names_of(data):
    """Local paths of everything below `<data>`."""
    return {short(path) for path in paths_of(data)}


@pytest.fixture(autouse=True)
def an_empty_start(visit):
    """Each test finds no configuration of an earlier one on the shared agent."""
    yield
    visit.hang_up()
    trees = {"host-names": HOST_NAMES, "interface-configurations": INTERFACES, "active-nodes": NODES}
    removal = "".join(f'<{name} xmlns="{trees[name]}" {NC} nc:operation="remove"/>' for name in trees)
    with visit.by_hand() as session:
        for operation in ("<discard-changes/>", edit_config(removal), "<commit/>"):
            assert is_ok(session.rpc(operation))


# Hello.


def test_the_hello_has_exact_capabilities_and_every_module(visit):
    with visit.by_hand() as session:
        capabilities = session.capabilities()
        assert session.session_id() > 0
    assert len(capabilities) == len(set(capabilities))
    assert {BASE_1_0, BASE_1_1, CAPABILITY + "candidate:1.0", CAPABILITY + "rollback-on-error:1.0"} <= set(capabilities)
    assert CAPABILITY + "validate:1.1" in capabilities
    known = (
        r"candidate:1\.0|confirmed-commit:1\.1|rollback-on-error:1\.0|validate:1\.[01]|xpath:1\.0|partial-lock:1\.0"
        r"|with-defaults:1\.0\?basic-mode=explicit&also-supported=\S+"
        r"|with-operational-defaults:1\.0\?basic-mode=report-all&also-supported=\S+|yang-library:1\.[01]\?\S+"
        r"|notification:1\.0|interleave:1\.0"
    )
    for capability in capabilities:
        if capability.startswith("urn:ietf:params:netconf:"):
            rest = capability.removeprefix(CAPABILITY)
            assert capability in (BASE_1_0, BASE_1_1) or re.fullmatch(known, rest), capability
    modules = modules_in(capabilities)
    for file in sorted((ROOT / "yang").glob("*.yang")):
        text = file.read_text()
        if text.lstrip().startswith("module ") or "\nmodule " in text:
            namespace = re.search(r'namespace\s+"([^"]+)"', text)[1]
            revision = re.search(r'revision\s+"?([0-9-]+)"?', text)[1]
            assert modules.get(file.stem) == (namespace, revision), f"{file.stem}: {modules.get(file.stem)}"
    assert {"ietf-netconf-monitoring", "ietf-yang-types", "ietf-inet-types"} <= modules.keys()
    assert modules["ietf-netconf-monitoring"] == (MONITORING, "2010-10-04")


def test_ansible_can_guess_the_operating_system(visit):
    assert any("IOS-XR" in capability for capability in visit.connect().server_capabilities)


def test_the_device_handlers_of_ncclient_work_alike(visit):
    for device in ("default", "iosxr"):
        session = visit.connect(device=device)
        edit(session, host_name(device))
        assert session.validate("candidate").ok
        commit(session)
        assert text_at(running(session), "host-names/host-name") == device
        assert session.close_session().ok


def test_sessions_are_numbered_and_never_twice(visit):
    numbers = []
    for _ in range(3):
        with visit.by_hand() as session:
            numbers.append(session.session_id())
    assert numbers == sorted(set(numbers))


# Filters (RFC 6241 section 6).


@pytest.fixture
def configured(visit):
    """A session on the shared agent with a host name, two ports and one slice in running."""
    session = visit.connect()
    edit(session, host_name("ncs-a"))
    edit(session, payload("v06").config)
    edit(session, payload("v07").config)
    edit(session, payload("v01").config)
    commit(session)
    return session


def test_no_filter_gives_everything_and_an_empty_one_nothing(configured):
    top = {short(path) for path in paths_of(running(configured)) if len(path) == 1}
    assert {"host-names", "interface-configurations", "active-nodes"} <= top
    reply = configured.dispatch(
        parse(f'<get-config xmlns="{BASE}"><source><running/></source><filter type="subtree"/></get-config>')
    )
    assert len(data_of(reply.xml)) == 0


def test_one_leaf_deep_gives_only_the_path(configured):
    filter_ = f'<interface-configurations xmlns="{INTERFACES}"><interface-configuration><optics xmlns="{OPTICS}">'
    filter_ += "<nleq-comp-mode/></optics></interface-configuration></interface-configurations>"
    data = running(configured, filter_)
    entry = "interface-configurations/interface-configuration"
    # Keys of the entries may come along (RFC 6241 section 6.2.5 leaves it to the server); nothing else may.
    allowed = {entry.split("/")[0], entry, f"{entry}/active", f"{entry}/interface-name", f"{entry}/optics"}
    assert names_of(data) - allowed == {f"{entry}/optics/nleq-comp-mode"}


def test_a_key_selects_one_entry_whole(configured):
    filter_ = f'<interface-configurations xmlns="{INTERFACES}"><interface-configuration>'
    filter_ += "<interface-name>Optics0/1/0/1</interface-name></interface-configuration></interface-configurations>"
    entries = find_all(running(configured, filter_), "interface-configurations/interface-configuration")
    assert [text_at(entry, "interface-name") for entry in entries] == ["Optics0/1/0/1"]
    assert text_at(entries[0], "optics/optics-bits-per-symbol") == "3.0000000000"


def test_a_key_and_a_leaf_select_that_leaf_of_that_entry(configured):
    filter_ = f'<interface-configurations xmlns="{INTERFACES}"><interface-configuration><active>act</active>'
    filter_ += f'<interface-name>Optics0/1/0/1</interface-name><optics xmlns="{OPTICS}"><optics-fec/></optics>'
    filter_ += "</interface-configuration></interface-configurations>"
    data = running(configured, filter_)
    entry = "interface-configurations/interface-configuration"
    assert names_of(data) == {
        *(entry.split("/")[0], entry, f"{entry}/active", f"{entry}/interface-name"),
        *(f"{entry}/optics", f"{entry}/optics/optics-fec"),
    }


def test_content_that_is_nowhere_selects_nothing(configured):
    filter_ = f'<interface-configurations xmlns="{INTERFACES}"><interface-configuration>'
    filter_ += "<interface-name>Optics0/3/0/1</interface-name></interface-configuration></interface-configurations>"
    assert len(running(configured, filter_)) == 0


def test_a_wrong_namespace_selects_nothing(configured):
    assert len(running(configured, '<host-names xmlns="urn:nobody"/>')) == 0
    assert len(running(configured, f'<host-names xmlns="{INTERFACES}"/>')) == 0


def test_two_subtrees_are_both_selected(configured):
    data = running(configured, f'<host-names xmlns="{HOST_NAMES}"/>', f'<active-nodes xmlns="{NODES}"/>')
    assert {short(path) for path in paths_of(data) if len(path) == 1} == {"host-names", "active-nodes"}


def test_nested_slices_are_selected_by_node_and_lane(configured):
    lane = "<mxp-slice-client-optics-lane><optics-lane-id>2</optics-lane-id></mxp-slice-client-optics-lane>"
    filter_ = f'<active-nodes xmlns="{NODES}"><active-node><node-name>0/1</node-name>'
    filter_ += f'<mxponder-slices xmlns="{SLICES}"><mxponder-slice><mxp-slice-client-ports><mxp-slice-client-port>'
    filter_ += f"<mxp-slice-client-optics-lanes>{lane}</mxp-slice-client-optics-lanes></mxp-slice-client-port>"
    filter_ += "</mxp-slice-client-ports></mxponder-slice></mxponder-slices></active-node></active-nodes>"
    lanes = [element for element in running(configured, filter_).iter("{*}mxp-slice-client-optics-lane")]
    assert [text_at(lane, "client-type") for lane in lanes] == ["otu2", "ten-gig-e"]


def test_get_gives_state_and_configuration(configured):
    data = get(configured, f'<host-names xmlns="{HOST_NAMES}"/>', f'<smart-agent xmlns="{LICENCE}"/>')
    assert {short(path) for path in paths_of(data) if len(path) == 1} == {"host-names", "smart-agent"}
    assert len(running(configured, f'<smart-agent xmlns="{LICENCE}"/>')) == 0


def test_a_filter_without_a_namespace_of_its_own_is_tolerated(configured):
    # Ansible sends <filter> and <config> without one.
    text = f'<nc:get {NC}><filter type="subtree"><host-names xmlns="{HOST_NAMES}"/></filter></nc:get>'
    assert text_at(data_of(configured.dispatch(parse(text)).xml), "host-names/host-name") == "ncs-a"
    target = "<nc:target><nc:candidate/></nc:target>"
    text = f"<nc:edit-config {NC}>{target}<config>{host_name('ncs-b')}</config></nc:edit-config>"
    assert configured.dispatch(parse(text)).ok
    commit(configured)
    assert text_at(running(configured), "host-names/host-name") == "ncs-b"


def test_a_get_in_the_namespace_of_base_1_1_is_tolerated(configured):
    # As napalm sends it.
    filter_ = f'<filter><host-names xmlns="{HOST_NAMES}"/></filter>'
    inner = f'<get xmlns="urn:ietf:params:xml:ns:netconf:base:1.1">{filter_}</get>'
    data = data_of(configured.dispatch(parse(inner)).xml)
    assert {short(path) for path in paths_of(data) if len(path) == 1} == {"host-names"}


def test_an_xpath_filter_selects_one_leaf(configured):
    select = "/x:host-names/x:host-name"
    reply = configured.get(filter=("xpath", ({"x": HOST_NAMES}, select)))
    assert [element.tag for element in data_of(reply.xml).iter("{*}host-name")] == [f"{{{HOST_NAMES}}}host-name"]


# Locks (RFC 6241 section 7.5).


def test_a_lock_keeps_others_out_and_names_its_holder(visit):
    holder, other = visit.connect(), visit.connect()
    assert holder.lock("candidate").ok
    refused = only_error(other.lock("candidate").xml)
    assert refused.tag == "lock-denied" and refused.info["session-id"] == holder.session_id, str(refused)
    reply = other.edit_config(target="candidate", config=f'<config xmlns="{BASE}">{host_name("x")}</config>')
    assert only_error(reply.xml).tag in ("in-use", "lock-denied")
    assert not other.commit().ok and not other.discard_changes().ok
    edit(holder, host_name("mine"))
    commit(holder)
    assert holder.unlock("candidate").ok
    assert other.lock("candidate").ok and other.unlock("candidate").ok


def test_running_locked_by_another_session_is_not_committed_to(visit):
    holder, other = visit.connect(), visit.connect()
    assert holder.lock("running").ok
    edit(other, host_name("x"))
    refused = only_error(other.commit().xml)
    assert refused.tag in ("in-use", "lock-denied"), str(refused)
    assert holder.unlock("running").ok
    commit(other)


def test_a_changed_candidate_cannot_be_locked(visit):
    one, other = visit.connect(), visit.connect()
    edit(one, host_name("x"))
    refused = only_error(other.lock("candidate").xml)
    assert refused.tag == "lock-denied" and refused.info["session-id"] == "0", str(refused)
    assert one.discard_changes().ok
    assert other.lock("candidate").ok and other.unlock("candidate").ok


def test_what_is_not_locked_cannot_be_unlocked(visit):
    one, other = visit.connect(), visit.connect()
    assert only_error(one.unlock("candidate").xml).tag == "operation-failed"
    assert one.lock("candidate").ok
    assert errors_of(other.unlock("candidate").xml)
    assert only_error(one.lock("candidate").xml).tag == "lock-denied"
    assert one.unlock("candidate").ok


def test_a_vanished_client_leaves_no_lock_and_no_candidate(visit):
    gone, other = visit.by_hand(), visit.connect()
    for target in ("candidate", "running"):
        assert is_ok(gone.rpc(f"<lock><target><{target}/></target></lock>"))
    assert is_ok(gone.rpc(edit_config(host_name("ghost"))))
    assert not other.lock("candidate").ok
    gone.vanish()
    until(lambda: other.lock("candidate").ok, "the lock of the candidate", seconds=5)
    assert other.lock("running").ok
    candidate = data_of(other.get_config("candidate").xml)
    assert text_at(candidate, "host-names/host-name") != "ghost"
    assert other.unlock("running").ok and other.unlock("candidate").ok


# Edits, commits.


def test_discard_changes_makes_the_candidate_running_again(visit):
    session = visit.connect()
    edit(session, host_name("a"))
    assert text_at(data_of(session.get_config("candidate").xml), "host-names/host-name") == "a"
    assert session.discard_changes().ok
    assert find(data_of(session.get_config("candidate").xml), "host-names") is None


def test_an_edit_is_not_running_before_its_commit(visit):
    session, other = visit.connect(), visit.connect()
    edit(session, host_name("soon"))
    assert find(running(other), "host-names") is None
    commit(session)
    assert text_at(running(other), "host-names/host-name") == "soon"


def test_every_operation_of_edit_config(visit):
    session = visit.connect()
    knob = "nleq-comp-mode"

    def attempt(operation, value="2", port_name="Optics0/0/0/0"):
        inner = f'<{knob} {NC} nc:operation="{operation}">{value}</{knob}>'
        config = f'<config xmlns="{BASE}">{port(port_name, inner)}</config>'
        return session.edit_config(target="candidate", config=config)

    def now():
        found = list(data_of(session.get_config("candidate").xml).iter(f"{{{OPTICS}}}{knob}"))
        return [element.text for element in found]

    assert only_error(attempt("delete").xml).tag == "data-missing"
    assert attempt("remove").ok
    assert attempt("create", "1").ok and now() == ["1"]
    assert only_error(attempt("create", "3").xml).tag == "data-exists" and now() == ["1"]
    assert attempt("merge", "2").ok and now() == ["2"]
    assert attempt("replace", "4").ok and now() == ["4"]
    assert attempt("delete").ok and now() == []
    assert attempt("replace", "5").ok and now() == ["5"]
    assert attempt("remove").ok and now() == []
    refused = only_error(attempt("destroy").xml)
    assert refused.tag in ("bad-attribute", "invalid-value"), str(refused)
    assert "destroy" in f"{refused.message} {refused.info}", str(refused)


def test_a_replaced_container_loses_what_the_edit_does_not_name(visit):
    session = visit.connect()
    edit(session, payload("v06").config)
    edit(session, port("Optics0/1/0/0", "<enh-colorless-mode>1</enh-colorless-mode>", f'{NC} nc:operation="replace"'))
    commit(session)
    optics = {short(path[-1:]): text for path, text in leaves_of(running(session)) if OPTICS in path[-1]}
    assert optics == {"enh-colorless-mode": "1"}


def test_every_default_operation(visit):
    session = visit.connect()
    edit(session, host_name("first"))
    edit(session, port("Optics0/0/0/0", "<nleq-comp-mode>2</nleq-comp-mode>"))
    refused = session.edit_config(
        target="candidate", config=f'<config xmlns="{BASE}">{host_name("second")}</config>', default_operation="none"
    )
    assert refused.ok, refused.xml  # the leaf is there; without an operation it is left alone
    candidate = data_of(session.get_config("candidate").xml)
    assert text_at(candidate, "host-names/host-name") == "first"
    edit(session, host_name("third"), default_operation="replace")
    candidate = data_of(session.get_config("candidate").xml)
    assert [short(path) for path, _ in leaves_of(candidate)] == ["host-names/host-name"]
    assert text_at(candidate, "host-names/host-name") == "third"


TWO_WRONG_ONE_RIGHT = (
    port("Optics0/0/0/0", "<nleq-comp-mode>1</nleq-comp-mode>")
    + port("Optics0/0/0/1", f'<nleq-comp-mode {NC} nc:operation="delete"/>')
    + host_name("after")
)


@pytest.mark.parametrize(
    ("option", "errors", "kept"),
    [
        ("stop-on-error", 1, {"nleq-comp-mode"}),
        ("continue-on-error", 1, {"nleq-comp-mode", "host-name"}),
        ("rollback-on-error", 1, set()),
    ],
)
def test_every_error_option_behaves_as_named(visit, option, errors, kept):
    with visit.by_hand() as session:
        reply = session.rpc(edit_config(TWO_WRONG_ONE_RIGHT, f"<error-option>{option}</error-option>"))
        assert [error.tag for error in errors_of(reply)] == ["data-missing"] * errors
        candidate = data_of(session.rpc("<get-config><source><candidate/></source></get-config>"))
        left = {short(path[-1:]) for path, _ in leaves_of(candidate)}
        assert left & {"nleq-comp-mode", "host-name"} == kept
        assert is_ok(session.rpc("<discard-changes/>"))


def test_test_only_changes_nothing(visit):
    session = visit.connect()
    edit(session, host_name("tested"), test_option="test-only")
    assert find(data_of(session.get_config("candidate").xml), "host-names") is None
    bad = f'<config xmlns="{BASE}">{port("Optics0/0/0/0", "<nleq-comp-mode>99</nleq-comp-mode>")}</config>'
    assert (
        only_error(session.edit_config(target="candidate", config=bad, test_option="test-only").xml).tag
        == "invalid-value"
    )


def test_running_is_not_written_to_directly(visit):
    with visit.by_hand() as session:
        refused = only_error(session.rpc(edit_config(host_name("x"), target="running")))
        assert refused.tag in ("operation-not-supported", "invalid-value"), str(refused)


def test_an_incomplete_candidate_is_found_by_validate_and_by_commit(visit):
    session = visit.connect()
    half = "<optics-dwdm-carrier><grid-type>50g-hz-grid</grid-type></optics-dwdm-carrier>"
    reply = session.edit_config(
        target="candidate", config=f'<config xmlns="{BASE}">{port("Optics0/0/0/0", half)}</config>'
    )
    if reply.ok:
        for attempt in (session.validate("candidate"), session.commit()):
            errors = errors_of(attempt.xml)
            assert errors and {error.tag for error in errors} == {"data-missing"}, attempt.xml
    else:
        assert errors_of(reply.xml)[0].tag == "data-missing"
    assert session.discard_changes().ok and session.validate("candidate").ok
    inline = parse(f'<config xmlns="{BASE}">{host_name("fine")}</config>')
    assert session.validate(source=inline).ok
    assert session.validate("running").ok


# Sessions.


def test_kill_session_ends_another_session_and_frees_its_lock(visit):
    killer, victim = visit.connect(), visit.by_hand()
    assert is_ok(victim.rpc("<lock><target><candidate/></target></lock>"))
    assert killer.kill_session(str(victim.session_id())).ok
    victim.wait_for_end(10)
    assert killer.lock("candidate").ok and killer.unlock("candidate").ok


def test_no_session_kills_itself_or_one_that_is_not_there(visit):
    session = visit.connect()
    assert only_error(session.kill_session(session.session_id).xml).tag == "invalid-value"
    assert only_error(session.kill_session("4294967295").xml).tag == "invalid-value"
    assert session.get_config("running").ok


def test_close_session_is_answered_and_then_the_channel_closes_with_status_0(visit):
    with visit.by_hand() as session:
        assert is_ok(session.rpc("<close-session/>"))
        assert session.wait_for_end(10) == 0


# Schemas.


def test_every_module_can_be_fetched_and_they_compile_together(visit):
    session = visit.connect()
    schema = Schema(session)
    for name, (namespace, revision) in modules_in(session.server_capabilities).items():
        text = schema.texts[name]
        assert re.search(rf"^\s*module\s+{re.escape(name)}\s*{{", text, re.MULTILINE), name
        assert namespace in text and (revision is None or revision in text), name
    assert schema.errors == []
    assert SCHEMA_OF_ERRORS in schema.texts


def test_the_list_of_schemas_agrees_with_the_hello(visit):
    session = visit.connect()
    listed = find_all(
        get(session, f'<netconf-state xmlns="{MONITORING}"><schemas/></netconf-state>'), "netconf-state/schemas/schema"
    )
    names = {text_at(entry, "identifier") for entry in listed}
    assert modules_in(session.server_capabilities).keys() <= names
    assert {text_at(entry, "format").rsplit(":", 1)[-1] for entry in listed} <= {"yang", "yin"}


def test_a_schema_that_is_not_there_is_refused(visit):
    session = visit.connect()
    assert only_error(session.get_schema("nobody").xml).tag == "invalid-value"
    name = "Cisco-IOS-XR-osa-cfg"
    assert only_error(session.get_schema(name, version="1999-01-01").xml).tag == "invalid-value"
    assert only_error(session.get_schema(name, format="rng").xml).tag == "invalid-value"
    assert "module" in fetch(session, name)


def test_sessions_and_locks_can_be_seen(visit):
    session = visit.connect()
    assert session.lock("candidate").ok
    state = get(session, f'<netconf-state xmlns="{MONITORING}"/>')
    sessions = find_all(state, "netconf-state/sessions/session")
    own = [entry for entry in sessions if text_at(entry, "session-id") == session.session_id]
    assert own and text_at(own[0], "username") == USER and text_at(own[0], "transport").endswith("netconf-ssh")
    locks = [
        text_at(entry, "locks/global-lock/locked-by-session")
        for entry in find_all(state, "netconf-state/datastores/datastore")
        if text_at(entry, "name") == "candidate"
    ]
    assert locks == [session.session_id]
    assert session.unlock("candidate").ok


# Framing (RFC 6242).


@pytest.mark.parametrize("versions", [(BASE_1_0,), (BASE_1_1,), (BASE_1_0, BASE_1_1)], ids=["1.0", "1.1", "both"])
def test_the_ssh_command_works_with_both_framings(visit, versions):
    with visit.by_hand(versions=versions) as session:
        assert session.chunked == (BASE_1_1 in versions)
        assert len(data_of(session.rpc(RUNNING))) >= 0
        assert is_ok(session.rpc("<close-session/>"))
        assert session.wait_for_end(10) == 0


def test_a_request_may_come_in_chunks_of_one_byte(visit):
    with visit.by_hand() as session:
        reply = session.ask(f'<rpc xmlns="{BASE}" message-id="é 1">{RUNNING}</rpc>', chunk_sizes=[1])
        assert reply.get("message-id") == "é 1" and len(data_of(reply)) >= 0


def test_requests_may_be_pipelined_and_are_answered_in_order(visit):
    with visit.by_hand() as session:
        for number in range(50):
            session.send(f'<rpc xmlns="{BASE}" message-id="{number}">{RUNNING}</rpc>')
        assert [parse(session.read()).get("message-id") for _ in range(50)] == [str(number) for number in range(50)]


@pytest.mark.parametrize(
    "junk",
    [b"\n#0\n", b"\n#01\nx", b"\n#4294967296\n", b"#5\nhello", b"\n#x\n"],
    ids=["zero", "leading-zero", "too-big", "no-newline", "no-number"],
)
def test_a_bad_chunk_ends_that_session_only(visit, junk):
    other = visit.connect()
    with visit.by_hand() as session:
        session.write(junk + b"<rpc/>\n##\n")
        session.wait_for_end(10)
    assert other.get_config("running").ok


def test_a_message_of_many_megabytes_is_taken_or_refused_and_delays_nobody(visit):
    other = visit.connect()
    with visit.by_hand() as session:
        operation = edit_config(f"<!--{'x' * 6_000_000}-->{host_name('big')}")
        reply = session.ask(f'<rpc xmlns="{BASE}" message-id="1">{operation}</rpc>', chunk_sizes=[65536])
        assert is_ok(reply) or errors_of(reply)[0].tag in ("too-big", "malformed-message")
    assert other.get_config("running").ok


def test_a_large_edit_is_taken_whole(visit):
    entries = "".join(
        "<interface-configuration><active>pre</active>"
        f"<interface-name>Optics0/{slot}/0/{number}</interface-name><description>{'x' * 200}</description>"
        "</interface-configuration>"
        for slot in range(4)
        for number in range(500)
    )
    with visit.by_hand() as session:
        config = f'<interface-configurations xmlns="{INTERFACES}">{entries}</interface-configurations>'
        assert is_ok(session.rpc(edit_config(config)))
        assert is_ok(session.rpc("<commit/>"))
        data = data_of(session.rpc(RUNNING))
        assert len(find_all(data, "interface-configurations/interface-configuration")) == 2000


# Strange messages.


def test_attributes_of_rpc_come_back_on_the_reply(visit):
    with visit.by_hand() as session:
        reply = session.ask(
            f'<rpc xmlns="{BASE}" message-id="7" xmlns:ex="urn:example" ex:user-id="fred" plain="yes">{RUNNING}</rpc>'
        )
        assert reply.get("message-id") == "7"
        assert reply.get("{urn:example}user-id") == "fred" and reply.get("plain") == "yes"


def test_an_rpc_without_message_id_is_refused(visit):
    with visit.by_hand() as session:
        refused = only_error(session.ask(f'<rpc xmlns="{BASE}">{RUNNING}</rpc>'))
        assert (refused.type, refused.tag) == ("rpc", "missing-attribute"), str(refused)
        assert refused.info == {"bad-attribute": "message-id", "bad-element": "rpc"}
        assert len(data_of(session.rpc(RUNNING))) >= 0


@pytest.mark.parametrize(
    "text",
    [
        "<rpc",
        "not xml at all",
        f'<rpc xmlns="{BASE}" message-id="1"><get></rpc>',
        f'<rpc xmlns="{BASE}" message-id="1">&who;</rpc>',
        "",
    ],
    ids=["cut", "text", "crossed", "entity", "empty"],
)
def test_malformed_xml_gets_an_error_or_ends_the_session(visit, text):
    other = visit.connect()
    with visit.by_hand(versions=(BASE_1_0,)) as session:
        session.send(text)
        try:
            refused = only_error(parse(session.read(10)))
            assert refused.tag in ("malformed-message", "operation-failed"), str(refused)
        except EOFError:
            pass
    assert other.get_config("running").ok


def test_a_document_type_is_refused(visit):
    bomb = '<!DOCTYPE rpc [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    with visit.by_hand() as session:
        session.send(f'{bomb}<rpc xmlns="{BASE}" message-id="1"><get>&b;</get></rpc>')
        try:
            refused = only_error(parse(session.read(10)))
            assert refused.tag == "malformed-message", str(refused)
            assert "DOCTYPE" in refused.message or "document type" in refused.message, str(refused)
        except EOFError:
            pass


def test_an_rpc_in_the_wrong_namespace_is_refused_or_ends_the_session(visit):
    with visit.by_hand() as session:
        session.send(f'<rpc xmlns="urn:example" message-id="1">{RUNNING}</rpc>')
        with contextlib.suppress(EOFError):
            refused = only_error(session.read(10))
            assert refused.tag == "unknown-namespace" and refused.info["bad-namespace"] == "urn:example", str(refused)


@pytest.mark.parametrize(
    ("operation", "tags"),
    [
        ("<explode/>", {"operation-not-supported", "unknown-element"}),
        ('<explode xmlns="urn:example"/>', {"operation-not-supported", "unknown-namespace"}),
        (
            "<copy-config><target><running/></target><source><candidate/></source></copy-config>",
            {"operation-not-supported"},
        ),
        ("<cancel-commit/>", {"operation-failed"}),
        ("<get-config/>", {"missing-element"}),
        (
            "<get-config><source><startup/></source></get-config>",
            {"operation-not-supported"},
        ),
        ("<delete-config><target><candidate/></target></delete-config>", {"operation-not-supported"}),
        ("<lock/>", {"missing-element"}),
        ("<edit-config><target><candidate/></target></edit-config>", {"missing-element"}),
        ("<kill-session/>", {"missing-element"}),
        ("<kill-session><session-id>x</session-id></kill-session>", {"invalid-value"}),
        ("", {"missing-element", "malformed-message", "operation-not-supported"}),
        ("<commit/><commit/>", {"bad-element", "unknown-element", "malformed-message"}),
        (
            f"<edit-config><target><candidate/></target><default-operation>maybe</default-operation>"
            f"<config>{host_name('x')}</config></edit-config>",
            {"invalid-value", "bad-element"},
        ),
    ],
)
def test_an_operation_that_cannot_be_is_refused_with_a_reason(visit, operation, tags):
    with visit.by_hand() as session:
        refused = errors_of(session.rpc(operation))
        assert len(refused) == 1 and refused[0].tag in tags, list(map(str, refused))
        assert refused[0].message, str(refused[0])
        assert len(data_of(session.rpc(RUNNING))) >= 0


def test_a_second_hello_gets_an_error_or_ends_the_session(visit):
    other = visit.connect()
    with visit.by_hand() as session:
        session.send(f'<hello xmlns="{BASE}"><capabilities><capability>{BASE_1_1}</capability></capabilities></hello>')
        with contextlib.suppress(EOFError):
            assert errors_of(session.read(10))
    assert other.get_config("running").ok


def test_a_hello_with_no_common_version_ends_the_session(visit):
    with visit.by_hand(versions=("urn:ietf:params:netconf:base:9.9",)) as session:
        session.wait_for_end(10)


def test_ncclient_raises_what_the_server_says(visit):
    session = visit.connect()
    session.raise_mode = 2
    with pytest.raises(RPCError, match="-191") as raised:
        session.edit_config(target="candidate", config=payload("i01").config)
    assert raised.value.tag == "invalid-value" and "target-power" in raised.value.path
