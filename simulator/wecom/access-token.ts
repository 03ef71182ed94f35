// The access_tokens of all apps, valid or not.
import { randomBytes } from 'node:crypto';
import type { Clock } from './clock.ts';
import type { App } from './directory.ts';
import type { Settings } from './settings.ts';

interface AccessToken {
  value: string;
  app: App;
  expiresAtMs: number;
  dropped: boolean;
}

/** Tokens to remember, so that an old one is "expired" and not "unknown". */
const rememberedMax = 100_000;

/**
 * Creates the store of access_tokens.
 * @see https://developer.work.weixin.qq.com/document/path/91039
 */
export function createAccessTokens(clock: Clock, settings: Settings, onSecret: (value: string) => void) {
  const byValue = new Map<string, AccessToken>();
  const current = new Map<App, AccessToken>();

  function drop(belongs: (app: App) => boolean): void {
    for (const token of byValue.values()) if (belongs(token.app)) token.dropped = true;
  }

  function alive(token: AccessToken): boolean {
    return !token.dropped && token.expiresAtMs > clock.nowMs();
  }

  function issueNew(app: App, expiresAtMs: number): AccessToken {
    // 160 bytes give 214 characters, the length of real tokens; the documented limit is 512.
    const token = { value: randomBytes(160).toString('base64url'), app, expiresAtMs, dropped: false };
    onSecret(token.value);
    byValue.set(token.value, token);
    current.set(app, token);
    for (const value of byValue.keys()) {
      if (byValue.size <= rememberedMax) break;
      byValue.delete(value);
    }
    return token;
  }

  return {
    /** Returns what gettoken returns to `app` in the current mode. */
    issue(app: App): { accessToken: string; expiresInSeconds: number } {
      const lifeSeconds = settings.tokenLifeSeconds;
      const expiresAtMs = clock.nowMs() + lifeSeconds * 1000;
      const token = current.get(app);
      if (token && alive(token)) {
        if (settings.gettokenMode === 'A') {
          const remainingSeconds = Math.floor((token.expiresAtMs - clock.nowMs()) / 1000);
          // A valid token never has 0 s left: that malformed answer is a fault of its own.
          const expiresInSeconds = settings.expiresInCountsDown ? Math.max(1, remainingSeconds) : lifeSeconds;
          return { accessToken: token.value, expiresInSeconds };
        }
        if (settings.gettokenMode === 'B') {
          token.expiresAtMs = expiresAtMs;
          return { accessToken: token.value, expiresInSeconds: lifeSeconds };
        }
        if (settings.gettokenMode === 'D') drop((owner) => owner === app);
      }
      return { accessToken: issueNew(app, expiresAtMs).value, expiresInSeconds: lifeSeconds };
    },

    /** Returns the app of a token, valid or not; undefined if it was never issued. */
    ownerOf: (value: string): App | undefined => byValue.get(value)?.app,

    /** Returns the errcode for a token, 0 if it is valid. */
    check(value: string): number {
      const token = byValue.get(value);
      if (!token) return 40014;
      if (token.dropped) return settings.droppedTokenErrcode;
      return alive(token) ? 0 : settings.expiredTokenErrcode;
    },

    /** Invalidates every token of the company at once. The next gettoken returns a new one in every mode. */
    dropOf(corpid: string): void {
      drop((app) => app.corpid === corpid);
    },

    aliveOf: (corpid: string): number =>
      [...byValue.values()].filter((token) => token.app.corpid === corpid && alive(token)).length,
  };
}

/** What {@link createAccessTokens} returns. */
export type AccessTokens = ReturnType<typeof createAccessTokens>;
