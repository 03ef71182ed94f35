/// <reference lib="dom" />
/* oxlint-disable typescript/no-unsafe-type-assertion -- attributes are typed more loosely than they are */
// What the pages of `npm start` and `npm run dev` have in common for their reader: two languages, and whether the
// program behind the page still runs.
export const languages = ['en', 'zh'] as const;
export type Language = (typeof languages)[number];

/** The language that the address asks for, else that of the browser. */
export function languageOfReader(): Language {
  const asked = new URLSearchParams(location.search).get('lang');
  return languages.find((each) => each === asked) ?? (navigator.language.startsWith('zh') ? 'zh' : 'en');
}

/** Calls `use` when a language is chosen on the page. */
export function onLanguage(use: (language: Language) => void): void {
  for (const button of document.querySelectorAll<HTMLElement>('[data-language]')) {
    button.addEventListener('click', () => {
      const language = button.dataset['language'] as Language;
      history.replaceState(null, '', `?lang=${language}`);
      use(language);
    });
  }
}

/** Fills every element that names a text, and marks the language. */
export function fillTexts(language: Language, texts: Record<string, unknown>): void {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  for (const each of document.querySelectorAll<HTMLElement>('[data-text]')) {
    const text = texts[each.dataset['text'] ?? ''];
    if (typeof text === 'string') each.textContent = text;
  }
  for (const button of document.querySelectorAll<HTMLElement>('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset['language'] === language));
  }
}

/** `open` is unknown until the first connection. */
export function showConnection(
  open: boolean | undefined,
  { connected, disconnected }: { connected: string; disconnected: string },
): void {
  if (open === undefined) return;
  byId('connection').className = open ? 'live' : 'ended';
  byId('connection').textContent = open ? connected : disconnected;
}

export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no #${id}`);
  return found;
}
