/**
 * Returns all forms in which a text may contain a secret: plain, in URLs, in JSON, in hex, and in base64 at any offset of
 * the encoded text. All are in lower case, and so must be the text.
 */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const inBase64 = [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // Cut off the parts that depend on the bytes around it.
    const own = text.slice(before === 0 ? 0 : before + 1, (before + bytes.length) % 3 === 0 ? undefined : -1);
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const escaped = JSON.stringify(secret).slice(1, -1);
  const forms = [secret, encodeURIComponent(secret), escaped, bytes.toString('hex'), ...inBase64];
  return [...new Set(forms.map((form) => form.toLowerCase()))];
}

/** Returns which secrets a text contains, by name and form; never the secrets themselves. */
export function foundIn(text: string, secrets: ReadonlyMap<string, string>): string[] {
  const lower = text.toLowerCase();
  return [...secrets].flatMap(([secret, name]) =>
    formsOf(secret).flatMap((form, i) => (lower.includes(form) ? [`${name}, form ${i}`] : [])),
  );
}
