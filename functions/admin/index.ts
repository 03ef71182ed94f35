import { answerAdmin } from '../../lib/admin.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { readServicesConfig } from '../../lib/config.ts';
import { createMainHandler } from '../../lib/scf.ts';
import { createServices } from '../../lib/services.ts';

/**
 * Called by an operator with the deployer's own cloud credentials (`npm run sessions`): it has no trigger. Redis
 * can be reached only from inside the VPC, so a laptop can neither list nor end sessions.
 */
export const main_handler = createMainHandler(clock, readServicesConfig, async (config, log, event) => {
  const { redis, sessions } = createServices(config, clock, log);
  try {
    return await answerAdmin(event, sessions, log);
  } finally {
    redis.close();
  }
});
