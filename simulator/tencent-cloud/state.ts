// The local cloud's state between runs: one JSON file, and the uploaded objects next to it.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Configuration of one version as in `GetFunction`; never changes after it is published. */
export interface Snapshot {
  Version: string;
  VersionDescription: string;
  AddTime: string;
  Handler: string;
  Description: string;
  MemorySize: number;
  Timeout: number;
  InitTimeout: number;
  Runtime: string;
  Type: 'HTTP' | 'Event';
  Role: string;
  Environment: { Variables: { Key: string; Value: string }[] };
  VpcConfig: { VpcId: string; SubnetId: string };
  Layers: { LayerName: string; LayerVersion: number }[];
  PublicNetConfig: { PublicNetStatus: string; EipConfig: { EipStatus: string; EipAddress: string[] } };
  InstanceConcurrencyConfig: { DynamicEnabled: string; MaxConcurrency: number } | null;
  ClsLogsetId: string;
  ClsTopicId: string;
  CodeSha256: string;
  CodeSize: number;
}

export interface StoredTrigger {
  TriggerName: string;
  Type: 'timer' | 'http';
  /** JSON as the cloud returns it: `{"cron":"…"}` for a timer; for a function URL, with its address. */
  TriggerDesc: string;
  Enable: 0 | 1;
  Qualifier: string;
  CustomArgument: string;
  Description: string;
  AddTime: string;
  ModTime: string;
}

export interface StoredFunction {
  FunctionName: string;
  FunctionId: string;
  Namespace: string;
  Status: string;
  /** The reasons of a `…Failed` status. */
  StatusReasons?: { ErrorCode: string; ErrorMessage: string }[];
  /** A change in progress: when it ends, and the `Status` then; '' if the function is deleted. */
  change?: { endsMs: number; becomes: string };
  /** When writes are accepted again; may be later than `Active`. */
  writableMs?: number;
  /** When a new version is found, and when it is Active. A version that is missing here is both. */
  versionTimes?: Record<string, { foundMs: number; activeMs: number }>;
  /** Old lists that ListTriggers still shows, and until when. */
  olderTriggers?: { untilMs: number; triggers: StoredTrigger[] }[];
  /** When the fixed egress IP becomes visible. */
  egressShownMs?: number;
  /** Parts of an alias' traffic that go to other versions. */
  routing?: Record<string, { Version: string; Weight: number }[]>;
  Tags: { Key: string; Value: string }[];
  latest: Snapshot;
  versions: Snapshot[];
  /** A version number is never used twice, not even after a deletion. */
  versionCounter: number;
  aliases: Record<string, string>;
  aliasDescriptions?: Record<string, string>;
  triggers: StoredTrigger[];
}

export interface Domain {
  Domain: string;
  Protocol: string;
  CertConfig: { CertificateId: string };
  EndpointsConfig: { Namespace: string; FunctionName: string; Qualifier: string; PathMatch: string }[];
}

export interface Certificate {
  Domain: string;
  SubjectAltName: string[];
  /** Such as `2027-01-31 23:59:59`, UTC+8; null before it is issued. */
  CertEndTime: string | null;
}

export interface CloudState {
  functions: Record<string, StoredFunction>;
  domains: Record<string, Domain>;
  /** When the name of a custom domain resolves; set at the first request for the domain. */
  resolvesMs: Record<string, number>;
  /** Host of a function URL → when the gateway knows it. */
  urlKnownMs: Record<string, number>;
  buckets: Record<string, { region: string; lifecycle?: string }>;
  logsets: Record<string, { LogsetId: string; LogsetName: string }>;
  topics: Record<string, { TopicId: string; TopicName: string; LogsetId: string; Period: number }>;
  /** Index of a topic, by the topic's id, as given to CreateIndex. */
  indexes: Record<string, Record<string, unknown>>;
  /** By id, as given to CreateAlarm and CreateAlarmNotice. */
  alarms: Record<string, { Name: string } & Record<string, unknown>>;
  alarmNotices: Record<string, { Name: string } & Record<string, unknown>>;
  /** By id; created in the SSL console. */
  certificates: Record<string, Certificate>;
  /** Fixed egress IP per VPC subnet (or `public`), kept while a function uses it. */
  egressIps: Record<string, string>;
  idCounter: number;
}

const empty: CloudState = {
  functions: {},
  domains: {},
  resolvesMs: {},
  urlKnownMs: {},
  buckets: {},
  logsets: {},
  topics: {},
  indexes: {},
  alarms: {},
  alarmNotices: {},
  certificates: {},
  egressIps: {},
  idCounter: 0,
};

export interface StateFile {
  data: CloudState;
  /** Folder of the uploaded objects. */
  objectsFolder: string;
  /** Path of SCF's copy of an uploaded zip. */
  zipPath(sha256: string): string;
  save(): void;
  /** Returns a new id, unique in this state, e.g. `lam-0000001a`. */
  newId(prefix: string): string;
}

export function openState(folder: string): StateFile {
  const path = join(folder, 'state.json');
  const objectsFolder = join(folder, 'cos');
  mkdirSync(objectsFolder, { recursive: true });
  mkdirSync(join(folder, 'zips'), { recursive: true });
  let data: CloudState = structuredClone(empty);
  let saved = '';
  try {
    data = { ...data, ...(JSON.parse(readFileSync(path, 'utf8')) as CloudState) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return {
    data,
    objectsFolder,
    zipPath: (sha256) => join(folder, 'zips', `${sha256}.zip`),
    save() {
      const text = JSON.stringify(data);
      if (text === saved) return;
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
      saved = text;
    },
    newId(prefix) {
      data.idCounter += 1;
      return prefix + (0x1a2b3c00 + data.idCounter * 7919).toString(36);
    },
  };
}
