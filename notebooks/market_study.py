# %% [markdown]
# # The market, as the pipeline has stored it
#
# This study shows capitalisation, price and volatility of the coins, and the skill of the
# predictions of the open 15-minute candle. It reads all data from ClickHouse through
# `candlewick.connect()`. Every number in the text below is computed from the data, so the text
# changes with it.
#
# **Which market is this?** With `make live` it is Binance. In the demo, and on the page
# `docs/market-study.md`, the candles of BTC and ETH were recorded at Binance, and *all other coins
# are generated*: independent random walks with clustered volatility and a daily rhythm. Findings
# about generated coins only reflect how the generator was built, and are here to show the method.
# Capitalisation in the demo is generated too: supplies are those of January 2022, and before the
# 90 recorded days even BTC and ETH have generated prices.

# %%
from datetime import timedelta
from itertools import cycle

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from comparing import (
    LOSSES,
    beside_reference,
    correlation_of,
    missing_since,
    noise_of,
    skill_of,
    throughout,
)
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots
from showing import GRID, INK, RISING, percent, say, show, table

import candlewick

DAYS = 90
SCORED_DAYS = 30  # scores are kept for ever: some thousands a day of each pair
SCORED_PAIRS = 10  # those that are traded most
QUARTER = timedelta(minutes=15)
WEEK_HOURS = 7 * 24
YEAR_DAYS = 365
STRONGEST = 8.0  # per cent; larger changes have the same colour
FOLLOWED_DAYS = 2  # a coin whose newest value is older is not followed any more
BAND_BP = 5
MINUTE = 10  # to close, where the width of intervals is compared
ACCENTS = {"BTC": "#f7931a", "ETH": "#5a6fd8"}
OTHERS = "#c3c8d1"
DIVERGING = [[0.0, "#2b6cb0"], [0.5, "#f8fafc"], [1.0, "#c2410c"]]

store = candlewick.connect()


def ask(query: str, **values: object) -> pd.DataFrame:
    """Return the rows of a query; columns named ..._ms become UTC times without that ending."""
    rows = store.query_df(query, parameters=values)
    if rows.empty:  # then it does not say which columns there are
        rows = pd.DataFrame(columns=list(store.query(query, parameters=values).column_names))
    for column in [name for name in rows.columns if name.endswith("_ms")]:
        rows[column.removesuffix("_ms")] = pd.to_datetime(rows.pop(column), unit="ms", utc=True)
    return rows


def coin(symbol: str) -> str:
    """Return the coin of a symbol, for example BTC of BTCUSDT."""
    return symbol.removesuffix("USDT")


# %% [markdown]
# ## What there is
#
# The study uses one 15-minute candle for each period: ours made from trades, otherwise the
# exchange's. If neither exists, the candle is missing, counted from the coin's first one, and
# returns across it are left out.

# %%
newest = ask(
    "SELECT toUnixTimestamp64Milli(max(open_time)) AS newest_ms FROM candles_best WHERE interval = '15m'"
)
until = newest["newest"].iloc[0]
since = until - timedelta(days=DAYS)
candles = ask(
    "SELECT symbol, toUnixTimestamp64Milli(open_time) AS open_ms, toFloat64(close) AS close, "
    "toFloat64(quote_volume) AS traded, toString(status) AS status "
    "FROM candles_best WHERE interval = '15m' "
    f"AND open_time > fromUnixTimestamp64Milli({int(since.timestamp() * 1000)}, 'UTC')"
)
if candles.empty:
    raise SystemExit(
        "No candle is stored yet: start the pipeline (`candlewick up`) and wait for its first quarter "
        "of an hour, or run the study in the folder of the pipeline that is meant."
    )
candles["coin"] = candles["symbol"].map(coin)
grid = pd.date_range(candles["open"].min(), until, freq="15min")
close = candles.pivot(index="open", columns="coin", values="close").reindex(grid)
returns = np.log(close).diff()
stable = [name for name in close if name in {"USDC", "FDUSD", "TUSD", "DAI"}]
moving = [name for name in close if name not in stable]
held_days = len(grid) / 96

held = candles.groupby("coin").agg(
    first=("open", "min"), last=("open", "max"), candles=("close", "size"), traded=("traded", "sum")
)
held["missing"] = missing_since(held["first"], held["candles"], until, QUARTER)
held = held.sort_values("traded", ascending=False)
table(
    pd.DataFrame(
        {
            "coin": held.index,
            "first candle": held["first"].dt.strftime("%Y-%m-%d %H:%M"),
            "last candle": held["last"].dt.strftime("%Y-%m-%d %H:%M"),
            "candles": held["candles"].map("{:,}".format),
            "missing": held["missing"],
            "million USDT a day": (held["traded"] / held_days / 1e6).map("{:,.1f}".format),
        }
    )
)
say(
    f"**{len(candles):,} candles of {close.shape[1]} pairs**, {grid[0]:%-d %B %Y} to "
    f"{until:%-d %B %Y}: {held_days:.0f} days. "
    + (
        "None is missing."
        if not held["missing"].sum()
        else f"{held['missing'].sum():,} are missing, most of {held['missing'].idxmax()}."
    )
)

# %% [markdown]
# ## Capitalisation
#
# Capitalisation is the price times the circulating supply, as reported by CoinGecko. The area
# shows the capitalisation, the colour the change in the last 24 hours.

# %%
coins = ask(
    "SELECT ticker, name, toFloat64(market_cap) AS cap, toFloat64(change_24h) AS change, "
    "toFloat64(volume_24h) AS volume FROM coins FINAL WHERE market_cap > 0 "
    f"AND updated_time > (SELECT max(updated_time) FROM coins) - INTERVAL {FOLLOWED_DAYS} DAY "
    "ORDER BY updated_time DESC LIMIT 1 BY coin_id"
).sort_values("cap", ascending=False)
if coins.empty:
    say("No capitalisation is stored yet: the process `coins` asks CoinGecko for it.")
else:
    share = coins["cap"] / coins["cap"].sum()
    coins["text"] = [
        f"<b>{row.ticker}</b><br>{row.cap / 1e9:,.0f} bn $<br>{percent(row.change / 100, 1, signed=True)}"
        if part > 0.008
        else row.ticker
        for row, part in zip(coins.itertuples(), share, strict=True)
    ]
    place = (0.5 + coins["change"].fillna(0) / STRONGEST / 2).clip(0, 1)
    tree = go.Figure(
        go.Treemap(
            labels=coins["name"],
            parents=[""] * len(coins),
            values=coins["cap"],
            text=coins["text"],
            textinfo="text",
            textfont={"size": 18},
            marker={
                "colors": sample_colorscale(
                    [[0.0, "#dc2626"], [0.5, "#e2e8f0"], [1.0, "#16a34a"]], list(place)
                ),
                "line": {"width": 2, "color": "white"},
                "pad": {"t": 0, "l": 0, "r": 0, "b": 0},
            },
            tiling={"pad": 2},
            pathbar={"visible": False},
            root={"color": "white"},
        )
    )
    show(tree, "capitalisation", "Capitalisation, coloured by the change of 24 hours", 520)
    say(
        f"{coins['ticker'].iloc[0]} is **{percent(share.iloc[0])}** of the {coins['cap'].sum() / 1e12:.2f} "
        f"trillion dollars of these {len(coins)} coins, and the first three together are "
        f"{percent(share.iloc[:3].sum())}. The effective number of coins, one over the sum of squared shares, "
        f"is {1 / (share**2).sum():.1f}: a portfolio of the whole market is little more than its largest coin."
        if share.iloc[0] > 0.5
        else f"The largest coin is {percent(share.iloc[0])} of {coins['cap'].sum() / 1e12:.2f} trillion "
        f"dollars; the effective number of coins is {1 / (share**2).sum():.1f}."
    )

# %%
days = ask(
    "SELECT coin_id, toUnixTimestamp64Milli(time) AS at_ms, toFloat64(market_cap) AS cap "
    "FROM coin_days FINAL WHERE market_cap > 0 "
    f"AND time > (SELECT max(time) FROM coin_days) - INTERVAL {YEAR_DAYS} DAY ORDER BY time"
)
days["at"] = days["at"].dt.floor("D")
every = days.pivot_table(index="at", columns="coin_id", values="cap", aggfunc="last")
caps = throughout(every, timedelta(days=FOLLOWED_DAYS))
if caps.empty or len(caps) < 2:
    say("No coin has been followed for long enough to compare its capitalisation.")
else:
    total = caps.sum(axis=1)
    largest = caps.iloc[-1].sort_values(ascending=False).index[:3]
    shades = ["#f9a94a", "#7d8ee0", "#5cc5b6", "#d9dee6"]
    stack = go.Figure()
    for name, shade in zip([*largest, "all others"], shades, strict=False):
        part = caps[name] if name in caps else total - caps[largest].sum(axis=1)
        stack.add_scatter(
            x=caps.index,
            y=part / 1e12,
            name=name,
            stackgroup="one",
            line={"width": 0.5, "color": shade},
            fillcolor=shade,
        )
    stack.update_yaxes(title="trillion dollars", gridcolor=GRID)
    stack.update_layout(legend={"orientation": "h", "y": 1.06, "x": 0.0})
    show(stack, "capitalisation-year", "Capitalisation over the last year")
    left_out = sorted(set(every) - set(caps))
    say(
        f"From {total.index[0]:%-d %B %Y} to {total.index[-1]:%-d %B %Y} the total went from "
        f"{total.iloc[0] / 1e12:.2f} to {total.iloc[-1] / 1e12:.2f} trillion dollars "
        f"({percent(total.iloc[-1] / total.iloc[0] - 1, signed=True)}). It peaked at {total.max() / 1e12:.2f} on "
        f"{total.idxmax():%-d %B}."
        + (f" Not followed all the time, and left out: {', '.join(left_out)}." if left_out else "")
    )

# %% [markdown]
# ## Price and drawdown
#
# Each price is scaled to 100 at its first candle. The drawdown is the distance to the highest close
# so far: the loss of a buyer at the worst moment.

# %%
indexed = 100 * close[moving] / close[moving].bfill().iloc[0]
under = 100 * (close[moving] / close[moving].cummax() - 1)
hourly = grid[::4]
price = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.62, 0.38], vertical_spacing=0.07)
for name in sorted(moving, key=lambda each: each in ACCENTS):
    colour, width = ACCENTS.get(name, OTHERS), 2.2 if name in ACCENTS else 1.1
    for row, frame in ((1, indexed), (2, under)):
        price.add_scatter(
            x=hourly,
            y=frame[name].reindex(hourly),
            name=name,
            line={"width": width, "color": colour},
            showlegend=False,
            row=row,
            col=1,
        )
ends = indexed.ffill().iloc[-1].sort_values()
places = np.log10(ends.clip(lower=1))
for i in range(1, len(places)):
    places.iloc[i] = max(places.iloc[i], places.iloc[i - 1] + 0.033)
for name, place in places.items():
    price.add_annotation(
        x=1.005,
        y=place,
        xref="paper",
        yref="y",
        text=f"{name} {ends[name]:.0f}",
        showarrow=False,
        xanchor="left",
        font={"size": 11, "color": ACCENTS.get(str(name), "#6b7280")},
    )
price.update_yaxes(type="log", title="first candle = 100", gridcolor=GRID, row=1, col=1)
price.update_yaxes(title="drawdown, %", gridcolor=GRID, row=2, col=1)
show(price, "price-drawdown", "Prices, and how far below their highest close", 680, right=100)
worst = under.min()
deepest = str(worst.idxmin())
peak = close[deepest][: under[deepest].idxmin()].idxmax()
say(
    f"Over {held_days:.0f} days **{ends.index[-1]}** did best ({ends.iloc[-1] - 100:+.0f} %), "
    f"{ends.index[0]} worst ({ends.iloc[0] - 100:+.0f} %). The deepest drawdown is that of "
    f"**{deepest}**: {worst.min():.0f} %, from {peak:%-d %B} to {under[deepest].idxmin():%-d %B}. "
    + " ".join(f"{name}'s was {worst[name]:.0f} %." for name in ACCENTS if name in worst)
)

# %% [markdown]
# ## Who moves together
#
# The map shows the correlation of hourly log returns. A coin that is nearly independent of all
# others either has news of its own, or was generated.

# %%
hours = returns[moving].resample("1h").sum(min_count=4)
correlation = correlation_of(hours, fewest=WEEK_HOURS)
lower = np.tril(np.ones(correlation.shape, dtype=bool), -1)
pairs = correlation.where(lower).stack().dropna()
if pairs.empty:
    say("Fewer than two coins that move have a week of hours in common: nothing can be compared.")
else:
    first, second = map(str, pairs.idxmax())
    shown = correlation.where(lower).iloc[1:, :-1]
    rolling = hours[first].rolling(WEEK_HOURS, min_periods=WEEK_HOURS // 2).corr(hours[second])
    heat = make_subplots(
        1,
        2,
        column_widths=[0.5, 0.5],
        horizontal_spacing=0.1,
        subplot_titles=["all hours", f"{first} and {second}, the seven days before"],
    )
    heat.add_heatmap(
        z=shown,
        x=shown.columns,
        y=shown.index,
        zmin=-1,
        zmax=1,
        colorscale=DIVERGING,
        text=shown.map(lambda value: "" if np.isnan(value) else f"{value:+.2f}"),
        texttemplate="%{text}",
        textfont={"size": 11},
        xgap=2,
        ygap=2,
        hoverongaps=False,
        showscale=False,
        row=1,
        col=1,
    )
    heat.add_scatter(
        x=rolling.index,
        y=rolling,
        line={"color": "#c2410c", "width": 2},
        showlegend=False,
        row=1,
        col=2,
    )
    heat.update_yaxes(autorange="reversed", showgrid=False, row=1, col=1)
    heat.update_xaxes(showgrid=False, row=1, col=1)
    heat.update_yaxes(
        range=[min(0.0, float(rolling.min()) - 0.05), 1], gridcolor=GRID, row=1, col=2
    )
    show(heat, "correlation", "Correlation of hourly returns", 520)
    noise = (
        noise_of(hours).loc[correlation.index, correlation.columns].where(lower).stack().dropna()
    )
    related = pairs[pairs.abs() > 0.2]  # of a week's hours, chance alone gives less
    young = sorted(set(hours) - set(correlation))
    say(
        f"The pair that moves together most is **{first} and {second}** ({pairs.max():.2f}); over seven "
        f"days its correlation was between {rolling.min():.2f} and {rolling.max():.2f}. Pairs with a correlation above "
        f"0.20 in size: {len(related)} of {len(pairs)}. With {len(hours):,} hours, a correlation "
        f"below {noise.min():.2f} cannot be distinguished from zero. "
        + (
            "Real coins move together; most of these do not, because they are generated."
            if (pairs < noise.reindex(pairs.index)).mean() > 0.5
            else "Diversifying among these coins helps little."
        )
        + (
            f" Too young to compare, with less than a week of hours: {', '.join(young)}."
            if young
            else ""
        )
    )

# %% [markdown]
# ## When it moves: hour and weekday (UTC)
#
# Volatility is the root of the mean squared 15-minute return, divided by the coin's average, so
# that 1 is usual. Each cell of the map covers few days, so a single shock can colour it; the lines
# by hour are more reliable.

# %%
active = [name for name in ACCENTS if name in moving] or moving[:1]
squared = returns[moving] ** 2
relative = squared / squared.mean()
by_cell = relative[active].mean(axis=1).groupby([grid.weekday, grid.hour]).mean().unstack() ** 0.5
by_hour = relative.groupby(grid.hour).mean() ** 0.5
names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
rhythm = make_subplots(
    2, 1, row_heights=[0.55, 0.45], vertical_spacing=0.13, shared_xaxes=False,
    subplot_titles=[f"{' and '.join(active)}, by weekday and hour", "every coin, by hour"],
)  # fmt: skip
rhythm.add_heatmap(
    z=by_cell,
    x=by_cell.columns,
    y=[names[day] for day in by_cell.index],
    colorscale=RISING,
    zmin=0.4,
    zmax=max(1.6, float(np.nanquantile(by_cell, 0.97))),
    xgap=2,
    ygap=2,
    colorbar={"thickness": 12, "len": 0.5, "y": 0.78, "title": "× usual"},
    row=1,
    col=1,
)
for name in sorted(moving, key=lambda each: each in ACCENTS):
    rhythm.add_scatter(
        x=by_hour.index,
        y=by_hour[name],
        name=name if name in ACCENTS else "others",
        legendgroup="others" if name not in ACCENTS else name,
        showlegend=name in ACCENTS or name == next(n for n in moving if n not in ACCENTS),
        line={
            "color": ACCENTS.get(name, OTHERS),
            "width": 2.6 if name in ACCENTS else 1.0,
            "shape": "spline",
        },
        row=2,
        col=1,
    )
rhythm.add_hline(y=1, line={"color": INK, "width": 1, "dash": "dot"}, row=2, col=1)
rhythm.update_yaxes(autorange="reversed", row=1, col=1, showgrid=False)
rhythm.update_yaxes(title="× usual", gridcolor=GRID, row=2, col=1)
rhythm.update_xaxes(dtick=2, title="hour, UTC", row=2, col=1)
rhythm.update_xaxes(dtick=2, row=1, col=1, showgrid=False)
rhythm.update_layout(legend={"orientation": "h", "y": 0.45, "x": 0.99, "xanchor": "right"})
show(rhythm, "rhythm", "Volatility by hour and weekday", 720)
hour = relative[active].mean(axis=1).groupby(grid.hour).mean() ** 0.5
weekday = relative[active].mean(axis=1).groupby(grid.weekday).mean() ** 0.5
say(
    f"{' and '.join(active)} move most in the hour from **{hour.idxmax()}:00 UTC** and least from "
    f"{hour.idxmin()}:00, by a factor of {hour.max() / hour.min():.1f}. "
    + (
        f"The liveliest weekday is {names[weekday.idxmax()]}, the calmest {names[weekday.idxmin()]} "
        f"({weekday.max() / weekday.min():.1f} times)."
        if len(weekday) == len(names)
        else "There are too few days to compare weekdays."
    )
)

# %% [markdown]
# ## Does the stablecoin hold its peg?
#
# The figure shows the deviation of the price from one tether (USDT), in basis points (1 bp is
# 0.01 %).

# %%
if stable:
    peg = 1e4 * (close[stable[0]] - 1)
    figure = make_subplots(
        1, 2, column_widths=[0.78, 0.22], shared_yaxes=True, horizontal_spacing=0.02
    )
    figure.add_scatter(
        x=peg.index, y=peg, line={"width": 1, "color": "#0f766e"}, showlegend=False, row=1, col=1
    )
    figure.add_histogram(
        y=peg,
        ybins={"start": -100.5, "end": 100.5, "size": 1},
        marker={"color": "#0f766e"},
        showlegend=False,
        row=1,
        col=2,
    )
    figure.add_hrect(
        y0=-BAND_BP, y1=BAND_BP, fillcolor="#dcfce7", opacity=0.7, line_width=0, layer="below"
    )
    figure.update_yaxes(title="basis points from 1", gridcolor=GRID, row=1, col=1)
    figure.update_xaxes(title="candles", row=1, col=2)
    show(figure, "peg", f"{stable[0]} against USDT; the green band is ± {BAND_BP} bp", 420)
    off = peg.dropna().abs()
    runs = (off <= BAND_BP).cumsum()[off > BAND_BP]
    longest = runs.value_counts().max() / 4 if len(runs) else 0.0
    say(
        f"{stable[0]} is within {BAND_BP} bp of the peg **{percent((off <= BAND_BP).mean(), 1)}** of the "
        f"time, with an average deviation of {peg.mean():+.1f} bp. Its largest deviation is "
        f"{peg[off.idxmax()]:+.1f} bp on {off.idxmax():%-d %B}"
        + (f"; the longest period outside lasted {longest:.1f} hours." if longest else ".")
        + f" A deviation may come from tether as much as from {stable[0]}."
    )
else:
    say("No stablecoin is followed.")

# %% [markdown]
# ## Predicted against realised volatility
#
# In every minute of an open candle, each model predicts a 90 % interval for the close. Its width
# divided by 3.29 is the standard deviation that the model expects. The figure uses the predictions
# for one pair ten minutes before the close, sorted from the narrowest interval to the widest; each
# point is a tenth of them. The points of a good model lie on the dotted line and far apart: where
# it expects a move twice as large, the move is twice as large. The reference expects nearly the
# same at all times. The scores are those of the last 30 days, and of the ten pairs that are traded
# most.

# %%
scores = ask(
    "SELECT symbol, interval, model, champion, toUInt8(round(minutes_to_close)) AS minutes, "
    "toUnixTimestamp64Milli(open_time) AS open_ms, "
    "toUnixTimestamp64Milli(issued_time) AS issued_ms, error_bp, squared_error_bp2, pinball_bp, "
    "width_90_bp, volatility_bp, covered_50, covered_90 FROM scores FINAL "
    "WHERE symbol IN {symbols:Array(String)} "
    "AND open_time > (SELECT max(open_time) FROM scores) - toIntervalDay({days:UInt16})",
    symbols=list(candles.groupby("symbol")["traded"].sum().nlargest(SCORED_PAIRS).index),
    days=SCORED_DAYS,
)
models = ["reference", *sorted(set(scores["model"]) - {"reference"})]
colours = ["#94a3b8", "#0f766e", "#c2410c", "#7c3aed", "#2563eb"]
palette = dict(zip(models, cycle(colours), strict=False))
scores["expected"] = scores["width_90_bp"] / 3.29
pair = scores["symbol"].min()
asked = scores[(scores["minutes"] == MINUTE) & (scores["symbol"] == pair)]
scale = go.Figure()
seen = {}
for model in models if len(asked) else ():
    mine = asked[asked["model"] == model]
    tenth = pd.qcut(mine["expected"], 10, labels=False, duplicates="drop")
    seen[model] = mine.groupby(tenth).agg(
        expected=("expected", "mean"),
        happened=("squared_error_bp2", lambda each: each.mean() ** 0.5),
    )
    scale.add_scatter(
        x=seen[model]["expected"],
        y=seen[model]["happened"],
        mode="lines+markers",
        name=model,
        line={"color": palette[model], "width": 2},
        marker={"size": 10},
    )
if seen:
    every = pd.concat(seen.values())
    ends = [0.9 * float(every.min().min()), 1.1 * float(every.max().max())]
    scale.add_scatter(
        x=ends,
        y=ends,
        mode="lines",
        name="as expected",
        line={"color": INK, "dash": "dot", "width": 1},
    )
    marks = {"type": "log", "tickvals": [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100], "gridcolor": GRID}
    scale.update_xaxes(title="expected, basis points", **marks)
    scale.update_yaxes(title="happened, basis points", **marks)
    scale.update_layout(legend={"orientation": "h", "y": 1.06, "x": 0.0})
    show(
        scale,
        "volatility",
        f"{coin(pair)}: what the intervals expect {MINUTE} minutes before the close",
        540,
    )
if scores.empty:
    say("No prediction has been scored yet: the first candle has to close.")
else:
    storm = scores.groupby("model")["volatility_bp"].transform(
        lambda each: each > each.quantile(0.8)
    )
    calm_storm = scores.groupby(["model", storm])["covered_90"].mean().unstack() * 100
    say(
        f"The data are {scores['open'].nunique():,} candles and {len(scores):,} scored predictions. In the most "
        "volatile fifth of the time, the 90 % intervals contain "
        + ", ".join(
            f"{row[True]:.0f} % ({model})" for model, row in calm_storm.iterrows() if True in row
        )
        + " of the closes; in the rest of the time "
        + ", ".join(f"{row[False]:.0f} % ({m})" for m, row in calm_storm.iterrows() if False in row)
        + ". An interval that does not follow volatility is too narrow in turbulent times, when it matters most."
    )

# %% [markdown]
# ## What predictions are worth, by minutes to close
#
# Skill is one minus the model's loss divided by that of the reference, which predicts the last
# price with an interval that is the same at all times, over the questions that both answered. Above
# zero, a model is better than the reference. The loss of the point is its squared error, that of the
# interval its pinball loss. The intervals should contain 90 % and 50 % of the closes, which are the
# dotted lines.

# %%
if scores.empty:
    say("No prediction has been scored yet.")
else:
    paired = beside_reference(scores)
    compared = [name for name in models[1:] if (paired["model"] == name).any()]
    skill = skill_of(paired, ["model", "minutes"])
    cover = 100 * scores.groupby(["model", "minutes"])[["covered_90", "covered_50"]].mean()
    quality = make_subplots(
        1, 2, horizontal_spacing=0.1, subplot_titles=["skill of the interval (solid) and of the point (dots)", "closes inside the 90 % and the 50 % interval, %"],
    )  # fmt: skip
    for model in models:
        colour = palette[model]
        if model in compared:
            for column, dash in (("pinball_bp", "solid"), ("squared_error_bp2", "dot")):
                quality.add_scatter(
                    x=skill.loc[model].index,
                    y=100 * skill.loc[model][column],
                    name=model,
                    legendgroup=model,
                    showlegend=False,
                    line={"color": colour, "dash": dash, "width": 2.4},
                    row=1,
                    col=1,
                )
        for column in ("covered_90", "covered_50"):
            quality.add_scatter(
                x=cover.loc[model].index,
                y=cover.loc[model][column],
                name=model,
                legendgroup=model,
                showlegend=column == "covered_90",
                line={"color": colour, "width": 2.4},
                row=1,
                col=2,
            )
    quality.add_hline(y=0, line={"color": INK, "width": 1}, row=1, col=1)
    for level in (50, 90):
        quality.add_hline(y=level, line={"color": INK, "width": 1, "dash": "dot"}, row=1, col=2)
    quality.update_xaxes(title="minutes to close", autorange="reversed", dtick=2, gridcolor=GRID)
    quality.update_yaxes(title="skill, %", gridcolor=GRID, row=1, col=1)
    quality.update_yaxes(range=[40, 100], gridcolor=GRID, row=1, col=2)
    quality.update_layout(legend={"orientation": "h", "y": -0.16, "x": 0.5, "xanchor": "center"})
    show(quality, "quality", "Quality of the predictions by minutes to close", 500)
    whole_skill = skill_of(paired, ["model"])
    for model in compared:
        point, interval = whole_skill.loc[model, LOSSES]
        say(
            f"**{model}**: skill of the point {percent(point, 1, signed=True)}"
            + (", no better than that of the last price" if abs(point) < 0.01 else "")
            + f"; skill of the interval {percent(interval, 1, signed=True)}"
            + (", which is real" if interval > 0.02 else "")
            + f". Its 90 % interval contained {percent(scores.loc[scores['model'] == model, 'covered_90'].mean(), 1)} "
            "of the closes."
        )

# %%
store.close()
