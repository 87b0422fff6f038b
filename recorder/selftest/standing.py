"""What of the self-test the daemon knows at any time, from what it has measured already."""

from typing import TYPE_CHECKING

from recorder.battery.forecast import Power
from recorder.battery.watch import NoAnswer
from recorder.selftest.report import Device

if TYPE_CHECKING:
    from recorder.app import App


def of(app: "App") -> Device:
    """On the loop; nothing is asked of any part."""
    vitals, slow = app.vitals, app.fitness.measured_last
    power = slow.power if slow else None
    broken = {each.code: str(each) for each in app.broken}
    broken |= {each["code"]: each["text"] for each in app.panel.listed()}
    return Device(
        luma=vitals.brightness if vitals else None, contrast=vitals.contrast if vitals else None,
        power=power if isinstance(power, Power) else None,
        power_problem=power.why if isinstance(power, NoAnswer) else "",
        celsius=slow.celsius if slow else None, free_bytes=slow.free_bytes if slow else None,
        clock=app.clock.state(), key_kind=app.key_kind, custodians=app.custodians, broken=broken,
    )  # fmt: skip
