/** Rotation of the key that values are encrypted with, while the server runs. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../protocol/index.ts';
import { authorize } from '../access/authorize.ts';
import type { Recorder } from '../audit/audit.ts';
import { audited } from '../audit/audited.ts';
import { by } from '../audit/record.ts';
import { RequestError } from '../domain/errors.ts';
import { account } from '../domain/scope.ts';
import type { Encryption } from '../encryption/encryption.ts';
import { KeyRingError } from '../encryption/key-ring.ts';
import type { RotationReport } from '../encryption/rotate.ts';
import type { Database } from '../store/database.ts';
import { callerOf } from './caller.ts';
import { body, RotateKeyRequest } from './requests.ts';

export interface KeyRotationTools {
  readonly database: Database;
  readonly encryption: Encryption;
  readonly audit: Recorder;
  readonly clock: Clock;
}

export function encryptionKeyRoutes(api: FastifyInstance, tools: KeyRotationTools): void {
  const { database, encryption, audit, clock } = tools;

  api.post('/encryption-keys/rotate', async request => {
    const { newKey = true } = body(RotateKeyRequest, request.body);
    const caller = callerOf(request);
    const about = { ...by(caller), action: 'encryption-key.rotate', scope: account };
    return audited(audit, clock, about, async ({ note }) => {
      authorize(caller, 'administer', { scope: account });
      const report = await rotated(encryption.rotate(database, { newKey }));
      const { primary, resumed, rewrapped } = report;
      note({ details: { primary, resumed, rewrapped } });
      return report;
    });
  });
}

async function rotated(rotation: Promise<RotationReport>): Promise<RotationReport> {
  try {
    return await rotation;
  } catch (error) {
    throw error instanceof KeyRingError ? new RequestError('ENCRYPT_DECRYPT_ERROR', error.message) : error;
  }
}
