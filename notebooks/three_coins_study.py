# %% [markdown]
# ## 2022: three real coins
#
# The coins above are generated, apart from two, so most of them move by themselves. Here are three
# that are all real: BTC, ETH and SOL in 2022, from the exchange's daily archives. It was the year of
# Terra's end in May and of FTX's in November. The study is the notebook
# [three_coins_study.ipynb](../notebooks/three_coins_study.ipynb). It needs no store: it reads the closes
# of every 15 minutes and the volume of every hour from
# [market-2022.csv.xz](../notebooks/data/market-2022.csv.xz), which has them of all three without a hole.
#
# **There is no capitalisation here.** The archives have prices and volumes, and no supply. A price times
# a supply that stands still would only be the price again.

# %%
import lzma
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from showing import GRID, INK, RISING, percent, say, show, table

HELD = Path("data/market-2022.csv.xz")
COINS = ["BTC", "ETH", "SOL"]
COLOURS = {"BTC": "#f7931a", "ETH": "#5a6fd8", "SOL": "#14b8a6"}
PAIRS = [("BTC", "ETH"), ("BTC", "SOL"), ("ETH", "SOL")]
PAIR_COLOURS = dict(zip(PAIRS, ["#b45309", "#0f766e", "#7c3aed"], strict=True))
EVENTS = {"Terra": "2022-05-09", "FTX": "2022-11-08"}
DAY, YEAR = 96, 365 * 96  # quarters of an hour

with lzma.open(HELD) as file:
    rows = pd.read_csv(file)
rows.index = pd.to_datetime(rows.pop("open_ms"), unit="ms", utc=True)
close = rows[COINS].astype(float)
volume = (
    rows[[f"{coin} volume" for coin in COINS]].set_axis(COINS, axis=1).dropna() / 1e3
)  # million
# The close stands at the end of its quarter; the return of a quarter is that from the close before.
returns = np.log(close).diff()
daily_close = close.resample("1D").last()
daily = np.log(daily_close).diff()
traded = volume.resample("1D").sum()
realised = (returns**2).resample("1D").sum() ** 0.5


def marked(figure: go.Figure, row: int, *, named: bool) -> None:
    """Mark the events in a row of a figure."""
    for name, day in EVENTS.items():
        figure.add_vline(x=day, line={"color": INK, "width": 1, "dash": "dot"}, row=row, col=1)
        if named:
            figure.add_annotation(
                x=day, y=1.0, yref="y domain", text=name, showarrow=False, xanchor="left",
                xshift=4, yshift=-8, font={"size": 12, "color": INK}, row=row, col=1,
            )  # fmt: skip


under = close / close.cummax() - 1
usual = returns.std() * np.sqrt(YEAR)
table(
    pd.DataFrame(
        {
            "coin": COINS,
            "candles": [f"{close[coin].count():,}" for coin in COINS],
            "first close": [f"{close[coin].iloc[0]:,.2f}" for coin in COINS],
            "last close": [f"{close[coin].iloc[-1]:,.2f}" for coin in COINS],
            "change": [
                percent(close[coin].iloc[-1] / close[coin].iloc[0] - 1, signed=True)
                for coin in COINS
            ],
            "deepest drawdown": [percent(under[coin].min()) for coin in COINS],
            "volatility a year": [percent(usual[coin]) for coin in COINS],
            "million USDT a day": [f"{traded[coin].mean():,.0f}" for coin in COINS],
        }
    )
)

# %% [markdown]
# ### Price, drawdown and volume
#
# Prices are scaled to 100 at the first close. The drawdown is the distance to the highest close so far.
# The volume is what was traded in a day, over seven days.

# %%
prices = make_subplots(
    3, 1, shared_xaxes=True, row_heights=[0.48, 0.26, 0.26], vertical_spacing=0.05
)
indexed = 100 * daily_close / close.iloc[0]
lowest = 100 * under.resample("1D").min()
smooth = traded.rolling(7).mean() / 1e3
for coin in COINS:
    for row, frame in ((1, indexed), (2, lowest), (3, smooth)):
        prices.add_scatter(
            x=frame.index,
            y=frame[coin],
            name=coin,
            legendgroup=coin,
            showlegend=row == 1,
            line={"color": COLOURS[coin], "width": 2},
            row=row,
            col=1,
        )
for row in (1, 2, 3):
    marked(prices, row, named=row == 1)
prices.update_yaxes(
    type="log",
    title="first close = 100",
    tickvals=[5, 10, 20, 50, 100],
    gridcolor=GRID,
    row=1,
    col=1,
)
prices.update_yaxes(title="drawdown, %", gridcolor=GRID, row=2, col=1)
prices.update_yaxes(
    type="log", title="billion USDT a day", tickvals=[0.01, 0.1, 1, 10], gridcolor=GRID, row=3, col=1
)  # fmt: skip
prices.update_xaxes(gridcolor=GRID, dtick="M1", tickformat="%b")
prices.update_layout(legend={"orientation": "h", "y": 1.05, "x": 0.0})
show(prices, "2022-prices", "2022: prices, drawdown and volume", 760)
low = under.idxmin()
busiest = traded.idxmax()
say(
    "Who bought at the highest close of the year and looked at the lowest had lost "
    + ", ".join(f"{percent(-under[coin].min())} with {coin} ({low[coin]:%-d %B})" for coin in COINS)
    + ". The busiest days were "
    + ", ".join(
        f"{busiest[coin]:%-d %B} for {coin} ({traded[coin].max() / traded[coin].median():.1f} times the usual volume)"
        for coin in COINS
    )
    + "."
)

# %% [markdown]
# ### Who moves together
#
# The bars show the correlation of log returns over 15 minutes, an hour, a day and a week. The lines show
# that of 15 minutes, over the 30 days before.

# %%
SPANS = {"15 minutes": "15min", "1 hour": "1h", "1 day": "1D", "1 week": "7D"}
together = pd.DataFrame(
    {
        name: [returns[[a, b]].resample(span).sum().corr().iloc[0, 1] for a, b in PAIRS]
        for name, span in SPANS.items()
    },
    index=[f"{a} and {b}" for a, b in PAIRS],
)
rolling = {
    pair: returns[pair[0]].rolling(30 * DAY).corr(returns[pair[1]]).resample("1D").last()
    for pair in PAIRS
}
heat = make_subplots(
    1, 2, column_widths=[0.42, 0.58], horizontal_spacing=0.08,
    subplot_titles=["all of 2022", "15 minutes, the 30 days before"],
)  # fmt: skip
for pair, name in zip(PAIRS, together.index, strict=True):
    heat.add_bar(
        x=list(SPANS),
        y=together.loc[name],
        name=name,
        legendgroup=name,
        marker={"color": PAIR_COLOURS[pair]},
        text=[f"{value:.2f}" for value in together.loc[name]],
        textposition="outside",
        textfont={"size": 10},
        row=1,
        col=1,
    )
    heat.add_scatter(
        x=rolling[pair].index,
        y=rolling[pair],
        legendgroup=name,
        showlegend=False,
        line={"color": PAIR_COLOURS[pair], "width": 2},
        row=1,
        col=2,
    )
for name, day in EVENTS.items():
    heat.add_vline(x=day, line={"color": INK, "width": 1, "dash": "dot"}, row=1, col=2)
    heat.add_annotation(
        x=day, y=0.04, text=name, showarrow=False, xanchor="left", xshift=4, row=1, col=2,
        font={"size": 12, "color": INK},
    )  # fmt: skip
heat.update_yaxes(range=[0, 1.05], gridcolor=GRID)
heat.update_xaxes(dtick="M2", tickformat="%b", gridcolor=GRID, row=1, col=2)
heat.update_layout(legend={"orientation": "h", "y": -0.12, "x": 0.5, "xanchor": "center"})
show(heat, "2022-correlation", "2022: correlation of returns", 480)
closest = together["15 minutes"].idxmax()
ends = {pair: each.dropna() for pair, each in rolling.items()}
least = min(ends, key=lambda pair: ends[pair].min())
say(
    f"Real coins move together: over 15 minutes **{closest}** have {together['15 minutes'].max():.2f}, over a day "
    f"{together.loc[closest, '1 day']:.2f}, and no pair is below {together.min().min():.2f}. With {len(returns):,} returns, "
    f"{2 / np.sqrt(len(returns)):.2f} could not be distinguished from zero. "
    f"The lowest of 30 days was {ends[least].min():.2f}, of {least[0]} and {least[1]} up to "
    f"{ends[least].idxmin():%-d %B}. Of the variance of SOL's day, BTC's explains {percent(together.loc['BTC and SOL', '1 day'] ** 2)}: "
    "holding three of these coins is little safer than holding one."
)

# %% [markdown]
# ### Volatility: it clusters, and follows volume
#
# The realised volatility of a day is the root of its summed squared 15-minute returns.

# %%
cluster = go.Figure()
for coin in reversed(COINS):
    cluster.add_scatter(
        x=realised.index,
        y=100 * realised[coin],
        name=coin,
        line={"color": COLOURS[coin], "width": 1.8},
    )
for name, day in EVENTS.items():
    cluster.add_vline(x=day, line={"color": INK, "width": 1, "dash": "dot"})
    cluster.add_annotation(
        x=day, y=1.0, yref="paper", text=name, showarrow=False, xanchor="left", xshift=4, yshift=-8,
        font={"size": 12, "color": INK},
    )  # fmt: skip
cluster.update_yaxes(
    type="log",
    title="realised volatility of a day, %",
    tickvals=[1, 2, 5, 10, 20, 50],
    gridcolor=GRID,
)
cluster.update_xaxes(gridcolor=GRID, dtick="M1", tickformat="%b")
cluster.update_layout(legend={"orientation": "h", "y": 1.13, "x": 0.0, "traceorder": "reversed"})
show(cluster, "2022-volatility", "2022: realised volatility of each day", 460)
logs = np.log(realised)
carried = logs.corrwith(logs.shift(1))
with_volume = logs.corrwith(np.log(traded))
vol_together = logs.corr()
say(
    "A wild day follows a wild day: the logarithm of a day's volatility has a correlation with that of the day before of "
    + ", ".join(f"{carried[coin]:.2f} ({coin})" for coin in COINS)
    + "; that of the day's return itself is "
    + ", ".join(f"{daily[coin].autocorr():+.2f} ({coin})" for coin in COINS)
    + f", where {2 / np.sqrt(len(daily)):.2f} could be chance. Volatility comes with volume ("
    + ", ".join(f"{with_volume[coin]:.2f} for {coin}" for coin in COINS)
    + f"), and to all at once: BTC's and ETH's have {vol_together.loc['BTC', 'ETH']:.2f}, BTC's and SOL's {vol_together.loc['BTC', 'SOL']:.2f}. "
    "BTC's volume says less: it has a step in July, when the exchange stopped taking fees for trading BTC."
)

# %% [markdown]
# ### Volatility by hour (UTC)
#
# The root of the mean squared 15-minute return in an hour of the day, divided by the coin's average, so
# that 1 is usual. The two events are part of it; the map shows the median of the squared returns over the
# weeks, which a single storm does not move.

# %%
squared = returns**2
relative = squared / squared.mean()
by_hour = relative.groupby(returns.index.hour).mean() ** 0.5
hours = squared.resample("1h").mean().mean(axis=1) ** 0.5
by_cell = hours.groupby([hours.index.weekday, hours.index.hour]).median().unstack()
by_cell = by_cell / hours.median()
names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
rhythm = make_subplots(
    2, 1, row_heights=[0.55, 0.45], vertical_spacing=0.14,
    subplot_titles=["all three, by weekday and hour: the median week", "each coin, by hour"],
)  # fmt: skip
rhythm.add_heatmap(
    z=by_cell, x=by_cell.columns, y=names, colorscale=RISING, zmin=0.5, zmax=2.0, xgap=2, ygap=2,
    colorbar={"thickness": 12, "len": 0.5, "y": 0.78, "title": "× usual"}, row=1, col=1,
)  # fmt: skip
for coin in COINS:
    rhythm.add_scatter(
        x=by_hour.index,
        y=by_hour[coin],
        name=coin,
        mode="lines+markers",
        line={"color": COLOURS[coin], "width": 2.2},
        row=2,
        col=1,
    )
rhythm.add_hline(y=1, line={"color": INK, "width": 1, "dash": "dot"}, row=2, col=1)
rhythm.update_yaxes(autorange="reversed", showgrid=False, row=1, col=1)
rhythm.update_yaxes(title="× usual", gridcolor=GRID, row=2, col=1)
rhythm.update_xaxes(range=[-0.5, 23.5], dtick=2, showgrid=False, row=1, col=1)
rhythm.update_xaxes(range=[-0.5, 23.5], dtick=2, title="hour, UTC", gridcolor=GRID, row=2, col=1)
rhythm.update_layout(legend={"orientation": "h", "y": 0.43, "x": 0.99, "xanchor": "right"})
show(rhythm, "2022-hours", "2022: volatility by hour and weekday", 720)
hour = by_hour.mean(axis=1)
weekend = hours[hours.index.weekday >= 5].median() / hours[hours.index.weekday < 5].median()
say(
    f"The three move most in the hour from **{hour.idxmax()}:00 UTC** and least from {hour.idxmin()}:00, by a factor of "
    f"{hour.max() / hour.min():.1f}. An hour of the weekend moves {weekend:.2f} times as much as one of the week, by the median."
)

# %% [markdown]
# ### The worst days
#
# The ten days on which the three together lost most, by the mean of their returns from midnight to
# midnight UTC, with the volume against the median day.

# %%
change = daily_close.pct_change()
worst = change.mean(axis=1).nsmallest(10).index
table(
    pd.DataFrame(
        {
            "day": [f"{day:%-d %B}" for day in worst],
            **{
                coin: [percent(change.loc[day, coin], 1, signed=True) for day in worst]
                for coin in COINS
            },
            "volatility of the day": [percent(realised.loc[day].mean(), 1) for day in worst],
            "volume": [f"{(traded / traded.median()).loc[day].mean():.1f} ×" for day in worst],
        }
    )
)

# %%
ordered = worst.sort_values()
bars = go.Figure()
for coin in COINS:
    bars.add_bar(
        x=[f"{day:%-d %b}" for day in ordered],
        y=100 * change.loc[ordered, coin],
        name=coin,
        marker={"color": COLOURS[coin]},
    )
bars.update_yaxes(title="change of the day, %", gridcolor=GRID)
bars.update_xaxes(type="category")
bars.update_layout(legend={"y": 0.05, "x": 0.02, "yanchor": "bottom"})
show(bars, "2022-worst", "2022: the ten worst days", 420)
each_worst = {coin: set(change[coin].nsmallest(10).index) for coin in COINS}
shared = set.intersection(*each_worst.values())
far = (returns.abs() > 5 * returns.std()).sum()
say(
    f"**{len(shared)} of the ten** worst days of each coin are the same for all three. The worst was {worst[0]:%-d %B}. "
    "Returns of 15 minutes beyond five standard deviations came "
    + ", ".join(f"{far[coin]} times with {coin}" for coin in COINS)
    + "; a normal distribution would have one in fifty years. Risk is not what an average day shows."
)
