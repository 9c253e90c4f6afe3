import type { CourseResult, LeftOut } from './course.js';

/**
 * Finds a shorter course that breaks the same rule. It keeps the seed and leaves out faults and operations, first half
 * of them and then fewer, as long as the course still fails (delta debugging; Zeller and Hildebrandt, 2002).
 */
export async function shrink(
  failed: CourseResult,
  run: (leftOut: LeftOut) => Promise<CourseResult>,
): Promise<{ shortest: CourseResult; runs: number }> {
  let shortest = failed;
  let runs = 0;
  const leftOut = { faults: new Set<string>(), operations: new Set<string>() };
  const without = async (what: keyof LeftOut, names: readonly string[]): Promise<boolean> => {
    runs += 1;
    const result = await run({ ...leftOut, [what]: new Set([...leftOut[what], ...names]) });
    if (result.broken?.invariant !== failed.broken?.invariant) return false;
    for (const name of names) leftOut[what].add(name);
    shortest = result;
    return true;
  };
  for (const what of ['faults', 'operations', 'faults'] as const) {
    let left = [...failed[what]].filter((name) => !leftOut[what].has(name));
    // Each kind has runs of its own, so that one does not use up those of the next.
    const runsMax = runs + RUNS_MAX;
    // What came after the rule broke never happened.
    for (let size = left.length; size >= 1 && runs < runsMax; size = Math.floor(size / 2)) {
      for (let at = left.length - size; at > -size && runs < runsMax; at -= size) {
        const names = left.slice(Math.max(0, at), at + size);
        if (names.length > 0 && (await without(what, names))) left = left.filter((name) => !names.includes(name));
      }
    }
  }
  return { shortest, runs };
}

/** Most runs in which faults, or operations, are left out to find a shorter course. */
const RUNS_MAX = 120;
