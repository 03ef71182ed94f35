import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createServer } from 'node:tls';
import { onTestFinished } from 'vitest';

/** Folder of the certificates: `valid` and `expired` are for localhost, `stranger` is from another authority. */
export const certificate = (name: 'valid' | 'expired' | 'stranger') => `test/faults/tls/${name}.pem`;

/**
 * Adds TLS with this certificate in front of a URL. Returns the port on 127.0.0.1; ends with the test.
 *
 * @param onServerName told the name that each client asks for (SNI), `false` if it names none
 */
export async function behindTls(
  url: string,
  name: 'valid' | 'expired',
  onServerName?: (name: unknown) => void,
): Promise<string> {
  const read = (file: string) => readFileSync(file, 'utf8');
  const open = new Set<Socket>();
  const options = { key: read('test/faults/tls/key.pem'), cert: read(certificate(name)) };
  const server = createServer(options, (client) => {
    onServerName?.(client.servername);
    const behind = connect(Number(new URL(url).port), '127.0.0.1');
    for (const socket of [client, behind]) {
      open.add(socket);
      socket.on('error', () => undefined).on('close', () => [client, behind].forEach((end) => end.destroy()));
    }
    client.pipe(behind).pipe(client);
  });
  server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  const address = server.address();
  return typeof address === 'object' && address ? String(address.port) : '';
}
