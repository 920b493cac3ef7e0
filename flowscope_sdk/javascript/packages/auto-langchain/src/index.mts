import own from "./index.js"

/** Done when what was loaded as ES modules before is traced too. */
export const ready: Promise<void> = own.ready

await ready
