import own from "./index.js"

/** Done when what was loaded as ES modules before is traced too. */
export const ready: Promise<void> = own.ready

/** Trace a module of an instrumented package that was loaded past the hooks. */
export const instrument: (file: string, exports: object) => void = own.instrument

await ready
