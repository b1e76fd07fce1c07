/**
 * How the delegate reaches the control plane: whom it trusts, what it shows of itself, and through which proxy. Whoever
 * opens a connection, of whichever kind, asks for an agent here.
 */
import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { type Clock, every } from '../../protocol/index.ts';
import { type ClientPair, clientPair } from './client-pair.ts';
import { parseNoProxy } from './no-proxy.ts';
import { problemOf } from './problem.ts';
import type { NetworkSettings, ProxyLogin } from './settings.ts';
import { mountedCertificates, type Trust, trustOf } from './trust.ts';
import { goThrough } from './tunnel.ts';

export interface Network {
  /**
   * A node:http or node:https agent for connections to this address (http, https, ws or wss), with the certificates that
   * the files hold now. Make one for each connection, or one with `keepAlive` that is given up when `watch` calls.
   */
  agentFor(url: URL, options?: { readonly keepAlive?: boolean }): Agent;
  /** What an error of such a connection means, in words that say what to do. */
  problemOf(error: Error): string;
  /** A connection was let in: what it has shown is good. */
  welcomed(): void;
  /** A connection could not be made: the next one shows the client certificate of before, where a new one is untried. */
  failed(): void;
  /** How scripts' programs find what is trusted, in place of variables of those names; empty: as they always do. */
  readonly scriptVariables: Readonly<Record<string, string>>;
  /** When the client certificate ends, in milliseconds since 1970; undefined: there is none. */
  clientCertificateEnds(): number | undefined;
  /** Looks at the files every few seconds, and calls `then` after those for connections have changed. */
  watch(clock: Clock, then: () => void): () => void;
  /** Calls off what is under way, and removes the scripts' bundle. */
  close(): void;
}

export interface NetworkOptions {
  readonly settings: NetworkSettings;
  readonly login?: ProxyLogin | undefined;
  /** Of the scripts, as it would be without `scriptVariables`. */
  readonly environment: Readonly<Record<string, string>>;
  /** The folder that the scripts' bundle is made in. */
  readonly workRoot: string;
  readonly warn: (message: string) => void;
  /** Where images have certificates mounted. */
  readonly mounted?: readonly string[];
}

const lookEveryMs = 5_000;

/** Throws a `SettingsError` where a file that is named can't be used. */
export function createNetwork(options: NetworkOptions): Network {
  const { settings, login, environment, workRoot, warn, mounted = mountedCertificates } = options;
  const closing = new AbortController();
  const noProxy = parseNoProxy(settings.noProxy, part =>
    warn(`NO_PROXY: "${part}" is left out, as it is no name, suffix, address or network`),
  );
  const trust = trustOf({ settings, environment, workRoot, warn, mounted });
  const pair = clientPair(settings, warn);
  const contexts = secureContexts();

  const throughProxy = (url: URL) =>
    settings.proxy !== undefined && settings.proxyControlPlane && !noProxy.has(url)
      ? settings.proxy
      : undefined;

  return {
    agentFor(url, { keepAlive = false } = {}) {
      trust.look();
      pair.look();
      const secureContext = contexts.of(trust, pair.choose());
      const agent = /^(https|wss):$/.test(url.protocol)
        ? new SecureAgent({ keepAlive, ...(secureContext ? { secureContext } : {}) })
        : new Agent({ keepAlive });
      const address = throughProxy(url);
      if (!address) return agent;
      return goThrough(agent, { address, login, trust: contexts.of(trust), signal: closing.signal });
    },
    problemOf,
    welcomed: () => pair.welcomed(),
    failed: () => pair.failed(),
    scriptVariables: trust.scriptVariables,
    clientCertificateEnds: () => pair.ends(),
    watch: (clock, then) =>
      every(clock, lookEveryMs, () => {
        const changed = [trust.look(), pair.look()];
        if (changed.includes(true)) then();
      }),
    close() {
      closing.abort();
      trust.close();
    },
  };
}

/** The newest of each kind is kept: reading all CAs takes longer than a handshake. */
function secureContexts() {
  const kept = new Map<boolean, { key: string; context: SecureContext }>();
  return {
    /** Undefined: Node's own defaults are right. */
    of({ pem }: Trust, client?: ClientPair): SecureContext | undefined {
      if (pem.length === 0 && !client) return undefined;
      const key = [...pem, client?.certificate, client?.key].join('\n');
      const before = kept.get(client !== undefined);
      if (before?.key === key) return before.context;
      const context = createSecureContext({
        ...(pem.length > 0 ? { ca: [...getCACertificates('default'), ...pem] } : {}),
        ...(client ? { cert: client.certificate, key: client.key } : {}),
      });
      kept.set(client !== undefined, { key, context });
      return context;
    },
  };
}
