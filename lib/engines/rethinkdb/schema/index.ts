export { Schema } from './schema.js';
