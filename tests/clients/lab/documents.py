"""XML as the tests read it: parsing, local paths, rpc-errors, sets of paths."""

from lxml import etree

from lab.names import BASE


def parse(text):
    """An element from text, bytes, or an element of whichever client; no DTDs, huge texts allowed."""
    if isinstance(text, etree._Element):
        return text
    if isinstance(text, str):
        text = text.encode()
    return etree.fromstring(text, etree.XMLParser(resolve_entities=False, huge_tree=True, remove_comments=True))


def local(element):
    """Name without its namespace."""
    return etree.QName(element).localname


def find_all(element, path):
    """Elements at a path of local names, whatever their namespaces: `state/state-info/usage`."""
    found = [element]
    for name in path.split("/"):
        found = [child for parent in found for child in parent if isinstance(child.tag, str) and local(child) == name]
    return found


def find(element, path):
    """The first element at a path of local names, or None."""
    found = find_all(element, path)
    return found[0] if found else None


def text_at(element, path):
    """Text of the first element at a path of local names, or None where there is none."""
    found = find(element, path)
    return None if found is None else (found.text or "").strip()


def data_of(reply):
    """The `<data>` of a reply, refusing rpc-errors and replies without one."""
    reply = parse(reply)
    errors = errors_of(reply)
    assert not errors, "\n".join(map(str, errors))
    for element in reply.iter("{*}data"):
        return element
    raise AssertionError(f"no <data> in {etree.tostring(reply, pretty_print=True).decode()}")


def is_ok(reply):
    """The reply is exactly `<ok/>`."""
    children = [child for child in parse(reply) if isinstance(child.tag, str)]
    return [child.tag for child in children] == [f"{{{BASE}}}ok"]


class Refusal:
    """One `<rpc-error>`."""

    def __init__(self, element):
        self.type = text_at(element, "error-type")
        self.tag = text_at(element, "error-tag")
        self.severity = text_at(element, "error-severity")
        self.app_tag = text_at(element, "error-app-tag")
        self.path = text_at(element, "error-path")
        self.message = text_at(element, "error-message")
        path = find(element, "error-path")
        self.path_namespaces = {} if path is None else dict(path.nsmap)
        info = find(element, "error-info")
        self.info = {} if info is None else {local(child): (child.text or "").strip() for child in info}

    def __str__(self):
        return f"{self.type}/{self.tag}/{self.app_tag}: {self.message} (at {self.path}, {self.info})"


def errors_of(reply):
    """The refusals in a reply."""
    return [Refusal(element) for element in parse(reply) if element.tag == f"{{{BASE}}}rpc-error"]


def only_error(reply):
    """The refusal that the reply consists of."""
    errors = errors_of(reply)
    assert len(errors) == 1, f"one rpc-error was due: {etree.tostring(parse(reply)).decode()}"
    assert errors[0].severity == "error" and errors[0].type and errors[0].tag, str(errors[0])
    return errors[0]


def paths_of(element, prefix=()):
    """Every path below an element as tuples of names with namespaces, the element itself not counted."""
    paths = set()
    for child in element:
        if isinstance(child.tag, str):
            path = (*prefix, child.tag)
            paths.add(path)
            paths |= paths_of(child, path)
    return paths


def leaves_of(element, prefix=()):
    """Every leaf below an element as (path, text)."""
    leaves = set()
    for child in element:
        if isinstance(child.tag, str):
            path = (*prefix, child.tag)
            leaves |= leaves_of(child, path) if len(child) else {(path, (child.text or "").strip())}
    return leaves


def short(path):
    """A path of `paths_of` for messages."""
    return "/".join(etree.QName(name).localname for name in path)
