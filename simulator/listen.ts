import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Listens on 127.0.0.1 and returns the port. @param port 0: any free one */
export async function listen(server: Server, port = 0): Promise<number> {
  server.listen({ port, host: '127.0.0.1', backlog: 1024 });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  return port;
}
