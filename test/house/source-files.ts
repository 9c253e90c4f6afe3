import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The repository's root. */
export const ROOT = resolve(import.meta.dirname, '../..');

/** Paths, from the root, of all files below these folders or files; those that do not exist are left out. */
export function filesBelow(...paths: string[]): string[] {
  return paths.flatMap((path) => {
    const absolute = join(ROOT, path);
    if (!existsSync(absolute)) return [];
    if (!statSync(absolute).isDirectory()) return [path];
    return filesBelow(...readdirSync(absolute).map((name) => `${path}/${name}`));
  });
}

export function readSource(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}
