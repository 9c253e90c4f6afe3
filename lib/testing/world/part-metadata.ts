/** Something that is to be injected. */
export interface Part {
  /** By what it is asked for: a class, or what `@Inject()` names. `undefined` if it is unknown. */
  readonly token: unknown;
  readonly optional: boolean;
  /** For messages: `constructor parameter 1`. */
  readonly place: string;
}

export interface PropertyPart extends Part {
  readonly property: string | symbol;
}

/** What a class wants injected, as recorded by the compiler and by Nest's `@Inject` and `@Optional`. */
export interface DeclaredParts {
  readonly parameters: readonly Part[];
  readonly properties: readonly PropertyPart[];
  /** The number of constructor parameters about which nothing is recorded. */
  readonly undescribed: number;
}

type Class = new (...args: never[]) => object;

export function declaredParts(declaring: Class): DeclaredParts {
  const types = metadata<readonly unknown[]>('design:paramtypes', declaring) ?? [];
  const injected = metadata<readonly { index: number; param: unknown }[]>('self:paramtypes', declaring) ?? [];
  const optional = metadata<readonly number[]>('optional:paramtypes', declaring) ?? [];
  const declared =
    metadata<readonly { key: string | symbol; type: unknown }[]>('self:properties_metadata', declaring) ?? [];
  const optionalKeys = metadata<readonly unknown[]>('optional:properties_metadata', declaring) ?? [];

  const tokens = new Map<number, unknown>(types.entries());
  for (const { index, param } of injected) tokens.set(index, param);
  const count = Math.max(declaring.length, ...[...tokens.keys()].map((index) => index + 1));
  return {
    parameters: Array.from({ length: count }, (_, index) => ({
      token: referenced(tokens.get(index)),
      optional: optional.includes(index),
      place: `constructor parameter ${index + 1}`,
    })),
    properties: declared.map(({ key, type }) => ({
      token: referenced(type),
      optional: optionalKeys.includes(key),
      place: `property '${String(key)}'`,
      property: key,
    })),
    undescribed: count - tokens.size,
  };
}

/** Reads metadata. `reflect-metadata` comes with Nest; without it, nothing was recorded. */
function metadata<T>(key: string, declaring: Class): T | undefined {
  const { getMetadata } = Reflect as { getMetadata?: (key: string, target: object) => T | undefined };
  return getMetadata?.(key, declaring);
}

/** Resolves Nest's `forwardRef(() => Token)`. */
function referenced(token: unknown): unknown {
  const { forwardRef } = (token ?? {}) as { forwardRef?: unknown };
  return typeof token === 'object' && typeof forwardRef === 'function' ? forwardRef() : token;
}
