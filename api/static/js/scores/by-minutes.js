// A figure by minutes left, one line per model; dashed: what it should be, or what it must beat.

import { el, svg } from "../core/dom.js";
import { percent } from "../core/format.js";
import { colours } from "./colours.js";

const [WIDE, LEFT, RIGHT, TOP, BOTTOM] = [560, 46, 14, 12, 30];
const STEPS = [0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5];

/** Draw a share around `aim`; with `isSkill` only as far below it as there are values. */
export function minutesChart(rows, key, { aim, title, isSkill = false, tall = 210 }) {
  const models = colours(rows);
  const shares = rows.map((row) => row[key]);
  const reach = Math.max(0.03, ...shares.map((share) => Math.abs(share - aim))) * 1.15;
  const low = isSkill ? Math.min(-0.2 * reach, Math.min(...shares) * 1.15) : aim - reach;
  const high = aim + reach;
  const step = STEPS.findLast((each) => each <= reach) ?? STEPS[0];
  const x = (minutes) => LEFT + ((15 - minutes) / 14) * (WIDE - LEFT - RIGHT);
  const y = (share) => TOP + ((high - share) / (high - low)) * (tall - TOP - BOTTOM);
  const lines = [...models].map(([model, colour]) => line(rows.filter((row) => row.model === model), key, x, y, colour));
  const chart = svg("svg", { class: "coverage", viewBox: `0 0 ${WIDE} ${tall}`, role: "img", "aria-label": `${title} by minutes to close` },
    [aim - step, aim, aim + step].filter((share) => share >= low).map((share) => rule(share, y(share), share === aim)),
    [15, 12, 9, 6, 3, 1].map((minutes) => tick(x(minutes), minutes, tall - 10)), lines);
  return el("div", { class: "body" }, modelKey(models), chart);
}

export function modelKey(models) {
  return el("div", { class: "chart-key" }, [...models].map(([model, colour]) => el("span", {}, el("i", { style: { background: colour } }), model)));
}

function rule(share, y, isAim) {
  return svg("g", {},
    svg("line", { x1: LEFT, x2: WIDE - RIGHT, y1: y, y2: y, style: { stroke: isAim ? "var(--soft)" : "var(--line)", strokeDasharray: isAim ? "4 4" : "none" } }),
    svg("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end", class: "axis", text: percent(share, 0) }));
}

function tick(x, minutes, y) {
  return svg("text", { x, y, "text-anchor": "middle", class: "axis", text: minutes === 15 ? "15 min" : minutes });
}

function line(rows, key, x, y, colour) {
  const points = rows.toSorted((one, other) => other.minutes - one.minutes);
  const path = points.map((row, at) => `${at ? "L" : "M"}${x(row.minutes).toFixed(1)} ${y(row[key]).toFixed(1)}`).join("");
  return svg("g", {}, svg("path", { d: path, fill: "none", "stroke-width": 1.75, "stroke-linejoin": "round", style: { stroke: colour } }),
    points.map((row) => svg("circle", { cx: x(row.minutes), cy: y(row[key]), r: 2.6, style: { fill: colour } }, svg("title", { text: `${row.model}, ${row.minutes} min: ${percent(row[key])} of ${row.cases}` }))));
}
