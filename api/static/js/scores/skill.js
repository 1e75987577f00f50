// How a skill is written, and from how many cases on it is believed.

import { signed } from "../core/format.js";

export const FEW = 200; // with fewer cases the figures mean little

export function skill(share) {
  return share === null ? "–" : signed(Math.abs(share) < 0.00005 ? 0 : share * 100, 2, "%");
}
