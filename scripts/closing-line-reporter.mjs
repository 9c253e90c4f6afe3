import { writeSync } from 'node:fs';

/**
 * A Jest reporter that ends a run in plain text: what was skipped, loudly, and one closing line that scripts can read.
 * A test that is skipped because the machine lacks something says so in its own title.
 */
export default class ClosingLineReporter {
  onRunComplete(_contexts, results) {
    const text = closingTextOf(results);
    // Jest's own summary comes after the reporters; this is to be the last line.
    process.once('exit', () => writeSync(process.stdout.fd, text));
  }
}

function closingTextOf({ testResults, numPassedTests, numFailedTests, numRuntimeErrorTestSuites }) {
  const skipped = testResults.flatMap((file) =>
    file.testResults.filter(isSkipped).map((test) => `  ${test.fullName}\n`),
  );
  const loud = skipped.length > 0 ? `\nNOT TESTED, ${skipped.length} skipped:\n${skipped.join('')}` : '';

  // A file that could not even be loaded has no tests to count; it counts as one failure.
  const counts = [`${numPassedTests} passed`, `${numFailedTests + numRuntimeErrorTestSuites} failed`];
  if (skipped.length > 0) counts.push(`${skipped.length} skipped`);
  return `${loud}\nTests: ${counts.join(', ')}\n`;
}

function isSkipped({ status }) {
  return status === 'pending' || status === 'todo' || status === 'disabled';
}
