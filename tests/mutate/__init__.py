"""What happens when one line of a policy or one step of the launcher is missing: is it noticed? See __main__.py."""
