import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import net.openhft.affinity.Affinity;
import org.agrona.DirectBuffer;
import org.agrona.IoUtil;
import org.agrona.concurrent.UnsafeBuffer;

/** Queues in Java, as the runner in Go measures them: Peer LINK sender|receiver|both|driver DIR new|old. */
final class Peer {
    /** Reads a record where it lies. */
    interface Reader {
        void read(DirectBuffer from, int at);
    }

    /** The end of a link that a process, or a thread, has, for one size of records. */
    abstract static class End {
        abstract boolean send(UnsafeBuffer record);

        abstract int take(Reader reader, int most);

        /** All or none of n records. */
        boolean sendBatch(UnsafeBuffer[] records, int n) {
            throw new UnsupportedOperationException();
        }
    }

    /** Where the ends of a run meet. */
    record Place(String link, String dir, boolean create, boolean receiver) {
        String file(String direction, int size) {
            return dir + "/" + direction + size;
        }
    }

    record Command(String verb, int size, boolean pause, int batch, long n, int area) {}

    /** As many records are on their way at most: the size of the rings. */
    static int window(int size) {
        return size <= 48 ? 1024 : size <= 1024 ? 256 : 16;
    }

    /** What a poll takes at most, as in the samples of Aeron, where records are not in batches. */
    static final int FRAGMENTS = 10;

    static void number(UnsafeBuffer record, long n) {
        record.putLong(0, n);
        record.putLong(record.capacity() - 8, ~n);
    }

    static void check(UnsafeBuffer record, long n) {
        long first = record.getLong(0), last = record.getLong(record.capacity() - 8);
        if (first != n || last != ~n) {
            throw new IllegalStateException("record " + n + " holds " + first + " and, inverted, " + ~last);
        }
    }

    /** Leaves the core to others now and then: the other end may have no core of its own. */
    static void again(boolean pause, int tries) {
        if (pause) {
            Thread.onSpinWait();
        }
        if ((tries & 0xffff) == 0xffff) {
            Thread.yield();
        }
    }

    static void send(End end, UnsafeBuffer record, boolean pause) {
        for (int i = 0; !end.send(record); i++) {
            again(pause, i);
        }
    }

    static void take(End end, Reader reader, boolean pause) {
        for (int i = 0; end.take(reader, 1) == 0; i++) {
            again(pause, i);
        }
    }

    static UnsafeBuffer buffer(int size) {
        return new UnsafeBuffer(new byte[size]);
    }

    static void sendAll(End end, Command c) {
        UnsafeBuffer[] records = new UnsafeBuffer[c.batch];
        for (int k = 0; k < c.batch; k++) {
            records[k] = buffer(c.size);
        }
        for (long i = 0; i < c.n; ) {
            int want = (int) Math.min(c.batch, c.n - i);
            for (int k = 0; k < want; k++) {
                number(records[k], i + k);
            }
            if (c.batch == 1) {
                send(end, records[0], c.pause);
            } else {
                for (int tries = 0; !end.sendBatch(records, want); tries++) {
                    again(c.pause, tries);
                }
            }
            i += want;
        }
    }

    static void takeAll(End end, Command c) {
        UnsafeBuffer got = buffer(c.size);
        long[] next = {0};
        Reader reader = (from, at) -> {
            got.putBytes(0, from, at, c.size);
            check(got, next[0]++);
        };
        int most = c.batch > 1 ? c.batch : FRAGMENTS;
        for (int tries = 0; next[0] < c.n; ) {
            if (end.take(reader, most) == 0) {
                again(c.pause, tries++);
            }
        }
    }

    static void ask(End end, Command c) {
        UnsafeBuffer record = buffer(c.size), got = buffer(c.size);
        Reader reader = (from, at) -> got.putBytes(0, from, at, c.size);
        for (long i = 0; i < c.n; i++) {
            number(record, i);
            send(end, record, c.pause);
            take(end, reader, c.pause);
            check(got, i);
        }
    }

    static void answer(End end, Command c) {
        UnsafeBuffer got = buffer(c.size);
        Reader reader = (from, at) -> got.putBytes(0, from, at, c.size);
        for (long i = 0; i < c.n; i++) {
            take(end, reader, c.pause);
            check(got, i);
            send(end, got, c.pause);
        }
    }

    static void sender(End end, Command c) {
        if (c.verb.equals("roundtrip")) {
            ask(end, c);
        } else {
            sendAll(end, c);
        }
    }

    static void receiver(End end, Command c) {
        if (c.verb.equals("roundtrip")) {
            answer(end, c);
        } else {
            takeAll(end, c);
        }
    }

    /**
     * Goes on until it is killed, and tells the runner in a file that it maps, which has an area for
     * each end: sent, first, next of either sender, gaps, again, torn, total.
     */
    static void stream(End end, Place place, Command c) {
        UnsafeBuffer mine = new UnsafeBuffer(IoUtil.mapExistingFile(new File(place.dir, "progress"), "progress"), c.area * 256, 256);
        System.out.println("streaming");
        if (!place.receiver) {
            UnsafeBuffer record = buffer(c.size);
            for (long i = 0; ; i++) {
                number(record, c.n + i);
                send(end, record, true);
                mine.putLongOrdered(0, i + 1);
            }
        }
        int last = c.size - 8;
        Reader reader = (from, at) -> {
            long n = from.getLong(at);
            if (from.getLong(at + last) != ~n) {
                mine.putLongOrdered(48, mine.getLong(48) + 1);
                return;
            }
            int next = 16 + 8 * (int) (n >> 32 & 1);
            long i = n & 0xffffffffL;
            if (mine.getLong(8) == 0) {
                mine.putLongOrdered(8, n + 1);
                mine.putLongOrdered(next, i);
            }
            long want = mine.getLong(next);
            if (i < want) {
                mine.putLongOrdered(40, mine.getLong(40) + 1);
            } else {
                mine.putLongOrdered(32, mine.getLong(32) + i - want);
                mine.putLongOrdered(next, i + 1);
            }
            mine.putLongOrdered(56, mine.getLong(56) + 1);
        };
        for (; ; ) {
            take(end, reader, true);
        }
    }

    /** Keeps the caller on the n-th of the cores that the process started with. */
    static void pin(int n) {
        int cpu = CORES.nextSetBit(0);
        while (n-- > 0 && CORES.nextSetBit(cpu + 1) >= 0) {
            cpu = CORES.nextSetBit(cpu + 1);
        }
        Affinity.setAffinity(cpu);
    }

    static final BitSet CORES = Affinity.getAffinity();

    /** Both ends at once, as threads: from the sender's start to the receiver's end. */
    static long[] both(End[] ends, Command c) throws InterruptedException {
        long[] times = new long[2];
        Thread t = new Thread(() -> {
            try {
                pin(1);
                receiver(ends[1], c);
            } catch (Throwable e) {
                fail(e);
            }
            times[1] = System.nanoTime();
        });
        t.start();
        pin(0);
        times[0] = System.nanoTime();
        sender(ends[0], c);
        long sent = System.nanoTime();
        t.join();
        if (c.verb.equals("roundtrip")) {
            times[1] = sent;
        }
        return times;
    }

    static void obey(Place place, Map<Integer, End[]> opened, Command c) throws Exception {
        End[] ends = opened.get(c.size);
        switch (c.verb) {
            case "open" -> {
                pin(place.receiver ? 1 : 0);
                opened.put(c.size, Links.open(place, c.size));
                System.out.println("ready");
            }
            case "stream" -> stream(ends[0], place, c);
            default -> {
                long[] times = {System.nanoTime(), 0};
                if (ends.length == 2) {
                    times = both(ends, c);
                } else if (place.receiver) {
                    receiver(ends[0], c);
                } else {
                    sender(ends[0], c);
                }
                System.out.println("done " + times[0] + " " + (ends.length == 2 ? times[1] : System.nanoTime()));
            }
        }
    }

    static void fail(Throwable e) {
        System.err.println(e);
        for (StackTraceElement at : e.getStackTrace()) {
            System.err.println("\tat " + at);
        }
        Runtime.getRuntime().halt(1);
    }

    public static void main(String[] args) throws Exception {
        if (args.length != 4) {
            System.err.println("usage: Peer LINK sender|receiver|both|driver DIR new|old");
            System.exit(2);
        }
        if (args[1].equals("driver")) {
            Links.drive(args[2], args[3].equals("mortal"));
            return;
        }
        Place place = new Place(args[0], args[2], args[3].equals("new"), args[1].equals("receiver"));
        // One thread does it all: some queues are tied to theirs. This one sees the end of standard
        // input at any time.
        LinkedBlockingQueue<Command> commands = new LinkedBlockingQueue<>();
        new Thread(() -> {
            try {
                for (Map<Integer, End[]> opened = new HashMap<>(); ; ) {
                    obey(place, opened, commands.take());
                }
            } catch (Throwable e) {
                fail(e);
            }
        }).start();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String[] w = line.split(" ");
            commands.add(new Command(w[0], Integer.parseInt(w[1]), w[2].equals("1"), Integer.parseInt(w[3]), Long.parseLong(w[4]), Integer.parseInt(w[5])));
        }
        Runtime.getRuntime().halt(0); // nothing is put in order: an end may be in the middle of a stream
    }
}
