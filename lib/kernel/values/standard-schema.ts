import type { SchemaIssue } from './errors.js';
import { formatKey } from './plain-data.js';
import { disown, isThenable } from './thenable.js';

/**
 * What a schema library must give: the Standard Schema interface, version 1 (https://standardschema.dev), which zod, valibot, arktype and others
 * have. It is written out here so that none of them need be installed.
 *
 * @typeParam Input what may be given to it.
 * @typeParam Output what it makes of that: the same, with defaults filled in, or something else altogether.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What validating gave: a value, or what was wrong with it. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** What a schema says is wrong, and the keys that lead there. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The type of what a schema gives. */
export type SchemaOutput<Schema> = Schema extends {
  readonly '~standard': { readonly types?: { readonly output: infer Output } | undefined };
}
  ? Output
  : never;

/** What a schema made of a value. */
export type Validated = { readonly value: unknown } | { readonly issues: readonly SchemaIssue[] };

/** Most issues of one value that are kept. */
const ISSUES_MAX = 100;

/**
 * Asks a schema.
 *
 * @returns `undefined` if it only answers later, with a promise: nothing here can wait for that.
 */
export function validate(schema: StandardSchema, value: unknown): Validated | undefined {
  const result = schema['~standard'].validate(value);
  if (isThenable(result)) {
    disown(result);
    return undefined;
  }
  if (result.issues === undefined) return { value: result.value };
  // Copied first: some libraries have classes of arrays of their own, whose map() and slice() give something else.
  const issues = [...result.issues].slice(0, ISSUES_MAX);
  return { issues: issues.map(({ path = [], message }) => ({ path: pathOf([...path]), message })) };
}

export function isStandardSchema(value: unknown): value is StandardSchema {
  // Some libraries' schemas are functions.
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const standard = (value as Partial<StandardSchema>)['~standard'];
  return standard?.version === 1 && typeof standard.validate === 'function';
}

/** What newer libraries have beside it, the Standard JSON Schema interface. */
interface WithJsonSchema {
  readonly '~standard': { readonly jsonSchema?: { input(options: { target: string }): object } };
}

/**
 * A text that is the same as long as the schema is, as far as its library shows what it holds (functions given to it may be hidden): for
 * fingerprints, not for reading.
 */
export function textOfSchema(schema: StandardSchema): string {
  const seen = new Set<unknown>();
  const text = JSON.stringify(schema, (_key, value: unknown) => {
    if (typeof value === 'function' || typeof value === 'bigint' || value instanceof RegExp) return String(value);
    if (typeof value !== 'object' || value === null) return value;
    // Schemas may contain themselves.
    if (seen.has(value)) return '(again)';
    seen.add(value);
    return value instanceof Map || value instanceof Set ? [...value] : value;
  });
  return `${schema['~standard'].vendor} ${text} ${jsonSchemaOf(schema)}`;
}

function jsonSchemaOf(schema: StandardSchema & WithJsonSchema): string {
  try {
    return JSON.stringify(schema['~standard'].jsonSchema?.input({ target: 'draft-2020-12' })) ?? '';
  } catch {
    // Not everything that a schema can say can be said in JSON Schema.
    return '';
  }
}

function pathOf(path: NonNullable<StandardIssue['path']>): string {
  const keys = path.map((segment) => (typeof segment === 'object' ? segment.key : segment));
  const text = keys.map((key) => formatKey(typeof key === 'number' ? key : String(key))).join('');
  return text.startsWith('.') ? text.slice(1) : text;
}
