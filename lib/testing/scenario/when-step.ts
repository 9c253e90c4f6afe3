import type { ActorClass } from '../../kernel/declaring/index.js';
import { UnknownCommandError } from '../../kernel/values/index.js';
import { errorText, short } from '../comparing/index.js';
import type { Subject } from '../world/index.js';
import { type Course, type Outcome, type Step, StepFailure } from './plan.js';
import { assertSettled } from './settling.js';

/** Gives a command, and checks that what it stored can be replayed. */
export function whenStep(actorClass: ActorClass, command: string, args: readonly unknown[]): Omit<Step, 'writtenAt'> {
  const called = `${actorClass?.name}.${command}`;
  const text = `When ${called}(${args.map((arg) => short(arg, ARGUMENTS_LENGTH_MAX)).join(', ')})`;
  return {
    kind: 'when',
    text,
    actorClass,
    play: async (course, errorIsExpected) => {
      const subject = await course.world.subject(actorClass);
      assertCommand(subject, command);
      const outcome = await outcomeOf(course, subject, command, args);
      course.outcome = outcome;
      if ('threw' in outcome.end && !errorIsExpected) {
        const { threw } = outcome.end;
        throw new StepFailure(`${text} failed: ${errorText(threw)}`, { actual: threw, cause: threw });
      }
      await assertSettled(course.world, text);
    },
  };
}

/** Longest text of a command's arguments in a failure, in characters. */
const ARGUMENTS_LENGTH_MAX = 80;

type Commands = Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>;

async function outcomeOf(
  { world }: Course,
  subject: Subject,
  name: string,
  args: readonly unknown[],
): Promise<Outcome> {
  const command = `${subject.definition.actorClass.name}.${name}`;
  let loaded: Outcome['loaded'];
  try {
    loaded = await world.load(subject);
    const returned = await (loaded.ref as unknown as Commands)[name]?.(...args);
    return { subject, loaded, command, end: { returned } };
  } catch (threw) {
    return { subject, loaded, command, end: { threw } };
  }
}

function assertCommand({ definition }: Subject, command: string): void {
  if (definition.commands.has(command)) return;
  const known = [...definition.commands.keys()].join(', ') || 'none';
  throw new UnknownCommandError(
    `${definition.name} has no command '${command}' (its methods marked @Command() are: ${known})`,
  );
}
