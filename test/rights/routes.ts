/** What can be asked of each route of the native API. */
import type { Action } from '../../control-plane/domain/permissions.ts';
import type { ApiRequest } from '../harness/whole-api.ts';
import type { Operation } from './operation.ts';
import {
  application,
  connector,
  issuer,
  placeOf,
  places,
  referenceTo,
  secret,
  template,
  token,
  type Where,
  yaml,
} from './world.ts';

type Make = (where: Where, word: string) => readonly Omit<ApiRequest, 'method'>[];

/** `GET /secrets`: the method, and the route below `/api/v1`. */
function route(
  name: string,
  needs: Action,
  about: Operation['about'],
  make: Make,
  where: readonly Where[] = places,
): Operation {
  const [method = ''] = name.split(' ', 1);
  if (method !== 'GET' && method !== 'POST' && method !== 'DELETE') throw new Error(`no method: ${name}`);
  const requests = (at: Where, word: string): ApiRequest[] =>
    make(at, word).map(({ url, body }) => ({ method, url: `/api/v1${url}`, body }));
  return { name, needs, about, where, requests };
}

const query = (where: Where, word: string) => {
  const text = new URLSearchParams(placeOf(where, word)).toString();
  return text && `?${text}`;
};

const list = (kind: string) =>
  route(`GET /${kind}`, 'view', 'list', (where, word) => [{ url: `/${kind}${query(where, word)}` }]);

/** A route with a reference in it: absolute, and as it is written in its own scope. */
const thing = (name: string, needs: Action, kind: string, after = '') =>
  route(name, needs, 'thing', (where, word) => {
    const path = name.split(' ')[1]?.split('/')[1];
    const short = where === '' ? [] : [`/${path}/${word}_${kind}${after}${query(where, word)}`];
    const absolute = `/${path}/${encodeURIComponent(referenceTo(where, word, kind))}${after}`;
    return [absolute, ...short].map(url => ({ url }));
  });

const post = (
  name: string,
  needs: Action,
  about: Operation['about'],
  body: (where: Where, word: string) => readonly object[],
) =>
  route(name, needs, about, (where, word) =>
    body(where, word).map(one => ({ url: name.slice('POST '.length), body: one })),
  );

const toApply = (...documents: readonly object[]) => ({
  sources: [{ name: 'x.yaml', text: yaml(...documents) }],
  skipTests: true,
});

/** A document of the caller's own project, which names what has the word in its name. */
const own = { orgIdentifier: 'near', projectIdentifier: 'here' };
const ownSecret = (spec: object, type = 'SecretText') => ({
  secret: { name: 'own', identifier: 'own', ...own, type, spec },
});
const ownConnector = (templateRef: string, input: string) => {
  const { connector: from } = connector('', 'own', 'x', input);
  const spec = { ...from.spec, template: { ...from.spec.template, templateRef } };
  return { connector: { ...from, ...own, spec } };
};

/** What somebody may write in a project of their own, with names of what is the account's in it. */
const naming = (word: string) => {
  const to = (kind: string) => referenceTo('', word, kind);
  const input = `<+secrets.getValue("${to('token')}")>`;
  const value = JSON.stringify({ environmentVariables: [{ name: 'path', type: 'String', value: 'x' }] });
  const login = (key: string) => ({ credentialType: 'KeyReference', spec: { userName: 'me', key } });
  const host = ownConnector('near_template', 'x');
  const onHost = { onDelegate: false, host: 'h', workingDirectory: '/tmp', connectorRef: to('ssh') };
  return [
    ownConnector(to('template'), 'x'),
    ownConnector('near_template', input),
    { connector: { ...host.connector, spec: { ...host.connector.spec, ...onHost } } },
    ownSecret({ secretManagerIdentifier: to('connector'), valueType: 'CustomSecretManagerValues', value }),
    ownSecret({ auth: { type: 'SSH', spec: login(to('token')) } }, 'SSHKey'),
  ].map(document => toApply(document));
};

export const routes: readonly Operation[] = [
  post('POST /apply', 'edit', 'scope', (where, word) => [
    toApply(template(where, word, '3')),
    toApply(template(where, word), connector(where, word), token(where, word), secret(where, word)),
    toApply(connector(where, word)),
    toApply(secret(where, word)),
    toApply(token(where, word)),
    toApply(application(word)),
    ...(where === '' ? naming(word) : []),
  ]),
  route('GET /export', 'view', 'list', (where, word) => {
    const scope = new URLSearchParams({ ...placeOf(where, word), recursive: 'true' });
    return [{ url: `/export?${scope}` }];
  }),
  post('POST /fetch', 'fetch', 'thing', (where, word) => {
    const asked = { secret: referenceTo(where, word, 'secret') };
    const consumer = { application: `${word}-application`, environment: `${word}-live` };
    const all = [asked, { secret: referenceTo(where, word, 'token') }, { ...asked, ...consumer }];
    return where === '' ? all : [...all, { secret: `${word}_secret`, ...placeOf(where, word) }];
  }),
  post('POST /connectors/test', 'edit', 'thing', (where, word) => [
    { connector: referenceTo(where, word, 'connector') },
  ]),
  post('POST /templates/test', 'edit', 'thing', (where, word) => [
    { template: referenceTo(where, word, 'template'), inputs: { path: 'x' } },
  ]),
  post('POST /secrets/test', 'edit', 'thing', (where, word) => [
    { secret: referenceTo(where, word, 'secret') },
  ]),
  post('POST /connectors/accept', 'edit', 'thing', (where, word) => [
    { connector: referenceTo(where, word, 'connector') },
  ]),
  post('POST /templates/stable', 'edit', 'thing', (where, word) =>
    ['1', '9'].map(versionLabel => ({ template: referenceTo(where, word, 'template'), versionLabel })),
  ),
  list('templates'),
  thing('GET /templates/:reference', 'view', 'template'),
  thing('GET /templates/:reference/diff', 'view', 'template', '/diff'),
  thing('DELETE /templates/:reference', 'edit', 'template'),
  list('connectors'),
  thing('GET /connectors/:reference', 'view', 'connector'),
  thing('DELETE /connectors/:reference', 'edit', 'connector'),
  list('secrets'),
  thing('GET /secrets/:reference', 'view', 'secret'),
  thing('GET /secrets/:reference/explain', 'view', 'secret', '/explain'),
  thing('DELETE /secrets/:reference', 'edit', 'token'),
  route('GET /applications', 'view', 'list', () => [{ url: '/applications' }], ['']),
  route('GET /applications/:reference', 'view', 'thing', applicationUrl, ['']),
  route('DELETE /applications/:reference', 'edit', 'thing', applicationUrl, ['']),
  route('GET /delegates', 'view', 'list', () => [{ url: '/delegates' }], ['']),
  ...(
    [
      ['GET /delegates/:name', 'view', ''],
      ['POST /delegates/:name/drain', 'administer', '/drain'],
      ['POST /delegates/:name/undrain', 'administer', '/undrain'],
    ] as const
  ).map(([name, needs, after]) =>
    route(
      name,
      needs,
      'thing',
      (where, word) => [{ url: `/delegates/${word}${where && `-${where}`}-delegate${after}` }],
      ['', 'project'],
    ),
  ),
  route('POST /delegate-tokens', 'administer', 'scope', (where, word) => [
    { url: '/delegate-tokens', body: { name: `${word}-token-${where}`, ...placeOf(where, word) } },
  ]),
  route('GET /delegate-tokens', 'administer', 'list', () => [{ url: '/delegate-tokens' }], ['']),
  route(
    'POST /delegate-tokens/:name/rotate',
    'administer',
    'thing',
    (_, word) =>
      [{ overlapMs: 0 }, { overlapMs: 0, inPlace: true }].map(body => ({
        url: `/delegate-tokens/${word}-token/rotate`,
        body,
      })),
    [''],
  ),
  route(
    'DELETE /delegate-tokens/:name',
    'administer',
    'thing',
    (_, word) => [
      { url: `/delegate-tokens/${word}-token` },
      { url: `/delegate-tokens/${word}-token?drainMs=1` },
    ],
    [''],
  ),
  route('POST /delegate-issuers', 'administer', 'scope', (where, word) => [
    { url: '/delegate-issuers', body: issuer(where, word) },
  ]),
  route('GET /delegate-issuers', 'administer', 'list', () => [{ url: '/delegate-issuers' }], ['']),
  route(
    'DELETE /delegate-issuers/:name',
    'administer',
    'thing',
    (_, word) => [{ url: `/delegate-issuers/${word}-issuer` }],
    [''],
  ),
  route('GET /keys', 'administer', 'list', () => [{ url: '/keys' }], ['']),
  route('POST /keys', 'administer', 'scope', (where, word) => [
    {
      url: '/keys',
      body: { name: `new-${word}${where}`, grants: [{ role: 'viewer', ...scopeText(where, word) }] },
    },
  ]),
  route(
    'POST /keys/:name/rotate',
    'administer',
    'thing',
    (_, word) => [{ url: `/keys/${word}-key/rotate`, body: { overlapMs: 0 } }],
    [''],
  ),
  route('DELETE /keys/:name', 'administer', 'thing', (_, word) => [{ url: `/keys/${word}-key` }], ['']),
  route('GET /audit', 'administer', 'list', () => [{ url: '/audit?limit=500' }], ['']),
  route('GET /audit/verify', 'administer', 'scope', () => [{ url: '/audit/verify' }], ['']),
  route(
    'POST /audit/fingerprint',
    'administer',
    'scope',
    (_, word) => [{ url: '/audit/fingerprint', body: { value: word } }],
    [''],
  ),
  route(
    'POST /encryption-keys/rotate',
    'administer',
    'scope',
    () => [{ url: '/encryption-keys/rotate', body: {} }],
    [''],
  ),
  route('GET /settings', 'administer', 'scope', () => [{ url: '/settings' }], ['']),
  route(
    'POST /settings/:name',
    'administer',
    'scope',
    (_, word) => [
      { url: '/settings/test-on-save', body: { value: 'on' } },
      { url: `/settings/${word}-setting`, body: { value: 'on' } },
    ],
    [''],
  ),
];

function applicationUrl(_: Where, word: string) {
  return [{ url: `/applications/${word}-application` }];
}

const scopeText = (where: Where, word: string) => {
  const { orgIdentifier, projectIdentifier } = {
    orgIdentifier: '',
    projectIdentifier: '',
    ...placeOf(where, word),
  };
  return { scope: orgIdentifier === '' ? 'account' : `org/${orgIdentifier}/${projectIdentifier}` };
};
