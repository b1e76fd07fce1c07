/** The certificate that a delegate has shown on its connection. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../dispatch/link.ts';

/** `optional` asks for one; `required` lets nobody in without one that counts. */
export type ClientAuth = 'off' | 'optional' | 'required';

const problems: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  INVALID_PURPOSE: 'it is not for clients',
};
const unknownCa = 'its CA is not among those of --tls-client-ca';

/** Undefined: none was shown, or none was asked for. */
export function clientCertificateOf(socket: Socket): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return undefined;
  const problem = socket.authorized ? undefined : (problems[codeOf(socket.authorizationError)] ?? unknownCa);
  return {
    subject: certificate.subject.replaceAll('\n', ', ').slice(0, 256),
    fingerprint: certificate.fingerprint256,
    endsAt: new Date(certificate.validTo).toISOString(),
    ...(problem === undefined ? {} : { problem }),
  };
}

/** The type says Error; Node gives the code. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Why a delegate is not let in, in words for it (at most 123 bytes, as a close frame takes); undefined: it is. */
export function certificateRefusal(
  auth: ClientAuth,
  shown: ClientCertificate | undefined,
): string | undefined {
  if (auth !== 'required') return undefined;
  if (!shown) return 'a client certificate is required, and none was shown';
  return shown.problem && `the client certificate that was shown does not count: ${shown.problem}`;
}
