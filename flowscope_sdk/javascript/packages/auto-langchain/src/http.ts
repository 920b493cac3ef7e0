/**
 * W3C trace context over HTTP: out with fetch and http, in with http's servers.
 *
 * Nothing goes to the public hosts of model providers: who calls them is none of their business. The session's id, which
 * may name a user, and what a caller has put into its baggage go to near hosts only.
 */

import { subscribe } from "node:diagnostics_channel"
import http from "node:http"
import { api } from "@flowscope/sdk/instrument"
import { providerAt } from "./genai"
import { replace } from "./langchain"
import { isNear } from "./near"

interface UndiciRequest {
  readonly origin?: unknown
  readonly headers?: unknown
  addHeader(name: string, value: string): unknown
}

interface Outgoing {
  getHeader(name: string): unknown
  setHeader(name: string, value: string): unknown
  readonly headersSent: boolean
}

/** Hook both directions, once. */
export function installHttp(): void {
  subscribe("undici:request:create", (message) => guarded(() => outFetch((message as { request: UndiciRequest }).request)))
  replace(http.Agent.prototype, "addRequest", (original) => {
    return function (this: unknown, ...args: unknown[]): unknown {
      guarded(() => outHttp(args[0] as Outgoing, args[1] as { host?: unknown } | undefined))
      return original.apply(this, args)
    }
  })
  const emit = http.Server.prototype.emit
  http.Server.prototype.emit = function (this: http.Server, name: string | symbol, ...args: unknown[]): boolean {
    if (name !== "request") return Reflect.apply(emit, this, [name, ...args]) as boolean
    const caller = incoming(args[0] as http.IncomingMessage)
    const call = (): boolean => Reflect.apply(emit, this, [name, ...args]) as boolean
    return caller === undefined ? call() : api.withSpan(caller, call)
  } as typeof emit
}

function incoming(request: http.IncomingMessage): ReturnType<typeof api.extract> | undefined {
  try {
    if (request.headers.traceparent === undefined) return undefined
    const caller = api.extract(request.headers)
    return caller.isValid ? caller : undefined
  } catch (error) {
    api.failed("http", error)
    return undefined
  }
}

function outFetch(request: UndiciRequest): void {
  const sent = Array.isArray(request.headers) ? request.headers.map(String) : String(request.headers ?? "").split(/\r\n|: /)
  const has = (name: string): boolean => sent.some((each) => each.toLowerCase() === name)
  for (const [name, value] of toSend(hostOf(String(request.origin ?? "")), has)) request.addHeader(name, value)
}

function outHttp(request: Outgoing, options: { host?: unknown } | undefined): void {
  if (request.headersSent) return
  const has = (name: string): boolean => request.getHeader(name) !== undefined
  for (const [name, value] of toSend(String(options?.host ?? ""), has)) request.setHeader(name, value)
}

/** The headers to add to a request for a host; never one that it has already. */
function toSend(host: string, has: (name: string) => boolean): [string, string][] {
  if (has("traceparent") || providerAt(host)) return []
  return (api.contextHeaders() ?? []).filter(([name]) => !has(name) && (name !== "baggage" || isNear(host)))
}

function hostOf(origin: string): string {
  try {
    return new URL(origin).hostname
  } catch {
    return ""
  }
}

function guarded(work: () => void): void {
  try {
    work()
  } catch (error) {
    api.failed("http", error)
  }
}
