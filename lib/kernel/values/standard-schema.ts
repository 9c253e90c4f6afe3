import type { SchemaIssue } from './errors.js';
import { formatKey } from './plain-data.js';
import { disown, isThenable } from './thenable.js';

/**
 * The Standard Schema interface, version 1 (https://standardschema.dev), which zod, valibot, arktype and others
 * implement. It is written out here so that none of them need be installed.
 *
 * @typeParam Input what the schema accepts.
 * @typeParam Output what the schema returns: the same with defaults filled in, or something else altogether.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** The result of a validation: a value, or what was wrong. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** A problem that a schema found, and the keys that lead to it. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The type that a schema returns. */
export type SchemaOutput<Schema> = Schema extends {
  readonly '~standard': { readonly types?: { readonly output: infer Output } | undefined };
}
  ? Output
  : never;

/** What a schema returned for a value. */
export type Validated = { readonly value: unknown } | { readonly issues: readonly SchemaIssue[] };

/** How many issues of one value are kept. */
const ISSUES_MAX = 100;

/**
 * Validates a value with a schema.
 *
 * @returns `undefined` if the schema returns a promise, because nothing here can wait for that.
 */
export function validate(schema: StandardSchema, value: unknown): Validated | undefined {
  const result = schema['~standard'].validate(value);
  if (isThenable(result)) {
    disown(result);
    return undefined;
  }
  if (result.issues === undefined) return { value: result.value };
  // It is copied first, because some libraries have array classes whose map() and slice() return something else.
  const issues = [...result.issues].slice(0, ISSUES_MAX);
  return { issues: issues.map(({ path = [], message }) => ({ path: pathOf([...path]), message })) };
}

export function isStandardSchema(value: unknown): value is StandardSchema {
  // Some libraries' schemas are functions.
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const standard = (value as Partial<StandardSchema>)['~standard'];
  return standard?.version === 1 && typeof standard.validate === 'function';
}

/** The Standard JSON Schema interface, which newer libraries offer as well. */
interface WithJsonSchema {
  readonly '~standard': { readonly jsonSchema?: { input(options: { target: string }): object } };
}

/**
 * A text that changes whenever the schema changes, as far as its library reveals that (functions inside it may be
 * hidden). It is for fingerprints, not for reading.
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
    // Some schemas cannot be expressed as JSON Schema.
    return '';
  }
}

function pathOf(path: NonNullable<StandardIssue['path']>): string {
  const keys = path.map((segment) => (typeof segment === 'object' ? segment.key : segment));
  const text = keys.map((key) => formatKey(typeof key === 'number' ? key : String(key))).join('');
  return text.startsWith('.') ? text.slice(1) : text;
}
