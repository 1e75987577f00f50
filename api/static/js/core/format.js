// Formats numbers and times for people. All times are UTC.

const NONE = "–";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const formats = new Map();

function decimal(digits, sign = "auto") {
  const key = `${digits}${sign}`;
  if (!formats.has(key)) {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: sign };
    formats.set(key, new Intl.NumberFormat("en-US", options));
  }
  return formats.get(key);
}

export function price(value, digits = 2) {
  return value === null || value === undefined || Number.isNaN(value) ? NONE : decimal(digits).format(value);
}

export function signed(value, digits = 2, unit = "") {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const text = decimal(digits, "exceptZero").format(value).replace("-", "−");
  return unit ? `${text}\u202f${unit}` : text;
}

export function percent(share, digits = 1) {
  return share === null || share === undefined ? NONE : `${decimal(digits).format(share * 100)}\u202f%`;
}

export function count(value) {
  return value === null || value === undefined ? NONE : decimal(0).format(value);
}

export function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  for (const [unit, name] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= unit) return `${decimal(size / unit < 10 ? 2 : 1).format(value / unit)}\u202f${name}`;
  }
  return decimal(size < 1 ? 4 : size < 10 ? 2 : size < 100 ? 1 : 0).format(value);
}

export function digitsOf(text) {
  return text?.includes(".") ? text.length - text.indexOf(".") - 1 : 0;
}

export function anyPrice(value) {
  if (value === null || value === undefined) return NONE;
  const size = Math.abs(value);
  return decimal(size >= 1000 ? 0 : size >= 1 ? 2 : size >= 0.01 ? 4 : 6).format(value);
}

export function clock(ms) {
  return new Date(ms).toISOString().slice(11, 19);
}

export function hourMinute(ms) {
  return new Date(ms).toISOString().slice(11, 16);
}

export function day(ms) {
  return new Date(ms).toISOString().slice(0, 10);
}

export function moment(ms) {
  if (ms === null || ms === undefined) return NONE;
  const date = new Date(ms);
  const year = date.getUTCFullYear() === new Date().getUTCFullYear() ? "" : ` ${date.getUTCFullYear()}`;
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}${year} ${hourMinute(ms)}`;
}

export function countdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
}

export function age(ms) {
  if (!Number.isFinite(ms)) return "unknown";
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)}\u202fs`;
  if (seconds < 120) return `${Math.round(seconds)}\u202fs`;
  if (seconds < 7200) return `${Math.round(seconds / 60)}\u202fmin`;
  return `${Math.round(seconds / 3600)}\u202fh`;
}

/** A pair by both its parts: the base alone may be that of several. */
export function pairName(symbol) {
  return pairParts(symbol).filter(Boolean).join("/");
}

export function pairParts(symbol) {
  const quote = ["USDT", "USDC", "FDUSD", "BTC", "ETH", "EUR"].find((name) => symbol.endsWith(name) && symbol !== name);
  return quote ? [symbol.slice(0, -quote.length), quote] : [symbol, ""];
}
