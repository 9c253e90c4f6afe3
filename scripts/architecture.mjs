/**
 * What lib looks like: `node scripts/architecture.mjs` prints who imports whom, in figures; `--write` draws the rooms of test/house/rooms.json into
 * docs/architecture.md, and `--check` fails if that drawing is not today's. `--root DIR` looks at another checkout.
 *
 * Every import counts, of whatever form, and one of a type as much as any other.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from '@swc/core';

const ROOT = argument('--root') ?? fileURLToPath(new URL('..', import.meta.url));
const TABLE = 'test/house/rooms.json';
const PAGE = 'docs/architecture.md';
const FLOORS = ['kernel', 'engine', 'engines', 'runtime', 'nest', 'testing'];
/** How many of the longest lists are printed. */
const SHOWN = 12;
/** Of the page. */
const LINE_LENGTH_MAX = 120;
/** By door, and there by name, the file that declares what the door exports. */
const declarations = new Map();

if (process.argv.includes('--write') || process.argv.includes('--check')) updatePage(process.argv.includes('--check'));
else printFigures();

function printFigures() {
  const files = filesBelow('lib').filter((file) => /\.ts$/.test(file) && !isDoor(file));
  const graph = new Map(files.map((file) => [file, importsOf(file).filter((to) => files.includes(to))]));
  const lengths = new Map(files.map((file) => [file, read(file).trimEnd().split('\n').length]));
  const edges = [...graph].flatMap(([from, all]) => all.map((to) => [from, to]));

  section('Sizes');
  line('files', files.length);
  line('imports', edges.length);
  line('lines of a file, median', median([...lengths.values()]));
  line('lines of a file, longest', Math.max(...lengths.values()));
  line('files a folder, most', Math.max(...countsByFolder(files).values()));

  section('Layers: the longest way down from a file, counted in files');
  for (const floor of FLOORS)
    line(
      `lib/${floor}`,
      layersIn(graph, (file) => file.startsWith(`lib/${floor}/`)),
    );
  line(
    'lib',
    layersIn(graph, () => true),
  );

  const circles = circlesIn(graph);
  section(`Circles of files, types included: ${circles.length}`);
  for (const circle of circles) print(`  ${circle.map(short).join(', ')}`);

  const folders = foldersOf(edges);
  const folderCircles = circlesIn(folders).filter((circle) => circle.length > 1);
  section(`Circles of folders, types included: ${folderCircles.length}`);
  for (const circle of folderCircles) print(`  ${circle.map(short).join(', ')}`);
  const upward = upwardIn(edges);
  section(`Imports against the direction that most imports between two folders of a floor have: ${upward.length}`);
  for (const [from, to] of upward) print(`  ${short(from)} -> ${short(to)}`);

  section('Files that know most others, and that most others know');
  const known = new Map(files.map((file) => [file, 0]));
  for (const [, to] of edges) known.set(to, known.get(to) + 1);
  const inside = (file) => graph.get(file).filter((to) => floorOf(to) === floorOf(file)).length;
  for (const file of longest(files, inside)) line(`${short(file)} knows on its floor`, inside(file));
  for (const file of longest(files, (each) => known.get(each))) line(`${short(file)} is known by`, known.get(file));

  section('Files a folder');
  for (const [folder, count] of [...countsByFolder(files)].sort((a, b) => b[1] - a[1])) line(short(folder), count);

  section('Longest files');
  for (const file of longest(files, (each) => lengths.get(each))) line(short(file), lengths.get(file));

  section('Layers, file by file, lowest first');
  const depths = depthsIn(graph, () => true);
  for (const [depth, layer] of [...grouped(files, (file) => depths.get(file))].sort((a, b) => a[0] - b[0])) {
    print(`  ${depth}: ${layer.map(short).join(', ')}`);
  }
}

/** The drawing is made from the table alone; test/house/rooms.spec.ts holds the code to the table. */
function updatePage(isCheck) {
  const page = read(PAGE);
  const drawn = page.replace(
    /(<!-- rooms -->\n).*?(<!-- end of rooms -->)/s,
    (_, begin, end) => begin + drawing() + end,
  );
  if (page === drawn) return;
  if (isCheck) {
    console.error(`${PAGE} does not show the rooms of ${TABLE}: run node scripts/architecture.mjs --write`);
    process.exitCode = 1;
  } else writeFileSync(join(ROOT, PAGE), drawn);
}

function drawing() {
  const table = JSON.parse(read(TABLE));
  return table.floors
    .map(({ name, about, rooms }) => `\n### ${name}\n\n${about}\n\n${diagram(rooms)}\n${list(rooms)}\n`)
    .join('');
}

/** An arrow from a room to each that it may import, but for those that its other rooms lead to anyway. */
function diagram(rooms) {
  const inside = new Map(rooms.map(({ room }) => [room, []]));
  for (const { room, imports } of rooms)
    inside.set(
      room,
      imports.filter((to) => inside.has(to)),
    );
  const arrows = [...inside].flatMap(([room, all]) => {
    const direct = all.filter((to) => !all.some((by) => by !== to && reaches(inside, by, to)));
    return direct.map((to) => `  ${idOf(room)} --> ${idOf(to)}`);
  });
  const boxes = rooms.map(({ room }) => `  ${idOf(room)}["${posix.basename(room)}"]`);
  return rooms.length === 1 ? '' : ['```mermaid', 'flowchart TD', ...boxes, ...arrows, '```', ''].join('\n');
}

function list(rooms) {
  const rows = rooms.map(({ room, about, imports }) => {
    const may = imports.map((to) => `\`${posix.basename(to)}\``).join(', ') || 'none';
    return wrapped(`- **\`${room}\`** ${about} May import, on its floor: ${may}.`);
  });
  return rows.join('\n');
}

/** Lines of at most `LINE_LENGTH_MAX` characters; those after the first belong to the same item of a list. */
function wrapped(text) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = `${lines.at(-1)}${lines.at(-1) === '' ? '' : ' '}${word}`;
    if (line.length > LINE_LENGTH_MAX) lines.push(`  ${word}`);
    else lines[lines.length - 1] = line;
  }
  return lines.join('\n');
}

function reaches(graph, from, to) {
  return from === to || (graph.get(from) ?? []).some((next) => reaches(graph, next, to));
}

function idOf(room) {
  return room.replace(/[^a-z]/g, '_');
}

/**
 * Files that a file imports, by their paths. An import from the door of a room counts as one from the file that
 * declares the name. So the figures can be compared with those of older checkouts, whose rooms have no doors.
 */
function importsOf(file) {
  const found = new Set();
  const visit = (node) => {
    if (typeof node !== 'object' || node === null) return;
    const specifier = specifierOf(node);
    if (specifier?.startsWith('.')) {
      const target = pathOf(file, specifier);
      for (const each of isDoor(file) ? [] : behindDoor(target, node.specifiers ?? [])) found.add(each);
    }
    for (const child of Object.values(node)) visit(child);
  };
  visit(parsed(file));
  return [...found];
}

/** The files that declare what an import takes from the door of a room; the file itself if it is not a door. */
function behindDoor(target, specifiers) {
  if (!isDoor(target)) return [target];
  const declaredIn = declarationsOf(target);
  return specifiers.map(({ imported, local, orig }) => declaredIn.get((imported ?? orig ?? local).value) ?? target);
}

/** By name, the file that declares what a door exports. */
function declarationsOf(door) {
  if (declarations.has(door)) return declarations.get(door);
  const names = new Map();
  for (const { type, source, specifiers } of parsed(door).body) {
    if (type !== 'ExportNamedDeclaration' || !source) continue;
    for (const { orig, exported } of specifiers) names.set((exported ?? orig).value, pathOf(door, source.value));
  }
  declarations.set(door, names);
  return names;
}

function isDoor(file) {
  return posix.basename(file) === 'index.ts' && posix.dirname(file) !== 'lib';
}

function pathOf(file, specifier) {
  return posix.join(posix.dirname(file), specifier.replace(/\.js$/, '.ts'));
}

function parsed(file) {
  return parseSync(read(file), { syntax: 'typescript', decorators: true, target: 'es2022' });
}

function specifierOf({ type, source, argument, callee, arguments: given }) {
  if (/^(?:Import|ExportAll|ExportNamed)Declaration$/.test(type)) return source?.value;
  if (type === 'TsImportType') return argument.value;
  return type === 'CallExpression' && callee.type === 'Import' ? given[0]?.expression.value : undefined;
}

/** Strongly connected components of more than one node (Tarjan). */
function circlesIn(graph) {
  const [index, low, stack, circles] = [new Map(), new Map(), [], []];
  const visit = (node) => {
    index.set(node, index.size);
    low.set(node, index.get(node));
    stack.push(node);
    for (const to of graph.get(node) ?? []) {
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) low.set(node, Math.min(low.get(node), low.get(to)));
    }
    if (low.get(node) !== index.get(node)) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1) circles.push(circle);
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return circles;
}

/** For each file how many files the longest way down from it has; files of a circle stand on one layer. */
function depthsIn(graph, isIn) {
  const circleOf = new Map(circlesIn(graph).flatMap((circle) => circle.map((file) => [file, circle])));
  const depths = new Map();
  const depthOf = (file) => {
    if (depths.has(file)) return depths.get(file);
    const together = circleOf.get(file) ?? [file];
    const below = together.flatMap((each) => graph.get(each)).filter((to) => isIn(to) && !together.includes(to));
    const depth = 1 + Math.max(0, ...below.map(depthOf));
    for (const each of together) depths.set(each, depth);
    return depth;
  };
  for (const file of graph.keys()) if (isIn(file)) depthOf(file);
  return depths;
}

function layersIn(graph, isIn) {
  return Math.max(0, ...depthsIn(graph, isIn).values());
}

/** Which folders a folder's files import from. */
function foldersOf(edges) {
  const folders = new Map();
  for (const [from, to] of edges) {
    const [a, b] = [posix.dirname(from), posix.dirname(to)];
    if (!folders.has(a)) folders.set(a, new Set());
    if (a !== b) folders.get(a).add(b);
  }
  return folders;
}

function upwardIn(edges) {
  const between = grouped(edges, ([from, to]) => `${posix.dirname(from)}>${posix.dirname(to)}`);
  return edges.filter(([from, to]) => {
    const [a, b] = [posix.dirname(from), posix.dirname(to)];
    if (a === b || floorOf(from) !== floorOf(to)) return false;
    const back = between.get(`${b}>${a}`)?.length ?? 0;
    return back > between.get(`${a}>${b}`).length;
  });
}

function grouped(items, by) {
  const groups = new Map();
  for (const item of items) groups.set(by(item), [...(groups.get(by(item)) ?? []), item]);
  return groups;
}

function countsByFolder(files) {
  const counts = new Map();
  for (const file of files) counts.set(posix.dirname(file), (counts.get(posix.dirname(file)) ?? 0) + 1);
  return counts;
}

function floorOf(file) {
  return file.split('/')[1];
}

function longest(files, by) {
  return [...files].sort((a, b) => by(b) - by(a)).slice(0, SHOWN);
}

function median(numbers) {
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

function short(path) {
  return path.replace(/^lib\//, '').replace(/\.ts$/, '');
}

function section(title) {
  print(`\n${title}`);
}

function line(what, figure) {
  print(`  ${String(figure).padStart(5)}  ${what}`);
}

function print(text) {
  console.log(text);
}

function read(file) {
  return readFileSync(join(ROOT, file), 'utf8');
}

function filesBelow(path) {
  if (!existsSync(join(ROOT, path))) return [];
  if (!statSync(join(ROOT, path)).isDirectory()) return [path];
  return readdirSync(join(ROOT, path)).flatMap((name) => filesBelow(`${path}/${name}`));
}

function argument(name) {
  const at = process.argv.indexOf(name);
  return at === -1 ? undefined : process.argv[at + 1];
}
