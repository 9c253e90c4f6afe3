import { ValidateIf } from 'class-validator';

/** For a field that has a default. `IsOptional` would let `null` pass, which no default replaces. */
export const MayBeLeftOut = (): PropertyDecorator => ValidateIf((_body, value: unknown) => value !== undefined);
