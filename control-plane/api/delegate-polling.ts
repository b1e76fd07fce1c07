/** Where delegates that poll come in. Who may is not said here: they have tokens, not keys. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { type PollStep, pollPath, pollSteps } from '../../protocol/index.ts';

/** Answers one request, whose body has not been read. */
export type AnswerPoll = (step: PollStep, request: IncomingMessage, response: ServerResponse) => void;

export function delegatePollingRoutes(app: FastifyInstance, answer: AnswerPoll): void {
  void app.register(async scope => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _body, done) => done(null));
    for (const step of pollSteps)
      scope.post(`${pollPath}/${step}`, (request, reply) => {
        reply.hijack();
        answer(step, request.raw, reply.raw);
      });
  });
}
