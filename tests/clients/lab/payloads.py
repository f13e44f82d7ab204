"""The payload collection: its manifest, its documents, and what to look for in them."""

import csv
import dataclasses
import pathlib

from lxml import etree

from lab.documents import parse
from lab.names import BASE
from lab.process import ROOT

FOLDER = ROOT / "tests/data/payloads"
CHASSIS = ROOT / "tests/data/chassis"


@dataclasses.dataclass(frozen=True)
class Payload:
    """One line of the manifest."""

    file: str
    mode: str
    expected: str
    tag: str
    note: str

    @property
    def folder(self):
        """`valid`, `invalid` or `runtime`."""
        return self.file.split("/")[0]

    @property
    def name(self):
        """The file's name without folder and suffix."""
        return pathlib.PurePath(self.file).stem

    @property
    def is_unified_model(self):
        """It needs the unified models, which are for later."""
        return "-um-" in self.name

    @property
    def text(self):
        """The document as it is."""
        return (FOLDER / self.file).read_text()

    @property
    def document(self):
        """The document as an element."""
        return parse(self.text)

    @property
    def config(self):
        """The `<config>` of an edit, as text."""
        return etree.tostring(self.document.find(f"{{{BASE}}}edit-config/{{{BASE}}}config")).decode()


def manifest(folder=None):
    """The manifest's payloads, or those of one folder."""
    with (FOLDER / "MANIFEST.tsv").open() as file:
        lines = (line for line in file if not line.startswith("#"))
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        found = [Payload(r["file"], r["mode"], r["expected"], r["expected error-tag"], r["note"]) for r in rows]
    return [payload for payload in found if folder in (None, payload.folder)]


def payload(name):
    """The payload whose name starts so: `payload("v01")`."""
    return next(found for found in manifest() if found.name.split("-")[0] == name)
