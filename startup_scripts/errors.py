"""The one way in which a start script gives up."""


class CannotStart(Exception):
    """Why it does not start and what to do about it, in words for the person at the terminal."""
