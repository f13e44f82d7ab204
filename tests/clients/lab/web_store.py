"""An https server that keeps documents in memory, with a certificate of a CA of its own: what `:url` talks to."""

import datetime
import http.server
import ipaddress
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_FROM = datetime.datetime(2020, 1, 1)
VALID_TO = datetime.datetime(2120, 1, 1)


def _certificate(subject, key, issuer, issuer_key, *extensions):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    issuer = issuer or name
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(VALID_FROM).not_valid_after(VALID_TO)
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    return builder.sign(issuer_key, hashes.SHA256())


class _Exchange(http.server.BaseHTTPRequestHandler):
    def _answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _special(self):
        if self.path.startswith("/moved/"):
            self._answer(302, b"gone elsewhere", Location="/" + self.path.removeprefix("/moved/"))
            return True
        if self.path.startswith("/forbidden/"):
            self._answer(403)
            return True
        return False

    def do_GET(self):
        if self._special():
            return
        document = self.server.documents.get(self.path)
        self._answer(*((404,) if document is None else (200, document)))

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._special():
            return
        self.server.documents[self.path] = body
        self._answer(201)

    def do_DELETE(self):
        if self._special():
            return
        self._answer(204 if self.server.documents.pop(self.path, None) is not None else 404)

    def log_message(self, *_):
        pass


class WebStore:
    """`documents` maps paths to bytes; below `/moved/` everything is redirected, below `/forbidden/` refused."""

    def __init__(self, folder, host="127.0.0.1"):
        ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        ca = _certificate(
            "Store CA", ca_key, None, ca_key, (x509.BasicConstraints(ca=True, path_length=0), True)
        )
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
        leaf = _certificate("store", key, ca.subject, ca_key, (names, False))
        self.ca_file, chain = folder / "store-ca.pem", folder / "store.pem"
        self.ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain.write_bytes(leaf.public_bytes(serialization.Encoding.PEM) + secret)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Exchange)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.documents = self._server.documents = {}
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def url(self, path):
        """The URL of a path, `https://127.0.0.1:41233/backup.xml`."""
        return f"https://127.0.0.1:{self._server.server_port}{path}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
