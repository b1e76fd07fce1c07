/** The three entities as the control plane works with them. Their documents hold the rest. */
import type { DeclaredInput, GivenInput } from './inputs.ts';
import type { Reference } from './reference.ts';

/** A script that was compiled when its template was saved: a constant, whatever the inputs are. */
export interface Program {
  readonly text: string;
  /** `sha256:` and 64 hex digits of the text. */
  readonly digest: string;
  /** The inputs it refers to; number i arrives in the shell variable with number i + 1. */
  readonly inputs: readonly string[];
}

/** One version of a template. */
export interface TemplateVersion extends Reference {
  readonly versionLabel: string;
  readonly name: string;
  readonly script: string;
  readonly inputs: readonly DeclaredInput[];
  readonly program: Program;
  /** The whole document, unknown fields included. */
  readonly document: unknown;
}

/** A custom secret manager. */
export interface Connector extends Reference {
  readonly name: string;
  readonly template: Reference & { readonly versionLabel: string };
  readonly inputs: readonly GivenInput[];
  readonly selectors: readonly string[];
  /** Whole time of a fetch, in seconds. */
  readonly timeoutSeconds: number;
  readonly workingDirectory: string | undefined;
  readonly document: unknown;
}

/** A reference to a value in a store: never the value. */
export interface Secret extends Reference {
  readonly name: string;
  readonly connector: Reference;
  readonly inputs: readonly GivenInput[];
  readonly document: unknown;
}

/** Everything that is needed to run a fetch, resolved once; nothing later asks the store what to run. */
export interface Plan {
  readonly subject: { readonly secret: string; readonly connector: string; readonly template: string };
  readonly program: { readonly text: string; readonly digest: string };
  /** The values of the program's inputs, in its order. */
  readonly inputs: readonly string[];
  readonly workingDirectory: string | undefined;
  readonly selectors: readonly string[];
  readonly timeoutMs: number;
}
