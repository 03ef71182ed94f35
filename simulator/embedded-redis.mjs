// A Redis in a thread of its own: what goes on in the main thread cannot make it look slow. Plain JavaScript,
// since a worker is started from a file. Its own front door (`createRedisMock`) listens on every interface and
// cannot stop while clients stay.
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
