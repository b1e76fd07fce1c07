/** A long-running program under test, followed by the lines it writes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ProgramOptions {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A command that ends in running the one behind it, as `env` does. */
  readonly within?: readonly string[];
}

/** A log line: JSON, or the text of a line that is none. */
export type Line = Readonly<Record<string, unknown>>;

export interface Program {
  readonly pid: number;
  /** Everything written so far, both streams. */
  output(): string;
  /** The lines of standard output so far. */
  lines(): readonly Line[];
  /** Resolves with the first line, past or future, whose `msg` is this and that holds these fields. */
  said(message: string, fields?: Line): Promise<Line>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when the program has ended. */
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  /** Ends it, as kindly as needed, and waits. */
  stop(): Promise<void>;
}

/** How long a line may take to come; a test that waits longer has failed. */
const patienceMs = 60_000;

/** Starts a TypeScript program of this repository. */
export function startProgram({ args, env = {}, cwd, within = [] }: ProgramOptions): Program {
  const [command = process.execPath, ...rest] = [...within, process.execPath, ...args];
  const child: ChildProcess = spawn(command, rest, {
    // Nothing of the environment of whoever runs the tests gets in but what a program can't do without.
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const { stdout, stderr, pid } = child;
  if (!stdout || !stderr || pid === undefined) throw new Error('the program could not be started');
  const lines: Line[] = [];
  const watchers = new Set<() => void>();
  let text = '';
  createInterface({ input: stdout }).on('line', line => {
    text += `${line}\n`;
    lines.push(toLine(line));
    for (const watcher of [...watchers]) watcher();
  });
  stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  let over = false;
  const ended = new Promise<{ code: number | null; signal: string | null }>(resolve =>
    child.once('close', (code, signal) => {
      over = true;
      resolve({ code, signal });
      for (const watcher of [...watchers]) watcher();
    }),
  );

  return {
    pid,
    output: () => text,
    lines: () => lines,
    ended,
    signal: signal => child.kill(signal),
    said(message, fields = {}) {
      const find = () =>
        lines.find(
          line =>
            line.msg === message && Object.entries(fields).every(([name, value]) => line[name] === value),
        );
      return new Promise((resolve, reject) => {
        const look = () => {
          const line = find();
          if (!line && !over) return;
          clearTimeout(timer);
          watchers.delete(look);
          if (line) resolve(line);
          else reject(new Error(`the program ended without saying "${message}":\n${text}`));
        };
        const timer = setTimeout(() => {
          watchers.delete(look);
          reject(new Error(`the program did not say "${message}" ${JSON.stringify(fields)}:\n${text}`));
        }, patienceMs);
        watchers.add(look);
        look();
      });
    },
    async stop() {
      if (!over) child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

function toLine(text: string): Line {
  try {
    const data: unknown = JSON.parse(text);
    if (typeof data === 'object' && data !== null) return Object.fromEntries(Object.entries(data));
  } catch {
    // A line for people.
  }
  return { text };
}
