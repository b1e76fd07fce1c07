// Checks the import directions that keep the rooms apart. TypeScript's project references already refuse
// an import between the top-level rooms; this table adds the directions inside the control plane.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

// What the files at the control plane's top share: the stories, and what they are made of.
const parts = [
  'access',
  'audit',
  'dispatch',
  'documents',
  'domain',
  'encryption',
  'first-gen',
  'store',
  'template',
].map(room => `control-plane/${room}`);
const stories = [
  'account-settings',
  'apply',
  'config',
  'delete',
  'drain-delegate',
  'explain',
  'export',
  'fetch-secret',
  'forget-credentials',
  'load',
  'reconcile',
  'resolve-plan',
  'template-diff',
  'version',
].map(name => `control-plane/${name}.ts`);
// What the stories are made of is for each other only; nobody imports what puts everything together.
const entrances = ['backup-command', 'command', 'main', 'open-store'].map(name => `control-plane/${name}.ts`);
const pieces = globSync('control-plane/*.ts', { cwd: root }).filter(file => !entrances.includes(file));

/** For files under a path (longest match wins): the only project paths they may import. */
const allowed: Record<string, string[]> = {
  protocol: ['protocol'],
  agent: ['agent', 'protocol'],
  // The composition root wires everything; only the command that starts it imports it.
  'control-plane/main.ts': ['control-plane', 'protocol'],
  'control-plane/command.ts': [
    'control-plane/backup-command.ts',
    'control-plane/config.ts',
    'control-plane/main.ts',
  ],
  'control-plane/domain': ['control-plane/domain'],
  'control-plane/documents': ['control-plane/documents', 'control-plane/domain', 'protocol'],
  'control-plane/template': ['control-plane/template', 'control-plane/domain', 'protocol'],
  'control-plane/dispatch': ['control-plane/dispatch', 'control-plane/domain', 'protocol'],
  'control-plane/gateway': ['control-plane/gateway', 'control-plane/dispatch', 'protocol'],
  'control-plane/tls': ['control-plane/tls', 'control-plane/config.ts', 'protocol'],
  'control-plane/observe': [
    'control-plane/observe',
    'control-plane/dispatch',
    'control-plane/domain',
    'control-plane/version.ts',
    'protocol',
  ],
  'control-plane/store': ['control-plane/store', 'control-plane/domain', 'protocol'],
  'control-plane/access': ['control-plane/access', 'control-plane/domain', 'control-plane/store', 'protocol'],
  'control-plane/audit': ['control-plane/audit', 'control-plane/domain', 'control-plane/store', 'protocol'],
  'control-plane/encryption': [
    'control-plane/encryption',
    'control-plane/domain',
    'control-plane/store',
    'protocol',
  ],
  'control-plane/api': ['control-plane/api', 'protocol', ...parts, ...stories],
  'control-plane': ['protocol', ...parts, ...pieces],
  cli: ['cli', 'protocol', 'agent/command.ts', 'control-plane/command.ts'],
};

const under = (file: string, place: string) => file === place || file.startsWith(`${place}/`);
const rules = Object.entries(allowed).sort(([a], [b]) => b.length - a.length);

let failures = 0;
for (const file of globSync('{protocol,agent,control-plane,cli}/**/*.ts', { cwd: root })) {
  if (file.endsWith('.test.ts')) continue; // a test may reach for a neighbour's fixtures
  const rule = rules.find(([place]) => under(file, place));
  if (!rule) continue;
  const source = readFileSync(join(root, file), 'utf8');
  for (const match of source.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
    const target = relative(root, join(root, dirname(file), match[1] ?? ''));
    if (rule[1].some(place => under(target, place))) continue;
    process.stderr.write(
      `${file}: must not import ${target} (${rule[0]} may import ${rule[1].join(', ')})\n`,
    );
    failures += 1;
  }
}
if (failures > 0) process.exit(1);
