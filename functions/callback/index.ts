import { leaverOf, openCallback, parseCallbackXml, parseMessage } from '../../lib/callback.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { type Callback, readCallbackConfig } from '../../lib/config.ts';
import { AppError } from '../../lib/errors.ts';
import { createApp, type Route, type RouteRequest, serve } from '../../lib/http.ts';
import { createRedis } from '../../lib/redis.ts';
import { startWebFunction } from '../../lib/scf.ts';
import { endAllSessions } from '../../lib/session-store.ts';

const path = '/callback/:corpid';
/** WeCom's messages have a few hundred bytes; encrypted and in base64 they are still far below this. */
const bodyBytesMax = 16_384;

/**
 * WeCom's 接收消息 URL. It must respond to a verification within 1 s and to a message within 5 s. WeCom repeats an
 * unacknowledged message up to three times, so a short failure of Redis only delays it.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90930
 */
startWebFunction(readCallbackConfig, (config, log) => {
  const redis = createRedis(config.redis, clock, log);

  /** Returns the settings of the company in the path. Its app and its contacts may have different tokens. */
  function callbacksOf(request: RouteRequest): { corpid: string; callbacks: Callback[] } {
    const corpid = request.param('corpid');
    const callbacks = config.callbacks.filter((callback) => callback.corpid === corpid);
    if (callbacks.length === 0) throw new AppError('not_found');
    return { corpid, callbacks };
  }

  const routes: Route[] = [
    {
      method: 'GET',
      path,
      answer(request) {
        const { corpid, callbacks } = callbacksOf(request);
        // A `+` that was not percent-encoded arrives as a space.
        const echostr = (request.query['echostr'] ?? '').replaceAll(' ', '+');
        const echo = openCallback(callbacks, request.query, echostr, clock.wallMs());
        log('info', 'callback_verified', { corpid });
        return echo;
      },
    },
    {
      method: 'POST',
      path,
      async answer(request) {
        const { corpid, callbacks } = callbacksOf(request);
        const { Encrypt = '' } = parseCallbackXml(await request.text());
        const nowMs = clock.wallMs();
        const message = parseMessage(openCallback(callbacks, request.query, Encrypt, nowMs), nowMs);
        const leaver = leaverOf(corpid, message);
        const { MsgType: type, Event: event_name, ChangeType: change } = message;
        if (leaver) await endAllSessions(redis, leaver.person, leaver, log);
        log('info', 'callback', { corpid, type, event_name, change });
        return 'success';
      },
    },
  ];
  serve(createApp(routes, clock, log, bodyBytesMax), config, log);
});
