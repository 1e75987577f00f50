// A choice of one symbol or all.

import { el, show } from "./dom.js";
import { pairName } from "./format.js";

/** Offer these symbols; what is chosen stays chosen while it is among them. */
export function offerSymbols(select, names) {
  const offered = new Set([...select.options].map((option) => option.value));
  if (offered.size === names.length + 1 && names.every((name) => offered.has(name))) return;
  const chosen = select.value;
  show(select, el("option", { value: "", text: "All symbols" }),
    names.map((name) => el("option", { value: name, text: pairName(name) })));
  select.value = names.includes(chosen) ? chosen : "";
}
