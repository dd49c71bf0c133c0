"""Tables, columns and names in the field's words."""

from __future__ import annotations

from sqlite3 import Connection


def m015_words(db: Connection) -> None:
    """Tables, columns and names in the field's words."""
    for statement in (
        "ALTER TABLE beacon RENAME TO observed_identifier",
        "ALTER TABLE contact_minute RENAME COLUMN beacon_id TO identifier_id",
        "ALTER TABLE undated RENAME COLUMN beacon_id TO identifier_id",
        "ALTER TABLE protected RENAME COLUMN beacon_id TO identifier_id",
        "ALTER TABLE case_file RENAME TO key_file",
        "ALTER TABLE key_file RENAME COLUMN settled TO final",
        """UPDATE key_file SET fault = replace(fault, '["CaseFileError"', '["KeyFileError"')""",
        "ALTER TABLE source RENAME COLUMN believes_unsigned TO accepts_unsigned",
        "ALTER TABLE course RENAME TO clock_timeline",
        "UPDATE clock_timeline SET name = CASE name WHEN 'believed' THEN 'accepted' ELSE 'candidate' END",
        "ALTER TABLE seal RENAME TO key_encryption",
        "ALTER TABLE pause RENAME COLUMN believed TO clock_trusted",
        "UPDATE warning SET rule = 'learned' WHERE rule = 'agent'",
    ):
        db.execute(statement)
