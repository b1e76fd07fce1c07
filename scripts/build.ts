// Bundles what the images ship: agent/legate.js (the agent alone, one file) and control-plane/ (server and
// command line, with the grammar files that the template compiler loads beside it). Neither needs node_modules.
// Usage: node scripts/build.ts [FOLDER]   (default: dist)
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RolldownOptions, rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = resolve(process.argv[2] ?? join(root, 'dist'));

async function bundle(input: string, file: string): Promise<void> {
  const options: RolldownOptions = {
    input: join(root, input),
    platform: 'node',
    // ssh2's and pg's native parts, which they do without: each asks for them, and goes on.
    external: [/cpu-features/, /pg-native/, /\.node$/],
    // The grammar's loader has an eval for other platforms, which never runs here.
    checks: { eval: false },
    // Written for CommonJS, some packages look for these; in an ES module they are import.meta's.
    transform: { define: { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' } },
  };
  const build = await rolldown(options);
  await build.write({ file: join(dist, file), format: 'esm', codeSplitting: false, minify: true });
  await build.close();
  process.stdout.write(`built ${join(dist, file)}\n`);
}

for (const part of ['agent', 'control-plane']) rmSync(join(dist, part), { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
await bundle('agent/bin.ts', 'agent/legate.js');
await bundle('cli/main.ts', 'control-plane/legate.js');
for (const name of ['tree-sitter-bash/tree-sitter-bash.wasm', 'web-tree-sitter/web-tree-sitter.wasm']) {
  const file = fileURLToPath(import.meta.resolve(name));
  copyFileSync(file, join(dist, 'control-plane', name.split('/')[1] ?? name));
}
