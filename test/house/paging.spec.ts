import { describe, expect, it } from '@jest/globals';
import { filesBelow, readSource } from './source-files.js';

/** They follow what is stored, and wait for a turn of the event loop after each page: test/runtime/commit/live-feed.spec.ts. */
const FOLLOWERS = ['lib/runtime/commit/live-feed.ts'];

describe('The runtime', () => {
  it('reads page after page only where the event loop gets its turns in between: by streamPages and storePages', () => {
    const files = filesBelow('lib/runtime').filter((file) => file.endsWith('.ts'));
    const reading = files.filter((file) => /\bREAD_PAGE_EVENTS_MAX\b/.test(readSource(file)));
    expect(reading).toEqual(FOLLOWERS);
    expect(files.filter((file) => /\b(stream|store)Pages\(/.test(readSource(file))).length).toBeGreaterThan(5);
  });
});
