"""The running agent: radio, rotation, writer and clock, connected under one TaskGroup."""
