// Answers health checks while INIT_SCRIPT runs: alive, and not ready yet. The agent takes the port over. Where it
// can't listen it ends, and nothing answers until then.
import { createServer } from 'node:http';

const listen = process.env.LEGATE_HEALTH_LISTEN || ':3460';
if (listen === 'off') process.exit(0);

const reason = 'starting: INIT_SCRIPT runs';
const server = createServer((request, response) => {
  // No probe of life may fail: it would end the script. What asks for more than life is told "not yet".
  const isAlive = ['/livez', '/api/health'].includes(request.url?.split('?', 1)[0]);
  response.writeHead(isAlive ? 200 : 503, { 'content-type': 'application/json', connection: 'close' });
  response.end(`${JSON.stringify({ status: isAlive ? 'ok' : 'not ready', reason })}\n`);
});
const host = listen.slice(0, listen.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
server.once('error', () => process.exit(0));
server.listen(Number(listen.slice(listen.lastIndexOf(':') + 1)), host || undefined);
