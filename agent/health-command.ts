/** `legate agent health`: asks the agent beside it how it is, for HEALTHCHECK and for people. */
import { request } from 'node:http';
import { Command } from 'commander';

const answerWithinMs = 4_000;

interface Asked {
  readonly ready?: boolean;
  readonly at?: string;
  /** A flag of `legate agent`. */
  readonly healthListen?: string;
}

export function healthCommand(): Command {
  return new Command('health')
    .description('ask the agent on this machine whether it lives; exit code 0: yes, 1: no')
    .option('--ready', 'ask whether it takes tasks')
    .option(
      '--at <url>',
      'where its health is served (default: as --health-listen or LEGATE_HEALTH_LISTEN says)',
    )
    .action(async (_, command: Command) => {
      const { ready, at, healthListen }: Asked = command.optsWithGlobals();
      const given = at === undefined || /^https?:\/\//i.test(at) ? at : `http://${at}`;
      const base = given ?? healthUrl(healthListen ?? process.env.LEGATE_HEALTH_LISTEN);
      if (base === undefined) {
        process.stdout.write('not served: LEGATE_HEALTH_LISTEN is off\n');
        return;
      }
      const { isWell, line } = await ask(`${base.replace(/\/+$/, '')}/${ready ? 'readyz' : 'livez'}`);
      process.stdout.write(`${line}\n`);
      process.exitCode = isWell ? 0 : 1;
    });
}

/** The address to ask at where the agent listens there; undefined where it does not. */
export function healthUrl(listen: string | undefined): string | undefined {
  const text = listen?.trim() || ':3460';
  if (text === 'off') return undefined;
  const at = text.lastIndexOf(':');
  const host = text.slice(0, at);
  const everywhere = ['', '0.0.0.0', '::', '[::]'].includes(host);
  return `http://${everywhere ? '127.0.0.1' : host}:${text.slice(at + 1)}`;
}

/** Node's own fetch would take longer to load than the answer to come. */
function ask(url: string): Promise<{ isWell: boolean; line: string }> {
  return new Promise(resolve => {
    const failed = (why: string) => resolve({ isWell: false, line: `${url} does not answer: ${why}` });
    if (!URL.canParse(url)) return failed('this is no address; give one as in http://127.0.0.1:3460');
    const asked = request(url, { signal: AbortSignal.timeout(answerWithinMs) }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.once('error', error => failed(error.message));
      response.once('end', () =>
        resolve({ isWell: response.statusCode === 200, line: text.trim().slice(0, 1_000) }),
      );
    });
    asked.once('error', (error: Error & { code?: string }) => failed(error.code ?? error.message));
    asked.end();
  });
}
