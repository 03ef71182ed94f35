import * as z from 'zod/mini';
import { createAccessTokens } from '../../lib/access-token.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { readLoginConfig } from '../../lib/config.ts';
import { createApp, type Route, serve } from '../../lib/http.ts';
import { createLogin } from '../../lib/login.ts';
import { createRedis } from '../../lib/redis.ts';
import { startWebFunction } from '../../lib/scf.ts';
import { createKeyedHash, createSeal } from '../../lib/seal.ts';
import { createSessions } from '../../lib/session.ts';
import { createWecom } from '../../lib/wecom.ts';

// The unreserved characters of RFC 3986: nothing here can alter the URL it is sent in.
const loginBody = z.strictObject({
  js_code: z.string().check(z.regex(/^[A-Za-z0-9._~-]{1,512}$/)),
  corpid: z.optional(z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/))),
});

startWebFunction(readLoginConfig, (config, log) => {
  const redis = createRedis(config.redis, clock, log);
  const wecom = createWecom(config.wecomBaseUrl, clock);
  const { encryptionKeys } = config;
  const accessTokens = createAccessTokens({ redis, gettoken: wecom.gettoken, encryptionKeys, clock, log });
  const seal = createSeal(encryptionKeys, 'session');
  const sessions = createSessions({ redis, seal, limits: config.session, clock, log });
  const hashDevice = createKeyedHash(encryptionKeys, 'device');
  const login = createLogin({ corps: config.corps, accessTokens, wecom, sessions, hashDevice, clock, log });

  const routes: Route[] = [
    {
      method: 'POST',
      path: '/login',
      async answer(request) {
        const { js_code, corpid } = await request.body(loginBody);
        const result = await login.withJsCode(js_code, corpid, request.clientAddress);
        // Whoever logs in anew has no more use for the session he came with.
        if (request.bearer !== '' && (await sessions.end(request.bearer))) {
          log('info', 'session_ended', { reason: 'replaced', client_address: request.clientAddress });
        }
        const { sessionToken, expiresInSeconds, role, member } = result;
        return { session_token: sessionToken, expires_in: expiresInSeconds, role, member };
      },
    },
    {
      method: 'GET',
      path: '/session',
      async answer(request) {
        const { role, expiresInSeconds, member } = await sessions.find(request.bearer);
        return { role, expires_in: expiresInSeconds, member };
      },
    },
    {
      method: 'DELETE',
      path: '/session',
      async answer(request) {
        const all = request.query['all'] === 'true';
        const { person } = await sessions.find(request.bearer);
        const ended = all ? await sessions.endAll(person) : Number(await sessions.end(request.bearer));
        const reason = all ? 'logout_all' : 'logout';
        log('info', 'session_ended', {
          ...person,
          reason,
          sessions: ended,
          client_address: request.clientAddress,
        });
        return undefined;
      },
    },
    { method: 'GET', path: '/health', answer: () => ({ status: 'ok' }) },
    ...config.domainVerify.map((code): Route => ({
      method: 'GET',
      path: `/WW_verify_${code}.txt`,
      answer: () => code,
    })),
  ];
  serve(createApp(routes, clock, log), config.port, log);
});
