// A clock of milliseconds that only goes forward, also while the machine sleeps.
// `performance.now()` stands still then, except on Windows: after a night all would look fresh.
// Source: W3C, "High Resolution Time", issue 115.

const SLEEP_MS = 2_000; // the clock of the wall is corrected by less

let slept = 0;
let between = Date.now() - performance.now();

export function now() {
  const difference = Date.now() - performance.now();
  if (difference - between > SLEEP_MS) slept += difference - between;
  between = difference;
  return performance.now() + slept;
}
