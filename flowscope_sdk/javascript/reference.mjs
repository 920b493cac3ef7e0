// Writes docs/javascript-api.md out of the SDK's types: what is exported, its signature and what its comment says.
// With --check it only says whether the file is as it should be.
import { readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"

const here = dirname(fileURLToPath(import.meta.url))
const target = join(here, "..", "..", "docs", "javascript-api.md")
const entry = join(here, "packages", "sdk", "src", "index.ts")
const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(join(here, "packages", "sdk", "tsconfig.json"), ts.sys.readFile).config, ts.sys, join(here, "packages", "sdk"))
const program = ts.createProgram([entry], options)
const checker = program.getTypeChecker()
const FLAGS = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.WriteArrowStyleSignature | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope

const words = (symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker)).replace(/\s+/g, " ").trim()
const typeText = (type, at) => checker.typeToString(type, at, FLAGS).replaceAll(/import\("[^"]*"\)\./g, "")
const hidden = (symbol) => symbol.name.startsWith("_") || symbol.getJsDocTags(checker).some((tag) => tag.name === "internal")
const cell = (text) => text.replaceAll("|", "\\|")

function value(symbol, name) {
  const type = checker.getTypeOfSymbolAtLocation(symbol, symbol.valueDeclaration ?? symbol.declarations[0])
  const signatures = type.getCallSignatures()
  const lines = signatures.length
    ? signatures.map((each) => `${name}${checker.signatureToString(each, undefined, FLAGS & ~ts.TypeFormatFlags.WriteArrowStyleSignature).replaceAll(/import\("[^"]*"\)\./g, "")}`)
    : [`${name}: ${typeText(type)}`]
  return lines
}

function members(symbol) {
  const rows = []
  const type = checker.getDeclaredTypeOfSymbol(symbol)
  for (const member of checker.getPropertiesOfType(type)) {
    if (hidden(member) || !member.declarations?.length || !words(member)) continue
    const of = checker.getTypeOfSymbolAtLocation(member, member.declarations[0])
    const calls = of.getCallSignatures()
    const optional = member.flags & ts.SymbolFlags.Optional ? "?" : ""
    const shown = calls.length && member.flags & ts.SymbolFlags.Method ? value(member, member.name)[0] : `${member.name}${optional}: ${typeText(of)}`
    rows.push(`| \`${cell(shown)}\` | ${cell(words(member))} |`)
  }
  return rows
}

const source = program.getSourceFile(entry)
const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source))
const resolved = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol)
const isValue = (symbol) => resolved(symbol).flags & ts.SymbolFlags.Variable
const parts = [
  "# JavaScript SDK: reference",
  "",
  "What `@flowscope/sdk` exports, made from its types by `npm run reference` in `flowscope_sdk/javascript`. How it is used:",
  "[JavaScript](javascript.md).",
  "",
  "## Functions",
]
for (const symbol of exported.filter(isValue)) {
  parts.push("", `### ${symbol.name}`, "", "```ts", ...value(resolved(symbol), symbol.name), "```", "", words(resolved(symbol)) || words(symbol))
}
parts.push("", "## Types")
for (const symbol of exported.filter((each) => !isValue(each))) {
  const known = resolved(symbol)
  const rows = known.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.Class) ? members(known) : []
  parts.push("", `### ${symbol.name}`, "", words(known))
  if (rows.length) parts.push("", "| member | meaning |", "|---|---|", ...rows)
  else {
    const node = known.declarations?.find((each) => ts.isTypeAliasDeclaration(each) || ts.isInterfaceDeclaration(each))
    if (node) parts.push("", "```ts", node.getText().replace(/^export /, ""), "```")
  }
}
const text = `${parts.join("\n").replace(/\n{3,}/g, "\n\n")}\n`
if (process.argv.includes("--check")) {
  const there = readFileSync(target, "utf8")
  if (there !== text) {
    console.error("docs/javascript-api.md is not what the types say: npm run reference")
    process.exitCode = 1
  }
} else writeFileSync(target, text)
