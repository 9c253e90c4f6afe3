/**
 * A Jest reporter that ends a run in plain text: what was skipped, loudly, and one closing line that scripts can read.
 * A test that is skipped because the machine lacks something says so in its own title.
 */
export default class ClosingLineReporter {
  onRunComplete(_contexts, results) {
    const skipped = results.testResults.flatMap((file) =>
      file.testResults
        .filter((test) => test.status === 'pending' || test.status === 'todo' || test.status === 'disabled')
        .map((test) => `  ${test.fullName}`),
    );
    if (skipped.length > 0) print(`\nNOT TESTED: ${skipped.length} skipped\n${skipped.join('\n')}\n`);

    // A file that could not even be loaded has no tests to count; it counts as one failure.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const counts = [`${results.numPassedTests} passed`, `${failed} failed`];
    if (skipped.length > 0) counts.push(`${skipped.length} skipped`);
    print(`\nTests: ${counts.join(', ')}\n`);
  }
}

/** Written at once, so that it still comes last when the process is ended right after. */
function print(text) {
  process.stdout.write(text);
}
