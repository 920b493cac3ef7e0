/**
 * W3C trace context over HTTP: out with fetch and http, in with http's servers.
 *
 * Nothing goes to the public hosts of model providers: who calls them is none of their business.
 */

import { subscribe } from "node:diagnostics_channel"
import http from "node:http"
import { api } from "@flowscope/sdk/instrument"
import { providerAt } from "./genai"
import { replace } from "./langchain"

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
  if (has("traceparent") || providerAt(hostOf(String(request.origin ?? "")))) return
  for (const [name, value] of api.contextHeaders() ?? []) if (!has(name)) request.addHeader(name, value)
}

function outHttp(request: Outgoing, options: { host?: unknown } | undefined): void {
  if (request.headersSent || request.getHeader("traceparent") !== undefined || providerAt(String(options?.host ?? ""))) return
  const baggage = request.getHeader("baggage")
  for (const [name, value] of api.contextHeaders(typeof baggage === "string" ? baggage : "") ?? []) request.setHeader(name, value)
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
