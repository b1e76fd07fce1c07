/** Lists of addresses and networks, as `10.0.0.0/8` or `2001:db8::1`. */
import { BlockList, isIP } from 'node:net';
import { RequestError } from '../domain/errors.ts';

/** Throws a `RequestError` for a text that is neither an address nor a network. */
export function checkNetworks(texts: readonly string[]): void {
  const list = new BlockList();
  for (const text of texts) {
    if (add(list, text)) continue;
    throw new RequestError(
      'INVALID_REQUEST',
      `networks must hold addresses or networks, as in 10.0.0.0/8 or 2001:db8::1 (got "${text.slice(0, 100)}")`,
    );
  }
}

/** Is the address in one of them? In none is nobody whose address is unknown. */
export function isAmong(texts: readonly string[], address: string | undefined): boolean {
  // An IPv4 peer of a socket that listens on both looks like this.
  const plain = (address ?? '').replace(/^::ffff:(?=[0-9.]+$)/i, '').replace(/%.*$/, '');
  const version = isIP(plain);
  if (version === 0) return false;
  const list = new BlockList();
  // What is damaged matches nothing.
  for (const text of texts) add(list, text);
  return list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
}

function add(list: BlockList, text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes('%')) return false;
  const most = version === 4 ? 32 : 128;
  if (bits !== undefined && !(/^[0-9]{1,3}$/.test(bits) && Number(bits) <= most)) return false;
  list.addSubnet(address, bits === undefined ? most : Number(bits), version === 4 ? 'ipv4' : 'ipv6');
  return true;
}
