/**
 * Calls `tell` with the seconds left, at once and then every second until 0. Returns a function that stops it. Reads the
 * clock, so time in the background counts too.
 */
export function countDown(seconds: number, tell: (secondsLeft: number) => void): () => void {
  const endsAtMs = Date.now() + seconds * 1000;
  const left = () => Math.max(0, Math.ceil((endsAtMs - Date.now()) / 1000));
  const timer = setInterval(() => {
    tell(left());
    if (left() === 0) clearInterval(timer);
  }, 1000);
  tell(left());
  return () => clearInterval(timer);
}
