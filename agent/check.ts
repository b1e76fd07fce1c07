/** `legate agent --check`: could this agent start, and would the control plane have it? */
import { randomBytes } from 'node:crypto';
import { generateSealingKeys } from '../protocol/index.ts';
import { describeAgent, startRunner } from './main.ts';
import { createNetwork, type Network } from './network/network.ts';
import type { AgentSecrets, AgentSettings } from './settings.ts';
import { tryConnection } from './try-connection.ts';

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
  const { publicKey } = await generateSealingKeys();
  const hello = describeAgent(settings, `check-${randomBytes(12).toString('base64url')}`, publicKey);
  const trial = await tryConnection({ ...settings, token: secrets.token, network, hello });
  if (!trial.ok) return { code: trial.exitCode ?? 1, line: `FAIL  control plane: ${trial.problem}` };
  const version = `(version ${trial.serverVersion})`;
  return {
    code: 0,
    line: `ok    control plane: ${settings.url.host} ${version} lets this delegate in${trial.how}`,
  };
}
