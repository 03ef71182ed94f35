// The small APIs next to SCF: the owner of the key (CAM), tags of resources (Tag), certificates (SSL). CLS has its own
// file. Their SDKs are not installed, so the members are copied from the official API models (read 2026-08).
import * as z from 'zod/mini';
import { ApiError } from './api-error.ts';
import { clsSchemas, clsAnswers, type LogLine } from './cls.ts';
import type { ScfContext } from './scf-functions.ts';

const schemas = {
  ...clsSchemas,
  'cam.GetUserAppId': z.strictObject({}),
  'tag.ModifyResourceTags': z.strictObject({
    Resource: z.string(),
    ReplaceTags: z.optional(z.array(z.strictObject({ TagKey: z.string(), TagValue: z.string() }))),
    DeleteTags: z.optional(z.array(z.strictObject({ TagKey: z.string() }))),
  }),
  'ssl.DescribeCertificate': z.strictObject({ CertificateId: z.string() }),
};

type Call = keyof typeof schemas;
type Given<C extends Call> = z.infer<(typeof schemas)[C]>;

const answers: { [C in Call]: (context: ScfContext, p: Given<C>, logs: LogLine[]) => object } = {
  ...clsAnswers,

  'cam.GetUserAppId': ({ appId }) => ({
    AppId: Number(appId),
    Uin: '100000000001',
    OwnerUin: '100000000001',
  }),

  'tag.ModifyResourceTags': ({ state, region, switches }, p) => {
    const isEmpty = p.ReplaceTags?.length === 0 || p.DeleteTags?.length === 0;
    if (isEmpty && switches.emptyTagList === 'refused')
      throw new ApiError('InvalidParameterValue', 'A list of tags must not be an empty array.');
    // TF commit 7f91b75eb changed the former `lam/<id>` to this; toolkit, 598/70005 and 583/47934 say the same.
    const [, name] =
      new RegExp(`^qcs::scf:${region}:uin/\\d*:namespace/default/function/(.+)$`).exec(p.Resource) ?? [];
    const fn = state.data.functions[name ?? ''];
    if (!fn) throw new ApiError('InvalidParameterValue.ResourceDescriptionError', 'No such resource.');
    const gone = new Set([...(p.DeleteTags ?? []), ...(p.ReplaceTags ?? [])].map(({ TagKey }) => TagKey));
    fn.Tags = [
      ...fn.Tags.filter(({ Key }) => !gone.has(Key)),
      ...(p.ReplaceTags ?? []).map(({ TagKey, TagValue }) => ({ Key: TagKey, Value: TagValue })),
    ];
    return {};
  },

  'ssl.DescribeCertificate': ({ state }, { CertificateId }) => {
    const certificate = state.data.certificates[CertificateId];
    if (!certificate) throw new ApiError('FailedOperation.CertificateNotFound', 'No such certificate.');
    return { CertificateId, Status: certificate.CertEndTime === null ? 0 : 1, ...certificate };
  },
};

/** Returns the answer to one call of CAM, CLS, Tag or SSL. Refuses unknown actions and malformed parameters. */
export function answerAccountService(
  service: string,
  action: string,
  given: unknown,
  context: ScfContext,
  logs: LogLine[],
): object {
  const call = `${service}.${action}` as Call;
  const schema = schemas[call];
  if (!Object.hasOwn(schemas, call))
    throw new ApiError('InvalidAction', `The action ${call} is not offered here.`);
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue?.path.join('.') ?? '';
    if (issue?.code === 'unrecognized_keys')
      throw new ApiError(
        'UnknownParameter',
        `The parameter \`${[...issue.path, issue.keys[0]].join('.')}\` is not recognized.`,
      );
    throw new ApiError('InvalidParameter', `${path}: ${issue?.message}`);
  }
  if (service === 'cls' && action !== 'OpenClsService' && context.switches.cls === 'not opened')
    throw new ApiError('OperationDenied.AccountNotExists', 'The account has not opened CLS. 未开通日志服务');
  return (answers[call] as (c: ScfContext, p: unknown, l: LogLine[]) => object)(context, parsed.data, logs);
}
