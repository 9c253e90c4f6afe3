/**
 * One-line sabotages of the library, each with the first course that finds it: what the simulator must never miss. `node scripts/mutations.mjs` applies each to a
 * copy of the library and runs that course; `--find NAME` looks for one anew.
 */
const mutation = (name, file, find, replace, workload, seed) => ({
  name,
  file: `lib/${file}`,
  find,
  replace,
  workload,
  seed,
});

export const MUTATIONS = [
  // Storing.
  mutation(
    'no version check',
    'runtime/commit-pipeline.ts',
    "this.isChecked || isChecked ? this.#state.version : 'any'",
    "'any'",
  ),
  mutation(
    'a version too low',
    'runtime/commit-pipeline.ts',
    "isChecked ? this.#state.version : 'any'",
    "isChecked ? Math.max(0, this.#state.version - 1) : 'any'",
  ),
  mutation(
    'answered before it is stored',
    'runtime/commit-pipeline.ts',
    '    this.appending = true;',
    '    this.appending = true;\n    for (const commit of this.#state.pending) settleStored(commit);',
  ),
  mutation(
    'an unknown outcome is a failure',
    'runtime/commit-pipeline.ts',
    'error instanceof EngineError && error.outcomeUnknown',
    'false',
  ),
  mutation('a lost answer is not looked for', 'engine/append-retry.ts', 'inDoubt ||= error.outcomeUnknown;', ''),
  mutation(
    'own events in a conflict are not recognised',
    'engine/append-retry.ts',
    "result.kind === 'conflict' ? firstOwn(request, result.events) : undefined",
    'undefined',
  ),
  mutation(
    'a doubt is forgotten with the last error',
    'engine/append-retry.ts',
    'if (!isPassing(error) || options.stopped()) throw inDoubt ? doubtful(error) : error;',
    'if (!isPassing(error) || options.stopped()) throw error;',
  ),
  // State.
  mutation(
    'a rebase undoes nothing',
    'kernel/optimistic-state.ts',
    '    this.#state.tree.undoTo(this.#firstMark());\n    for (const event of others)',
    '    for (const event of others)',
  ),
  mutation(
    'a rebase stands one version too low',
    'kernel/optimistic-state.ts',
    '    this.version = last.version;',
    '    this.version = last.version - 1;',
  ),
  mutation(
    'a failed command undoes nothing',
    'kernel/optimistic-state.ts',
    '    const open = this.#opened();\n    this.#state.tree.undoTo(open.mark);',
    '    const open = this.#opened();',
  ),
  mutation(
    'what is dropped stays in the state',
    'kernel/optimistic-state.ts',
    '    this.#state.tree.undoTo(this.#firstMark());\n    const dropped',
    '    const dropped',
  ),
  mutation(
    'a rebase does not tell what the framework remembers',
    'kernel/optimistic-state.ts',
    '    this.#onStored?.(others);',
    '',
  ),
  mutation(
    'reject does not reject',
    'kernel/optimistic-state.ts',
    "commit.onConflict === 'reject' && commit.events.length > 0",
    'false',
  ),
  mutation(
    'rerun is reapply',
    'kernel/optimistic-state.ts',
    "return onConflict === 'rerun' || (isStale?.() ?? false);",
    'return isStale?.() ?? false;',
  ),
  mutation(
    'a rerun gets consumed arguments',
    'runtime/turn.ts',
    'copiesArguments ? copyOfArguments(args) : args',
    'args',
  ),
  // Wake-ups.
  mutation(
    'a wake-up during a read is forgotten',
    'engine/wake-ups.ts',
    '  reachedEnd(): void {\n    this.#before = 0;',
    '  reachedEnd(): void {\n    this.#since = 0;\n    this.#before = 0;',
  ),
  mutation('an empty wake-up is ignored', 'engine/wake-ups.ts', '    if (hint.length === 0) this.hear();', ''),
  mutation(
    'what is announced during an append is not read',
    'runtime/live-feed.ts',
    '    this.#wakeUps.hearOf(events, versionOf);\n    if (!this.#ready()) return;',
    '    if (!this.#ready()) return;\n    this.#wakeUps.hearOf(events, versionOf);',
  ),
  mutation(
    'the stream is read before it is watched',
    'runtime/loader.ts',
    '    await activation.feed?.watch();\n',
    '    void activation.feed?.watch();\n',
  ),
  mutation(
    'a page is older than its end',
    'engine/shared-reader.ts',
    '    this.#answers.clear();\n    wakeEach',
    '    wakeEach',
  ),
  mutation(
    'a page reaches too far',
    'engine/follower.ts',
    'else this.#place = Math.max(this.#place, page.upTo);',
    'else this.#place = Math.max(this.#place, page.upTo + 1);',
  ),
  mutation(
    'a failed read is not tried again',
    'engine/follower.ts',
    '        this.#retryTimer = undefined;\n        again();',
    '        this.#retryTimer = undefined;',
  ),
  // Leaders.
  mutation(
    'a message is taken twice',
    'runtime/cluster/post.ts',
    'if (!this.#isNew(from, incarnation, number)) return;',
    'this.#isNew(from, incarnation, number);',
  ),
  mutation(
    'a command that comes again is not looked for',
    'runtime/leader-role.ts',
    '    if (call.again) {\n      const found',
    '    if (call.again && call.id === undefined) {\n      const found',
  ),
  mutation(
    'a command runs in another term',
    'runtime/leader-role.ts',
    'return this.leads && (term === undefined || term === this.#owner.framework.leader?.term);',
    'return this.leads;',
  ),
  mutation('an old leader does not step down', 'runtime/leader-role.ts', '      overtaken = true;', ''),
  mutation(
    'a failed look-up is an answer',
    'runtime/leader-role.ts',
    'if (error instanceof EngineError && error.retryable) return { again: true };',
    'return { error };',
  ),
  mutation(
    'a silent leader is not replaced',
    'runtime/leader-role.ts',
    '        this.#election.suspect(to, term, this.#whyNot(reply.kind));',
    '',
  ),
  // Ticks.
  mutation(
    'a tick does not wait',
    'runtime/ticks/tick-role.ts',
    '    if (this.#clock.dueAtMs(everyMs) > nowMs) return undefined;',
    '',
  ),
  mutation(
    'a tick that is about to be stored is fired again',
    'runtime/ticks/tick-role.ts',
    'if (!ticking || this.#isUndecided()) return undefined;',
    'if (!ticking) return undefined;',
  ),
  mutation('others take nothing over', 'runtime/ticks/tick-schedules.ts', 'this.#cluster.membership.onGone(', 'void ('),
  // Listening.
  mutation(
    'what was heard is heard again',
    'runtime/listening/reactions.ts',
    "    if (appliedAt >= at) return 'heard' satisfies Outcome;",
    '',
  ),
  mutation('what was heard is not noted', 'runtime/listening/reactions.ts', '    if (!isDue) return;', '    return;'),
  mutation(
    'a reaction that is overtaken is stored',
    'runtime/listening/reactions.ts',
    '      isStale: () => this.#isStale(sound, after),',
    '',
  ),
  mutation(
    'a dispatcher is done when it has begun',
    'runtime/listening/progress.ts',
    '    if (times > 0) this.#open.set(position, times);',
    '',
  ),
  mutation(
    'listening begins anew where it goes on',
    'kernel/hearing.ts',
    'listener.startsWith(IN_CODE) ? after : Math.max(after, known?.at ?? 0)',
    'after',
  ),
  mutation(
    'a snapshot forgets what was left',
    'kernel/hearing.ts',
    'if (isLeft(each)) this.#left.add(key);',
    'if (isLeft(each)) this.sources.delete(key);',
  ),
  // Snapshots, keys, projections.
  mutation(
    'a snapshot holds no framework',
    'runtime/snapshots.ts',
    'framework: activation.framework.toJSON()',
    'framework: undefined',
  ),
  mutation(
    'a snapshot says a version too high',
    'runtime/snapshots.ts',
    '      version: optimistic.version,\n      eventId',
    '      version: optimistic.version + 1,\n      eventId',
  ),
  mutation(
    'a snapshot holds what is not stored',
    'runtime/snapshots.ts',
    'state: optimistic.confirmed()',
    'state: optimistic.current()',
  ),
  mutation(
    'a key is not remembered',
    'runtime/turn-context.ts',
    '    if (known) {\n',
    '    if (known && key === undefined) {\n',
  ),
  mutation(
    'a projection is done before it has handled',
    'runtime/projections/pump.ts',
    '        try {\n          if (!this.#aside',
    '        this.#handled = record.position;\n        this.#moved();\n        try {\n          if (!this.#aside',
  ),
  mutation(
    'who lost a checkpoint saves on',
    'runtime/listening/bookmark.ts',
    'if (!isOurs) return false;',
    'if (!isOurs) return true;',
  ),
];
