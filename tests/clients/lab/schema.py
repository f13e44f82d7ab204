"""The agent's schema as a client knows it: the modules of the hello, by get-schema, compiled by pyang."""

import urllib.parse

from lxml import etree
from pyang import context, error, repository

from lab.documents import data_of, find_all, parse, text_at
from lab.names import BASE, MONITORING


def modules_in(capabilities):
    """The YANG modules among capabilities: name -> (namespace, revision or None)."""
    modules = {}
    for capability in capabilities:
        namespace, _, query = str(capability).partition("?")
        said = urllib.parse.parse_qs(query)
        if "module" in said:
            assert said["module"][0] not in modules, f"{said['module'][0]} is there twice"
            modules[said["module"][0]] = (namespace, said.get("revision", [None])[0])
    return modules


def fetch(session, identifier, version=None):
    """The text of a module or submodule, by ncclient."""
    reply = session.get_schema(identifier, version=version, format="yang")
    assert reply.ok, f"get-schema of {identifier}: {reply.error}"
    return parse(reply.xml).findtext("{*}data")


def listed_schemas(session):
    """Modules and submodules in ietf-netconf-monitoring."""
    filter_ = f'<netconf-state xmlns="{MONITORING}"><schemas/></netconf-state>'
    state = data_of(session.get(filter=("subtree", filter_)).xml)
    return {text_at(entry, "identifier") for entry in find_all(state, "netconf-state/schemas/schema")}


class Schema:
    """What documents for this agent may hold."""

    def __init__(self, session):
        texts = {
            name: fetch(session, name, revision)
            for name, (_, revision) in modules_in(session.server_capabilities).items()
        }
        texts |= {name: fetch(session, name) for name in listed_schemas(session) - texts.keys()}
        self.texts = texts
        self._context = context.Context(repository.FileRepository("", use_env=False, no_path_recurse=True))
        modules = {name: self._context.add_module(f"{name}.yang", text) for name, text in texts.items()}
        self._context.validate()
        self.errors = [
            f"{position.ref}:{position.line}: {error.err_to_str(tag, arguments)}"
            for position, tag, arguments in self._context.errors
            if error.is_error(error.err_level(tag))
        ]
        self._top = {}
        self._rpcs = {}
        for module in modules.values():
            for child in getattr(module, "i_children", []):
                table = self._rpcs if child.keyword == "rpc" else self._top
                table[self._name(child)] = child

    @staticmethod
    def _name(node):
        module = node.i_module
        if module.keyword == "submodule":
            module = module.i_ctx.get_module(module.search_one("belongs-to").arg)
        return f"{{{module.search_one('namespace').arg}}}{node.arg}"

    @classmethod
    def _children(cls, node):
        children = {}
        for child in node.i_children:
            if child.keyword in ("choice", "case"):
                children |= cls._children(child)
            else:
                children[cls._name(child)] = child
        return children

    def faults_of(self, data):
        """What this schema has against a `<data>` or `<config>` element, in words."""
        faults = []
        for element in data:
            self._check(element, self._top.get(element.tag), faults)
        return faults

    def faults_of_output(self, rpc_tag, reply):
        """What the output of an RPC has against the children of an `<rpc-reply>`."""
        output = next(child for child in self._rpcs[rpc_tag].i_children if child.keyword == "output")
        faults = []
        for element in reply:
            self._check(element, self._children(output).get(element.tag), faults)
        return faults

    def rpc_of(self, tag):
        """The definition of an RPC, or None."""
        return self._rpcs.get(tag)

    def _check(self, element, node, faults):
        if not isinstance(element.tag, str):
            return
        if node is None:
            faults.append(f"{element.getroottree().getpath(element)}: no schema node {etree.QName(element).localname}")
        elif node.keyword in ("leaf", "leaf-list"):
            self._check_value(element, node, faults)
        else:
            children = self._children(node)
            for child in element:
                self._check(child, children.get(child.tag), faults)

    def _check_value(self, element, node, faults):
        text = (element.text or "").strip()
        if len(element):
            faults.append(f"leaf {node.arg} has children")
            return
        kind = node.search_one("type")
        while kind.arg == "leafref":
            kind = node.i_leafref_ptr[0].search_one("type")
        specification = kind.i_type_spec
        if specification.name in ("empty", "identityref", "instance-identifier", "bits", "binary"):
            return
        problems = []
        value = specification.str_to_val(problems, node.pos, text, node.i_module)
        if value is None or not specification.validate(problems, node.pos, value, node.i_module):
            faults.append(f"leaf {node.arg}: {text!r} is not of its type")


def is_netconf(tag):
    """The element belongs to NETCONF itself."""
    return etree.QName(tag).namespace == BASE
