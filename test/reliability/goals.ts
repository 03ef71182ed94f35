/** What a release promises as a whole. Tests carry the id in brackets and note what they measured with `figure`. */
export interface Goal {
  id: string;
  promise: string;
}

export const goals: readonly Goal[] = [
  { id: 'G1', promise: '500 cold instances on an empty Redis: one gettoken, no login fails' },
  {
    id: 'G2',
    promise:
      'the token is invalidated with 500 logins on the way: one gettoken more, no login fails, one repeat each',
  },
  { id: 'G3', promise: 'a warm login asks Redis nothing for the token within 300 s, else once' },
  {
    id: 'G4',
    promise:
      'under any single fault nobody waits longer than 8 s for an answer, nothing crashes, and all is well within 5 s of its end, or when the longest pause (10 min) is over',
  },
  { id: 'G5', promise: 'at most 12 gettoken a minute and company in the worst minute' },
  {
    id: 'G6',
    promise:
      'an older token never replaces a newer one; an ended session never comes back; none survives its member by more than the re-check (10 min)',
  },
  {
    id: 'G7',
    promise:
      'fuzzed requests, other ones in each run: documented statuses only, never 500, no growth of memory, the process lives',
  },
  {
    id: 'G8',
    promise: 'no secret of the run is found in any output or answer, nor in Redis but sealed or hashed',
  },
  {
    id: 'G9',
    promise:
      'a company of 50,000 that comes within ten minutes stays below WeCom’s limits of calls a minute and an hour; re-checks never cost a login',
  },
  {
    id: 'G10',
    promise:
      'the release before and this one serve side by side; a new encryption key and a new corpsecret refuse nobody and cost one gettoken a company',
  },
];
