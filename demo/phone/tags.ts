/** The tags of WXML that the demo's phone has; a mini-program that needs another has to add it here and in elements.ts. */
export const tagNames: ReadonlySet<string> = new Set([
  'block',
  'template',
  'import',
  'include',
  'slot',
  'wxs',
  'view',
  'text',
  'scroll-view',
  'image',
  'button',
  'input',
  'form',
  'label',
]);
