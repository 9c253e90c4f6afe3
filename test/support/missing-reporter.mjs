import { writeSync } from 'node:fs';

/** A title that ends so belongs to tests that this machine cannot run: `describeWithRethinkDb` writes it. */
const MISSING = /\[no '([^']+)' on the PATH\]/;

/** A Jest reporter that sums up, at the end of a run, how many tests were left out for want of which program. */
export default class MissingReporter {
  onRunComplete(_contexts, results) {
    const text = missingTextOf(results);
    // Jest's own summary comes after the reporters, and would push this out of sight.
    if (text) process.once('exit', () => writeSync(process.stdout.fd, text));
  }
}

function missingTextOf({ testResults = [] }) {
  const groups = new Map();
  for (const { ancestorTitles = [], status } of testResults.flatMap((file) => file.testResults ?? [])) {
    if (status === 'passed' || status === 'failed') continue;
    const title = ancestorTitles.find((each) => MISSING.test(each));
    if (title === undefined) continue;
    const [, program] = MISSING.exec(title);
    const group = groups.get(program) ?? { count: 0, titles: new Set() };
    group.count += 1;
    group.titles.add(title.replace(MISSING, '').trim());
    groups.set(program, group);
  }
  return [...groups].map(([program, { count, titles }]) => lineOf(program, count, [...titles])).join('');
}

function lineOf(program, count, titles) {
  const tests = count === 1 ? '1 test was' : `${count} tests were`;
  return `\n!!! ${tests} not run because no \`${program}\` is on the PATH: ${titles.join('; ')}\n`;
}
