import { type ActorClass, type ArgumentSchemas, actorOptionsOf } from '../declaring/index.js';
import {
  assertJson,
  asyncSchema,
  isStandardSchema,
  RegistrationError,
  SchemaError,
  type StandardSchema,
  validate,
} from '../values/index.js';

/**
 * The text to store for a payload: the schema's result, if the event has a schema.
 *
 * @throws SchemaError, PayloadError; RegistrationError for a schema that is not synchronous.
 */
export function payloadText({ name: actor, schemas, upcasts }: PayloadRules, event: string, data: unknown): string {
  const schema = schemas.get(event);
  const payload = schema ? fitting(schema, data, { actor, event }) : data;
  const text = assertJson(payload, `the payload of '${event}'`);
  upcasts.assertNotOld(event, text);
  return text;
}

/** What decides whether a payload may be stored. */
interface PayloadRules {
  /** Name of the actor class. */
  readonly name: string;
  readonly schemas: ReadonlyMap<string, StandardSchema>;
  readonly upcasts: { assertNotOld(event: string, text: string): void };
}

/**
 * The arguments for a command: the schema's result for each argument that has a schema.
 *
 * @throws SchemaError; RegistrationError for a schema that is not synchronous.
 */
export function checkedArguments(
  actor: string,
  { name: command, schemas }: { readonly name: string; readonly schemas?: ArgumentSchemas | undefined },
  args: readonly unknown[],
): readonly unknown[] {
  if (!schemas) return args;
  const checked = [...args];
  for (const [place, schema] of schemas.entries()) {
    if (schema) checked[place] = fitting(schema, args[place], { actor, command, place });
  }
  return checked;
}

/** Returns a schema's result for a value. @throws SchemaError that names the owner of the value. */
export function fitting(schema: StandardSchema, value: unknown, whose: ConstructorParameters<typeof SchemaError>[0]) {
  const result = validate(schema, value);
  if (!result) throw asyncSchema(whose);
  if ('issues' in result) throw new SchemaError(whose, result.issues);
  return result.value;
}

/** The schemas of a class's events: its own, and those of the actors that it extends. */
export function eventSchemasOf(actorClass: ActorClass, name: string): ReadonlyMap<string, StandardSchema> {
  const schemas = new Map<string, StandardSchema>();
  for (let c: object | null = actorClass; c; c = Object.getPrototypeOf(c)) {
    for (const [event, schema] of Object.entries(actorOptionsOf(c)?.schemas ?? {})) {
      assertSchema(schema, `${name}: the schema of '${event}'`);
      if (!schemas.has(event)) schemas.set(event, schema);
    }
  }
  return schemas;
}

/** @param whose as in "User: the schema of 'signed_up'". @throws RegistrationError `INVALID_SCHEMA`. */
export function assertSchema(schema: unknown, whose: string): void {
  if (isStandardSchema(schema)) return;
  throw new RegistrationError(
    'INVALID_SCHEMA',
    `${whose} is not a Standard Schema (https://standardschema.dev): use one of zod, valibot, arktype, or any other that has '~standard'`,
  );
}
