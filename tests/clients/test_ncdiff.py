"""ncdiff: takes all schemas from the agent, computes what leads from one configuration to another, and the agent agrees.

It asks for schemas one by one through ncclient, so scanning takes seconds; it has no word for subscriptions.
"""

import ncdiff
import pytest
from ncclient.operations import RPCError
from ncdiff import manager

from lab.agent import USER
from lab.names import BASE, SLICES
from lab.payloads import payload

MODELS = ["Cisco-IOS-XR-config-mda-cfg", "Cisco-IOS-XR-osa-cfg", "Cisco-IOS-XR-shellutil-cfg"]


@pytest.fixture(scope="module")
def device(shared_agent, tmp_path_factory):
    """A session of ncdiff's with its models loaded."""
    session = manager.connect(
        host="127.0.0.1",
        port=shared_agent.port,
        username=USER,
        key_filename=str(shared_agent.keys.private_file),
        hostkey_verify=False,
        look_for_keys=False,
        allow_agent=False,
    )
    session.scan_models(folder=str(tmp_path_factory.mktemp("models")))
    for model in MODELS:
        session.load_model(model)
    yield session
    session.close_session()


def running(device):
    return device.extract_config(device.get_config(source="running"))


def apply(device, difference):
    device.edit_config(target="candidate", config=difference.nc)
    device.commit()


def config(device, name):
    return ncdiff.Config(device, payload(name).config)


def test_differences_that_ncdiff_computes_lead_there_and_back(device):
    empty = running(device)
    wanted = config(device, "v03")
    assert SLICES in device.models["Cisco-IOS-XR-osa-cfg"].url
    apply(device, wanted - empty)
    first = running(device)
    assert first == wanted
    other = config(device, "v01") + first
    apply(device, other - first)
    assert running(device) == other
    apply(device, first - other)
    assert running(device) == first
    apply(device, empty - first)
    assert running(device) == empty


def test_what_cannot_be_is_refused(device):
    wrong = f'<config xmlns="{BASE}"><active-nodes xmlns="urn:nobody"/></config>'
    with pytest.raises(RPCError, match="urn:nobody"):
        device.edit_config(target="candidate", config=wrong)
