"""DP-3T's layout: one address that returns all keys since the bundle whose tag the client sends.

``v2/gaen/exposed?lastKeyBundleTag=TAG`` is a key export, or 204 if there is nothing new; the header
``x-key-bundle-tag`` is the tag to send the next time, milliseconds. The server shuffles the keys and then takes the
start and the end of the export from the first one: they do not state its publication. For a tag that the server does
not know, for instance after its operator changed the length of a bundle, it answers 400 or 404. Source:
DP-3T/dp3t-sdk-backend, GaenV2Controller and ProtoSignature.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import httpx2

from bluezone_agent.core.intervals import DAY_S, MINUTE_S
from bluezone_agent.key_sources.address import SourceAddress
from bluezone_agent.key_sources.fetch import Fetch, HttpSource
from bluezone_agent.key_sources.index import MAX_FILE
from bluezone_agent.ports import KeySource, SourceFile, Visit

PATH: Final = "v2/gaen/exposed"
PARAMETER: Final = "lastKeyBundleTag"
TAG_HEADER: Final = "x-key-bundle-tag"
NOTE: Final = "tag"
LOOK_BACK_DAYS: Final = 14
"""Older tags are not sent: everything is requested again."""
NOTHING_NEW: Final = 204
FINE: Final = (200, NOTHING_NEW)
NOT_A_TAG: Final = (400, 404)
"""A server that is not DP-3T's also answers like this: so the second answer counts, to a request without a tag."""


def open_address(address: SourceAddress) -> KeySource:
    """Return the source; raises ConfigError."""
    address.require_url("dp3t")
    address.refuse_regions("dp3t")
    address.refuse_index("dp3t")
    return HttpSource(address, files)


def files(fetch: Fetch, root: httpx2.URL, visit: Visit) -> Iterator[SourceFile]:
    """Yield one file with everything new."""
    since = _plausible(visit.notes.get(NOTE, ""), visit.now_s)
    at = root.join(PATH)
    tagged = at.copy_merge_params({PARAMETER: since} if since else {})
    reply = fetch.ask(tagged, MAX_FILE, fine=(*FINE, *NOT_A_TAG) if since else FINE)
    if reply.status in NOT_A_TAG:
        reply = fetch.ask(at, MAX_FILE, fine=FINE)
    if reply.status == NOTHING_NEW or not reply.body:
        return
    tag = _plausible(reply.headers.get(TAG_HEADER, ""), visit.now_s)
    notes = {NOTE: tag} if tag else {}
    yield SourceFile(f"exposed-{tag or 'latest'}.zip", reply.body, notes=notes, states_publication=False)


def _plausible(tag: str, now_s: float) -> str:
    """Return a tag that may be sent, else nothing.

    A tag that is not a full minute of the last 14 days could number devices, or skip future keys.
    """
    if not (tag.isascii() and tag.isdecimal() and len(tag) <= len("9999999999999")):
        return ""
    minute, rest_ms = divmod(int(tag), MINUTE_S * 1000)
    return tag if rest_ms == 0 and now_s - LOOK_BACK_DAYS * DAY_S <= minute * MINUTE_S <= now_s else ""
