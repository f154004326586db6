/**
 * What stands between a browser and the servers: a balancer that goes to whichever server writes, and a network that can go
 * dead without a word, as one does whose cable is pulled.
 */
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";

export class Proxy {
  /** Where it is reached. */
  readonly base: string;
  readonly #listener: Server;
  readonly #targets: string[];
  readonly #open = new Set<Socket>();
  #dead = false;

  private constructor(listener: Server, targets: string[]) {
    this.#listener = listener;
    this.#targets = targets;
    this.base = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    listener.on("connection", (near) => void this.#carry(near));
  }

  /** Listens before the servers at `targets`, their plain addresses. */
  static async before(...targets: string[]): Promise<Proxy> {
    const listener = createServer({ pauseOnConnect: true });
    await new Promise<void>((done) => listener.listen(0, "127.0.0.1", done));
    return new Proxy(listener, targets);
  }

  /** One more server to go to. */
  add(target: string): void {
    this.#targets.push(target);
  }

  /** From here on nothing comes through and nothing is refused. */
  die(): void {
    this.#dead = true;
    for (const socket of this.#open) socket.pause();
  }

  /** It carries again: what was on its way arrives late, unless whatever stood between has `forgotten` its connections. */
  revive({ forgotten = false } = {}): void {
    this.#dead = false;
    if (forgotten) this.#open.clear();
    for (const socket of this.#open) socket.resume();
    for (const near of this.#waiting.splice(0)) void this.#carry(near);
  }

  async end(): Promise<void> {
    const closed = new Promise((done) => this.#listener.close(done));
    for (const socket of this.#all) socket.destroy();
    await closed;
  }

  readonly #waiting: Socket[] = [];
  readonly #all = new Set<Socket>();

  async #carry(near: Socket): Promise<void> {
    this.#keep(near);
    if (this.#dead) {
      this.#waiting.push(near);
      return;
    }
    const target = await this.#writer();
    if (target === undefined) {
      near.destroy();
      return;
    }
    const far = connect({ host: target.hostname, port: Number(target.port) });
    this.#keep(far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#open.add(from);
      from.on("data", (bytes) => {
        // Whoever doesn't take it in holds the other one up.
        if (to.write(bytes)) return;
        from.pause();
        to.once("drain", () => this.#dead || from.resume());
      });
      from.once("end", () => to.end());
      from.once("close", () => {
        this.#open.delete(from);
        to.destroy();
      });
      if (!this.#dead) from.resume();
    }
  }

  #keep(socket: Socket): void {
    if (this.#all.has(socket)) return;
    this.#all.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.once("close", () => this.#all.delete(socket));
  }

  /** The first of the servers that says that it is ready. */
  async #writer(): Promise<URL | undefined> {
    for (const target of this.#targets) {
      const answer = await fetch(`${target}/readyz`).catch(() => undefined);
      if (answer?.status === 200) return new URL(target);
    }
    return undefined;
  }
}
