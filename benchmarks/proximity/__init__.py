"""How well rules tell "within 2 m" from what radios heard: recordings in one tidy form, one score for every rule."""
