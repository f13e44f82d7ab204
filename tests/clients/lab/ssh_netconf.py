"""NETCONF by hand: the ssh command with its subsystem, both framings written and read byte by byte."""

import contextlib
import re
import subprocess
import threading
import time

from lab.documents import parse
from lab.names import BASE, BASE_1_0, BASE_1_1
from lab.waiting import PATIENCE

END_OF_MESSAGE = b"]]>]]>"
_CHUNK = re.compile(rb"\n#(?:([1-9][0-9]{0,9})|(#))\n")


def ssh_command(address, user, key, *options):
    """The ssh command that reaches a server without reading or writing anything of this machine's user."""
    host, port = address.rsplit(":", 1)
    command = [
        "ssh",
        "-F",
        "none",
        "-p",
        port,
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "GlobalKnownHostsFile=/dev/null",
    ]
    command += ["-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR", "-o", "IdentityAgent=none"]
    command += ["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-i", str(key)]
    return [*command, *options, f"{user}@{host}"]


class SshNetconf:
    """One `ssh -s … netconf`. `versions` are the base versions that its hello names; both hellos settle the framing.

    After `pause` nothing is read until `resume`, so the server meets a client that has stopped reading.
    """

    def __init__(self, address, user, key, versions=(BASE_1_0, BASE_1_1), hello=True):
        self._process = subprocess.Popen(
            [*ssh_command(address, user, key, "-s"), "netconf"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._buffer = bytearray()
        self._ended = False
        self._changed = threading.Condition()
        self._reading = threading.Event()
        self._reading.set()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._next_id = 0
        self.chunked = False
        self.hello = None
        if hello:
            self.hello = parse(self.read_marked())
            self.send_hello(versions)

    # Bytes.

    def _read(self):
        while self._reading.wait():
            block = self._process.stdout.read(65536)
            with self._changed:
                self._ended = not block
                self._buffer += block or b""
                self._changed.notify_all()
            if not block:
                return

    def pause(self):
        """Reads no further (at most what is being read just now)."""
        self._reading.clear()

    def resume(self):
        """Reads again."""
        self._reading.set()

    def write(self, data):
        """Sends bytes as they are."""
        self._process.stdin.write(data)

    def _take(self, match, seconds):
        """Waits until `match(buffer)` gives (value, length) and takes that much away."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                found = match(self._buffer)
                if found:
                    value, length = found
                    del self._buffer[:length]
                    return value
                if self._ended:
                    raise EOFError(f"the server closed after {bytes(self._buffer)!r}; ssh says: {self._ssh_words()}")
                left = deadline - time.monotonic()
                assert left > 0, f"no whole message in {seconds:g} s, but {bytes(self._buffer[-300:])!r}"
                self._changed.wait(left)

    def _ssh_words(self):
        self._process.wait(PATIENCE)
        return self._process.stderr.read().decode(errors="replace").strip()

    # Messages.

    def read_marked(self, seconds=PATIENCE):
        """One message that ends with `]]>]]>`."""

        def match(buffer):
            end = buffer.find(END_OF_MESSAGE)
            return end >= 0 and (bytes(buffer[:end]), end + len(END_OF_MESSAGE))

        return self._take(match, seconds)

    def read_chunked(self, seconds=PATIENCE):
        """One chunked message (RFC 6242 section 4.2), its framing checked to the letter."""

        def match(buffer):
            at, chunks = 0, []
            while True:
                header = _CHUNK.match(buffer, at)
                if header is None:
                    started = bytes(buffer[at : at + 13])
                    whole_header = len(started) >= 13 or b"\n" in started[1:]
                    assert not whole_header, f"no chunk header: {started!r}"
                    return None
                at = header.end()
                if header[2]:
                    return b"".join(chunks), at
                size = int(header[1])
                if len(buffer) < at + size:
                    return None
                chunks.append(bytes(buffer[at : at + size]))
                at += size

        return self._take(match, seconds)

    def read(self, seconds=PATIENCE):
        """One message in the framing of this session, as bytes."""
        return (self.read_chunked if self.chunked else self.read_marked)(seconds)

    def send(self, text, chunk_sizes=None):
        """One message in the framing of this session, cut into chunks of these sizes, the last repeating."""
        data = text if isinstance(text, bytes) else text.encode()
        if not self.chunked:
            self.write(data + END_OF_MESSAGE)
            return
        sizes = iter(chunk_sizes or (len(data),))
        at, size, framed = 0, None, []
        while at < len(data):
            size = next(sizes, size)
            chunk = data[at : at + size]
            framed.append(b"\n#%d\n%s" % (len(chunk), chunk))
            at += size
        self.write(b"".join(framed) + b"\n##\n")

    def send_hello(self, versions):
        """Says hello and settles the framing."""
        capabilities = "".join(f"<capability>{version}</capability>" for version in versions)
        self.write(
            f'<?xml version="1.0" encoding="UTF-8"?><hello xmlns="{BASE}">'
            f"<capabilities>{capabilities}</capabilities></hello>".encode()
            + END_OF_MESSAGE
        )
        self.chunked = BASE_1_1 in versions and BASE_1_1 in self.capabilities()

    def capabilities(self):
        """What the server's hello says."""
        return [(element.text or "").strip() for element in self.hello.iter(f"{{{BASE}}}capability")]

    def session_id(self):
        """The number of this session."""
        return int(self.hello.findtext(f"{{{BASE}}}session-id"))

    def ask(self, document, seconds=PATIENCE, chunk_sizes=None):
        """Sends a whole `<rpc>` document as it is and gives the parsed reply."""
        self.send(document, chunk_sizes)
        return parse(self.read(seconds))

    def rpc(self, operation, seconds=PATIENCE):
        """Wraps an operation in `<rpc>`, checks the reply's message-id, and gives the parsed reply."""
        self._next_id += 1
        reply = self.ask(f'<rpc xmlns="{BASE}" message-id="{self._next_id}">{operation}</rpc>', seconds)
        assert reply.tag == f"{{{BASE}}}rpc-reply" and reply.get("message-id") == str(self._next_id), reply.attrib
        return reply

    # Endings.

    def wait_for_end(self, seconds=PATIENCE):
        """Waits until the server closes, and gives ssh's exit status."""
        self.resume()
        status = self._process.wait(seconds)
        self._reader.join(seconds)
        return status

    def has_ended(self):
        """The server has closed."""
        return self._process.poll() is not None

    def vanish(self):
        """Goes away as a crashed client does: no close-session, no SSH goodbye."""
        self._process.kill()
        self._process.wait(PATIENCE)
        self.resume()

    def close(self):
        """Ends politely where that is still possible."""
        if self._process.poll() is None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        self.vanish()
        self._reader.join(PATIENCE)
        self._process.stdout.close()
        self._process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
