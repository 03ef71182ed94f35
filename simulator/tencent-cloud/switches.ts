// Behaviour of the real cloud that could not be tried on an account: one row per behaviour, with each end (possible
// answer) that the evidence allows. The first end is the mildest, the last the strictest. By default the cloud is strict
// where the behaviour is known, and mild elsewhere. A deploy must work with each end.
// "583/…", "598/…" are page numbers of cloud.tencent.com/document/product; "SDK" is the official error list of an action;
// "TF" is tencentcloudstack/terraform-provider-tencentcloud, "toolkit" serverless-tencent/tencent-component-toolkit.

interface Switch<E extends readonly string[]> {
  ends: E;
  /**
   * `known`: documented or seen on real accounts. `doubt`: there is evidence for each end. `account`: it depends on the
   * account.
   */
  kind: 'known' | 'doubt' | 'account';
  source: string;
}
function row<const E extends readonly string[]>(given: Switch<E>): Switch<E> {
  return given;
}

export const switchTable = {
  // Function URLs and triggers
  urlName: row({
    ends: ['as sent', 'made by the cloud'],
    kind: 'known',
    source:
      'Example of ListTriggers (583); TF commit 693fd5c71 reads the name from the answer; users measured it',
  }),
  urlAddresses: row({
    ends: ['both', 'of networks that are on'],
    kind: 'doubt',
    source: '583/96099 names a public and a private address; no answer for a URL of the VPC only was seen',
  }),
  urlReady: row({
    ends: ['at once', 'after seconds'],
    kind: 'known',
    source:
      'Users poll 10 to 20 s; 400 "domain[…] not found or empty" was seen for a host the gateway does not know',
  }),
  urlsMax: row({
    ends: ['one per version or alias', 'one per function'],
    kind: 'doubt',
    source: '583/100227 says version or alias; one user met "TriggerName already exists" per function',
  }),
  triggerList: row({
    ends: ['current', 'seconds behind'],
    kind: 'known',
    source: 'Users poll ListTriggers 10 to 20 s for a new URL; the delay is assumed',
  }),
  updateUrl: row({
    ends: ['accepted', 'refused'],
    kind: 'doubt',
    source:
      'UpdateTrigger names http in one text and not in the other; toolkit and TF call it; a user got ResourceNotFound',
  }),
  boundUrl: row({
    ends: ['deleted', 'kept'],
    kind: 'known',
    source: 'SDK: FailedOperation.DeleteTrigger.UrlUsed',
  }),

  // States of a function
  busyCode: row({
    ends: ['FailedOperation.FunctionStatusError', 'as seen by users'],
    kind: 'known',
    source: 'SDK lists several per action; users quote them; the seed chooses one',
  }),
  busyTime: row({
    ends: ['seconds', 'half a minute'],
    kind: 'doubt',
    source: 'Users wait 10 to 180 s',
  }),
  afterActive: row({
    ends: ['writable', 'refused for a moment'],
    kind: 'doubt',
    source: 'TF sleeps 3 s after Active',
  }),
  publishing: row({
    ends: ['$LATEST and version alike', 'version longer', '$LATEST longer'],
    kind: 'doubt',
    source: 'TF polls the function, toolkit the version; UpdateAlias was refused right after PublishVersion',
  }),
  newVersion: row({
    ends: ['found at once', 'not found for a moment'],
    kind: 'known',
    source: 'TF tolerates ResourceNotFound.Version',
  }),
  publishUnchanged: row({
    ends: ['a new version', 'refused'],
    kind: 'doubt',
    source:
      'SDK: FailedOperation.PublishVersion, UnsupportedOperation.PublishVersion; no report of either for this',
  }),
  versionDescription: row({
    ends: ['of the function', 'as published'],
    kind: 'doubt',
    source:
      'TF sends it with PublishVersion and reads it from GetFunction of the version; API model of both: the function’s',
  }),
  aliasDescription: row({
    ends: ['kept', 'dropped', 'refused'],
    kind: 'doubt',
    source:
      'API model: UpdateAlias takes one, GetAlias returns it; no report of one on $DEFAULT; SDK: InvalidParameterValue.Description',
  }),
  missingFunction: row({
    ends: [
      'ResourceNotFound.Function',
      'ResourceNotFound.FunctionName',
      'InvalidParameterValue.FunctionName',
    ],
    kind: 'known',
    source:
      'SDK lists all three for GetFunction; TF takes them all for "there is none"; the last was measured',
  }),
  deletion: row({
    ends: ['at once', 'asynchronous'],
    kind: 'known',
    source: 'Tencent: states Deleting and DeleteFailed; TF loops until not found, toolkit waits 120 s',
  }),
  deleteWithUrl: row({
    ends: ['deleted', 'refused'],
    kind: 'doubt',
    source: 'TF and toolkit delete directly; a user was refused; SDK: UnsupportedOperation.AliasBind',
  }),
  deleteUsedVersion: row({
    ends: ['deleted', 'refused'],
    kind: 'doubt',
    source: 'SDK: UnsupportedOperation.AliasBind',
  }),
  egressAddress: row({
    ends: ['at once', 'after seconds'],
    kind: 'doubt',
    source: 'EipAddress is a list that may be empty; when it fills is not documented',
  }),

  // What a request may contain
  emptyMembers: row({
    ends: ['accepted', 'refused'],
    kind: 'doubt',
    source: 'No report of an empty Role, VpcConfig or ClsTopicId for a setting that is not set',
  }),
  emptyRouting: row({
    ends: ['accepted', 'refused'],
    kind: 'doubt',
    source: 'toolkit sends empty AdditionalVersionWeights; the API model says to leave RoutingConfig out',
  }),
  environmentValue: row({
    ends: ['up to 4 KB', 'up to 128 bytes'],
    kind: 'doubt',
    source: '583/32748 has 64 bytes in the console, older pages 128; API users send whole URLs',
  }),
  runtimes: row({
    ends: ['as CloudBase has them', 'up to Nodejs20.19'],
    kind: 'doubt',
    source: 'docs.cloudbase.net lists 22.21 and 24.11; the pages of SCF end with Nodejs20.19 (583/56126)',
  }),
  codeFromCos: row({
    ends: ['readable', 'not readable'],
    kind: 'account',
    source: 'SDK: UnauthorizedOperation.Role, when the role SCF_QcsRole may not read COS',
  }),
  searchQuery: row({
    ends: ['Query or QueryString', 'Query', 'QueryString'],
    kind: 'doubt',
    source: 'API model of 2026-08: Query is deprecated, QueryString new; 614/56447 knows only Query',
  }),
  invokeResult: row({
    ends: ['given', 'always 0'],
    kind: 'doubt',
    source: 'API model: InvokeResult is no longer maintained',
  }),

  // Tags, custom domain, log service
  emptyTagList: row({
    ends: ['accepted', 'refused'],
    kind: 'known',
    source: 'API model of ModifyResourceTags: a list may be left out but "must not be an empty array"',
  }),
  missingDomain: row({
    ends: ['ResourceNotFound.CustomDomain', 'FailedOperation.Domain.UnExist'],
    kind: 'known',
    source: 'SDK: the only code of GetCustomDomain; a user handles it',
  }),
  cname: row({
    ends: ['resolves', 'resolves after seconds'],
    kind: 'known',
    source: 'SDK: FailedOperation.CNAME of CreateCustomDomain; a user repeats for 10 minutes',
  }),
  pathOrder: row({
    ends: ['longest first', 'as given'],
    kind: 'doubt',
    source: 'Not documented for SCF; the gateway of CloudBase takes the longest prefix',
  }),
  forwardedFor: row({
    ends: ['sent', 'only on custom domains'],
    kind: 'doubt',
    source: 'Chains were captured on custom domains; for a bare function URL reports differ',
  }),
  similarLogTopics: row({
    ends: ['none', 'a page full'],
    kind: 'account',
    source: 'API model: Describe* of CLS match parts of names and give 20 entries unless Limit says more',
  }),
  withoutIndex: row({
    ends: ['searched', 'found empty'],
    kind: 'known',
    source: 'SearchLog on a topic without index was seen to give an empty result',
  }),

  // The account and the network
  camCode: row({
    ends: ['UnauthorizedOperation', 'UnauthorizedOperation.CAM', 'AuthFailure.UnauthorizedOperation'],
    kind: 'doubt',
    source:
      'SDK lists the first two per action, the third for all; the wording was quoted by users, over two lines',
  }),
  camChecks: row({
    ends: ['the action', 'what the action uses, too'],
    kind: 'doubt',
    source:
      '583/47934: QcloudSCFFullAccess holds cam:GetRole, cam:ListAttachedRolePolicies, vpc:Describe…Ex and tag rights',
  }),
  scf: row({
    ends: ['opened', 'not opened'],
    kind: 'account',
    source: 'TF: ResourceNotFound.Namespace before SCF was opened in the region',
  }),
  cls: row({
    ends: ['opened', 'not opened'],
    kind: 'account',
    source: '583/39778; SDK: OperationDenied.AccountNotExists, FailedOperation.ClsServiceUnregistered',
  }),
  role: row({
    ends: ['there', 'missing'],
    kind: 'account',
    source: 'SDK: FailedOperation.QcsRoleNotFound, until the SCF console was opened once',
  }),
  balance: row({
    ends: ['paid', 'in arrears'],
    kind: 'account',
    source:
      '583/47175: AvailableStatus; SDK: FailedOperation.InsufficientBalance, ResourceUnavailable.InsufficientBalance',
  }),
  throttling: row({
    ends: ['none', 'one call in four'],
    kind: 'account',
    source: 'RequestLimitExceeded is common to all actions',
  }),
  lostAnswers: row({
    ends: ['none', 'one write in six'],
    kind: 'account',
    source: 'A connection can end after the request arrived',
  }),
};

export type SwitchName = keyof typeof switchTable;
export type Switches = { [N in SwitchName]: (typeof switchTable)[N]['ends'][number] };

/** The first end of each row: a mild cloud on which a test changes one behaviour at a time. */
export const mildest = Object.fromEntries(
  Object.entries(switchTable).map(([name, { ends }]) => [name, ends[0]]),
) as Switches;

export function switchesWith(set: Partial<Switches>): Switches {
  return {
    ...(Object.fromEntries(
      Object.entries(switchTable).map(([name, { kind, ends }]) => [
        name,
        kind === 'known' ? ends.at(-1) : ends[0],
      ]),
    ) as Switches),
    ...set,
  };
}

/** Durations in seconds of the cloud. All are assumed. */
export const cloudSeconds = {
  busy: { seconds: 3, 'half a minute': 30 },
  publishShort: 1,
  versionUnknown: 3,
  afterActive: 2,
  deleting: 15,
  urlUnknown: 8,
  triggerListBehind: 3,
  cnameUnknown: 20,
  egressAddress: 20,
};

/** Returns a generator of numbers in [0, 1) that depend only on the seed: mulberry32. */
export function randomOf(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
