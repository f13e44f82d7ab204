"""A day of the C library libnetconf2, called through ctypes in a process of its own: told in JSON, one line a step.

Connecting makes the library ask for yang-library and, by get-schema, for every schema, and refuse what does not fit
together; each reply and notification is parsed strictly in the context that came of it.
"""

import ctypes
import json
import re
import sys

NETCONF, YANG = ctypes.CDLL("libnetconf2.so.2"), ctypes.CDLL("libyang.so.2")
LYD_XML, WITH_SIBLINGS, PARSE_STRICT, NO_STATE = 1, 1, 0x020000, 0x0001
REPLY, NOTIF = 6, 8
RUNNING, CANDIDATE = 3, 5
COPY, MERGE, TEST_SET, ROLLBACK = 2, 1, 1, 3
PATIENCE = 20_000
HOST_NAMES = "http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg"
HOST_KEY_CHECK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p)
PRINT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
COMPLAINTS = []


@HOST_KEY_CHECK
def any_host_key(_host, _session, _private):
    return 0


@PRINT
def complain(_session, level, message):
    if level <= 1:
        COMPLAINTS.append(message.decode())


def pointer(function, *arguments):
    """Calls a function of the library that gives a pointer, and refuses null."""
    function.restype = ctypes.c_void_p
    found = function(*[word.encode() if isinstance(word, str) else word for word in arguments])
    if not found:
        raise RuntimeError(f"{function.__name__}: {COMPLAINTS}")
    return ctypes.c_void_p(found)


def printed(node):
    if not node:
        return ""
    text = ctypes.c_char_p()
    assert YANG.lyd_print_mem(ctypes.byref(text), node, LYD_XML, WITH_SIBLINGS) == 0, COMPLAINTS
    return text.value.decode()


def take(receive, wanted):
    """Envelope and content of the next message of the wanted type, as text; notifications on the way to a reply are passed."""
    envelope, content = ctypes.c_void_p(), ctypes.c_void_p()
    while (kind := receive(ctypes.byref(envelope), ctypes.byref(content))) == NOTIF != wanted:
        pass
    assert kind == wanted, (kind, COMPLAINTS)
    return printed(envelope), printed(content)


class Session:
    def __init__(self, port, key, user):
        NETCONF.nc_client_init()
        NETCONF.nc_set_print_clb_session(complain)
        NETCONF.nc_client_ssh_set_auth_hostkey_check_clb(any_host_key, None)
        NETCONF.nc_client_ssh_set_username(user.encode())
        assert NETCONF.nc_client_ssh_add_keypair(f"{key}.pub".encode(), key.encode()) == 0
        for method, preference in ((1, 1), (2, -1), (4, -1)):  # public key, password, keyboard-interactive
            NETCONF.nc_client_ssh_set_auth_pref(method, ctypes.c_int16(preference))
        self.session = pointer(NETCONF.nc_connect_ssh, "127.0.0.1", ctypes.c_uint16(int(port)), None)
        self.context = pointer(NETCONF.nc_session_get_ctx, self.session)

    def ask(self, rpc, *arguments):
        """Envelope and content of the reply to an RPC that `rpc` makes."""
        question = pointer(rpc, *arguments)
        number = ctypes.c_uint64()
        sent = NETCONF.nc_send_rpc(self.session, question, PATIENCE, ctypes.byref(number))
        assert sent == 5, (sent, COMPLAINTS)
        return take(lambda *out: NETCONF.nc_recv_reply(self.session, question, number, PATIENCE, *out), REPLY)

    def call(self, xml):
        """The same for an RPC of a YANG module."""
        return self.ask(NETCONF.nc_rpc_act_generic_xml, xml, COPY)

    def notification(self):
        """The next notification's content."""
        return take(lambda *out: NETCONF.nc_recv_notif(self.session, PATIENCE, *out), NOTIF)[1]

    def faults_of(self, reply, validation=0):
        """What the context has against the `<data>` of a reply."""
        data = re.search(r"<data[^>]*>(.*)</data>", reply, re.DOTALL)[1]
        tree = ctypes.c_void_p()
        YANG.lyd_parse_data_mem(self.context, data.encode(), LYD_XML, PARSE_STRICT, validation, ctypes.byref(tree))
        return COMPLAINTS[:], len(data)

    def modules(self):
        """Names of the implemented modules in the context."""
        names, at = [], ctypes.c_uint32(0)
        YANG.ly_ctx_get_module_iter.restype = ctypes.c_void_p
        while module := YANG.ly_ctx_get_module_iter(self.context, ctypes.byref(at)):
            # struct lys_module begins with the context and the name.
            names.append(ctypes.cast(module, ctypes.POINTER(ctypes.c_char_p))[1].decode())
        return names


def tell(step, value):
    print(json.dumps([step, value]), flush=True)


def named(name):
    return f'<host-names xmlns="{HOST_NAMES}"><host-name>{name}</host-name></host-names>'


def edit(session, content):
    return session.ask(NETCONF.nc_rpc_edit, CANDIDATE, MERGE, TEST_SET, ROLLBACK, content, COPY)[0]


def commit(session):
    return session.ask(NETCONF.nc_rpc_commit, 0, 0, None, None, COPY)[0]


def main(port, key, user):
    session = Session(port, key, user)
    tell("modules", session.modules())
    tell("connected", COMPLAINTS[:])
    tell("get", session.faults_of(session.ask(NETCONF.nc_rpc_get, None, 0, COPY)[1]))
    tell("lock", session.ask(NETCONF.nc_rpc_lock, CANDIDATE)[0])
    tell("edit", edit(session, named("by-libnetconf2")))
    tell("validate", session.ask(NETCONF.nc_rpc_validate, CANDIDATE, None, COPY)[0])
    tell("commit", commit(session))
    tell("unlock", session.ask(NETCONF.nc_rpc_unlock, CANDIDATE)[0])
    running = session.ask(NETCONF.nc_rpc_getconfig, RUNNING, None, 0, COPY)[1]
    tell("get-config", [*session.faults_of(running, NO_STATE), "by-libnetconf2" in running])
    asked = ("ietf-datastores:operational", None, None, None, 0, 0, ctypes.c_uint16(0), 1, 0, COPY)
    tell("get-data", session.faults_of(session.ask(NETCONF.nc_rpc_getdata, *asked)[1]))
    tell("get-schema", session.ask(NETCONF.nc_rpc_getschema, "Cisco-IOS-XR-osa-cfg", None, "yang", COPY)[1])
    tell("subscribe", session.ask(NETCONF.nc_rpc_subscribe, None, None, None, None, COPY)[0])
    edit(session, named("again"))
    commit(session)
    tell("told", session.notification())
    rpc = "http://cisco.com/ns/yang/Cisco-IOS-XR-cfgmgr-rollback-act"
    rpc = f'<roll-back-configuration-last xmlns="{rpc}"><count>1</count></roll-back-configuration-last>'
    tell("roll back", session.call(rpc)[0])
    tell("rolled back", session.ask(NETCONF.nc_rpc_getconfig, RUNNING, None, 0, COPY)[1])
    tell("refused", session.ask(NETCONF.nc_rpc_unlock, CANDIDATE)[0])
    tell("complaints", COMPLAINTS)
    NETCONF.nc_session_free(session.session, None)


main(*sys.argv[1:])
