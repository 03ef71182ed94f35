import * as z from 'zod/mini';
import { systemClock as clock } from '../../lib/clock.ts';
import { readLoginConfig } from '../../lib/config.ts';
import { AppError } from '../../lib/errors.ts';
import { createApp, type Route, serve } from '../../lib/http.ts';
import { createLogin } from '../../lib/login.ts';
import { corpidForm } from '../../lib/person.ts';
import { createLoginLimits, createReviewerLimits } from '../../lib/rate-limit.ts';
import { createReviewerLogin } from '../../lib/reviewer.ts';
import { startWebFunction } from '../../lib/scf.ts';
import { createKeyedHash } from '../../lib/seal.ts';
import { createServices } from '../../lib/services.ts';
import { decryptUserdata } from '../../lib/userdata.ts';

// Only the unreserved characters of RFC 3986, so that a js_code cannot change the URL it is sent in.
const loginBody = z.strictObject({
  js_code: z.string().check(z.regex(/^[A-Za-z0-9._~-]{1,512}$/)),
  corpid: z.optional(z.string().check(z.regex(corpidForm))),
});
// Normalized before counting, as for the comparison: an accent typed as two characters counts as one.
const credential = z.string().check(
  z.minLength(1),
  z.regex(/^[^\0]*$/),
  z.refine((text) => text.normalize('NFKC').length <= 128),
);
const reviewerBody = z.strictObject({ account: credential, password: credential });
const base64 = z.string().check(z.regex(/^[A-Za-z0-9+/]+={0,2}$/));
const userdataBody = z.strictObject({ encrypted_data: base64, iv: base64 });

startWebFunction(readLoginConfig, (config, log) => {
  const { corps, encryptionKeys, reviewers, reviewersUntil: until } = config;
  const services = createServices(config, clock, log);
  const { redis, sessions, guard, departmentNames } = services;
  const limits = createLoginLimits(redis, clock, log);
  const hashDevice = createKeyedHash(encryptionKeys, 'device');
  const login = createLogin({ ...services, corps, limits, hashDevice, clock, log });
  const reviewerLimits = createReviewerLimits(redis, log);
  const loginReviewer = createReviewerLogin({
    reviewers,
    until,
    limits: reviewerLimits,
    sessions,
    clock,
    log,
  });

  const routes: Route[] = [
    {
      method: 'POST',
      path: '/login',
      async answer(request) {
        const { js_code, corpid } = await request.body(loginBody);
        const { sessionToken, expiresInSeconds, member } = await login(js_code, corpid, request);
        return { session_token: sessionToken, expires_in: expiresInSeconds, role: 'member', member };
      },
    },
    {
      method: 'POST',
      path: '/login/reviewer',
      enabled: () => reviewers.length > 0 && clock.wallMs() < until,
      async answer(request) {
        const { account, password } = await request.body(reviewerBody);
        const { sessionToken, expiresInSeconds } = await loginReviewer(account, password, request);
        return { session_token: sessionToken, expires_in: expiresInSeconds, role: 'reviewer' };
      },
    },
    {
      method: 'GET',
      path: '/session',
      async answer(request) {
        const caller = await guard(request, { roles: ['member', 'reviewer'] });
        const { role, roles, areRolesKnown, expiresInSeconds: expires_in, ...session } = caller;
        if (!('member' in session)) return { role, expires_in };
        const withRoles = config.roles.length > 0 && areRolesKnown && { roles };
        const withNames = request.query['department_names'] === 'true' && {
          department_names: await departmentNames(session.member),
        };
        return { role, ...withRoles, expires_in, member: { ...session.member, ...withNames } };
      },
    },
    {
      method: 'DELETE',
      path: '/session',
      async answer(request) {
        const { bearer, query, clientAddress } = request;
        if (query['all'] === undefined) {
          const ended = await sessions.end(bearer, { reason: 'logout', clientAddress });
          if (!ended) throw new AppError('invalid_session', { reason: 'unknown' });
          return undefined;
        }
        if (query['all'] !== 'true') throw new AppError('invalid_request', { reason: 'query' });
        const { person } = await sessions.find(bearer);
        await sessions.endAll(person, { reason: 'logout_all', clientAddress });
        return undefined;
      },
    },
    {
      method: 'POST',
      path: '/userdata',
      async answer(request) {
        const session = await guard(request, { roles: ['member'] });
        const { encrypted_data: encryptedData, iv } = await request.body(userdataBody);
        const sessionKey = session.role === 'member' ? session.sessionKey : '';
        const expected = { person: session.person, appid: config.appid, nowMs: clock.wallMs() };
        return decryptUserdata({ encryptedData, iv, sessionKey }, expected);
      },
    },
    ...config.domainVerify.map((code): Route => ({
      method: 'GET',
      path: `/WW_verify_${code}.txt`,
      answer: () => code,
    })),
  ];
  serve(createApp(routes, clock, log), config, log);
});
