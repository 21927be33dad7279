// The websocket: requests with their answers, everything else to one listener, and a new try when it breaks.

const RETRY_MS = [250, 500, 1000, 2000, 4000];

/** What the server would not do; its message is meant for the reader. */
export class Refused extends Error {}

export class Connection {
  /** `hear(message)` gets what the server tells; `changed(connected)` is called when the line opens or breaks. */
  constructor(hear, changed) {
    this.hear = hear;
    this.changed = changed;
    this.waiting = new Map();
    this.ref = 0;
    this.tries = 0;
    this.open();
  }

  open() {
    const address = new URL("socket", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(address);
    this.socket.addEventListener("message", (event) => this.take(JSON.parse(event.data)));
    this.socket.addEventListener("open", () => {
      this.tries = 0;
      this.changed(true);
    });
    this.socket.addEventListener("close", () => this.broken());
  }

  broken() {
    for (const { reject } of this.waiting.values()) reject(new Refused("The connection broke. Please try again."));
    this.waiting.clear();
    this.changed(false);
    const pause = RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)];
    this.tries += 1;
    setTimeout(() => this.open(), pause);
  }

  /** Ask for an action; resolves to its result, rejects with Refused. */
  ask(action, parameters = {}) {
    if (this.socket.readyState !== WebSocket.OPEN) {
      return Promise.reject(new Refused("The sandbox cannot be reached just now."));
    }
    this.ref += 1;
    const ref = this.ref;
    this.socket.send(JSON.stringify({ ...parameters, ref, do: action }));
    return new Promise((resolve, reject) => this.waiting.set(ref, { resolve, reject }));
  }

  take(message) {
    if (message.type !== "done" && message.type !== "refused") {
      this.hear(message);
      return;
    }
    const asked = this.waiting.get(message.ref);
    this.waiting.delete(message.ref);
    if (message.type === "done") asked?.resolve(message.result);
    else asked?.reject(new Refused(message.message));
  }
}
