// The custom domain: bound, reachable, with a certificate that lasts. Reads only.
import type { Cloud } from '../../deploy/cloud.ts';
import { bindingDifferences } from '../../deploy/domain.ts';
import { CloudError } from '../../deploy/errors.ts';
import type { DomainSettings } from '../../deploy/settings.ts';
import * as z from 'zod/mini';
import type { CloudQuestions } from './cloud.ts';
import { nothing, outside, type Report } from './finding.ts';

/** A new certificate takes days if a person must confirm something. */
const certificateDaysMin = 21;
const dayMs = 86_400_000;

const Certificate = z.looseObject({
  /** `2027-01-31 23:59:59` in UTC+8; none before the certificate is issued. */
  CertEndTime: z.optional(z.nullable(z.string())),
  Domain: z.optional(z.nullable(z.string())),
  SubjectAltName: z.optional(z.nullable(z.array(z.string()))),
});

/** The custom domain: bound, responding, with a certificate for its name that is still valid. Throws CloudError. */
export async function checkDomain(
  { cloud, settings, report }: CloudQuestions,
  verifyCodes: readonly string[],
  nowMs: number,
): Promise<void> {
  const wanted = settings.customDomain;
  if (!wanted) {
    report(outside('domain.binding.not_set'));
    return;
  }
  const { domain } = wanted;
  const differences = await bindingDifferences(cloud, settings, wanted);
  if (differences === undefined) {
    report(outside('domain.binding.missing', { domain }));
    return;
  }
  if (differences.length > 0) {
    const values = { domain, differences: differences.join(', ') };
    report(outside('domain.binding.differs', values));
  } else {
    const paths = Object.keys(wanted.routes);
    const routes = { en: paths.join(' and '), zh: paths.join('、') };
    report(outside('domain.binding.ok', { domain, routes }));
  }

  await checkCertificate(cloud, wanted, nowMs, report);
  const answer = await cloud.get(`https://${domain}/health`);
  if (answer?.status !== 200) {
    const values = { domain, region: settings.region, answer: answer?.status ?? nothing };
    report(outside('domain.answer.missing', values));
    return;
  }
  report(outside('domain.answer.ok', { domain }));
  for (const code of verifyCodes) {
    const url = `https://${domain}/WW_verify_${code}.txt`;
    const file = await cloud.get(url);
    if (file?.status === 200 && file.body.trim() === code) report(outside('domain.verify_file.ok', { url }));
    else report(outside('domain.verify_file.not_served', { url }));
  }
}

async function checkCertificate(
  cloud: Cloud,
  { domain, certificateId: certificate }: DomainSettings,
  nowMs: number,
  report: Report,
): Promise<void> {
  let answer: Record<string, unknown>;
  try {
    answer = await cloud.other('ssl', 'DescribeCertificate', { CertificateId: certificate });
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (/UnauthorizedOperation|AccessDenied/.test(error.cloudCode)) {
      report(outside('domain.certificate.not_allowed'));
    } else if (/NotFound|InvalidParameter/.test(error.cloudCode)) {
      report(outside('domain.certificate.missing', { certificate }));
    } else throw error;
    return;
  }
  const { CertEndTime: end, Domain, SubjectAltName } = Certificate.parse(answer);
  if (!end) {
    report(outside('domain.certificate.not_issued', { certificate }));
    return;
  }
  const names = [Domain ?? '', ...(SubjectAltName ?? [])].filter(Boolean);
  const endMs = Date.parse(`${end.replace(' ', 'T')}+08:00`);
  const days = Math.floor((endMs - nowMs) / dayMs);
  const values = { certificate, domain, days, end, names: names.join(', ') };
  if (!names.some((name) => covers(name, domain))) {
    report(outside('domain.certificate.of_another_name', values));
  } else if (Number.isNaN(endMs)) {
    report(outside('domain.certificate.not_dated', values));
  } else if (endMs < nowMs) report(outside('domain.certificate.expired', values));
  else if (days < certificateDaysMin) {
    report(outside('domain.certificate.ends_soon', values));
  } else report(outside('domain.certificate.ok', values));
}

/** `*.example.com` covers one label. */
function covers(name: string, domain: string): boolean {
  if (!name.startsWith('*.')) return name === domain;
  return name.slice(2) === domain.slice(domain.indexOf('.') + 1);
}
