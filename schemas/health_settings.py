"""The settings of what the health check judges."""

from pydantic import Field

from schemas.setting_groups import Group


class HealthSettings(Group):
    """When the health check calls data old."""

    every_s: float = Field(5.0, ge=0.1, le=60, description="Everything is looked at this often.")
    stands_s: float = Field(
        60.0,
        ge=1,
        le=86_400,
        description="Data stands still when for this long nothing was stored of a table that "
        "always moves, or a consumer group has not moved though records wait.",
    )
    start_s: float = Field(
        300.0,
        ge=0,
        le=86_400,
        description="What has never come yet counts as starting for this long after the API's "
        "start, then as down.",
    )
