import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import type { TemplateContent } from './entities.ts';

/**
 * `sha256:` and 64 hex digits of everything that makes a template version do what it does. The compiled program
 * is part of it: a compiler that places an expression differently makes another content, which nothing pins yet.
 */
export function contentDigest({ syntax, spec, program }: TemplateContent): string {
  const { digest, slots } = program;
  const text = canonicalJson({ syntax, spec, program: digest, slots });
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
