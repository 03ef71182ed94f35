// The only file that speaks to Tencent Cloud: SCF, CAM, CLS, Tag and SSL through Tencent's SDK, COS through
// @serverless/tencent-scf. Every failure leaves here as a CloudError, every throttled call is repeated.
import { Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import * as z from 'zod/mini';
import { CommonClient } from 'tencentcloud-sdk-nodejs-common';
import { scf } from 'tencentcloud-sdk-nodejs-scf';
import { type Bilingual, both } from '../scripts/language.ts';
import { toCloudError, DeployError } from './errors.ts';
import { refusalTexts } from './texts.ts';

type ScfClient = InstanceType<typeof scf.v20180416.Client>;
type ScfActions = {
  [
    K in keyof ScfClient as ScfClient[K] extends (request: never, callback?: never) => Promise<unknown>
      ? K
      : never
  ]: ScfClient[K];
};
export type ScfAction = keyof ScfActions;
export type ScfRequest<A extends ScfAction> = Parameters<ScfActions[A]>[0];
export type ScfAnswer<A extends ScfAction> = Awaited<ReturnType<ScfActions[A]>>;

const apiTimeoutSeconds = 30;
/** Of a throttled call: some 30 seconds in all. */
const triesMax = 9;
const firstPauseMs = 250;
const pauseMsMax = 8000;

export interface Credentials {
  secretId: string;
  secretKey: string;
  /** Of temporary keys. */
  token: string | undefined;
  /** Asked of CAM when not set. */
  appId: string | undefined;
}

/** Those of .env, as the docs name them; undefined when there are none. */
export function readCredentials(environment: NodeJS.ProcessEnv): Credentials | undefined {
  const { TENCENT_SECRET_ID, TENCENT_SECRET_KEY, TENCENT_TOKEN, TENCENT_APP_ID } = environment;
  if (!TENCENT_SECRET_ID || !TENCENT_SECRET_KEY) return undefined;
  return {
    secretId: TENCENT_SECRET_ID,
    secretKey: TENCENT_SECRET_KEY,
    token: TENCENT_TOKEN || undefined,
    appId: TENCENT_APP_ID || undefined,
  };
}

export interface Cloud {
  /** One SCF call; what changes a function goes through `change` of state.ts. Throws CloudError. */
  scf<A extends ScfAction>(action: A, request: ScfRequest<A>): Promise<ScfAnswer<A>>;
  /** One call of CAM, CLS, Tag or SSL. Throws CloudError. */
  other(
    service: 'cam' | 'cls' | 'tag' | 'ssl',
    action: string,
    request: object,
  ): Promise<Record<string, unknown>>;
  /** Uploads a zip to COS and returns its place. */
  upload(
    place: { bucket: string; key: string; isOwnBucket: boolean },
    zipPath: string,
  ): Promise<{ CosBucketName: string; CosObjectName: string }>;
  /** GET on a function URL or custom domain, through HTTPS_PROXY if set; undefined when no HTTP answer came. */
  get(url: string): Promise<{ status: number; body: string } | undefined>;
}

/** `TENCENT_CLOUD_ENDPOINT` replaces Tencent Cloud by a local one. Loopback only, so that no key can be sent astray. */
function localEndpoint(value: string | undefined): URL | undefined {
  if (!value) return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)) return url;
  throw new DeployError(refusalTexts.localEndpoint);
}

/** Sends requests for any host to the local cloud; names and signatures stay those of the real one. */
function localAgent(local: URL): Agent {
  const address = local.hostname === '[::1]' ? '::1' : '127.0.0.1';
  const family = address === '::1' ? 6 : 4;
  return new Agent({
    lookup: (_hostname, options, callback) =>
      options.all ? callback(null, [{ address, family }]) : callback(null, address, family),
  });
}

/**
 * Where a request goes. Never hand a URL and options to node:https: the package that uploads code loads an old
 * agent-base, which replaces `https.request` for the whole process by one that takes options only.
 */
function addressOf({ hostname, port }: URL) {
  // URL keeps the brackets of an IPv6 address.
  return { hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port };
}

/** A way through an HTTP proxy to the host of `target`; undefined when the proxy opens none. */
function tunnelTo(target: URL, proxyUrl: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const proxy = new URL(proxyUrl);
    const host = `${target.hostname}:${target.port || 443}`;
    const account = [proxy.username, proxy.password].map(decodeURIComponent).join(':');
    const authorization = { 'proxy-authorization': `Basic ${Buffer.from(account).toString('base64')}` };
    const request = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
      ...addressOf(proxy),
      method: 'CONNECT',
      path: host,
      headers: { host, ...(proxy.username ? authorization : {}) },
      timeout: apiTimeoutSeconds * 1000,
    });
    request.once('connect', ({ statusCode }, socket: Socket) => {
      if (statusCode !== 200) socket.destroy();
      resolve(statusCode === 200 ? socket : undefined);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => undefined);
    request.once('close', () => resolve(undefined));
    request.end();
  });
}

/** What an error message names beside the action. */
const Subject = z.looseObject({ FunctionName: z.optional(z.string()), Domain: z.optional(z.string()) });
const Response = z.looseObject({});

function isRead(action: string): boolean {
  return /^(Get|List|Describe|Search)/.test(action);
}
/** Done twice it is the same as done once. */
function isRepeatable(action: string): boolean {
  return isRead(action) || /^(Update|Modify|Delete|Put)/.test(action);
}

/** Repeats throttled calls, reads after a fault, and what may be done twice when no answer came. */
async function persist<T>(action: string, label: Bilingual, call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (cause) {
      const error = toCloudError(label, cause);
      const isUnanswered = error.cloudCode === '' && isRepeatable(action);
      const isFault = error.cloudCode.startsWith('InternalError') && isRead(action);
      const isThrottled = error.cloudCode.startsWith('RequestLimitExceeded');
      const mayRepeat = isThrottled || ((isUnanswered || isFault) && attempt < 3);
      if (!mayRepeat || attempt === triesMax) throw error;
      await delay(Math.min(firstPauseMs * 2 ** (attempt - 1), pauseMsMax));
    }
  }
}

export function createCloud(credentials: Credentials, region: string, environment: NodeJS.ProcessEnv): Cloud {
  const local = localEndpoint(environment.TENCENT_CLOUD_ENDPOINT);
  const proxy = environment.HTTPS_PROXY ?? environment.https_proxy;
  const config = (service: string) => ({
    credential: {
      secretId: credentials.secretId,
      secretKey: credentials.secretKey,
      ...(credentials.token ? { token: credentials.token } : {}),
    },
    region,
    profile: {
      language: 'en-US' as const,
      httpProfile: {
        reqTimeout: apiTimeoutSeconds,
        endpoint: `${service}.tencentcloudapi.com${local ? `:${local.port}` : ''}`,
        protocol: local ? 'http://' : 'https://',
        ...(local ? { agent: localAgent(local) } : {}),
        ...(proxy && !local ? { proxy } : {}),
      },
    },
  });
  const scfClient = new scf.v20180416.Client(config('scf'));
  const versions = { cam: '2019-01-16', cls: '2020-10-16', tag: '2018-08-13', ssl: '2019-12-05' };
  let appId = credentials.appId;
  let uploads: Promise<unknown> = Promise.resolve();

  const other: Cloud['other'] = (service, action, request) =>
    persist(
      action,
      both(() => action),
      async () => {
        const { endpoint } = config(service).profile.httpProfile;
        const answer: unknown = await new CommonClient(endpoint, versions[service], config(service)).request(
          action,
          request,
        );
        return Response.parse(answer);
      },
    );

  const putZip: Cloud['upload'] = async ({ bucket, key, isOwnBucket }, zipPath) => {
    appId ??= String((await other('cam', 'GetUserAppId', {})).AppId);
    // Loading it takes about two seconds: only when there is something to upload.
    const { default: DeployFunction } = await import('@serverless/tencent-scf/library/deployFunction.js');
    const cos = new DeployFunction({
      appid: appId,
      secret_id: credentials.secretId,
      secret_key: credentials.secretKey,
      options: { region, token: credentials.token },
      context: { debug() {} },
    });
    if (local) Object.assign(cos.cosClient.options, { Protocol: 'http:', Proxy: local.origin });
    return persist('PutObject', refusalTexts.cosUpload(`${bucket}-${appId}`), () =>
      // 0: make the bucket when it is missing; 1: it is the user's own and there already.
      cos.uploadPackage2Cos(bucket, key, zipPath, undefined, isOwnBucket ? 1 : 0),
    );
  };

  return {
    other,

    scf(action, request) {
      const { FunctionName, Domain } = Subject.parse(request ?? {});
      const label = both(() => [action, FunctionName ?? Domain].filter(Boolean).join(' '));
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the signature in Cloud is the SDK's own, per action
      const method = scfClient[action] as (given: unknown) => Promise<never>;
      return persist(action, label, () => method.call(scfClient, request));
    },

    upload(place, zipPath) {
      // One after the other: two at once would both make the bucket.
      const uploaded = uploads.then(() => putZip(place, zipPath));
      uploads = uploaded.catch(() => undefined);
      return uploaded;
    },

    async get(url) {
      const target = new URL(url);
      const tunnel = proxy && !local ? await tunnelTo(target, proxy).catch(() => undefined) : undefined;
      if (proxy && !local && !tunnel) return undefined;
      return new Promise((resolve) => {
        const options = {
          ...addressOf(local ?? target),
          path: `${target.pathname}${target.search}`,
          timeout: apiTimeoutSeconds * 1000,
          headers: { host: target.host },
          ...(tunnel && {
            createConnection: () => tlsConnect({ socket: tunnel, servername: target.hostname }),
          }),
        };
        const request = local ? httpRequest(options) : httpsRequest(options);
        request.once('response', (response) => {
          const status = response.statusCode ?? 0;
          text(response).then(
            (body) => resolve({ status, body }),
            () => resolve(undefined),
          );
        });
        request.once('timeout', () => request.destroy(new Error('timeout')));
        request.once('error', () => resolve(undefined));
        request.end();
      });
    },
  };
}
