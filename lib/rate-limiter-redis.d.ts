// The deep import keeps the other stores of rate-limiter-flexible (60 KB) out of the bundle; it has no types.
declare module 'rate-limiter-flexible/lib/RateLimiterRedis.js' {
  export { RateLimiterRedis as default } from 'rate-limiter-flexible';
}
