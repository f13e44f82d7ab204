"""The commits that can be undone, as IOS XR shows them: who, when, which number, label and comment."""

import re

from lab.agent import USER, call, commit, edit, get
from lab.documents import find, find_all, text_at
from lab.names import HOST_NAMES, xr

ROLLBACK = xr("cfgmgr-rollback-act")
FILTER = f"""<config-manager xmlns="{xr("config-cfgmgr-exec-oper")}"><global><config-commit/></global></config-manager>"""


def commits(session):
    """The list, the latest first."""
    return find_all(get(session, FILTER), "config-manager/global/config-commit/commits/commit")


def name_it(session, name):
    edit(session, f'<host-names xmlns="{HOST_NAMES}"><host-name>{name}</host-name></host-names>')
    commit(session)


def name_of(session):
    return text_at(get(session, f'<host-names xmlns="{HOST_NAMES}"/>'), "host-names/host-name")


def test_the_history_names_who_when_and_the_number_that_a_rollback_takes(agent):
    session = agent.connect()
    assert commits(session) == []
    for name in ("one", "two", "three"):
        name_it(session, name)
    listed = commits(session)
    assert [text_at(entry, "commit") for entry in listed] == ["1", "2", "3"]
    latest = listed[0]
    assert text_at(latest, "user-id") == USER
    assert text_at(latest, "client-name") == "NETCONF"
    assert text_at(latest, "line") == f"netconf {session.session_id}"
    assert re.fullmatch(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", text_at(latest, "timestamp"))
    first = text_at(listed[2], "commit-id")
    reply = call(
        session,
        f"""<roll-back-configuration-to-exclude xmlns="{ROLLBACK}"><commit-id>{first}</commit-id>
        <label>back</label><comment>as it was</comment></roll-back-configuration-to-exclude>""",
    )
    assert find(reply, "ok") is not None
    assert name_of(session) == "one"

    agent.kill()
    agent.start()
    session = agent.connect()
    latest = commits(session)[0]
    assert (text_at(latest, "label"), text_at(latest, "comment")) == ("back", "as it was")
    history = get(session, FILTER.replace("<config-commit/>", "<history-tables/>"))
    events = find_all(history, "config-manager/global/history-tables/history-table/history")
    assert [text_at(event, "info/type") for event in events] == ["cfghist-bag-record-commit"] * 4
    assert text_at(events[3], "info/commit-info/commit-id") == first
