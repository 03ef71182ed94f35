// Addresses of clients, from headers that a client may have forged: for limits and the log only.
import { BlockList, isIP, isIPv4 } from 'node:net';

/** Addresses of proxies inside the platform; 9/8 and 11/8 are Tencent's own use of public ranges. */
const platform = new BlockList();
for (const [network, prefix] of [
  ['9.0.0.0', 8],
  ['10.0.0.0', 8],
  ['11.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  platform.addSubnet(network, prefix, familyOf(network));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

function isPlatform(address: string): boolean {
  return platform.check(address, familyOf(address));
}

/**
 * The client's address: the first one from the right of X-Forwarded-For that is not the platform's own, since
 * everything to the left of it, and every X-Scf-* and X-Real-IP header, can be forged. Without X-Forwarded-For, which
 * reports of bare function URLs disagree about, X-Scf-Remote-Addr counts: otherwise all clients would have the address
 * of the platform, which has no limit of its own. Good enough to limit by and to write into the log; never a reason to
 * trust anyone.
 */
export function clientAddress(
  header: (name: 'x-forwarded-for' | 'x-scf-remote-addr') => string | undefined,
  socketAddress: string,
): string {
  const forwardedFor = header('x-forwarded-for');
  if (forwardedFor === undefined) {
    const own = bareAddress(socketAddress);
    const remote = bareAddress(header('x-scf-remote-addr') ?? '');
    const isHidden = isIP(remote) !== 0 && isIP(own) !== 0 && isPlatform(own) && !isPlatform(remote);
    return isHidden ? remote : own;
  }
  const chain = forwardedFor.slice(-1024).split(',').map(bareAddress);
  for (const address of chain.toReversed()) {
    if (isIP(address) !== 0 && !isPlatform(address)) return address;
  }
  return bareAddress(socketAddress);
}

/** No client's own address, but the platform's, behind which all clients are. */
export function isShared(address: string): boolean {
  return isIP(address) === 0 || isPlatform(address);
}

/** The /24 of an IPv4 address, the /48 of an IPv6 one. */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address.slice(0, address.lastIndexOf('.'));
  const [head = '', tail = ''] = address.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0');
  return [...front, ...zeros, ...back]
    .slice(0, 3)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

/** Without port, brackets and the IPv4-in-IPv6 prefix. */
function bareAddress(text: string): string {
  const trimmed = text.trim();
  const bracketed = /^\[([^\]]+)\]/.exec(trimmed)?.[1];
  const address =
    bracketed ?? (/^[\d.]+:\d+$/.test(trimmed) ? trimmed.slice(0, trimmed.indexOf(':')) : trimmed);
  return address.toLowerCase().startsWith('::ffff:') ? address.slice(7) : address;
}
