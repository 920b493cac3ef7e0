// Builds every package: CommonJS by tsc, and beside each entry an ES module that hands the same objects on. So a program
// that imports and requires a package has it once.
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const here = dirname(fileURLToPath(import.meta.url))
const require = createRequire(import.meta.url)
const tsc = require.resolve("typescript/bin/tsc")

for (const name of ["sdk", "auto-langchain", "langchain"]) {
  const folder = join(here, "packages", name)
  if (!existsSync(join(folder, "tsconfig.json"))) continue
  execFileSync(process.execPath, [tsc, "-p", folder, "--incremental", "--tsBuildInfoFile", join(here, "node_modules", ".cache", `${name}.tsbuildinfo`)], { stdio: "inherit" })
  const description = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
  for (const entry of Object.values(description.exports)) {
    const twin = entry.import?.default
    if (twin && entry.require && !existsSync(join(folder, twin.replace("/dist/", "/src/").replace(/\.mjs$/, ".mts")))) writeTwin(join(folder, twin), join(folder, entry.require.default))
  }
  cpSync(join(here, "..", "..", "LICENSE"), join(folder, "LICENSE"))
}

function writeTwin(twin, commonjs) {
  const names = exportedNames(commonjs)
  const base = `./${commonjs.split(/[\\/]/).at(-1)}`
  writeFileSync(twin, `import own from "${base}"\n${names.map((each) => `export const ${each} = own.${each}\n`).join("")}`)
  writeFileSync(twin.replace(/\.mjs$/, ".d.mts"), `export * from "${base}"\n`)
}

function exportedNames(path) {
  const source = readFileSync(path, "utf8")
  const found = new Set([...source.matchAll(/^(?:exports\.(\w+) = |Object\.defineProperty\(exports, "(\w+)")/gm)].map((each) => each[1] ?? each[2]))
  found.delete("__esModule")
  return [...found]
}
