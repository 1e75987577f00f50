// A prediction as a sentence.

import { el } from "../core/dom.js";
import { hourMinute, price, signed } from "../core/format.js";

export function sentence(prediction, state) {
  const say = (text) => el("b", { text: price(Number(text), state.digits) });
  return [
    "Closes at ", el("b", { text: hourMinute(prediction.close_ms) }), " near ", say(prediction.price), `, ${direction(prediction)}. `,
    "Half of such closes lie between ", say(prediction.low_50), " and ", say(prediction.high_50),
    "; nine in ten between ", say(prediction.low_90), " and ", say(prediction.high_90), ".",
  ];
}

export function trust(prediction) {
  if (prediction.status === "cold") return "There is little history yet, so the interval is wider than necessary.";
  if (prediction.status === "gapped") return "Trades just before this prediction are missing, so the interval is wider.";
  return "";
}

function direction(prediction) {
  const points = basisPoints(Number(prediction.last_price), Number(prediction.price));
  if (Math.abs(points) < 0.05) return "where it is now";
  return `${signed(points, 1, "bp")} from now`;
}

export function basisPoints(from, to) {
  return Math.log(to / from) * 10_000;
}
