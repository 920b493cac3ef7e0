/** Which operations are recorded: FLOWSCOPE_INCLUDE and FLOWSCOPE_EXCLUDE, as glob patterns. */

const REMEMBERED = 4096

/** Answers by operation, from memory after the first time. */
export class OperationFilter {
  private readonly include: RegExp[]
  private readonly exclude: RegExp[]
  private readonly answers = new Map<string, boolean>()

  constructor(include: readonly string[], exclude: readonly string[]) {
    this.include = include.map(glob)
    this.exclude = exclude.map(glob)
  }

  /** Whether spans of this operation are recorded. */
  keeps(operation: string): boolean {
    let answer = this.answers.get(operation)
    if (answer === undefined) {
      answer = !this.include.length || this.include.some((pattern) => pattern.test(operation))
      answer &&= !this.exclude.some((pattern) => pattern.test(operation))
      if (this.answers.size < REMEMBERED) this.answers.set(operation, answer)
    }
    return answer
  }
}

/** `*` is any text, `?` any character, `[abc]`, `[a-z]` and `[!a]` sets of them. */
function glob(pattern: string): RegExp {
  let source = ""
  for (let at = 0; at < pattern.length; at++) {
    const letter = pattern[at]!
    if (letter === "*") source += ".*"
    else if (letter === "?") source += "."
    else if (letter === "[") {
      const end = pattern.indexOf("]", at + (pattern[at + 1] === "!" ? 3 : 2))
      if (end < 0) source += "\\["
      else {
        const inside = pattern.slice(at + 1, end).replace(/[\\\]^[]/g, "\\$&")
        source += inside.startsWith("!") ? `[^${inside.slice(1)}]` : `[${inside}]`
        at = end
      }
    } else source += letter.replace(/[\\^$.|+(){}]/g, "\\$&")
  }
  try {
    return new RegExp(`^${source}$`, "su")
  } catch {
    return new RegExp(`^${pattern.replace(/[\\^$.|+(){}[\]*?]/g, "\\$&")}$`)
  }
}
