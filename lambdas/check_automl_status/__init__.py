"""Checks whether Autopilot still trains, so that the state machine waits, goes on or fails."""
