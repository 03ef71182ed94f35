/**
 * All ways in which a secret may stand in a text: as it is, in URLs, in JSON, in hex, and in base64 wherever it
 * begins within what was encoded. All in lower case, as the text has to be.
 */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const inBase64 = [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // What depends on the bytes around it is cut off.
    const own = text.slice(before === 0 ? 0 : before + 1, (before + bytes.length) % 3 === 0 ? undefined : -1);
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const escaped = JSON.stringify(secret).slice(1, -1);
  const forms = [secret, encodeURIComponent(secret), escaped, bytes.toString('hex'), ...inBase64];
  return [...new Set(forms.map((form) => form.toLowerCase()))];
}

/** Which of the secrets, by name and form, stand in a text; never the secrets themselves. */
export function foundIn(text: string, secrets: ReadonlyMap<string, string>): string[] {
  const lower = text.toLowerCase();
  return [...secrets].flatMap(([secret, name]) =>
    formsOf(secret).flatMap((form, i) => (lower.includes(form) ? [`${name}, form ${i}`] : [])),
  );
}
