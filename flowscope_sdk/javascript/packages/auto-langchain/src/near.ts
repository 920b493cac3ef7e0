/** Which hosts are near: this machine, its private networks, and what only they give a name. */

import { isIP } from "node:net"

const NAMES = [".localhost", ".local", ".internal", ".lan", ".home.arpa", ".svc"]
const ADDRESSES = /^(?:127\.|10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/
const ADDRESSES_6 = /^(?:::1$|f[cd]|fe[89ab])/

/** Whether a host is near; an address may stand in brackets. */
export function isNear(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$|\.$/g, "").replace(/^::ffff:(?=\d+\.)/, "")
  const kind = isIP(name)
  if (kind === 4) return ADDRESSES.test(name)
  if (kind === 6) return ADDRESSES_6.test(name)
  return name !== "" && (!name.includes(".") || NAMES.some((end) => name.endsWith(end)))
}
