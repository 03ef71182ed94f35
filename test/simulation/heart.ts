// The code under test, as one module: imported as it is, or bundled with a patch (mutants.ts).
export { createAccessTokens } from '../../lib/access-token.ts';
export { AppError } from '../../lib/errors.ts';
export { createRedis } from '../../lib/redis.ts';
export { RedisError, redisErrorOf } from '../../lib/redis-reason.ts';
export { createTokenStore, tokenKeyId, tokenStoreKeys } from '../../lib/token-store.ts';
export { WecomError } from '../../lib/wecom.ts';
