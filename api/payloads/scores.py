"""JSON models of scores: skill, losses, and reliability."""

from pydantic import BaseModel, ConfigDict, Field, JsonValue

LATELY: dict[str, JsonValue] = {
    "cases": 9974,
    "point_skill": -0.0003,
    "pinball_skill": 0.071,
    "pinball_bp": 3.91,
    "reference_pinball_bp": 4.21,
    "pinball_nine_bp": 3.07,
    "pinball_nine_skill": 0.066,
    "absolute_error_bp": 9.8,
    "coverage_50": 0.497,
    "coverage_90": 0.902,
    "width_50_bp": 12.1,
    "width_90_bp": 33.4,
    "chance_cases": 9960,
    "share_up": 0.508,
    "brier": 0.1621,
    "log_loss": 0.48,
    "brier_skill": 0.0229,
    "climatology_skill": 0.3514,
    "log_loss_skill": 0.0361,
    "reliability": 0.0003,
    "resolution": 0.0876,
    "uncertainty": 0.2499,
}


class Lately(BaseModel):
    """A model's skill in the last seven days, on questions that the reference also answered.

    A skill is `1 - error / error of the reference`: at zero the model is no better than it. What
    concerns the chance to close up is null if no question has one.
    """

    cases: int
    point_skill: float | None = Field(description="Skill in the squared error of the close.")
    pinball_skill: float | None = Field(description="Skill in the interval's pinball loss.")
    pinball_bp: float = Field(description="Of the quantiles 5, 25, 75 and 95 %.")
    reference_pinball_bp: float
    pinball_nine_bp: float | None = Field(
        description="Of the quantiles 1, 5, 10, 25, 50, 75, 90, 95 and 99 %."
    )
    pinball_nine_skill: float | None
    absolute_error_bp: float
    coverage_50: float = Field(description="Share of closes inside the 50 % interval.")
    coverage_90: float
    width_50_bp: float
    width_90_bp: float
    chance_cases: int = Field(description="Questions with a chance to close up.")
    share_up: float | None = Field(description="Share of them that closed at or above their open.")
    brier: float | None = Field(
        description="Brier score of the chance: mean of the squared difference to 1 or 0."
    )
    log_loss: float | None = Field(description="Logarithmic loss of the chance, natural logarithm.")
    brier_skill: float | None = Field(
        description="Skill in the Brier score against the reference, the constant interval."
    )
    climatology_skill: float | None = Field(
        description="Skill in the Brier score against the climatology: `share_up`, always the same."
    )
    log_loss_skill: float | None = Field(description="Skill in the log loss, as `brier_skill`.")
    reliability: float | None = Field(
        description="Part of the Brier score that comes from wrong chances, by tenths; 0 is best. "
        "`brier` is `reliability - resolution + uncertainty`, up to the spread within a tenth."
    )
    resolution: float | None = Field(
        description="Part of the Brier score that is saved by telling cases apart; more is better."
    )
    uncertainty: float | None = Field(description="Brier score of the climatology.")


class GroupedRow(BaseModel):
    """Keys of a row; the request chooses those besides the model."""

    symbol: str | None = None
    model: str
    minutes: int | None = Field(None, description="Minutes to close, rounded.")
    day: str | None = Field(None, description="UTC day.")


class SkillRow(GroupedRow, Lately):
    """A model's skill over a period."""


class SkillPage(BaseModel):
    """The scoreboard."""

    data: list[SkillRow]


class ReliabilityRow(GroupedRow):
    """What happened where a model gave chances of one tenth, for example 60 to 70 %."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "model": "online",
                "tenth": 6,
                "cases": 4210,
                "candles": 1873,
                "mean_chance": 0.649,
                "share_up": 0.655,
            }
        }
    )

    tenth: int = Field(ge=0, le=9, description="6 stands for 0.6 to 0.7; 9 includes 1.")
    cases: int = Field(description="Predictions with a chance in this tenth.")
    candles: int = Field(
        description="Candles that they are about; predictions for one candle share its outcome."
    )
    mean_chance: float = Field(description="Mean of the chances: what was claimed.")
    share_up: float = Field(description="Share that closed up: what happened.")


class ReliabilityPage(BaseModel):
    """Reliability by tenths of the chance; tenths without a case are left out."""

    data: list[ReliabilityRow]
