"""One SSH connection by paramiko, its NETCONF channels byte by byte: for clients that misbehave."""

import socket
import struct

import paramiko

from lab.agent import USER
from lab.waiting import PATIENCE

HELLO = (
    '<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>'
    "urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>]]>]]>"
).encode()


def rpc(operation, message_id=1):
    """A request as text."""
    return f'<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="{message_id}">{operation}</rpc>'


def chunk(message):
    """A message in one chunk."""
    data = message if isinstance(message, bytes) else message.encode()
    return b"\n#%d\n%s\n##\n" % (len(data), data)


class Connection:
    """A TCP connection with SSH over it, logged in."""

    def __init__(self, agent):
        self.socket = socket.create_connection(("127.0.0.1", agent.port), PATIENCE)
        self.transport = paramiko.Transport(self.socket)
        key = paramiko.Ed25519Key.from_private_key_file(str(agent.keys.private_file))
        self.transport.connect(username=USER, pkey=key)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.transport.close()

    def channel(self, hello=HELLO):
        """A session after both hellos."""
        return Channel(self.transport, hello)

    def reset(self):
        """Ends TCP with a reset, without a word of SSH."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.active = False
        self.socket.shutdown(socket.SHUT_RD)
        self.transport.join(PATIENCE)
        self.socket.close()


class Channel:
    """One session."""

    def __init__(self, transport, hello):
        self.raw = transport.open_session()
        self.raw.settimeout(PATIENCE)
        self.raw.invoke_subsystem("netconf")
        self._bytes = b""
        self.hello = self.until(b"]]>]]>").decode()
        self.session_id = int(self.hello.split("<session-id>")[1].split("<")[0])
        if hello:
            self.raw.sendall(hello)

    def until(self, mark):
        """What comes up to a mark; nothing when the channel ends before it."""
        while mark not in self._bytes:
            data = self.raw.recv(65536)
            if not data:
                return None
            self._bytes += data
        message, self._bytes = self._bytes.split(mark, 1)
        return message

    def send(self, data):
        """Bytes as they are."""
        self.raw.sendall(data)

    def reply(self):
        """The next message with its chunk sizes."""
        return self.until(b"\n##\n").decode()

    def ask(self, operation, message_id=1):
        """A request and its reply."""
        self.send(chunk(rpc(operation, message_id)))
        return self.reply()

    def end(self):
        """The agent ends the session; what it says about it on standard error."""
        while self.raw.recv(65536):
            pass
        said = b""
        while data := self.raw.recv_stderr(65536):
            said += data
        return said.decode()
