/** `legate agent --check`: could this agent start, and would the control plane have it? */
import { randomBytes } from 'node:crypto';
import {
  agentCodec,
  closeCode,
  fatalClose,
  frameText,
  generateSealingKeys,
  sleep,
  systemClock,
  type ToDelegate,
} from '../protocol/index.ts';
import { type Opened, openSocket } from './connection.ts';
import { describeAgent, startRunner } from './main.ts';
import { createNetwork, type Network } from './network/network.ts';
import { openPolling, type PollingOptions } from './polling-channel.ts';
import type { AgentSecrets, AgentSettings } from './settings.ts';

const answerWithinMs = 15_000;

/**
 * Checks one thing after the other and writes a line about each. Resolves with the exit code: 0 when all is
 * well, the fatal code the agent would end with, or 1.
 */
export async function checkAgent(
  { settings, secrets }: { settings: AgentSettings; secrets: AgentSecrets },
  write: (line: string) => void,
): Promise<number> {
  write(`ok    settings: delegate "${settings.name}", tags: ${settings.tags.join(', ') || '(none)'}`);

  const network = createNetwork({
    settings: settings.network,
    login: secrets.proxyLogin,
    environment: secrets.environment,
    workRoot: settings.workRoot,
    warn: message => write(`warn  ${message}`),
  });
  try {
    return await checkWith(network, { settings, secrets }, write);
  } finally {
    network.close();
  }
}

async function checkWith(
  network: Network,
  { settings, secrets }: { settings: AgentSettings; secrets: AgentSecrets },
  write: (line: string) => void,
): Promise<number> {
  const runner = startRunner(settings, { ...secrets.environment, ...network.scriptVariables }, 0);
  const over = new AbortController();
  try {
    const bounds = { remainingMs: 10_000, signal: over.signal };
    const { end, collected } = await runner.run({ program: 'secret=$BASH_VERSION', inputs: [] }, bounds);
    if (!collected.value) {
      write(
        `FAIL  shell: ${end.kind === 'not-started' ? end.detail : `bash did not run a script (${end.kind})`}`,
      );
      return 1;
    }
    write(`ok    shell: bash ${collected.value.toString()}, working directories in ${settings.workRoot}`);
  } finally {
    await runner.close();
  }

  const { code, line } = await checkConnection(settings, secrets, network);
  write(line);
  return code;
}

async function checkConnection(
  settings: AgentSettings,
  secrets: AgentSecrets,
  network: Network,
): Promise<{ code: number; line: string }> {
  const over = new AbortController();
  const { opened, how } = await openEither({
    url: settings.url,
    poll: settings.poll,
    token: secrets.token,
    network,
    clock: systemClock,
    signal: over.signal,
  });
  if ('problem' in opened) {
    return {
      code: 1,
      line: `FAIL  control plane: cannot connect to ${settings.url.host}: ${opened.problem}`,
    };
  }
  const { socket } = opened;
  const codec = agentCodec();
  const answer = new Promise<ToDelegate | { code: number }>(resolve => {
    socket.once('close', code => resolve({ code }));
    socket.once('message', data => {
      try {
        const parsed = codec.parse(frameText(data));
        resolve(parsed.known ? parsed.message : { code: closeCode.protocolError });
      } catch {
        resolve({ code: closeCode.protocolError });
      }
    });
  });
  const { publicKey } = await generateSealingKeys();
  const hello = describeAgent(settings, `check-${randomBytes(12).toString('base64url')}`, publicKey);
  socket.send(codec.stringify({ ...hello, check: true }));
  const late = sleep(systemClock, answerWithinMs, over.signal).then(() => ({ code: closeCode.helloTimeout }));
  const first = await Promise.race([answer, late]);
  over.abort();
  socket.terminate();
  if ('type' in first && first.type === 'welcome') {
    return {
      code: 0,
      line: `ok    control plane: ${settings.url.host} (version ${first.serverVersion}) lets this delegate in${how}`,
    };
  }
  const closed = 'code' in first ? first.code : closeCode.protocolError;
  const fatal = fatalClose(closed);
  return {
    code: fatal?.exitCode ?? 1,
    line: `FAIL  control plane: ${fatal?.explanation ?? `it closed the connection (code ${closed})`}`,
  };
}

/** Over a websocket or long polls, as the agent would; and what is to be said of that. */
async function openEither(
  options: Pick<AgentSettings, 'poll'> & PollingOptions,
): Promise<{ opened: Opened; how: string }> {
  if (options.poll === 'true') return { opened: await openPolling(options), how: ', by long polling' };
  const opened = await openSocket(options);
  if (options.poll === 'false' || 'socket' in opened || !opened.isSpoiled) return { opened, how: '' };
  const polled = await openPolling(options);
  if ('problem' in polled) return { opened, how: '' };
  return { opened: polled, how: `, by long polling: a websocket does not get through (${opened.problem})` };
}
