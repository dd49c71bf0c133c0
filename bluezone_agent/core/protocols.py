"""The registry of proximity protocols. One advertises, all are heard."""

from __future__ import annotations

from typing import Final

from bluezone_agent.core.advertising_data import Frame
from bluezone_agent.core.bluezone import Bluezone
from bluezone_agent.core.gaen import Gaen
from bluezone_agent.core.identifiers import Beacon, ProximityProtocol

PROTOCOLS: Final[dict[str, ProximityProtocol]] = {p.name: p for p in (Bluezone(), Gaen())}


def decode(frame: Frame) -> Beacon | None:
    """Read a frame of any registered protocol; None when it is of none.

    Raises MalformedPayloadError when it claims to be of one and is not well formed.
    """
    for protocol in PROTOCOLS.values():
        beacon = protocol.decode(frame)
        if beacon is not None:
            return beacon
    return None
