"""How many people of a unit take part: units, three kinds of evidence, receipts, suppression, roll-up and merge."""
