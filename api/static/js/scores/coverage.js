// How often a band contained the close, by minutes left, one line per model; dashed: the promised share.

import { el, svg } from "../core/dom.js";
import { percent } from "../core/format.js";

const [WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM] = [560, 210, 46, 14, 12, 30];
const STEPS = [0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5];
const COLOURS = ["var(--accent)", "var(--up)", "var(--warn)", "var(--down)"];

export function coverageChart(rows, key, aim) {
  const models = [...new Set(rows.map((row) => row.model))].sort((one, other) => Number(one === "reference") - Number(other === "reference"));
  const shares = rows.map((row) => row[key]);
  const reach = Math.max(0.03, ...shares.map((share) => Math.abs(share - aim))) * 1.15;
  const step = STEPS.findLast((each) => each <= reach);
  const x = (minutes) => LEFT + ((15 - minutes) / 14) * (WIDE - LEFT - RIGHT);
  const y = (share) => TOP + ((aim + reach - share) / (2 * reach)) * (HIGH - TOP - BOTTOM);
  const lines = models.map((model, at) => line(rows.filter((row) => row.model === model), key, x, y, model === "reference" ? "var(--faint)" : COLOURS[at % COLOURS.length]));
  const chart = svg("svg", { class: "coverage", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `Share of closes inside the ${percent(aim, 0)} band by minutes to close` },
    [aim - step, aim, aim + step].map((share) => rule(share, y(share), share === aim)),
    [15, 12, 9, 6, 3, 1].map((minutes) => tick(x(minutes), minutes)), lines);
  const names = el("div", { class: "chart-key" }, models.map((model, at) => el("span", {}, el("i", { style: { background: model === "reference" ? "var(--faint)" : COLOURS[at % COLOURS.length] } }), model)));
  return el("div", { class: "body" }, names, chart);
}

function rule(share, y, isAim) {
  return svg("g", {},
    svg("line", { x1: LEFT, x2: WIDE - RIGHT, y1: y, y2: y, style: { stroke: isAim ? "var(--soft)" : "var(--line)", strokeDasharray: isAim ? "4 4" : "none" } }),
    svg("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end", class: "axis", text: percent(share, 0) }));
}

function tick(x, minutes) {
  return svg("text", { x, y: HIGH - 10, "text-anchor": "middle", class: "axis", text: minutes === 15 ? "15 min" : minutes });
}

function line(rows, key, x, y, colour) {
  const points = rows.toSorted((one, other) => other.minutes - one.minutes);
  const path = points.map((row, at) => `${at ? "L" : "M"}${x(row.minutes).toFixed(1)} ${y(row[key]).toFixed(1)}`).join("");
  return svg("g", {}, svg("path", { d: path, fill: "none", "stroke-width": 1.75, "stroke-linejoin": "round", style: { stroke: colour } }),
    points.map((row) => svg("circle", { cx: x(row.minutes), cy: y(row[key]), r: 2.6, style: { fill: colour } }, svg("title", { text: `${row.model}, ${row.minutes} min: ${percent(row[key])} of ${row.cases}` }))));
}
