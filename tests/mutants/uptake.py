"""Faults of campaigns: who is given away, counted twice or made up, and what nobody can read."""

from __future__ import annotations

from typing import Final

from tests.mutants.mutant import Mutant

BLOCKS: Final = "tests/uptake/test_blocks.py"
RECEIPTS: Final = "tests/uptake/test_receipts.py"
MUTANTS: Final = (
    Mutant(
        "small-unit-by-difference",
        "the sum of an office less its other departments is a department of 3 people",
        "uptake/blocks.py",
        "            self.form(block, pool, number)\n",
        "            self.form(pool[0], pool, number)\n",
        f"{BLOCKS} -k small_unit_of_an_office",
    ),
    Mutant(
        "all-or-none-tells-of-each",
        "when everybody of a group has it, each person of a small unit has it",
        "uptake/rollup.py",
        "ibis.greatest(1, ibis.least(value, _.people - 1))",
        "value",
        f"{BLOCKS} -k all_or_none",
    ),
    Mutant(
        "half-a-block-counts",
        "a table before a small unit reported and one after differ by that unit",
        "uptake/rollup.py",
        ".filter(_.reporters == _.units)",
        ".filter(_.reporters > 0)",
        f"{BLOCKS} -k before_the_small_unit",
    ),
    Mutant(
        "evidence-mixed",
        "what heads of units reported stands in the column of what devices confirmed",
        "app/uptake_report.py",
        "            receipts=self._share(number, Evidence.CONFIRMED,",
        "            receipts=self._share(number, Evidence.REPORTED,",
        "tests/uptake/test_evidence.py -k counted_on_the_air",
    ),
    Mutant(
        "forged-receipt-counts",
        "anybody who sees a receipt can make others",
        "uptake/receipts.py",
        "    if not hmac.compare_digest(",
        "    if not receipt.mac and not hmac.compare_digest(",
        f"{RECEIPTS} -k what_is_right",
    ),
    Mutant(
        "receipt-with-a-fingerprint",
        "a receipt has the device's own share, by which it is known again",
        "uptake/receipts.py",
        "    return min(SHARE_STEPS, key=lambda step: abs(step - 100 * share))\n",
        "    return round(100 * share)\n",
        f"{RECEIPTS} -k in_the_same_steps",
    ),
    Mutant(
        "slips-in-order",
        "the organiser knows the order in which slips are handed out",
        "app/uptake.py",
        "    random.SystemRandom().shuffle(slips)\n",
        "",
        f"{RECEIPTS} -k order_of_slips",
    ),
    Mutant(
        "unit-counted-twice",
        "a department that two offices report counts twice in the province",
        "uptake/merge.py",
        "            if one.unit in places:\n",
        "            if one.unit not in places:\n",
        "tests/uptake/test_letters_case.py -k by_two_ways",
    ),
    Mutant(
        "report-changed-on-the-way",
        "figures that were changed after they were signed count",
        "uptake/report_file.py",
        "    if not good or digests !=",
        "    if not good or digests ==",
        "tests/uptake/test_letters_case.py -k sums_go_up",
    ),
    Mutant(
        "sms-of-vietnamese-letters",
        "a text message with Vietnamese letters is sent, and paid, as two",
        "campaign/sms.py",
        "UCS2_ONE: Final = 70\n",
        "UCS2_ONE: Final = 160\n",
        "tests/campaign/test_texts.py -k units_of_the_standard",
    ),
    Mutant(
        "portal-takes-markup",
        "the name of a unit is markup on the page of the public Wi-Fi",
        "campaign/products.py",
        "autoescape=True",
        "autoescape=False",
        "tests/campaign/test_products.py -k never_markup",
    ),
)
