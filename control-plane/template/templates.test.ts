import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadCompiler } from './compile.ts';
import { inputsNamed, valuesFor } from './testing/inputs.ts';
import { runInBash } from './testing/run-in-bash.ts';

const compile = await loadCompiler();
const NASTY = `it's "$(touch PWNED)" \\ \`x\` $HOME`;

/** Runs a template in a real bash, with `curl` and the like replaced by functions that show their words. */
async function run(stubs: string, script: string, values: Record<string, string>): Promise<string[][]> {
  const result = await compile(script, inputsNamed(...Object.keys(values)));
  assert.ok(result.ok, JSON.stringify(result));
  const { text, slots } = result.program;
  const runs = [{ program: `${stubs}\n${text}\nshow "$secret"`, values: valuesFor(slots, values) }];
  return runInBash(runs)[0] ?? [];
}

test('a key-value template with curl and jq', async () => {
  const script = `#!/bin/bash
# reads <+secretManager.environmentVariables.path> from the store
url=https://vault.example/v1/<+secretManager.environmentVariables.engine>/data/<+secretManager.environmentVariables.path>
curl -sf -X GET -H 'X-Vault-Token: <+spec.environmentVariables.token>' "$url?version=1" -o secret.json \\
  <+spec.environmentVariables.options>
secret=$(jq -r '.data."<+secretManager.environmentVariables.key>"' secret.json)
`;
  const values = { engine: 'kv', path: 'a b&c;#?', token: NASTY, key: `k'"`, options: '' };
  const stubs = 'curl() { show curl "$@"; }; jq() { printf "%s from %s" "$@"; }';
  assert.deepEqual(await run(stubs, script, values), [
    [
      'curl',
      '-sf',
      '-X',
      'GET',
      '-H',
      `X-Vault-Token: ${NASTY}`,
      'https://vault.example/v1/kv/data/a b&c;#??version=1',
      '-o',
      'secret.json',
    ],
    [`-r from .data."k'""secret.json from `],
  ]);
});

test('a template with two calls, JSON in double quotes, and both names of the inputs', async () => {
  const script = `conjur_url="<+spec.environmentVariables.url>"
login='<+secretManager.environmentVariables.login>'
token=$(curl --data "{\\"login\\": \\"$login\\", \\"key\\": \\"<+spec.environmentVariables.key>\\"}" \\
  "\${conjur_url}/authn/<+secretManager.environmentVariables.account>/authenticate" | tr a-z a-z)
if [ $? -ne 0 ] || [ -z "$token" ]; then
  exit 1
fi
secret="$(curl -H "Authorization: Token token=\\"$token\\"" "$conjur_url/secrets/<+spec.environmentVariables.account>/variable/"<+spec.environmentVariables.id>)"
if [ $? -ne 0 ]; then exit 1; fi
`;
  const values = { url: 'https://c', login: `host/o'b`, key: NASTY, account: 'acme', id: 'a%2Fb c' };
  const stubs = 'curl() { printf "<%s>" "$@"; }';
  const token = `<--data><{"login": "host/o'b", "key": "${NASTY}"}><https://c/authn/acme/authenticate>`;
  assert.deepEqual(await run(stubs, script, values), [
    [`<-H><Authorization: Token token="${token}"><https://c/secrets/acme/variable/a%2Fb c>`],
  ]);
});

test('an installation-token template with a multi-line key, functions and process substitution', async () => {
  const script = `set -o pipefail
set -eu
app_id=<+secretManager.environmentVariables.app_id>
pem="
<+secretManager.environmentVariables.pem>
"
export installation="<+secretManager.environmentVariables.installation_id>"
api=<+secretManager.environmentVariables.api_url>
b64enc() { openssl base64 | tr -d '=' | tr '/+' '_-' | tr -d '\\n'; }
now=$(date +%s)
payload_json="{ \\"iat\\": $((now - 60)), \\"iss\\": \\"\${app_id}\\" }"
signature=$(openssl dgst -sha256 -sign <(echo -n "\${pem}") <(echo -n "$payload_json") | b64enc)
JWT="\${payload_json}.\${signature}"
response=$(curl --request POST --url "\${api:-https://api.example}/app/installations/\${installation}/access_tokens" \\
  --header "Authorization: Bearer \${JWT}")
secret=$(echo "$response" | grep -o '<[^<]*access_tokens>')$pem
`;
  const pem = '-----BEGIN RSA PRIVATE KEY-----\nMII/+=\n$(touch PWNED)"\n-----END RSA PRIVATE KEY-----';
  const stubs = `date() { echo 1000; }; curl() { printf '<%s>' "$@"; }
openssl() { if [ "$1" = dgst ]; then cat "$4" "$5"; else cat; fi; }`;
  assert.deepEqual(await run(stubs, script, { app_id: '7', pem, installation_id: '42', api_url: '' }), [
    [`<https://api.example/app/installations/42/access_tokens>\n${pem}\n`],
  ]);
});

test('a template that branches on an input and writes a request with a here-document', async () => {
  const script = `case "<+spec.environmentVariables.mode>" in
  static|'') path=static-creds ;;
  *) path=creds ;;
esac
if [[ '<+spec.environmentVariables.mode>' == <+spec.environmentVariables.mode> && -n <+spec.environmentVariables.role> ]]; then
  curl "https://v/v1/database/$path/<+spec.environmentVariables.role>" --data @- <<'JSON'
{ "role": "<+spec.environmentVariables.role>", "jwt": "$JWT" }
JSON
fi
for key in username "<+spec.environmentVariables.field>"; do
  secret+=$key:
done
`;
  const values = { mode: 'static', role: `r'1`, field: 'pass word' };
  assert.deepEqual(await run('curl() { show "$@"; body; }', script, values), [
    [`https://v/v1/database/static-creds/r'1`, '--data', '@-'],
    [`{ "role": "r'1", "jwt": "$JWT" }\n`],
    ['username:pass word:'],
  ]);
});
