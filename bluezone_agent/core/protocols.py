"""The registry of proximity protocols. One advertises, all are heard."""

from __future__ import annotations

from typing import Final

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.bluezone import Bluezone
from bluezone_agent.core.gaen import Gaen
from bluezone_agent.core.identifiers import ObservedIdentifier, ProximityProtocol

PROTOCOLS: Final[dict[str, ProximityProtocol]] = {p.name: p for p in (Bluezone(), Gaen())}


def decode(advertising_data: AdvertisingData) -> ObservedIdentifier | None:
    """Read a frame of any registered protocol; None when it is of none.

    Raises MalformedPayloadError when it claims to be of one and is not well formed.
    """
    for protocol in PROTOCOLS.values():
        observed = protocol.decode(advertising_data)
        if observed is not None:
            return observed
    return None
