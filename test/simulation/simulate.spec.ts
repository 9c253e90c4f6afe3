import { describe, expect, it } from '@jest/globals';
import { Actor, Command, EventHandler, LiveActor } from 'omniscient-nest';
import {
  FAULT_NAMES,
  type FaultName,
  SimulationError,
  type SimulationOptions,
  simulate,
} from 'omniscient-nest/testing';

interface Taken {
  restocked: object;
  taken: object;
}

/** Sells what it has, and with it what it has not: the rule is not looked at again on a conflict. */
@Actor()
class CarelessStock extends LiveActor<{ left: number }, Taken> {
  initialState() {
    return { left: 3 };
  }

  @Command() take() {
    if (this.state.left === 0) throw new Error('sold out');
    this.fire('taken');
  }

  @EventHandler() taken() {
    this.state.left -= 1;
  }
}

@Actor()
class Stock extends CarelessStock {
  @Command({ onConflict: 'rerun' }) override take() {
    super.take();
  }
}

type StockClass = typeof CarelessStock;

function selling(actorClass: StockClass, options: Partial<SimulationOptions> = {}): SimulationOptions {
  return {
    actors: [actorClass],
    clients: 3,
    chaosMs: 600,
    settleMs: 3_000,
    workload: ({ actor, random }) => actor(actorClass, `s${random.int(4)}`).take(),
    invariants: [
      {
        name: 'nothing is sold twice',
        check: ({ ids, state }) => ids(actorClass).find((id) => state(actorClass, id).left < 0),
      },
    ],
    ...options,
  };
}

async function failureOf(options: SimulationOptions): Promise<SimulationError> {
  const failure = await simulate(options).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure instanceof SimulationError) return failure;
  throw new Error(`it did not fail as it should: ${String(failure)}`);
}

describe('simulate()', () => {
  it('gives figures of what happened', async () => {
    const figures = await simulate(selling(Stock, { seeds: 4 }));
    expect(figures.seeds).toBe(4);
    expect(figures.commands.acknowledged).toBeGreaterThan(8);
    expect(figures.commands.refused).toBeGreaterThan(0);
    expect(figures.events).toBeGreaterThanOrEqual(figures.commands.acknowledged);
    expect(figures.virtualMs).toBeGreaterThan(4 * 3_600);
  });

  it('finds a rule that does not hold, and says how to see it again, with a shorter course', async () => {
    const failure = await failureOf(selling(CarelessStock, { seeds: 20 }));
    expect(failure).toMatchObject({ code: 'SIMULATION_FAILED', invariant: 'nothing is sold twice' });
    expect(failure.message).toContain(`seed: ${failure.seed} `);
    expect(failure.message).toContain(`SEED=${failure.seed}`);
    const operations = /Operations: (.*?)(?: \(|\.\n)/.exec(failure.message)?.[1]?.split(', ') ?? [];
    expect(operations.length).toBeGreaterThanOrEqual(4);
    expect(operations.length).toBeLessThan(12);
    expect(failure.course.join('\n')).toContain('taken');
    const again = await failureOf(selling(CarelessStock, { seed: failure.seed }));
    expect(again.message).toBe(failure.message);
  });

  it('fails with what a rule throws, and with what the workload throws', async () => {
    const thrown = new Error('there is no such thing');
    const check = () => {
      throw thrown;
    };
    const rule = await failureOf(selling(Stock, { seed: 1, invariants: [{ name: 'a rule', check }], shrinks: false }));
    expect(rule).toMatchObject({ invariant: 'a rule', cause: thrown });
    const workload = await failureOf(selling(Stock, { seed: 1, workload: check, shrinks: false }));
    expect(workload).toMatchObject({ invariant: 'the workload', cause: thrown });
  });

  it('does only what it is allowed to, and knows every fault by name', async () => {
    const { faults } = await simulate(selling(Stock, { seeds: 6, faults: ['node-killed', 'wake-lost'] }));
    expect(Object.keys(faults).sort()).toEqual(['node-killed', 'wake-lost']);
    await expect(simulate(selling(Stock, { faults: ['flood' as FaultName] }))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    expect(FAULT_NAMES.length).toBeGreaterThan(20);
  });

  it('deploys other code under way', async () => {
    @Actor({ name: 'Stock' })
    class LargerStock extends Stock {
      @EventHandler('restocked') onRestocked() {
        this.state.left += 1;
      }
    }
    const figures = await simulate(
      selling(Stock, { seeds: 4, deploys: [LargerStock], faults: ['rolling-deployment'], invariants: [] }),
    );
    expect(figures.faults['rolling-deployment']).toBeGreaterThan(0);
  });
});
