"""How well rules tell near from far on a dataset whose distances are known: pairs, windows, scores, and a fit."""
