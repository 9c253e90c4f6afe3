import { Actor, Command, EventHandler, LiveActor, OneActor } from 'omniscient-nest';
import type { CourseEnd, SimulatedRef, SimulationOptions } from 'omniscient-nest/testing';
import { hastyLimits } from './hasty-limits.js';

interface BasketState {
  items: string[];
  byName: Record<string, number>;
}

interface BasketEvents {
  put: { item: string; first?: true };
  taken_out: { item: string };
}

/** A basket on every node: each way to meet a conflict. */
@Actor()
export class Basket extends LiveActor<BasketState, BasketEvents> {
  initialState(): BasketState {
    return { items: [], byName: {} };
  }

  @Command() put(item: string) {
    this.fire('put', { item });
  }

  /** Consumes what it is given. */
  @Command({ onConflict: 'rerun' }) putAll(items: string[]) {
    for (let item = items.shift(); item !== undefined; item = items.shift()) this.fire('put', { item });
  }

  @Command({ onConflict: 'rerun' }) takeOut(): string {
    const [item] = this.state.items;
    if (item === undefined) throw new Error('the basket is empty');
    this.fire('taken_out', { item });
    return item;
  }

  @Command({ onConflict: 'reject' }) putFirst(item: string): boolean {
    if (this.state.items.length > 0) return false;
    this.fire('put', { item, first: true });
    return true;
  }

  @Command() putAndThink(item: string) {
    this.fire('put', { item });
    throw new Error(`${item} had better not be here`);
  }

  @Command() async putInParts(items: string[]) {
    for (const item of items) {
      this.fire('put', { item });
      await this.commit();
    }
  }

  @EventHandler('put') onPut({ item }: BasketEvents['put']) {
    this.state.items.push(item);
    this.state.byName[String(item.length)] = (this.state.byName[String(item.length)] ?? 0) + 1;
  }

  @EventHandler('taken_out') onTakenOut({ item }: BasketEvents['taken_out']) {
    const at = this.state.items.indexOf(item);
    if (at !== -1) this.state.items.splice(at, 1);
    delete this.state.byName[String(item.length)];
  }
}

/** The same stream with other eyes. */
@Actor({ ignores: ['taken_out'] })
export class BasketSize extends LiveActor<{ puts: number }, BasketEvents> {
  initialState() {
    return { puts: 0 };
  }

  @Command({ onConflict: 'rerun' }) putIfFew(item: string) {
    if (this.state.puts > 40) throw new Error('there were too many');
    this.fire('put', { item });
  }

  @EventHandler('put') onPut() {
    this.state.puts += 1;
  }
}

/** Decides alone, checks no version, and shares its stream with whoever writes there from other nodes. */
@Actor()
export class Diary extends Actor<{ pages: string[] }, { written: { mark: string } }> {
  initialState() {
    return { pages: [] as string[] };
  }

  @Command() write(mark: string) {
    this.fire('written', { mark });
  }

  @EventHandler() written({ mark }: { mark: string }) {
    this.state.pages.push(mark);
  }
}

interface AccountEvents {
  paid_in: { cents: number; mark: string };
  paid_out: { cents: number; mark: string };
}

/** Money: led by one node. */
@Actor()
export class Account extends OneActor<{ cents: number; marks: string[] }, AccountEvents> {
  initialState() {
    return { cents: 0, marks: [] as string[] };
  }

  @Command() payIn(cents: number, mark: string): number {
    this.fire('paid_in', { cents, mark });
    return this.state.cents;
  }

  @Command({ onConflict: 'rerun' }) payOut(cents: number, mark: string): number {
    if (this.state.cents < cents) throw new Error('not enough money');
    this.fire('paid_out', { cents, mark });
    return this.state.cents;
  }

  @EventHandler() paid_in({ cents, mark }: AccountEvents['paid_in']) {
    this.state.cents += cents;
    this.state.marks.push(mark);
  }

  @EventHandler() paid_out({ cents, mark }: AccountEvents['paid_out']) {
    this.state.cents -= cents;
    this.state.marks.push(mark);
  }
}

/** What is put or paid is marked with the command, so that it is found again. */
export const ACCOUNTS: SimulationOptions = {
  actors: [Basket, BasketSize, Account, Diary],
  limits: hastyLimits,
  workload: async ({ actor, random, client, operation }) => {
    const mark = `${client}.${operation}`;
    const id = `b${random.int(3)}`;
    const account = `a${random.int(2)}`;
    switch (random.int(11)) {
      case 0:
        return actor(Basket, id).put(mark);
      case 1:
        return actor(Basket, id).putAll([`${mark}a`, `${mark}bb`]);
      case 2:
        return actor(Basket, id).takeOut();
      case 3:
        return actor(Basket, id).putFirst(mark);
      case 4:
        return actor(Basket, id).putInParts([`${mark}a`, `${mark}b`]);
      case 5:
        return actor(BasketSize, id).putIfFew(mark);
      case 6:
        return actor(Account, account).payOut(50, mark);
      case 9:
        return actor(Basket, id).putAndThink(mark);
      case 8:
        return actor(Diary, `d${random.int(2)}`).write(mark);
      case 7:
        return payOnce(actor(Account, account), mark, random.chance(0.3));
      default:
        return actor(Account, account).payIn(100, mark);
    }
  },
  invariants: [
    { name: 'every mark is there once', check: marksAreOnce },
    { name: 'what is put first finds the basket empty', check: firstFindsItEmpty },
    {
      name: 'no account is overdrawn',
      check: ({ ids, state }) => ids(Account).every((id) => state(Account, id).cents >= 0) || 'overdrawn',
    },
  ],
};

/** Gives it again, with the same key, if that fails; or twice at the same time. */
function payOnce(account: SimulatedRef<Account>, mark: string, isTwice: boolean): Promise<unknown> {
  const pay = () => account.once(mark).payIn(10, mark);
  return isTwice ? Promise.all([pay(), pay()]) : pay().catch(pay);
}

/** It rejects what others were first to put. */
function firstFindsItEmpty({ events }: CourseEnd): string | undefined {
  const counts = new Map<string, number>();
  for (const { name, data, streamId, version } of events) {
    const count = counts.get(streamId) ?? 0;
    if (name === 'put' && (data as BasketEvents['put']).first && count > 0)
      return `event ${version} of ${streamId} found ${count}`;
    if (name === 'put') counts.set(streamId, count + 1);
    if (name === 'taken_out') counts.set(streamId, Math.max(0, count - 1));
  }
  return undefined;
}

/** What was acknowledged is there once; what is in doubt at most once. */
function marksAreOnce({ events, commands }: CourseEnd): string | undefined {
  const counts = new Map<string, number>();
  for (const { name, data } of events) {
    const { mark, item } = data as { mark?: string; item?: string };
    if (name === 'taken_out') continue;
    const key = mark ?? item;
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const [mark, count] of counts) if (count > 1) return `${mark} is there ${count} times`;
  for (const { command, args, outcome, answer, key } of commands) {
    if (outcome !== 'acknowledged' || command === 'takeOut' || answer === false) continue;
    const marks = args.flat().filter((arg): arg is string => typeof arg === 'string');
    const missing = marks.find((mark) => !counts.has(mark));
    if (missing !== undefined) return `${command} (${key}) was acknowledged, and ${missing} is not there`;
  }
  return undefined;
}
