import * as errors from './errors.js';

/** Every class of errors that this library throws, so that none is forgotten where errors are sent and received. */
export const ERROR_CLASSES: readonly (typeof errors.OmniscientError)[] = Object.values(errors).filter(isErrorClass);

function isErrorClass(each: unknown): each is typeof errors.OmniscientError {
  return typeof each === 'function' && each.prototype instanceof Error;
}
