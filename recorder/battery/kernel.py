"""A battery that the kernel knows, through psutil."""

from recorder.battery.gauge import Reading


class KernelGauge:
    """``/sys/class/power_supply``."""

    def read(self) -> Reading | None:
        import psutil

        state = psutil.sensors_battery()
        if state is None:
            return None
        seconds = state.secsleft
        minutes = seconds / 60 if isinstance(seconds, int) and seconds >= 0 else None
        return Reading(float(state.percent), state.power_plugged, minutes)
