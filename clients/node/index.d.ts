/// <reference types="node" />

/**
 * Queues over shared memory. A queue is a ring of records in a file that processes map.
 * Producers send records, consumers receive them; each record is delivered to one
 * consumer, and again if that one dies before it has acknowledged it. Programs in Go, C,
 * Python and Rust work on the same queues.
 *
 * All calls belong to the thread that opened the participant; another thread (a worker)
 * opens its own. No call blocks the event loop: what has to wait returns a promise.
 */

/** How a queue is made. What is left out has the default. */
export interface Shape {
  /** Rounded up to a power of two, 2 to 2^24. Default: 4096. */
  slots?: number
  /** Bytes of a slot, rounded up to a multiple of 64. A larger record takes several. Default: 1024. */
  slotSize?: number
  /** Participants at a time, 2 to 1024. Default: 128. */
  seats?: number
  /** Permission bits of the file, whatever the umask. Default: 0o600. */
  mode?: number
  /** "one": a single participant has the role to itself, and is faster. Default: "many" for a new queue. */
  producers?: 'one' | 'many' | 'any'
  /** The same; "each": each of them gets every record that is sent while it is there. */
  consumers?: 'one' | 'many' | 'any' | 'each'
  /** Each record has a CRC-32C. */
  checksum?: boolean
  /** Each record says when it was sent. */
  timestamps?: boolean
}

/** What a queue is like. */
export interface QueueShape {
  slots: number
  slotSize: number
  seats: number
  producers: 'one' | 'many'
  consumers: 'one' | 'many' | 'each'
  checksum: boolean
  timestamps: boolean
}

/**
 * How values become bytes. The bytes that encode returns are used before encode is called
 * again, so it may return the same memory each time. The bytes that decode is given are a
 * copy: a value may keep and change them. But small ones lie in one ArrayBuffer with those of other
 * records, as those of Node's small Buffers do: it can't be transferred to another thread, and must
 * not be to a stream of type "bytes". A copy by new Uint8Array(bytes) can. Errors that either
 * function throws reach the caller.
 */
export interface Codec<T> {
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
}

export declare const codecs: {
  /**
   * MessagePack, the default. Integers are numbers where a number holds them exactly, and
   * BigInts elsewhere; a Date is a timestamp; typed arrays are bytes; fields that are undefined are left out.
   * What would be lost is refused with a TypeError: a Map or a Set, an invalid Date, a Promise, an Error, objects without fields of
   * their own.
   */
  readonly msgpack: Codec<any>
  /** Strings as UTF-8. */
  readonly text: Codec<string>
  readonly json: Codec<any>
  /** Bytes as they are: sends typed arrays and ArrayBuffers, receives Buffers, whose memory is as Codec says. */
  readonly raw: Codec<any>
}

export interface OpenOptions<T> {
  /** The shape of the queue if it has to be made; false: fail with AbsentError instead. Default: {}. */
  create?: Shape | false
  /** Take a queue that exists as it is, whatever create says. */
  anyShape?: boolean
  /**
   * A file that is cut while it is mapped raises SIGBUS, which ends the process. With the guard
   * calls fail with TruncatedError instead. At most 256 participants of a process have it.
   * Default: true.
   */
  guard?: boolean
  /** Touch all pages now, so that the first lap is no slower. */
  prefault?: boolean
  /** Keep the queue in memory. */
  lockMemory?: boolean
  /** What others are shown of this process. Default: its name. */
  command?: string
  /** Default: codecs.msgpack. */
  codec?: Codec<T>
}

export interface ConsumerOptions<T> extends OpenOptions<T> {
  /** Be told the ends of streams: a stream is what is sent while at least one producer is attached. */
  untilEnd?: boolean
  /** With untilEnd: an end without finish is a BrokenError too. */
  strict?: boolean
}

export interface WaitOptions {
  /** Milliseconds; 0 does not wait. Default: Infinity. */
  timeout?: number
  /** Ends the wait; the promise is rejected with the signal's reason. */
  signal?: AbortSignal
}

export interface Counters {
  /** Sent, or acknowledged. */
  records: number
  /** Of their payload. */
  bytes: number
  /** Times it went to sleep. */
  waits: number
  /** Sleepers it woke. */
  wakes: number
  redelivered: number
}

interface Participant {
  readonly name: string
  readonly shape: QueueShape
  /** The largest record in bytes. */
  readonly maxRecord: number
  readonly seat: number
  readonly closed: boolean
  /** What this participant has counted since it attached. */
  counters(): Counters
  /** Asks at once whether the queue is still there, which calls notice within some 100 ms. Throws RemovedError, TruncatedError, NoSpaceError. */
  check(): void
  /** Calls that wait keep the process alive: the default. */
  ref(): this
  /** Calls that wait do not keep the process alive. An open participant never does. */
  unref(): this
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Sends records. Errors of all sending calls: FullError (time-out 0), TimeoutError,
 * TooLargeError, ReservedError, RemovedError, TruncatedError, NoSpaceError, DamagedError, ClosedError, and
 * what the codec throws. With any of them the record was not sent; with TruncatedError and NoSpaceError it is
 * not known.
 */
export declare class Producer<T = any> implements Participant {
  private constructor()
  /** Attaches to a queue, and makes it first if it is absent. */
  static open<T = any>(name: string, options?: OpenOptions<T>): Promise<Producer<T>>
  readonly name: string
  readonly shape: QueueShape
  readonly maxRecord: number
  readonly seat: number
  readonly closed: boolean
  /** Sends a value as one record, whole or not at all. Calls keep their order, also if they are not awaited. */
  send(value: T, options?: WaitOptions): Promise<void>
  /** Returns whether there was room, and no other call that waits for it. */
  trySend(value: T): boolean
  /**
   * Sends values in order, and returns how many were sent: fewer than all if the wait ended early, or
   * the next one is refused. It is rejected if none was.
   */
  sendBatch(values: Iterable<T>, options?: WaitOptions): Promise<number>
  /**
   * Waits for room for a record of that many bytes, to be written in place. While it is open other
   * sends of this producer are refused, and records that other producers send are not delivered.
   */
  reserve(size: number, options?: WaitOptions): Promise<Reservation>
  counters(): Counters
  check(): void
  ref(): this
  unref(): this
  /**
   * Leaves the queue. What was sent stays. When the last producer leaves, the stream ends. Throws InUseError, as
   * finish and abandon do, if the memory of a reservation was transferred elsewhere: the process keeps its seat.
   */
  close(): Promise<void>
  /**
   * Marks the stream as complete, then closes. Sends that wait are served before, and reservations that wait are not; if close or
   * abandon is called meanwhile it throws ClosedError, as the sends do.
   */
  finish(): Promise<void>
  /** Closes, and tells consumers that not all was sent, as when a producer is killed or its process ends without close. */
  abandon(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A record to be written in place. */
export declare class Reservation {
  private constructor()
  /** The record's bytes in shared memory, until commit or abort: then the Buffer is detached, and empty. */
  readonly data: Buffer
  /** Sends the first size bytes, all by default, as a record. */
  commit(size?: number): void
  /** Gives the room back. */
  abort(): void
  [Symbol.dispose](): void
}

/**
 * Receives records. Errors of all receiving calls: EmptyError (time-out 0), TimeoutError,
 * EndError and BrokenError (with untilEnd), RemovedError, TruncatedError, NoSpaceError, DamagedError, ClosedError.
 */
export declare class Consumer<T = any> implements Participant, AsyncIterable<Record<T>> {
  private constructor()
  /** Attaches to a queue, and makes it first if it is absent. */
  static open<T = any>(name: string, options?: ConsumerOptions<T>): Promise<Consumer<T>>
  readonly name: string
  readonly shape: QueueShape
  readonly maxRecord: number
  readonly seat: number
  readonly closed: boolean
  /**
   * Receives a value and acknowledges it at once: if the process dies before it has dealt with it,
   * it is lost. A record that can't be decoded is taken, too; the DecodeError has its bytes.
   */
  receive(options?: WaitOptions): Promise<T>
  /** Returns undefined if no record is ready, or other calls wait. */
  tryReceive(): T | undefined
  /** Receives as many values as are ready, at most max and 256; waits for the first only. */
  receiveBatch(max: number, options?: WaitOptions): Promise<T[]>
  /** Takes a record, to be settled by ack or release. If the process dies first, it is delivered again. */
  lease(options?: WaitOptions): Promise<Record<T>>
  tryLease(): Record<T> | undefined
  /** Takes as many records as are ready, at most max and 256; waits for the first only. */
  leaseBatch(max: number, options?: WaitOptions): Promise<Record<T>[]>
  /**
   * Each record is acknowledged when the loop takes the next one, and given back when the loop is
   * left, unless its body has settled it. A call of next that waits ends when return is called, and takes nothing. The loop ends with the stream (untilEnd), or when the consumer is closed.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Record<T>>
  /** The same, with a time-out for each record, or a signal. */
  records(options?: WaitOptions): AsyncIterableIterator<Record<T>>
  /** The same for batches: acknowledged together, which is faster. */
  batches(max: number, options?: WaitOptions): AsyncIterableIterator<Record<T>[]>
  /** After an EndError or a BrokenError: forgets it, and waits for the next stream. */
  nextStream(): void
  /** Whether a producer is attached. */
  readonly producerAttached: boolean
  counters(): Counters
  check(): void
  ref(): this
  unref(): this
  /**
   * Leaves the queue. Records that were not settled are delivered again. Throws InUseError if the memory of a
   * record's data was transferred elsewhere: the process keeps its seat.
   */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A record in the hands of this process, until it is settled by ack or release, or its consumer closes. */
export declare class Record<T = any> {
  private constructor()
  /** The value, decoded the first time it is read, which has to be before the record is settled. Throws DecodeError, SettledError, TruncatedError. */
  readonly value: T
  /**
   * The record's bytes in shared memory. When the record is settled the Buffer is detached, and
   * empty: no call that goes on in the background (a write to a file) may have it longer. Other processes can
   * write to the bytes.
   */
  readonly data: Buffer
  readonly size: number
  /** 0, or how often it was delivered before, as far as that was recorded. */
  readonly redelivered: number
  /** Nanoseconds of Unix time; 0n in a queue without time stamps. */
  readonly sentAt: bigint
  /** No other record, of any queue, ever has it. */
  readonly id: string
  readonly settled: boolean
  /** Acknowledges the record. Returns false if it was settled before. */
  ack(): boolean
  /** Gives the record back: it is delivered again, flagged. Returns false if it was settled before. */
  release(): boolean
  /** Releases it unless it is settled. */
  [Symbol.dispose](): void
}

/** Makes a queue. Throws ExistsError, NameError, OptionError, NoSpaceError, PermissionError. */
export declare function create(name: string, shape?: Shape): Promise<void>
/** Makes a queue without a name; returns the descriptor N of the file that it is. Its name is "fd:N". */
export declare function createAnonymous(shape?: Shape): Promise<number>
/** Removes a queue. Without force it fails with InUseError while a participant is attached. */
export declare function remove(name: string, options?: { force?: boolean }): Promise<void>
/** Recovers dead participants without attaching; returns how many. */
export declare function recover(name: string): Promise<number>
/** The path of the file that a name means. */
export declare function path(name: string): string

export interface Info {
  shape: QueueShape
  /** Bytes. */
  size: number
  /** Nanoseconds of Unix time. */
  created: bigint
  creation: string
  head: bigint
  tail: bigint
  /** Slots that are not free. */
  depth: number
  epoch: number
  left: number
  ends: number
  finished: number
  skipped: number
  torn: number
  /** Sums over all participants, ever. */
  sent: number
  sentBytes: number
  received: number
  receivedBytes: number
  redelivered: number
  /** Attached and alive. */
  producers: number
  consumers: number
  /** To be recovered. */
  dead: number
}

/** Describes a queue without attaching to it. */
export declare function stat(name: string): Promise<Info>

export interface ParticipantInfo extends Counters {
  seat: number
  role: 'producer' | 'consumer'
  pid: number
  uid: number
  /** Nanoseconds of Unix time. */
  attached: bigint
  alive: boolean
  command: string
}

export declare function participants(name: string): Promise<ParticipantInfo[]>

/** Of the library. */
export declare const version: string

/** What can go wrong. code is that of the library, as in shmq.h; the message names the queue, the operation and a remedy. */
export declare class ShmqError extends Error {
  readonly code: string
  /** Of the system call that failed, if one did. */
  readonly errno?: number
}
/** The call was on a participant that this program has closed. */
export declare class ClosedError extends ShmqError {}
/** The record was acknowledged or given back. */
export declare class SettledError extends ShmqError {}
/** The codec can't make a value of a record. */
export declare class DecodeError extends ShmqError {
  readonly record: Uint8Array
  readonly cause: unknown
}
/** No record is ready, and the call was not to wait. */
export declare class EmptyError extends ShmqError {}
/** There is no room, and the call was not to wait. */
export declare class FullError extends ShmqError {}
/** The time is over. */
export declare class TimeoutError extends ShmqError {}
/** All records of the stream were received. */
export declare class EndError extends ShmqError {}
/** The same, but a producer died or gave up before it had sent all. */
export declare class BrokenError extends ShmqError {}
/** The record can never fit. */
export declare class TooLargeError extends ShmqError {}
/** A reservation is open. */
export declare class ReservedError extends ShmqError {}
/** No queue can have this name. */
export declare class NameError extends ShmqError {}
/** An option is out of range, or the queue has another shape. */
export declare class OptionError extends ShmqError {}
/** A shared word holds what no participant writes. */
export declare class DamagedError extends ShmqError {}
/** The queue was removed, or replaced. Close the participant. */
export declare class RemovedError extends ShmqError {}
/** Its file was cut shorter, or overwritten. Close the participant. */
export declare class TruncatedError extends ShmqError {}
/** There is no memory, or no room on the filesystem. A participant that is told so can only be closed. */
export declare class NoSpaceError extends ShmqError {}
/** The file is something else. */
export declare class NotQueueError extends ShmqError {}
/** The queue has a layout that this library does not know. */
export declare class LayoutError extends ShmqError {}
/** The machine stopped while the queue was in use: run shmq recover. */
export declare class RebuildError extends ShmqError {}
/** There is no queue of this name. */
export declare class AbsentError extends ShmqError {}
/** There is one already. */
export declare class ExistsError extends ShmqError {}
/** Another participant has the role to itself. */
export declare class RoleTakenError extends ShmqError {}
/** All seats are taken. */
export declare class NoSeatError extends ShmqError {}
/** Participants are attached; or memory of the queue is in use elsewhere in the process. */
export declare class InUseError extends ShmqError {}
/** The file's mode forbids it. */
export declare class PermissionError extends ShmqError {}
/** The kernel or the filesystem can't do it. */
export declare class RefusedError extends ShmqError {}
/** A system call failed. */
export declare class SystemError extends ShmqError {}
