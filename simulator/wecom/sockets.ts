// The connections of the simulator, and the two ways in which idle ones die.
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Watches the server's connections, so that idle ones can be killed in the two ways seen in reality. */
export function createSockets(server: Server) {
  const activity = new Map<Socket, { active: number; dead: boolean }>();

  server.on('connection', (socket: Socket) => {
    activity.set(socket, { active: 0, dead: false });
    socket.on('close', () => activity.delete(socket));
  });

  return {
    /** Marks the connection of `res` busy until its answer ends. */
    use(res: ServerResponse): void {
      const state = res.socket ? activity.get(res.socket) : undefined;
      if (!state) return;
      state.active += 1;
      res.on('close', () => {
        state.active -= 1;
      });
    },

    /** Resets the connection of `res` if `killIdle` marked it to die at its next use. */
    resetIfDead(res: ServerResponse): boolean {
      if (!res.socket || !activity.get(res.socket)?.dead) return false;
      res.socket.resetAndDestroy();
      return true;
    },

    /** Kills the idle keep-alive connections and returns how many; see `closeIdleSockets` of the simulator. */
    killIdle(how: 'fin' | 'rst'): number {
      const idle = [...activity].filter(([, { active, dead }]) => active === 0 && !dead);
      for (const [socket, state] of idle) {
        state.dead = true;
        if (how === 'fin') socket.destroy();
      }
      return idle.length;
    },

    open: (): number => activity.size,
  };
}

/** What {@link createSockets} returns. */
export type Sockets = ReturnType<typeof createSockets>;
