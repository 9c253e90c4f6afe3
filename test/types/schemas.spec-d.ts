/** What the compiler says about schemas and upcasts: with zod, valibot and arktype, which all are Standard Schemas. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import { expectTypeOf } from 'expect-type';
import {
  Actor,
  Command,
  EventHandler,
  LiveActor,
  type SchemaOutput,
  type StandardSchema,
  Upcast,
} from 'omniscient-nest';
import * as v from 'valibot';
import { z } from 'zod';

const zodItem = z.object({ name: z.string(), price: z.number().default(0) });
const valibotItem = v.object({ name: v.string(), price: v.optional(v.number(), 0) });
const arktypeItem = type({ name: 'string', price: 'number = 0' });

interface Item {
  name: string;
  price: number;
}

const schemas: StandardSchema[] = [zodItem, valibotItem, arktypeItem];
export const theirs: readonly StandardSchemaV1[] = schemas;
export declare const any: StandardSchemaV1<{ n?: number }, { n: number }>;
export const ours: StandardSchema<{ n?: number }, { n: number }> = any;
expectTypeOf<SchemaOutput<typeof zodItem>>().toEqualTypeOf<Item>();
expectTypeOf<SchemaOutput<typeof valibotItem>>().toEqualTypeOf<Item>();
expectTypeOf<SchemaOutput<typeof arktypeItem>>().toEqualTypeOf<Item>();
expectTypeOf<SchemaOutput<typeof any>>().toEqualTypeOf<{ n: number }>();

interface ShopEvents {
  put_in: Item;
  taken_out: Item;
  paid: { cents: number };
  closed: object;
}

const v1 = z.strictObject({ title: z.string() });
const v2 = v.strictObject({ title: v.string(), cents: v.number() });
const v3 = type({ '+': 'reject', name: 'string', cents: 'number' });
type V2 = v.InferOutput<typeof v2>;
type V3 = typeof v3.infer;

@Actor({ schemas: { put_in: zodItem, taken_out: valibotItem, paid: type({ cents: 'number' }) }, ignores: ['other'] })
export class Shop extends LiveActor<{ items: Item[] }, ShopEvents> {
  initialState() {
    return { items: [] };
  }

  @Upcast('put_in', v1)
  static fromV1({ title }: z.infer<typeof v1>): V2 {
    return { title, cents: 0 };
  }

  @Upcast('put_in', v2)
  static fromV2({ title, cents }: V2) {
    return { name: title, cents };
  }

  @Upcast('put_in', v3)
  static fromV3({ name, cents }: V3): Item {
    return { name, price: cents / 100 };
  }

  @Upcast('added', { to: 'put_in' })
  static renamed(data: Item): Item {
    return data;
  }

  @Upcast('added', { to: 'put_in', from: v1 })
  protected renamedOld({ title }: { title: string }, { metadata }: { metadata: { at: string } }): Item {
    return { name: title + metadata.at, price: 0 };
  }

  // @ts-expect-error there is no such event
  @Upcast('put_inn', v1) static misspelt(data: { title: string }): unknown {
    return data;
  }

  // @ts-expect-error there is no such event
  @Upcast('added', { to: 'put_inn' }) static alsoMisspelt(data: Item): Item {
    return data;
  }

  // @ts-expect-error the schema gives something else
  @Upcast('put_in', v1) static other(data: { title: number }): Item {
    return { name: String(data.title), price: 0 };
  }

  // @ts-expect-error neither today's payload nor what another upcast takes
  @Upcast('put_in', v1) static astray({ title }: { title: string }): { named: string } {
    return { named: title };
  }

  // @ts-expect-error an upcast that can't wait
  @Upcast('put_in', v1) static async later({ title }: { title: string }): Promise<Item> {
    return { name: title, price: 0 };
  }

  @Command({ args: [z.string(), v.number(), type('boolean')] })
  all(text: string, n: number, yes: boolean): string {
    return text + n + yes;
  }

  @Command({ args: [undefined, z.coerce.number()], onConflict: 'rerun' })
  second(anything: object, n: number, rest = ''): string {
    return String(anything) + n + rest;
  }

  // @ts-expect-error the schema of the second gives a text
  @Command({ args: [z.string(), z.string()] }) wrong(text: string, n: number): string {
    return text + n;
  }

  // @ts-expect-error no schema
  @Command({ args: [String] }) noSchema(text: string): string {
    return text;
  }

  @EventHandler() put_in(item: Item): void {
    this.state.items.push(item);
  }
}

// @ts-expect-error a schema of an event that does not exist
@Actor({ schemas: { put_inn: zodItem } })
export class Misspelt extends LiveActor<object, ShopEvents> {
  initialState() {
    return {};
  }
}

// @ts-expect-error a schema that gives another payload
@Actor({ schemas: { paid: zodItem } })
export class Mistaken extends LiveActor<object, ShopEvents> {
  initialState() {
    return {};
  }
}
