// The floor of the benchmark: the smallest code that logs a member in, on node:http with keep-alive sockets. It has no
// deadlines, retries, lease, limits, log, encryption or checks: the cost of a login if nothing goes wrong.
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { connect } from 'node:net';

const { CORPID: corpid, CORPSECRET: corpsecret, REDIS_URL, WECOM_BASE_URL: wecom, PORT = '0' } = process.env;
const { Agent, get } = process.getBuiltinModule(wecom.startsWith('https:') ? 'node:https' : 'node:http');
const agent = new Agent({ keepAlive: true, maxSockets: 128, scheduling: 'lifo' });
const redis = createRedis(new URL(REDIS_URL));

async function login(jsCode) {
  const accessToken = (await redis('GET', 'floor:token')) ?? (await fetchToken());
  const query = `access_token=${accessToken}`;
  const identity = await call(
    `/cgi-bin/miniprogram/jscode2session?${query}&js_code=${jsCode}&grant_type=authorization_code`,
  );
  const member = await call(`/cgi-bin/user/get?${query}&userid=${identity.userid}`);
  const token = randomBytes(32).toString('base64url');
  const session = { corpid: identity.corpid, userid: member.userid, name: member.name };
  const stored = JSON.stringify({ ...session, sessionKey: identity.session_key });
  await redis(
    'SET',
    `floor:session:${createHash('sha256').update(token).digest('hex')}`,
    stored,
    'EX',
    '28800',
  );
  return { session_token: token, expires_in: 28_800, role: 'member', member: session };
}

async function fetchToken() {
  const answer = await call(`/cgi-bin/gettoken?corpid=${corpid}&corpsecret=${corpsecret}`);
  await redis('SET', 'floor:token', answer.access_token, 'EX', String(answer.expires_in - 300));
  return answer.access_token;
}

function call(path) {
  return new Promise((resolve, reject) => {
    get(wecom + path, { agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      response.on('end', () => {
        const answer = JSON.parse(text);
        if (answer.errcode === 0) resolve(answer);
        else reject(new Error(`errcode ${answer.errcode}`));
      });
    }).on('error', reject);
  });
}

/** RESP2 with bulk strings, simple strings, errors and integers: enough for the replies to GET and SET. */
function createRedis({ hostname, port }) {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const waiting = [];
  let received = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk) => {
    received += chunk;
    for (;;) {
      const lineEnd = received.indexOf('\r\n');
      if (lineEnd < 0) return;
      const line = received.slice(1, lineEnd);
      let end = lineEnd + 2;
      let value = line;
      if (received[0] === '$') {
        const length = Number(line);
        value = length < 0 ? null : received.slice(end, end + length);
        if (length >= 0) end += length + 2;
        if (received.length < end) return;
      }
      const { resolve, reject } = waiting.shift();
      if (received[0] === '-') reject(new Error(line));
      else resolve(value);
      received = received.slice(end);
    }
  });
  return (...args) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      socket.write(
        `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`,
      );
    });
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    login(JSON.parse(Buffer.concat(chunks).toString()).js_code).then(
      (answer) => send(response, 200, answer),
      () => send(response, 503, { error: 'temporarily_unavailable' }),
    );
  });
});
server.listen({ port: Number(PORT), backlog: 1024 }, () => {
  console.log(JSON.stringify({ event: 'listening', port: server.address().port }));
});

function send(response, status, body) {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}
