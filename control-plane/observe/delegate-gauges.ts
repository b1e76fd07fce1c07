/** Who is connected now, by scope: there are as many of those as an organisation makes, and not as many as delegates. */
import { Gauge, type Registry } from 'prom-client';
import type { Link } from '../dispatch/link.ts';
import type { Roster } from '../dispatch/roster.ts';

export function delegateGauges(registry: Registry, roster: Roster): void {
  const gauge = (name: string, help: string, count: (link: Link) => number) =>
    new Gauge({
      registers: [registry],
      name,
      help,
      labelNames: ['scope'],
      collect() {
        // A scope whose last delegate has left is not there any more.
        this.reset();
        for (const link of roster.links()) this.inc({ scope: link.scope }, count(link));
      },
    });
  gauge('legate_delegates_connected', 'Instances of delegates that are connected', () => 1);
  gauge('legate_delegates_draining', 'Those that take no more tasks', link => Number(link.draining));
  gauge('legate_delegate_capacity', 'Tasks that they may run at once', link => link.capacity);
  gauge('legate_delegate_tasks_running', 'Tasks that run on them', link => link.running);
  new Gauge({
    registers: [registry],
    name: 'legate_tasks_waiting',
    help: 'Tasks that wait for a delegate with a free place',
    collect() {
      this.set(roster.waiting.size);
    },
  });
}
