"""What a schedule ends with when a promise of the product does not hold."""


class Violation(Exception):  # noqa: N818 - what it is called
    """A promise of the product does not hold."""
