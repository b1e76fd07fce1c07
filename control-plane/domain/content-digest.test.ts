import assert from 'node:assert/strict';
import test from 'node:test';
import { someContent } from '../../test/harness/entities.ts';
import { contentDigest } from './content-digest.ts';

const digest = contentDigest(someContent);

test('a content has a digest that the order of its fields does not change', () => {
  assert.match(digest, /^sha256:[0-9a-f]{64}$/);
  const reversed = Object.fromEntries(Object.entries(Object(someContent.spec)).reverse());
  assert.equal(contentDigest({ ...someContent, spec: reversed }), digest);
});

test('another spec, syntax or program is another content', () => {
  const { program } = someContent;
  const others = [
    { ...someContent, spec: { ...Object(someContent.spec), made_up: 1 } },
    { ...someContent, syntax: 'FirstGen' as const },
    { ...someContent, program: { ...program, digest: `sha256:${'1'.repeat(64)}` } },
    { ...someContent, program: { ...program, slots: [] } },
  ];
  assert.equal(new Set([digest, ...others.map(contentDigest)]).size, others.length + 1);
});
