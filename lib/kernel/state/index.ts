export { copyOfArguments, copyOfData } from './data-copy.js';
export { StateTree, unwrap } from './state-tree.js';
