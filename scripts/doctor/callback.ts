// Asks the callback URL what WeCom asks when an administrator saves it.
import { randomInt } from 'node:crypto';
import { encrypt, getSignature } from '@wecom/crypto';
import { urlOf } from '../../deploy/triggers.ts';
import { type Clock, elapsedMs, moment } from '../../lib/clock.ts';
import { type Callback, readCallbackConfig } from '../../lib/config.ts';
import type { Environment } from '../../lib/environment.ts';
import type { CloudQuestions, Deployed } from './cloud.ts';
import { nothing, outside } from './finding.ts';

/** WeCom's limit for the verification of a callback URL. */
const answerMsMax = 1000;

/**
 * Asks the callback URL of each company what WeCom asks when the page is saved: it must decrypt and echo.
 * Whether WeCom accepts the domain itself depends on its ICP filing; only an unfit one is recognised here.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90930
 */
export async function checkCallbacks(
  { cloud, settings, report }: CloudQuestions,
  environment: Environment,
  deployed: Deployed[],
  clock: Clock,
): Promise<void> {
  if (!environment['WECOM_CALLBACKS']) {
    report(outside('callback.url.not_set'));
    return;
  }
  const trigger = deployed
    .find(({ fn }) => fn.key === 'callback')
    ?.triggers.find(({ type }) => type === 'http');
  const functionUrl = trigger && urlOf(trigger);
  const domain = settings.customDomain?.domain;
  const base = domain === undefined ? functionUrl : `https://${domain}`;
  if (base === undefined) {
    report(outside('callback.url.not_deployed'));
    return;
  }
  if (domain === undefined) {
    const host = new URL(base).hostname;
    report(outside('callback.domain.function_url', { host }));
  } else report(outside('callback.domain.ok', { domain }));
  for (const callback of readCallbackConfig(environment).callbacks) {
    const url = `${base}/callback/${callback.corpid}`;
    const echo = String(randomInt(1e12));
    const start = moment(clock);
    const answer = await cloud.get(`${url}?${verification(callback, echo)}`);
    const ms = Math.round(elapsedMs(clock, start));
    const values = { url, ms, answer: answer?.status ?? nothing };
    const about = callback.corpid;
    if (answer?.status === 400) {
      report(outside('callback.url.not_verifying', values, about));
    } else if (answer?.status !== 200 || answer.body !== echo) {
      report(outside('callback.url.no_answer', values, about));
    } else if (ms > answerMsMax) {
      report(outside('callback.url.slow', values, about));
    } else report(outside('callback.url.ok', values, about));
  }
}

/** The query of WeCom's GET. */
function verification({ corpid, token, encodingAESKey }: Callback, echo: string): string {
  const echostr = encrypt(encodingAESKey, echo, corpid);
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = String(randomInt(2 ** 31));
  const msg_signature = getSignature(token, timestamp, nonce, echostr);
  return new URLSearchParams({ msg_signature, timestamp, nonce, echostr }).toString();
}
