// All of them: DEPLOY_SCENARIOS=all npm test -- test/deploy-scenarios.test.ts (some ten minutes); else those that are quick.
import { describe, test } from 'vitest';
import { play, scenarios } from './deploy-scenarios.ts';

const { DEPLOY_SCENARIOS: wanted = 'quick' } = process.env;
const chosen = scenarios().filter(
  ({ name, isQuick }) => wanted === 'all' || (wanted === 'quick' && isQuick) || name.startsWith(wanted),
);

describe('sls deploy, deploy again, change, remove, deploy', () => {
  for (const scenario of chosen) test(scenario.name, () => play(scenario));
});
