import com.lmax.disruptor.BusySpinWaitStrategy;
import com.lmax.disruptor.EventPoller;
import com.lmax.disruptor.InsufficientCapacityException;
import com.lmax.disruptor.RingBuffer;
import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.FragmentAssembler;
import io.aeron.Publication;
import io.aeron.Subscription;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import java.io.File;
import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.util.concurrent.TimeUnit;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.queue.ChronicleQueue;
import net.openhft.chronicle.queue.ExcerptAppender;
import net.openhft.chronicle.queue.ExcerptTailer;
import net.openhft.chronicle.wire.DocumentContext;
import org.agrona.BitUtil;
import org.agrona.IoUtil;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.ManyToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.OneToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBufferDescriptor;

/** The queues that are measured. */
final class Links {
    static Peer.End[] open(Peer.Place place, int size) {
        String out = place.receiver() ? "back" : "there", in = place.receiver() ? "there" : "back";
        String link = place.link();
        if (link.startsWith("agrona/")) {
            return new Peer.End[] {new Agrona(ring(place, out, size), ring(place, in, size))};
        }
        if (link.startsWith("aeron-ipc/")) {
            return new Peer.End[] {new AeronIpc(place, size)};
        }
        if (link.equals("chronicle-queue")) {
            return new Peer.End[] {new Chronicle(place.file(out, size), place.file(in, size), size)};
        }
        Disruptor there = new Disruptor(link, size), back = new Disruptor(link, size);
        return new Peer.End[] {there.end(back), back.end(there)};
    }

    /** A ring of Agrona's over a mapped file. */
    static org.agrona.concurrent.ringbuffer.RingBuffer ring(Peer.Place place, String direction, int size) {
        int capacity = BitUtil.findNextPositivePowerOfTwo(Peer.window(size) * (size + 8));
        File file = new File(place.file(direction, size));
        MappedByteBuffer mapped = place.create()
            ? IoUtil.mapNewFile(file, capacity + RingBufferDescriptor.TRAILER_LENGTH)
            : IoUtil.mapExistingFile(file, direction);
        UnsafeBuffer buffer = new UnsafeBuffer(mapped);
        return place.link().equals("agrona/one-to-one") ? new OneToOneRingBuffer(buffer) : new ManyToOneRingBuffer(buffer);
    }

    static final class Agrona extends Peer.End {
        private final org.agrona.concurrent.ringbuffer.RingBuffer out;
        private final org.agrona.concurrent.ringbuffer.RingBuffer in;

        Agrona(org.agrona.concurrent.ringbuffer.RingBuffer out, org.agrona.concurrent.ringbuffer.RingBuffer in) {
            this.out = out;
            this.in = in;
        }

        boolean send(UnsafeBuffer record) {
            return out.write(1, record, 0, record.capacity());
        }

        int take(Peer.Reader reader, int most) {
            return in.read((type, buffer, at, length) -> reader.read(buffer, at), most);
        }
    }

    /** Aeron's media driver, which runs beside the ends. Unless ends are going to die, none is taken for dead. */
    static void drive(String dir, boolean mortal) throws IOException {
        MediaDriver.Context context = new MediaDriver.Context()
            .aeronDirectoryName(dir + "/aeron")
            .threadingMode(ThreadingMode.SHARED)
            // It moves the limit of the publishers, and has no core of its own: it must not sleep long.
            .sharedIdleStrategy(new BackoffIdleStrategy(1, 1, 1_000, 50_000))
            .performStorageChecks(false)
            .dirDeleteOnStart(true);
        if (!mortal) {
            context.clientLivenessTimeoutNs(TimeUnit.HOURS.toNanos(1)).publicationUnblockTimeoutNs(TimeUnit.HOURS.toNanos(2));
        }
        try (MediaDriver driver = MediaDriver.launch(context)) {
            System.out.println("driving");
            System.in.read(); // its end
        }
    }

    static final class AeronIpc extends Peer.End {
        private static Aeron aeron; // one a process
        private final ExclusivePublication out;
        private final Subscription in;
        private final FragmentAssembler assembler;
        private Peer.Reader reader;

        AeronIpc(Peer.Place place, int size) {
            if (aeron == null) {
                aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(place.dir() + "/aeron").driverTimeoutMs(3_600_000));
            }
            String terms = place.link().replace("aeron-ipc/", "").replace("KiB-terms", "k").replace("MiB-terms", "m");
            String channel = "aeron:ipc?term-length=" + terms;
            int there = 2 * size, back = 2 * size + 1;
            in = aeron.addSubscription(channel, place.receiver() ? there : back);
            out = aeron.addExclusivePublication(channel, place.receiver() ? back : there);
            assembler = new FragmentAssembler((buffer, at, length, header) -> reader.read(buffer, at));
        }

        boolean send(UnsafeBuffer record) {
            long position = out.offer(record, 0, record.capacity());
            if (position == Publication.CLOSED || position == Publication.MAX_POSITION_EXCEEDED) {
                throw new IllegalStateException(Publication.errorString(position));
            }
            if (position == Publication.BACK_PRESSURED) {
                Thread.yield(); // to the driver, which moves the limit and has no core of its own
            }
            return position > 0;
        }

        int take(Peer.Reader reader, int most) {
            this.reader = reader;
            return in.poll(assembler, most);
        }
    }

    static final class Chronicle extends Peer.End {
        private final ExcerptAppender appender;
        private final ExcerptTailer tailer;
        private final UnsafeBuffer got;
        private final byte[] bytes;
        private final int size;

        Chronicle(String out, String in, int size) {
            appender = ChronicleQueue.single(out).createAppender();
            tailer = ChronicleQueue.single(in).createTailer();
            bytes = new byte[size];
            got = new UnsafeBuffer(bytes);
            this.size = size;
        }

        boolean send(UnsafeBuffer record) {
            try (DocumentContext d = appender.writingDocument()) {
                d.wire().bytes().write(record.byteArray(), 0, size);
            }
            return true;
        }

        int take(Peer.Reader reader, int most) {
            int n = 0;
            for (; n < most; n++) {
                try (DocumentContext d = tailer.readingDocument()) {
                    if (!d.isPresent()) {
                        return n;
                    }
                    Bytes<?> from = d.wire().bytes();
                    from.read(bytes, 0, size);
                    reader.read(got, 0);
                }
            }
            return n;
        }
    }

    /** One direction, between threads. */
    static final class Disruptor {
        private static final class Event {
            UnsafeBuffer record;
        }

        private final RingBuffer<Event> ring;
        private final EventPoller<Event> poller;

        Disruptor(String link, int size) {
            com.lmax.disruptor.EventFactory<Event> factory = () -> {
                Event e = new Event();
                e.record = Peer.buffer(size);
                return e;
            };
            int window = Peer.window(size);
            ring = link.equals("disruptor/single")
                ? RingBuffer.createSingleProducer(factory, window, new BusySpinWaitStrategy())
                : RingBuffer.createMultiProducer(factory, window, new BusySpinWaitStrategy());
            poller = ring.newPoller();
            ring.addGatingSequences(poller.getSequence());
        }

        Peer.End end(Disruptor back) {
            return new Peer.End() {
                private int n;

                boolean send(UnsafeBuffer record) {
                    long at;
                    try {
                        at = ring.tryNext();
                    } catch (InsufficientCapacityException e) {
                        return false;
                    }
                    ring.get(at).record.putBytes(0, record, 0, record.capacity());
                    ring.publish(at);
                    return true;
                }

                boolean sendBatch(UnsafeBuffer[] records, int n) {
                    long last;
                    try {
                        last = ring.tryNext(n);
                    } catch (InsufficientCapacityException e) {
                        return false;
                    }
                    for (int k = 0; k < n; k++) {
                        ring.get(last - n + 1 + k).record.putBytes(0, records[k], 0, records[k].capacity());
                    }
                    ring.publish(last - n + 1, last);
                    return true;
                }

                int take(Peer.Reader reader, int most) {
                    n = 0;
                    try {
                        back.poller.poll((event, sequence, endOfBatch) -> {
                            reader.read(event.record, 0);
                            return ++n < most;
                        });
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                    return n;
                }
            };
        }
    }
}
