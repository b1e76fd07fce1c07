import { randomBytes } from 'node:crypto';

/** An opaque id as FirstGen has them: 22 characters, which are 128 random bits and a little more. */
export const newUuid = (): string => randomBytes(16).toString('base64url');
