"""A day of napalm's iosxr_netconf driver, run by the Python of its own venv: told in JSON, one line a step."""

import json
import sys

from napalm import get_network_driver
from napalm.base.exceptions import MergeConfigException, ReplaceConfigException

HOST_NAMES = "http://cisco.com/ns/yang/Cisco-IOS-XR-shellutil-cfg"


def named(name):
    return f'<config><host-names xmlns="{HOST_NAMES}"><host-name>{name}</host-name></host-names></config>'


def tell(step, value):
    print(json.dumps([step, value]), flush=True)


def refusal(call, *kinds, **arguments):
    try:
        call(**arguments)
    except kinds as error:
        return str(error)
    return None


def main(port, key, user):
    login = {"port": int(port), "key_file": key, "look_for_keys": False, "allow_agent": False, "hostkey_verify": False}
    device = get_network_driver("iosxr_netconf")("127.0.0.1", user, None, optional_args={**login, "config_encoding": "xml"})
    device.open()
    tell("allowed", device.module_set_ns)
    tell("facts", device.get_facts())
    device.load_merge_candidate(config=named("merged"))
    tell("difference", device.compare_config())
    device.commit_config()
    tell("merged", device.get_facts()["hostname"])
    device.rollback()
    tell("rolled back", device.get_facts()["hostname"])
    device.load_replace_candidate(config=named("replaced"))
    device.commit_config()
    tell("replaced", device.get_config(retrieve="running", format="xml")["running"])
    device.load_merge_candidate(config=named("discarded"))
    device.discard_config()
    tell("discarded", device.get_facts()["hostname"])
    broken = named("x").replace("host-name>", "ghost-name>")
    tell("refused", refusal(device.load_merge_candidate, MergeConfigException, config=broken))
    device.discard_config()
    tell("not asked", refusal(device.load_replace_candidate, ReplaceConfigException, config=broken.replace("-XR-", "-XE-")))
    device.discard_config()
    device.config_encoding = "cli"
    tell("cli", refusal(device.load_merge_candidate, MergeConfigException, config="hostname x"))
    device.discard_config()
    tell("interfaces", device.get_interfaces())
    tell("not there", {"snmp": device.get_snmp_information(), "users": device.get_users(), "bgp": device.get_bgp_neighbors()})
    device.close()


main(*sys.argv[1:])
