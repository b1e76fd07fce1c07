/** Which algorithms we offer: what ssh-audit finds no fault with, and more only where a target asks for it. */
import type { CipherAlgorithm, KexAlgorithm, MacAlgorithm, ServerHostKeyAlgorithm } from 'ssh2';

/** An offer, exact and in order of preference. */
export interface Offer {
  readonly kex: KexAlgorithm[];
  readonly cipher: CipherAlgorithm[];
  readonly hmac: MacAlgorithm[];
  readonly compress: ['none'];
  readonly serverHostKey: ServerHostKeyAlgorithm[];
}

const modern = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group18-sha512',
    'diffie-hellman-group14-sha256',
    // No group of the host's own choosing: checking that 8,192 bits are a prime stops this process for half a minute.
  ],
  cipher: [
    'aes256-gcm@openssh.com',
    'aes128-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes256-ctr',
    'aes192-ctr',
    'aes128-ctr',
  ],
  hmac: ['hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256-etm@openssh.com'],
} as const satisfies Partial<Record<keyof Offer, readonly string[]>>;

/** For hosts that know nothing else; what is broken outright (DSA, RC4, MD5, group 1) stays out. */
const legacy = {
  kex: ['ecdh-sha2-nistp256', 'ecdh-sha2-nistp384', 'ecdh-sha2-nistp521', 'diffie-hellman-group14-sha1'],
  cipher: ['aes256-cbc', 'aes192-cbc', 'aes128-cbc'],
  hmac: ['hmac-sha2-512', 'hmac-sha2-256', 'hmac-sha1-etm@openssh.com', 'hmac-sha1'],
} as const satisfies Partial<Record<keyof Offer, readonly string[]>>;

/** Kinds of host keys, and the algorithms with which a host proves to have one. */
const hostKeyAlgorithms = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
} as const satisfies Record<string, readonly ServerHostKeyAlgorithm[]>;

export type HostKeyType = keyof typeof hostKeyAlgorithms;

/** RSA last: some servers (dropbear) offer it without having such a key, and end when they are asked for it. */
export const hostKeyTypes: readonly HostKeyType[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'ssh-rsa',
];

/** What is asked of a host about which nothing is known: keys on NIST's curves only count where they were pinned. */
export const usualHostKeyTypes: readonly HostKeyType[] = ['ssh-ed25519', 'ssh-rsa'];

export function isHostKeyType(text: string): text is HostKeyType {
  return Object.hasOwn(hostKeyAlgorithms, text);
}

/** The offer to a host of which keys of these types are expected, the first one preferably. */
export function offer(types: readonly HostKeyType[], legacyAlgorithms: boolean): Offer {
  const older = legacyAlgorithms ? legacy : { kex: [], cipher: [], hmac: [] };
  return {
    kex: [...modern.kex, ...older.kex],
    cipher: [...modern.cipher, ...older.cipher],
    hmac: [...modern.hmac, ...older.hmac],
    compress: ['none'],
    serverHostKey: types.flatMap((type): ServerHostKeyAlgorithm[] =>
      type === 'ssh-rsa' && legacyAlgorithms
        ? [...hostKeyAlgorithms[type], 'ssh-rsa']
        : [...hostKeyAlgorithms[type]],
    ),
  };
}
