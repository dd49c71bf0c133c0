"""The registry of proximity protocols. One is advertised, all are received."""

from __future__ import annotations

from typing import Final

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.bluezone import Bluezone
from bluezone_agent.core.gaen import Gaen
from bluezone_agent.core.identifiers import ObservedIdentifier, ProximityProtocol
from bluezone_agent.errors import MalformedPayloadError

PROTOCOLS: Final[dict[str, ProximityProtocol]] = {p.name: p for p in (Bluezone(), Gaen())}


def decode(advertising_data: AdvertisingData) -> ObservedIdentifier | None:
    """Read advertising data of any registered protocol; None when it belongs to none of them.

    Raises MalformedPayloadError when it claims to belong to one and is malformed, unless it is well-formed for another:
    BlueZ keeps everything from one address in one object, so a device that sends under a neighbour's address adds to
    the neighbour's advertising data.
    """
    malformed = None
    for protocol in PROTOCOLS.values():
        try:
            observed = protocol.decode(advertising_data)
        except MalformedPayloadError as error:
            malformed = malformed or error
            continue
        if observed is not None:
            return observed
    if malformed is not None:
        raise malformed
    return None
