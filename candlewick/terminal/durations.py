"""Durations for people."""


def short_duration(seconds: float) -> str:
    """Return the two largest units of a duration in seconds.

    >>> short_duration(59.6), short_duration(192), short_duration(90061)
    ('60s', '3m 12s', '1d 1h')
    """
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.0f}s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes}m" if hours else f"{minutes}m {rest}s"
