/** The tools of one task, with the script's run as a part of a trace. */
import { noSpan, type Span } from '../../protocol/tracing.ts';
import type { Execution, Runner } from '../execute/execution.ts';
import type { TaskTools } from '../run-task.ts';

/** The same tools where nothing is traced. */
export function tracedTools<Tools extends TaskTools>(tools: Tools, span: Span): Tools {
  if (span === noSpan) return tools;
  const { runner, hosts } = tools;
  const traced = (inner: Runner): Runner => ({
    async run(run, bounds, onErrorOutput) {
      const script = span.part('script');
      let failure: string | undefined = 'internal';
      try {
        const execution = await inner.run(run, bounds, onErrorOutput);
        failure = failureOf(execution);
        return execution;
      } finally {
        script.end(failure);
      }
    },
  });
  return {
    ...tools,
    runner: traced(runner),
    hosts: { at: (target, step) => traced(hosts.at(target, step)) },
  };
}

function failureOf({ end }: Execution): string | undefined {
  return end.kind === 'exited' && end.exitCode === 0 ? undefined : end.kind;
}
