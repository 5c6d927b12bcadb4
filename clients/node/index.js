'use strict'

const { native } = require('./lib/native')
const { ShmqError, ClosedError, SettledError, DecodeError, classes } = require('./lib/errors')
const { Producer, Reservation } = require('./lib/producer')
const { Consumer } = require('./lib/consumer')
const { Record } = require('./lib/record')
const { msgpack, text, json, raw } = require('./lib/codecs')
const { create, createAnonymous, remove, recover, participants, stat, path } = require('./lib/queue')

module.exports.Producer = Producer
module.exports.Consumer = Consumer
module.exports.Record = Record
module.exports.Reservation = Reservation

module.exports.create = create
module.exports.createAnonymous = createAnonymous
module.exports.remove = remove
module.exports.recover = recover
module.exports.participants = participants
module.exports.stat = stat
module.exports.path = path
module.exports.version = native.version
module.exports.codecs = { msgpack, text, json, raw }

module.exports.ShmqError = ShmqError
module.exports.ClosedError = ClosedError
module.exports.SettledError = SettledError
module.exports.DecodeError = DecodeError
module.exports.EmptyError = classes.EmptyError
module.exports.FullError = classes.FullError
module.exports.TimeoutError = classes.TimeoutError
module.exports.EndError = classes.EndError
module.exports.BrokenError = classes.BrokenError
module.exports.TooLargeError = classes.TooLargeError
module.exports.ReservedError = classes.ReservedError
module.exports.NameError = classes.NameError
module.exports.OptionError = classes.OptionError
module.exports.DamagedError = classes.DamagedError
module.exports.RemovedError = classes.RemovedError
module.exports.TruncatedError = classes.TruncatedError
module.exports.NoSpaceError = classes.NoSpaceError
module.exports.NotQueueError = classes.NotQueueError
module.exports.LayoutError = classes.LayoutError
module.exports.RebuildError = classes.RebuildError
module.exports.AbsentError = classes.AbsentError
module.exports.ExistsError = classes.ExistsError
module.exports.RoleTakenError = classes.RoleTakenError
module.exports.NoSeatError = classes.NoSeatError
module.exports.InUseError = classes.InUseError
module.exports.PermissionError = classes.PermissionError
module.exports.RefusedError = classes.RefusedError
module.exports.SystemError = classes.SystemError
