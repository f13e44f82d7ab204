"""Fills a folder with several hundred real YANG modules, for tests and benchmarks of `--yang-dir`.

    python benches/yang/many_modules.py FOLDER

They are those that two packages of the venv bring along: the IANA and IETF modules of pyang, and what ncdiff tests itself
with, which is much of IOS XE, OpenConfig, and MIBs. A module in both is taken as ncdiff has it, since its neighbours were
made for that revision.
"""

import pathlib
import shutil
import sys

import ncdiff

OF_PYANG = pathlib.Path(sys.prefix) / "share/yang/modules"
OF_NCDIFF = pathlib.Path(ncdiff.__file__).parent / "tests/yang"
FAULTY = {
    "cisco-smart-license": "includes a submodule that is not there",
    "jon": "a leaf-list with a default, in YANG 1",
    "cisco-bridge-domain": "a leafref whose target is nowhere",
    "Cisco-IOS-XE-tunnel": "a feature that its revision of ios-features lacks",
    "Cisco-IOS-XE-crypto": "imports Cisco-IOS-XE-tunnel",
    "Cisco-IOS-XE-rsvp": "imports Cisco-IOS-XE-crypto",
    "Cisco-IOS-XE-mpls": "an expression with one parenthesis too many",
    "cisco-xe-ietf-yang-push-ext": "augments a draft of ietf-subscribed-notifications, where Ponder has the RFC's",
    "cisco-xe-ietf-yang-push-deviation": "imports cisco-xe-ietf-yang-push-ext",
}
"""Modules of ncdiff's that cannot be served, and why; they are left out."""
EXTENSIONS = """module {0} {{
  namespace "http://cisco.com/ns/yang/{0}";
  prefix s;
  extension module-version {{ argument v; }}
  extension revision-version {{ argument v; }}
  extension os-version {{ argument v; }}
}}
"""
"""Two modules that others of ncdiff's import and that are not there."""


def fill(folder):
    """Puts them there; gives how many."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for file in [*OF_PYANG.rglob("*.yang"), *OF_NCDIFF.glob("*.yang")]:
        if file.stem not in FAULTY:
            shutil.copy(file, folder)
    for name in ("cisco-semver", "cisco-semver-internal"):
        (folder / f"{name}.yang").write_text(EXTENSIONS.format(name))
    return len(list(folder.iterdir()))


if __name__ == "__main__":
    print(fill(sys.argv[1]), "modules")
