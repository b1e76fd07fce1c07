/** How large a request may be. Checked before anything of it is executed. */
import {
  type ASTVisitor,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql';

export const graphqlLimits = {
  /** Words and signs of a document. */
  tokens: 5_000,
  /** Fields inside fields. */
  depth: 12,
  aliases: 50,
  /** The weights of all fields together; a field weighs 1, one that runs a script more. */
  weight: 1_000,
};

const scriptWeight = 50;
const runsScript = new Set([
  'createSecretManager',
  'updateSecretManager',
  'createSecret',
  'updateSecret',
  'fetch',
  'legateConnectionTest',
]);

interface Size {
  readonly depth: number;
  readonly aliases: number;
  readonly weight: number;
}

const nothing: Size = { depth: 0, aliases: 0, weight: 0 };

/** A validation rule. A fragment counts wherever it is spread, and is measured once. */
export function limitsRule(context: ValidationContext): ASTVisitor {
  const measured = new Map<string, Size>();

  const ofFragment = (fragment: FragmentDefinitionNode): Size => {
    const name = fragment.name.value;
    const known = measured.get(name);
    if (known) return known;
    // Another rule refuses fragments that contain themselves; here they only must not go on for ever.
    measured.set(name, nothing);
    const size = ofSelections(fragment.selectionSet);
    measured.set(name, size);
    return size;
  };

  const ofSelections = (set: SelectionSetNode | undefined): Size => {
    let [depth, aliases, weight] = [0, 0, 0];
    for (const node of set?.selections ?? []) {
      let inner: Size = nothing;
      if (node.kind === Kind.FIELD) inner = ofField(node);
      else if (node.kind === Kind.INLINE_FRAGMENT) inner = ofSelections(node.selectionSet);
      else {
        const fragment = context.getFragment(node.name.value);
        if (fragment) inner = ofFragment(fragment);
      }
      depth = Math.max(depth, inner.depth);
      aliases += inner.aliases;
      weight += inner.weight;
    }
    return { depth, aliases, weight };
  };

  const ofField = (node: FieldNode): Size => {
    const inner = ofSelections(node.selectionSet);
    const name = node.name.value;
    return {
      // Introspection has a rule of its own, and goes deeper than any other request.
      depth: name.startsWith('__') ? 1 : inner.depth + 1,
      aliases: inner.aliases + (node.alias ? 1 : 0),
      weight: inner.weight + (runsScript.has(name) ? scriptWeight : 1),
    };
  };

  return {
    OperationDefinition(node) {
      const { depth, aliases, weight } = ofSelections(node.selectionSet);
      const refuse = (message: string) => context.reportError(new GraphQLError(message, { nodes: node }));
      if (depth > graphqlLimits.depth)
        refuse(`The request is ${depth} fields deep; at most ${graphqlLimits.depth} are allowed.`);
      if (aliases > graphqlLimits.aliases)
        refuse(`The request has ${aliases} aliases; at most ${graphqlLimits.aliases} are allowed.`);
      if (weight > graphqlLimits.weight)
        refuse(
          `The request is too complex: its fields weigh ${weight > 1e6 ? 'millions' : weight}, at most ` +
            `${graphqlLimits.weight} are allowed. ` +
            `A field weighs 1, one that runs a script ${scriptWeight}. Ask for less, in several requests.`,
        );
    },
  };
}
