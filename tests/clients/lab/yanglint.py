"""yanglint of Debian: the judgement of another schema library, on a context made of what the agent itself serves."""

import pathlib
import shutil
import subprocess

import pytest
from lxml import etree

from lab.documents import data_of, find_all, parse, text_at
from lab.names import MONITORING
from lab.waiting import PATIENCE

LIBRARY = "urn:ietf:params:xml:ns:yang:ietf-yang-library"


class Yanglint:
    """Every schema that get-schema gives, in a folder, and the yang-library that says which of them are implemented."""

    def __init__(self, folder, agent):
        if not shutil.which("yanglint"):
            pytest.skip("there is no yanglint: make clients installs it where the distribution has it")
        self._folder = pathlib.Path(folder)
        self._schemas = self._folder / "schemas"
        self._schemas.mkdir()
        with agent.by_hand() as session:
            state = _get(session, f'<netconf-state xmlns="{MONITORING}"><schemas/></netconf-state>')
            for entry in find_all(state, "netconf-state/schemas/schema"):
                name, version = text_at(entry, "identifier"), text_at(entry, "version")
                if text_at(entry, "format").endswith("yang"):
                    asked = f"<identifier>{name}</identifier><version>{version}</version>"
                    reply = session.rpc(f'<get-schema xmlns="{MONITORING}">{asked}</get-schema>')
                    file = self._schemas / (f"{name}@{version}.yang" if version else f"{name}.yang")
                    file.write_text(data_of(reply).text)
            self._library = self._folder / "yang-library.xml"
            self._write(
                self._library, _get(session, f'<yang-library xmlns="{LIBRARY}"/><modules-state xmlns="{LIBRARY}"/>')
            )

    @staticmethod
    def _write(file, parent):
        """The children of an element as a file of yanglint's: several roots."""
        file.write_text("".join(etree.tostring(child, encoding="unicode") for child in parent))
        return file

    def faults_of_data(self, reply, kind):
        """What it has against the `<data>` of a reply: `data` for state and configuration, `config` for the latter."""
        data = self._write(self._folder / "data.xml", data_of(reply))
        return self._run("-t", kind, data)

    def faults_of_reply(self, rpc, reply, everything):
        """What it has against a whole `<rpc-reply>` of this `<rpc>`, where the reply to a `<get>` shows what it is about."""
        operational = self._write(self._folder / "operational.xml", data_of(everything))
        question, answer = self._folder / "rpc.xml", self._folder / "reply.xml"
        question.write_text(rpc)
        answer.write_text(etree.tostring(parse(reply), encoding="unicode"))
        return self._run("-t", "nc-reply", "-R", question, "-O", operational, answer)

    def faults_of_notification(self, notification, everything):
        """What it has against a whole `<notification>`, where the reply to a `<get>` shows what it speaks of."""
        operational = self._write(self._folder / "operational.xml", data_of(everything))
        file = self._folder / "notification.xml"
        file.write_text(etree.tostring(parse(notification), encoding="unicode"))
        return self._run("-t", "nc-notif", "-O", operational, file)

    def _run(self, *arguments):
        done = subprocess.run(
            ["yanglint", "-Y", self._library, "-p", self._schemas, *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        faults = done.stdout + done.stderr
        assert done.returncode == 0 or faults, done
        return faults


def _get(session, filter_):
    return data_of(session.rpc(f'<get><filter type="subtree">{filter_}</filter></get>'))
