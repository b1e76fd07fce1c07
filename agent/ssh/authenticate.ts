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
  readonly explain: () => string;
  /** The method that was tried last. */
  method(): string;
  note(why: string): void;
  /** Is there already something to tell? */
  noted(): boolean;
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
    const rules = { sha1: legacyAlgorithms, note };
    if (login.kind === 'key') {
      if (tried.length > 0) return false;
      return attempt({ type: 'publickey', username: user, key: asKey(login.key, rules) });
    }
    if (tried.length === 0)
      return attempt({ type: 'agent', username: user, agent: new LocalAgent(login.socket, rules) });
    // Of an agent's keys ssh2 does not tell what the host said; so it is asked what it would like better.
    return !left ? { type: 'none', username: user } : false;
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
    noted: () => notes.length > 0,
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

/**
 * A key that we hold ourselves, as ssh2 likes its keys. It signs nothing with SHA-1, which ssh2 would do by itself
 * for RSA when a host says nothing of better; throwing ends the login.
 */
function asKey(key: PrivateKey, { sha1, note }: Rules): ParsedKey {
  const parsed = ssh2.utils.parseKey(`${key.type} ${key.publicKey.toString('base64')}`);
  if (parsed instanceof Error) throw new Error('a key of a type that ssh2 does not know');
  parsed.isPrivateKey = () => true;
  parsed.sign = (data, hash = 'sha1') => {
    if (hash !== 'sha256' && hash !== 'sha512' && key.type === 'ssh-rsa' && !sha1) throw refuseSha1(note);
    return key.sign(Buffer.from(data), hash === 'sha512' ? 'sha512' : hash === 'sha256' ? 'sha256' : 'sha1');
  };
  return parsed;
}

interface Rules {
  readonly sha1: boolean;
  readonly note: (why: string) => void;
}

function refuseSha1(note: Rules['note']): Error {
  note('it takes RSA keys with SHA-1 only, which is not safe any more');
  return new Error('no signature with SHA-1');
}

/** An ssh-agent, with the same rule. */
class LocalAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #agent: ssh2.OpenSSHAgent;
  readonly #rules: Rules;

  constructor(socket: string, rules: Rules) {
    super();
    this.#agent = new ssh2.OpenSSHAgent(socket);
    this.#rules = rules;
  }

  getIdentities(cb: IdentityCallback<ParsedKey>): void {
    this.#agent.getIdentities((error, keys) => {
      if (error) this.#rules.note('the ssh-agent gave no keys');
      else if (keys?.length === 0) this.#rules.note('the ssh-agent holds no key');
      cb(error, keys);
    });
  }

  sign(key: ParsedKey, data: Buffer, options: SigningRequestOptions | SignCallback, cb?: SignCallback): void {
    const done = typeof options === 'function' ? options : (cb ?? (() => {}));
    const { hash = 'sha1' } = typeof options === 'function' ? {} : options;
    if (key.type === 'ssh-rsa' && hash === 'sha1' && !this.#rules.sha1) done(refuseSha1(this.#rules.note));
    else this.#agent.sign(key, data, { hash }, done);
  }
}
