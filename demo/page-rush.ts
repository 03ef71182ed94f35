// "500 members on 20 cold instances, now": the rush hour of the story, started by a button.
import type { Feed } from './feed.ts';
import { bigCompany, newSecret } from './people.ts';
import { crowdFor, logInTogether, processes, startRushProcesses } from './rush-hour.ts';
import type { World } from './world.ts';

const progressEvery = 25;

export function createPageRush(world: World, feed: Feed) {
  let running: Promise<void> | undefined;
  let rushes = 0;

  const say = (progress: string) => feed.add({ kind: 'rush', progress });

  async function rush(): Promise<void> {
    // With a new secret neither Redis nor WeCom has a token yet.
    const corpsecret = newSecret();
    world.wecom.updateCompany(bigCompany.corpid, { corpsecret });
    world.corpsecrets.set(bigCompany.corpid, corpsecret);
    const logins = await startRushProcesses(world, (started) => say(`${started}/${processes}`));
    try {
      const name = `page-rush-${(rushes += 1)}`;
      const result = await logInTogether(world, logins, name, (answered) => {
        if (answered % progressEvery === 0) say(`${answered}/${crowdFor(logins).length}`);
      });
      feed.add({ kind: 'rush', result });
    } finally {
      await Promise.all(logins.map(world.stopLogin));
    }
  }

  return {
    running: () => running !== undefined,
    /** Runs one at a time. A second call in the meantime gets the running one. */
    run(): Promise<void> {
      running ??= rush()
        .catch((error: unknown) =>
          feed.add({ kind: 'rush', progress: error instanceof Error ? error.message : '' }),
        )
        .finally(() => (running = undefined));
      return running;
    },
    finished: async () => running,
  };
}
