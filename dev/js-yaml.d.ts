// The part of js-yaml 3 that is used here; the package has no types of its own.
declare module 'js-yaml' {
  const yaml: {
    /** Throws with line and column. */
    safeLoad(text: string): unknown;
  };
  export default yaml;
}
