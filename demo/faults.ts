// The names of what the page can break.
export const faultNames = [
  'tokenDropped',
  'ipNotTrusted',
  'wrongSecret',
  'wecomSlow',
  'wecomDown',
  'rateLimited',
  'redisDown',
  'memberLeft',
  'phoneOffline',
  'htmlAnswer',
  'codeFails',
  'codeHangs',
] as const;
export type FaultName = (typeof faultNames)[number];

export interface FaultState {
  fault: FaultName;
  active: boolean;
  /** `false` if this fault is not possible: a given Redis over TLS cannot be cut. */
  available: boolean;
  /** It is off, but the login function does not ask WeCom again before (Unix time in ms): it would only be refused again. */
  restsUntil?: number;
}
