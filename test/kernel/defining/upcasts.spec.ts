import { describe, expect, it } from '@jest/globals';
import { type } from 'arktype';
import { Actor, Command, EventHandler, LiveActor, RegistrationError, Upcast } from 'omniscient-nest';
import * as v from 'valibot';
import { z } from 'zod';
import { defineActor } from '../../../lib/kernel/defining/actor-definition.js';
import { type StandardSchema, textOfSchema } from '../../../lib/kernel/values/standard-schema.js';

abstract class Thing extends LiveActor<object, { new_name: object; other: object }> {
  initialState() {
    return {};
  }
}

const strict = z.strictObject({});
const anything = {} as never;

function classes(): [mistake: string, actorClass: new () => Thing, code: string, says: RegExp][] {
  @Actor()
  class Circle extends Thing {
    @Upcast('a', { to: 'b' as 'other' }) static one() {
      return anything;
    }
    @Upcast('b', { to: 'c' as 'other' }) static two() {
      return anything;
    }
    @Upcast('c', { to: 'a' as 'other' }) static three() {
      return anything;
    }
  }
  @Actor()
  class Mixed extends Thing {
    @Upcast('other', strict) static one() {
      return {};
    }
    @Upcast('other', strict) two() {
      return {};
    }
  }
  @Actor()
  class Handled extends Thing {
    @Upcast('other', { to: 'new_name' }) static one() {
      return {};
    }
    @EventHandler() other() {}
  }
  @Actor()
  class NoSchema extends Thing {
    @Upcast('other', undefined as unknown as StandardSchema) static one() {
      return {};
    }
  }
  @Actor()
  class OddSchema extends Thing {
    @Upcast('old', { to: 'other', from: { parse: () => {} } as unknown as StandardSchema }) static one() {
      return {};
    }
  }
  @Actor()
  class FrameworkEvent extends Thing {
    @Upcast('$leader', { to: 'other' }) static one() {
      return {};
    }
  }
  @Actor({ schemas: { other: z.object({}).parse as unknown as StandardSchema<unknown, object> } })
  class OddEventSchema extends Thing {}
  @Actor()
  class OddArgument extends Thing {
    @Command({ args: [undefined, {} as StandardSchema<unknown, string>] }) act(_a: string, _b: string): void {}
  }
  return [
    [
      'renaming in a circle',
      Circle,
      'INVALID_UPCAST',
      /Circle upcasts events in a circle of names: 'a' -> 'b' -> 'c' -> 'a'/,
    ],
    [
      'an order that nobody can see',
      Mixed,
      'INVALID_UPCAST',
      /Mixed upcasts 'other' in a static method and in another/,
    ],
    ['a handler that never runs', Handled, 'INVALID_UPCAST', /Handled handles 'other' and upcasts every such event/],
    ['an upcast without a schema', NoSchema, 'INVALID_SCHEMA', /NoSchema\.one: the schema that says which 'other'/],
    ['an upcast with something else', OddSchema, 'INVALID_SCHEMA', /OddSchema\.one/],
    ["an upcast of the framework's event", FrameworkEvent, 'INVALID_EVENT_NAME', /FrameworkEvent\.one/],
    ['an event with something else', OddEventSchema, 'INVALID_SCHEMA', /OddEventSchema: the schema of 'other'/],
    ['an argument with something else', OddArgument, 'INVALID_SCHEMA', /OddArgument\.act: the schema of an argument/],
  ];
}

describe('Registering a class', () => {
  it.each(classes())('refuses %s', (_, actorClass, code, says) => {
    const define = () => defineActor(actorClass);
    expect(define).toThrow(RegistrationError);
    expect(define).toThrow(expect.objectContaining({ code, message: expect.stringMatching(says) }));
  });

  it('gives handlers that are the methods themselves for events without upcasts', () => {
    @Actor()
    class Both extends Thing {
      @Upcast('other', strict) static one() {
        return {};
      }
      @EventHandler() other() {}
      @EventHandler() new_name() {}
    }
    const { handlers, meaning } = defineActor(Both);
    expect(handlers.get('new_name')).toBe(Both.prototype.new_name);
    expect(handlers.get('other')).not.toBe(Both.prototype.other);
    expect(meaning).toContain('other -> other: zod');
  });

  it('gives classes without upcasts the meaning they always had, so that their snapshots stay good', () => {
    @Actor({ schemas: { other: strict } })
    class Plain extends Thing {
      @EventHandler() other() {}
    }
    const { initialState, other } = Plain.prototype;
    expect(JSON.parse(defineActor(Plain).meaning)).toEqual([0, String(initialState), `other: ${String(other)}`]);
  });
});

describe('The text of a schema', () => {
  interface Tree {
    children: Tree[];
  }
  const tree: z.ZodType<Tree> = z.object({
    get children() {
      return z.array(tree);
    },
  });
  const made: [string, () => StandardSchema, () => StandardSchema][] = [
    ['zod', () => z.object({ a: z.string().regex(/a/) }), () => z.object({ a: z.string().regex(/b/) })],
    ['zod, strictness', () => z.object({ a: z.string() }), () => z.strictObject({ a: z.string() })],
    ['valibot', () => v.object({ a: v.string() }), () => v.object({ a: v.optional(v.string()) })],
    ['valibot, strictness', () => v.object({ a: v.string() }), () => v.strictObject({ a: v.string() })],
    ['valibot, a limit', () => v.pipe(v.string(), v.minLength(1)), () => v.pipe(v.string(), v.minLength(2))],
    ['arktype', () => type({ a: 'string' }), () => type({ a: 'number' })],
    ['arktype, strictness', () => type({ a: 'string' }), () => type({ '+': 'reject', a: 'string' })],
    ['one that contains itself', () => tree, () => z.object({ children: z.string() })],
  ];

  it.each(made)('is the same for the same schema, used or not, and another for another: %s', (_, one, other) => {
    const used = one();
    used['~standard'].validate({ a: 'a', children: [] });
    expect(textOfSchema(used)).toBe(textOfSchema(one()));
    expect(textOfSchema(other())).not.toBe(textOfSchema(one()));
  });
});
