import { type ParseOptions, parseSync } from '@swc/core';

const PARSER: ParseOptions = { syntax: 'typescript', decorators: true, target: 'es2022' };

/** Stands for an import whose module is only known when it runs. */
export const COMPUTED = '(computed)';

/** Every module that a source file names, in whatever form: static, re-exported, dynamic, required, or inside a type. */
export function importsOf(source: string): string[] {
  const found: string[] = [];
  walk(parseSync(source, PARSER), (node) => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) found.push(specifier);
  });
  return found;
}

export type SyntaxNode = { readonly type: string } & Record<string, unknown>;

/** Calls `visit` with every node of a syntax tree, parents first. */
export function walk(value: unknown, visit: (node: SyntaxNode) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if (typeof (value as SyntaxNode).type === 'string') visit(value as SyntaxNode);
  for (const child of Object.values(value)) walk(child, visit);
}

export function parseTypeScript(source: string): unknown {
  return parseSync(source, PARSER);
}

/** The names that a source file imports or exports from other modules. `import * as x` and `export *` name none. */
export function namesFrom(source: string): { readonly specifier: string; readonly names: readonly string[] }[] {
  const { body } = parseTypeScript(source) as { body: SyntaxNode[] };
  return body.flatMap((node) => {
    if (!isImport(node) && !isReexport(node)) return [];
    const specifiers = node.specifiers as { imported?: Named | null; orig?: Named; local?: Named }[];
    const names = specifiers.map(({ imported, orig, local }) => (imported ?? orig ?? local)?.value ?? '');
    return [{ specifier: textOf(node.source), names }];
  });
}

/** Whether a file does nothing but export names of other files, one by one. */
export function onlyReexports(source: string): boolean {
  return (parseTypeScript(source) as { body: SyntaxNode[] }).body.every(isReexport);
}

interface Named {
  readonly value: string;
}

function isImport({ type }: SyntaxNode): boolean {
  return type === 'ImportDeclaration';
}

function isReexport({ type, source }: SyntaxNode): boolean {
  return type === 'ExportNamedDeclaration' && Boolean(source);
}

function specifierOf(node: SyntaxNode): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
      return textOf(node.source);
    case 'ExportNamedDeclaration':
      return node.source ? textOf(node.source) : undefined;
    case 'TsImportType':
      return textOf(node.argument);
    case 'TsExternalModuleReference':
      return textOf(node.expression);
    case 'CallExpression':
      return isImportCall(node.callee)
        ? textOf((node.arguments as { expression: unknown }[])[0]?.expression)
        : undefined;
    default:
      return undefined;
  }
}

function isImportCall(callee: unknown): boolean {
  const { type, value } = callee as SyntaxNode;
  return type === 'Import' || (type === 'Identifier' && value === 'require');
}

function textOf(literal: unknown): string {
  const { type, value } = (literal ?? {}) as SyntaxNode;
  return type === 'StringLiteral' ? (value as string) : COMPUTED;
}
