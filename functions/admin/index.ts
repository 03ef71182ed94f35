import { answerAdmin, asksDiagnosis } from '../../lib/admin.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { readServicesConfig } from '../../lib/config.ts';
import { diagnose } from '../../lib/doctor/inside.ts';
import { createMainHandler } from '../../lib/scf.ts';
import { createServices } from '../../lib/services.ts';

/**
 * For operators. It has no trigger: `npm run sessions` and `npm run doctor` invoke it with the deployer's cloud
 * credentials. Redis is reachable only inside the VPC and WeCom only from the trusted IP, so a laptop can neither list
 * and end sessions nor find out what is wrong.
 */
export const main_handler = createMainHandler(clock, readServicesConfig, async (config, log, event) => {
  if (asksDiagnosis(event)) return { findings: await diagnose(config, clock, log) };
  const { redis, sessions } = createServices(config, clock, log);
  try {
    return await answerAdmin(event, sessions);
  } finally {
    redis.close();
  }
});
