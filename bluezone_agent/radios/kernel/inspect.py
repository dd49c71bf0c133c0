"""What the radio broker says of this machine's adapters; it changes nothing."""

from __future__ import annotations

from bluezone_agent.errors import RadioUnavailableError
from bluezone_agent.radios.bluez.facts import AdapterFacts, BrokerFacts
from bluezone_agent.radios.kernel import relay
from bluezone_agent.radios.kernel.connection import BrokerConnection, require_done
from bluezone_agent.radios.kernel.management import Setting
from bluezone_agent.radios.kernel.relay import AdapterListed, Request, Verb


async def read_broker() -> BrokerFacts:
    """Ask the broker for the adapters; the result says if it can't be asked."""
    connection = BrokerConnection(_ignored, _nothing)
    request = Request(Verb.ADAPTERS)
    try:
        await connection.open()
        listed = relay.read_adapters(require_done("", request, await connection.ask(request)))
        return BrokerFacts(tuple(map(_facts, listed)))
    except RadioUnavailableError as error:
        return BrokerFacts(fault=error)
    finally:
        await connection.close()


def _facts(adapter: AdapterListed) -> AdapterFacts:
    return AdapterFacts(
        adapter.name,
        powered=Setting.POWERED in adapter.settings,
        discoverable=Setting.DISCOVERABLE in adapter.settings,
        advertises=Setting.LE in adapter.settings,
        extended=adapter.extended,
        monitors=True,
        instances_used=None,
        instances_free=None,
        address=adapter.address,
    )


def _ignored(_event: bytes) -> None:
    """Nothing was asked for but the adapters."""


def _nothing() -> None:
    """The answer that does not come tells the same."""
