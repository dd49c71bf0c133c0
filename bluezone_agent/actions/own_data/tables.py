"""The tables of an export and what every column means: the data dictionary."""

from __future__ import annotations

from typing import Final

from bluezone_agent.actions.own_data.columns import Column, ColumnType, Table
from bluezone_agent.errors import N_

TEXT, INTEGER, REAL = ColumnType.TEXT, ColumnType.INTEGER, ColumnType.REAL
BOOLEAN, TIME, DAY = ColumnType.BOOLEAN, ColumnType.TIME, ColumnType.DAY

LOCAL_DAY: Final = Column("day", DAY, N_("the local day"))
PROTOCOL: Final = Column("protocol", TEXT, N_("protocol of the identifier: bluezone or gaen (Exposure Notification)"))
PROTECTED: Final = Column("protected", BOOLEAN, N_("whether you were protected then, so that it does not count"))
KEY: Final = Column("key", TEXT, N_("pseudonym of a published key that was received, random in each export"))
REPORT_TYPE: Final = Column("report_type", TEXT, N_("how the case was found"))
ONSET: Final = Column("days_since_onset", INTEGER, N_("day of the key, counted from the first day of symptoms"), "d")
DEGREE: Final = Column("degree", TEXT, N_("F1: near a case (F0); F2: near a contact of a case (F1)"))
RULE: Final = (
    Column("rule", TEXT, N_("risk rule")),
    Column("rule_version", INTEGER, N_("version of the risk rule")),
)
SPAN: Final = (Column("starts_at", TIME, N_("beginning")), Column("ends_at", TIME, N_("end")))
MINUTES: Final = Column("minutes", INTEGER, N_("minutes in which any device was received"), "min")
AT_LEAST: Final = Column("persons_at_least", INTEGER, N_("largest number of people who were received in one minute"))
TRIED: Final = Column("tried_at", TIME, N_("last attempt"))
ERROR: Final = Column("error", TEXT, N_("why the last attempt failed, in English"))

TABLES: Final = (
    Table(
        "contact_minutes",
        N_("what was received of each other device in each minute"),
        (
            LOCAL_DAY,
            Column("time", TIME, N_("beginning of the minute; missing while the clock was not trusted")),
            Column("uptime_s", INTEGER, N_("time since the device started, where the clock was not trusted"), "s"),
            Column(
                "device",
                TEXT,
                N_("pseudonym of an identifier, random in each export; a device changes it every 10 to 15 minutes"),
            ),
            PROTOCOL,
            Column("packets", INTEGER, N_("packets that were received")),
            Column("mean_rssi_dbm", REAL, N_("mean of the received power"), "dBm"),
            Column("lowest_rssi_dbm", INTEGER, N_("lowest received power"), "dBm"),
            Column("highest_rssi_dbm", INTEGER, N_("highest received power"), "dBm"),
            Column("rssi_histogram", TEXT, N_("JSON: lower limit of 3 dB (dBm) and number of packets")),
            PROTECTED,
        ),
    ),
    Table(
        "contact_hours",
        N_("contacts of each hour in which any device was received"),
        (
            LOCAL_DAY,
            Column("time", TIME, N_("beginning of the hour")),
            Column("identifiers", INTEGER, N_("different identifiers; one person has four to six of them in an hour")),
            Column("person_minutes", INTEGER, N_("time near people, each counted for every minute"), "min"),
            Column("person_equivalents", REAL, N_("the same in hours: 1.0 is one person for the whole hour"), "h"),
            AT_LEAST,
            MINUTES,
            Column("close_minutes", INTEGER, N_("minutes summed over close identifiers"), "min"),
            Column("medium_minutes", INTEGER, N_("minutes summed over identifiers at a medium distance"), "min"),
            Column("far_minutes", INTEGER, N_("minutes summed over identifiers farther off"), "min"),
        ),
    ),
    Table(
        "contact_days",
        N_("contacts of each day"),
        (
            LOCAL_DAY,
            MINUTES,
            Column("person_hours", REAL, N_("time near people, each counted for every minute"), "h"),
            AT_LEAST,
        ),
    ),
    Table(
        "exposed_keys",
        N_("published keys of cases that were received"),
        (
            KEY,
            PROTOCOL,
            Column("found_at", TIME, N_("when this device found it")),
            Column("counts", BOOLEAN, N_("whether it counts: it was not revoked, and was received before publication")),
        ),
    ),
    Table(
        "publications",
        N_("who published these keys, and how"),
        (
            KEY,
            Column("signer", TEXT, N_("fingerprint of the public key that signed it, or the unsigned source")),
            REPORT_TYPE,
            ONSET,
            Column("published_at", TIME, N_("as the file says")),
            Column("verified_at", TIME, N_("when this device verified it")),
        ),
    ),
    Table(
        "exposure_minutes",
        N_("minutes in which these keys were received"),
        (
            KEY,
            LOCAL_DAY,
            Column("time", TIME, N_("rounded down to 5 minutes, to reveal less about who the case was")),
            Column("attenuation_db", REAL, N_("attenuation of the mean received power"), "dB"),
            Column("packets", INTEGER, N_("packets that were received")),
            Column("attenuation_histogram", TEXT, N_("JSON: lower limit of 3 dB (dB) and number of packets")),
            Column("other_devices", INTEGER, N_("identifiers of other devices in the same minute")),
            Column("stronger_devices", INTEGER, N_("how many of them were received more strongly")),
            Column("others_weaker_by_db", REAL, N_("by how much they were weaker on average"), "dB"),
            PROTECTED,
        ),
    ),
    Table(
        "exposure_days",
        N_("result of the risk rule for each day with an exposure"),
        (
            LOCAL_DAY,
            DEGREE,
            *RULE,
            Column("weighted_minutes", REAL, N_("minutes weighted by the rule, the most in 24 hours"), "min"),
            Column("needed_minutes", REAL, N_("weighted minutes from which on the rule warns"), "min"),
            Column("warns", BOOLEAN, N_("whether the rule warns")),
            Column("received_minutes", INTEGER, N_("minutes in which a key was received"), "min"),
            Column("keys", INTEGER, N_("number of keys")),
        ),
    ),
    Table(
        "exposure_windows",
        N_("explanation of these results: windows of up to 30 minutes near one key"),
        (
            LOCAL_DAY,
            DEGREE,
            Column("starts_at", TIME, N_("beginning, rounded to 5 minutes")),
            Column("ends_at", TIME, N_("end, rounded to 5 minutes")),
            REPORT_TYPE,
            ONSET,
            Column("received_minutes", INTEGER, N_("minutes in which the key was received"), "min"),
            Column("weight", REAL, N_("sum of the weights of its minutes"), "min"),
            Column("factor", REAL, N_("factor for report type and infectiousness")),
            Column("weighted_minutes", REAL, N_("weight times factor"), "min"),
        ),
    ),
    Table(
        "warnings",
        N_("warnings that you were given"),
        (
            LOCAL_DAY,
            DEGREE,
            *RULE,
            Column("weighted_minutes", REAL, N_("minutes weighted by the rule"), "min"),
            Column("warned_at", TIME, N_("when you were warned")),
        ),
    ),
    Table(
        "sources",
        N_("sources of diagnosis keys"),
        (
            Column("name", TEXT, N_("location")),
            TRIED,
            Column("complete_at", TIME, N_("last check that read all of it")),
            Column("accepts_unsigned", BOOLEAN, N_("whether unsigned files are accepted")),
            Column("issued_at", TIME, N_("date of its signed index")),
            Column("expires_at", TIME, N_("expiry of its signed index")),
            ERROR,
        ),
    ),
    Table(
        "key_files",
        N_("files of diagnosis keys that were checked"),
        (
            Column("source", TEXT, N_("location of the source")),
            Column("name", TEXT, N_("name of the file")),
            TRIED,
            Column("fetched_at", TIME, N_("when its contents were first fetched")),
            Column("published_at", TIME, N_("as the file says")),
            Column("keys", INTEGER, N_("number of keys")),
            Column("matched", INTEGER, N_("number of keys that were received")),
            Column("final", BOOLEAN, N_("whether nothing in it can match any more")),
            ERROR,
        ),
    ),
    Table(
        "listening",
        N_("when the device scanned, and when and why it did not"),
        (
            *SPAN,
            Column("scan_mode", TEXT, N_("how it scanned; empty if it did not")),
            Column("reason", TEXT, N_("why it did not scan; paused is your own pause")),
        ),
    ),
    Table(
        "pauses",
        N_("the pause that is in force"),
        (
            Column("mode", TEXT, N_("paused: neither advertises nor scans; protected: does not count")),
            Column("ends_at", TIME, N_("end")),
        ),
    ),
    Table(
        "calibrations",
        N_("calibrations of the receiver"),
        (
            Column("radio", TEXT, N_("the adapter and how it is used")),
            Column("antenna", TEXT, N_("your note on antenna and enclosure")),
            Column("source", TEXT, N_("measured, or the table that it is from")),
            Column("rssi_correction_db", REAL, N_("correction of the received power"), "dB"),
            Column("margin_db", REAL, N_("half width of its 95 % interval"), "dB"),
            Column("decade_db", REAL, N_("loss for ten times the distance"), "dB"),
            Column("decade_margin_db", REAL, N_("half width of its 95 % interval"), "dB"),
            Column("packets", INTEGER, N_("packets that were measured")),
            Column("made_at", TIME, N_("when it was made")),
            Column("expires_at", TIME, N_("when it expires")),
        ),
    ),
    Table(
        "diary",
        N_("your diary"),
        (
            Column("number", INTEGER, N_("number of the entry")),
            LOCAL_DAY,
            Column("text", TEXT, N_("what you wrote")),
            Column("written_at", TIME, N_("when you wrote it")),
        ),
    ),
    Table(
        "notices",
        N_("notices to you; title and text only until they were delivered"),
        (
            Column("created_at", TIME, N_("when it was created")),
            Column("delivered_at", TIME, N_("when it was delivered")),
            Column("title", TEXT, N_("title")),
            Column("text", TEXT, N_("text")),
            Column("attempts", INTEGER, N_("attempts to deliver it")),
        ),
    ),
    Table(
        "own_keys",
        N_("your daily keys, without the keys themselves"),
        (
            PROTOCOL,
            *SPAN,
            Column("ended", BOOLEAN, N_("whether it is never advertised again")),
            Column("exportable", BOOLEAN, N_("whether it was made while the clock was trusted")),
        ),
    ),
    Table(
        "settings",
        N_("settings that determine what the numbers mean"),
        (Column("name", TEXT, N_("setting")), Column("value", TEXT, N_("value, as in the configuration"))),
    ),
)
"""Every table, in the order of the data dictionary."""
