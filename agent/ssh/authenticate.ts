/** The conversation about who we are: what is tried, in which order, and what is told when nothing helps. */
import ssh2, {
  type AnyAuthMethod,
  type AuthenticationType,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';
import type { Login } from './credentials.ts';
import type { PrivateKey } from './private-key.ts';

export interface Authentication {
  /** For ssh2, which calls it before the first try and after each one that failed. */
  readonly handler: (left: AuthenticationType[] | null, partial: boolean | null) => AnyAuthMethod | false;
  /** What was tried, what the host offers, and why that was not enough. */
  explain(): string;
  /** The method that was tried last. */
  method(): string;
  note(why: string): void;
}

/** For one login of `user`. A certificate is not used here: ssh2 knows none. */
export function authentication(user: string, login: Login, legacyAlgorithms: boolean): Authentication {
  const tried: string[] = [];
  const notes: string[] = [];
  let offered: readonly string[] | undefined;
  let partly = false;
  const note = (why: string) => {
    if (!notes.includes(why)) notes.push(why);
  };

  function next(left: AuthenticationType[] | null): AnyAuthMethod | false {
    const attempt = (method: AnyAuthMethod) => {
      tried.push(method.type);
      return method;
    };
    if (login.kind === 'password') {
      if (tried.length === 0) return attempt({ type: 'password', username: user, password: login.password });
      // A host that does take passwords has refused this one; asking another way would count against the account.
      if (tried.length > 1 || !left?.includes('keyboard-interactive') || left.includes('password'))
        return false;
      return attempt({ type: 'keyboard-interactive', username: user, prompt: answer(login.password, note) });
    }
    if (tried.length > 0) return false;
    const signer = login.kind === 'agent' ? new ssh2.OpenSSHAgent(login.socket) : holding(login.key);
    return attempt({ type: 'agent', username: user, agent: new LoginAgent(signer, legacyAlgorithms, note) });
  }

  const nameOf = (method: string) => (method === 'agent' ? 'publickey' : method);
  return {
    handler(left, partial) {
      if (left) offered = left;
      if (partial === true && !partly) {
        partly = true;
        note('it accepted that, but wants another method as well, for which there is no credential');
        return false;
      }
      return next(left);
    },
    note,
    method: () => nameOf(tried.at(-1) ?? 'none'),
    explain() {
      const methods = [...new Set(tried.map(nameOf))].join(', ') || 'nothing';
      const offers = offered ? `; the host offers ${offered.join(', ') || 'nothing'}` : '';
      return `tried ${methods}${offers}${notes.map(why => `; ${why}`).join('')}`;
    },
  };
}

type Prompt = Extract<AnyAuthMethod, { type: 'keyboard-interactive' }>['prompt'];

/** Answers the one question that can be meant for the password. */
function answer(password: string, note: (why: string) => void): Prompt {
  let answered = false;
  return (_name, _instructions, _lang, prompts, finish) => {
    const [prompt] = prompts;
    if (!answered && prompts.length === 1 && prompt?.echo === false) {
      answered = true;
      finish([password]);
      return;
    }
    note(answered ? 'it asked for more than the password' : 'it asked something else than a password');
    finish(prompts.map(() => ''));
  };
}

/** Where keys are, and who signs with them. */
interface Signer {
  getIdentities(cb: IdentityCallback<ParsedKey>): void;
  sign(publicKey: ParsedKey, data: Buffer, options: SigningRequestOptions, cb: SignCallback): void;
}

/** A key that we hold ourselves. */
function holding(key: PrivateKey): Signer {
  return {
    getIdentities(cb) {
      const parsed = ssh2.utils.parseKey(`${key.type} ${key.publicKey.toString('base64')}`);
      if (parsed instanceof Error) cb(new Error('the key is of no type that ssh2 knows'));
      else cb(null, [parsed]);
    },
    sign(_publicKey, data, { hash = 'sha1' }, cb) {
      cb(null, key.sign(data, hash));
    },
  };
}

/** Signs nothing with SHA-1, which ssh2 does by itself for RSA keys when a host says nothing of better. */
class LoginAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #signer: Signer;
  readonly #sha1: boolean;
  readonly #note: (why: string) => void;

  constructor(signer: Signer, sha1: boolean, note: (why: string) => void) {
    super();
    this.#signer = signer;
    this.#sha1 = sha1;
    this.#note = note;
  }

  getIdentities(cb: IdentityCallback<ParsedKey>): void {
    this.#signer.getIdentities((error, keys) => {
      if (error) this.#note('the ssh-agent gave no keys');
      else if (keys?.length === 0) this.#note('the ssh-agent holds no key');
      cb(error, keys);
    });
  }

  sign(publicKey: ParsedKey, data: Buffer, options: SigningRequestOptions | SignCallback, cb?: SignCallback) {
    const done = typeof options === 'function' ? options : (cb ?? (() => {}));
    const { hash = 'sha1' } = typeof options === 'function' ? {} : options;
    if (publicKey.type === 'ssh-rsa' && hash === 'sha1' && !this.#sha1) {
      this.#note('it takes RSA keys with SHA-1 only, which is not safe any more');
      done(new Error('no signature with SHA-1'));
      return;
    }
    this.#signer.sign(publicKey, data, { hash }, done);
  }
}
