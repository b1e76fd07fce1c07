/** Our own part of the schema: everything under the fields that begin with "legate". */
const scope = 'orgIdentifier: String, projectIdentifier: String';

export const legateTypes = /* GraphQL */ `
extend type Query {
  "Legate's own queries; no part of the FirstGen interface."
  legate: LegateQuery!
}
extend type Mutation {
  "Legate's own operations; no part of the FirstGen interface."
  legate: LegateMutation!
}
type Subscription {
  """
  Runs a connector's script with its own inputs, and tells what happens. Never returns the value. The last
  event is LegateSucceeded or LegateFailed.
  """
  legateConnectionTest(connector: String!, ${scope}): LegateTestEvent!
}

"Any JSON value."
scalar LegateJSON

"References are absolute (account.x, org/payments/x) or read in the scope of the other arguments."
type LegateQuery {
  "The templates of one scope, by identifier."
  templates(${scope}, search: String, limit: Int, offset: Int): LegateTemplateList
  template(reference: String!, ${scope}): LegateTemplate
  connectors(${scope}, limit: Int, offset: Int): LegateConnectorList
  connector(reference: String!, ${scope}): LegateConnector
  "What is known of the secrets of one scope; never a value."
  secrets(${scope}, limit: Int, offset: Int): LegateSecretList
  secret(reference: String!, ${scope}): LegateSecret
  delegates(limit: Int, offset: Int): LegateDelegateList
  "How a secret would be fetched now: what runs, with which inputs, on which delegates."
  explain(secret: String!, ${scope}): LegateExplanation
}

type LegateMutation {
  """
  Runs the script, now. Without a publicKey the value comes opened; with one it comes sealed to it, in chunks
  that only its owner can open. application and environment go together: on whose behalf one asks. Where fresh is
  true no value will do that was had, or is being had, for another fetch.
  """
  fetch(
    secret: String!
    ${scope}
    application: String
    environment: String
    publicKey: LegatePublicKey
    fresh: Boolean
  ): LegateFetch
}

"An X25519 public key as a JWK."
input LegatePublicKey {
  kty: String!
  crv: String!
  x: String!
}

type LegateFetch {
  "Null where a publicKey was given."
  value: String
  "Null where no publicKey was given. Each is a JWE in compact form; in this order they make the value."
  sealed: [String!]
  "What a chunk is bound to, with its place in the list."
  task: String!
  attempt: Int!
  delegate: String!
  "The value was had for another fetch, so many milliseconds ago; null: for this one."
  ageMs: Int
}

type LegateTemplateList {
  pageInfo: PageInfo!
  nodes: [LegateTemplate!]!
}
type LegateTemplate {
  reference: String!
  uuid: String!
  name: String!
  stableVersion: String!
  createdAt: DateTime!
  "Latest first."
  versions: [LegateTemplateVersion!]
}
type LegateTemplateVersion {
  versionLabel: String!
  name: String!
  stable: Boolean!
  script: String!
  contentDigest: String!
  programDigest: String!
  document: LegateJSON!
  createdAt: DateTime!
  updatedAt: DateTime!
}

enum LegateGeneration { NG FirstGen }

type LegateConnectorList {
  pageInfo: PageInfo!
  nodes: [LegateConnector!]!
}
type LegateConnector {
  reference: String!
  uuid: String!
  generation: LegateGeneration!
  name: String!
  template: String!
  versionLabel: String!
  "The template version has changed since the connector was last checked against it."
  drifted: Boolean!
  selectors: [String!]!
  timeoutSeconds: Int!
  workingDirectory: String
  "Null: the script runs on the delegate itself."
  host: String
  usageScope: UsageScope
  document: LegateJSON!
  createdAt: DateTime!
  updatedAt: DateTime!
}

enum LegateSecretType { SecretText SecretFile SSHKey }

type LegateSecretList {
  pageInfo: PageInfo!
  nodes: [LegateSecret!]!
}
type LegateSecret {
  reference: String!
  uuid: String!
  generation: LegateGeneration!
  type: LegateSecretType!
  name: String!
  "Null: the built-in secret manager."
  connector: String
  usageScope: UsageScope
  document: LegateJSON!
  createdAt: DateTime!
  updatedAt: DateTime!
}

type LegateDelegateList {
  pageInfo: PageInfo!
  nodes: [LegateDelegate!]!
}
type LegateDelegate {
  uuid: String!
  name: String!
  "Whom it serves: the scope and everything below it."
  scope: String!
  status: DelegateStatus!
  hostName: String!
  tags: [String!]!
  version: String!
  lastHeartbeat: DateTime!
  "Since then an operator lets it have no tasks; null: it gets tasks."
  drainedAt: DateTime
  "The instances that are connected now."
  instances: [LegateDelegateInstance!]!
}
type LegateDelegateInstance {
  instance: String!
  "connected, or draining: it takes no more tasks."
  state: String!
  version: String!
  since: DateTime!
  hostName: String!
  lastHeartbeat: DateTime!
  running: Int!
  capacity: Int!
}

type LegateExplanation {
  secret: String!
  connector: String!
  template: String!
  versionLabel: String!
  drifted: Boolean!
  "The scope whose delegates may run it."
  owner: String!
  programDigest: String!
  inputs: [LegateExplainedInput!]!
  selectors: [String!]!
  workingDirectory: String
  timeoutSeconds: Float!
  "How long a delegate may give the value again, from the fetch; 0: not."
  cacheTtlSeconds: Float!
  "Which key of the script's JSON object it is."
  key: String
  delegates: [LegateExplainedDelegate!]!
  "Where none matches: the one that lacks least, and what."
  nearestMiss: String
}
type LegateExplainedInput {
  label: String!
  "Null where it is, or holds, a secret's value, or stands in what the caller may not view."
  value: String
  source: String!
}
type LegateExplainedDelegate {
  delegate: String!
  instance: String
  matches: Boolean!
  "A code, as in SELECTOR_MISMATCH; null where it matches."
  why: String
  detail: String!
}

union LegateTestEvent = LegateAccepted | LegateLog | LegateSucceeded | LegateFailed

"A delegate has taken the task on."
type LegateAccepted {
  task: String!
  attempt: Int!
  delegate: String!
}
"Error output of the script, redacted."
type LegateLog {
  text: String!
}
"There is a value, and it is not empty."
type LegateSucceeded {
  task: String!
  attempt: Int!
  delegate: String!
}
type LegateFailed {
  task: String!
  attempt: Int!
  delegate: String
  code: String!
  "In words."
  message: String!
  detail: String
  exitCode: Int
  signal: String
  "The end of the script's error output, redacted."
  stderrTail: String
  "Why others could not take the task, where none was left."
  refusals: [LegateRefusal!]!
}
type LegateRefusal {
  delegate: String!
  instance: String
  why: String!
  detail: String!
}
`;
