// The prediction on a horizontal scale: both bands, the predicted close, and the present price.

import { show, svg } from "../core/dom.js";
import { price } from "../core/format.js";

const WIDE = 316;

export function drawGauge(root, prediction, last, digits) {
  const low = Number(prediction.low_90);
  const high = Number(prediction.high_90);
  const [from, to] = [Math.min(low, last), Math.max(high, last)];
  const pad = (to - from || 1) * 0.04;
  const x = (value) => 2 + ((value - from + pad) / (to - from + 2 * pad)) * (WIDE - 4);
  const mid = x(Number(prediction.price));
  show(root,
    box(x(low), x(high), "color-mix(in srgb, var(--accent) 18%, transparent)"),
    box(x(Number(prediction.low_50)), x(Number(prediction.high_50)), "color-mix(in srgb, var(--accent) 34%, transparent)"),
    svg("rect", { x: mid - 1, y: 20, width: 2, height: 28, rx: 1, style: { fill: "var(--accent)" } }),
    marker(x(last)),
    label(clamp(x(last), 30), 10, "now", "middle", "var(--soft)"),
    label(x(low), 66, price(low, digits), "start", "var(--faint)"),
    label(x(high), 66, price(high, digits), "end", "var(--faint)"),
    label(clamp(mid, 130), 66, price(Number(prediction.price), digits), "middle", "var(--accent)"),
  );
}

function clamp(x, margin) {
  return Math.min(WIDE - margin, Math.max(margin, x));
}

function box(left, right, fill) {
  return svg("rect", { x: left, y: 24, width: Math.max(1, right - left), height: 20, rx: 3, style: { fill } });
}

function marker(x) {
  return svg("path", { d: `M${x - 4.5} 15h9l-4.5 6z`, style: { fill: "var(--text)" } });
}

function label(x, y, text, anchor, fill) {
  return svg("text", { x, y, "text-anchor": anchor, "font-size": 11, "font-weight": 500, style: { fill }, text });
}
