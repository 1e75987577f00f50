// A skill as a bar from the middle: to the right better than the reference, to the left worse.

import { svg } from "../core/dom.js";

const HALF = 44;

export function skillBar(share, widest) {
  const length = Math.min(1, Math.abs(share ?? 0) / widest) * HALF;
  const x = share >= 0 ? HALF : HALF - length;
  return svg("svg", { class: "skill-bar", width: HALF * 2, height: 14, viewBox: `0 0 ${HALF * 2} 14`, "aria-hidden": "true" },
    svg("rect", { x, y: 3, width: Math.max(length, 0), height: 8, rx: 2, style: { fill: share >= 0 ? "var(--up)" : "var(--down)" } }),
    svg("rect", { x: HALF - 0.5, y: 0, width: 1, height: 14, style: { fill: "var(--faint)" } }));
}
