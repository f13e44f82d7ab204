"""`ponder agent --yang-dir`: further modules are stored, kept and shown; nobody acts on them."""

import pathlib
import shutil
import sys

import pytest
from lxml import etree

from lab.agent import call, commit, edit, get, running
from lab.documents import text_at
from lab.process import assert_one_clear_line, run

BENCH_YANG = pathlib.Path(__file__).resolve().parents[2] / "benches" / "yang"
sys.path.append(str(BENCH_YANG))
import many_modules  # noqa: E402

BENCH = "urn:ponder:bench"
SHELF = """module shelf {
  namespace "urn:shelf";
  prefix s;
  rpc tidy;
  container temperature {
    config false;
    leaf celsius { type int8; }
  }
}
"""


XE = "http://cisco.com/ns/yang/Cisco-IOS-XE-native"
@pytest.fixture(scope="module")
def hundreds(tmp_path_factory):
    """A folder of several hundred real modules: IOS XE, OpenConfig, IETF, IANA and MIBs."""
    folder = tmp_path_factory.mktemp("hundreds")
    assert many_modules.fill(folder) > 460
    return folder


def port(number, low, high, peer):
    return f"<port><id>{number}</id><low>{low}</low><high>{high}</high><peer>{peer}</peer></port>"


def ports(*entries):
    return f'<ports xmlns="{BENCH}">{"".join(entries)}</ports>'


def test_a_further_module_is_stored_checked_and_kept(make_agent):
    agent = make_agent(flags=["--yang-dir", BENCH_YANG]).start()
    session = agent.connect()
    assert any(uri.startswith(f"{BENCH}?module=ponder-bench&") for uri in session.server_capabilities)
    edit(session, ports(port(1, 1, 2, 2), port(2, 1, 2, 1)))
    commit(session)
    edit(session, ports(port(3, 9, 2, 4)))
    refused = session.commit()
    assert not refused.ok
    assert "high has to be above low" in refused.xml
    agent.kill()
    agent.start()
    stored = running(agent.connect(), ports())
    assert [id.text for id in stored.iter(f"{{{BENCH}}}id")] == ["1", "2"]


def test_rpcs_and_state_of_a_further_module_have_nobody_behind_them(make_agent, folder):
    modules = folder / "modules"
    modules.mkdir()
    (modules / "shelf.yang").write_text(SHELF)
    session = make_agent(flags=["--yang-dir", modules]).start().connect()
    assert "module shelf {" in session.get_schema("shelf").data
    assert "celsius" not in session.get(filter=("subtree", '<temperature xmlns="urn:shelf"/>')).xml
    reply = call(session, '<tidy xmlns="urn:shelf"/>')
    assert [tag.text for tag in reply.iter("{*}error-tag")] == ["operation-not-supported"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("module shelf {\n  namespace urn:s;\n  prefix s;\n  leaf x\n}", ("shelf.yang, line 5",)),
        ("module shelf {\n  namespace urn:s;\n  prefix s;\n  import desk { prefix d; }\n}", ("line 4", "desk")),
    ],
)
def test_a_module_that_cannot_be_served_is_named(folder, keys, text, words):
    (folder / "shelf.yang").write_text(text)
    user = ["--user", "operator", "--authorized-keys", keys.public_file]
    done = run("agent", "--yang-dir", folder, "--state-dir", folder / "state", *user)
    assert done.returncode != 0
    assert_one_clear_line(done.stderr, *words)


def test_several_hundred_modules_of_another_device_are_served_and_stored(make_agent, hundreds):
    agent = make_agent(flags=["--yang-dir", hundreds]).start()
    session = agent.connect()
    assert sum("module=" in uri for uri in session.server_capabilities) > 475
    assert "module Cisco-IOS-XE-native {" in session.get_schema("Cisco-IOS-XE-native").data
    library = get(session, '<yang-library xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-library"/>')
    assert sum(etree.QName(element).localname in ("module", "import-only-module") for element in library.iter()) > 475
    port_1 = '<GigabitEthernet><name>1</name><mtu>9000</mtu></GigabitEthernet>'
    edit(session, f'<native xmlns="{XE}"><hostname>edge</hostname><interface>{port_1}</interface></native>')
    commit(session)
    agent.kill()
    agent.start()
    session = agent.connect()
    stored = running(session, f'<native xmlns="{XE}"><interface/></native>')
    assert text_at(stored, "native/interface/GigabitEthernet/mtu") == "9000"
    asked = session.get_config("running", filter=("xpath", ({"xe": XE}, "/xe:native/xe:hostname")))
    assert "<hostname>edge</hostname>" in asked.xml
    wrong = session.edit_config(
        target="candidate", config=f'<config><native xmlns="{XE}"><interface>{port_1.replace("9000", "9")}</interface></native></config>'
    )
    assert not wrong.ok and "mtu" in wrong.xml, wrong.xml


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cisco-smart-license", ("cisco-smart-license.yang, line 16", "cisco-smart-license-errors")),
        ("jon", ("jon.yang, line 168", "default", "leaf-list")),
        ("cisco-bridge-domain", ("cisco-bridge-domain.yang", "pw-templates")),
        ("Cisco-IOS-XE-mpls", ("Cisco-IOS-XE-mpls.yang", "lockdown")),
    ],
)
def test_a_faulty_module_among_hundreds_is_named_with_its_fault(hundreds, folder, keys, name, words):
    modules = folder / "modules"
    shutil.copytree(hundreds, modules)
    shutil.copy(many_modules.OF_NCDIFF / f"{name}.yang", modules)
    user = ["--user", "operator", "--authorized-keys", keys.public_file]
    done = run("agent", "--yang-dir", modules, "--state-dir", folder / "state", *user)
    assert done.returncode != 0
    assert_one_clear_line("\n".join(l for l in done.stderr.splitlines() if " WARN " not in l), *words)
