export {
  actualOf,
  type Comparison,
  compare,
  compareExactly,
  compareGivenKeys,
  expectedOf,
  firstDifference,
} from './comparison.js';
export { errorText } from './error-text.js';
export type { AsymmetricMatcher, Expected, ExpectedError, ExpectedEvent, ExpectedState } from './expected.js';
export { KIND_NAMES, type KindMatcher } from './kinds.js';
export { lineDiff, sentenceOf, short } from './line-diff.js';
