#!/usr/bin/env python3
"""Compares the XR-compatible modules in yang/ with the facts tables.

Each table in tests/data/facts says, one row a schema node, what the module of
that name looks like in the XR release. This program compiles our modules with
pyang and compares them row by row, in both directions: a row without a node,
a node without a row, and every difference between the two are printed.
Differences on purpose are listed in left-out.txt.

Run it with a Python that has pyang: `python tests/facts/compare.py`.
Exit code 0 when nothing differs, 1 when something does, 2 when a module does
not compile.
"""

import pathlib
import re
import sys

from pyang import context, error, repository, statements

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLES = ROOT / "tests" / "data" / "facts"
MODULES = ROOT / "yang"
LEFT_OUT = pathlib.Path(__file__).resolve().parent / "left-out.txt"

COLUMNS = ("path kind config keys type typedef constraints units default "
           "mandatory must_when status notes").split()
# Where one constraint of a row ends and the next begins. A pattern may hold a
# semicolon and a blank, so the word after them decides.
NEXT_CONSTRAINT = re.compile(
    r"; (?=(?:length|range|pattern|enum|min-elements|max-elements|as RFC)\b)")


class Table:
    """One facts table: its head lines and its rows."""

    def __init__(self, path):
        self.name = path.name.removesuffix(".facts.tsv")
        self.head = {}
        self.rows = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                found = re.match(r"# ([\w-]+): (.*)", line)
                if found:
                    self.head[found[1]] = found[2]
                elif line.startswith("# SUBMODULE"):
                    self.head["belongs-to"] = line.split("belongs-to ")[1].split()[0]
            elif not line.startswith("path\t"):
                cells = line.split("\t")
                cells += [""] * (len(COLUMNS) - len(cells))
                self.rows.append(dict(zip(COLUMNS, cells)))

    @property
    def parent(self):
        """The module that the rows belong to."""
        return self.head.get("belongs-to", self.name)


def load_modules():
    """Compiles every module of yang/. Returns {name: statement}."""
    files = repository.FileRepository(str(MODULES))
    ctx = context.Context(files)
    loaded = {}
    for path in sorted(MODULES.glob("*.yang")):
        text = path.read_text(encoding="utf-8")
        statement = ctx.add_module(str(path), text)
        if statement is not None:
            loaded[statement.arg] = statement
    ctx.validate()
    wrong = [(str(where), error.err_to_str(tag, args))
             for where, tag, args in ctx.errors
             if error.is_error(error.err_level(tag))]
    for where, text in wrong:
        print(f"{where}: {text}")
    if wrong:
        sys.exit(2)
    return loaded


def schema_nodes(loaded):
    """All nodes of all modules. Returns {path: statement}, RFC 7951 style."""
    nodes = {}

    def walk(parent, path, module):
        for child in getattr(parent, "i_children", []):
            if child.keyword in ("input", "output"):
                below, owner = f"{path}/{child.keyword}", module
            else:
                owner = child.i_module.i_modulename
                name = child.arg if owner == module else f"{owner}:{child.arg}"
                below = f"{path}/{name}"
            nodes[below] = child
            walk(child, below, owner)

    for module in loaded.values():
        if module.keyword == "module":
            walk(module, "", None)
    return nodes


def argument(statement, keyword):
    found = statement.search_one(keyword)
    return found.arg if found is not None else ""


def type_chain(type_statement):
    """The type statement and, in order, those of the typedefs behind it."""
    chain = [type_statement]
    while getattr(chain[-1], "i_typedef", None) is not None:
        chain.append(chain[-1].i_typedef.search_one("type"))
    return chain


def typedef_name(type_statement):
    """MODULE:NAME of the typedef that is used, or nothing for a built-in."""
    used = getattr(type_statement, "i_typedef", None)
    return f"{used.i_module.i_modulename}:{used.arg}" if used is not None else ""


def describe_type(holder):
    """Base type and effective constraints of a leaf, leaf-list or typedef."""
    first = holder.search_one("type")
    chain = type_chain(first)
    base = chain[-1].arg.split(":")[-1]
    seen = {"range": "", "length": "", "pattern": [], "enum": []}
    for link in chain:
        for keyword in ("range", "length"):
            seen[keyword] = seen[keyword] or argument(link, keyword).replace(" ", "")
        seen["pattern"] += [p.arg for p in link.search("pattern")]
        if not seen["enum"]:
            seen["enum"] = [(e.arg, e.i_value) for e in link.search("enum")]
    seen["pattern"].sort()
    return base, seen


def read_constraints(row, typedefs):
    """The constraints cell of a row in the form of describe_type."""
    wanted = {"range": "", "length": "", "pattern": [], "enum": [],
              "min-elements": "", "max-elements": "", "as RFC": ""}
    for part in NEXT_CONSTRAINT.split(row["constraints"]):
        if not part:
            continue
        if part.startswith("as RFC"):
            wanted["as RFC"] = part
            continue
        keyword, _, value = part.partition(" ")
        if keyword == "pattern":
            wanted["pattern"].append(value)
        elif keyword == "enum" and value.startswith("("):
            wanted["enum"] = typedefs[value.rsplit(" ", 1)[1]]
        elif keyword == "enum":
            wanted["enum"] = read_enum(value)
        else:
            wanted[keyword] = value
    wanted["pattern"].sort()
    return wanted


def read_enum(value):
    pairs = (item.rsplit("=", 1) for item in value.split(" | "))
    return [(name, int(number)) for name, number in pairs]


def config_word(statement):
    inside = statement
    while inside is not None:
        if inside.keyword in ("rpc", "notification"):
            return "-"
        inside = inside.parent if inside.keyword != "module" else None
    return "rw" if statement.i_config else "ro"


def kind_word(statement):
    if statement.keyword == "container" and statement.search_one("presence"):
        return "presence-container"
    return statement.keyword


def keys_word(statement):
    if statement.keyword != "list":
        return ""
    return " ".join(argument(statement, "key").split()) or "(no key)"


def inherited(statement, keyword):
    """Units and defaults may stand on a typedef instead of the leaf."""
    own = argument(statement, keyword)
    if own:
        return own
    first = statement.search_one("type")
    for link in type_chain(first):
        used = getattr(link, "i_typedef", None)
        if used is not None and argument(used, keyword):
            return argument(used, keyword)
    return ""


def mandatory_word(statement):
    parent = statement.parent
    if parent is not None and statement in getattr(parent, "i_key", []):
        return "key"
    return "true" if argument(statement, "mandatory") == "true" else ""


def names_unit(unit, prose):
    """Whether prose names a unit such as ~0.1dBm, as `0.1 dBm`."""
    number, name = re.fullmatch(r"~([\d.]*)(.+)", unit).groups()
    wanted = rf"(?<![\w.]){re.escape(number)}\s*{re.escape(name)}(?![\w^])"
    return re.search(wanted, prose) is not None


def compare_node(row, statement, typedefs):
    """Yields (what, wanted, found) for each difference of a data node."""
    yield "kind", row["kind"], kind_word(statement)
    if row["kind"] in ("rpc", "input", "output"):
        return
    yield "config", row["config"], config_word(statement)
    yield "keys", row["keys"], keys_word(statement)
    yield "status", row["status"], argument(statement, "status") or "current"
    guarded = bool(statement.search("must") or statement.search("when"))
    yield "must or when", bool(row["must_when"]), guarded
    if row["kind"] not in ("leaf", "leaf-list"):
        return
    base, seen = describe_type(statement)
    wanted = read_constraints(row, typedefs)
    yield "typedef", row["typedef"], typedef_name(statement.search_one("type"))
    yield "type", row["type"], base
    if not wanted["as RFC"]:
        for keyword in ("range", "length", "pattern", "enum"):
            yield keyword, wanted[keyword], seen[keyword]
    for keyword in ("min-elements", "max-elements"):
        yield keyword, wanted[keyword], argument(statement, keyword)
    yield "default", row["default"], inherited(statement, "default")
    yield "mandatory", row["mandatory"], mandatory_word(statement)
    if row["units"].startswith("~"):
        # The release names the unit in prose only, and so do we.
        prose = argument(statement, "description")
        yield "unit in the description", True, names_unit(row["units"], prose)
        yield "units", "", inherited(statement, "units")
    else:
        yield "units", row["units"], inherited(statement, "units")


def compare_typedef(row, statement):
    base, seen = describe_type(statement)
    wanted = read_constraints(row, {})
    yield "kind", row["kind"], statement.keyword
    yield "type", row["type"], base
    for keyword in ("range", "length", "pattern", "enum"):
        yield keyword, wanted[keyword], seen[keyword]
    yield "status", row["status"], argument(statement, "status") or "current"


def compare_head(table, statement):
    yield "revision", table.head["revision"].split()[0], argument(statement, "revision")
    yield "first revision is the newest", argument(statement, "revision"), max(
        r.arg for r in statement.search("revision"))
    if "belongs-to" in table.head:
        yield "belongs-to", table.head["belongs-to"], argument(statement, "belongs-to")
        return
    yield "namespace", table.head["namespace"], argument(statement, "namespace")
    yield "prefix", table.head["prefix"], argument(statement, "prefix")
    yield "yang-version", "1", argument(statement, "yang-version") or "1"


def read_left_out():
    """The lines of left-out.txt: {(path, what): reason}."""
    listed = {}
    for line in LEFT_OUT.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            path, what, reason = line.split("\t")
            listed[(path, what)] = reason
    return listed


def main():
    loaded = load_modules()
    nodes = schema_nodes(loaded)
    typedefs_found = {
        f"{m.arg if m.keyword == 'module' else argument(m, 'belongs-to')}:{t.arg}": t
        for m in loaded.values() for t in m.search("typedef")}
    tables = [Table(path) for path in sorted(TABLES.glob("*.facts.tsv"))]
    long_enums = {
        row["path"]: read_constraints(row, {})["enum"]
        for table in tables for row in table.rows if row["kind"] == "typedef"}

    differences = []
    compared = 0
    named = set()

    def note(path, triples):
        for what, wanted, found in triples:
            if wanted != found:
                differences.append((path, what, wanted, found))

    for table in tables:
        if table.name not in loaded:
            differences.append((table.name, "module", "present", "absent"))
            continue
        note(table.name, compare_head(table, loaded[table.name]))
        for row in table.rows:
            path = row["path"]
            compared += 1
            named.add(path)
            if row["kind"] == "typedef":
                statement = typedefs_found.get(path)
                triples = compare_typedef
                arguments = (row, statement)
            else:
                statement = nodes.get(path)
                triples = compare_node
                arguments = (row, statement, long_enums)
            if statement is None:
                differences.append((path, "missing", "present", "absent"))
            else:
                note(path, triples(*arguments))

    # The other direction: nodes and typedefs of ours that no row names.
    tabled = {table.parent for table in tables}
    used_in_rows = {row["typedef"] for table in tables for row in table.rows}
    for path, statement in nodes.items():
        # pyang gives every rpc an input and an output, even an empty one.
        bare_side = statement.keyword in ("input", "output") and not statement.i_children
        if (statement.i_module.i_modulename in tabled and path not in named
                and not bare_side):
            differences.append((path, "not in the table", "absent", "present"))
    for name in typedefs_found:
        if name.split(":")[0] in tabled and name not in named | used_in_rows:
            differences.append((name, "not in the table", "absent", "present"))

    listed = read_left_out()
    unlisted = [d for d in differences if d[:2] not in listed]
    happened = {d[:2] for d in differences}
    stale = [key for key in listed if key not in happened]
    for path, what, wanted, found in unlisted:
        print(f"{path}: {what}: the table says {wanted!r}, the module {found!r}")
    for path, what in stale:
        print(f"left-out.txt: nothing differs in {path}: {what}")
    if listed:
        print("Deliberately left out:")
        for (path, what), reason in listed.items():
            print(f"  {path} ({what}): {reason}")
    print(f"{compared} rows compared, {len(unlisted)} differ")
    return 1 if unlisted or stale else 0


if __name__ == "__main__":
    sys.exit(main())
