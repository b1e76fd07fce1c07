/**
 * A program for `control-plane/encryption/kill.test.ts`: rotates the key of a store, says each step, and kills itself at
 * one of them. Arguments: the store, the data folder, and the step and how many times it goes past it.
 */
import { openEncryption } from '../../control-plane/encryption/encryption.ts';
import { chooseKeySource } from '../../control-plane/encryption/key-source.ts';
import { openDatabase } from '../../control-plane/store/database.ts';

const [store = '', folder = '', fatal, times = '0'] = process.argv.slice(2);
let left = Number(times);
const say = (line: string) => process.stdout.write(`${line}\n`);

const database = openDatabase(store);
const encryption = await openEncryption(database, chooseKeySource({}, folder));
say('began');
await encryption.rotate(database, {
  note(step) {
    say(step);
    if (step !== fatal) return;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
    left -= 1;
  },
});
say('finished');
await database.destroy();
