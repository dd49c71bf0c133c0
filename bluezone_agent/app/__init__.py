"""The composition root: puts stores, radios and clocks together for the command line and the tests."""
