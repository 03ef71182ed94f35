import * as z from 'zod/mini';
import { createAccessTokens } from '../../lib/access-token.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { readWecomConfig } from '../../lib/config.ts';
import { AppError } from '../../lib/errors.ts';
import { createApp, type Route, type RouteRequest, serve } from '../../lib/http.ts';
import { createRedis } from '../../lib/redis.ts';
import { startWebFunction } from '../../lib/scf.ts';
import { createWecom } from '../../lib/wecom.ts';
import { createWecomCall } from '../../lib/wecom-call.ts';
import { callerWith, type WecomCaller } from '../../lib/wecom-callers.ts';
import { integer, readObject, shownText } from '../../lib/wecom-json.ts';

/** The largest message of WeCom, 图文 with 666 KB, and room for its JSON. */
const bodyBytesMax = 1_048_576;
const answerBytesMax = 1_048_576;
/** As for WeCom's tokens. The key itself does not expire. */
const expiresInSeconds = 7200;

const anyAnswer = z.looseObject({ errcode: integer, errmsg: shownText });

/**
 * Calls WeCom for systems that are not ours, so that the access_token never leaves and every call comes from the trusted
 * address. Only APIs of WECOM_APIS, only for callers with a key of WECOM_CALLERS, each for one company.
 *
 * Paths and answers are WeCom's own, so an SDK needs only another base URL, and its key as the corpsecret: gettoken gives
 * it the key back as its "access_token".
 */
startWebFunction(readWecomConfig, (config, log) => {
  const { encryptionKeys, wecomBaseUrl, callers, apis } = config;
  const redis = createRedis(config.redis, clock, log);
  const wecom = createWecom(wecomBaseUrl, clock);
  const accessTokens = createAccessTokens({ redis, gettoken: wecom.gettoken, encryptionKeys, clock, log });
  const call = createWecomCall({ wecom, accessTokens, clock, log });

  /** Rejects with `invalid_credentials`, or with `corp_not_allowed` for a corpid that is not the caller's. */
  function callerOf(key: string, { query, clientAddress: client_address }: RouteRequest): WecomCaller {
    const caller = callerWith(callers, key);
    if (!caller) {
      log('warn', 'wecom_call_refused', { client_address, reason: 'wrong_key' });
      throw new AppError('invalid_credentials', { reason: 'wrong_key' });
    }
    const { corpid = caller.corp.corpid } = query;
    if (corpid === caller.corp.corpid) return caller;
    log('warn', 'wecom_call_refused', { caller: caller.name, client_address, reason: 'corp_not_allowed' });
    throw new AppError('corp_not_allowed');
  }

  async function handThrough(api: string, method: 'GET' | 'POST', request: RouteRequest): Promise<object> {
    const { access_token: token = '', corpid: _, debug: __, ...query } = request.query;
    const caller = callerOf(request.bearer || token, request);
    const body = method === 'POST' ? readObject(await request.text()) : {};
    if (!body) throw new AppError('invalid_request', { reason: 'not_json' });
    const audit = { caller: caller.name, corpid: caller.corp.corpid, api };
    const { clientAddress: client_address } = request;
    const question = {
      method,
      query,
      body,
      schema: anyAnswer,
      fine: 'any',
      bytesMax: answerBytesMax,
    } as const;
    try {
      const answer = await call(caller.corp, api, question);
      log('info', 'wecom_called', { ...audit, client_address, errcode: answer.errcode });
      const { errmsg = '' } = answer;
      // It holds our egress address.
      return { ...answer, errmsg: errmsg.replace(/, from ip: [^,]*/, '') };
    } catch (error) {
      if (error instanceof AppError) {
        log('info', 'wecom_called', { ...audit, client_address, reason: error.options.reason });
      }
      throw error;
    }
  }

  const routes = apis.flatMap((api) =>
    (['GET', 'POST'] as const).flatMap((method) =>
      [`/wecom/${api}`, `/cgi-bin/${api}`].map((path): Route => ({
        method,
        path,
        answer: (request) => handThrough(api, method, request),
      })),
    ),
  );
  const gettoken: Route = {
    method: 'GET',
    path: '/cgi-bin/gettoken',
    answer(request) {
      const { corpsecret: key = '' } = request.query;
      callerOf(key, request);
      return { errcode: 0, errmsg: 'ok', access_token: key, expires_in: expiresInSeconds };
    },
  };
  serve(createApp([gettoken, ...routes], clock, log, bodyBytesMax), config, log);
});
