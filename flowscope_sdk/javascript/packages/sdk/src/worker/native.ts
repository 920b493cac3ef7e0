/**
 * ZeroMQ, entered only while the program lives.
 *
 * Node ends this thread with the program, wherever it is. Inside the binding that would take the process down, so the
 * program's thread waits for the lock, and takes it for good, before it ends.
 */

import type * as zeromq from "zeromq"
import { SHARED } from "../outlet"

/** The binding. */
export type ZeroMQ = typeof zeromq

let shared: Int32Array<SharedArrayBuffer>
let binding: ZeroMQ | undefined

/** The program has ended: nothing can be sent any more. */
export class Over extends Error {}

/** Say where the lock is. */
export function guardWith(memory: Int32Array<SharedArrayBuffer>): void {
  shared = memory
}

/** Call into the binding. What is called must not wait: sockets have timeouts of 0. */
export function native<R>(call: (zmq: ZeroMQ) => R): R {
  if (Atomics.compareExchange(shared, SHARED.lock, 0, 1) !== 0) throw new Over("the program has ended")
  try {
    binding ??= require("zeromq") as ZeroMQ
    return call(binding)
  } finally {
    Atomics.store(shared, SHARED.lock, 0)
    Atomics.notify(shared, SHARED.lock)
  }
}
