package layout_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
)

// The numbers below are the layout, version 3. A change here is a change of the
// file format: it needs a new layout.Version.
func TestLayoutIsWhatItWas(t *testing.T) {
	t.Parallel()
	require.Equal(t, 3, layout.Version)
	require.Equal(t, "shmq\r\n\x1a\x00", layout.Magic)
	for _, c := range []struct {
		name      string
		got, want int
	}{
		{"HeaderSize", layout.HeaderSize, 4096},
		{"HotOffset", layout.HotOffset, 4096},
		{"SeatOffset", layout.SeatOffset, 8192},
		{"LineSize", layout.LineSize, 128},
		{"SeatSize", layout.SeatSize, 256},
		{"SlotSize", layout.SlotSize, 64},
		{"AreaUnit", layout.AreaUnit, 64},
		{"InlineSize", layout.InlineSize, 48},
		{"MaxSeats", layout.MaxSeats, 1024},
		{"MinSlots", layout.MinSlots, 2},
		{"MaxSlots", layout.MaxSlots, 1 << 24},
		{"OffMagic", layout.OffMagic, 0},
		{"OffVersion", layout.OffVersion, 8},
		{"OffHeaderSize", layout.OffHeaderSize, 12},
		{"OffFlags", layout.OffFlags, 16},
		{"OffSeats", layout.OffSeats, 20},
		{"OffSlots", layout.OffSlots, 24},
		{"OffAreaSize", layout.OffAreaSize, 32},
		{"OffHot", layout.OffHot, 40},
		{"OffSeatTable", layout.OffSeatTable, 48},
		{"OffSlotTable", layout.OffSlotTable, 56},
		{"OffData", layout.OffData, 64},
		{"OffTotalSize", layout.OffTotalSize, 72},
		{"OffCreated", layout.OffCreated, 80},
		{"OffCreationID", layout.OffCreationID, 88},
		{"OffBootID", layout.OffBootID, 104},
		{"OffHeaderCRC", layout.OffHeaderCRC, 124},
		{"LockProducer", layout.LockProducer, 1024},
		{"LockConsumer", layout.LockConsumer, 1025},
		{"LockName", layout.LockName, 1027},
		{"LockStream", layout.LockStream, 1028},
		{"LockRecovery", layout.LockRecovery, 1029},
		{"FlagManyProducers", layout.FlagManyProducers, 1},
		{"LockImage", layout.LockImage, 1026},
		{"FlagManyConsumers", layout.FlagManyConsumers, 2},
		{"FlagChecksum", layout.FlagChecksum, 4},
		{"FlagTimestamps", layout.FlagTimestamps, 8},
		{"HotTail", layout.HotTail, 0},
		{"HotDataFutex", layout.HotDataFutex, 128},
		{"HotHead", layout.HotHead, 256},
		{"HotHandout", layout.HotHandout, 384},
		{"HotRoomFutex", layout.HotRoomFutex, 512},
		{"HotOrphans", layout.HotOrphans, 640},
		{"HotTurn", layout.HotTurn, 768},
		{"HotEpoch", layout.HotEpoch, 896},
		{"HotFinished", layout.HotFinished, 1024},
		{"HotSkipped", layout.HotSkipped, 1152},
		{"HotImage", layout.HotImage, 1280},
		{"HotHome", layout.HotHome, 1288},
		{"HotTorn", layout.HotTorn, 1408},
		{"HotIncarnations", layout.HotIncarnations, 3072},
		{"IncarnationSize", layout.IncarnationSize, 32},
		{"IncarnationCount", layout.IncarnationCount, 32},
		{"IncarnationNumber", layout.IncarnationNumber, 0},
		{"IncarnationStart", layout.IncarnationStart, 8},
		{"IncarnationID", layout.IncarnationID, 16},
		{"IncarnationCRC", layout.IncarnationCRC, 24},
		{"HotLeft", layout.HotLeft, 1536},
		{"HotTold", layout.HotTold, 1664},
		{"HotMet", layout.HotMet, 1792},
		{"HotEnds", layout.HotEnds, 264},
		{"HotEndLog", layout.HotEndLog, 2048},
		{"EndLogSize", layout.EndLogSize, 32},
		{"EndSize", layout.EndSize, 32},
		{"EndMark", layout.EndMark, 0},
		{"EndEpoch", layout.EndEpoch, 8},
		{"EndLeftCount", layout.EndLeftCount, 16},
		{"EndFinished", layout.EndFinished, 1},
		{"EndLeft", layout.EndLeft, 2},
		{"EndCut", layout.EndCut, 3},
		{"SeatState", layout.SeatState, 0},
		{"SeatRole", layout.SeatRole, 4},
		{"SeatPID", layout.SeatPID, 8},
		{"SeatUID", layout.SeatUID, 12},
		{"SeatStartTime", layout.SeatStartTime, 16},
		{"SeatAttached", layout.SeatAttached, 24},
		{"SeatCommand", layout.SeatCommand, 32},
		{"SeatCommandN", layout.SeatCommandN, 24},
		{"SeatInherits", layout.SeatInherits, 56},
		{"SeatRecords", layout.SeatRecords, 64},
		{"SeatBytes", layout.SeatBytes, 72},
		{"SeatWaits", layout.SeatWaits, 80},
		{"SeatWakes", layout.SeatWakes, 88},
		{"SeatRedelivered", layout.SeatRedelivered, 96},
		{"SeatHeldSince", layout.SeatHeldSince, 104},
		{"SeatClockStart", layout.SeatClockStart, 112},
		{"SeatClock", layout.SeatClock, 120},
		{"SeatFolds", layout.SeatFolds, 128},
		{"SeatBanks", layout.SeatBanks, 136},
		{"BankSent", layout.BankSent, 0},
		{"BankSentBytes", layout.BankSentBytes, 8},
		{"BankReceived", layout.BankReceived, 16},
		{"BankReceivedBytes", layout.BankReceivedBytes, 24},
		{"BankRedelivered", layout.BankRedelivered, 32},
		{"BankSize", layout.BankSize, 40},
		{"SeatAwaits", layout.SeatAwaits, 124},
		{"ClockNone", layout.ClockNone, 0},
		{"ClockCPU", layout.ClockCPU, 1},
		{"ClockUnix", layout.ClockUnix, 2},
		{"SeatClean", layout.SeatClean, 0},
		{"SeatDirty", layout.SeatDirty, 1},
		{"RoleProducer", layout.RoleProducer, 1},
		{"RoleConsumer", layout.RoleConsumer, 2},
		{"SlotWord", layout.SlotWord, 0},
		{"SlotLength", layout.SlotLength, 8},
		{"SlotMeta", layout.SlotMeta, 12},
		{"SlotInline", layout.SlotInline, 16},
		{"SlotTime", layout.SlotTime, 16},
		{"SlotTimeInline", layout.SlotTimeInline, 24},
		{"SlotSum", layout.SlotSum, 60},
		{"SumTimeHeadSize", layout.SumTimeHeadSize, 24},
		{"SumHeadSize", layout.SumHeadSize, 16},
		{"MetaArea", layout.MetaArea, 256},
		{"MetaDeliveriesShift", layout.MetaDeliveriesShift, 16},
		{"MetaKindMask", layout.MetaKindMask, 255},
		{"MetaMarked", layout.MetaMarked, 512},
		{"MetaSummed", layout.MetaSummed, 1023},
		{"HotMarks", layout.HotMarks, 1920},
		{"MarkEntry", layout.MarkEntry, 32},
		{"MarkSynced", layout.MarkSynced, 64},
		{"MarkPosition", layout.MarkPosition, 0},
		{"MarkValue", layout.MarkValue, 8},
		{"MarkCRC", layout.MarkCRC, 24},
		{"SlotMark", layout.SlotMark, 40},
		{"Free", int(layout.Free), 0},
		{"Claimed", int(layout.Claimed), 1},
		{"Full", int(layout.Full), 2},
		{"Reading", int(layout.Reading), 3},
		{"ReadingAcked", int(layout.ReadingAcked), 4},
		{"Orphan", int(layout.Orphan), 5},
		{"OrphanAcked", int(layout.OrphanAcked), 6},
		{"Skip", int(layout.Skip), 7},
	} {
		require.Equal(t, c.want, c.got, c.name)
	}
}

// Words of position 0x123456789abcd in a ring of 1024 slots.
func TestWordsAreWhatTheyWere(t *testing.T) {
	t.Parallel()
	const p, k, seat, shift = 0x123456789abcd, 0x105, 0x2a7, 10
	for name, c := range map[string]struct{ got, want layout.Word }{
		"free":          {layout.FreeWord(p, shift), 0x0123456789a8000},
		"full":          {layout.FullWord(p, k, shift), 0x0123456789a9052},
		"skip":          {layout.SkipWord(p, k, shift), 0x0123456789a9057},
		"orphan":        {layout.OrphanWord(p, k, false, shift), 0x0123456789a9055},
		"orphan acked":  {layout.OrphanWord(p, k, true, shift), 0x0123456789a9056},
		"claimed":       {layout.ClaimedWord(p, k, seat, shift), 0x48d159e26a416a71},
		"reading":       {layout.ReadingWord(p, k, seat, false, shift), 0x48d159e26a416a73},
		"reading acked": {layout.ReadingWord(p, k, seat, true, shift), 0x48d159e26a416a74},
	} {
		require.Equal(t, c.want, c.got, "%s: %#x", name, uint64(c.got))
	}
}

func TestSumHeadIsWhatItWas(t *testing.T) {
	t.Parallel()
	var b [layout.SumTimeHeadSize]byte
	layout.SumHead(&b, 0xf123456789abcdef, 0x01020304, 0xaabbfd05, 0x1817161514131211)
	require.Equal(t, "\xef\xcd\xab\x89\x67\x45\x23\x01\x04\x03\x02\x01\x05\x01\x00\x00"+
		"\x11\x12\x13\x14\x15\x16\x17\x18", string(b[:]))
}

func TestChecksumsAndTimeStampsTakeBytesOfTheLine(t *testing.T) {
	t.Parallel()
	require.Equal(t, 48, layout.Geometry{}.InlineSize())
	require.Equal(t, 44, layout.Geometry{Checksum: true}.InlineSize())
	requireNoOverlap(t, layout.SlotSize,
		field{layout.SlotWord, 8}, field{layout.SlotLength, 4}, field{layout.SlotMeta, 4},
		field{layout.SlotInline, layout.Geometry{Checksum: true}.InlineSize()}, field{layout.SlotSum, 4})
	require.Equal(t, 16, layout.Geometry{Checksum: true}.InlineOffset())
	require.Equal(t, 40, layout.Geometry{Timestamps: true}.InlineSize())
	both := layout.Geometry{Timestamps: true, Checksum: true}
	require.Equal(t, 36, both.InlineSize())
	requireNoOverlap(t, layout.SlotSize,
		field{layout.SlotWord, 8}, field{layout.SlotLength, 4}, field{layout.SlotMeta, 4},
		field{layout.SlotTime, 8}, field{both.InlineOffset(), both.InlineSize()}, field{layout.SlotSum, 4})
}

func TestMarksAreWhatTheyWere(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, uint32(0xf63e230e), layout.MarkSum(0x0102030405060708, layout.Mark{0x1112131415161718, 0x2122232425262728}))
	require.Equal(t, 24, layout.Geometry{Checksum: true}.MarkedInlineSize())
	require.Equal(t, 16, layout.Geometry{Checksum: true, Timestamps: true}.MarkedInlineSize())
	require.Equal(t, 48, layout.Geometry{}.MarkedInlineSize(), "without checksums no record has its mark in it")
	both := layout.Geometry{Timestamps: true, Checksum: true}
	requireNoOverlap(t, layout.SlotSize,
		field{layout.SlotWord, 8}, field{layout.SlotLength, 4}, field{layout.SlotMeta, 4},
		field{layout.SlotTime, 8}, field{both.InlineOffset(), both.MarkedInlineSize()}, field{layout.SlotMark, 16}, field{layout.SlotSum, 4})
	requireNoOverlap(t, layout.LineSize,
		field{layout.MarkPosition, 8}, field{layout.MarkValue, 16}, field{layout.MarkEntry, layout.MarkValue + 16},
		field{layout.MarkSynced, layout.MarkCRC + 8}, field{layout.MarkSynced + layout.MarkEntry, layout.MarkCRC + 8})
}

func TestFieldsOfASubscriptionDoNotOverlap(t *testing.T) {
	t.Parallel()
	requireNoOverlap(t, layout.LineSize, // a disk has a line of 64 bytes as it was at one moment
		field{layout.SubCursor, 8}, field{layout.SubLost, 8}, field{layout.SubLostAt, 8}, field{layout.SubLostWas, 8}, field{64, 64})
	requireNoOverlap(t, layout.SubscriptionSize,
		field{layout.SubCursor, layout.LineSize}, field{layout.SubHandout, layout.LineSize},
		field{layout.SubDurable, 4}, field{layout.SubNameLen, 4}, field{layout.SubSince, 8}, field{layout.SubStart, 8},
		field{layout.SubSeat, 4}, field{layout.SubEnds, 8}, field{layout.SubName, layout.SubNameN})
}

func TestRegionsOfAFileFollowEachOther(t *testing.T) {
	t.Parallel()
	g := layout.Geometry{Seats: 64, Slots: 1024, AreaSize: 256}
	require.EqualValues(t, 24576, g.SlotOffset())
	require.EqualValues(t, 90112, g.DataOffset())
	require.EqualValues(t, 352256, g.TotalSize())
	require.EqualValues(t, 131072, g.MaxRecord())
	small := layout.Geometry{Seats: 2, Slots: 2, AreaSize: 64}
	require.EqualValues(t, 12288, small.SlotOffset(), "each part starts on a page")
	require.EqualValues(t, 16384, small.DataOffset())
	require.EqualValues(t, 20480, small.TotalSize())
}

type field struct{ at, size int }

func requireNoOverlap(t *testing.T, limit int, fields ...field) {
	t.Helper()
	slices.SortFunc(fields, func(a, b field) int { return a.at - b.at })
	end := 0
	for _, f := range fields {
		require.GreaterOrEqual(t, f.at, end, "field at %d", f.at)
		require.Zero(t, f.at%min(f.size, 8), "field at %d is not aligned", f.at)
		end = f.at + f.size
	}
	require.LessOrEqual(t, end, limit)
}

func TestFieldsDoNotOverlap(t *testing.T) {
	t.Parallel()
	requireNoOverlap(t, layout.HeaderSize,
		field{layout.OffMagic, 8}, field{layout.OffVersion, 4}, field{layout.OffHeaderSize, 4},
		field{layout.OffFlags, 4}, field{layout.OffSeats, 4}, field{layout.OffSlots, 8},
		field{layout.OffAreaSize, 8}, field{layout.OffHot, 8}, field{layout.OffSeatTable, 8},
		field{layout.OffSlotTable, 8}, field{layout.OffData, 8}, field{layout.OffTotalSize, 8},
		field{layout.OffCreated, 8}, field{layout.OffCreationID, 16}, field{layout.OffBootID, 16},
		field{layout.OffHeaderCRC, 4})
	var hot []field
	for _, off := range []int{
		layout.HotTail, layout.HotDataFutex, layout.HotHead, layout.HotHandout, layout.HotRoomFutex,
		layout.HotOrphans, layout.HotTurn, layout.HotEpoch, layout.HotFinished, layout.HotSkipped,
		layout.HotImage, layout.HotTorn, layout.HotLeft, layout.HotTold, layout.HotMet,
	} {
		hot = append(hot, field{off, layout.LineSize}) // a line each
	}
	hot = append(hot, field{layout.HotIncarnations, layout.IncarnationCount * layout.IncarnationSize})
	require.Less(t, layout.HotHome-layout.HotImage, layout.LineSize-7, "the same line")
	require.GreaterOrEqual(t, layout.HotHome-layout.HotImage, 8)
	requireNoOverlap(t, layout.IncarnationSize,
		field{layout.IncarnationNumber, 8}, field{layout.IncarnationStart, 8}, field{layout.IncarnationID, 8}, field{layout.IncarnationCRC, 4})
	requireNoOverlap(t, layout.BankSize,
		field{layout.BankSent, 8}, field{layout.BankSentBytes, 8}, field{layout.BankReceived, 8},
		field{layout.BankReceivedBytes, 8}, field{layout.BankRedelivered, 8})
	hot = append(hot, field{layout.HotEndLog, layout.EndLogSize * layout.EndSize})
	requireNoOverlap(t, layout.HotSize, hot...)
	requireNoOverlap(t, layout.LineSize, field{layout.HotHead % layout.LineSize, 8}, field{layout.HotEnds % layout.LineSize, 8})
	requireNoOverlap(t, layout.EndSize, field{layout.EndMark, 8}, field{layout.EndEpoch, 8}, field{layout.EndLeftCount, 8})
	requireNoOverlap(t, layout.SeatSize,
		field{layout.SeatState, 4}, field{layout.SeatRole, 4}, field{layout.SeatPID, 4}, field{layout.SeatUID, 4},
		field{layout.SeatStartTime, 8}, field{layout.SeatAttached, 8}, field{layout.SeatCommand, layout.SeatCommandN},
		field{layout.SeatInherits, 8}, field{layout.SeatAwaits, 4},
		field{layout.SeatRecords, 8}, field{layout.SeatBytes, 8}, field{layout.SeatWaits, 8}, field{layout.SeatWakes, 8},
		field{layout.SeatRedelivered, 8}, field{layout.SeatHeldSince, 8},
		field{layout.SeatClockStart, 8}, field{layout.SeatClock, 4},
		field{layout.SeatFolds, 8}, field{layout.SeatBanks, 2 * layout.BankSize})
	requireNoOverlap(t, layout.SlotSize,
		field{layout.SlotWord, 8}, field{layout.SlotLength, 4}, field{layout.SlotMeta, 4}, field{layout.SlotInline, layout.InlineSize})
}
