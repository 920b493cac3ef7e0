/** Web streams seen on their way: nothing is read before somebody asks for it, and nothing is kept. */

import { api } from "@flowscope/sdk/instrument"

/** Is told of a stream. */
export interface Watcher {
  piece(piece: unknown): void
  /** It ended, or broke with an error. */
  over(failed: { error: unknown } | undefined): void
  /** Nobody wants the rest; may be told after it is over. */
  left(): void
}

/** A stream that nobody has a hold of any more was left, if it was not over. What is kept here must not lead to it. */
const forgotten = new FinalizationRegistry<Watcher>((watcher) => tell(() => watcher.left()))

/** Whether something is a stream of the web's kind that nobody reads yet. */
export function isReadable(value: unknown): value is ReadableStream<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { getReader?: unknown }).getReader === "function" && !(value as ReadableStream).locked
}

/** A stream with the same pieces, each told of when it is read. */
export function tapped(stream: ReadableStream<unknown>, watcher: Watcher): ReadableStream<unknown> {
  const reader = stream.getReader()
  const pull = async (controller: ReadableStreamDefaultController<unknown>): Promise<void> => {
    let step: { done: boolean; value?: unknown }
    try {
      step = await reader.read()
    } catch (error) {
      tell(() => watcher.over({ error }))
      throw error
    }
    if (step.done) {
      tell(() => watcher.over(undefined))
      controller.close()
    } else {
      tell(() => watcher.piece(step.value))
      controller.enqueue(step.value)
    }
  }
  const cancel = (reason: unknown): Promise<void> => {
    tell(() => watcher.left())
    return reader.cancel(reason)
  }
  const seen = new ReadableStream({ pull, cancel }, { highWaterMark: 0 })
  forgotten.register(seen, watcher)
  return seen
}

function tell(work: () => void): void {
  try {
    work()
  } catch (error) {
    api.failed("stream", error)
  }
}
