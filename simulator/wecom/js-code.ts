// The codes that wx.qy.login returns, and the session_keys they were exchanged for.
import { randomBytes } from 'node:crypto';
import type { Clock } from './clock.ts';
import { type Person, personKey } from './directory.ts';
import type { Settings } from './settings.ts';

interface JsCode {
  person: Person;
  expiresAtMs: number;
  used: boolean;
}

/** The result of a person's last exchange. */
export interface Exchange {
  sessionKey: string;
  /** The company whose token exchanged the code; the session_key belongs to it. */
  exchangedBy: string;
}

const codeLifeMs = 5 * 60_000;
const rememberedMax = 100_000;

/**
 * Creates the store of codes. They belong to the mini-program, not to a company.
 * @see https://developer.work.weixin.qq.com/document/path/91506
 */
export function createJsCodes(clock: Clock, settings: Settings, onSecret: (value: string) => void) {
  const codes = new Map<string, JsCode>();
  const exchanges = new Map<string, Exchange>();

  return {
    create(person: Person): string {
      const value = randomBytes(32).toString('base64url');
      onSecret(value);
      codes.set(value, { person, expiresAtMs: clock.nowMs() + codeLifeMs, used: false });
      for (const oldest of codes.keys()) {
        if (codes.size <= rememberedMax) break;
        codes.delete(oldest);
      }
      return value;
    },

    /** Uses up a code. Returns the person with a new session_key, or an errcode. */
    exchange(value: string, exchangedBy: string): { person: Person; sessionKey: string } | number {
      const code = codes.get(value);
      if (!code) return 40029;
      if (code.used) return settings.usedCodeErrcode;
      if (code.expiresAtMs <= clock.nowMs()) return settings.expiredCodeErrcode;
      code.used = true;
      const sessionKey = randomBytes(16).toString('base64');
      onSecret(sessionKey);
      exchanges.set(personKey(code.person), { sessionKey, exchangedBy });
      return { person: code.person, sessionKey };
    },

    lastExchange: (person: Person): Exchange | undefined => exchanges.get(personKey(person)),
  };
}

/** What {@link createJsCodes} returns. */
export type JsCodes = ReturnType<typeof createJsCodes>;
