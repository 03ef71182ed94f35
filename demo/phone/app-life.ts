// The mini-program's foreground and background, as `wx` reports them.

/** What {@link createAppLife} returns. */
export type AppLife = ReturnType<typeof createAppLife>;

/** WeChat stops the requests of a mini-program after this time in the background. */
const requestsStopAfterMs = 5000;

export function createAppLife() {
  const shows = new Set<() => void>();
  const hides = new Set<() => void>();
  const stops = new Set<() => void>();
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  return {
    onAppShow: (listener: () => void) => void shows.add(listener),
    onAppHide: (listener: () => void) => void hides.add(listener),
    offAppShow: (listener: () => void) => void shows.delete(listener),
    offAppHide: (listener: () => void) => void hides.delete(listener),

    /** Returns whether requests are refused now. */
    requestsStopped: () => stopped,
    /** Calls `listener` when running requests are stopped. Returns a function that stops this. */
    onRequestsStop(listener: () => void): () => void {
      stops.add(listener);
      return () => void stops.delete(listener);
    },

    hidden(): void {
      timer = setTimeout(() => {
        stopped = true;
        for (const listener of stops) listener();
      }, requestsStopAfterMs);
      for (const listener of hides) listener();
    },

    shown(): void {
      clearTimeout(timer);
      stopped = false;
      for (const listener of shows) listener();
    },
  };
}
