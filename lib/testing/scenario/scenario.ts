import type { ActorClass } from '../../kernel/declaring/index.js';
import type { ExpectedError } from '../comparing/index.js';
import { checkedSpan, millisecondsOf, type Time } from '../world/index.js';
import { returnsStep, stateStep, thenStep, throwsStep } from './check-steps.js';
import { passTime } from './passing-time.js';
import type { GivenEvent, Plan, Step } from './plan.js';
import { play } from './play.js';
import { whenStep } from './when-step.js';

/**
 * A plan to which steps can be added, and which is played by awaiting it. Each added step makes another scenario, so
 * several scenarios may share a beginning; each is played in a world of its own. Its types are those of `GivenStage`
 * and `WhenStage`.
 */
export class Scenario implements Promise<void> {
  readonly #plan: Plan;
  #goesOn = false;
  #played: Promise<void> | undefined;

  constructor(plan: Plan) {
    this.#plan = plan;
    // A chain that is never awaited is played as well. Its failure is an unhandled rejection, which runners notice.
    const last = plan.steps.at(-1)?.kind;
    if (last === 'check' || last === 'throws') {
      void Promise.resolve().then(() => {
        if (!this.#goesOn) void this.#play();
      });
    }
  }

  With(token: unknown, part: unknown): Scenario {
    return this.#change({ parts: new Map([...this.#plan.parts, [token, part]]) });
  }

  WithIds(...ids: string[]): Scenario {
    return this.#change({ ids });
  }

  As(id: string): Scenario {
    return this.#setting(`As ${id}`, this.As, ({ world }) => {
      world.id = id;
    });
  }

  At(time: Time): Scenario {
    const ms = millisecondsOf(time);
    return this.#setting(`At ${new Date(ms).toISOString()}`, this.At, ({ world }) => world.clock.set(ms));
  }

  After(ms: number): Scenario {
    checkedSpan(ms);
    const text = `After ${ms} ms`;
    return this.#setting(text, this.After, ({ world }) => passTime(world, ms, text));
  }

  When(actorClass: ActorClass, command: string, ...args: unknown[]): never {
    return this.#add(whenStep(actorClass, command, args), this.When);
  }

  Then(expected: readonly GivenEvent[]): never {
    return this.#add(thenStep(expected), this.Then);
  }

  AndState(...args: [expected: object] | [actorClass: ActorClass, expected: object]): never {
    const [actorClass, expected] = args.length === 1 ? [undefined, args[0]] : args;
    return this.#add(stateStep(actorClass, expected), this.AndState);
  }

  ThenThrows(expected?: ExpectedError): never {
    return this.#add(throwsStep(expected), this.ThenThrows);
  }

  AndReturns(expected: unknown): never {
    return this.#add(returnsStep(expected), this.AndReturns);
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting the chain is what plays it.
  get then(): Promise<void>['then'] {
    return (onPassed, onFailed) => this.#play().then(onPassed, onFailed);
  }

  get catch(): Promise<void>['catch'] {
    return (onFailed) => this.#play().catch(onFailed);
  }

  get finally(): Promise<void>['finally'] {
    return (onEnd) => this.#play().finally(onEnd);
  }

  get [Symbol.toStringTag](): string {
    return 'Scenario';
  }

  #play(): Promise<void> {
    this.#played ??= play(this.#plan);
    return this.#played;
  }

  #setting(text: string, method: (...args: never[]) => unknown, set: Step['play']): Scenario {
    return this.#add({ kind: 'setting', text, play: set }, method);
  }

  /** @param method the method that the test called, where its stack trace is to begin. */
  #add(step: Omit<Step, 'writtenAt'>, method: (...args: never[]) => unknown): never {
    const writtenAt: { stack?: string } = {};
    Error.captureStackTrace(writtenAt, method);
    return this.#change({ steps: [...this.#plan.steps, { ...step, writtenAt }] }) as never;
  }

  #change(change: Partial<Plan>): Scenario {
    this.#goesOn = true;
    return new Scenario({ ...this.#plan, ...change });
  }
}
