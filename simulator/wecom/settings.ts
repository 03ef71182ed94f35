/** The simulator's switches, for behaviour of WeCom that is undocumented or reported in several ways. */
export interface Settings {
  /**
   * What gettoken returns while a token is valid. A: the same token with its remaining lifetime; B: the same token with
   * a new lifetime; C: a new token, the old one stays valid; D: a new token, the old one becomes invalid at once.
   */
  gettokenMode: 'A' | 'B' | 'C' | 'D';
  /** Lifetime of tokens issued from now on, in seconds. */
  tokenLifeSeconds: number;
  /** Mode A: `false` returns the full lifetime each time, as WeCom did in 2018. */
  expiresInCountsDown: boolean;
  /** For an expired token; SDK users report both. */
  expiredTokenErrcode: 42001 | 40014;
  /** For a token that WeCom invalidated early (`dropTokens`, mode D). */
  droppedTokenErrcode: 40014 | 42001;
  /** jscode2session with the token of an app that is not linked with the mini-program. */
  unlinkedErrcode: 40014 | 48002;
  usedCodeErrcode: 40029 | 42022;
  expiredCodeErrcode: 40029 | 42003;
  /** user/get of a member outside the app's visible range. */
  outOfRangeErrcode: 60011 | 60111;
  /** user/get of a deleted or unknown member. */
  deletedErrcode: 60111 | 40003;
  /** Successful gettoken calls per company and minute, then 45009; null = no limit. */
  gettokenPerMinuteMax: number | null;
  /** Calls with a wrong secret within an hour, after which each gettoken returns 45009. */
  wrongSecretMax: number;
  /** The caller's address in error messages; a documentation address, so that a leak is easy to find. */
  egressIp: string;
  /** `deviceid` of jscode2session: undocumented, and often empty. */
  deviceid: string;
}

/** What a simulator starts with; `reset()` restores it. */
export const defaultSettings: Readonly<Settings> = {
  gettokenMode: 'A',
  tokenLifeSeconds: 7200,
  expiresInCountsDown: true,
  expiredTokenErrcode: 42001,
  droppedTokenErrcode: 40014,
  unlinkedErrcode: 40014,
  usedCodeErrcode: 40029,
  expiredCodeErrcode: 40029,
  outOfRangeErrcode: 60011,
  deletedErrcode: 60111,
  gettokenPerMinuteMax: null,
  wrongSecretMax: 2000,
  egressIp: '203.0.113.7',
  deviceid: '',
};
