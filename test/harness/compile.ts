import type { Compile } from '../../control-plane/template/compile.ts';

/** Takes every script; its program is the script, and it refers to all declared inputs. */
export const anyCompile: Compile = async (script, inputs) => ({
  ok: true,
  program: {
    text: script,
    digest: `sha256:${'0'.repeat(64)}`,
    slots: inputs.map(({ list, name }) => ({ kind: 'input', list, name })),
  },
});
