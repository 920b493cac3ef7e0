/** Which version of the SDK this is. */

/** As in package.json. */
export const VERSION = "0.1.0"
