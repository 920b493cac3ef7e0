/** The sender's thread: turns spans into records and hands them to the collector; alone it owns the sockets. */

import { workerData } from "node:worker_threads"
import type { SenderData } from "../outlet"
import { Sender } from "./sender"

const data = workerData as Partial<SenderData> | null
if (data?.flowscope === "sender") void new Sender(data as SenderData).run()
