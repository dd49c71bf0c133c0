"""The tables of a dataset and their columns: its code book."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class DatasetColumn:
    """A column: its type is that of a Frictionless Table Schema."""

    name: str
    type: Literal["string", "integer", "number", "boolean"]
    description: str
    unit: str = ""
    whole: bool = False
    """Whether the file has whole numbers, some of which may be missing: readers that know no missing integers take them
    as numbers."""


COMMON: Final = "on the trial's common clock, since 1970"
TABLES: Final[dict[str, tuple[DatasetColumn, ...]]] = {
    "adverts": (
        DatasetColumn("receiver", "string", "device that received the packet"),
        DatasetColumn("sender", "string", "device that sent it"),
        DatasetColumn("time_s", "number", f"time of reception {COMMON}", "s"),
        DatasetColumn("wall_s", "number", "time of reception on the receiver's own clock, since 1970", "s"),
        DatasetColumn("boottime_s", "number", "time of reception since the receiver's boot (CLOCK_BOOTTIME)", "s"),
        DatasetColumn("phase", "string", "phase of the plan; empty outside of all phases"),
        DatasetColumn("distance_m", "number", "true distance of the two devices; missing where it is not known", "m"),
        DatasetColumn(
            "rssi_dbm", "number", "received power as the radio reported it; missing if it did not", "dBm", whole=True
        ),
        DatasetColumn(
            "stated_dbm", "number", "transmit power that the packet states; missing if it states none", "dBm"
        ),
        DatasetColumn("rotation", "integer", "number of the sender's identifier, counted from 1970"),
        DatasetColumn("adapter", "string", "adapter that received it, if the receiver has several"),
    ),
    "truth": (
        DatasetColumn("phase", "string", "phase of the plan"),
        DatasetColumn("one", "string", "device"),
        DatasetColumn("other", "string", "device"),
        DatasetColumn("begins_s", "number", f"from this time {COMMON}", "s"),
        DatasetColumn("ends_s", "number", f"until this time {COMMON}", "s"),
        DatasetColumn("distance_m", "number", "true distance", "m"),
        DatasetColumn("source", "string", "plan, mark, camera, or the recording's own table"),
        DatasetColumn("confidence", "integer", "0 guessed, 1 estimated, 2 paced, 3 measured (PACT's scale)"),
    ),
    "phases": (
        DatasetColumn("phase", "string", "name"),
        DatasetColumn("begins_s", "number", f"from this time {COMMON}", "s"),
        DatasetColumn("ends_s", "number", f"until this time {COMMON}", "s"),
        DatasetColumn("posture", "string", "of the people"),
        DatasetColumn("obstacles", "string", "between the devices"),
        DatasetColumn("confidence", "integer", "of its distances: 0 guessed, 1 estimated, 2 paced, 3 measured"),
    ),
    "devices": (
        DatasetColumn("device", "string", "id in the plan"),
        DatasetColumn("person", "string", "pseudonym of its carrier"),
        DatasetColumn(
            "role", "string", "both, broadcast or listen; beacon: it does not run the agent, and others recognise it"
        ),
        DatasetColumn("carried", "string", "where it was carried"),
        DatasetColumn("model", "string", "model of the device"),
        DatasetColumn("radio", "string", "radio that it used"),
        DatasetColumn("scan_mode", "string", "how the radio scans"),
        DatasetColumn("system", "string", "kernel and machine"),
        DatasetColumn("offset_s", "number", "how far its clock was ahead of the common clock", "s"),
        DatasetColumn(
            "offset_error_s", "number", "how wrong that is at most; missing if it could not be measured", "s"
        ),
        DatasetColumn("unreadable_bytes", "integer", "bytes that a power cut made unreadable"),
        DatasetColumn("lost_packets", "integer", "packets that its disk did not accept"),
        DatasetColumn("power_dbm", "number", "calibrated transmit power; missing if it is not known", "dBm"),
        DatasetColumn(
            "rssi_correction_db", "number", "what a calibration adds to its RSSI; missing if it is not known", "dB"
        ),
    ),
    "found": (
        DatasetColumn("receiver", "string", "device that recognised it, or did not"),
        DatasetColumn("device", "string", "device with the role beacon"),
        DatasetColumn("time_s", "number", f"when {COMMON}", "s"),
        DatasetColumn("rotation", "integer", "number of its identifier at this receiver, from 1, as in adverts"),
        DatasetColumn(
            "how",
            "string",
            "address or identifier: by the plan; strongest: in a marked minute; same_address: certain; likely: it fell"
            " silent and one other sender appeared, about as strong; silent or unclear: not recognised any more",
        ),
    ),
    "on_air": (
        DatasetColumn("device", "string", "sender"),
        DatasetColumn("rotation", "integer", "number of its identifier, counted from 1970"),
        DatasetColumn("time_s", "number", f"when it went on the air {COMMON}", "s"),
        DatasetColumn("power_dbm", "integer", "transmit power", "dBm"),
        DatasetColumn("measured", "boolean", "whether the radio reported that power; else it is only stated"),
    ),
    "marks": (
        DatasetColumn("device", "string", "device that noted it"),
        DatasetColumn("time_s", "number", f"when {COMMON}", "s"),
        DatasetColumn("text", "string", "what was noted"),
        DatasetColumn("distances", "string", "distances from then on, such as pi-1,pi-2=1.5"),
    ),
    "clock": (
        DatasetColumn("device", "string", "device"),
        DatasetColumn("boottime_s", "number", "since its boot", "s"),
        DatasetColumn("wall_s", "number", "on its own clock, since 1970", "s"),
        DatasetColumn(
            "synchronised", "boolean", "whether a time server had set its clock, or the operator vouched for it"
        ),
        DatasetColumn("ntp_synchronised", "boolean", "whether the kernel counted the clock as synchronised (adjtimex)"),
        DatasetColumn(
            "estimated_error_s", "number", "the kernel's estimate (esterror); 0 where its time service has none", "s"
        ),
        DatasetColumn(
            "maximum_error_s", "number", "the kernel's bound (maxerror), which grows until the next update", "s"
        ),
    ),
    "pair_offsets": (
        DatasetColumn("one", "string", "device"),
        DatasetColumn("other", "string", "device"),
        DatasetColumn(
            "least_s", "number", "its clock is at least so far ahead of the other's; missing without a bound", "s"
        ),
        DatasetColumn("most_s", "number", "and at most so far", "s"),
    ),
    "minutes": (
        DatasetColumn("device", "string", "device"),
        DatasetColumn("time_s", "number", f"end of the minute {COMMON}", "s"),
        DatasetColumn(
            "bystander_packets", "integer", "packets of identifiers that are not the trial's; nothing else is kept"
        ),
        DatasetColumn("bystanders", "integer", "how many such identifiers"),
        DatasetColumn("impossible_rssi", "integer", "packets of the trial whose RSSI can't be true"),
        DatasetColumn("malformed", "integer", "packets that can't be decoded"),
        DatasetColumn("foreign", "integer", "packets of no known protocol"),
        DatasetColumn("lost", "integer", "packets that the disk did not accept"),
    ),
}
"""By name; ``adverts`` has a file for each receiver and day."""
