// HEALTHCHECK of both images: asks the process beside it whether it lives. The settings that say where it
// listens are the ones that it was started with.
const listen = process.env.LEGATE_HEALTH_LISTEN || process.env.LEGATE_LISTEN || ':3460';
if (listen === 'off') process.exit(0);

const host = listen.slice(0, listen.lastIndexOf(':'));
const port = listen.slice(listen.lastIndexOf(':') + 1);
const everywhere = ['', '0.0.0.0', '::', '[::]'].includes(host);
const secure = listen === process.env.LEGATE_LISTEN && Boolean(process.env.LEGATE_TLS_CERT);
// Its own certificate, for other names than this one, is not what is asked about.
if (secure) process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
process.removeAllListeners('warning');
try {
  const answer = await fetch(`http${secure ? 's' : ''}://${everywhere ? '127.0.0.1' : host}:${port}/livez`, {
    signal: AbortSignal.timeout(4_000),
  });
  process.stdout.write(await answer.text());
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`${listen} does not answer: ${error.cause?.code ?? error.name}\n`);
  process.exitCode = 1;
}
