"""What the command line reports as a user's mistake."""


class UsageError(Exception):
    """What a user got wrong, in one line."""
