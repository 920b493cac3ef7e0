/**
 * Masks secrets in JSON text before it leaves the process: by the name they go under, and by what they look like.
 *
 * Looks closely only where a cheap search finds something: most payloads hold no secret. Walks the same cases as every
 * SDK's: flowscope_sdk/protocol/redaction.json.
 */

const MASK = "[redacted]"

type Hit = readonly [start: number, end: number, mask: string]

const RUN = /[A-Za-z0-9_-]{16,}/g
const TOKEN_REACH = 120

const TOKEN = new RegExp(
  "(?:(?<![A-Za-z0-9])|(?<=\\\\[nrtbf]))(?:" +
    [
      "sk-[A-Za-z0-9_-]{12,}|[srp]k_(?:live|test|prod)_[A-Za-z0-9]{8,}|whsec_[A-Za-z0-9]{16,}", // OpenAI and kin, Stripe
      "(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA)[A-Z0-9]{16}", // AWS
      "gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{16,}",
      "xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{16,}", // Slack
      "AIza[A-Za-z0-9_-]{30,}|GOCSPX-[A-Za-z0-9_-]{16,}|1//[A-Za-z0-9_-]{20,}", // Google
      "(?:hf|gsk|r8|npm|tvly|fc|dckr_pat|dop_v1|shp(?:at|ca|pa|ss)|lin_api|rnd|sbp|napi|api_org)_[A-Za-z0-9_-]{16,}",
      "(?:xai|pplx|nvapi|tvly|pcsk|voyage|jina|key|cohere|pypi|fw|sess|ant-api|together)[-_][A-Za-z0-9_-]{20,}",
      "lsv2_(?:pt|sk)_[A-Za-z0-9_]{16,}|sntry[sua]_[A-Za-z0-9_+/=-]{16,}|(?:SK|AC)[0-9a-f]{32}", // LangSmith, Twilio
      "npm_[A-Za-z0-9]{16,}|hvs\\.[A-Za-z0-9_-]{16,}",
    ].join("|") +
    ")",
)
const DOTTED =
  "eyJ[A-Za-z0-9_-]{5,}(?:\\.[A-Za-z0-9_-]*){1,4}" + // JSON Web Tokens
  "|ya29\\.[A-Za-z0-9_-]{16,}|SG\\.[A-Za-z0-9_-]{16,}\\.[A-Za-z0-9_-]{16,}|hvs\\.[A-Za-z0-9_-]{16,}" +
  "|[MNO][A-Za-z0-9_-]{23,25}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,}" + // Discord
  "|[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}" // Telegram
const DOTTED_ANYWHERE = new RegExp(DOTTED)
const DOTTED_HERE = new RegExp(DOTTED, "y")

const PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----[^"]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|(?=\\*")|$)/y
const URL_PASSWORD = /:\/\/[^\s:/@"\\?#]*:([^\s@/"\\]+)@/y
const BEARER = /bearer(?:\s|\\n|\+|%20)+((?=[A-Za-z._~+/=-]*[0-9._~+/=-])[A-Za-z0-9._~+/=-]{6,})/gi

// What a name must end in, with its separators taken out, for its value to be a secret.
const SECRET_NAME = new RegExp(
  "^(?:.*(?:password|passwd|passphrase|passcode|pwd|secret|secretvalue|apikey|accesskey|secretkey|privatekey|signingkey" +
    "|encryptionkey|sharedkey|accountkey|masterkey|subscriptionkey|sharedaccesskey|servicekey|authkey|adminkey|authorization" +
    "|cookies?|credentials?|jwt)|token|auth|xauth|authheader)$",
)
const HARMLESS_TOKEN =
  /^.*(?:next|page|continuation|eos|bos|pad|unk|sep|mask|cls|start|stop|end|first|last|special|image|per|new|previous|input|output|max|min|num|total|sync|cancellation|cancel|tool|by|on|every|each|one|a|the)token$/
const HEADER_NAME = /^(?:(?:proxy)?authorization|(?:set)?cookie|x?apikey|xauthtoken|xamzsecuritytoken)$/
const COOKIE_NAME = /^(?:set)?cookies?$/
const NEEDLE = /pass|pwd|secret|key|token|auth|cookie|credential|jwt/g
const NAME_LETTER = /[A-Za-z0-9_.-]/
const BETWEEN = /(?<quote>\\*["']?)\s*(?:(?<assign>=>|[:=])|,\s*\\*["']value\\*["']\s*:|(?<pair>,))\s*/y
const FLAG = /\s+(?=[^\s-])/y
const JSON_SCALAR = /-?[0-9][0-9.eE+-]*/y
const OPENING = /b?(\\*["'])/y
const SCHEME = /(?:bearer|basic|digest|token|apikey|negotiate|aws4-hmac-sha256)\s+/iy
const WORD = /(?:[^\s"',;&}\])\\<>]|\\u[0-9a-f]{4})+/y
const LINE = /(?:[^"\\]|\\u[0-9a-f]{4})+/y
const SCHEMA = /\{[^{}]{0,200}"(?:type|\$ref|anyOf|allOf|oneOf)":/y

/** JSON with every secret that is recognised masked; `data` itself if there is none. */
export function redact(data: string): string {
  const hits: Hit[] = []
  addTokens(data, hits)
  const lower = lowered(data)
  NEEDLE.lastIndex = 0
  if (NEEDLE.test(lower)) addNamed(data, lower, hits)
  if (lower.includes("bearer")) {
    for (const found of data.matchAll(BEARER)) {
      const end = found.index + found[0].length
      hits.push([end - found[1]!.length, end, MASK])
    }
  }
  if (data.includes("://")) {
    each(URL_PASSWORD, data, "://", (found, at) => {
      const end = at + found[0].length - 1
      hits.push([end - found[1]!.length, end, MASK])
    })
  }
  if (data.includes("PRIVATE KEY")) {
    each(PRIVATE_KEY, data, "-----BEGIN ", (found, at) => hits.push([at, at + found[0].length, MASK]))
  }
  return hits.length ? masked(data, hits) : data
}

function lowered(data: string): string {
  const lower = data.toLowerCase()
  // Some letters become two: positions must stay.
  return lower.length === data.length ? lower : data.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

function masked(data: string, hits: Hit[]): string {
  hits.sort((one, other) => one[0] - other[0] || other[1] - one[1])
  let result = ""
  let done = 0
  for (const [start, end, mask] of hits) {
    if (start >= done) {
      result += data.slice(done, start) + mask
      done = end
    } else if (end > done) {
      // Overlaps the one before, inside the same string: that mask stands for both.
      done = end
    }
  }
  return result + data.slice(done)
}

function each(pattern: RegExp, data: string, needle: string, tell: (found: RegExpExecArray, at: number) => void): void {
  let at = data.indexOf(needle)
  while (at >= 0) {
    const found = match(pattern, data, at)
    if (found) tell(found, at)
    at = data.indexOf(needle, found ? at + Math.max(found[0].length, 1) : at + 1)
  }
}

function match(pattern: RegExp, data: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(data)
}

/** What looks like a key of a known provider, wherever it stands. */
function addTokens(data: string, hits: Hit[]): void {
  RUN.lastIndex = 0
  for (let run = RUN.exec(data); run !== null; run = RUN.exec(data)) {
    const start = run.index
    let end = start + run[0].length
    const from = Math.max(0, start - 4)
    const found = TOKEN.exec(data.slice(from, Math.min(end, start + TOKEN_REACH)))
    if (found) {
      hits.push([from + found.index, end, MASK])
    } else if (data[start - 1] === "." || data[start - 1] === ":" || data[end] === ".") {
      const near = Math.max(0, start - 32)
      const dotted = DOTTED_ANYWHERE.exec(data.slice(near, Math.min(end, start + 400) + 400))
      if (dotted) {
        const at = near + dotted.index
        const whole = match(DOTTED_HERE, data, at)?.[0] ?? dotted[0] // however long it is
        hits.push([at, at + whole.length, MASK])
        end = Math.max(end, at + whole.length)
      }
    }
    RUN.lastIndex = end
  }
}

/** The values of what is called a secret: JSON members, headers, assignments and options in any text. */
function addNamed(data: string, lower: string, hits: Hit[]): void {
  NEEDLE.lastIndex = 0
  for (let needle = NEEDLE.exec(lower); needle !== null; needle = NEEDLE.exec(lower)) {
    const at = needle.index
    if (needle[0] === "token" && lower[at + 5] === "s") continue // counts of tokens are in every other payload
    let start = at
    while (start > 0 && at - start < 48 && NAME_LETTER.test(lower[start - 1]!)) start--
    let end = at
    while (end < lower.length && NAME_LETTER.test(lower[end]!)) end++
    addValue(data, lower.slice(start, end), start, end, hits)
    NEEDLE.lastIndex = Math.max(end, at + 1)
  }
}

function addValue(data: string, found: string, start: number, end: number, hits: Hit[]): void {
  const name = bare(found, data, start).replace(/[-_. ]/g, "")
  const isToken = name.endsWith("token") && !HARMLESS_TOKEN.test(name)
  if (!isToken && !SECRET_NAME.test(name)) return
  const between = match(BETWEEN, data, end)
  if (!between) {
    if (data.slice(Math.max(0, start - 2), start + 2).includes("--")) {
      const flag = match(FLAG, data, end)
      if (flag) addTextValue(data, end + flag[0].length, name, hits)
    }
    return
  }
  const { quote, assign, pair } = between.groups as { quote: string; assign?: string; pair?: string }
  const behind = end + between[0].length
  if (pair && !HEADER_NAME.test(name)) return
  if (quote === '"' && assign === ":") addJsonValue(data, behind, isToken, hits)
  else if (assign === undefined && quote === '"') addJsonValue(data, behind, true, hits)
  // "the token: a word" is prose; a name of one word needs a sign that something is assigned to it.
  else if (!(name === "token" && assign === ":" && !quote)) addTextValue(data, behind, name, hits)
}

/** A name without the letter of an escape (of a newline, say) before it. */
function bare(name: string, data: string, start: number): string {
  const escaped = start > 0 && data[start - 1] === "\\" && "nrtbf".includes(name[0]!) && data[start - 2] !== "\\"
  return escaped ? name.slice(1) : name
}

/** The value of a JSON member: a string, a number, or all of an array or object. */
function addJsonValue(data: string, at: number, textualOnly: boolean, hits: Hit[]): void {
  const first = data[at]
  if (first === '"') {
    const end = textEnd(data, at + 1)
    if (end > at + 1) hits.push([at + 1, end, MASK])
    return
  }
  const compound = first === "[" || first === "{"
  if (textualOnly && !compound) return
  const scalar = match(JSON_SCALAR, data, at)
  if (scalar) {
    hits.push([at, at + scalar[0].length, `"${MASK}"`])
  } else if (compound && !match(SCHEMA, data, at)) {
    const end = jsonEnd(data, at)
    if (end - at > 2) hits.push([at, end, `"${MASK}"`])
  }
}

/** A value inside a text, quoted or not, at whatever level of escaping. */
function addTextValue(data: string, from: number, name: string, hits: Hit[]): void {
  let at = from
  const opening = match(OPENING, data, at)
  if (opening && opening[1] !== '"') {
    // Its end is the same quote at the same level of escaping; cut short, all that is left of the text.
    const behind = at + opening[0].length
    const last = textEnd(data, behind)
    const closing = closingQuote(data, opening[1]!, behind, last)
    if (closing > behind) hits.push([behind, closing, MASK])
    return
  }
  if (data[at] === "[" || data[at] === "{" || data[at] === "(") {
    hits.push([at, bracketEnd(data, at), MASK])
    return
  }
  const scheme = match(SCHEME, data, at)
  if (scheme) at += scheme[0].length
  const found = match(COOKIE_NAME.test(name) ? LINE : WORD, data, at)
  if (found) hits.push([at, at + found[0].length, MASK])
}

function closingQuote(data: string, quote: string, from: number, last: number): number {
  for (let at = data.indexOf(quote, from); at >= 0 && at + quote.length <= last; at = data.indexOf(quote, at + 1)) {
    if (data[at - 1] !== "\\") return at
  }
  return last
}

/** Where the JSON string ends that `at` stands in: its closing quote. */
function textEnd(data: string, at: number): number {
  for (let end = data.indexOf('"', at); end >= 0; end = data.indexOf('"', end + 1)) {
    let slashes = 0
    while (end - slashes > at && data[end - slashes - 1] === "\\") slashes++
    if (slashes % 2 === 0) return end
  }
  return data.length
}

/** Behind the array or object that opens at `at`. */
function jsonEnd(data: string, at: number): number {
  let depth = 0
  for (let here = at; here < data.length; here++) {
    const letter = data[here]
    if (letter === '"') here = textEnd(data, here + 1)
    else if (letter === "[" || letter === "{") depth++
    else if ((letter === "]" || letter === "}") && --depth === 0) return here + 1
  }
  return data.length
}

/** Behind the bracket that closes the one at `at` in a text; the text's end if none does. */
function bracketEnd(data: string, at: number): number {
  const end = textEnd(data, at)
  let depth = 0
  for (let here = at; here < end; here++) {
    const letter = data[here]!
    if ("[{(".includes(letter)) depth++
    else if ("]})".includes(letter) && --depth === 0) return here + 1
  }
  return end
}
