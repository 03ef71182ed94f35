/// <reference lib="dom" />
/* oxlint-disable typescript/no-unsafe-type-assertion -- events, elements and glass-easel are typed more loosely than they are */
// WXML's elements in the browser. `<button>` and `<input>` become the browser's own, so that keyboard and screen readers
// work; all others are plain elements with the styles of phone.css.
import * as glassEasel from 'glass-easel';

type Setter = (
  element: HTMLElement,
  value: string,
  /** The browser's element. */
  setAttribute: (name: string, value: string) => void,
) => void;

/** Attributes of WXML with another name in HTML. */
const everywhere: Record<string, Setter> = {
  // Not by setAttribute, which the page's Content-Security-Policy forbids.
  style: (element, value) => (element.style.cssText = value),
  'aria-role': (_, value, setAttribute) => setAttribute('role', value),
};

const perTag: Record<string, Record<string, Setter>> = {
  BUTTON: {
    type: (_, value, setAttribute) => setAttribute('data-type', value),
    'form-type': (element, value) => ((element as HTMLButtonElement).type = value as 'submit' | 'reset'),
    loading: (_, __, setAttribute) => setAttribute('aria-busy', 'true'),
  },
  INPUT: {
    value: (element, value) => {
      const input = element as HTMLInputElement;
      if (input.value !== value) input.value = value;
    },
    password: (element) => ((element as HTMLInputElement).type = 'password'),
    type: (_, value, setAttribute) => setAttribute('inputmode', value === 'text' ? 'text' : 'decimal'),
    maxlength: (_, value, setAttribute) => Number(value) >= 0 && setAttribute('maxlength', value),
    focus: (element) => requestAnimationFrame(() => element.focus()),
    'confirm-type': (_, value, setAttribute) => setAttribute('enterkeyhint', value),
  },
};

/** The value of an attribute after it was set to `false`. */
const removals: Record<string, (element: HTMLElement) => void> = {
  loading: (element) => element.removeAttribute('aria-busy'),
  password: (element) => ((element as HTMLInputElement).type = 'text'),
};

const ownValue = new Set(['input', 'focus', 'blur', 'confirm']);

/** Connects glass-easel to the document, with a mini-program's events. */
export function createElementBackend(): glassEasel.CurrentWindowBackendContext {
  const backend = new glassEasel.CurrentWindowBackendContext();
  const page = document;
  backend.document = {
    createElement: (tagName: string) => createElement(tagName),
    createTextNode: (text: string) => page.createTextNode(text),
    createDocumentFragment: () => page.createDocumentFragment(),
  } as unknown as typeof backend.document;

  const setListenerStats = backend.setListenerStats.bind(backend);
  backend.setListenerStats = (element, type, capture, level) => {
    if (type === 'tap') makeReachable(element as unknown as HTMLElement);
    else setListenerStats(element, type, capture, level);
  };
  backend.onEvent((target, type, detail: unknown, { originalEvent, ...options }) => {
    // A tap is the browser's click: touch, mouse and keyboard all cause one.
    if (type === 'tap' || type === 'canceltap') return;
    const { target: element } = originalEvent as Event;
    const isOwn = ownValue.has(type) && element instanceof HTMLInputElement;
    const own = isOwn ? { value: element.value, cursor: element.selectionStart ?? 0 } : undefined;
    if (type === 'submit') (originalEvent as Event).preventDefault();
    return dispatch(target, type, type === 'submit' ? formDetail(element) : (own ?? detail), {
      ...options,
      ...(own && { bubbles: false }),
    });
  });
  document.body.addEventListener('click', ({ target, clientX, clientY }) => {
    const element = nearest(target as HTMLElement);
    if (element) dispatch(element, 'tap', { x: clientX, y: clientY }, { bubbles: true, composed: true });
  });
  showTouch();
  return backend;
}

function createElement(tagName: string): HTMLElement {
  const element = document.createElement(tagName === 'image' ? 'img' : tagName);
  if (element instanceof HTMLButtonElement) element.type = 'button';
  if (element instanceof HTMLInputElement) {
    element.autocomplete = 'off';
    element.addEventListener('keydown', ({ key }) => {
      if (key === 'Enter') element.dispatchEvent(new CustomEvent('confirm'));
    });
  }
  if (tagName === 'form') element.setAttribute('novalidate', '');
  const setters = { ...everywhere, ...perTag[element.tagName] };
  const setAttribute = element.setAttribute.bind(element);
  const removeAttribute = element.removeAttribute.bind(element);
  element.setAttribute = (name, value) => {
    const setter = setters[name];
    if (setter) setter(element, value, setAttribute);
    else setAttribute(name, value);
  };
  element.removeAttribute = (name) => {
    removeAttribute(name);
    removals[name]?.(element);
  };
  return element;
}

/** Makes everything that can be tapped usable with the keyboard. */
function makeReachable(element: HTMLElement): void {
  if (['BUTTON', 'INPUT', 'LABEL', 'FORM', 'PAGE'].includes(element.tagName) || element.tabIndex >= 0) return;
  element.tabIndex = 0;
  if (!element.hasAttribute('role')) element.setAttribute('role', 'button');
  element.addEventListener('keydown', (event) => {
    if (event.target !== element || (event.key !== 'Enter' && event.key !== ' ')) return;
    event.preventDefault();
    element.click();
  });
}

function dispatch(
  target: glassEasel.Element,
  type: string,
  detail: unknown,
  options: glassEasel.EventOptions,
): glassEasel.EventBubbleStatus {
  const event = new glassEasel.Event(type, detail, options);
  glassEasel.Event.dispatchEvent(target, event);
  return event.getEventBubbleStatus();
}

/** Returns glass-easel's element of the innermost DOM element that has one. */
function nearest(element: HTMLElement | null): glassEasel.Element | undefined {
  const own: unknown = element && Reflect.get(element, '__wxElement');
  return own ? (own as glassEasel.Element) : element ? nearest(element.parentElement) : undefined;
}

/** Sets `hover-class` while a finger is on the element. */
function showTouch(): void {
  let touched: { element: Element; name: string } | undefined;
  const leave = () => {
    touched?.element.classList.remove(touched.name);
    touched = undefined;
  };
  document.addEventListener('pointerdown', ({ target }) => {
    leave();
    const element = (target as Element).closest('[hover-class]:not(:disabled)');
    const name = element?.getAttribute('hover-class');
    if (!element || !name || name === 'none') return;
    element.classList.add(name);
    touched = { element, name };
  });
  document.addEventListener('pointerup', leave);
  document.addEventListener('pointercancel', leave);
}

function formDetail(form: EventTarget | null): { value: Record<string, string> } {
  const inputs = form instanceof HTMLFormElement ? [...form.querySelectorAll('input')] : [];
  return {
    value: Object.fromEntries(inputs.map((input) => [input.getAttribute('name') ?? '', input.value])),
  };
}
