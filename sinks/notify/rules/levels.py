"""A level that a value comes to: reported once, and again only after it has clearly left it."""

from typing import Final

ABOVE: Final = "up"
BELOW: Final = "down"


def arms(value: float, level: float, way: str, hysteresis_percent: float) -> bool:
    """Tell whether a value is so far on the near side of a level that reaching it is news.

    Args:
        value: Value now.
        level: Level to be reached.
        way: Direction from which it is reached: up or down.
        hysteresis_percent: Distance from the level in per cent of it. 0: any distance.
    """
    distance = level * hysteresis_percent / 100
    return (
        value < level and value <= level - distance
        if way == ABOVE
        else (value > level and value >= level + distance)
    )


def reaches(value: float, level: float, way: str) -> bool:
    """Tell whether a value is at a level or beyond it."""
    return value >= level if way == ABOVE else value <= level
