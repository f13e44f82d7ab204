"""Namespaces and capability names that the tests speak of."""

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
BASE_1_0 = "urn:ietf:params:netconf:base:1.0"
BASE_1_1 = "urn:ietf:params:netconf:base:1.1"
CAPABILITY = "urn:ietf:params:netconf:capability:"


def xr(module):
    """Namespace of an IOS XR module by what stands after `Cisco-IOS-XR-`."""
    return f"http://cisco.com/ns/yang/Cisco-IOS-XR-{module}"


LICENCE = xr("infra-smartlicense-oper")
LICENCE_ACTIONS = xr("smart-license-act")
LICENCE_PLATFORM = xr("smart-license-platform-oper")
LICENCE_STATE = "urn:ponder:yang:ponder-licence-state"
SIMULATOR = "urn:ponder:yang:ponder-simulator"
OPTICS = xr("controller-optics-cfg")
OPTICS_STATE = xr("controller-optics-oper")
INTERFACES = xr("ifmgr-cfg")
NODES = xr("config-mda-cfg")
SLICES = xr("osa-cfg")
SLICE_STATE = xr("osa-oper")
CALL_HOME = xr("call-home-cfg")
INVENTORY = xr("invmgr-oper")
HOST_NAMES = xr("shellutil-cfg")
SCHEMA_OF_ERRORS = "Cisco-IOS-XR-smart-license-errors"
