"""The running agent: radio, rotation, writer and clock, wired under one TaskGroup."""
