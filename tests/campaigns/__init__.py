"""What takes too long for every day, and prints figures: `python -m tests.campaigns.NAME`."""
