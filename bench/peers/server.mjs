// Shared by all peers: the floor's server, and a session in Redis through ioredis. A peer adds two calls: from js_code to
// identity, and from userid to member.
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Redis } from 'ioredis';

export const { CORPID: corpid, CORPSECRET: corpsecret, WECOM_BASE_URL: wecom } = process.env;
export const redis = new Redis(process.env.REDIS_URL, { enableAutoPipelining: true });

/**
 * Serves POST /login.
 *
 * @param begin returns `{ exchange(jsCode), member(userid) }` for one login
 */
export function serve(begin) {
  async function login(jsCode) {
    const calls = await begin();
    const identity = await calls.exchange(jsCode);
    const member = await calls.member(identity.userid);
    const token = randomBytes(32).toString('base64url');
    const session = { corpid: identity.corpid, userid: member.userid, name: member.name };
    const stored = JSON.stringify({ ...session, sessionKey: identity.session_key });
    await redis.set(`peer:session:${createHash('sha256').update(token).digest('hex')}`, stored, 'EX', 28_800);
    return { session_token: token, expires_in: 28_800, role: 'member', member: session };
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
  server.listen({ port: Number(process.env.PORT ?? 0), backlog: 1024 }, () => {
    process.stdout.write(`${JSON.stringify({ event: 'listening', port: server.address().port })}\n`);
  });
}

/** Throws if WeCom refused the call. */
export function succeeded(answer) {
  if (answer.errcode !== 0) throw new Error(`errcode ${answer.errcode}`);
  return answer;
}

function send(response, status, body) {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}
