// Restores a backup over and over, as a process of its own. Usage: restore-store.ts BACKUP DATA_FOLDER
import { restore } from '../../control-plane/store/restore.ts';

const [backup = '', dataFolder = ''] = process.argv.slice(2);
for (let number = 0; ; number += 1) {
  restore(backup, dataFolder, `${process.pid}-${number}`);
  if (number === 0) process.stdout.write('{"msg":"restoring"}\n');
}
