/**
 * A page to try queries with, served only where it is switched on. It loads nothing from anywhere: GraphiQL, as
 * the GraphQL server brings it, would run scripts of a public host next to an API key.
 */
import { createHash } from 'node:crypto';

const style = `
body { font: 14px/1.4 system-ui, sans-serif; margin: 0; display: grid; gap: 8px; padding: 12px;
  grid-template: auto 2fr 1fr / 1fr 1fr; height: 100vh; box-sizing: border-box; }
header { grid-column: 1 / 3; display: flex; gap: 8px; align-items: center; }
textarea, pre { font: 13px/1.4 ui-monospace, monospace; margin: 0; padding: 8px; border: 1px solid #999; resize: none; }
pre { overflow: auto; grid-row: 2 / 4; grid-column: 2; white-space: pre-wrap; }
`;

const script = `
const part = id => document.getElementById(id);
const ask = async body => {
  const headers = { 'content-type': 'application/json', accept: 'application/json', 'x-api-key': part('key').value };
  const answer = await fetch(location.pathname, { method: 'POST', headers, body: JSON.stringify(body) });
  return answer.json();
};
const show = work => work().then(
  result => { part('answer').textContent = typeof result === 'string' ? result : JSON.stringify(result, null, 2); },
  error => { part('answer').textContent = String(error); });
part('run').addEventListener('click', () => show(() => {
  const variables = part('variables').value.trim();
  return ask({ query: part('query').value, ...(variables ? { variables: JSON.parse(variables) } : {}) });
}));
const type = 'type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }';
const text = ({ kind, name, ofType }) =>
  kind === 'NON_NULL' ? text(ofType) + '!' : kind === 'LIST' ? '[' + text(ofType) + ']' : name;
const line = item => '  ' + item.name +
  (item.args?.length ? '(' + item.args.map(arg => arg.name + ': ' + text(arg.type)).join(', ') + ')' : '') +
  (item.type ? ': ' + text(item.type) : '');
part('schema').addEventListener('click', () => show(async () => {
  const answer = await ask({ query: '{ __schema { types { kind name fields(includeDeprecated: true) { name args { name '
    + type + ' } ' + type + ' } inputFields { name ' + type + ' } enumValues { name } possibleTypes { name } } } }' });
  return answer.errors ? answer : answer.data.__schema.types.filter(({ name }) => !name.startsWith('__')).map(found =>
    [found.kind + ' ' + found.name, ...(found.fields ?? found.inputFields ?? found.enumValues ?? found.possibleTypes ?? []).map(line)]
      .join('\\n')).join('\\n\\n');
}));
`;

/** The page, with the only headers that it may be sent with. */
export const explorerPage = {
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': [
      "default-src 'none'",
      `script-src '${digest(script)}'`,
      `style-src '${digest(style)}'`,
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  },
  html: `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Legate GraphQL</title>
<style>${style}</style>
<header>
<label>API key <input id="key" type="password" autocomplete="off" size="50"></label>
<button id="run">Run</button>
<button id="schema">Schema</button>
</header>
<textarea id="query" aria-label="Query" spellcheck="false">{ legate { delegates { nodes { name tags } } } }</textarea>
<pre id="answer" aria-label="Answer"></pre>
<textarea id="variables" aria-label="Variables, as JSON" placeholder="variables, as JSON" spellcheck="false"></textarea>
<script>${script}</script>
</html>
`,
};

function digest(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
