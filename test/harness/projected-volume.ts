/** A volume as the kubelet projects it: files that are links through `..data`, which is swapped in one step. */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ProjectedVolume {
  /** The path of a file in it. */
  readonly file: (name: string) => string;
  /** Puts other contents in place of all files. */
  readonly write: (files: Readonly<Record<string, string>>) => void;
}

export function projectedVolume(folder: string, files: Readonly<Record<string, string>>): ProjectedVolume {
  let generation = 0;
  mkdirSync(folder, { recursive: true });
  const file = (name: string) => join(folder, name);
  const write: ProjectedVolume['write'] = contents => {
    const before = `..2024_05_06_${generation}`;
    generation += 1;
    const now = `..2024_05_06_${generation}`;
    mkdirSync(file(now));
    for (const [name, text] of Object.entries(contents)) writeFileSync(join(file(now), name), text);
    symlinkSync(now, file('..data_tmp'));
    renameSync(file('..data_tmp'), file('..data'));
    rmSync(file(before), { recursive: true, force: true });
  };
  write(files);
  for (const name of Object.keys(files)) symlinkSync(join('..data', name), file(name));
  return { file, write };
}
