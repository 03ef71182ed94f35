import type { Row } from './row.ts';

const redis: Row[] = [
  {
    id: 'R1',
    threat: 'Redis is killed; nobody listens',
    promise:
      '503 in time, no gettoken; works when another stands in its place, with one gettoken if that is empty',
  },
  {
    id: 'R2',
    threat: 'Redis hangs, the kernel still accepts',
    promise:
      '503 in time (`timeout`), then at once while it is known to hang; no gettoken; works after it thaws',
  },
  {
    id: 'R3',
    threat: 'packets to Redis are lost, in use or while connecting',
    promise:
      '503 in time; a connection that timed out is never used again, so that it works as soon as the way is free',
  },
  {
    id: 'R4',
    threat: 'RST in the middle of a reply, replies in pieces, one byte a second',
    promise: '200 for the first two, with no effect twice; 503 in time for the last',
  },
  {
    id: 'R5',
    threat: 'Redis is slow: every reply 300 ms or 1 s late, one command of 1 s',
    promise: '200 at 300 ms, 503 in time at 1 s; never a gettoken for it',
  },
  {
    id: 'R6',
    threat: 'Redis pauses writes, as during a fail-over',
    promise: 'sessions go on, also next to logins that wait for their write; logins 503 in time; no gettoken',
  },
  {
    id: 'R7',
    threat: 'Redis is read-only',
    promise: 'sessions go on; logins 503 (`read_only`); no gettoken: without a lease nobody fetches',
  },
  {
    id: 'R8',
    threat: 'Redis is full and evicts nothing',
    promise:
      'sessions go on, the one that a failing login came with too; logins 503 (`out_of_memory`); a new access_token can still be stored',
  },
  {
    id: 'R9',
    threat: 'Redis evicts a token record or a session',
    promise: 'one gettoken; the session answers 401 and its member logs in again',
  },
  {
    id: 'R10',
    threat: 'FLUSHALL, many times',
    promise: 'one gettoken per flush, no login fails, generations still grow',
  },
  {
    id: 'R11',
    threat: 'the lease is evicted while its holder fetches',
    promise: 'the late holder may not store, and adopts what another has stored',
  },
  {
    id: 'R12',
    threat: 'a fail-over loses acknowledged writes',
    promise: '503 while it lasts; then one gettoken for those who have no token; lost sessions answer 401',
  },
  {
    id: 'R13',
    threat: 'a planned fail-over behind one address',
    promise: '503 only inside it; nothing is lost, no gettoken',
  },
  {
    id: 'R14',
    threat: 'the password of Redis is wrong, or changed under us',
    promise: '503, the log says `auth` and never the password; works with the new one',
  },
  {
    id: 'R15',
    threat: 'scripts are forbidden (ACL) or disabled (TencentDB)',
    promise: 'sessions go on; logins 503 (`no_permission`, `unknown_command`); no gettoken',
  },
  {
    id: 'R16',
    threat: 'Redis has no connection left',
    promise: '503 (`max_clients`); who has a connection keeps it',
  },
  {
    id: 'R17',
    threat: 'BUSY, LOADING, NOREPLICAS, MISCONF, MASTERDOWN, CLUSTERDOWN',
    promise: '503 with a reason of its own in the log, no crash; works after',
  },
  {
    id: 'R18',
    threat: 'Redis forgets all scripts',
    promise: 'they are sent again; nobody notices',
  },
  {
    id: 'R19',
    threat: 'Redis is a cluster',
    promise: 'every script keeps to one slot: CROSSSLOT never appears',
  },
  {
    id: 'R20',
    threat: 'a lagging replica answers reads',
    promise:
      'sessions and limits are read where they are written: a session is good at once, and no more after its end; an older token never replaces a newer one in an instance; whether to fetch is decided by a write',
  },
  {
    id: 'R21',
    threat: 'a poisoned record: foreign type, garbage, another version, no end',
    promise: 'as good as absent: one gettoken mends it',
  },
  {
    id: 'R22',
    threat: 'a proxy that takes no EVALSHA, wants keys written out, or hangs up on INFO; Redis 4',
    promise: 'everything works; EVALSHA that is refused once is not tried again',
  },
  {
    id: 'R23',
    threat: 'the certificate of Redis is of another authority, or names another host',
    promise:
      '503 with the reason in the log; with REDIS_CA at an IP address the name does not count, with REDIS_TLS_NAME that name does',
  },
];

const wecom: Row[] = [
  {
    id: 'W1',
    threat: '40014 or 42001 from jscode2session or user/get',
    promise: 'one gettoken in the whole fleet, one repeat of the call; no member notices',
  },
  {
    id: 'W2',
    threat: 'the fresh token is refused, too',
    promise:
      'a third one is tried; then 503. When several calls say so, gettoken rests, five times as long each time, from 2 s to 10 min; no loop',
  },
  {
    id: 'W3',
    threat: 'gettoken answers the very token that was refused',
    promise: 'it is tried once more, since WeCom also refuses by mistake; then as W2',
  },
  {
    id: 'W4',
    threat: 'another program fetches tokens with our secret, in each mode of gettoken',
    promise:
      'nothing to notice, at most one gettoken more for each of its calls; a warning `token_refused` each time',
  },
  {
    id: 'W5',
    threat: 'wrong secret (40001), corpid (40013)',
    promise:
      '503; a pause of 60 s that doubles to 10 min, at most 14 gettoken in an hour; one error line for each',
  },
  {
    id: 'W6',
    threat: '45009 from gettoken',
    promise: 'the same pause; a token that is still valid stays in use',
  },
  {
    id: 'W7',
    threat: '45009 from jscode2session or user/get',
    promise:
      '503 with Retry-After 60; an instance asks that API no more for 60 s (not shared: see decisions.md)',
  },
  {
    id: 'W8',
    threat: '45033, too many at once',
    promise: 'one repeat after a second or so, then 503; no gettoken',
  },
  { id: 'W9', threat: '-1, WeCom is busy', promise: 'at most two repeats inside the deadline, then 503' },
  {
    id: 'W10',
    threat: '60020, our address is not trusted',
    promise: '503; an error line with the address and where to enter it; never a gettoken for it',
  },
  {
    id: 'W11',
    threat: '48002 and errcodes nobody has heard of',
    promise: '503 and an error line with errcode and hint; no repeat, no gettoken',
  },
  {
    id: 'W12',
    threat: 'a js_code that is unknown, used or expired',
    promise: '400 `invalid_js_code`, one call, no gettoken; the client asks for a new one, once',
  },
  {
    id: 'W13',
    threat: 'a member out of range, gone, disabled',
    promise:
      '403 at login, at whichever endpoint it is said; 401 at the next re-check; all sessions of that person end',
  },
  {
    id: 'W14',
    threat:
      'no answer, headers only, a drip, FIN or RST at any moment, half a JSON, an endless body, bad gzip',
    promise: '503 in time; a js_code that may be spent is not sent again; works when it is over',
  },
  {
    id: 'W15',
    threat: '5xx, HTML with 200, every wrong shape of an answer or a token',
    promise: 'as W14; the body is neither believed nor logged',
  },
  { id: 'W16', threat: 'a redirect', promise: 'as W14; never followed' },
  {
    id: 'W17',
    threat: 'a certificate that is not trusted, expired, or another host’s',
    promise: '503, the log names the reason; nothing is sent; there is no switch that turns the check off',
  },
  {
    id: 'W18',
    threat: 'the name does not resolve, nobody answers a SYN',
    promise: '503 in time, within the same 3 s as any gettoken',
  },
  {
    id: 'W19',
    threat: 'gettoken takes 2.4 s, or 20 s',
    promise:
      'the first is waited for, the second given up after 3 s, before the lease ends: never two on the way',
  },
  {
    id: 'W20',
    threat: 'a gettoken we gave up on kills the old token (mode D)',
    promise: 'one gettoken more after its pause of a second; 503 only when no time is left for that',
  },
  {
    id: 'W21',
    threat: 'connections to WeCom died while the instance was frozen',
    promise:
      'a socket idle for more than 4 s is not reused, one that breaks before a byte is tried again; no member notices',
  },
  {
    id: 'W22',
    threat:
      'odd fields: control characters, null, numbers as text, text as numbers, names of thousands of characters',
    promise:
      'what is only shown is cut or left empty and keeps nobody out; what decides may be a number as text, else 503 and the log names the field',
  },
  {
    id: 'W23',
    threat: 'WeCom refuses a member, and Redis refuses to end the sessions',
    promise:
      '403 at login, 401 at a re-check, and 401 to every session of the member at that instance until Redis ends them; other instances ask WeCom themselves within 5 s; an error line',
  },
  {
    id: 'W24',
    threat: 'WeCom drops several tokens, and instances hold different ones of them',
    promise: 'one gettoken for each, and no member notices',
  },
  {
    id: 'W25',
    threat: 'WeCom refuses a good token by mistake',
    promise:
      'the login gets another one, or the same once more; whoever uses it goes on; gettoken does not rest',
  },
  {
    id: 'W26',
    threat: 'tokens that end within seconds, or are dropped again and again',
    promise: 'at most 12 gettoken a minute; a life of less than a minute is not believed; logged',
  },
  {
    id: 'W27',
    threat: 'one gettoken that fails quickly: a connection that breaks, a 502, too many at once',
    promise: 'the logins under way wait for the pause of a second, and one of them asks once more: 200',
  },
];

const instances: Row[] = [
  { id: 'S1', threat: '500 cold starts at once', promise: 'one gettoken, every login 200' },
  {
    id: 'S2',
    threat: 'the holder of the lease is killed before, after or while it stores the token',
    promise: 'the others wait for the lease (5 s) at most; one gettoken more',
  },
  {
    id: 'S3',
    threat: 'the holder of the lease freezes between fetch and store',
    promise: 'as S2, and when it thaws it cannot put its older token back',
  },
  {
    id: 'S4',
    threat: 'the platform freezes the process as soon as it has answered',
    promise: 'all that is to be written is written before the answer',
  },
  {
    id: 'S5',
    threat: 'the process thaws with dead sockets, or with a request from minutes ago still inside',
    promise: 'no member notices; nobody waits for what was left behind',
  },
  {
    id: 'S6',
    threat: 'everything is slow at once',
    promise: '503 at our own 8 s, before SCF’s 15 s; no session is left',
  },
  {
    id: 'S7',
    threat: 'three timer events at once',
    promise: 'one gettoken, the others answer `busy` and succeed',
  },
  {
    id: 'S8',
    threat: 'the timer is dead for hours',
    promise: 'logins fetch; no member notices; the log says `token_stored` by `login`',
  },
  {
    id: 'S9',
    threat: 'a timer event comes hours late, or makes no sense',
    promise: 'it looks at the token, not at the event',
  },
  {
    id: 'S10',
    threat: 'refresh fails',
    promise: 'it rejects when a second try may help, so that SCF calls again in a minute; else it does not',
  },
  {
    id: 'S11',
    threat: 'clocks of instances an hour apart, and jumping',
    promise: 'no effect on the token: its life is what Redis says',
  },
  {
    id: 'S12',
    threat: 'the clock of Redis is set back',
    promise: 'generations grow all the same; who may store is decided by the lease',
  },
  {
    id: 'S13',
    threat: 'two versions at once, with different formats of the token',
    promise: 'one gettoken per format; sessions of both are known to both',
  },
  {
    id: 'S14',
    threat: 'the secret or the encryption key changes while both are in use',
    promise: 'one gettoken per configuration; they never fight over a record',
  },
  {
    id: 'S15',
    threat: 'missing, blank or placeholder variables',
    promise:
      'the process ends (a Web function) or every call fails (an event function) after one line with all names and no value',
  },
  {
    id: 'S16',
    threat: '50 requests at once in one process',
    promise: 'Redis is asked for the token once',
  },
  {
    id: 'S17',
    threat: 'little memory: 64 MB of heap',
    promise: '500 logins at once are 200; scrypt takes 16 MB and one password at a time',
  },
  {
    id: 'S18',
    threat:
      'one instance is wrong: an older WECOM_CORPS, another key, a clock an hour ahead; or frozen with an answer in its socket',
    promise:
      'it refuses for itself and ends nothing; a check is as old as its question, one from the future is not believed',
  },
  {
    id: 'S19',
    threat: 'two stages on one Redis',
    promise: 'each has keys of its own: neither knows, ends or limits what is the other’s',
  },
  {
    id: 'S20',
    threat: 'the process is told to end (SIGTERM) while requests are under way and connections open',
    promise:
      'what is under way is answered, then it ends, after 9 s at the latest; nobody who is still sending keeps it',
  },
  {
    id: 'S21',
    threat: 'the budget of re-checks is used up while WeCom does not answer',
    promise:
      'nobody stays longer than the grace for it, in a process that has just started too; one question in 10 s and process finds the end',
  },
];

/** What other WeCom clients got wrong; the numbers are issues of WxJava. */
const othersDefects: Row[] = [
  {
    id: 'T1',
    threat: 'a gap while the token is refreshed (#324)',
    promise: 'the old token stays in use until the new one is stored',
  },
  {
    id: 'T2',
    threat: 'an endless loop when the token cannot be stored (#1381)',
    promise: '503; no gettoken until the lease ends',
  },
  {
    id: 'T3',
    threat: 'two reports of one stale token expire the fresh one (#1300)',
    promise: 'a token is replaced only if it is still the one that failed',
  },
  {
    id: 'T4',
    threat: 'whoever waited for the lock fetches again (#1222)',
    promise: 'after waiting, the store is looked at first',
  },
  {
    id: 'T5',
    threat: 'a late answer overwrites a newer token (#2803)',
    promise: 'only the holder of the lease may store',
  },
  { id: 'T6', threat: '40014 is not handled (#197)', promise: 'as W1' },
];

const phones: Row[] = [
  {
    id: 'P1',
    threat: 'a function of wx calls back with nothing, with anything, twice, never, or throws',
    promise:
      'one `WecomLoginError` with a code that fits, nothing is thrown inside wx, and the next call works',
  },
  {
    id: 'P2',
    threat: 'any history of calls, answers, storage, background and clocks',
    promise:
      'every promise ends; one `wx.qy.login` at a time; no code is sent twice, no token stored, nothing sent after `logout()`; the next login works',
  },
  {
    id: 'P3',
    threat: 'hidden in the middle of a login, and no word of being shown again',
    promise: 'it goes on as soon as it is seen, or 6 s after it was hidden if it still runs',
  },
  {
    id: 'P4',
    threat: 'an old base library',
    promise: 'nothing newer than ES2016 is called; the client works without all that is newer',
  },
  {
    id: 'P5',
    threat: 'SCF or a gateway answers in place of the function: 432, 433, 443, HTML, 200 with errorCode',
    promise: 'one more try where it can do no harm, then `server_failed`, which blames no phone',
  },
  {
    id: 'P6',
    threat: 'an own function answers 401 for reasons of its own',
    promise: 'the answer reaches the page: no login, nothing is sent twice',
  },
  {
    id: 'P7',
    threat: 'login and request while a logout is under way',
    promise: 'nothing is sent for the session that ended; a later login has a session of its own',
  },
  {
    id: 'P8',
    threat: 'a page is opened by its own address, or is gone when the login ends',
    promise: 'path and query are kept through login and refusal; a page that is gone takes nobody anywhere',
  },
];

const deploys: Row[] = [
  {
    id: 'C1',
    threat: 'a function that is changing refuses everything, with one of a dozen codes; lists lag behind',
    promise:
      'the deploy asks for its state, waits up to three minutes and repeats; `remove` and `deploy` at once work',
  },
  {
    id: 'C2',
    threat: 'the answer of any write is lost',
    promise: 'the same run finds out what happened; nothing is made twice',
  },
  {
    id: 'C3',
    threat: 'a deploy ends after any of its writes: Ctrl-C, a lid that closes',
    promise: 'what serves requests is whole, and the next deploy finishes',
  },
  {
    id: 'C4',
    threat: 'two deploys of one stage at once',
    promise: 'what is live is one of them as a whole; one that notices the other stops and says so',
  },
  {
    id: 'C5',
    threat: 'a new version that does not work',
    promise: 'it gets no traffic, and the run says what it answered',
  },
  {
    id: 'C6',
    threat: 'a right is missing in the CAM policy of the key',
    promise: 'the message names the action to add',
  },
  {
    id: 'C7',
    threat: 'the log service refuses index or alarms',
    promise: 'the deploy is done, and a warning says what to do by hand',
  },
];

/** Faults: of Redis, of WeCom, of instances and their surroundings, of phones, of deploys, and what other clients got wrong. */
export const faultRows: readonly Row[] = [
  ...redis,
  ...wecom,
  ...instances,
  ...othersDefects,
  ...phones,
  ...deploys,
];
