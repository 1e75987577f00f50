// The server's own health report: whether data arrives and is stored.

import { here } from "./api.js";

const EVERY_MS = 5_000;
const PATIENCE_MS = 4_000;
const TITLES = {
  database: "The database does not answer.", broker: "Kafka does not answer.", stored: "Data stands still.", groups: "Data stands still.",
  versions: "A newer version wrote a record that this one cannot read.", listening: "The server receives no market data.",
};

export class Health {
  constructor() {
    this.trouble = null;
  }

  start() {
    this.ask();
    setInterval(() => this.ask(), EVERY_MS);
  }

  /** Ask the server; if it does not answer, the stream reports that. */
  async ask() {
    try {
      const answer = await fetch(here("/healthcheck"), { signal: AbortSignal.timeout(PATIENCE_MS) });
      const { parts } = await answer.json();
      const name = Object.keys(TITLES).find((each) => parts[each]?.state === "down");
      this.trouble = name ? { short: "standing", title: TITLES[name], detail: parts[name].reason } : null;
    } catch {
      this.trouble = null;
    }
  }
}
