// What can be wrong with a variable, as types only: nothing of this file is shipped. The words are where the problem is
// found; scripts/environment-problems.ts has them in Chinese, and compiles only if none is missing there.

/** `{}` is a number, a list or a form. */
export type ProblemText =
  | 'is missing'
  | 'must not contain $, #, ; or = (percent-encode them in REDIS_URL)'
  | 'must be a whole number from {} to {}'
  | 'must be true or false'
  | 'entry {} must be {}'
  | 'holds the public test company of WeChat DevTools; see ALLOW_TEST_CORP'
  | 'holds a corpid twice'
  | 'holds a corpid twice with the same token'
  | 'holds an account twice'
  | 'holds a name twice'
  | 'holds a key twice'
  | 'holds an API that answers with a credential'
  | 'must be 32 random bytes in base64url; new,old while rotating'
  | 'must be https://host (http:// only for loopback), without a path'
  | 'must be the letters and digits of WW_verify_<code>.txt'
  | 'must look like wx…'
  | 'must be an IP address such as 0.0.0.0'
  | 'must be a day like 2026-01-31'
  | 'must be redis://:password@host:port, the password percent-encoded'
  | 'must begin with redis:// or rediss:// and name a host'
  | 'must not have a username; TencentDB wants account@password as the password'
  | 'must not name port 0'
  | 'may end with /0 to /999, nothing else'
  | 'must be letters, digits and -, 32 at most'
  | 'must be a readable PEM file of certificates alone'
  | 'is only for a rediss:// REDIS_URL'
  | 'must be a name as it is in the certificate, without * and no address'
  | 'names a company that WECOM_CORPS does not have'
  | 'may have at most {} entries'
  | 'may name at most {} tags'
  | 'may hold at most {} fields'
  | 'may hold extattr.<name> and {}'
  | 'must be at most {} names like message/send, separated by commas';

/** What an entry of a list must look like. */
export type EntryForm =
  | 'corpid:corpsecret'
  | 'corpid:token:encodingAESKey'
  | 'account:hash, as npm run reviewer prints it'
  | 'role:dept:7, role:user:ZhangSan|LiSi or role:tag:3, with :corpid for another company'
  | 'name:SHA-256 of its key in hex, with :corpid for another company';

/** A text with everything filled in. */
export type Problem = Filled<ProblemText>;

type Filled<Text extends string> = Text extends `${infer Start}{}${infer End}`
  ? `${Start}${string}${Filled<End>}`
  : Text;
