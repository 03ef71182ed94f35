// How deploy and doctor ask an address of the internet from behind a proxy.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { createCloud } from '../deploy/cloud.ts';

const credentials = { secretId: 'AKID', secretKey: 'key', token: undefined, appId: undefined };

/** A proxy that opens a way, or answers with another status; notes who asked for what and what was sent on it. */
async function startProxy(status = 200) {
  const asked: (string | undefined)[][] = [];
  const sent: Buffer[] = [];
  const server = createServer((_request, response) => response.writeHead(500).end());
  server.on('connect', ({ url, headers }, socket: Socket) => {
    asked.push([url, headers['proxy-authorization'], headers.authorization]);
    socket.write(`HTTP/1.1 ${status} answer\r\n\r\n`);
    socket.once('data', (chunk: Buffer) => {
      sent.push(chunk);
      socket.destroy();
    });
    if (status !== 200) socket.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  return { url: `http://ann:p%40ss@127.0.0.1:${port}`, asked, sent };
}

const get = (HTTPS_PROXY: string) =>
  createCloud(credentials, 'ap-guangzhou', { HTTPS_PROXY }).get('https://login.example.com/health');

/** As sls has it: one CommonJS file, after the package that uploads code has put its own https.request in place. */
async function getAfterUpload(HTTPS_PROXY: string) {
  const outfile = `.build/doctor-proxy-${process.pid}.cjs`;
  const script = `
    require('@serverless/tencent-scf/library/deployFunction.js');
    const { createCloud } = require('../deploy/cloud.ts');
    const { credentials, HTTPS_PROXY } = JSON.parse(process.argv[1]);
    createCloud(credentials, 'ap-guangzhou', { HTTPS_PROXY }).get('https://login.example.com/health')
      .then((answer) => process.send({ answer }), (error) => process.send({ error: String(error) }));`;
  await build({
    stdin: { contents: script, resolveDir: 'test' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    packages: 'external',
    logLevel: 'error',
  });
  onTestFinished(() => rmSync(outfile));
  const given = JSON.stringify({ credentials, HTTPS_PROXY });
  const child = spawn(process.execPath, ['-e', `require('./${outfile}')`, given], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [message] = (await once(child, 'message')) as [{ answer?: unknown; error?: string }];
  child.kill();
  if (message.error !== undefined) throw new Error(message.error);
  return message.answer;
}

test.each([
  ['', get],
  [', also after code was uploaded', getAfterUpload],
])('HTTPS_PROXY › is the way to a function URL, with TLS to the function itself%s', async (_, ask) => {
  const proxy = await startProxy();
  expect(await ask(proxy.url)).toBe(undefined);
  const account = `Basic ${Buffer.from('ann:p@ss').toString('base64')}`;
  expect(proxy.asked).toEqual([['login.example.com:443', account, undefined]]);
  const [hello] = proxy.sent;
  // The first record of a TLS handshake, which names the server it is for.
  expect([hello?.[0], hello?.includes('login.example.com')]).toEqual([22, true]);
});

test.each([[407], [502]])('HTTPS_PROXY › a proxy that answers %d leads to no answer', async (status) => {
  const proxy = await startProxy(status);
  expect([await get(proxy.url), proxy.sent]).toEqual([undefined, []]);
});

test.each([['no address'], ['http://127.0.0.1:1']])('HTTPS_PROXY › %s leads to no answer', async (url) => {
  expect(await get(url)).toBe(undefined);
});

test('HTTPS_PROXY › is the way to the API of Tencent Cloud, which never sees the key in a CONNECT', async () => {
  const proxy = await startProxy();
  const cloud = createCloud(credentials, 'ap-guangzhou', { HTTPS_PROXY: proxy.url });
  // A write that may not be done twice: asked once.
  const request = { Domain: 'login.example.com', Protocol: 'HTTPS', EndpointsConfig: [] };
  await expect(cloud.scf('CreateCustomDomain', request)).rejects.toMatchObject({ cloudCode: '' });
  const account = `Basic ${Buffer.from('ann:p@ss').toString('base64')}`;
  expect(proxy.asked).toEqual([['scf.tencentcloudapi.com:443', account, undefined]]);
  const [hello] = proxy.sent;
  expect([hello?.[0], hello?.includes('scf.tencentcloudapi.com')]).toEqual([22, true]);
});
