/**
 * Text that came from elsewhere (a delegate's tags, a script's error output), for a terminal: control characters
 * could move its cursor and rewrite what stands there.
 */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, '\ufffd');
}
