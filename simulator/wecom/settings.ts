/** The simulator's switches, for everything that is undocumented or contradictory in WeCom. */
export interface Settings {
  /**
   * What gettoken answers while a token is alive. A: the same with its remaining life; B: the same, its life
   * renewed; C: a new one, the old stays valid; D: a new one, the old dies at once.
   */
  gettokenMode: 'A' | 'B' | 'C' | 'D';
  /** Life of tokens issued from now on, in seconds. */
  tokenLifeSeconds: number;
  /** Mode A: `false` answers the full life every time, as WeCom was seen to do in 2018. */
  expiresInCountsDown: boolean;
  /** What a token past its life gets; SDK users report both. */
  expiredTokenErrcode: 42001 | 40014;
  /** What a token that WeCom invalidated early (`dropTokens`, mode D) gets. */
  droppedTokenErrcode: 40014 | 42001;
  /** What jscode2session answers to a token of an app that is not linked with the mini-program. */
  unlinkedErrcode: 40014 | 48002;
  usedCodeErrcode: 40029 | 42022;
  expiredCodeErrcode: 40029 | 42003;
  /** What user/get answers for a member outside the app's visible range. */
  outOfRangeErrcode: 60011 | 60111;
  /** What user/get answers for a deleted or unknown member. */
  deletedErrcode: 60111 | 40003;
  /** Successful gettoken per company and minute, then 45009; null = no limit. */
  gettokenPerMinuteMax: number | null;
  /** Wrong-secret calls within an hour after which every gettoken answers 45009. */
  wrongSecretMax: number;
  /** The caller's address in error messages; a documentation address, so that a leak is recognisable. */
  egressIp: string;
  /** jscode2session's undocumented `deviceid`, in reality often empty. */
  deviceid: string;
}

/** What a simulator starts with, and `reset()` goes back to. */
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
