// `npm run deploy`: the framework with its telemetry off. It reads the variable when it starts, before .env.
process.env.SLS_TELEMETRY_DISABLED = '1';
await import('serverless/bin/serverless.js');
