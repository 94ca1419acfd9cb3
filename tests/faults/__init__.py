"""What breaks around a daemon, and what callers see of it: `python -m tests.faults`."""
