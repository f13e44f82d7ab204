"""`ponder agent --yang-dir`: further modules are stored, kept and shown; nobody acts on them."""

import pathlib

import pytest

from lab.agent import call, commit, edit, running
from lab.process import assert_one_clear_line, run

BENCH_YANG = pathlib.Path(__file__).resolve().parents[2] / "benches" / "yang"
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
