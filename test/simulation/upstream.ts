import { createHash } from 'node:crypto';
import type { Corp, GettokenAnswer } from '../../lib/wecom.ts';

/** What gettoken does while a token is valid. Nobody outside WeCom knows, so all modes must work. */
export type GettokenMode =
  /** A: the same token with its remaining lifetime. */
  | 'same'
  /** B: the same token with a new lifetime. */
  | 'renewed'
  /** C: a new token, the old one stays valid. */
  | 'new'
  /** D: a new token, the old one becomes invalid at once. */
  | 'new_old_dies';

export const gettokenModes: readonly GettokenMode[] = ['same', 'renewed', 'new', 'new_old_dies'];

/** A token as WeCom stores it; `number` is the order of issue. */
export interface IssuedToken {
  text: string;
  fingerprint: string;
  number: number;
  endsAtMs: number;
  dead: boolean;
  /** An API call with it was refused. */
  refused: boolean;
  /** Until when it may be used: a lifetime below a minute is ignored. */
  believedUntilMs: number;
}

/** An errcode, or no response in time. */
export type Failure = number | 'hang' | 'http_500';

/** One app of a company at WeCom. */
export interface App {
  corp: Corp;
  mode: GettokenMode;
  lifeMs: number;
  tokens: Map<string, IssuedToken>;
  gettokenFailure?: Failure | undefined;
  apiFailure?: Failure | undefined;
  /** Every token is refused: the app is not linked with the mini-program. */
  unlinked: boolean;
  /** Called for each API call with the name of the instance: whether WeCom refuses a valid token this time. */
  isRefusedByMistake: (caller: string) => boolean;
  /** The errcode of such a refusal. */
  refuseByMistake(accessToken: string): number;
  /** One way, in milliseconds. */
  latencyMs: [min: number, max: number];
  /** Number of gettoken calls of our instances that arrived. */
  gettokens: number;
  /** Returns the token, or the errcode. */
  gettoken(nowMs: number): GettokenAnswer | Failure;
  /** Returns the errcode for an API call with this token, 0 if it is valid. */
  check(accessToken: string, nowMs: number): number;
  /** WeCom invalidates the current token early. */
  invalidate(): void;
  /** Somebody else calls gettoken with the same secret. */
  outsider(nowMs: number): void;
  byFingerprint(fingerprint: string): IssuedToken | undefined;
  alive(token: IssuedToken, nowMs: number): boolean;
}

/** One way, without a fault. */
export const wecomLatencyMs: [min: number, max: number] = [20, 120];

export function createApp(corp: Corp, mode: GettokenMode, lifeMs: number): App {
  let current: IssuedToken | undefined;
  const fingerprints = new Map<string, IssuedToken>();

  function issue(nowMs: number): IssuedToken {
    const number = app.tokens.size + 1;
    const text = `access-token-${corp.corpsecret}-${number}`;
    const fingerprint = createHash('sha256').update(text).digest('hex').slice(0, 32);
    const token = {
      text,
      fingerprint,
      number,
      endsAtMs: nowMs + lifeMs,
      dead: false,
      refused: false,
      believedUntilMs: 0,
    };
    app.tokens.set(text, token);
    fingerprints.set(fingerprint, token);
    return token;
  }

  function refresh(nowMs: number): IssuedToken {
    const alive = current && app.alive(current, nowMs) ? current : undefined;
    if (alive && app.mode === 'same') return alive;
    if (alive && app.mode === 'renewed') {
      alive.endsAtMs = nowMs + lifeMs;
      return alive;
    }
    if (alive && app.mode === 'new_old_dies') alive.dead = true;
    current = issue(nowMs);
    return current;
  }

  const app: App = {
    corp,
    mode,
    lifeMs,
    tokens: new Map(),
    unlinked: false,
    isRefusedByMistake: () => false,
    refuseByMistake(accessToken) {
      const token = app.tokens.get(accessToken);
      if (token) token.refused = true;
      return 40_014;
    },
    latencyMs: wecomLatencyMs,
    gettokens: 0,
    gettoken(nowMs) {
      app.gettokens += 1;
      if (app.gettokenFailure !== undefined) return app.gettokenFailure;
      const token = refresh(nowMs);
      const expiresIn = Math.max(1, Math.floor((token.endsAtMs - nowMs) / 1000));
      token.believedUntilMs = nowMs + Math.max(60_000, expiresIn * 1000);
      return { access_token: token.text, expires_in: expiresIn };
    },
    check(accessToken, nowMs) {
      const token = app.tokens.get(accessToken);
      if (token && !token.dead && !app.unlinked && nowMs < token.endsAtMs) return 0;
      if (token) token.refused = true;
      return token && !token.dead && !app.unlinked ? 42_001 : 40_014;
    },
    invalidate() {
      if (current) current.dead = true;
    },
    outsider(nowMs) {
      refresh(nowMs);
    },
    byFingerprint: (fingerprint) => fingerprints.get(fingerprint),
    alive: (token, nowMs) => !token.dead && nowMs < token.endsAtMs,
  };
  return app;
}
