"""The variables above the dashboards: symbol, interval, model."""

from grafana_foundation_sdk.builders.dashboard import (
    CustomVariable,
    DatasourceVariable,
    QueryVariable,
)
from grafana_foundation_sdk.models.dashboard import (
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.datasource import SOURCE, ClickHouseQuery, load

INTERVALS = ("1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w")
ALL = "$__all"  # the value of Grafana's own choice "All"


def symbol() -> QueryVariable:
    """Define a choice of one symbol, initially the first in the alphabet."""
    return _asked("symbol", "Symbol").multi(False).include_all(False)


def symbols() -> QueryVariable:
    """Define a choice of any symbols, initially all."""
    return _any(_asked("symbol", "Symbols"))


def model() -> QueryVariable:
    """Define a choice of one model, or ``champion``: the champion at each time."""
    chosen = VariableOption(selected=True, text="champion", value="champion")
    return _asked("model", "Model", query="answering").multi(False).current(chosen)


def models() -> QueryVariable:
    """Define a choice of any models, initially all."""
    return _any(_asked("model", "Models"))


def interval(first: str = "15m") -> CustomVariable:
    """Define a choice of the candles' interval."""
    options = [VariableOption(selected=i == first, text=i, value=i) for i in INTERVALS]
    chosen = VariableOption(selected=True, text=first, value=first)
    return (
        CustomVariable("interval").label("Candles").values(",".join(INTERVALS))
        .current(chosen).options(options).multi(False).include_all(False)
    )  # fmt: skip


def prometheus() -> DatasourceVariable:
    """Define a choice of the Prometheus that scrapes the processes."""
    return DatasourceVariable("prometheus").label("Prometheus").type("prometheus")


def _asked(name: str, label: str, query: str = "") -> QueryVariable:
    asked = ClickHouseQuery(load(f"variable-{query or name}"), ref_id="variable").to_json()
    return (
        QueryVariable(name).label(label).datasource(SOURCE).query(asked)
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD).sort(VariableSort.DISABLED)
        .hide(VariableHide.DONT_HIDE)
    )  # fmt: skip


def _any(variable: QueryVariable) -> QueryVariable:
    chosen = VariableOption(selected=True, text=["All"], value=[ALL])
    return variable.multi(True).include_all(True).current(chosen)
