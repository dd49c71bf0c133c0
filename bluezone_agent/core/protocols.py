"""The registry of proximity protocols. One advertises, all are heard."""

from __future__ import annotations

from typing import Final

from bluezone_agent.core.advertising_data import AdvertisingData
from bluezone_agent.core.bluezone import Bluezone
from bluezone_agent.core.gaen import Gaen
from bluezone_agent.core.identifiers import ObservedIdentifier, ProximityProtocol
from bluezone_agent.errors import MalformedPayloadError

PROTOCOLS: Final[dict[str, ProximityProtocol]] = {p.name: p for p in (Bluezone(), Gaen())}


def decode(advertising_data: AdvertisingData) -> ObservedIdentifier | None:
    """Read a frame of any registered protocol; None when it is of none.

    Raises MalformedPayloadError when it claims to be of one and is not well formed, unless it is well formed of
    another: BlueZ keeps what came from one address in one object, so whoever sends under a neighbour's address adds to
    its frame.
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
