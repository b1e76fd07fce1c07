/**
 * A program for `test/token-rotation.test.ts`: a control plane that kills itself at a step of the replacement of a
 * delegate's token. Arguments: where to listen, the data folder, and a file that names the step; none there: it lives.
 */
import { existsSync, readFileSync } from 'node:fs';
import { DelegateTokens } from '../../control-plane/access/delegate-tokens.ts';
import { readConfig } from '../../control-plane/config.ts';
import { TokenSession } from '../../control-plane/gateway/token-session.ts';
import { startServer } from '../../control-plane/main.ts';

const [listen = '', data = '', fatal = ''] = process.argv.slice(2);

function at(step: string): void {
  if (existsSync(fatal) && readFileSync(fatal, 'utf8') === step) process.kill(process.pid, 'SIGKILL');
}

// What the program does is its own; only that it dies in between is added.
const tokens = Object.getOwnPropertyDescriptors(DelegateTokens.prototype);
const sessions = Object.getOwnPropertyDescriptors(TokenSession.prototype);
let isPresented = false;

DelegateTokens.prototype.propose = async function (...asked) {
  at('proposed');
  const known = (await tokens.propose.value?.apply(this, asked)) ?? false;
  at('known');
  return known;
};
TokenSession.prototype.replace = function () {
  at('asking');
  const replacement = sessions.replace.value?.apply(this);
  // The question is on its way by then.
  setTimeout(() => at('asked'), 5);
  return replacement ?? Promise.resolve({ outcome: 'disconnected' });
};
TokenSession.prototype.receive = function (report) {
  isPresented = report.type === 'token-presented';
  if (isPresented) at('presented');
  sessions.receive.value?.apply(this, [report]);
};
DelegateTokens.prototype.authenticate = async function (...asked) {
  const facts = (await tokens.authenticate.value?.apply(this, asked)) ?? 'unknown';
  if (isPresented) at('committed');
  return facts;
};

const server = await startServer(readConfig({ listen, data, logLevel: 'info' }));
process.on('SIGTERM', () => void server.close());
