import assert from 'node:assert/strict';
import test from 'node:test';
import { RequestError } from './errors.ts';
import { type Environment, evaluate, literalSecrets, namesSecretsLiterally } from './evaluate.ts';
import { type Expression, type ExpressionSyntax, parseText } from './expression.ts';

function read(text: string, syntax: ExpressionSyntax = 'NG'): Expression {
  const parsed = parseText(text, syntax);
  return parsed.ok ? parsed.expression : assert.fail(parsed.problem);
}

interface World {
  inputs?: Record<string, string>;
  hidden?: string[];
  paths?: Record<string, string>;
  secrets?: Record<string, string>;
}

/** Inputs, fields and secrets by name; `asked` are the secrets in the order in which they were asked for. */
function world({ inputs = {}, hidden = [], paths = {}, secrets = {} }: World) {
  const asked: string[] = [];
  const environment: Environment = {
    input: (list, name) =>
      list === 'environmentVariables' && inputs[name] !== undefined
        ? { expression: read(inputs[name]), secret: hidden.includes(name) }
        : undefined,
    path: path => paths[path],
    async secret(by, reference) {
      asked.push(`${by} ${reference}`);
      return secrets[reference] ?? Promise.reject(new RequestError('RESOURCE_NOT_FOUND', reference));
    },
  };
  return { environment, asked };
}

const resultOf = (text: string, about: World) => evaluate(read(text), world(about).environment);

async function refusal(text: string, about: World): Promise<RequestError> {
  try {
    await resultOf(text, about);
  } catch (error) {
    assert.ok(error instanceof RequestError);
    return error;
  }
  return assert.fail('nothing was refused');
}

const input = (name: string) => `<+spec.environmentVariables.${name}>`;

test('inputs, fields, texts and secrets are put together', async () => {
  const about = {
    inputs: { a: 'x', b: '' },
    paths: { 'source.type': 'Inline' },
    secrets: { 'org.s': "s'\n" },
  };
  assert.deepEqual(await resultOf(`1${input('a')}2${input('b')}3<+spec.source.type>`, about), {
    value: '1x23Inline',
    secret: false,
  });
  assert.deepEqual(await resultOf('<+secrets.getValue("org.s")>', about), { value: "s'\n", secret: true });
});

test('an input may refer to inputs, fields and secrets, and a field to inputs', async () => {
  const about = {
    inputs: { a: `a-${input('b')}`, b: '<+spec.shell>', c: '<+secrets.getValue("x_" + <+spec.shell>)>' },
    paths: { shell: 'Bash', host: `h-${input('a')}` },
    secrets: { x_Bash: 'hush' },
  };
  assert.deepEqual(await resultOf('<+spec.host>', about), { value: 'h-a-Bash', secret: false });
  assert.deepEqual(await resultOf(input('c'), about), { value: 'hush', secret: true });
});

test('a value is text: what looks like an expression in a secret is none', async () => {
  const about = { secrets: { s: input('a') } };
  assert.equal((await resultOf('<+secrets.getValue("s")>', about)).value, input('a'));
});

test('whatever a secret flows into is secret', async () => {
  const about = {
    inputs: { a: `${input('b')}`, b: 'x<+secrets.getValue("s")>', c: 'c', d: input('c') },
    hidden: ['c'],
    paths: { host: input('a') },
    secrets: { s: 'hush' },
  };
  for (const text of [`-${input('a')}`, '<+spec.host>', input('c'), input('d')])
    assert.equal((await resultOf(text, about)).secret, true, text);
});

test('each secret is asked for once, however often and by whomever it is named', async () => {
  const { environment, asked } = world({
    inputs: { a: '<+secrets.getValue("s")>', b: `${input('a')}${input('a')}` },
    secrets: { s: 'x', t: 'y' },
  });
  const all = [input('b'), '<+secrets.getValue("s")>', input('a'), '<+secrets.getValue("t")>'];
  const found = await Promise.all(all.map(text => evaluate(read(text), environment)));
  assert.deepEqual(
    found.map(({ value }) => value),
    ['xx', 'x', 'x', 'y'],
  );
  assert.deepEqual(asked.toSorted(), ['reference s', 'reference t']);
});

test('each input is worked out once, however often it is named', async () => {
  const { environment } = world({ inputs: { a: input('b').repeat(9), b: input('c').repeat(9), c: 'x' } });
  const looked: string[] = [];
  const counting: Environment = {
    ...environment,
    input(list, name) {
      looked.push(name);
      return environment.input(list, name);
    },
  };
  for (const name of ['a', 'b', 'a']) await evaluate(read(input(name)), counting);
  assert.deepEqual(looked, ['a', 'b', 'c']);
});

test('FirstGen secrets are asked for by name', async () => {
  const { environment, asked } = world({ secrets: { 'my secret': 'x' } });
  await evaluate(read('${secrets.getValue("my secret")}', 'FirstGen'), environment);
  assert.deepEqual(asked, ['name my secret']);
});

test('what has no value is named, with the way to it', async () => {
  const { code, message } = await refusal(input('a'), { inputs: { a: `x${input('b')}`, b: '<+spec.zz>' } });
  assert.equal(code, 'UNRESOLVED_EXPRESSION');
  assert.equal(message, `<+spec.zz> has no value (in ${input('a')} → ${input('b')})`);
  assert.equal((await refusal(input('zz'), {})).message, `${input('zz')} has no value`);
  assert.equal(
    (await refusal('<+spec.inputVariables.a>', { inputs: { a: '' } })).message,
    '<+spec.inputVariables.a> has no value',
  );
});

test('a circle is refused with the way around it, and two that are asked at once do not wait for each other', async () => {
  const about = {
    inputs: { start: input('a'), a: `1${input('b')}`, b: '<+spec.c>' },
    paths: { c: input('a') },
  };
  const { code, message } = await refusal(input('start'), about);
  assert.equal(code, 'CYCLIC_REFERENCE');
  assert.equal(
    message,
    `values refer to each other in a circle: ${input('a')} → ${input('b')} → <+spec.c> → ${input('a')}`,
  );
  const { environment } = world(about);
  const results = await Promise.allSettled(
    [input('a'), input('b')].map(text => evaluate(read(text), environment)),
  );
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal((await refusal(input('a'), { inputs: { a: input('a') } })).code, 'CYCLIC_REFERENCE');
});

test('a long chain is refused with its path', async () => {
  const chain = (length: number) =>
    Object.fromEntries(
      Array.from({ length }, (_, index) => [`i${index}`, index ? input(`i${index - 1}`) : 'x']),
    );
  assert.equal((await resultOf(input('i19'), { inputs: chain(20) })).value, 'x');
  const { code, message } = await refusal(input('i20'), { inputs: chain(21) });
  assert.equal(code, 'UNRESOLVED_EXPRESSION');
  assert.match(message, /i0>: values refer to each other more than 20 deep \(in <\+spec\.\S+i20> → .*i1>\)$/);
});

test('a few inputs that name each other often cannot fill the memory', async () => {
  const inputs = Object.fromEntries(
    Array.from({ length: 15 }, (_, i) => [`i${i}`, i ? input(`i${i - 1}`).repeat(100) : 'hush']),
  );
  const { code, message } = await refusal(input('i14'), { inputs });
  assert.equal(code, 'UNRESOLVED_EXPRESSION');
  assert.match(message, /^more than 1048576 characters come of an expression \(in /);
  assert.doesNotMatch(message, /hush/);
});

test('a value that is secret cannot name a secret, and is not shown', async () => {
  const about = { inputs: { a: 'hush' }, hidden: ['a'], secrets: { s: 'hush', hush: 'x' } };
  for (const name of [input('a'), '<+secrets.getValue("s")>', `"x" + ${input('a')}`]) {
    const { code, message } = await refusal(`<+secrets.getValue(${name})>`, about);
    assert.equal(code, 'UNRESOLVED_EXPRESSION');
    assert.match(message, /cannot be part of a secret's name/);
    assert.doesNotMatch(message, /hush/);
  }
});

test('a secret without a name is refused; one that is not there fails as the environment says', async () => {
  assert.match(
    (await refusal(`<+secrets.getValue(${input('a')})>`, { inputs: { a: ' ' } })).message,
    /the name of the secret is empty/,
  );
  assert.equal((await refusal('<+secrets.getValue("zz")>', {})).message, 'Resource not found: zz');
});

test('the secrets that are named literally are known without evaluating', () => {
  const literal = read('<+secrets.getValue("a")>-<+secrets.getValue("b" + "c")><+secrets.getValue("a")>');
  assert.deepEqual(literalSecrets(literal), ['a', 'bc']);
  assert.equal(namesSecretsLiterally(literal), true);
  const other = read(`<+secrets.getValue("a" + ${input('a')})><+secrets.getValue(<+secrets.getValue("d")>)>`);
  assert.deepEqual(literalSecrets(other), ['d']);
  assert.equal(namesSecretsLiterally(other), false);
  assert.equal(namesSecretsLiterally(read(input('a'))), true);
});
