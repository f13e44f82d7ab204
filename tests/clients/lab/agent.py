"""The agent as a process with one user, and the clients that log in to it."""

import contextlib
import pathlib

from ncclient import manager

from lab.documents import data_of, parse
from lab.process import Process
from lab.ssh_netconf import SshNetconf
from lab.waiting import PATIENCE

USER = "operator"


class Agent(Process):
    """`ponder agent` on a free port of loopback."""

    def __init__(self, folder, keys, name="agent", state_dir=None, chassis=None, settings="", flags=()):
        super().__init__(folder, name)
        folder = pathlib.Path(folder)
        self.keys = keys
        self.state_dir = pathlib.Path(state_dir or folder / f"{name}-state")
        self.chassis = chassis
        self.settings_file = folder / f"{name}-settings.toml"
        self.settings_file.write_text(settings)
        self.flags = list(flags)
        self._closing = contextlib.ExitStack()

    def arguments(self):
        chassis = ["--chassis", self.chassis] if self.chassis else []
        return [
            *("agent", "--state-dir", self.state_dir, "--listen", "127.0.0.1:0"),
            *("--user", USER, "--authorized-keys", self.keys.public_file, "--settings", self.settings_file),
            *chassis,
            *self.flags,
        ]

    @property
    def address(self):
        """Where it listens, `127.0.0.1:41233`."""
        return self.ready["netconf"]

    @property
    def port(self):
        """The port of that."""
        return int(self.address.rsplit(":", 1)[1])

    def connect(self, device=None, **changes):
        """An ncclient session; `device` is its device handler, such as `iosxr`. Closed with the agent at the latest."""
        arguments = {
            "host": "127.0.0.1",
            "port": self.port,
            "username": USER,
            "key_filename": str(self.keys.private_file),
            "hostkey_verify": False,
            "look_for_keys": False,
            "allow_agent": False,
            "timeout": int(PATIENCE),
            "device_params": {"name": device or "default"},
            **changes,
        }
        session = manager.connect(**arguments)
        session.raise_mode = 0  # replies with rpc-errors are looked at, not thrown
        self._closing.callback(self._close, session)
        return session

    def _close(self, session):
        with contextlib.suppress(Exception):
            # Nobody answers for an agent that was killed; ncclient might wait for it.
            if self.is_running() and session.connected:
                session.close_session()
        with contextlib.suppress(Exception):
            session.session.close()

    def by_hand(self, **options):
        """A session through the ssh command."""
        session = SshNetconf(self.address, USER, self.keys.private_file, **options)
        self._closing.callback(session.close)
        return session

    def hang_up(self):
        """Closes every client session that the tests left open."""
        self._closing.close()

    def stop(self):
        self.hang_up()
        super().stop()

    def kill(self):
        super().kill()
        self.hang_up()


def get(session, *subtrees):
    """`<get>` through ncclient with a filter of these subtrees; gives `<data>` as an element."""
    return data_of(session.get(filter=list(subtrees)).xml)


def running(session, *subtrees):
    """`<get-config>` of running through ncclient, filtered by subtrees if any; gives `<data>` as an element."""
    arguments = {"filter": list(subtrees)} if subtrees else {}
    return data_of(session.get_config("running", **arguments).xml)


def edit(session, config_xml, **options):
    """`<edit-config>` on candidate through ncclient, which must succeed."""
    if not config_xml.lstrip().startswith("<config"):
        config_xml = f'<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">{config_xml}</config>'
    reply = session.edit_config(target="candidate", config=config_xml, **options)
    assert reply.ok, reply.xml


def commit(session):
    """`<commit>` through ncclient, which must succeed."""
    reply = session.commit()
    assert reply.ok, reply.xml


def call(session, element_xml):
    """An RPC of a YANG module through ncclient; gives the reply as an element."""
    return parse(session.dispatch(parse(element_xml)).xml)
