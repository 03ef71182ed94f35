// Who can hold the phone of `npm run dev`: the people of dev/people.json, which may be edited while it runs.
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync } from 'node:fs';
import { hashPassword } from '../lib/reviewer.ts';
import {
  castFile,
  createCast,
  ownPeopleFile,
  type People,
  personId,
  readPeople,
} from '../simulator/people.ts';
import type { Person } from '../simulator/wecom/directory.ts';
import type { Wecom } from '../simulator/wecom/server.ts';

/** Somebody on the page. */
export interface Holder {
  /** `<corpid>/<userid>`, or `reviewer` for the phone with ordinary WeChat. */
  who: string;
  name: string;
  company: string;
  /** What is special about them. */
  flag: 'outOfRange' | 'disabled' | 'stranger' | 'reviewer' | undefined;
  person: (Person & { name: string }) | undefined;
}

export const reviewerPhone = 'reviewer';

/** Reads dev/people.json, after making it from the cast if there is none, and puts everybody into `wecom`. */
export async function createPeople(wecom: Wecom) {
  if (!existsSync(ownPeopleFile)) copyFileSync(castFile, ownPeopleFile);
  const secrets = new Map<string, string>();
  const secretOf = (corpid: string) => {
    const secret = secrets.get(corpid) ?? randomBytes(32).toString('base64url');
    secrets.set(corpid, secret);
    return secret;
  };
  const cast = createCast(wecom, secretOf);
  const hashes = new Map<string, string>();
  let people: People = { companies: [], reviewers: [] };

  /**
   * Returns who left the company or the visible range.
   * @throws Error with the place in the file; then the people before stay
   */
  async function read(): Promise<Person[]> {
    const next = readPeople(ownPeopleFile);
    for (const { password } of next.reviewers) {
      if (!hashes.has(password)) hashes.set(password, await hashPassword(password));
    }
    cast.set(next);
    const inRange = new Set(inRangeOf(next).map(({ who }) => who));
    const left = inRangeOf(people).filter(({ who }) => !inRange.has(who));
    people = next;
    return left.flatMap(({ person }) => person ?? []);
  }
  await read();

  return {
    read,
    holders: (): Holder[] => holdersOf(people),
    reviewers: () => people.reviewers,
    /** Those that use the mini-program. */
    corpids: () => people.companies.flatMap(({ corpid, stranger }) => (stranger ? [] : [corpid])),
    companyNames: () => Object.fromEntries(people.companies.map(({ corpid, name }) => [corpid, name])),

    /** What the functions get of them. */
    environment: () => ({
      WECOM_CORPS: people.companies
        .flatMap(({ corpid, stranger }) => (stranger ? [] : [`${corpid}:${secretOf(corpid)}`]))
        .join(','),
      REVIEWERS: people.reviewers
        .map(({ account, password }) => `${account}:${hashes.get(password)}`)
        .join(','),
      REVIEWERS_UNTIL: people.reviewers.length > 0 ? '2099-12-31' : '',
    }),
  };
}

function inRangeOf(people: People): Holder[] {
  return holdersOf(people).filter(({ flag }) => flag === undefined || flag === 'disabled');
}

function holdersOf({ companies, reviewers }: People): Holder[] {
  const members = companies.flatMap(({ corpid, name: company, stranger, people }) =>
    people.map(({ userid, name, outOfRange, disabled }): Holder => ({
      who: personId({ corpid, userid }),
      name,
      company,
      flag: stranger ? 'stranger' : disabled ? 'disabled' : outOfRange ? 'outOfRange' : undefined,
      person: { corpid, userid, name },
    })),
  );
  const phone: Holder = { who: reviewerPhone, name: '', company: '', flag: 'reviewer', person: undefined };
  return reviewers.length > 0 ? [...members, phone] : members;
}
