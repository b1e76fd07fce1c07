/** Reading of answers: what is not as expected is left empty, as another version may say it otherwise. */
import type { Json } from './client.ts';

export function object(data: unknown): Json {
  return typeof data === 'object' && data !== null && !Array.isArray(data)
    ? Object.fromEntries(Object.entries(data))
    : {};
}

export const objects = (data: unknown): Json[] => list(data).map(object);

export const list = (data: unknown): readonly unknown[] => (Array.isArray(data) ? data : []);

export const texts = (data: unknown): string[] => list(data).map(text);

export function text(data: unknown): string {
  return typeof data === 'string' || typeof data === 'number' ? String(data) : '';
}
