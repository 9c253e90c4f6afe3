/** Something that is to be injected. */
export interface Part {
  /** What it is asked for by: a class, or what `@Inject()` says. `undefined` if nothing says. */
  readonly token: unknown;
  readonly optional: boolean;
  /** For messages: `constructor parameter 1`. */
  readonly place: string;
}

export interface PropertyPart extends Part {
  readonly property: string | symbol;
}

/** What a class wants injected, as the compiler and Nest's `@Inject` and `@Optional` wrote it down. */
export interface DeclaredParts {
  readonly parameters: readonly Part[];
  readonly properties: readonly PropertyPart[];
  /** How many parameters the constructor has of which nothing was written down. */
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

/** `reflect-metadata` comes with Nest; without it, nothing was written down. */
function metadata<T>(key: string, declaring: Class): T | undefined {
  const { getMetadata } = Reflect as { getMetadata?: (key: string, target: object) => T | undefined };
  return getMetadata?.(key, declaring);
}

/** Nest's `forwardRef(() => Token)`. */
function referenced(token: unknown): unknown {
  const { forwardRef } = (token ?? {}) as { forwardRef?: unknown };
  return typeof token === 'object' && typeof forwardRef === 'function' ? forwardRef() : token;
}
