/** The tags of WXML that the demo's phone knows. Add others here and in elements.ts. */
export const tagNames: ReadonlySet<string> = new Set([
  'page-meta',
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
