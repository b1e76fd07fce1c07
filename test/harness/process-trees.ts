/** What a script may have started when it is ended. Each makes the file `ready` once it is there. */

const stopped = '[[ $(cut -d" " -f3 /proc/$$/stat) == T ]]';
/** Ignores TERM, and goes on. */
export const ignoring = `trap '' TERM; : >ready; sleep 60`;
export const trees: [what: string, program: string, forced: boolean][] = [
  ['a shell that waits for its child', ': >ready; sleep 60', false],
  ['a shell that waits in a builtin', ': >ready; read -r x < <(sleep 60)', false],
  ['a pipeline', 'sleep 60 | { : >ready; sleep 60; } | cat', false],
  ['a busy loop', ': >ready; while :; do :; done', false],
  ['a child in the background', '(: >ready; sleep 60) & sleep 60', false],
  ['a child in a session of its own', "setsid bash -c ': >ready; sleep 60' & sleep 60", false],
  ['a double fork', "(setsid bash -c ': >ready; sleep 60' &); sleep 60", false],
  ['a job in a group of its own', 'set -m; (: >ready; sleep 60) & sleep 60', false],
  ['a shell that ignores TERM', `${ignoring}; sleep 60`, true],
  ['a grandchild that ignores TERM', `bash -c "${ignoring}" & sleep 60`, true],
  ['a grandchild elsewhere that ignores TERM', `setsid bash -c "${ignoring}" & sleep 60`, true],
  ['a tree that forks all the time', "trap '' TERM; : >ready; while :; do sleep 60 & sleep 0.01; done", true],
  ['a shell that is stopped', `(until ${stopped}; do sleep 0.01; done; : >ready) & kill -STOP $$`, true],
];
