"""A controller on USB: with the kernel's driver, then taken from it by ``hci:usb:0``, then unplugged."""

from __future__ import annotations

from typing import Any, Final

from bluezone_agent.clocks.system import SystemClock
from bluezone_agent.radios.hci.radio import HciRadio
from bluezone_agent.radios.kernel.radio import KernelRadio
from tests.lab.contract import failures
from tests.lab.guest import Guest
from tests.lab.scenarios.hci_losses import unplugged_while_listening

A_WHILE_S: Final = 10.0


async def play(guest: Guest) -> dict[str, Any]:
    """Return each rule's failure with the USB controller as sender, and what its radio said when it was unplugged."""
    clock = SystemClock()
    await guest.start()
    await guest.start_broker()
    kernel = await failures(guest, lambda number: KernelRadio(f"hci{number}", clock), A_WHILE_S)
    await guest.stop_broker()
    await guest.stop_bluetoothd()
    hci = await failures(guest, lambda number: HciRadio("usb:0" if number == 0 else "1", clock), A_WHILE_S)
    unplugged = await unplugged_while_listening(HciRadio("usb:0", clock), (guest.out / "unplug").touch)
    return {"kernel": kernel, "hci": hci, "unplugged": unplugged}
