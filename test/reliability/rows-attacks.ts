import type { Row } from './row.ts';

/** What somebody outside may try, and what they see then. */
export const attackRows: readonly Row[] = [
  {
    id: 'A1',
    threat:
      'Bodies too large, with a lying or no Content-Length, compressed, broken off; a request hidden in another',
    promise:
      '413 before anything is parsed, and the connection serves the next request; two framings at once: 400 and hung up',
  },
  {
    id: 'A2',
    threat: 'Any Content-Type but JSON in UTF-8, none, or two',
    promise: '415; of two the first counts',
  },
  {
    id: 'A3',
    threat: 'A body that is no JSON, no object, no UTF-8, or has a key twice',
    promise:
      '400 invalid_request, and not a word of it in the log; of two keys the last counts, as in JSON.parse',
  },
  {
    id: 'A4',
    threat: 'Deep nesting',
    promise: '400; 4 KB hold no depth that hurts, and more is never parsed',
  },
  {
    id: 'A5',
    threat: '__proto__, constructor and the like as keys of bodies, queries and headers',
    promise: '400 in a body; in queries and headers they mean nothing',
  },
  {
    id: 'A6',
    threat: 'Keys that are not asked for; a js_code of another type, length or alphabet',
    promise: '400 invalid_request before anybody is asked',
  },
  {
    id: 'A7',
    threat: 'A js_code that would add parameters to the call to WeCom',
    promise: '400; WeCom only ever sees the parameters it documents',
  },
  {
    id: 'A8',
    threat: 'Line breaks and odd values in headers, to put some into the answer',
    promise: 'No header of a request comes back: the names and values of an answer are ours',
  },
  {
    id: 'A9',
    threat: 'Guessing js_codes, to get in or to burn the quota of WeCom',
    promise:
      '429 after 30 failures of an address in a minute, 300 of a network in ten, 1,000 of everybody in an hour, and an alarm rings; every refusal that may be about the code counts; then known networks get in for 1,000 failures each in ten minutes and 30,000 together in an hour, and who shows a recent session for 10 in an hour',
  },
  { id: 'A10', threat: 'A js_code used before', promise: 'The same 400 as for a made-up one' },
  {
    id: 'A11',
    threat: 'One js_code posted many times at the same moment',
    promise: 'One session, over all instances; 400 for all others',
  },
  {
    id: 'A12',
    threat: 'corpid, userid or role in the body',
    promise:
      '400 for what is not asked for; the corpid only chooses whom to ask, identity comes from WeCom alone',
  },
  {
    id: 'A13',
    threat: 'An employee of a stranger’s company, whose js_code WeCom takes',
    promise: '403 corp_not_allowed; user/get is not asked, nothing is stored, and it counts as a failure',
  },
  {
    id: 'A14',
    threat: 'The same userid in two companies, or in other letters',
    promise: 'A person is corpid and lower-case userid; nobody touches a namesake’s sessions',
  },
  {
    id: 'A15',
    threat: 'A userid with separators, line breaks or 200 characters from WeCom',
    promise:
      '403 and an event of its own for what cannot be a userid; blanks and Chinese can; in keys a userid stands only as a hash',
  },
  {
    id: 'A16',
    threat: 'Forged X-Forwarded-For, X-Real-IP, Forwarded, X-Scf-*; 10 KB of them',
    promise: 'Counted and logged is the first address from the right that is not the platform’s own',
  },
  {
    id: 'A17',
    threat: 'Telling accounts of reviewers apart by answer, code or time',
    promise: 'Wrong password and unknown account: same answer, one scrypt of the same cost',
  },
  {
    id: 'A18',
    threat: 'Trying reviewers’ passwords, from one address, many, or a whole IPv6 network',
    promise:
      'Counted before it is hashed: 10 per address (IPv6: per /48) in 15 minutes, waits that grow to an hour, 100 in a row, 1,000 of everybody in an hour, 4 at a time, 503 after 8 s; Redis down: 503',
  },
  {
    id: 'A19',
    threat: 'A password with NUL, of 1 MB, full-width, decomposed, with blanks',
    promise: 'At most 128 characters after NFKC on both sides; nothing is trimmed or cut',
  },
  {
    id: 'A20',
    threat: 'The reviewers’ route while there are none, or after their last day',
    promise: '404 like any unknown path; no session and no key outlives the day',
  },
  {
    id: 'A21',
    threat: 'A reviewer’s session on routes for members, or the other way round',
    promise: '403 role_not_allowed: nobody may unless their role is named',
  },
  {
    id: 'A22',
    threat: 'Guessed, damaged, mixed or misplaced session_tokens',
    promise: '401 invalid_session, one answer for all; a malformed one does not reach Redis',
  },
  {
    id: 'A23',
    threat: 'Session fixation: a login with somebody’s session_token',
    promise:
      'Always a new token; the old session ends when, and only when, the new one is stored: in one step if it is the same person',
  },
  {
    id: 'A24',
    threat: 'A stolen session_token, used from another address and device',
    promise:
      'It works, as a bearer token does, until 30 minutes without use, 8 hours, logout or a refusal by WeCom. No warning when the address changes: phones change theirs all day, so nobody would read it',
  },
  {
    id: 'A25',
    threat: 'A session that is ended while a request notes its use',
    promise: 'It stays ended: only the record that was read is written over',
  },
  { id: 'A26', threat: 'A JWT, signed with nothing', promise: '401; there is no JWT parser to confuse' },
  {
    id: 'A27',
    threat: 'Other methods, and headers that claim another',
    promise: '405 with Allow; the headers mean nothing',
  },
  {
    id: 'A28',
    threat: 'Odd paths: doubled slashes, dots, encoded characters, NUL, 8 KB',
    promise: '404 unless it is exactly a path of ours once dots are resolved; the path is never logged',
  },
  {
    id: 'A29',
    threat: 'Requests from foreign web pages',
    promise: 'No Access-Control-* header on any answer; OPTIONS is 405',
  },
  {
    id: 'A30',
    threat: 'A timer’s event as HTTP body, an HTTP event for refresh or admin',
    promise: '400; refresh and admin refuse it and have no HTTP trigger',
  },
  {
    id: 'A31',
    threat: 'Malformed events',
    promise: 'refresh looks at the token and not at the event; admin fails with invalid_request',
  },
  {
    id: 'A32',
    threat: 'Line breaks, control and bidirectional characters for the log',
    promise: 'One line of JSON in printable ASCII, nothing of a request but its shape',
  },
  {
    id: 'A33',
    threat: 'Secrets in logs, errors and crashes',
    promise:
      'None, in any spelling: not in outputs, answers, or readable in Redis, over a whole life of all functions',
  },
  {
    id: 'A34',
    threat: 'WeCom’s errmsg, which names our egress address, in an answer',
    promise: 'Our code and request_id only; address and hint are for the log',
  },
  {
    id: 'A35',
    threat: 'Sending our calls elsewhere by a base URL or a redirect',
    promise:
      'https only, plain http for loopback only, no path, no user; else the function does not start. Redirects are not followed',
  },
  {
    id: 'A36',
    threat: 'Texts that make a regular expression run for ever',
    promise:
      'None goes back more than 100,000 times on the worst that fits into a request, as V8 itself counts',
  },
  {
    id: 'A37',
    threat: 'Slow requests and half-open connections',
    promise: 'Members are let in meanwhile; the connections themselves are the platform’s to limit',
  },
  {
    id: 'A38',
    threat: 'Floods, to make costs',
    promise:
      'Whatever fails is braked before WeCom is asked. No limit of requests per instance: offices come all at once at 9, and SCF’s own limit of instances bounds the bill',
  },
  {
    id: 'A39',
    threat: 'Somebody else’s userid or data in a request',
    promise: 'The userid is the session’s; data of another member, company or mini-program is 400',
  },
  {
    id: 'A40',
    threat: 'Secrets in the mini-program’s package',
    promise: 'It holds none, and calls nothing that takes one',
  },
  {
    id: 'A41',
    threat: 'Source maps, .env, tests in the deployed zip',
    promise: 'The bundle, its code cache and scf_bootstrap, nothing else',
  },
  {
    id: 'A42',
    threat: 'A dependency that turns bad',
    promise: 'Exact versions with checksums, and nothing that is shipped runs anything when installed',
  },
  {
    id: 'A43',
    threat: 'Patterns, braces and line breaks for Redis keys',
    promise: 'Keys hold hashes and nothing of a request; unknown userids make no key',
  },
  {
    id: 'A44',
    threat: 'Finding out by the answers what is broken behind',
    promise: 'One 503 for everything; only Retry-After differs',
  },
  {
    id: 'A45',
    threat: 'Huge or doubled headers',
    promise:
      'Over 16 KB: 431 by Node itself; of two Authorization headers the first counts; no header is logged',
  },
  {
    id: 'A46',
    threat: 'Callbacks that are forged, changed, old, or for another company',
    promise:
      '400 before anything is decrypted or, for a foreign receiver, before anything is read; at most 10 minutes old. No nonce is kept: ending a session twice ends it once',
  },
  {
    id: 'A47',
    threat: 'XML with entities, DOCTYPE, depth, or no end',
    promise: '400; entities are never expanded, 16 KB is all that is read',
  },
  {
    id: 'A48',
    threat: 'A captured callback with its timestamp and nonce exchanged, which have the same signature',
    promise: '400: the time is ten digits, and the message itself says when it was created',
  },
  {
    id: 'A49',
    threat: 'Finding out a userid by the refusal of a login',
    promise:
      'Only 403 member_not_allowed names one: that which WeCom gave for this code, to whoever sent the code; spent, made-up and strange codes name nobody',
  },
];
