// A separate process with everything around the candidate except Redis: WeCom, the relay to Redis, the clients.
import { startDelayingRelay } from './delaying-relay.ts';
import { load, type Load } from './load.ts';
import { createWaits } from './waits.ts';
import { startFastWecom } from './wecom.ts';

/** Starts one measurement. The latencies apply only to it. */
export interface Order {
  port: number;
  concurrent: number;
  count?: number;
  ms?: number;
  wecomMs?: number;
  redisMs?: number;
}

export interface Outcome extends Load {
  redisRoundTrips: number;
  /** CPU time of this process. If it is close to `ms`, this process was the limit, not the candidate. */
  cpuMs: number;
}

export interface Ports {
  wecom: number;
  redisRelay: number;
  /** WeCom over TLS at 20 ms, and Redis at 2 ms, from the first connection on. */
  farWecom: number;
  farRedis: number;
}

const [redisPort = '', corpid = ''] = process.argv.slice(2);
let wecomMs = 0;
let redisMs = 0;
const waits = createWaits();
const relay = await startDelayingRelay(Number(redisPort), () => redisMs, waits);
const wecom = await startFastWecom(corpid, () => wecomMs, waits);
const tlsWecom = await startFastWecom(corpid, () => 0, waits, 'tls');
const farWecom = await startDelayingRelay(tlsWecom, () => 20, waits);
const farRedis = await startDelayingRelay(Number(redisPort), () => 2, waits);

async function carryOut(order: Order): Promise<Outcome> {
  ({ wecomMs = 0, redisMs = 0 } = order);
  const roundTripsBefore = relay.roundTrips();
  const cpuBefore = process.cpuUsage();
  const done = await load(order.port, order.concurrent, order, waits.totalMs);
  const cpu = process.cpuUsage(cpuBefore);
  const redisRoundTrips = relay.roundTrips() - roundTripsBefore;
  return { ...done, redisRoundTrips, cpuMs: (cpu.user + cpu.system) / 1000 };
}

process.on('message', (order: Order) => {
  carryOut(order)
    .catch((error: unknown) => ({ error: String(error) }))
    .then((outcome) => process.send?.(outcome))
    .catch(() => process.exit(1));
});
process.on('disconnect', () => process.exit());
const ports: Ports = {
  wecom,
  redisRelay: relay.port,
  farWecom: farWecom.port,
  farRedis: farRedis.port,
};
process.send?.(ports);
