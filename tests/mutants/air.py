"""Faults of what is kept of the air, of own keys, and of submissions."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

SIGHTINGS: Final = "tests/core/test_sightings.py"
LEARNED: Final = "tests/core/test_learned_model.py"
KEY_SERVER: Final = "tests/key_servers"
SUBMITTED: Final = "tests/core/test_submitted_keys.py"
MUTANTS: Final = (
    Mutant(
        "strongest-first",
        "forged identifiers with one strong packet each push out who lasts",
        "core/sightings.py",
        "(tally.persistence, tally.power_mw())",
        "(0, tally.power_mw())",
        SIGHTINGS,
    ),
    Mutant(
        "lasts-after-one-packet",
        "whoever is received a second time within some seconds lasts",
        "core/recently_received.py",
        "SPREAD_S: Final = 10\n",
        "SPREAD_S: Final = 1\n",
        SIGHTINGS,
    ),
    Mutant(
        "unknown-every-minute",
        "in a flood a real identifier starts again each minute",
        "core/sightings.py",
        "            self._current.known = self._latest.lasting()\n",
        "            pass\n",
        SIGHTINGS,
    ),
    Mutant(
        "known-for-ever",
        "an identifier of an hour ago goes before others",
        "core/sightings.py",
        "self._latest.minute == minute - 1",
        "self._latest.minute < minute",
        SIGHTINGS,
    ),
    Mutant(
        "never-forgotten",
        "two packets an hour apart make an identifier that lasts",
        "core/recently_received.py",
        "<= FORGOTTEN_S:",
        "<= SECONDS:",
        SIGHTINGS,
    ),
    Mutant(
        "part-of-all-packets",
        "a replay of an identifier at -97 dBm cancels its minutes",
        "core/risk/learned.py",
        "if db <= until_db}",
        "if db}",
        LEARNED,
    ),
    Mutant(
        "never-enough",
        "a replay of an identifier that is received four times a second takes its minutes away",
        "core/risk/learned.py",
        "min(1.0, n / ENOUGH)",
        "0.0",
        LEARNED,
    ),
    Mutant(
        "mean-decides",
        "a replay of an identifier at -97 dBm cancels its minutes under the Bluezone app's threshold",
        "core/risk/bluezone.py",
        "float(_least_db(m) <= NEAR_DB)",
        "float(m.attenuation_db <= NEAR_DB)",
        LEARNED,
    ),
    Mutant(
        "key-for-each-retry",
        "a radio that fails costs a daily key at each retry",
        "daemon/identity.py",
        "            elif own is not None and self._waits(own, now_s, trusted=trusted):\n",
        "            elif False:\n",
        "tests/daemon/test_radio_supervisor.py -k costs_few_keys",
    ),
    Mutant(
        "refused-costs-a-key",
        "an identifier that bluetoothd refused, as while another program scans, is used up",
        "daemon/identity.py",
        "or self._protocol.identifier_at(own.key, now_s).identifier == self._kept_off_air",
        "or False",
        "tests/daemon/test_radio_supervisor.py -k radio_refuses",
    ),
    Mutant(
        "unanswered-is-refused",
        "an identifier is broadcast again that may have been on the air when bluetoothd died",
        "radios/bluez/errors.py",
        ' and name.startswith("org.bluez.Error.")',
        "",
        "tests/radios/test_bluez.py -k own_refusal",
    ),
    Mutant(
        "silence-unsaid",
        "status says that it advertises while nothing is on the air until the next slot",
        "daemon/rotation.py",
        "        self._store.post(Silenced(int(now_s), round(now_s + slot_left_s)))\n",
        "",
        "tests/daemon/test_radio_supervisor.py -k once_the_days_keys",
    ),
    Mutant(
        "silent-for-ever",
        "once a day's keys are used nothing is advertised any more",
        "daemon/rotation.py",
        "self._due_in(slot_left_s, SLEW_S)\n",
        "self._due_in(slot_left_s + 86_400, SLEW_S)\n",
        "tests/daemon/test_radio_supervisor.py -k once_the_days_keys",
    ),
    Mutant(
        "newest-keys-alone",
        "of many keys those of one day are sent, and of other days none",
        "core/submitted_keys.py",
        "    kept = sorted(r for r in ranked if r[0] < most_of_a_day)[:most]\n",
        "    kept = sorted(ranked, key=lambda r: r[1])[:most]\n",
        SUBMITTED,
    ),
    Mutant(
        "any-of-a-day",
        "the key of a minute is sent, and the one of hours is not",
        "core/submitted_keys.py",
        ".append((-on_air_s, number))",
        ".append((0, number))",
        SUBMITTED,
    ),
    Mutant(
        "restart-told",
        "where a key ended tells when its device was started",
        "actions/upload_keys.py",
        "keys = until_the_days_end(choose(found, most=MAX_KEYS, most_of_a_day=MAX_KEYS_OF_A_DAY), now_s)",
        "keys = choose(found, most=MAX_KEYS, most_of_a_day=MAX_KEYS_OF_A_DAY)",
        KEY_SERVER,
    ),
    Mutant(
        "restart-exported",
        "where a key ended tells the authority when its device was started",
        "app/own_keys.py",
        "until_the_days_end(exporting.exportable(store, days, now_s), now_s)",
        "exporting.exportable(store, days, now_s)",
        "tests/cli/test_publish.py -k exported_until",
    ),
    Mutant(
        "length-tells",
        "chaff has another length than a publication",
        "key_servers/google.py",
        "    missing = -len(filled) % length\n",
        "    missing = length // 2\n",
        KEY_SERVER,
    ),
    Mutant(
        "one-request-less",
        "a publication without a code has one request less than chaff",
        "actions/upload_keys.py",
        "    server.send_chaff_code()\n",
        "",
        KEY_SERVER,
    ),
    Mutant(
        "trickles-for-ever",
        "a key server that trickles is never left",
        "key_servers/google.py",
        "        timer.start()\n",
        "",
        KEY_SERVER + " -k trickles --timeout 20",
    ),
    Mutant(
        "chaff-before-notices",
        "a key server that trickles holds up what its owner has to know",
        "app/scheduled_check.py",
        "        delivery = notify_of_all(store, config, now_s)  # first, because the key server may be slow\n"
        "        chaff_error = None if spool_folder() else send_chaff_if_due(store, config, now_s)\n",
        "        chaff_error = None if spool_folder() else send_chaff_if_due(store, config, now_s)\n"
        "        delivery = notify_of_all(store, config, now_s)\n",
        "tests/cli/test_status.py -k trickles",
    ),
    Mutant(
        "terminal-closed",
        "a terminal that is closed costs the minute that was running",
        "app/daemon.py",
        "signal.SIGINT, signal.SIGHUP)",
        "signal.SIGINT)",
        "tests/cli/test_run.py -k terminal",
    ),
)
