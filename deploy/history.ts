// What was live before, for `sls rollback`: written into the description of `$DEFAULT`, because some versions are
// published and never go live.

/** A version that went live, and the deploy that released it. */
export interface Release {
  version: string;
  /** Empty for a version that somebody else published. */
  deployId: string;
}

/** What is known of a deployed function. */
export interface History {
  liveVersion: string;
  /** What was live, newest first, beginning with `liveVersion`; empty when the cloud does not say. */
  releases: Release[];
  /** Published versions, oldest first. */
  versions: Release[];
}

/** Versions kept for rollback, the live one among them. */
export const versionsKept = 5;

/** The description of `$DEFAULT`. */
export function releaseMark(releases: readonly Release[]): string {
  return releases
    .map(({ version, deployId }) =>
      deployId ? `version ${version} deploy ${deployId}` : `version ${version}`,
    )
    .join(', ');
}

/** Reads `releaseMark`. It does not count when somebody else has moved the alias since. */
export function releasesIn(description: string, liveVersion: string): Release[] {
  const found = [...description.matchAll(/version (\d+)(?: deploy (\w+))?/g)];
  const releases = found.map(([, version = '', deployId = '']) => ({ version, deployId }));
  return releases[0]?.version === liveVersion ? releases : [];
}

/** What was live once `release` is. Going back to a version takes away what came after it. */
export function releasesWith(release: Release, history: History | undefined): Release[] {
  const { releases = [], versions = [], liveVersion } = history ?? {};
  const before = releases.length > 0 ? releases : versions.filter(({ version }) => version === liveVersion);
  const earlier = before.findIndex(({ version }) => version === release.version);
  return earlier === -1 ? [release, ...before].slice(0, versionsKept) : before.slice(earlier);
}

/** The version that was live before; where the cloud does not say, the newest that is older. */
export function previousVersion({ releases, versions, liveVersion }: History): string | undefined {
  if (releases.length > 0) return releases[1]?.version;
  return versions.findLast(({ version }) => Number(version) < Number(liveVersion))?.version;
}
