// Tells which files changed. Watches folders, not files: editors save by replacing a file, and Node's recursive watch
// loses such a file on Linux.
import { type FSWatcher, watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** An editor writes several times when it saves. */
const settleMs = 30;
const notOurs = /(^|\/)(node_modules|\.git)(\/|$)|~$|\.sw.$|^\.#/;

/**
 * Calls `onChange` after each change in one of `folders` or of one of `files`, with the absolute paths of what changed and the time of the
 * first of these changes (`performance.now()`). Waits for it before it calls it again. Returns a function that stops this.
 */
export async function watchSources(
  { folders, files }: { folders: readonly string[]; files: readonly string[] },
  onChange: (changed: Set<string>, sinceMs: number) => Promise<void>,
): Promise<() => void> {
  const watchers = new Map<string, FSWatcher>();
  let changed = new Set<string>();
  let sinceMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function add(folder: string): Promise<void> {
    if (watchers.has(folder) || stopped) return;
    try {
      const watcher = watch(folder, (_, name) => notice(folder, name ?? ''));
      // A removed folder.
      watcher.on('error', () => remove(folder));
      watchers.set(folder, watcher);
      const entries = await readdir(folder, { withFileTypes: true });
      const inside = entries.filter((entry) => entry.isDirectory() && !notOurs.test(entry.name));
      await Promise.all(inside.map(({ name }) => add(join(folder, name))));
    } catch {
      remove(folder);
    }
  }

  function remove(folder: string): void {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  }

  function notice(folder: string, name: string): void {
    if (notOurs.test(name)) return;
    if (changed.size === 0) sinceMs = performance.now();
    changed.add(join(folder, name));
    // Fails silently unless it is a new folder.
    void add(join(folder, name));
    clearTimeout(timer);
    timer = setTimeout(() => void tell(), settleMs);
  }

  let telling = Promise.resolve();
  function tell(): Promise<void> {
    const [before, since] = [changed, sinceMs];
    changed = new Set();
    telling = telling.then(() => (stopped ? undefined : onChange(before, since)));
    return telling;
  }

  for (const file of files.map((each) => resolve(each))) {
    const watcher = watch(dirname(file), (_, name) => {
      if (name === basename(file)) notice(dirname(file), name);
    });
    watchers.set(file, watcher);
  }
  await Promise.all(folders.map((folder) => add(resolve(folder))));
  return () => {
    stopped = true;
    clearTimeout(timer);
    for (const watcher of watchers.values()) watcher.close();
  };
}
