"""Finds the stack of the working directory or of a folder above it, for programs and notebooks."""

from pathlib import Path

from candlewick.stack.local_settings import reader_settings
from schemas.settings import Settings, load_settings


def nearby_settings() -> Settings:
    """Return the settings for connecting to the nearest stack, searched from here upwards.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    settings = load_settings()
    here = Path.cwd()
    places = (place / settings.data_dir for place in (here, *here.parents))
    found = next((place for place in places if place.is_dir()), settings.data_dir)
    return reader_settings(settings.model_copy(update={"data_dir": found}))
