// What the local cloud remembers between runs: one JSON file and the uploaded objects beside it.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Configuration of one version as `GetFunction` shows it; immutable once published. */
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
  /** As the cloud returns it: JSON, a timer's as `{"cron":"…"}`, a function URL's with its address. */
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
  /** Why it is `…Failed`. */
  StatusReasons?: { ErrorCode: string; ErrorMessage: string }[];
  /** A change in progress: when it ends and what `Status` says then, '' for a function that is gone. */
  change?: { endsMs: number; becomes: string };
  /** When writes are taken again, which may be later than `Active` shows. */
  writableMs?: number;
  /** When new versions are found and when they are Active; those not in here always are. */
  versionTimes?: Record<string, { foundMs: number; activeMs: number }>;
  /** What ListTriggers still shows: older lists, and until when. */
  olderTriggers?: { untilMs: number; triggers: StoredTrigger[] }[];
  /** When the fixed egress IP shows up. */
  egressShownMs?: number;
  /** A part of an alias' traffic that goes to other versions. */
  routing?: Record<string, { Version: string; Weight: number }[]>;
  Tags: { Key: string; Value: string }[];
  latest: Snapshot;
  versions: Snapshot[];
  /** Versions are never numbered twice, not even after a deletion. */
  versionCounter: number;
  aliases: Record<string, string>;
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
  /** Like `2027-01-31 23:59:59`, UTC+8; null before it is issued. */
  CertEndTime: string | null;
}

export interface CloudState {
  functions: Record<string, StoredFunction>;
  domains: Record<string, Domain>;
  /** When the name of a custom domain resolves; those not in here were not asked for yet. */
  resolvesMs: Record<string, number>;
  /** Host of a function URL → when the gateway knows it. */
  urlKnownMs: Record<string, number>;
  buckets: Record<string, { region: string; lifecycle?: string }>;
  logsets: Record<string, { LogsetId: string; LogsetName: string }>;
  topics: Record<string, { TopicId: string; TopicName: string; LogsetId: string; Period: number }>;
  /** Index of a topic, by its id, as CreateIndex was given it. */
  indexes: Record<string, Record<string, unknown>>;
  /** By id, as CreateAlarm and CreateAlarmNotice were given them. */
  alarms: Record<string, { Name: string } & Record<string, unknown>>;
  alarmNotices: Record<string, { Name: string } & Record<string, unknown>>;
  /** By id, made in the SSL console. */
  certificates: Record<string, Certificate>;
  /** Fixed egress IP per VPC subnet (or `public`), held while a function uses it. */
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
  /** Folder of uploaded objects. */
  objectsFolder: string;
  /** Where SCF keeps its copy of an uploaded zip. */
  zipPath(sha256: string): string;
  save(): void;
  /** A new id, unique in this state, e.g. `lam-0000001a`. */
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
      const text = JSON.stringify(data, null, 1);
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
