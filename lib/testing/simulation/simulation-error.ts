import type { CourseResult } from './course.js';

/** A simulation that failed (`SIMULATION_FAILED`): which seed, which rule, and what happened. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError';
  readonly code = 'SIMULATION_FAILED';
  readonly seed: number;
  /** The name of the broken rule. */
  readonly invariant: string;
  /** What happened, one line each, as far as it concerns the streams in question. */
  readonly course: readonly string[];

  constructor({ seed, broken, world, faults, operations }: CourseResult, runs: number) {
    const { invariant = 'nothing', message = '', streams = [], cause } = broken ?? {};
    const course = world.trace.tail(streams, LINES_MAX);
    const shortened = runs > 0 ? ` (shortened in ${runs} runs)` : '';
    super(
      [
        `seed ${seed}: '${invariant}' does not hold: ${message}`,
        `Run it again with simulate({ …, seed: ${seed} }), or with SEED=${seed} in the environment.`,
        `Faults: ${faults.join(', ') || 'none'}. Operations: ${operations.join(', ') || 'none'}${shortened}.`,
        '',
        ...course,
      ].join('\n'),
      cause === undefined ? undefined : { cause },
    );
    this.seed = seed;
    this.invariant = invariant;
    this.course = course;
  }
}

/** Most lines of the course that an error shows. */
const LINES_MAX = 80;
