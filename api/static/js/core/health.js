// What the server says of its own health: whether what happens is stored, and moves.

const EVERY_MS = 5_000;
const PATIENCE_MS = 4_000;
const TITLES = {
  database: "The store does not answer.", broker: "Kafka does not answer.", stored: "Data stands still.", groups: "Data stands still.",
  versions: "A newer version wrote what this one cannot read.", listening: "The server does not follow the market.",
};

export class Health {
  constructor() {
    this.trouble = null;
  }

  start() {
    this.ask();
    setInterval(() => this.ask(), EVERY_MS);
  }

  /** Ask; a server that does not answer is the stream's matter to tell. */
  async ask() {
    try {
      const answer = await fetch("/healthcheck", { signal: AbortSignal.timeout(PATIENCE_MS) });
      const { parts } = await answer.json();
      const name = Object.keys(TITLES).find((each) => parts[each]?.state === "down");
      this.trouble = name ? { short: "standing", title: TITLES[name], detail: parts[name].reason } : null;
    } catch {
      this.trouble = null;
    }
  }
}
