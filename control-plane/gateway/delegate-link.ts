/** One connected delegate: frames out, and for each attempt a queue of what comes back. */
import {
  type Channel,
  type Clock,
  closeCode,
  controlPlaneCodec,
  every,
  frameText,
  type Hello,
  limits,
  livenessMs,
  ProtocolError,
  type Report,
  type Task,
  type TaskIdentity,
  type ToDelegate,
  type TokenReport,
  type Transport,
  transportOf,
  wasAway,
  watchLiveness,
} from '../../protocol/index.ts';
import { type Attempt, type Link, type LinkReport, linkId, type SealedParts } from '../dispatch/link.ts';
import { Budget } from './budget.ts';

export interface LinkOptions {
  readonly socket: Channel;
  readonly hello: Hello;
  readonly scope: Link['scope'];
  readonly tagSet: ReadonlySet<string>;
  /** ISO 8601. */
  readonly now: () => string;
  readonly clientCertificate: Link['clientCertificate'];
  readonly clock: Clock;
  /** How often a heartbeat comes, and we ask for a sign of life. */
  readonly heartbeatMs: number;
  /** It became free, or began to drain. */
  readonly onChange: (link: Link) => void;
  /** Its connection has closed, or was given up. Called once. */
  readonly onEnd: () => void;
  /** Something worth a log line; never holds anything a delegate sent but its message type. */
  readonly onNote: (note: string) => void;
  /** It said something about its own token. */
  readonly onToken: (report: TokenReport) => void;
}

/** So many log messages a task may send; the rest of a noisy script is dropped. */
const mostLogs = 64;
/** A delegate whose heartbeat stays away for so many periods is given up, whatever its socket says. */
const heartbeatsMissed = 3;

const codec = controlPlaneCodec();

/** The frame that tells a delegate to leave a task alone, and others that are sent from here. */
export function sendTo(socket: Channel, message: ToDelegate): void {
  sendFrame(socket, codec.stringify(message));
}

function sendFrame(socket: Channel, frame: string): void {
  socket.send(frame);
  if (socket.bufferedAmount > limits.unread) socket.terminate();
}

export class DelegateLink implements Link {
  readonly id: string;
  readonly instance: string;
  readonly name: string;
  readonly scope: Link['scope'];
  readonly hostName: string;
  readonly agentVersion: string;
  readonly tags: readonly string[];
  readonly tagSet: ReadonlySet<string>;
  readonly capacity: number;
  readonly shells: readonly string[];
  readonly features: readonly string[];
  readonly targets: readonly string[];
  readonly publicKey: Hello['publicKey'];
  readonly transport: Transport;
  readonly connectedAt: string;
  readonly clientCertificate: Link['clientCertificate'];
  readonly #attempts = new Map<string, Queue>();
  readonly #socket: Channel;
  readonly #onChange: () => void;
  readonly #onEnd: () => void;
  readonly #onNote: (note: string) => void;
  readonly #onToken: LinkOptions['onToken'];
  readonly #noted = new Set<string>();
  readonly #stopTimers: () => void;
  readonly #useless: Budget;
  #draining = false;
  #heartbeatAt: string;
  #ended = false;

  constructor(options: LinkOptions) {
    const { socket, hello, clock, heartbeatMs } = options;
    this.id = linkId(hello.name, hello.instance);
    this.instance = hello.instance;
    this.name = hello.name;
    this.scope = options.scope;
    this.hostName = hello.hostName;
    this.agentVersion = hello.agentVersion;
    this.tags = hello.tags;
    this.tagSet = options.tagSet;
    this.capacity = hello.capacity;
    this.shells = hello.shells;
    this.features = hello.features ?? [];
    this.targets = hello.targets ?? [];
    this.publicKey = hello.publicKey;
    this.transport = transportOf(socket);
    this.connectedAt = options.now();
    this.#heartbeatAt = this.connectedAt;
    this.clientCertificate = options.clientCertificate;
    this.#socket = socket;
    this.#onChange = () => options.onChange(this);
    this.#onEnd = options.onEnd;
    this.#onNote = options.onNote;
    this.#onToken = options.onToken;
    this.#useless = new Budget(limits.uselessPerMinute, clock);

    let beat = true;
    const missedMs = heartbeatMs * heartbeatsMissed;
    const stopBeating = every(clock, missedMs, lateMs => {
      if (!beat && !wasAway(lateMs, missedMs)) this.#giveUp('no heartbeat');
      beat = false;
    });
    const stopWatching = watchLiveness(socket, livenessMs(socket, heartbeatMs), clock, why =>
      this.#note(why === 'silent' ? 'fell silent' : 'does not read what is sent to it'),
    );
    this.#stopTimers = () => {
      stopBeating();
      stopWatching();
    };
    socket.on('message', (data, isBinary) => {
      // Whoever was told to go may go on talking until the socket has closed.
      if (this.#ended) return;
      try {
        if (isBinary) throw new ProtocolError('binary frames are not used');
        if (this.#receive(frameText(data)) !== 'heartbeat') return;
        // Nobody needs more of them than were asked for.
        if (beat) this.#spend();
        beat = true;
        this.#heartbeatAt = options.now();
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.#note(`broke the protocol: ${error.message}`);
        this.abandon(closeCode.protocolError, error.message.slice(0, 120));
      }
    });
    // The library answers each of them.
    socket.on('ping', () => this.#spend());
    socket.once('close', () => this.#end('the connection closed'));
  }

  /** Closes the connection. What runs over it is lost at once: a half-open socket takes its time to close. */
  abandon(code: number, reason: string): void {
    this.#socket.close(code, reason);
    this.#end(reason);
  }

  get draining(): boolean {
    return this.#draining;
  }

  get lastHeartbeatAt(): string {
    return this.#heartbeatAt;
  }

  get running(): number {
    return this.#attempts.size;
  }

  start(task: Task, sealing?: Promise<SealedParts>): Attempt {
    const id = { task: task.task, attempt: task.attempt };
    const queue = new Queue();
    if (this.#ended || this.#socket.readyState !== this.#socket.OPEN) {
      queue.push({ type: 'lost', why: 'the connection is closing' });
      return { next: () => queue.next(), close: () => {} };
    }
    if (sealing) void this.#sendSealed(task, sealing, queue);
    else {
      // Written first: a task that can't be sent must not take a place for ever.
      const frame = codec.stringify(task);
      this.#attempts.set(keyOf(id), queue);
      sendFrame(this.#socket, frame);
      queue.sent = true;
    }
    return {
      next: () => queue.next(),
      close: () => {
        // Until it has ended over there it goes on counting as running: the delegate's place is not free yet.
        if (this.#attempts.get(keyOf(id)) !== queue || queue.closed) return;
        queue.closed = true;
        // What is still being sealed will not be sent; its place is free when that is noticed.
        if (queue.sent) sendTo(this.#socket, { type: 'cancel', ...id });
      },
    };
  }

  forget(credential: string): void {
    if (!this.#ended) sendTo(this.#socket, { type: 'forget', credential });
  }

  /** The place is taken from now on, so that of many who choose this delegate at once no two get it. */
  async #sendSealed(task: Task, sealing: Promise<SealedParts>, queue: Queue): Promise<void> {
    const key = keyOf(task);
    this.#attempts.set(key, queue);
    try {
      const frame = codec.stringify({ ...task, ...(await sealing) });
      if (this.#attempts.get(key) !== queue) return;
      if (!queue.closed) {
        sendFrame(this.#socket, frame);
        queue.sent = true;
        return;
      }
    } catch {
      // A key of its own that nothing can be sealed to; the error would say no more.
      queue.push({ type: 'lost', why: 'nothing can be sealed to the delegate' });
    }
    if (this.#attempts.get(key) !== queue) return;
    this.#attempts.delete(key);
    this.#onChange();
  }

  #receive(frame: string): string | undefined {
    const parsed = codec.parse(frame);
    if (!parsed.known) {
      this.#spend();
      this.#note('sent a message of a type that this version does not know; ignored');
      return undefined;
    }
    const { message } = parsed;
    switch (message.type) {
      case 'hello':
        throw new ProtocolError('a second "hello"');
      case 'heartbeat':
        this.#renewLeases(message.running);
        this.#setDraining(message.draining);
        break;
      case 'drained':
        this.#setDraining(true);
        break;
      case 'token-proposed':
      case 'token-presented':
      case 'jwt-presented':
      case 'token-declined':
        this.#onToken(message);
        break;
      default:
        this.#report(message);
    }
    return message.type;
  }

  #report(report: Report): void {
    const queue = this.#attempts.get(keyOf(report));
    // A delegate speaks only about tasks that it was given; an outcome that comes late belongs to nothing.
    if (!queue) {
      this.#spend();
      return this.#note(`sent "${report.type}" for a task that it does not hold; dropped`);
    }
    queue.checkOrder(report);
    if (report.type === 'log' && ++queue.logs > mostLogs) return this.#spend();
    queue.push(report);
    if (report.type === 'succeeded' || report.type === 'failed' || report.type === 'rejected') {
      this.#attempts.delete(keyOf(report));
      this.#onChange();
    }
  }

  /** A heartbeat renews the lease of every task it names; a task that it should name and doesn't is lost. */
  #renewLeases(running: readonly TaskIdentity[]): void {
    const named = new Set(running.map(keyOf));
    for (const [key, queue] of this.#attempts) {
      if (!queue.accepted || named.has(key)) continue;
      queue.push({ type: 'lost', why: 'the delegate no longer runs it' });
      this.#attempts.delete(key);
      this.#onChange();
    }
  }

  #setDraining(draining: boolean): void {
    if (this.#draining === draining) return;
    this.#draining = draining;
    this.#onChange();
  }

  #giveUp(why: string): void {
    this.#note(`given up: ${why}`);
    this.#socket.terminate();
  }

  #end(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopTimers();
    for (const queue of this.#attempts.values()) queue.push({ type: 'lost', why });
    this.#attempts.clear();
    this.#onEnd();
  }

  /** For a message that means nothing: a few come of themselves, as late ones do, but nobody may keep us busy with them. */
  #spend(): void {
    if (this.#ended || this.#useless.spend()) return;
    this.#note('was cut off: it sent too many messages that mean nothing');
    this.abandon(closeCode.protocolError, 'too many messages that mean nothing');
  }

  /** Each thing is noted once: a delegate must not be able to fill the log. */
  #note(note: string): void {
    if (this.#noted.has(note)) return;
    this.#noted.add(note);
    this.#onNote(note);
  }
}

/** (task, attempt): an outcome of an older attempt belongs to nothing. */
const keyOf = ({ task, attempt }: TaskIdentity) => `${task}/${attempt}`;

/** Reports of one attempt, in order, for one reader. Bounded by their order and the number of logs. */
class Queue {
  readonly #reports: LinkReport[] = [];
  #waiting: ((report: LinkReport) => void) | undefined;
  #pending: Promise<LinkReport> | undefined;
  accepted = false;
  /** The delegate knows of it. */
  sent = false;
  /** Nobody reads any more. */
  closed = false;
  logs = 0;
  #values = 0;
  #complete = false;

  /**
   * Reports come as `rejected`, or as `accepted`, logs, the chunks of the value in order, and an end. Throws a
   * `ProtocolError` for one that is out of place, which also bounds how many there can be.
   */
  checkOrder(report: Report): void {
    const first = report.type === 'accepted' || report.type === 'rejected';
    let allowed = first !== this.accepted;
    if (report.type === 'accepted') this.accepted = true;
    if (report.type === 'value') {
      allowed &&= report.seq === this.#values && !this.#complete;
      this.#values += 1;
      this.#complete = report.final;
    }
    if (report.type === 'succeeded') allowed &&= this.#complete && report.chunks === this.#values;
    if (!allowed) throw new ProtocolError(`"${report.type}" is out of place here`);
  }

  push(report: LinkReport): void {
    if (this.closed) return;
    if (this.#waiting) this.#waiting(report);
    else this.#reports.push(report);
    this.#waiting = undefined;
    this.#pending = undefined;
  }

  /** Asking again before there was an answer gives the same promise: a reader may have stopped waiting for it. */
  next(): Promise<LinkReport> {
    if (this.#pending) return this.#pending;
    const first = this.#reports.shift();
    if (first) return Promise.resolve(first);
    this.#pending = new Promise(resolve => {
      this.#waiting = resolve;
    });
    return this.#pending;
  }
}
