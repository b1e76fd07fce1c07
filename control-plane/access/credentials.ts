/** What keys and tokens are made of: random, shown once, and kept as hashes only. */
import { createHash, randomBytes } from 'node:crypto';

// The prefixes let scanners, and people, see what they found. 256 random bits need no slow hash.
const apiKeyPrefix = 'lgk_';
const tokenPrefix = 'lgd_';

export const newId = () => randomBytes(12).toString('base64url');
export const newApiKey = () => newCredential(apiKeyPrefix);
export const newDelegateToken = () => newCredential(tokenPrefix);
export const hashOf = (credential: string) => createHash('sha256').update(credential).digest('hex');

const newCredential = (prefix: string) => prefix + randomBytes(32).toString('base64url');
