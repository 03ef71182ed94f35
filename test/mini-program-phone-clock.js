// Runs in a phone before the mini-program. Time passes by itself; `phoneClock.pass` lets more pass at once, but only
// while the phone waits for no answer: an answer comes in real time.
(() => {
  const RealDate = Date;
  const later = window.setTimeout.bind(window);
  const never = window.clearTimeout.bind(window);
  const timers = new Map();
  let aheadMs = 0;
  let made = 0;
  let underWay = 0;
  const now = () => RealDate.now() + aheadMs;

  window.Date = class extends RealDate {
    constructor(...given) {
      super(...(given.length === 0 ? [now()] : given));
    }
    static now = now;
  };

  function add(run, ms = 0, everyMs, timer = (made += 1)) {
    const ring = () => {
      never(real);
      timers.delete(timer);
      if (everyMs !== undefined) add(run, everyMs, everyMs, timer);
      run();
    };
    const real = later(ring, ms);
    timers.set(timer, { atMs: now() + ms, ring, real });
    return timer;
  }
  function remove(timer) {
    never(timers.get(timer)?.real);
    timers.delete(timer);
  }
  window.setTimeout = (run, ms, ...args) => add(() => run(...args), ms);
  window.setInterval = (run, ms, ...args) => add(() => run(...args), ms, ms);
  window.clearTimeout = remove;
  window.clearInterval = remove;

  const { send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.send = function (body) {
    underWay += 1;
    this.addEventListener('loadend', () => (underWay -= 1));
    send.call(this, body);
  };

  window.phoneClock = {
    waitsForAnswer: () => underWay > 0,
    pass(ms) {
      const untilMs = now() + ms;
      for (;;) {
        const [next] = [...timers.values()].toSorted((one, other) => one.atMs - other.atMs);
        if (next === undefined || next.atMs > untilMs) break;
        aheadMs += Math.max(0, next.atMs - now());
        next.ring();
      }
      aheadMs += Math.max(0, untilMs - now());
    },
  };
})();
