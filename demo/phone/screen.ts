/// <reference lib="dom" />
// What the app draws around a mini-program: the title bar with the capsule, toasts, dialogs, and the button that opens
// the mini-program again after it went to the background.

/** The colours and the title of a page, from its JSON and the app's, with the values of theme variables. */
export interface WindowStyle {
  title: string;
  barBackground: string;
  barText: string;
  background: string;
}

/** What the user does outside the mini-program. */
export interface Gestures {
  back(): void;
  toBackground(): void;
  toForeground(): void;
}

/** What {@link createScreen} returns. */
export type Screen = ReturnType<typeof createScreen>;

const toastMs = 1500;

/** @param appName the name of the app that the mini-program runs in */
export function createScreen(appName: string, gestures: Gestures) {
  const back = button('back', '返回', '‹');
  const title = element('h1', 'title');
  const menu = button('menu', '更多', '•••');
  const close = button('close', '关闭', '◎');
  const bar = element('header', 'bar', [back, title, element('div', 'capsule', [menu, close])]);
  const pages = element('main', 'pages');
  const toast = element('div', 'toast');
  toast.setAttribute('role', 'status');
  const reopen = button('reopen', '打开小程序', '企');
  const away = element('div', 'away', [element('p', 'app-name', [appName]), reopen]);
  away.hidden = true;
  const warning = element('p', 'warning');
  warning.setAttribute('role', 'status');
  warning.hidden = true;
  const warned = new Set<string>();
  document.body.append(bar, pages, warning, toast, away);
  let toastTimer: number | undefined;

  back.addEventListener('click', gestures.back);
  menu.addEventListener('click', () => void dialog({ content: '没有可用的选项', confirmText: '知道了' }));
  close.addEventListener('click', () => {
    away.hidden = false;
    reopen.focus();
    gestures.toBackground();
  });
  reopen.addEventListener('click', () => {
    away.hidden = true;
    gestures.toForeground();
  });

  /** Resolves with whether the user agreed. */
  function dialog({
    title: heading = '',
    content = '',
    confirmText = '确定',
    cancelText = '',
  }): Promise<boolean> {
    const before = document.activeElement;
    const ok = button('confirm', '', confirmText);
    const no = button('cancel', '', cancelText);
    const box = element('div', 'dialog', [
      ...(heading ? [element('h2', '', [heading])] : []),
      element('p', '', [content]),
      element('div', 'answers', cancelText ? [no, ok] : [ok]),
    ]);
    box.setAttribute('role', 'alertdialog');
    box.setAttribute('aria-modal', 'true');
    box.setAttribute('aria-label', heading || content);
    const cover = element('div', 'cover', [box]);
    for (const part of [bar, pages]) part.inert = true;
    document.body.append(cover);
    ok.focus();
    return new Promise((resolve) => {
      const answer = (agreed: boolean) => () => {
        cover.remove();
        for (const part of [bar, pages]) part.inert = false;
        if (before instanceof HTMLElement) before.focus();
        resolve(agreed);
      };
      ok.addEventListener('click', answer(true));
      no.addEventListener('click', answer(false));
    });
  }

  function hideToast(): void {
    clearTimeout(toastTimer);
    toast.textContent = '';
    delete toast.dataset['mask'];
  }

  return {
    pages,
    dialog,
    hideToast,

    /** Says once that the demo lacks a function or a tag of WeChat. */
    warn(what: string): void {
      if (warned.has(what)) return;
      warned.add(what);
      warning.textContent = `演示不支持：${[...warned].join('、')}`;
      warning.hidden = false;
    },

    showTitle: (text: string) => (title.textContent = text),

    style({ title: text, barBackground, barText, background }: WindowStyle, canGoBack: boolean): void {
      title.textContent = text;
      back.hidden = !canGoBack;
      bar.style.background = barBackground;
      bar.style.color = barText;
      document.body.style.background = background;
    },

    /** @param ms `undefined`: until it is hidden, for a loading sign */
    showToast(text: string, ms: number | undefined = toastMs, mask = false): void {
      hideToast();
      toast.textContent = text;
      if (mask) toast.dataset['mask'] = '';
      if (ms !== Infinity) toastTimer = window.setTimeout(hideToast, ms);
    },
  };
}

function element(tag: string, className: string, children: (Node | string)[] = []): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = `wx-${className}`;
  made.append(...children);
  return made;
}

function button(className: string, label: string, text: string): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = `wx-${className}`;
  made.textContent = text;
  if (label) made.setAttribute('aria-label', label);
  return made;
}
