// A Redis in its own thread, so that work in the main thread cannot make it look slow. Plain JavaScript, because a worker
// starts from a file. The package's own `createRedisMock` is not used: it listens on every interface and cannot stop
// while clients are connected.
import { createServer } from 'node:net';
import { parentPort } from 'node:worker_threads';
import {
  attachSession,
  createRedisCommandExecutor,
  RedisServerState,
  resolveCompatibilityProfile,
  SocketConnectionTransport,
} from 'js-redis-server/core';

const compatibility = resolveCompatibilityProfile('redis-7.0');
const state = new RedisServerState({ databaseCount: 16, compatibility });
const executor = createRedisCommandExecutor({ compatibility });
const server = createServer({ noDelay: true }, (socket) => {
  attachSession(new SocketConnectionTransport(socket), { state, executor });
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => {
  parentPort.postMessage({ port: server.address().port });
});
parentPort.on('message', () => {
  state.flushAllDatabases();
  parentPort.postMessage('flushed');
});
