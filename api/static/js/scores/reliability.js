// What was claimed and what happened: by tenths of the chance, with the number of cases; dashed: what should be.

import { el, svg } from "../core/dom.js";
import { count, percent, short } from "../core/format.js";

const [WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM, BARS] = [560, 340, 54, 14, 12, 52, 52];
const FEW = 30; // candles; with fewer a share means little
const FIFTHS = [0, 0.2, 0.4, 0.6, 0.8, 1];
const PLOT = HIGH - TOP - BOTTOM - BARS;

const x = (share) => LEFT + share * (WIDE - LEFT - RIGHT);
const y = (share) => TOP + (1 - share) * PLOT;

export function reliabilityChart(rows, model) {
  const most = Math.max(...rows.map((row) => row.cases));
  const chart = svg("svg", { class: "coverage", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `Reliability of ${model}: ${inWords(rows)}` },
    FIFTHS.map((share) => rules(share)),
    svg("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), style: { stroke: "var(--soft)", strokeDasharray: "4 4" } }),
    rows.map((row) => bar(row, most)),
    rows.map((row) => point(row)),
    svg("text", { x: x(0.5), y: HIGH - 6, "text-anchor": "middle", class: "axis", text: "chance that was given; below the line the number of cases" }));
  return el("div", { class: "body" }, chart);
}

function rules(share) {
  return svg("g", {},
    svg("line", { x1: LEFT, x2: WIDE - RIGHT, y1: y(share), y2: y(share), style: { stroke: "var(--line)" } }),
    svg("text", { x: LEFT - 8, y: y(share) + 4, "text-anchor": "end", class: "axis", text: percent(share, 0) }),
    svg("text", { x: x(share), y: HIGH - 32, "text-anchor": share === 1 ? "end" : share === 0 ? "start" : "middle", class: "axis", text: percent(share, 0) }));
}

/** The point with two standard errors, counted in candles: predictions for one candle share its outcome. */
function point(row) {
  const error = 2 * Math.sqrt((row.share_up * (1 - row.share_up)) / row.candles);
  const isFew = row.candles < FEW;
  const at = x(row.mean_chance);
  const colour = isFew ? "var(--faint)" : "var(--accent)";
  return svg("g", {},
    svg("line", { x1: at, x2: at, y1: y(Math.min(1, row.share_up + error)), y2: y(Math.max(0, row.share_up - error)), "stroke-width": 2, style: { stroke: colour, opacity: 0.45 } }),
    svg("circle", { cx: at, cy: y(row.share_up), r: 4.5, style: isFew ? { fill: "var(--panel)", stroke: colour } : { fill: colour } }, svg("title", { text: words(row) })));
}

function bar(row, most) {
  const [left, right, bottom] = [x(row.tenth / 10) + 2, x(row.tenth / 10 + 0.1) - 2, HIGH - BOTTOM];
  const high = Math.max(1, (row.cases / most) * (BARS - 22));
  return svg("g", {},
    svg("rect", { x: left, width: right - left, y: bottom - high, height: high, rx: 2, style: { fill: "color-mix(in srgb, var(--accent) 22%, transparent)" } }, svg("title", { text: words(row) })),
    svg("text", { x: (left + right) / 2, y: bottom - high - 4, "text-anchor": "middle", class: "axis", text: row.cases < 1000 ? count(row.cases) : short(row.cases) }));
}

function words(row) {
  return `given ${percent(row.mean_chance)}: ${percent(row.share_up)} of ${count(row.cases)} cases in ${count(row.candles)} candles closed up`;
}

function inWords(rows) {
  return rows.map(words).join("; ");
}
